"""The pipeline itself over recorded candles: hour by hour, with a simulated clock and exchange, every gate recorded."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from dg_bot.adapters.memory import MemoryJournal
from dg_bot.analysis.filters import NEWS_BLOCK_SCORE
from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.backtesting.bar_guard import BarGuard
from dg_bot.backtesting.daily_screen import DailyScreen
from dg_bot.backtesting.journal_trips import trip_rows
from dg_bot.backtesting.known_measurements import KnownMeasurements
from dg_bot.backtesting.performance import EquityCurve
from dg_bot.backtesting.recorded_candles import SEEN_HOURS, RecordedCandles
from dg_bot.backtesting.recorded_market import RecordedClock, RecordedMarket
from dg_bot.backtesting.replay import Replay
from dg_bot.backtesting.trade_rules import COUNTED_IN_PARTS, TradeRules
from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR, Timeframe, from_epoch, to_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.cycle_report import CycleReport, Mode
from dg_bot.domain.money import QUANTITY_STEP, decimal_from_float
from dg_bot.domain.screen import ScreenMode, ScreenResult
from dg_bot.errors import ConfigurationError, DataError, InvariantViolated
from dg_bot.execution.planner import PlannerLimits
from dg_bot.indicators.bars import bars_of
from dg_bot.models.rules import RulesModel
from dg_bot.pipeline.analysis_stage import AnalysisSettings, AnalysisStage
from dg_bot.pipeline.assembly import Trading, TradingPorts, TradingRules, assembled
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.data_limits import DataLimits
from dg_bot.ports import DecisionModel, RecentNews
from dg_bot.risk.limits import RiskLimits
from dg_bot.simulator.ledger import Ledger
from dg_bot.strategies.base import BarExits, Strategy

# Small enough that no cap in won and no split of orders is ever met: a backtest speaks in fractions of equity.
START_KRW = Decimal(1_000_000)
MINIMUM_CONFIDENCE = 0.70
_TOLD_EVERY = 100
# Fills of the pipeline are the ledger's, which knows none of these.
_UNKNOWN_TERMS = ("depth_krw", "impact_fraction", "participation_fraction", "closing_trail_atr")


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRun:
    """What the pipeline did: its trades as a replay shows them, and the report of every cycle with all its gates."""

    history: Replay
    reports: tuple[CycleReport, ...]


def run_pipeline(
    candles: CandleSeries,
    timeframe: Timeframe,
    strategy: Strategy,
    *,
    rules: TradeRules,
    limits: RiskLimits,
    is_hourly: bool = True,
    screen: DailyScreen | None = None,
    news: RecentNews | None = None,
    news_block_score: float = NEWS_BLOCK_SCORE,
    model: DecisionModel | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> PipelineRun:
    """Drive the stages through every hour of the candles, on the strategy's whole bars of `timeframe`.

    `limits` are the account's, `rules` say what it costs to trade, `screen` blocks entries where there is one. The size is fixed,
    and order book and other markets object to nothing; nor do news, unless `news` tells what was known of them at each hour.
    Without `is_hourly` only the cycles at the close of a bar are run: others do not trade.
    `model` decides, the strategy's own rules where there is none.
    `on_progress` is told now and then how many of how many bars are done.
    Raises DataError for bars that are no whole hours, and ConfigurationError for terms that only the kernel knows.
    """
    for name in _UNKNOWN_TERMS:
        if getattr(rules, name):
            raise ConfigurationError(name, "the pipeline's fills know no such term", "use the kernel, or leave it out")
    if timeframe.seconds % HOUR.seconds:
        raise DataError(f"{candles.market} {timeframe}", "the pipeline runs once an hour: its bars are of 60m or longer")
    hours, bars = candles.whole(HOUR), candles.whole(timeframe)
    if not len(bars):
        raise DataError(f"{candles.market} {timeframe}", "there is no whole bar")
    with _without_collection():
        analysis = AnalysisStage(
            strategy=strategy,
            screen=screen or _NoScreen(),
            model=model or RulesModel(),
            limits=limits,
            settings=AnalysisSettings(
                screen_mode=ScreenMode.OFF if screen is None else ScreenMode.BLOCK,
                minimum_confidence=MINIMUM_CONFIDENCE,
                validator=ValidatorLimits(),
                is_sized_by_screen=False,
                news_block_score=news_block_score,
            ),
            measurements=KnownMeasurements(strategy, bars_of(hours), bars_of(bars)),
        )
        run = _Run(hours, bars, bar_exits=strategy.bar_exits, rules=rules, limits=limits, analysis=analysis, news=news)
        return run.through(HOUR if is_hourly else timeframe, on_progress)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Look for no garbage meanwhile: a run keeps nearly all it makes, and walking through that again and again finds none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Run:
    """One backtest under way."""

    def __init__(
        self,
        hours: CandleSeries,
        bars: CandleSeries,
        *,
        bar_exits: BarExits,
        rules: TradeRules,
        limits: RiskLimits,
        analysis: AnalysisStage,
        news: RecentNews | None,
    ) -> None:
        self._hours = hours
        self._bars = bars
        # A capital of 1.0 counts in parts of equity, of which the venue would take no order.
        start_krw = START_KRW if rules.capital_krw == COUNTED_IN_PARTS else Decimal(repr(rules.capital_krw))
        self._capital_krw = rules.capital_krw
        self._unit_krw = start_krw / Decimal(repr(rules.capital_krw))
        self._ledger = Ledger(krw=start_krw, fee_fraction=Decimal(repr(rules.fee_fraction)))
        self._clock = RecordedClock(from_epoch(hours.opened_at[0]))
        self._prices = RecordedMarket(
            market=hours.market, ledger=self._ledger, clock=self._clock, rules=rules, price_krw=_price(hours.open[0])
        )
        self._journal = MemoryJournal(self._clock.now)
        self._books = Books(journal=self._journal, clock=self._clock, on_record=lambda _record: None)
        self._trading = self._assembled(bar_exits, limits, analysis, news)
        self._trading.reconciler.open_account()
        self._guard = BarGuard(
            market=hours.market, guard=self._trading.guard, books=self._books, prices=self._prices, clock=self._clock
        )
        self._reports: list[CycleReport] = []
        self._equity: list[float] = []

    def through(self, step: Timeframe, on_progress: Callable[[int, int], None]) -> PipelineRun:
        """Run a cycle at each step that has a candle behind it, and watch what is held through each bar."""
        opened, length = self._bars.opened_at, self._bars.timeframe.seconds
        bar, hour = 0, 0
        first = to_epoch(step.floor(from_epoch(self._hours.opened_at[0]))) + step.seconds
        for second in range(first, opened[-1] + length, step.seconds):
            if second == opened[bar] + length:
                self._mark(bar)
                bar += 1
                if not bar % _TOLD_EVERY:
                    on_progress(bar, len(opened))
            while self._hours.opened_at[hour + 1] < second:
                hour += 1
            self._run_cycle(second, last=hour, following=bar)
            if second == opened[bar]:
                self._guard.watch(*(_price(column[bar]) for column in (self._bars.open, self._bars.high, self._bars.low)))
        self._mark(bar)
        bars = bars_of(self._bars)
        curve = EquityCurve(
            opening=self._capital_krw, opened_at=opened[0], closed_at=bars.opened_at + length, equity=np.array(self._equity)
        )
        trips = trip_rows(self._journal.records(), opened, self._unit_krw)
        return PipelineRun(history=Replay(bars=bars, trips=trips, curve=curve), reports=tuple(self._reports))

    def _run_cycle(self, second: int, *, last: int, following: int) -> None:
        """Run one cycle at the close of hour number `last`; its orders are filled when bar number `following` trades.

        Where an order has waited for a market in which nothing trades, the hours until then have passed.
        """
        at = from_epoch(second)
        if self._clock.at >= at + HOUR.length:
            return
        self._clock.at = max(self._clock.at, at)
        opens_at = max(second, self._bars.opened_at[following])
        self._prices.stand_at(
            _price(self._hours.close[last]), next_krw=_price(self._bars.open[following]), next_at=from_epoch(opens_at)
        )
        self._reports.append(self._trading.pipeline.run_cycle(Cycle(market=self._hours.market, opened_at=at)))

    def _mark(self, bar: int) -> None:
        """Note the equity at the close of a bar, before what its close decides."""
        held = self._ledger.account(self._hours.market.base).total
        equity = self._ledger.account("KRW").total + held * _price(self._bars.close[bar])
        self._equity.append(float(equity / self._unit_krw))

    def _assembled(self, bar_exits: BarExits, limits: RiskLimits, analysis: AnalysisStage, news: RecentNews | None) -> Trading:
        rules = TradingRules(
            mode=Mode.PAPER,
            markets=(self._hours.market,),
            reference=self._hours.market,
            namespace="backtest",
            timeframe=self._bars.timeframe,
            bar_exits=bar_exits,
            limits=limits,
            data=DataLimits(history=SEEN_HOURS * HOUR.length),
            allow_warned_markets=False,
            planner=PlannerLimits(),
        )
        candles = RecordedCandles(self._hours, self._bars)
        ports = TradingPorts(
            clock=self._clock,
            market_data=self._prices,
            prompt_data=self._prices,
            exchange=self._prices,
            candles=candles,
            make_bars=candles.bars,
            news=news,
            on_candles=lambda _count: None,
            on_acknowledged=lambda _seconds: None,
        )
        return assembled(self._books, rules=rules, ports=ports, analysis=analysis)


class _NoScreen:
    """The screen of a pipeline that has none."""

    def evaluate(self, strategy_bars: CandleSeries, now: datetime, *, hourly: CandleSeries) -> ScreenResult:
        raise InvariantViolated(
            "screen", f"{strategy_bars.market} was screened in a backtest, at {now}, over {len(hourly)} hours"
        )


def _price(value: float) -> Decimal:
    return decimal_from_float(value, QUANTITY_STEP)
