"""A bot that ends itself with SIGKILL at a call of its ports that is named: the true program, and nothing of it knows.

Counted are the calls that leave a trace outside the process: every request to the exchange and the first byte of its answer,
every record of the journal and its way to the disk, every file that is replaced, every batch of rows and of candles, every
message. Where one call is made of others (a file is written, then renamed), all of them count, so that death finds also what is
half done. A call is named by its number from 1, or by its words and which of these it is, as in `append IntentSending 1`.

With an order on its command line this is the daemon. With none it says that it is ready, and forks a child for each run on its
standard input.
"""

import json
import os
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, TypedDict

import main
import scheduler_main

from dg_bot.adapters import candle_files, state_file
from dg_bot.adapters.deadline_network import _DeadlineStream
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.postgres import PostgresStore
from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.adapters.upbit_client import UpbitClient
from dg_bot.app import scheduler
from dg_bot.app.guard_thread import GuardThread
from dg_bot.app.scheduler import Daemon
from dg_bot.backtesting.screen import QuickBacktestFilter
from dg_bot.domain.events import Event, IntentPlanned, Record
from dg_bot.pipeline.guard import Guard
from tests.e2e.warm_main import Run, answer_runs

BEFORE, AFTER = "before", "after"


class Order(TypedDict):
    """Where a process dies, before or after a call, the file in which it notes its calls, and what else it suffers from."""

    at: int | str
    when: str
    notes: str
    ill: str


class DyingRun(Run):
    """A run of `main.py`, or of a daemon that asks itself for a cycle and ends itself in good order after it."""

    order: Order
    is_daemon: bool


