"""The verdict of the screen is made once a bar, and tells from what it was made."""

from datetime import datetime, timedelta
from decimal import Decimal

from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.domain.screen import ScreenResult
from dg_bot.pipeline.screen_memory import ScreenInput, ScreenOncePerBar
from tests.builders import BTC, ETH, NOON

_PRICE = Decimal(100)
FOUR_HOURS = Timeframe(240)


class Counted:
    """A screen that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Market, datetime]] = []

    def evaluate(self, strategy_bars: CandleSeries, now: datetime, *, hourly: CandleSeries) -> ScreenResult:
        self.asked.append((strategy_bars.market, now))
        return ScreenResult(
            evaluated_at=now, days=0.0, round_trips=0, total_return=0.0, win_rate=0.0, profit_factor=None, payoff=None,
            sharpe=0.0, max_drawdown=0.0, gates=(),
        )  # fmt: skip


def hours(market: Market, until: datetime) -> CandleSeries:
    times = [until - timedelta(hours=back) for back in range(12, 0, -1)]
    return CandleSeries.from_candles(
        market,
        HOUR,
        [Candle(opened_at=at, open=_PRICE, high=_PRICE, low=_PRICE, close=_PRICE, volume=_PRICE) for at in times],
    )


def test_a_bar_is_screened_in_the_cycle_after_it_closed_and_not_in_the_next_three() -> None:
    screen, inputs = Counted(), list[ScreenInput]()
    once = ScreenOncePerBar(screen, on_input=inputs.append)

    for hour in range(5):
        now = NOON + timedelta(hours=hour)
        series = hours(BTC, NOON + timedelta(hours=4 * (hour // 4)))
        once.evaluate(series.resampled(FOUR_HOURS).closed_by(now), now, hourly=series)

    assert [(BTC, NOON), (BTC, NOON + timedelta(hours=4))] == screen.asked
    assert [NOON] * 4 + [NOON + timedelta(hours=4)] == [one.evaluated_at for one in inputs]


def test_each_market_has_its_own_verdict() -> None:
    screen = Counted()
    once = ScreenOncePerBar(screen, on_input=lambda _input: None)

    for market in (BTC, ETH, BTC):
        series = hours(market, NOON)
        once.evaluate(series.resampled(FOUR_HOURS), NOON, hourly=series)

    assert [(BTC, NOON), (ETH, NOON)] == screen.asked
