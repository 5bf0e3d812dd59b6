"""From the options of a command to a server that is ready to answer."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, TextIO

from dg_bot.domain.market import Market
from dg_bot.errors import ConfigurationError, DataError
from dg_bot.simulator.faults import FaultPlan
from dg_bot.simulator.faults_file import load_faults
from dg_bot.simulator.generated import generated_tapes
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.rest_limits import RateLimits
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue
from dg_bot.simulator.wire_log import WireLog

_CHOOSE_AT: Final = "give a time between the first and the last candle of every tape"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What to serve; `at` is the venue's time at the start, None for the time of the host.

    Without `tapes` the market is generated from `seed`, which also makes the uuids. Keys are both given or both absent.
    """

    port: int
    tapes: Mapping[Market, Path]
    at: datetime | None
    seed: int
    krw: Decimal
    depth_krw: Decimal
    access_key: str | None
    secret_key: str | None
    faults: Path | None
    wire_log: Path | None

    def __post_init__(self) -> None:
        if self.tapes and self.at is None:
            raise ConfigurationError("--at", "is missing", "a tape needs the time at which the venue starts")
        if (self.access_key is None) != (self.secret_key is None):
            lacking = "--access-key" if self.access_key is None else "--secret-key"
            raise ConfigurationError(lacking, "is missing", "give both keys or none")


@contextmanager
def serving(options: ServeOptions, *, host_time: datetime, monotonic: Callable[[], float]) -> Iterator[UpbitServer]:
    """Serve until the block ends; `host_time` is now, and `monotonic` moves both the venue's time and the limits.

    Raises ConfigurationError naming the option whose value cannot be used.
    """
    at = host_time if options.at is None else options.at
    tapes = _read_tapes(options.tapes, at) if options.tapes else generated_tapes(seed=options.seed, at=at)
    venue = Venue(
        ledger=Ledger(krw=options.krw, seed=options.seed),
        tapes=tapes,
        now=venue_clock(at, monotonic),
        depth_krw=options.depth_krw,
    )
    faults = FaultPlan() if options.faults is None else _read_faults(options.faults)
    with ExitStack() as resources:
        log_file = None if options.wire_log is None else resources.enter_context(_opened(options.wire_log))
        server = _bound(venue, options, faults, RateLimits(monotonic=monotonic), WireLog(log_file))
        yield resources.enter_context(server)


def venue_clock(at: datetime, monotonic: Callable[[], float]) -> Callable[[], datetime]:
    """Make a clock that shows `at` now and goes on with `monotonic`."""
    started = monotonic()
    return lambda: at + timedelta(seconds=monotonic() - started)


def _read_tapes(paths: Mapping[Market, Path], at: datetime) -> Mapping[Market, Tape]:
    tapes = {}
    for market, path in paths.items():
        try:
            tape = Tape.from_csv(path, market)
        except DataError as error:
            raise ConfigurationError("--tape", str(error), "give a candle file") from error
        if not tape.opens_at <= at <= tape.closes_at:
            span = f"{tape.opens_at.isoformat()} to {tape.closes_at.isoformat()}"
            raise ConfigurationError("--at", f"{at.isoformat()} is outside the tape of {market} ({span})", _CHOOSE_AT)
        tapes[market] = tape
    return tapes


def _read_faults(path: Path) -> FaultPlan:
    try:
        return load_faults(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("--faults", f"cannot be read ({error})", "give a readable file") from error


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError("--wire-log", f"cannot be written ({error})", "give a file in a folder that exists") from error


def _bound(venue: Venue, options: ServeOptions, faults: FaultPlan, limits: RateLimits, wire_log: WireLog) -> UpbitServer:
    try:
        return UpbitServer(
            venue,
            access_key=options.access_key,
            secret_key=options.secret_key,
            port=options.port,
            faults=faults,
            limits=limits,
            wire_log=wire_log,
        )
    except (OSError, OverflowError) as error:
        raise ConfigurationError("--port", f"{options.port} cannot be listened on ({error})", "give a free port, or 0") from error