class Mortal:
    """Counts the calls of this process, notes each before it is made, and dies where it has to."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._notes = os.open(order["notes"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._calls: Counter[str] = Counter()
        self._counting = threading.Lock()

    def note(self, *words: object) -> None:
        os.write(self._notes, (" ".join(map(str, words)) + "\n").encode())

    def watch(self, owner: type | ModuleType, name: str, told: Callable[..., str]) -> None:
        """Count the calls of a function under the name that `told` makes of its arguments."""
        inner = getattr(owner, name)
        substitute(owner, name, lambda *args, **kwargs: self.around(told(*args, **kwargs), lambda: inner(*args, **kwargs)))

    def around(self, words: str, call: Callable[[], Any]) -> Any:
        """Make one counted call."""
        with self._counting:
            self._calls[words] += 1
            names = (self._calls.total(), f"{words} {self._calls[words]}")
            self.note("call", words)
        self._may_die(names, BEFORE)
        answer = call()
        self._may_die(names, AFTER)
        return answer

    def _may_die(self, names: tuple[int, str], when: str) -> None:
        if self._order["at"] in names and self._order["when"] == when:
            self.note("died", when, names[1])
            os.kill(os.getpid(), signal.SIGKILL)


def substitute(owner: type | ModuleType, name: str, by: object) -> None:
    setattr(owner, name, by)


def make_mortal(order: Order) -> None:
    """Let this process die where it is told to."""
    life = Mortal(order)
    life.watch(UpbitClient, "call", lambda _, method, path, **__: f"{method} {path}")
    life.watch(JournalFile, "append", lambda _, event: f"append {type(event).__name__}")
    life.watch(os, "fdatasync", lambda _: "sync")
    for module in (state_file, candle_files):
        life.watch(module, "write_atomically", lambda path, _: f"write {path.name}")
    life.watch(os, "replace", lambda _, path: f"rename {Path(path).name}")
    life.watch(PostgresStore, "project", lambda *_: "rows")
    life.watch(PostgresStore, "add_candles", lambda *_: "candles")
    life.watch(TelegramNotifier, "send", lambda *_: "message")
    _watch_answers(life)
    _note_ticks(life)
    ILLS[order["ill"]]()


def _watch_answers(life: Mortal) -> None:
    """Count the first read after a request: the request has left, and nobody has heard what became of it."""
    write, read = _DeadlineStream.write, _DeadlineStream.read
    asked: set[int] = set()

    def noted_write(stream: _DeadlineStream, buffer: bytes, timeout: float | None = None) -> None:
        write(stream, buffer, timeout)
        asked.add(id(stream))

    def counted_read(stream: _DeadlineStream, max_bytes: int, timeout: float | None = None) -> bytes:
        if id(stream) not in asked:
            return read(stream, max_bytes, timeout)
        asked.discard(id(stream))
        answer: bytes = life.around("answer", lambda: read(stream, max_bytes, timeout))
        return answer

    substitute(_DeadlineStream, "write", noted_write)
    substitute(_DeadlineStream, "read", counted_read)


def _note_ticks(life: Mortal) -> None:
    """Note when each tick of the guard was over."""
    tick = Guard.tick

    def noted(guard: Guard) -> Any:
        report = tick(guard)
        life.note("tick", time.monotonic())
        return report

    substitute(Guard, "tick", noted)


def _live_for_one_cycle() -> None:
    """Let this daemon ask itself for a cycle once its guard is up, and end itself when the cycle is over."""
    begin, cycle = GuardThread.start, Daemon._cycle

    def begin_and_ask(guard: GuardThread) -> None:
        begin(guard)
        os.kill(os.getpid(), signal.SIGUSR1)

    def cycle_and_end(daemon: Daemon) -> None:
        cycle(daemon)
        os.kill(os.getpid(), signal.SIGTERM)

    substitute(GuardThread, "start", begin_and_ask)
    substitute(Daemon, "_cycle", cycle_and_end)


def _hang_in_the_guard() -> None:
    """Let the guard stand still in its first tick, with the journal held; a period counts as one second."""

    def hang(guard: Guard) -> NoReturn:
        guard._books._writing.acquire()
        while True:
            threading.Event().wait()

    substitute(Guard, "tick", hang)
    substitute(scheduler, "_SLOWEST_TICK_S", 1.0)
    substitute(scheduler, "_GRACE_S", 1.0)


def _run_out_of_memory() -> None:
    """Let the process use up all memory that it may have before the strategy is screened, and give it back afterwards."""
    evaluate = QuickBacktestFilter.evaluate

    def starved(*args: Any, **kwargs: Any) -> Any:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize(), hard))
        hoard = []
        try:
            with suppress(MemoryError):
                while True:
                    hoard.append(bytearray(2**16))
            return evaluate(*args, **kwargs)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))

    substitute(QuickBacktestFilter, "evaluate", starved)


def _run_out_of_disk() -> None:
    """Let the journal not grow any more from the first order on that is planned; all other files here are smaller."""
    journal_path = Path(os.environ["DATA_DIR"]) / "state" / "journal.jsonl"
    append = JournalFile.append

    def full(journal: JournalFile, event: Event) -> Record:
        if isinstance(event, IntentPlanned):
            resource.setrlimit(resource.RLIMIT_FSIZE, (journal_path.stat().st_size + 50, resource.RLIM_INFINITY))
        return append(journal, event)

    substitute(JournalFile, "append", full)


def _be_impatient() -> None:
    """Let the outbox try again at once what was not taken."""
    substitute(scheduler, "_OUTBOX_REST_S", 0.2)


ILLS: Mapping[str, Callable[[], None]] = {
    "none": lambda: None,
    "impatience": _be_impatient,
    "a guard that hangs": _hang_in_the_guard,
    "no memory": _run_out_of_memory,
    "no disk": _run_out_of_disk,
}


def run_child(run: DyingRun) -> int:
    make_mortal(run["order"])
    if not run["is_daemon"]:
        return main.main()
    _live_for_one_cycle()
    return scheduler_main.main()


if __name__ == "__main__":
    if sys.argv[1:]:
        make_mortal(json.loads(sys.argv.pop()))
        sys.exit(scheduler_main.main())
    print("ready", flush=True)
    answer_runs(run_child)
