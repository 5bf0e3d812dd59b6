"""`scheduler_main.py` in a process of its own, followed by its log."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.tape_bench import ROOT, Document

_DEADLINE_S = 40.0
# The grace that whoever stops the daemon has to give it, with room for a busy machine.
_GRACE_S = 20.0


class DaemonProcess:
    """The daemon between `with` and its end; one that still runs then is killed.

    Every line of its log is kept as it is read, so that a test can wait for a fact instead of a time.
    """

    def __init__(self, settings: Mapping[str, str], folder: Path, *program: str) -> None:
        """Start `scheduler_main.py`, or another program that is one, with its arguments."""
        self._process = subprocess.Popen(
            [sys.executable, *(program or (str(ROOT / "scheduler_main.py"),))],
            cwd=folder,
            env=dict(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: list[str] = []
        self._has_ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    @property
    def log(self) -> str:
        with self._changed:
            return "".join(self._lines)

    @property
    def out(self) -> str:
        """Give what the ended process wrote on standard output."""
        assert self._process.stdout is not None
        return self._process.stdout.read()

    def logged(self, event: str, **fields: object) -> list[Document]:
        """Give the lines of one event, with these fields, that have been logged so far."""
        lines = [json.loads(line) for line in self.log.splitlines()]
        return [line for line in lines if line["event"] == event and fields.items() <= line.items()]

    def wait_for(self, event: str, *, times: int = 1, **fields: object) -> Document:
        """Wait until an event has been logged so often, and give its last line; fails when the process ends before that."""
        deadline_s = time.monotonic() + _DEADLINE_S
        with self._changed:
            while len(found := self.logged(event, **fields)) < times:
                assert not self._has_ended, f"the daemon ended without {event}:\n{self.log}"
                assert time.monotonic() < deadline_s, f"{event} never came:\n{self.log}"
                self._changed.wait(0.5)
        return found[times - 1]

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def run_cycle(self) -> None:
        """Ask for a cycle at once."""
        self.send(signal.SIGUSR1)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the process by a signal and give its exit code, negative where the signal killed it."""
        self.send(number)
        return self.exit_code()

    def exit_code(self) -> int:
        """Wait for the end; it has to come within the grace."""
        code = self._process.wait(_GRACE_S)
        self._reader.join()
        return code

    def page(self, path: str) -> tuple[int, str]:
        """Ask the daemon's own server for a page; gives status and text."""
        port = self.wait_for("daemon_running")["health_port"]
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def health(self) -> tuple[int, Document]:
        status, text = self.page("/health")
        document: Document = json.loads(text)
        return status, document

    def metric(self, name: str) -> float:
        """Give the value of one series, spelt as Prometheus writes it; 0.0 where it is not there yet."""
        _, text = self.page("/metrics")
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return float(values.get(name, "0"))

    def _follow(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()
