"""Peers' engines in an environment that is made for one run and thrown away."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dg_bot.indicators.bars import Bars

PACKAGES = {"vectorbt": "vectorbt==1.2.0", "backtesting.py": "backtesting==0.6.6"}
_WORKER = Path(__file__).parent / "peer_worker.py"
_INSTALL_S = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Those that could be installed, run by `python`; `absence` says why there are none."""

    python: Path
    folder: Path
    absence: str | None

    def commands(self, file: Path) -> Mapping[str, list[str]]:
        """Give the command of each peer's worker over a file of bars."""
        names = () if self.absence else PACKAGES
        return {name: [str(self.python), str(_WORKER), str(file), name] for name in names}

    @contextmanager
    def saved(self, bars: Bars) -> Iterator[Path]:
        """Keep bars in a file for a while."""
        file = self.folder / f"{len(list(self.folder.glob('*.npz')))}.npz"
        columns = {name: getattr(bars, name) for name in ("opened_at", "open", "high", "low", "close", "volume")}
        np.savez(file, **columns)
        yield file
        file.unlink()

    @contextmanager
    def asked_about(self, bars: Bars, *, only: str | None = None) -> Iterator[Mapping[str, Callable[[str], float]]]:
        """Start a worker for each peer that is wanted; each is asked with a workload's name and answers with milliseconds."""
        with ExitStack() as stack:
            file = stack.enter_context(self.saved(bars))
            chosen = {name: command for name, command in self.commands(file).items() if only in (None, name)}
            yield {name: stack.enter_context(_worker(command)) for name, command in chosen.items()}


@contextmanager
def installed_peers() -> Iterator[Peers]:
    """Install the peers with uv into a temporary folder."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        python, uv = folder / "venv" / "bin" / "python", [sys.executable, "-m", "uv"]
        absence = None
        try:
            _run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")])
            _run([*uv, "pip", "install", "--quiet", "--python", str(python), *PACKAGES.values()])
        except subprocess.CalledProcessError as error:
            absence = str(error.stderr).strip().splitlines()[-1]
        except subprocess.TimeoutExpired:
            absence = f"their installation took longer than {_INSTALL_S} s"
        yield Peers(python=python, folder=folder, absence=absence)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_S)


@contextmanager
def _worker(command: list[str]) -> Iterator[Callable[[str], float]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None or stdout.readline() != "ready\n":
            raise RuntimeError(f"a peer did not start: {command}")

        def ask(workload: str) -> float:
            stdin.write(f"{workload}\n")
            stdin.flush()
            return float(stdout.readline())

        yield ask
        stdin.close()
