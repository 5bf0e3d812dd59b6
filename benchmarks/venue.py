"""A venue for measurements: the generated market over HTTP, whose clock is moved by hand."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from dg_bot.domain.calendar import HOUR
from dg_bot.domain.market import Market
from dg_bot.simulator.generated import demo_instant, generated_tapes
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue

SEED = 7
_HISTORY = timedelta(days=730)
_INTO_THE_HOUR = timedelta(seconds=6)


class SteppedVenue:
    """Serves the generated market; `step` moves its time by an hour."""

    def __init__(self) -> None:
        self._now = demo_instant(SEED) + _INTO_THE_HOUR
        self.tapes: Mapping[Market, Tape] = generated_tapes(seed=SEED, at=self._now)
        self._server = UpbitServer(Venue(ledger=Ledger(krw=Decimal(10_000_000)), tapes=self.tapes, now=lambda: self._now))

    @property
    def base_url(self) -> str:
        return self._server.base_url

    @property
    def now(self) -> datetime:
        return self._now

    def step(self) -> None:
        self._now += HOUR.length

    @contextmanager
    def serving(self) -> Iterator[None]:
        with self._server:
            yield


def fill_archive(venue: SteppedVenue, folder: Path) -> None:
    """Write the two years before the venue's time into a candle archive, so that nothing has to be collected."""
    (folder / "hourly").mkdir(parents=True)
    end = HOUR.floor(venue.now)
    for market, tape in venue.tapes.items():
        rows = ["timestamp,open,high,low,close,volume"]
        hours = int(_HISTORY / HOUR.length)
        for candle in reversed(tape.candles(HOUR, end, hours, venue.now)):
            rows.append(
                f"{candle.opened_at:%Y-%m-%dT%H:%M:%SZ},{candle.open},{candle.high},{candle.low},{candle.close},{candle.volume}"
            )
        (folder / "hourly" / f"{market}_60m.csv").write_text("\n".join(rows) + "\n")
