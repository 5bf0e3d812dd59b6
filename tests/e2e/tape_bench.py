"""A bench for the whole program on recorded candles: a simulated venue at a moment of the tape, and `main.py` against it."""

import fcntl
import gzip
import hashlib
import json
import os
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

import jwt

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.state_file import Cursors
from dg_bot.domain.calendar import HOUR, from_epoch
from dg_bot.domain.market import Market
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue
from tests.e2e.warm_main import Run
from tests.postgres import copy_of_template, run_sql

ROOT = Path(__file__).resolve().parents[2]
BTC = Market("KRW-BTC")
ACCESS_KEY = "tape-access-key"
SECRET_KEY = "tape-secret-key-that-nothing-may-ever-show"
OPENING_KRW = Decimal(10_000_000)
HISTORY = timedelta(days=730)
# The newest candles are left to be collected over the wire.
LEFT_TO_COLLECT = timedelta(hours=24)

# A parsed JSON document; its shape is what the tests are about.
Document = dict[str, Any]


@dataclass(frozen=True)
class TapeText:
    """The tape as its lines: what the tests compute from it owes nothing to the program's own reading."""

    path: Path

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Give the rows without the header, in rising order."""
        with gzip.open(self.path, "rt", encoding="ascii") as file:
            return tuple(file.read().splitlines()[1:])

    @cached_property
    def hours(self) -> tuple[int, ...]:
        """Give the seconds since 1970 at which the candles open."""
        return tuple(int(datetime.fromisoformat(line.partition(",")[0]).timestamp()) for line in self.lines)

    def between(self, start: datetime, end: datetime) -> tuple[str, ...]:
        return self.lines[self._place(start) : self._place(end)]

    def has(self, hour: datetime) -> bool:
        return len(self.between(hour, hour + timedelta(hours=1))) == 1

    def longest_gap_hours(self, before: datetime, candles: int) -> int:
        """Give the most hours in a row that are missing among the newest `candles` that open before `before`."""
        end = self._place(before)
        recent = self.hours[max(0, end - candles) : end]
        return max((later - earlier) // 3600 - 1 for earlier, later in pairwise(recent))

    def empty_ranges(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Give the half-open ranges inside [start, end) that have no candle."""
        seconds = int(start.timestamp()), int(end.timestamp())
        edges = [seconds[0] - 3600, *self.hours[self._place(start) : self._place(end)], seconds[1]]
        return [(from_epoch(a + 3600), from_epoch(b)) for a, b in pairwise(edges) if b - a > 3600]

    def _place(self, at: datetime) -> int:
        return bisect_left(self.hours, int(at.timestamp()))


@cache
def tape_text(path: Path) -> TapeText:
    return TapeText(path)


@cache
def tape(path: Path) -> Tape:
    """Read the tape once in this process; nobody changes it."""
    return Tape.from_csv(path, BTC)


def seed_archive(folder: Path, text: TapeText, start: datetime, end: datetime) -> None:
    """Make the archive that has collected [start, end): the candles, and which hours turned out to have none."""
    path = folder / "hourly" / f"{BTC}_60m.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *text.between(start, end), ""]), encoding="ascii")
    CandleFiles(folder).remember_empty(BTC, HOUR, text.empty_ranges(start, end))


def note_stored_candles(folder: Path, until: datetime) -> None:
    """Let a bot take the candles before `until` for stored: to copy two years at each run would prove nothing more."""
    state = folder / "data" / "state"
    state.mkdir(parents=True, mode=0o700)
    Cursors(state / "cursors.json").move(f"candles:{BTC}", int(until.timestamp()))


class WarmProgram:
    """The process that forks a ready `main.py`, or a ready doctor, for each run."""

    def __init__(self, program: str = "main") -> None:
        command = [sys.executable, "-m", "tests.e2e.warm_main", program]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, run: Run) -> int:
        """Give the exit code of the program, negative where a signal ended it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(run) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def run_cold(run: Run) -> int:
    """Run `python main.py` in an interpreter of its own."""
    with Path(run["stdout"]).open("w") as out, Path(run["stderr"]).open("w") as log:
        command = [sys.executable, str(ROOT / "main.py"), *run["arguments"]]
        return subprocess.run(
            command, cwd=run["folder"], env=run["environment"], stdin=subprocess.DEVNULL, stdout=out, stderr=log, check=False
        ).returncode


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a run of the program left on its outputs."""

    exit_code: int
    out: str
    log: str

    @property
    def report(self) -> Document:
        """Give the one report on standard output."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self.out + self.log
        document: Document = json.loads(lines[0])
        return document


class TapeBench:
    """A venue whose clock starts at `at`, with one account, and the bot's folders and settings for it.

    `launch` runs the program and gives its exit code. The venue's time goes on with the wall clock.
    """

    def __init__(
        self, *, at: datetime, tape: Tape, folder: Path, candles: Path, database: str, launch: Callable[[Run], int], screen: str
    ) -> None:
        self.move_to(at)
        self.database = database
        self.candles = candles
        self.venue = Venue(ledger=Ledger(krw=OPENING_KRW), tapes={BTC: tape}, now=self._now)
        self.server = UpbitServer(self.venue, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
        self.wire_log = self.server.wire_log
        settings = live_settings(base_url=self.server.base_url, folder=folder, candles=candles, database=database)
        self._settings = {**settings, "SCREEN_MODE": screen}
        self._folder = folder
        self._launch = launch

    def move_to(self, at: datetime) -> None:
        """Let the venue's clock go on from `at`."""
        self._started = (at, time.monotonic())

    def run(self) -> Ended:
        """Run one cycle of the program, as an operator would."""
        return launched(self._launch, self._settings, self._folder)

    @property
    def journal(self) -> list[Document]:
        """Give the journal's records as they stand in the file."""
        return journal_of(self._folder)

    def _now(self) -> datetime:
        at, started = self._started
        return at + timedelta(seconds=time.monotonic() - started)


