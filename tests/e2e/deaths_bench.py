"""Lives of a bot that is killed and started again."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Self

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.state_file import Cursors
from dg_bot.domain.calendar import HOUR, to_epoch
from tests.e2e.deaths_audit import Tally, audit
from tests.e2e.dying_bot import AFTER, BEFORE, DyingRun, Order
from tests.e2e.market_bench import MarketBench, breakout, history
from tests.e2e.tape_bench import BTC, ROOT, Ended
from tests.e2e.warm_main import Run
from tests.postgres import copy_of_template, run_sql

KILLED = -9
# Hours from the breakout's on: as it was, a fall by a tenth, and no move after it.
FALL = ("1.0", "0.9", *["0.9"] * 12)
AFTER_THE_FALL = timedelta(hours=2, minutes=2)
# So far apart that starts never come as often as those of a loop of crashes.
BETWEEN_STARTS = timedelta(seconds=151)
_CANDLES_LEFT = timedelta(hours=24)


@dataclass(frozen=True)
class Point:
    """A moment of a process: before or after its nth counted call, or the nth of some words; number 0 never comes."""

    at: int | str
    when: str = BEFORE


ALIVE = Point(0)


def points(calls: Iterable[int]) -> list[Point]:
    return [Point(call, when) for call in calls for when in (BEFORE, AFTER)]


def order_for(point: Point, notes: Path, ill: str = "none") -> Order:
    return Order(at=point.at, when=point.when, notes=str(notes), ill=ill)


@dataclass(frozen=True, kw_only=True)
class Lived:
    """One process: how it ended, its counted calls in order, where it died, and the seconds from its start to the first tick."""

    exit_code: int
    log: str
    calls: tuple[str, ...]
    died: str | None
    first_tick_s: float | None


class DyingProgram:
    """The process that forks a ready bot for each run; `imports_s` is what a fresh interpreter takes to come as far."""

    def __init__(self) -> None:
        started = time.monotonic()
        command = [sys.executable, "-m", "tests.e2e.dying_bot"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._answers = self._process.stdout
        assert self._answers.readline().strip() == "ready"
        self.imports_s = time.monotonic() - started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, run: Run, order: Order, *, is_daemon: bool) -> int:
        """Give the exit code, negative where a signal ended it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(DyingRun(**run, order=order, is_daemon=is_daemon)) + "\n")
        self._process.stdin.flush()
        return int(self._answers.readline())


class Life:
    """One account from its first start on, with every death that is ordered for it."""

    def __init__(self, bench: MarketBench, program: DyingProgram, *, is_daemon: bool) -> None:
        self.bench = bench
        self.tally = Tally()
        self.is_daemon = is_daemon
        self._program = program
        self._was_killed = False
        self._starts = count(1)

    def process(self, act: str, point: Point = ALIVE, *, ill: str = "none") -> Lived:
        """Run the program once; `act` names what it is about to do, for the place of its death."""
        notes = self.bench.folder / f"notes.{next(self._starts)}"
        order = order_for(point, notes, ill)
        arguments = () if self.is_daemon else ("--json",)
        started = time.monotonic()
        ended = self.bench.run(lambda run: self._program.run(run, order, is_daemon=self.is_daemon), *arguments)
        lived = _lived(ended, notes.read_text(encoding="utf-8"), started)
        assert lived.exit_code in (KILLED, 0), ended.log
        if lived.died is not None:
            self.tally.kills += 1
            self.tally.places[f"{act}: {lived.died}"] += 1
        if self._was_killed and lived.first_tick_s is not None:
            self.tally.recoveries_s.append(self._program.imports_s + lived.first_tick_s)
        self._was_killed = lived.died is not None
        return lived

    def dies(self, act: str, deaths: Iterable[Point]) -> Lived:
        """Start it for one death after the other, and then until it is done."""
        for point in deaths:
            self.process(act, point)
            self.bench.move_to(self.bench.venue_time + BETWEEN_STARTS)
        return self.process(act)

    def falls(self) -> None:
        """Let the price fall below the stop."""
        self.bench.move_to(breakout() + AFTER_THE_FALL)

    def settle(self) -> Tally:
        """Hold journal and rows against the venue's own books, and give the tally of this life."""
        audit(self.bench, self.tally)
        return self.tally


class Yard:
    """A place for many lives: a server with migrated tables, a program to fork, and candles that were collected before."""

    def __init__(self, server: str, folder: Path, program: DyingProgram) -> None:
        self._server = server
        self._folder = folder
        self._program = program
        self._numbers = count(1)
        self._candles = folder / "candles"
        CandleFiles(self._candles).add(BTC, HOUR, history())

    @contextmanager
    def bench(self, *coming: str, **settings: str) -> Iterator[MarketBench]:
        """Give a bench with a fresh account, folder and database, whose rows have two years of candles already."""
        folder = self._folder / f"life{next(self._numbers)}"
        folder.mkdir()
        candles = folder / "candles"
        shutil.copytree(self._candles, candles)
        database = copy_of_template(self._server)
        bench = MarketBench(folder=folder, candles=candles, database=database, coming=coming or FALL)
        bench.settings |= settings
        cursors = Cursors(folder / "data" / "state" / "cursors.json")
        cursors.move(f"candles:{BTC}", to_epoch(breakout() - _CANDLES_LEFT))
        try:
            yield bench
        finally:
            bench.go_away()
            name = database.partition("?")[0].rpartition("/")[2]
            run_sql(self._server, f"DROP DATABASE {name} WITH (FORCE)")
            shutil.rmtree(folder)

    @contextmanager
    def life(self, *, is_daemon: bool = False, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Life]:
        with self.bench(**settings) as bench:
            yield Life(bench, self._program, is_daemon=is_daemon)

    def undisturbed(self) -> tuple[Lived, Lived]:
        """Give a process that bought and one that sold, both of which nothing happened to."""
        with self.life() as life:
            bought = life.process("buy")
            life.falls()
            sold = life.process("sell")
            assert not life.settle().faults, life.tally.faults
        return bought, sold


def _lived(ended: Ended, notes: str, started_s: float) -> Lived:
    lines = [line.partition(" ") for line in notes.splitlines()]
    ticks = [float(words) for kind, _, words in lines if kind == "tick"]
    return Lived(
        exit_code=ended.exit_code,
        log=ended.log,
        calls=tuple(words for kind, _, words in lines if kind == "call"),
        died=next((words for kind, _, words in lines if kind == "died"), None),
        first_tick_s=ticks[0] - started_s if ticks else None,
    )
