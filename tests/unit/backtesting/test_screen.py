from array import array
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from dg_bot.backtesting.luck import LuckMeter
from dg_bot.backtesting.performance import Drawdown, Performance
from dg_bot.backtesting.screen import QuickBacktestFilter, ScreenThresholds, screen_gates, trials_of
from dg_bot.backtesting.sharpe_odds import SharpeOdds
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.backtesting.walks import driftless_walk
from dg_bot.domain.calendar import HOUR, Timeframe, from_epoch
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.screen import ScreenHonesty
from dg_bot.indicators.bars import Bars, Flags
from dg_bot.strategies.base import BarExits, Signals
from dg_bot.strategies.breakout import BreakoutParameters, VolatilityBreakout
from dg_bot.strategies.sma_cross import SmaCrossParameters
from tests.unit.backtesting.bars import H4, START, signals_at
from tests.unit.backtesting.test_luck import LIMITS, Kept, Ticks
from tests.unit.indicators.columns import random_bars

BTC = Market("KRW-BTC")
GOOD = Performance(
    days=730.0,
    round_trips=50,
    winners=30,
    losers=20,
    total_return=0.1,
    cagr=0.05,
    win_rate=0.6,
    profit_factor=2.0,
    payoff=1.33,
    expectancy=0.002,
    sharpe=1.5,
    sortino=2.0,
    calmar=1.0,
    drawdown=Drawdown(deepest=0.05, longest_days=40.0),
)
ODDS = SharpeOdds(error=0.7, above_zero=0.98, above_luck=0.6)


class EveryTenth:
    """Buys at every tenth close and leaves the rest to risk."""

    name = "every_tenth"
    parameters = SmaCrossParameters()
    warm_up = 1
    bar_exits = BarExits(time_out_bars=5, time_out_fraction=1.0)

    def __init__(self) -> None:
        self.seen: list[Bars] = []

    def signals(self, bars: Bars) -> Signals:
        self.seen.append(bars)
        return signals_at(bars, *range(0, len(bars), 10))


def series(days: float, drift: float = 0.0, wave: float = 0.01) -> CandleSeries:
    """Make four-hourly bars from START on that swing around a straight line."""
    count = int(days * 6)
    close = 100.0 + drift * np.arange(count) + 100.0 * wave * np.sin(np.arange(count) / 3.0)
    open_ = np.concatenate([close[:1], close[:-1]])
    return CandleSeries(
        market=BTC,
        timeframe=Timeframe(240),
        opened_at=array("q", (START + H4 * np.arange(count)).tolist()),
        open=array("d", open_.tolist()),
        high=array("d", np.maximum(open_, close).tolist()),
        low=array("d", np.minimum(open_, close).tolist()),
        close=array("d", close.tolist()),
        volume=array("d", [1.0] * count),
    )


def hours_of(bars: Bars) -> CandleSeries:
    columns = {name: array("d", getattr(bars, name).tolist()) for name in ("open", "high", "low", "close", "volume")}
    return CandleSeries(market=BTC, timeframe=HOUR, opened_at=array("q", bars.opened_at.tolist()), **columns)


NO_HOURS = CandleSeries.from_candles(BTC, HOUR, ())


def screen(strategy: EveryTenth, mask: Flags | None = None) -> QuickBacktestFilter:
    checks = None if mask is None else lambda bars, hours: mask
    return QuickBacktestFilter(strategy=strategy, rules=TradeRules(), thresholds=ScreenThresholds(), entry_checks=checks)


@pytest.mark.parametrize(
    ("name", "under", "limit", "over", "passes"),
    [
        ("days", 179.9, 180.0, 180.1, (False, True, True)),
        ("round_trips", 9, 10, 11, (False, True, True)),
        ("total_return", 0.0299, 0.03, 0.0301, (False, True, True)),
        ("win_rate", 0.349, 0.35, 0.351, (False, True, True)),
        ("profit_factor", 1.29, 1.3, 1.31, (False, True, True)),
        ("sharpe", 0.79, 0.8, 0.81, (False, True, True)),
        ("drawdown", 0.199, 0.20, 0.201, (True, True, False)),
    ],
)
def test_each_figure_is_held_against_its_threshold(
    name: str, under: float, limit: float, over: float, passes: tuple[bool, bool, bool]
) -> None:
    def passed(value: float) -> bool:
        changed = Drawdown(deepest=value, longest_days=1.0) if name == "drawdown" else value
        return all(gate.passed for gate in screen_gates(replace(GOOD, **{name: changed}), ODDS, ScreenThresholds()))  # type: ignore[arg-type]

    assert passes == (passed(under), passed(limit), passed(over))


