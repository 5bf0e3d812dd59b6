"""One strategy over the same candles by the kernel and by the pipeline, and what differs between the two."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from dg_bot.backtesting.backtest import by_kernel
from dg_bot.backtesting.daily_screen import DailyScreen
from dg_bot.backtesting.engine import PipelineRun, run_pipeline
from dg_bot.backtesting.performance import RoundTrip
from dg_bot.backtesting.replay import Replay
from dg_bot.backtesting.screen import QuickBacktestFilter, ScreenThresholds, validated_entries
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import HOUR, Timeframe, from_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market, tick_size
from dg_bot.risk.limits import RiskLimits
from dg_bot.strategies.catalog import make_strategy

START = 1_672_531_200


@dataclass(frozen=True, slots=True, kw_only=True)
class BothWays:
    """The same backtest, made twice."""

    kernel: Replay
    pipeline: PipelineRun


def both_ways(
    candles: CandleSeries,
    timeframe: Timeframe,
    strategy: str,
    limits: RiskLimits | None = None,
    *,
    is_hourly: bool = False,
    thresholds: ScreenThresholds | None = None,
) -> BothWays:
    """Trade `strategy` under `limits`; the pipeline runs at the close of each bar, or each hour.

    With `thresholds` each of the two has a screen of its own, made once a day.
    """
    limits = limits or RiskLimits()
    rules = TradeRules.of(limits)
    made = make_strategy(strategy)

    def screen() -> DailyScreen | None:
        if thresholds is None:
            return None
        inner = QuickBacktestFilter(strategy=made, rules=rules, thresholds=thresholds, entry_checks=validated_entries)
        return DailyScreen(inner, bars=candles.whole(timeframe), hours=candles.whole(HOUR))

    return BothWays(
        kernel=by_kernel(candles, timeframe, made, rules, screen=screen()),
        pipeline=run_pipeline(candles, timeframe, made, rules=rules, limits=limits, is_hourly=is_hourly, screen=screen()),
    )


def difference(both: BothWays, market: Market) -> str | None:
    """Tell of the first round trip in which the two differ: times, reason, or a price by more than one tick; None for none."""
    ours, theirs = both.kernel.round_trips, both.pipeline.history.round_trips
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if _facts(one) != _facts(other) or not _same_prices(one, other, market):
            return f"round trip {number}: the kernel's is {_words(one)}, the pipeline's {_words(other)}"
    if len(ours) != len(theirs):
        longer = ours if len(ours) > len(theirs) else theirs
        return (
            f"{len(ours)} round trips of the kernel, {len(theirs)} of the pipeline: {_words(longer[min(len(ours), len(theirs))])}"
        )
    return None


def _facts(trip: RoundTrip) -> tuple[object, ...]:
    return trip.entered_at, trip.exited_at, trip.bars_held, trip.reason


def _same_prices(one: RoundTrip, other: RoundTrip, market: Market) -> bool:
    prices = ((one.entry_price, other.entry_price, one.entered_at), (one.exit_price, other.exit_price, one.exited_at))
    return all(
        abs(first - second) <= float(tick_size(market, Decimal(repr(first)), from_epoch(at))) * 1.000_001
        for first, second, at in prices
    )


def _words(trip: RoundTrip) -> str:
    times = " to ".join(f"{from_epoch(second):%Y-%m-%dT%H:%M}" for second in (trip.entered_at, trip.exited_at))
    return f"{times}, {trip.entry_price:.10g} to {trip.exit_price:.10g}, {trip.reason.word}"


def made_hours(seed: int, count: int, *, absent: Sequence[int] = (), level: float = 30_000_000.0) -> CandleSeries:
    """Make hours of a market that swings, jumps between close and open, and at times trades much; `absent` ones are missing."""
    generator = np.random.default_rng(seed)
    swing = 0.12 * np.sin(np.arange(count) / 170.0) + 0.05 * np.sin(np.arange(count) / 31.0)
    close = level * np.exp(swing + np.cumsum(generator.normal(0.0, 0.006, count)))
    opening = np.concatenate([[level], close[:-1]]) * np.exp(generator.normal(0.0, 0.001, count))
    reach = np.abs(generator.normal(0.0, 0.004, (2, count)))
    kept = np.setdiff1d(np.arange(count), np.array(absent, dtype=np.int64))
    columns = {
        "open": opening,
        "high": np.maximum(opening, close) * (1.0 + reach[0]),
        "low": np.minimum(opening, close) * (1.0 - reach[1]),
        "close": close,
    }
    return CandleSeries(
        market=Market("KRW-BTC"),
        timeframe=HOUR,
        opened_at=array("q", (START + HOUR.seconds * kept).tolist()),
        **{name: array("d", (np.round(values / 1000.0) * 1000.0)[kept].tolist()) for name, values in columns.items()},
        volume=array("d", generator.lognormal(3.0, 0.8, count)[kept].tolist()),
    )
