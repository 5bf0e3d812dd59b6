"""What a strategy did on recorded candles, and how often the screen would have let it trade."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from dg_bot.backtesting.backtest import run_backtest
from dg_bot.backtesting.performance import EquityCurve, daily_returns, drawdown, sharpe
from dg_bot.backtesting.screen import HISTORY, QuickBacktestFilter, ScreenThresholds, passes_thresholds, validated_entries
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import HOUR, Timeframe, from_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.screen import ScreenHonesty, ScreenResult
from dg_bot.strategies.base import Strategy

TIMEFRAMES = (Timeframe(60), Timeframe(240), Timeframe(1440))


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFigures:
    """Figures over all candles, costs included; fractions, `sharpe` annualised."""

    total_return: float
    sharpe: float
    max_drawdown: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One strategy on bars of one length on one market, beside buying everything at the start and holding it.

    Of `windows` of two years, which end a month apart, `passed` passed the thresholds and `strict` the strict rule too.
    """

    market: str
    timeframe: str
    strategy: str
    first_day: str
    end_day: str
    candles_sha256: str
    traded: HistoryFigures
    round_trips: int
    held: HistoryFigures
    windows: int
    passed: int
    strict: int


def studied(candles: CandleSeries, timeframe: Timeframe, strategy: Strategy, rules: TradeRules) -> StudyRow:
    """Study one strategy; raises DataError where the candles are too few for it, or make no such bars."""
    backtest = run_backtest(candles, timeframe, strategy, rules)
    figures = backtest.performance
    verdicts = list(_screened(candles, timeframe, strategy, rules))
    return StudyRow(
        market=str(candles.market),
        timeframe=str(timeframe),
        strategy=strategy.name,
        first_day=f"{from_epoch(candles.opened_at[0]):%Y-%m-%d}",
        end_day=f"{_end(candles):%Y-%m-%d}",
        candles_sha256=backtest.candles_sha256,
        traded=HistoryFigures(total_return=figures.total_return, sharpe=figures.sharpe, max_drawdown=figures.drawdown.deepest),
        round_trips=figures.round_trips,
        held=_whole(backtest.buy_and_hold),
        windows=len(verdicts),
        passed=sum(passes_thresholds(verdict.gates) for verdict in verdicts),
        strict=sum(verdict.has_passed for verdict in verdicts),
    )


def window_ends(first: datetime, end: datetime) -> Iterator[datetime]:
    """Give the ends of all windows of two years, newest first: the end of the candles, then each first day of a month before."""
    at = end
    while at - HISTORY >= first:
        yield at
        month = at.replace(day=1, hour=0, minute=0, second=0)
        if month < at:
            at = month
        else:
            at = month.replace(year=at.year - 1, month=12) if at.month == 1 else month.replace(month=at.month - 1)


def study_json(rows: Sequence[StudyRow], rules: TradeRules) -> str:
    """Write everything as one JSON object; fractions are fractions."""
    content = {"schema_version": 1, "rules": asdict(rules), "window_days": HISTORY.days, "rows": [asdict(row) for row in rows]}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _screened(candles: CandleSeries, timeframe: Timeframe, strategy: Strategy, rules: TradeRules) -> Iterator[ScreenResult]:
    screen = QuickBacktestFilter(
        strategy=strategy,
        rules=rules,
        thresholds=ScreenThresholds.of(ScreenHonesty.STRICT),
        entry_checks=validated_entries,
    )
    bars, hours = candles.resampled(timeframe), candles.resampled(HOUR)
    for end in window_ends(from_epoch(candles.opened_at[0]), _end(candles)):
        yield screen.evaluate(bars, end, hourly=hours)


def _end(candles: CandleSeries) -> datetime:
    return from_epoch(candles.opened_at[-1]) + candles.timeframe.length


def _whole(curve: EquityCurve) -> HistoryFigures:
    daily = daily_returns(curve)
    return HistoryFigures(total_return=curve.total_return, sharpe=sharpe(daily), max_drawdown=drawdown(curve).deepest)
