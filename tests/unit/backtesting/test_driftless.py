import numpy as np
import pytest

from dg_bot.backtesting.driftless import MEAN_BLOCK_DAYS, block_order, daily_moves, driftless_hours, joined
from dg_bot.backtesting.walks import driftless_walk, trending_walk
from dg_bot.domain.calendar import HOUR
from dg_bot.indicators.bars import Bars
from tests.unit.backtesting.bars import START, bars_from


def without(bars: Bars, row: int) -> Bars:
    columns = {name: np.delete(getattr(bars, name), row) for name in ("opened_at", "open", "high", "low", "close", "volume")}
    return Bars(**columns, seconds=bars.seconds)


def test_only_whole_days_are_taken() -> None:
    """Three days: the first has no hour before it, and of the second one hour is absent."""
    hours = bars_from(" ".join(["100"] * 72), seconds=HOUR.seconds)

    assert [2, 1] == [len(daily_moves(hours)), len(daily_moves(without(hours, 30)))]


def test_moves_keep_each_day_together_and_lose_their_drift() -> None:
    hours = trending_walk(1, days=40, strength=0.2)
    days = daily_moves(hours)

    shift = np.log(hours.close[1:] / hours.close[:-1]).reshape(-1)[23 : 23 + 24] - days.moves[0, :, 3]

    assert shift == pytest.approx(np.full(24, shift[0]))
    assert np.exp(days.moves[..., 3]).mean() == pytest.approx(1.0)


def test_a_drawn_market_is_made_of_the_days_that_were_there() -> None:
    days = daily_moves(driftless_walk(2, days=30))
    drawn = driftless_hours(days, np.random.default_rng(1))

    moves = np.log(drawn.close / np.concatenate([[days.first_price], drawn.close[:-1]])).reshape(-1, 24)
    known = {tuple(np.round(day, 9)) for day in days.moves[..., 3]}

    assert (29 * 24, START % 86_400) == (len(drawn), int(drawn.opened_at[0]) % 86_400)
    assert {tuple(np.round(day, 9)) for day in moves} <= known
    assert (drawn.low <= np.minimum(drawn.open, drawn.close)).all()
    assert (drawn.high >= np.maximum(drawn.open, drawn.close)).all()


def test_the_same_draw_is_the_same_market_and_another_one_another() -> None:
    days = daily_moves(driftless_walk(3, days=30))

    one, again, other = (driftless_hours(days, np.random.default_rng(seed)).close for seed in (1, 1, 2))

    assert (one == again).all()
    assert (one != other).any()


def test_blocks_are_runs_of_days_with_the_mean_length() -> None:
    order = block_order(20_000, np.random.default_rng(1))

    is_next = np.diff(order) % 20_000 == 1

    assert (0, 20_000) == (max(0, int(order.min()) - 5), len(order))
    assert 1.0 / (1.0 - is_next.mean()) == pytest.approx(MEAN_BLOCK_DAYS, rel=0.05)


def test_nobody_gains_by_holding_drawn_markets() -> None:
    """Of a market that only rises: the mean end of 300 draws is the start, within four standard errors."""
    days = daily_moves(trending_walk(4, days=60, strength=0.1, mean_hours=1e9))
    ends = np.array([driftless_hours(days, np.random.default_rng(seed)).close[-1] / days.first_price for seed in range(300)])

    assert abs(ends.mean() - 1.0) < 4.0 * ends.std() / np.sqrt(300)


def test_hours_join_into_longer_bars() -> None:
    hours = bars_from("10,12,9,11 11,15,10,12 12,13,8,9 9,9,9,9 20,20,20,20", seconds=HOUR.seconds)

    bars = joined(hours, 4 * HOUR.seconds)

    row = (bars.opened_at[0], bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0])
    assert (1, START, 10.0, 15.0, 8.0, 9.0, 4.0) == (len(bars), *row)
