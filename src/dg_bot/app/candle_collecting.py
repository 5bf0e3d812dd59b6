"""Collect candles by hand: from the venue of the settings, without a key, into the archive beside their manifest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

import stamina

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.upbit_market_data import UpbitMarketData
from dg_bot.adapters.upbit_reads import UpbitReads
from dg_bot.app.settings import Settings
from dg_bot.app.venue_access import upbit_client
from dg_bot.domain.calendar import ALL_TIME, Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import ConfigurationError
from dg_bot.pipeline.candle_collection import CandleCollector
from dg_bot.ports import MarketData


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What a collection or an import left: the wanted part of the file at `path`, and how many candles of it came just now."""

    path: Path
    series: CandleSeries
    fresh: int


def collect_candles(
    settings: Settings,
    market: Market,
    timeframe: Timeframe,
    *,
    start: datetime | None,
    end: datetime | None,
    on_progress: Callable[[Market, int, int], None],
) -> Collection:
    """Complete the archive over [start, end), closed candles only, and give what it holds of them.

    Without `start` the file is completed from its first candle on, without `end` up to now. Raises ConfigurationError for a
    range or a market that cannot be meant, and as reads and the archive do.
    """
    archive = CandleFiles(settings.collected_folder, source=settings.upbit_base_url)
    begin = start or _first_stored(archive, market, timeframe)
    with _venue(settings) as (market_data, clock):
        _require_listed(market_data, market)
        until = timeframe.floor(min(end or ALL_TIME[1], clock.now()))
        if begin >= until:
            raise ConfigurationError(
                "--from", f"no {timeframe} candle lies between it and {until:%Y-%m-%dT%H:%M}Z", "begin earlier"
            )
        collector = CandleCollector(market_data=market_data, archive=archive, on_progress=on_progress)
        collected = collector.collect(market, timeframe, begin, until)
    return Collection(path=archive.path(market, timeframe), series=collected.series, fresh=collected.fetched)


def _first_stored(archive: CandleFiles, market: Market, timeframe: Timeframe) -> datetime:
    first = archive.load(market, timeframe, *ALL_TIME).first_opened_at
    if first is None:
        raise ConfigurationError("--from", f"is needed: there are no {timeframe} candles of {market} yet", "name the first day")
    return first


def _require_listed(market_data: MarketData, market: Market) -> None:
    """Raise ConfigurationError naming the nearest market that there is; the answer also sets the clock."""
    listed = [listed.code for listed in market_data.notices()]
    if market.code not in listed:
        nearest = get_close_matches(market.code, listed, n=1, cutoff=0.0)
        raise ConfigurationError("--market", f"the venue has no {market}", f"did you mean {', '.join(nearest)}?")


@contextmanager
def _venue(settings: Settings) -> Iterator[tuple[MarketData, VenueClock]]:
    stamina.instrumentation.set_on_retry_hooks([])
    clock = VenueClock(local=SystemClock(), follow=settings.clock_from_venue)
    client = upbit_client(
        settings, base_url=settings.upbit_base_url, clock=clock, on_request=lambda _group, _status, _seconds: None
    )
    try:
        yield UpbitMarketData(reads=UpbitReads(client=client, clock=clock), clock=clock), clock
    finally:
        client.close()
