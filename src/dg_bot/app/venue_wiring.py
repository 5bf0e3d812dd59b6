"""Build the way to the venue: its clock, its market data and its exchange, for each mode."""

from contextlib import ExitStack
from dataclasses import dataclass

import stamina.instrumentation
import structlog

from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.paper_exchange import PaperExchange
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.adapters.upbit_limiter import UpbitLimiter
from dg_bot.adapters.upbit_market_data import UpbitMarketData
from dg_bot.adapters.upbit_reads import UpbitReads
from dg_bot.app.demo_venue import DemoVenue
from dg_bot.app.live_checks import LiveKey
from dg_bot.app.settings import Settings
from dg_bot.app.venue_access import access_keys, upbit_client
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import DataError, ExchangeUnavailable
from dg_bot.pipeline.books import Books
from dg_bot.ports import Exchange, MarketData

_log = structlog.get_logger(__name__)

# A stop asks the venue seven times until its order is out, each within the request's own deadline of 8 s: 56 s at the worst.
# What fails at once is asked again within this time; what ran into its deadline is not, for the next tick comes soon enough.
_PROMPT_BUDGET_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePorts:
    """The outside world of trading, for one mode; `prompt_data` and `exchange` ask as long as an exit can wait, and no longer."""

    clock: VenueClock
    market_data: MarketData
    prompt_data: MarketData
    exchange: Exchange
    live: UpbitExchange | None
    limiter: UpbitLimiter


def venue_of(settings: Settings, metrics: Metrics, stack: ExitStack) -> VenuePorts:
    """Build the venue of the mode, its time learnt; `stack` takes it down again, the demo's own server too.

    Raises as reads do where the clock has to follow a venue that does not answer.
    """
    base_url, follows = settings.upbit_base_url, settings.clock_from_venue
    if settings.mode is Mode.DEMO:
        base_url = stack.enter_context(DemoVenue(settings.data_folder / "venue.json")).base_url
        follows = True
    stamina.instrumentation.set_on_retry_hooks([])
    clock = VenueClock(local=SystemClock(), follow=follows)
    client = upbit_client(
        settings,
        base_url=base_url,
        clock=clock,
        on_request=lambda group, status, seconds: metrics.observe_request(group, str(status or "none"), seconds),
    )
    stack.callback(client.close)
    reads = UpbitReads(client=client, clock=clock)
    market_data = UpbitMarketData(reads=reads, clock=clock)
    prompt_reads = UpbitReads(client=client, clock=clock, budget_s=_PROMPT_BUDGET_S)
    prompt_data = UpbitMarketData(reads=prompt_reads, clock=clock)
    set_clock(prompt_data, is_required=follows)
    if settings.mode is Mode.PAPER:
        paper = PaperExchange(
            market_data=prompt_data, clock=clock, path=settings.data_folder / "paper_account.json", krw=settings.paper_krw
        )
        return VenuePorts(
            clock=clock, market_data=market_data, prompt_data=prompt_data, exchange=paper, live=None, limiter=client.limiter
        )
    exchange = UpbitExchange(client=client, reads=prompt_reads, clock=clock, access_key=access_keys(settings)[0])
    return VenuePorts(
        clock=clock,
        market_data=market_data,
        prompt_data=prompt_data,
        exchange=exchange,
        live=exchange if settings.mode is Mode.LIVE else None,
        limiter=client.limiter,
    )


def live_key_of(settings: Settings, venue: VenuePorts, books: Books, metrics: Metrics) -> LiveKey | None:
    """Check a live key; a venue that does not answer is no reason to leave positions unwatched."""
    if venue.live is None:
        return None
    key = LiveKey(exchange=venue.live, markets=settings.markets, books=books, clock=venue.clock, metrics=metrics)
    try:
        key.require_usable()
    except (ExchangeUnavailable, DataError) as error:
        _log.warning("key_unchecked", error=str(error))
    return key


def set_clock(market_data: MarketData, *, is_required: bool) -> None:
    """Let the venue's first answer set the clock; without one this machine's time serves until there is one."""
    try:
        market_data.notices()
    except (ExchangeUnavailable, DataError) as error:
        if is_required:
            raise
        _log.warning("exchange_time_unknown", error=str(error))
