"""`docs/user-guide.md`: its rehearsal, followed word by word from a clean folder to an order in live mode."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import IO

import pytest

from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import OFFICIAL_UPBIT
from dg_bot.domain.cycle_report import Mode

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "user-guide.md").read_text(encoding="utf-8")
_PAGES_PORT = "8900"
_DEADLINE_S = 120.0


class Reader:
    """Follows the page in a clean copy of the project; the exchange has a free port in place of the page's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("main.py", "scheduler_main.py", "scripts", "src"):
            (folder / name).symlink_to(ROOT / name)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self._port = str(taken.getsockname()[1])
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HEALTH_PORT": "0",
            **{name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ},
        }

    def run(self, line: str) -> str:
        """Do what a block or a line says, and give what it writes; nothing may go wrong or be written as an error."""
        process = self._start(line, errors=subprocess.PIPE)
        out, err = process.communicate(timeout=_DEADLINE_S)
        assert (0, "") == (process.returncode, err), line
        return out

    @contextmanager
    def running(self, line: str, *, until: str, ends_with: int) -> Iterator[None]:
        """Have a line run between `until` on either output and Ctrl-C."""
        process = self._start(f"exec {line}", errors=subprocess.STDOUT)
        assert process.stdout is not None
        try:
            _wait_for(until, process.stdout)
            yield
            process.send_signal(signal.SIGINT)
            assert ends_with == process.wait(_DEADLINE_S), line
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def _start(self, text: str, *, errors: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-euc", text.replace(_PAGES_PORT, self._port)],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


def _wait_for(text: str, output: IO[str]) -> None:
    before = []
    for line in output:
        if text in line:
            return
        before.append(line)
    pytest.fail(f"{text} never came:\n{''.join(before)}")


def _orders(text: str) -> list[str]:
    """Give what a text tells of orders, without figures: how far the exchange's hour has gone is the machine's affair."""
    told = re.findall(r"^(order: .*)\n(.*?) *$", text, re.MULTILINE)
    return [f"{re.sub('[0-9,.]+[0-9]', 'N', order)}\n{identifier}" for order, identifier in told]


def test_the_page_leads_from_a_clean_folder_to_an_order_in_live_mode(tmp_path: Path) -> None:
    settings, exchange, cycle, watch = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    doctor, daemon = watch.splitlines()
    reader = Reader(tmp_path)

    reader.run(settings)
    with reader.running(exchange.strip(), until="listening on", ends_with=0):
        shown = reader.run(cycle)
        well = reader.run(doctor)
        with reader.running(daemon, until="daemon_running", ends_with=0):
            pass
        after = reader.run(doctor)

    assert "0600" == f"{(tmp_path / '.env').stat().st_mode & 0o7777:04o}"
    assert re.search(r"^KRW-BTC .* live +TRADED$", shown, re.MULTILINE)
    assert _orders(PAGE) == _orders(shown) != []
    for report in (well, after):
        assert "mode live" in report
        assert "positions    1\n" in report
        assert "account      matches the books\n" in report
    assert well.endswith("All is well.\n")


def test_the_settings_that_the_page_shows_for_real_money_are_enough(tmp_path: Path) -> None:
    [block] = re.findall(r"```text\n( *MODE=live\n.*?)```", PAGE, re.DOTALL)
    file = tmp_path / ".env"
    file.write_text(dedent(block), encoding="utf-8")
    file.chmod(0o600)

    settings = load_settings(environment={}, env_file=file)

    assert (Mode.LIVE, OFFICIAL_UPBIT) == (settings.mode, settings.upbit_base_url)
