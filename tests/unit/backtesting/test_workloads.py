"""The workloads of the benchmark give what others give: W1 a plain reference, W2 the package `backtesting`."""

import warnings

import numpy as np
import pandas as pd
import pytest
from benchmarks.squeeze_breakout import RULES, SqueezeBreakout, SqueezeParameters
from benchmarks.walks import volatile_walk

from dg_bot.backtesting.performance import RoundTrip
from dg_bot.backtesting.replay import replay
from dg_bot.backtesting.signal_pass import signals_of
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.indicators.bars import Bars, Floats
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.strategies.base import BarExits, Strategy
from dg_bot.strategies.sma_cross import SmaCross, SmaCrossParameters
from tests.unit.backtesting.plain_breakout import PlainBreakout

W1 = SqueezeBreakout(SqueezeParameters())
CROSS = SmaCross(SmaCrossParameters(short_period=9, long_period=21))


def everywhere(bars: Bars) -> np.ndarray:
    return np.ones(len(bars), dtype=np.bool_)


WALKS = [volatile_walk(1, 6000), volatile_walk(3, 6000), volatile_walk(2, 6000, seconds=86_400)]


@pytest.mark.parametrize("bars", WALKS)
def test_the_breakout_is_traded_as_the_plain_reference_trades_it(bars: Bars) -> None:
    plain = PlainBreakout(bars)
    plain.run()

    history = replay(bars, signals_of(W1, bars), W1.bar_exits, RULES, everywhere(bars))

    number_of = {second: number for number, second in enumerate(bars.opened_at.tolist())}

    def told(trip: RoundTrip) -> tuple[int, int, str]:
        return number_of[trip.entered_at], number_of[trip.exited_at], trip.reason.word

    assert len(plain.trades) > 10
    assert [(trade.bought, trade.sold, trade.reason) for trade in plain.trades] == [told(trip) for trip in history.round_trips]
    figures = [(trade.entry, trade.exit, trade.quantity) for trade in plain.trades]
    np.testing.assert_allclose(
        [(trip.entry_price, trip.exit_price, trip.quantity) for trip in history.round_trips], figures, rtol=1e-9
    )
    np.testing.assert_allclose(history.curve.equity, plain.equity, rtol=1e-9)


def test_the_references_trades_end_in_every_way() -> None:
    reasons = {trip.reason for bars in WALKS for trip in _history(bars)}

    assert {ExitReason.STOP_LOSS, ExitReason.TRAILING_STOP, ExitReason.TAKE_PROFIT} == reasons


def _history(bars: Bars) -> tuple[RoundTrip, ...]:
    return replay(bars, signals_of(W1, bars), W1.bar_exits, RULES, everywhere(bars)).round_trips


def flat_at_times(seed: int) -> Bars:
    """Make bars that stand still for stretches longer than every window but one, on a coarse grid of prices."""
    bars = volatile_walk(seed, 4000)
    is_still = (np.arange(4000) // 150) % 3 == 0
    close: Floats = np.round(
        np.where(is_still, bars.close[np.maximum(np.arange(4000) // 150 * 150 - 1, 0)], bars.close), -5
    ).astype(np.float64)
    open_ = np.concatenate([close[:1], close[:-1]])
    return Bars(
        opened_at=bars.opened_at,
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        close=close,
        volume=bars.volume,
        seconds=bars.seconds,
    )


@pytest.mark.parametrize("bars", [volatile_walk(5, 6000), flat_at_times(6), flat_at_times(7), volatile_walk(8, 100)])
@pytest.mark.parametrize("strategy", [W1, CROSS, SmaCross(SmaCrossParameters(short_period=2, long_period=3))])
def test_the_compiled_pass_says_what_the_gates_say(bars: Bars, strategy: Strategy) -> None:
    quick, told = signals_of(strategy, bars), strategy.signals(bars)

    np.testing.assert_array_equal(quick.entry, told.entry)
    np.testing.assert_array_equal(quick.exit, told.exit)


# All in, no slippage, and levels out of reach, since the other engine knows none here.
ALL_IN = TradeRules(
    position_fraction=1.0, slippage_fraction=0.0, stop_fraction=0.999, target_fraction=1e9, entry_gap_s=0, entries_per_day=10**6
)


def test_the_crossover_is_traded_as_the_package_backtesting_trades_it() -> None:
    """Both buy and sell at the next open for a fee of the value; it buys whole units only, so its money is made plenty.

    Its own Sharpe ratio is of another definition, and its equity is marked before the fee of the open position's exit, as ours.
    """
    bars = volatile_walk(11, 5000)
    theirs = crossover_of_the_package(bars, cash=1e15)

    history = replay(bars, signals_of(CROSS, bars), BarExits(), ALL_IN, everywhere(bars))

    trades = theirs["_trades"]
    ours = history.round_trips
    assert len(trades) == len(ours) > 100
    opened_at = bars.opened_at
    assert opened_at[trades.EntryBar.to_numpy()].tolist() == [trip.entered_at for trip in ours]
    assert opened_at[trades.ExitBar.to_numpy()].tolist() == [trip.exited_at for trip in ours]
    np.testing.assert_allclose(trades.EntryPrice, [trip.entry_price for trip in ours], rtol=1e-12)
    np.testing.assert_allclose(trades.ExitPrice, [trip.exit_price for trip in ours], rtol=1e-12)
    np.testing.assert_allclose(theirs["_equity_curve"].Equity / 1e15, history.curve.equity, rtol=1e-6)


def crossover_of_the_package(bars: Bars, cash: float) -> pd.Series:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its imports and its progress bar
        from backtesting import Backtest, Strategy  # noqa: PLC0415
        from backtesting.lib import crossover  # noqa: PLC0415

        class Cross(Strategy):  # type: ignore[misc]
            def init(self) -> None:
                for name, period in (("short", 9), ("long", 21)):
                    mean = pd.Series(bars.close).rolling(period).mean().to_numpy()
                    setattr(self, name, self.I(lambda mean=mean: mean))

            def next(self) -> None:
                if crossover(self.short, self.long):
                    self.buy()
                elif crossover(self.long, self.short):
                    self.position.close()

        columns = {"Open": bars.open, "High": bars.high, "Low": bars.low, "Close": bars.close, "Volume": bars.volume}
        frame = pd.DataFrame(columns, index=pd.to_datetime(bars.opened_at, unit="s"))
        return Backtest(frame, Cross, cash=cash, commission=0.0005).run()
