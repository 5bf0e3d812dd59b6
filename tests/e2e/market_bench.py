"""A bench for the bot's programs on a market that a test writes: two years, a breakout, and what comes after."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from dg_bot.app.demo_venue import SEED
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle
from dg_bot.simulator.faults import FaultPlan
from dg_bot.simulator.generated import BITCOIN, HISTORY, demo_instant, generated_candles
from dg_bot.simulator.ledger import Ledger, LedgerOrder, OrderState
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.rest_limits import RateLimits
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue
from dg_bot.simulator.wire_log import WireLog
from tests.e2e.daemon_process import DaemonProcess
from tests.e2e.tape_bench import ACCESS_KEY, BTC, OPENING_KRW, SECRET_KEY, Document, Ended, journal_of, live_settings
from tests.e2e.warm_main import Run

_TICK_KRW = Decimal(1000)
_HOURLY_VOLUME = Decimal(120)
_POLL_S = 0.02
_DEADLINE_S = 30.0


@cache
def breakout() -> datetime:
    """Give the hour whose cycle buys, by the unmodified screen and rules."""
    return demo_instant(SEED)


@cache
def history() -> tuple[Candle, ...]:
    """Give the closed candles before the breakout's cycle."""
    return tuple(generated_candles(BITCOIN, seed=SEED, start=HOUR.floor(breakout() - HISTORY), end=breakout()))


def market(coming: Sequence[str]) -> Tape:
    """Make the tape on which each hour from the breakout's on closes at such a multiple of the price before it."""
    candles = list(history())
    base = candles[-1].close
    for place, word in enumerate(coming):
        before = candles[-1].close
        close = (base * Decimal(word) / _TICK_KRW).to_integral_value() * _TICK_KRW
        candles.append(
            Candle(
                opened_at=breakout() + timedelta(hours=place),
                open=before,
                high=max(before, close),
                low=min(before, close),
                close=close,
                volume=_HOURLY_VOLUME,
            )
        )
    return Tape.of(BTC, HOUR, candles)


class MarketBench:
    """A venue with one account, and the settings and folders of a live bot on it.

    The venue's clock stands at `at` until the first request comes, and goes on with the wall clock from there.
    """

    def __init__(self, *, folder: Path, candles: Path, database: str, coming: Sequence[str], at: datetime | None = None) -> None:
        self.folder = folder
        self.candles = candles
        self.faults = FaultPlan()
        self.wire_log = WireLog()
        self._place = at or breakout() + timedelta(seconds=5)
        self._begun_s: float | None = None
        self._clock_lock = threading.Lock()
        self.venue = Venue(ledger=Ledger(krw=OPENING_KRW), tapes={BTC: market(coming)}, now=self._now)
        self._server = self._made(port=0)
        self._server.start()
        self._port = int(self._server.base_url.rpartition(":")[2])
        self.settings = {
            **live_settings(base_url=self._server.base_url, folder=folder, candles=candles, database=database),
            "MARKETS": str(BTC),
            "HEALTH_PORT": "0",
            "GUARD_SECONDS": "1",
        }

    def move_to(self, at: datetime) -> None:
        """Let the venue's clock go on from `at`."""
        with self._clock_lock:
            self._place, self._begun_s = at, time.monotonic()

    @property
    def venue_time(self) -> datetime:
        return self._now()

    def go_away(self) -> None:
        """Let nobody answer at the venue's address any more."""
        self._server.stop()

    def come_back(self) -> None:
        """Let the venue answer again, at the same address and with the same books."""
        self._server = self._made(port=self._port)
        self._server.start()

    def run(self, launch: Callable[[Run], int], *arguments: str, **settings: str) -> Ended:
        """Run `main.py` once, as an operator would."""
        out, log = self.folder / "out", self.folder / "log"
        code = launch(
            Run(
                arguments=list(arguments),
                environment={**self.settings, **settings},
                folder=str(self.folder),
                stdout=str(out),
                stderr=str(log),
            )
        )
        return Ended(exit_code=code, out=out.read_text(encoding="utf-8"), log=log.read_text(encoding="utf-8"))

    @contextmanager
    def daemon(self, **settings: str) -> Iterator[DaemonProcess]:
        """Start `scheduler_main.py` and wait until it runs; what is left of it at the end is killed."""
        with DaemonProcess({**self.settings, **settings}, self.folder) as daemon:
            daemon.wait_for("daemon_running")
            yield daemon

    @property
    def journal(self) -> list[Document]:
        return journal_of(self.folder)

    def recorded(self, kind: str) -> list[Document]:
        """Give the bodies of the journal's records of one kind."""
        return [record["body"] for record in self.journal if record["kind"] == kind]

    @property
    def orders(self) -> tuple[LedgerOrder, ...]:
        """Give every order that the venue knows, oldest first."""
        return self.venue.orders(BTC, frozenset(OrderState))

    def requests(self, method: str, path: str) -> int:
        """Count the requests of exactly this method and path that came in."""
        return len(self.wire_log.matching(method, path))

    def _made(self, *, port: int) -> UpbitServer:
        """Make a server whose request limits follow the venue's clock: a process that starts minutes later finds them unused."""
        return UpbitServer(
            self.venue,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            port=port,
            faults=self.faults,
            limits=RateLimits(monotonic=lambda: self._now().timestamp()),
            wire_log=self.wire_log,
        )

    def _now(self) -> datetime:
        with self._clock_lock:
            if self._begun_s is None:
                self._begun_s = time.monotonic()
            return self._place + timedelta(seconds=time.monotonic() - self._begun_s)


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition of another process holds; fails naming `what` did not come."""
    deadline_s = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"it never came: {what}"
        threading.Event().wait(_POLL_S)
