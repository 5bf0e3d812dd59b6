"""`doctor.py --watch`: one screen that tells of a bot and its daemon again and again, until Ctrl-C."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress

from tests.e2e.conftest import MakeBench
from tests.e2e.tape_bench import ROOT

_MOST = 60_000  # some thirty screens
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen:
    """A terminal of 120 columns on which a program runs."""

    def __init__(self, settings: dict[str, str], *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        # A suite in the background of a shell ignores Ctrl-C, and so would all that it starts.
        of_the_suite = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "scripts" / "doctor.py"), *arguments],
                env={**settings, "TERM": "xterm-256color"},
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
        finally:
            signal.signal(signal.SIGINT, of_the_suite)
            os.close(theirs)
        self._seen = ""

    def wait_for(self, text: str) -> str:
        """Read until a text has been shown since the last wait, and give what was shown; fails where nothing comes for long."""
        while text not in _CONTROL.sub("", self._seen):
            has_more = len(self._seen) < _MOST and select.select([self._ours], [], [], 30)[0]
            assert has_more, f"{text!r} never came: {self._seen[-4000:]}"
            self._seen += os.read(self._ours, 65_536).decode(errors="replace")
        shown, self._seen = _CONTROL.sub("", self._seen), ""
        return shown

    def interrupted(self) -> int:
        """Press Ctrl-C, let what is still written be read as a terminal does, and give the exit code."""
        self._process.send_signal(signal.SIGINT)
        with suppress(OSError):  # EIO: the program has ended, and nobody else has its terminal
            while select.select([self._ours], [], [], 30)[0] and os.read(self._ours, 65_536):
                pass
        return self._process.wait(30)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


def test_the_live_view_follows_a_daemon_and_ends_with_what_it_saw_last(market_bench: MakeBench) -> None:
    bench = market_bench()
    with bench.daemon() as daemon:
        port = str(daemon.wait_for("daemon_running")["health_port"])
        screen = Screen({**bench.settings, "HEALTH_PORT": port}, "--watch", "1")
        try:
            first = screen.wait_for("safe_mode")
            daemon.run_cycle()
            daemon.wait_for("cycle_completed", outcome="traded")
            screen.wait_for("positions    1")
            screen.wait_for("All is well.")
            screen.wait_for("cycle      KRW-BTC/")
            daemon.end()
            gone = screen.wait_for("nobody answers on port")
            code = screen.interrupted()
        finally:
            screen.close()

    assert ("positions    none" in first, "guard      last tick" in first, 0) == (True, True, code), first + gone


def test_without_a_terminal_there_is_nothing_to_watch(market_bench: MakeBench) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "doctor.py"), "--watch"]

    done = subprocess.run(command, env=market_bench().settings, capture_output=True, text=True, check=False, timeout=60)

    assert (2, True) == (done.returncode, "--watch is for a terminal; programs read --json" in done.stderr)
