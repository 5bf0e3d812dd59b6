"""One backtest: a strategy over candles under the rules of trading, and all that is said of it afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.backtesting.daily_screen import DailyScreen
from dg_bot.backtesting.performance import (
    EquityCurve,
    MonthReturn,
    Performance,
    RoundTrip,
    TradeFigures,
    monthly_returns,
    performance,
    trade_figures,
)
from dg_bot.backtesting.replay import Replay, replay
from dg_bot.backtesting.signal_pass import signals_of
from dg_bot.backtesting.tradable import entries_allowed, in_time
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError, ImpossibleValue
from dg_bot.indicators.bars import Bars, Flags, bars_of
from dg_bot.pipeline.data_limits import DataLimits
from dg_bot.strategies.base import Strategy
from dg_bot.strategies.parameters import Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What was traded and how it went; times are epoch seconds, equity starts at 1.0.

    `buy_and_hold` is the equity, costs included, of having bought with everything at the first open, if sold at each close.
    `prices` are the bars of the strategy, `candles_sha256` is of the candles that they were made from.
    """

    market: Market
    strategy: str
    parameters: Parameters
    timeframe: Timeframe
    rules: TradeRules
    candles_sha256: str
    prices: CandleSeries
    bars: int
    missing_bars: int
    performance: Performance
    trades: TradeFigures
    months: tuple[MonthReturn, ...]
    round_trips: tuple[RoundTrip, ...]
    curve: EquityCurve
    buy_and_hold: EquityCurve


def by_kernel(
    candles: CandleSeries,
    timeframe: Timeframe,
    strategy: Strategy,
    rules: TradeRules,
    *,
    looks_inside: bool = False,
    screen: DailyScreen | None = None,
) -> Replay:
    """Replay the strategy's signals where a bot's checks of candles, and a `screen`, would have let them pass.

    With `looks_inside` the candles that a bar is made of tell which of its levels came first; raises DataError where a bar is
    made of one.
    """
    series, mask = tradable_bars(candles, timeframe)
    bars = bars_of(series)
    signals = in_time(signals_of(strategy, bars), bars, hours_of(candles), ValidatorLimits())
    if screen is not None:
        mask &= screen.lets_pass(bars, mask & signals.entry)
    finer = bars_of(candles) if looks_inside else None
    return replay(bars, signals, strategy.bar_exits, rules, mask, market=candles.market, finer=finer)


Trader = Callable[[CandleSeries, Timeframe, Strategy, TradeRules], Replay]


def run_backtest(
    candles: CandleSeries, timeframe: Timeframe, strategy: Strategy, rules: TradeRules, trade: Trader = by_kernel
) -> Backtest:
    """Trade `strategy` on bars of `timeframe` that are made from the candles, under the checks of a bot that need candles only.

    Only whole bars count: one whose end lies beyond the last candle is left out. Raises DataError where the candles cannot make
    such bars, and where there are fewer of them than the strategy needs to warm up.
    """
    series = candles.whole(timeframe)
    if len(series) <= strategy.warm_up:
        needed = f"{len(series)} bars are too few: {strategy.name} needs more than {strategy.warm_up}"
        raise DataError(f"{candles.market} {timeframe}", needed)
    history = trade(candles, timeframe, strategy, rules)
    return Backtest(
        market=candles.market,
        strategy=strategy.name,
        parameters=strategy.parameters,
        timeframe=timeframe,
        rules=rules,
        candles_sha256=candles.sha256(),
        prices=series,
        bars=len(series),
        missing_bars=series.missing_bars(),
        performance=performance(history.round_trips, history.curve),
        trades=trade_figures(history.round_trips),
        months=monthly_returns(history.curve),
        round_trips=history.round_trips,
        curve=history.curve,
        buy_and_hold=_buy_and_hold(bars_of(series), rules),
    )


def tradable_bars(candles: CandleSeries, timeframe: Timeframe) -> tuple[CandleSeries, Flags]:
    """Make whole bars of the candles, and tell of each whether a bot's checks of candles would let an entry pass."""
    series = candles.whole(timeframe)
    return series, entries_allowed(bars_of(series), hours_of(candles), ValidatorLimits(), DataLimits())


def hours_of(candles: CandleSeries) -> Bars | None:
    """Make whole hours of the candles; None where those are longer."""
    return None if HOUR.seconds % candles.timeframe.seconds else bars_of(candles.whole(HOUR))


def _buy_and_hold(bars: Bars, rules: TradeRules) -> EquityCurve:
    cost = float(bars.open[0]) * (1.0 + rules.slippage_fraction) * (1.0 + rules.fee_fraction)
    proceeds = bars.close * ((1.0 - rules.slippage_fraction) * (1.0 - rules.fee_fraction))
    return EquityCurve(
        opening=1.0,
        opened_at=int(bars.opened_at[0]),
        closed_at=bars.opened_at + bars.seconds,
        equity=proceeds / cost,
    )


def with_own_timeframe(candles: CandleSeries) -> CandleSeries:
    """Give candles of a file the timeframe that their times show: the shortest step between two of them.

    Raises DataError where there are fewer than two, where a step is no whole number of minutes, or where a candle lies off the
    grid of the shortest step.
    """
    times = np.frombuffer(candles.opened_at, dtype=np.int64)
    if len(times) < 2:
        raise DataError(str(candles.market), f"{len(times)} candles do not tell their timeframe")
    step = int(np.diff(times).min())
    if step % 60 or (times % step).any():
        raise DataError(str(candles.market), f"the candles do not lie on the grid of their shortest step, {step} s")
    try:
        return replace(candles, timeframe=Timeframe(step // 60))
    except ImpossibleValue as error:
        raise DataError(str(candles.market), f"a step of {step // 60} minutes is no length of the venue's candles") from error
