"""What the figures of a backtest are worth: beside chance, beside the thresholds of the screen, beside markets without drift."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from dg_bot.backtesting.backtest import Backtest
from dg_bot.backtesting.daily_screen import ScreenedDays
from dg_bot.backtesting.driftless import daily_moves
from dg_bot.backtesting.luck import LuckLimits, driftless_verdicts, last_midnight
from dg_bot.backtesting.performance import daily_returns
from dg_bot.backtesting.screen import QuickBacktestFilter, ScreenThresholds, honesty_of, screen_gates, validated_entries
from dg_bot.backtesting.sharpe_odds import sharpe_odds
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.gate import Gate
from dg_bot.domain.screen import DriftlessPasses, Honesty
from dg_bot.errors import DataError
from dg_bot.indicators.bars import bars_of
from dg_bot.strategies.base import Strategy

_FEWEST_DAYS = LuckLimits().fewest_days


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """How far the figures can be believed, and what the screen's thresholds say to them; the screen itself looks at two years.

    `screened` is None where the screen had no say.
    """

    honesty: Honesty
    gates: tuple[Gate, ...]
    screened: ScreenedDays | None


def worth(
    backtest: Backtest, *, trials: int, driftless: DriftlessPasses | None = None, screened: ScreenedDays | None = None
) -> Worth:
    """Judge a backtest that was chosen out of `trials`, by the returns of its days and of its round trips."""
    odds = sharpe_odds(daily_returns(backtest.curve), trials)
    return Worth(
        honesty=honesty_of(backtest.round_trips, odds, trials=trials, driftless=driftless),
        gates=screen_gates(backtest.performance, odds, ScreenThresholds()),
        screened=screened,
    )


def driftless_passes(
    candles: CandleSeries,
    timeframe: Timeframe,
    strategy: Strategy,
    rules: TradeRules,
    *,
    trials: int,
    walks: int,
    on_progress: Callable[[int, int], None],
) -> DriftlessPasses:
    """Count how many of `walks` markets without drift, drawn from the days of the candles, the screen would pass.

    `on_progress` is told how many of how many are done. The seed is made of the candles, so that the same give the same. Raises
    DataError where there are no hours to draw from, or too few whole days of them.
    """
    hours = bars_of(candles.resampled(HOUR))
    days = daily_moves(hours)
    end = last_midnight(hours)
    if end is None or len(days) < _FEWEST_DAYS:
        raise DataError(
            str(candles.market), f"{len(days)} whole days are too few to draw markets from: {_FEWEST_DAYS} are needed"
        )
    screen = QuickBacktestFilter(
        strategy=strategy,
        rules=rules,
        thresholds=ScreenThresholds(),
        entry_checks=validated_entries,
        trials=lambda _market: trials,
    )
    seed = int(candles.sha256()[:12], 16)
    verdicts = driftless_verdicts(days, timeframe.seconds, lambda bars, of: screen.passes(bars, of, trials), seed)
    passes = 0
    for number, has_passed in enumerate(islice(verdicts, walks), start=1):
        passes += has_passed
        on_progress(number, walks)
    return DriftlessPasses(
        identity=screen.identity(timeframe.seconds, trials), measured_on=end, seed=seed, walks=walks, passes=passes
    )