class Workshop:
    """What all benches of one test process share: the tape, a warm program, and a database server with migrated tables."""

    def __init__(self, *, text: TapeText, program: WarmProgram, server: str) -> None:
        self.text = text
        self._program = program
        self._server = server

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give a fresh database for as long as it is needed."""
        dsn = copy_of_template(self._server)
        yield dsn
        name = dsn.partition("?")[0].rpartition("/")[2]
        run_sql(self._server, f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def bench(
        self, folder: Path, at: datetime, *, screen: str = "block", is_cold: bool = False, is_seeded: bool = True
    ) -> Iterator[TapeBench]:
        """Give a bench that works in `folder`; the archive beside the folder is shared with other benches there."""
        candles = folder.parent / "candles"
        if is_seeded and not candles.exists():
            hour = at.replace(minute=0, second=0, microsecond=0)
            seed_archive(candles, self.text, hour - HISTORY, hour - LEFT_TO_COLLECT)
        folder.mkdir()
        if is_seeded:
            note_stored_candles(folder, at.replace(minute=0, second=0, microsecond=0) - LEFT_TO_COLLECT)
        with self.database() as database:
            bench = TapeBench(
                at=at,
                tape=tape(self.text.path),
                folder=folder,
                candles=candles,
                database=database,
                launch=run_cold if is_cold else self._program.run,
                screen=screen,
            )
            with bench.server:
                yield bench


@contextmanager
def simulator_script(tape_path: Path, at: datetime, wire_log: Path) -> Iterator[str]:
    """Run `scripts/simulate_upbit.py` on a free port and give its address; it has to end well when it is told to."""
    options = {
        "--port": "0", "--tape": str(tape_path), "--market": str(BTC), "--at": at.isoformat(), "--krw": str(OPENING_KRW),
        "--access-key": ACCESS_KEY, "--secret-key": SECRET_KEY, "--wire-log": str(wire_log),
    }  # fmt: skip
    command = [sys.executable, str(ROOT / "scripts" / "simulate_upbit.py"), *(word for pair in options.items() for word in pair)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip().removeprefix("listening on ")
        process.terminate()
        assert process.wait(timeout=10) == 0


def signed_get(base_url: str, path: str, **parameters: str) -> Any:
    """Ask the venue as another client of the same account would."""
    query = urlencode(parameters)
    claims = {"access_key": ACCESS_KEY, "nonce": str(uuid4())}
    if query:
        claims |= {"query_hash": hashlib.sha512(query.encode()).hexdigest(), "query_hash_alg": "SHA512"}
    token = jwt.encode(claims, SECRET_KEY, algorithm="HS256")
    request = Request(f"{base_url}{path}?{query}", headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urlopen(request) as answer:  # noqa: S310 - the address is our own simulator's
        return json.load(answer)


def launched(launch: Callable[[Run], int], settings: Mapping[str, str], folder: Path) -> Ended:
    """Run one live cycle on KRW-BTC that reports in JSON."""
    out, log = folder / "out", folder / "log"
    code = launch(
        Run(
            arguments=["--mode", "live", "--market", str(BTC), "--json"],
            environment=dict(settings),
            folder=str(folder),
            stdout=str(out),
            stderr=str(log),
        )
    )
    return Ended(exit_code=code, out=out.read_text(encoding="utf-8"), log=log.read_text(encoding="utf-8"))


def journal_of(folder: Path) -> list[Document]:
    """Give the records of the journal of the bot that works in `folder`, as they stand in the file."""
    text = (folder / "data" / "state" / "journal.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def live_settings(*, base_url: str, folder: Path, candles: Path, database: str) -> dict[str, str]:
    """Give the environment of a live bot on a simulated venue; the screen has its default."""
    return {
        "PATH": os.environ["PATH"],
        "MODE": "live",
        "UPBIT_ACCESS_KEY": ACCESS_KEY,
        "UPBIT_SECRET_KEY": SECRET_KEY,
        "LIVE_TRADING_CONFIRMED": "yes",
        "KEY_SCOPE_CONFIRMED": "trade-only",
        "UPBIT_BASE_URL": base_url,
        "CLOCK_FROM_VENUE": "yes",
        "DATA_DIR": str(folder / "data"),
        "CANDLE_DIR": str(candles),
        "DATABASE_URL": database,
    }


class SharedResults:
    """Results by name that all test processes of one session share: whoever needs one first computes it, the others read it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(exist_ok=True)

    def get(self, name: str, compute: Callable[[], Sequence[str]]) -> tuple[str, ...]:
        """Give the result; what `compute` raises is raised here, and the next one who asks tries again."""
        path = self._folder / name
        with _locked(path.with_suffix(".lock")):
            if not path.exists():
                path.write_text(json.dumps(list(compute())), encoding="utf-8")
            return tuple(json.loads(path.read_text(encoding="utf-8")))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