def test_gates_tell_value_and_limit() -> None:
    gates = screen_gates(GOOD, ODDS, ScreenThresholds())

    assert [gate.name for gate in gates] == [
        "insufficient_history",
        "round_trips",
        "total_return",
        "win_rate",
        "profit_factor",
        "sharpe",
        "max_drawdown",
    ]
    assert gates[2] == Gate("total_return", 0.1, 0.03, True)


def test_no_loss_at_all_passes_where_something_was_won() -> None:
    flawless = replace(GOOD, profit_factor=None)
    idle = replace(GOOD, profit_factor=None, winners=0)

    assert screen_gates(flawless, ODDS, ScreenThresholds())[4] == Gate("profit_factor", "no loss", 1.3, True)
    assert screen_gates(idle, ODDS, ScreenThresholds())[4] == Gate("profit_factor", None, 1.3, False)


@pytest.mark.parametrize(("sure", "passes"), [(0.949, False), (0.95, True), (0.951, True)])
def test_strict_demands_more_than_the_luck_of_the_best(sure: float, passes: bool) -> None:
    odds = replace(ODDS, above_luck=sure)

    strict = screen_gates(GOOD, odds, ScreenThresholds.of(ScreenHonesty.STRICT))

    assert Gate("deflated_sharpe", sure, 0.95, passes) == strict[-1]
    assert screen_gates(GOOD, odds, ScreenThresholds.of(ScreenHonesty.OFF)) == strict[:-1]


def test_the_trials_are_never_fewer_than_the_strategies_on_offer() -> None:
    assert [9, 109] == [trials_of(), trials_of(100)]


def test_the_record_tells_what_the_figures_are_worth() -> None:
    now = from_epoch(START) + timedelta(days=300)

    honesty = screen(EveryTenth()).evaluate(series(300, drift=0.01, wave=0.04), now, hourly=NO_HOURS).honesty

    assert honesty is not None
    assert (9, None) == (honesty.trials, honesty.driftless)
    assert 0.0 < honesty.deflated_sharpe < honesty.probabilistic_sharpe <= 1.0
    assert honesty.mean_trip is not None
    assert honesty.trip_error is not None
    assert 0.0 < honesty.trip_error


def test_without_a_round_trip_there_is_no_mean_and_with_one_no_error() -> None:
    now = from_epoch(START) + timedelta(days=1)

    none = screen(EveryTenth()).evaluate(series(0), now, hourly=NO_HOURS).honesty
    one = screen(EveryTenth()).evaluate(series(1.5), now + timedelta(days=1), hourly=NO_HOURS).honesty

    assert none is not None
    assert one is not None
    assert (None, None, None) == (none.mean_trip, none.trip_error, one.trip_error)
    assert one.mean_trip is not None


def test_a_screen_is_known_by_what_it_does() -> None:
    same, again = VolatilityBreakout(BreakoutParameters()), VolatilityBreakout(BreakoutParameters())
    slower = VolatilityBreakout(BreakoutParameters(donchian_period=30))

    def identity(strategy: VolatilityBreakout, trials: int = 9, seconds: int = H4, **terms: float) -> str:
        rules = TradeRules(**terms)  # type: ignore[arg-type]
        return QuickBacktestFilter(strategy=strategy, rules=rules, thresholds=ScreenThresholds()).identity(seconds, trials)

    others = [
        identity(slower),
        identity(same, trials=10),
        identity(same, seconds=3600),
        identity(same, stop_fraction=0.04),
        identity(same, fee_fraction=0.0),
    ]
    assert identity(same) == identity(again)
    assert len({identity(same), *others}) == 6


def test_the_luck_of_a_screen_is_asked_of_its_own_hours_and_strategy() -> None:
    hours = hours_of(driftless_walk(3, days=40))
    luck = LuckMeter(store=Kept(), clock=Ticks(), limits=LIMITS)  # type: ignore[arg-type]
    quick = QuickBacktestFilter(strategy=EveryTenth(), rules=TradeRules(), thresholds=ScreenThresholds(), luck=luck)
    assert hours.last_opened_at is not None
    now = hours.last_opened_at + timedelta(hours=1)

    before = quick.evaluate(hours.resampled(Timeframe(240)), now, hourly=hours).honesty
    assert BTC == luck.measure_next()
    after = quick.evaluate(hours.resampled(Timeframe(240)), now, hourly=hours).honesty

    assert before is not None
    assert before.driftless is None
    assert after is not None
    assert after.driftless is not None
    assert (10, 0) == (after.driftless.walks, after.driftless.passes)
    assert quick.identity(H4, 9) == after.driftless.identity


