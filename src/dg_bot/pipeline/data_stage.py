"""Stage 2: collect closed candles, book, price, rules and warnings, and refuse what cannot be trusted."""

from collections.abc import Callable
from datetime import datetime

from dg_bot.cycle import Cycle, Halt, MarketSnapshot
from dg_bot.domain.calendar import HOUR, Timeframe, minute_text
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.cycle_report import Stage
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.news import NewsItem
from dg_bot.errors import DataError, ExchangeUnavailable
from dg_bot.pipeline.candle_collection import BarMaker, CandleSource, closed_bars
from dg_bot.pipeline.data_limits import DataLimits
from dg_bot.ports import Clock, Exchange, MarketData, RecentNews

_LATE_CANDLE_S = 30.0
_LATE_PAUSE_S = 2.0


class DataCollectionStage:
    """Everything a decision may look at, checked."""

    def __init__(
        self,
        *,
        market_data: MarketData,
        exchange: Exchange,
        collector: CandleSource,
        clock: Clock,
        timeframe: Timeframe,
        reference: Market,
        limits: DataLimits,
        allow_warned_markets: bool,
        on_candles: Callable[[int], None],
        make_bars: BarMaker = closed_bars,
        news: RecentNews | None = None,
    ) -> None:
        """`news` tells what is known of the last 24 hours; None where nobody reads any."""
        self._market_data = market_data
        self._exchange = exchange
        self._collector = collector
        self._clock = clock
        self._timeframe = timeframe
        self._reference = reference
        self._limits = limits
        self._allow_warned_markets = allow_warned_markets
        self._on_candles = on_candles
        self._make_bars = make_bars
        self._news = news

    def run(self, cycle: Cycle) -> MarketSnapshot | Halt:
        """Give the snapshot, or halt on data that is stale, unsorted or impossible; raises as reads do."""
        notices = self._market_data.notices()
        notice = notices.get(cycle.market)
        if notice is None:
            return Halt(stage=Stage.DATA_COLLECTION, reason=f"listed: the venue does not list {cycle.market}")
        hourly = self._hourly(cycle.market, cycle.opened_at)
        freshness = _freshness_gate(hourly, cycle.opened_at)
        if not freshness.passed:
            return Halt(stage=Stage.DATA_COLLECTION, reason=freshness.words, gates=(freshness,))
        reference, reference_gate = self._reference_candles(cycle, hourly, is_listed=self._reference in notices)
        mark = self._market_data.last_prices([cycle.market])[cycle.market]
        tick = self._market_data.tick_size(cycle.market, mark)
        is_quiet = notice.is_clear or self._allow_warned_markets
        flags = "none" if notice.is_clear else ", ".join((["WARNING"] if notice.has_warning else []) + list(notice.cautions))
        rules = self._exchange.rules(cycle.market)
        fees = rules.bid_fee_fraction + rules.ask_fee_fraction
        news = () if self._news is None else self._news.recent(self._clock.now())
        return MarketSnapshot(
            market=cycle.market,
            hourly=hourly,
            strategy_bars=self._make_bars(hourly, self._timeframe, cycle.opened_at),
            reference_hourly=reference,
            book=self._market_data.order_book(cycle.market),
            mark_krw=mark,
            tick_size_krw=tick,
            rules=rules,
            notice=notice,
            gates=(
                freshness,
                *self._gap_gates(hourly),
                reference_gate,
                Gate("market_warnings", flags, "none", is_quiet),
                Gate("tick_size_krw", tick, None, True),
                Gate("round_trip_fee", fees, self._limits.max_round_trip_fee, fees <= self._limits.max_round_trip_fee),
                Gate("minimum_notional_krw", rules.minimum_notional_krw, None, True),
                Gate("market_active", rules.is_active, True, rules.is_active),
                *(() if self._news is None else (_news_gate(news),)),
            ),
            news=news,
        )

    def _hourly(self, market: Market, until: datetime) -> CandleSeries:
        """Collect two years of closed hours; where the newest is late, read again every 2 s for up to 30 s."""
        give_up_at = self._clock.monotonic_s() + _LATE_CANDLE_S
        while True:
            collected = self._collector.collect(market, HOUR, until - self._limits.history, until)
            self._on_candles(collected.fetched)
            wanted = until - HOUR.length
            if collected.series.last_opened_at == wanted or collected.is_final or self._clock.monotonic_s() >= give_up_at:
                return collected.series
            self._clock.sleep(_LATE_PAUSE_S)

    def _reference_candles(self, cycle: Cycle, hourly: CandleSeries, *, is_listed: bool) -> tuple[CandleSeries | None, Gate]:
        name = f"reference {self._reference}"
        if cycle.market == self._reference:
            return hourly, Gate(name, "is this market", None, True)
        if not is_listed:
            return None, Gate(name, "not listed", None, True)
        try:
            series = self._hourly(self._reference, cycle.opened_at)
        except (ExchangeUnavailable, DataError) as error:
            return None, Gate(name, str(error), "candles", False)
        fresh = _freshness_gate(series, cycle.opened_at)
        return series, Gate(name, fresh.value, fresh.limit, fresh.passed)

    def _gap_gates(self, hourly: CandleSeries) -> tuple[Gate, ...]:
        longest = hourly.longest_gap(self._limits.gap_window)
        return (
            Gate("recent_gap_hours", longest, self._limits.max_gap_hours, longest <= self._limits.max_gap_hours),
            Gate("missing_hours", hourly.missing_bars(), None, True),
        )


def _freshness_gate(series: CandleSeries, hour: datetime) -> Gate:
    wanted = hour - HOUR.length
    newest = series.last_opened_at
    limit = f"{minute_text(wanted)}Z"
    if newest == wanted:
        return Gate("candle_age", limit, limit, True)
    return Gate("candle_age", None if newest is None else f"{minute_text(newest)}Z", limit, False)


def _news_gate(news: tuple[NewsItem, ...]) -> Gate:
    """Record what is known of the news; it objects to nothing, for that is the filter's."""
    scored = sum(item.score is not None for item in news)
    return Gate("news", f"{len(news)} known, {scored} scored", None, True)
