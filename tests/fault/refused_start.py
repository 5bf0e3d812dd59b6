"""A start of the program in this process, in an empty folder and beside a venue that hears whether it was called."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import main
import pytest

from dg_bot.app.settings import known_names

CANARY = "canary-5d41c9-of-a-setting"
LIVE = {
    "MODE": "live",
    "UPBIT_ACCESS_KEY": f"{CANARY}-access",
    "UPBIT_SECRET_KEY": f"{CANARY}-secret",
    "LIVE_TRADING_CONFIRMED": "yes",
    "KEY_SCOPE_CONFIRMED": "trade-only",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """How a start ended: its exit code and what it said."""

    code: int
    said: str


class Starter:
    """Starts `main.py` and sees that it neither called the venue nor left anything behind."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self._door = socket.create_server(("127.0.0.1", 0))
        self._door.setblocking(False)
        self._url = f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def refused(
        self, settings: Mapping[str, str], *arguments: str, file: str | bytes | None = None, rights: int = 0o600
    ) -> Refused:
        """Start with these settings, and with a `.env` of this content; the start has to be refused before anything else."""
        if file is not None:
            path = self.folder / ".env"
            path.write_bytes(file if isinstance(file, bytes) else file.encode())
            path.chmod(rights)
        before = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        for name, value in {"UPBIT_BASE_URL": self._url, **settings}.items():
            self._monkeypatch.setenv(name, value)
        try:
            code = main.main(list(arguments))
        except SystemExit as ended:
            code = int(ended.code or 0)
        written = self._capsys.readouterr()
        with pytest.raises(BlockingIOError):
            self._door.accept()
        after = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file() and path.name != "lock"}
        assert before == after
        return Refused(code, written.out + written.err)

    def close(self) -> None:
        self._door.close()


@pytest.fixture
def starter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clean_logging: None
) -> Iterator[Starter]:
    for name in known_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    made = Starter(tmp_path, monkeypatch, capsys)
    yield made
    made.close()