def test_a_rising_market_passes_and_a_falling_one_does_not() -> None:
    now = from_epoch(START) + timedelta(days=300)

    rising = screen(EveryTenth()).evaluate(series(300, drift=0.5), now, hourly=NO_HOURS)
    falling = screen(EveryTenth()).evaluate(series(300, drift=-0.03), now, hourly=NO_HOURS)

    assert rising.has_passed
    assert not falling.has_passed
    assert falling.total_return < 0.0 < rising.total_return


def test_only_the_newest_two_years_of_closed_bars_are_looked_at() -> None:
    strategy = EveryTenth()
    now = from_epoch(START) + timedelta(days=800, hours=1)

    result = screen(strategy).evaluate(series(900), now, hourly=NO_HOURS)

    (bars,) = strategy.seen
    assert bars.opened_at[0] == START + 70 * 86_400 + H4
    assert bars.opened_at[-1] == START + 800 * 86_400 - H4
    assert result.days == pytest.approx(730.0 - 4 / 24)
    assert now == result.evaluated_at


def test_too_short_a_history_fails_as_such() -> None:
    now = from_epoch(START) + timedelta(days=400)

    short = screen(EveryTenth()).evaluate(series(179.9, drift=0.5), now, hourly=NO_HOURS)
    enough = screen(EveryTenth()).evaluate(series(180, drift=0.5), now, hourly=NO_HOURS)

    assert [gate.name for gate in short.gates if not gate.passed] == ["insufficient_history"]
    assert enough.has_passed


def test_no_bars_fail_without_an_error() -> None:
    result = screen(EveryTenth()).evaluate(series(0), from_epoch(START), hourly=NO_HOURS)

    assert (0, 0.0, False) == (result.round_trips, result.days, result.has_passed)


def test_entry_checks_keep_entries_out() -> None:
    bars = series(200)
    now = from_epoch(START) + timedelta(days=200)

    everything = screen(EveryTenth(), np.ones(1200, dtype=np.bool_)).evaluate(bars, now, hourly=NO_HOURS)
    nothing = screen(EveryTenth(), np.zeros(1200, dtype=np.bool_)).evaluate(bars, now, hourly=NO_HOURS)

    assert screen(EveryTenth()).evaluate(bars, now, hourly=NO_HOURS) == everything
    assert (120, 0) == (everything.round_trips, nothing.round_trips)


def test_entry_checks_are_given_the_closed_bars_and_hours_of_two_years() -> None:
    seen: list[tuple[int, int]] = []

    def checks(bars: Bars, hours: Bars) -> Flags:
        seen.append((len(bars), len(hours)))
        return np.ones(len(bars), dtype=np.bool_)

    quick = QuickBacktestFilter(strategy=EveryTenth(), rules=TradeRules(), thresholds=ScreenThresholds(), entry_checks=checks)
    now = from_epoch(START) + timedelta(hours=9)
    opened = [from_epoch(START) + timedelta(hours=hour) for hour in range(10)]
    one = Decimal(1)
    hourly = CandleSeries.from_candles(
        BTC, HOUR, [Candle(opened_at=at, open=one, high=one, low=one, close=one, volume=one) for at in opened]
    )

    quick.evaluate(hourly.resampled(Timeframe(240)), now, hourly=hourly)

    assert [(2, 9)] == seen


def test_the_default_strategy_runs_over_random_bars_and_answers_the_same_twice() -> None:
    bars = random_bars(31, 2000)
    columns = {name: array("d", getattr(bars, name).tolist()) for name in ("open", "high", "low", "close", "volume")}
    candles = CandleSeries(
        market=Market("KRW-BTC"), timeframe=Timeframe(240), opened_at=array("q", bars.opened_at.tolist()), **columns
    )
    quick = QuickBacktestFilter(
        strategy=VolatilityBreakout(BreakoutParameters()), rules=TradeRules(), thresholds=ScreenThresholds()
    )
    now = from_epoch(int(bars.opened_at[-1]) + H4)

    result = quick.evaluate(candles, now, hourly=NO_HOURS)

    assert result.round_trips > 10
    assert quick.evaluate(candles, now, hourly=NO_HOURS) == result
