"""The trades of each strategy on KRW-BTC in 2022 and 2023 are those that plain arithmetic on the raw candles gives."""

import statistics

import numpy as np
import pytest

from dg_bot.backtesting.report import exit_word
from dg_bot.strategies.catalog import STRATEGY_NAMES
from tests.golden.cases import plain_bars, replayed, signals, told
from tests.golden.page import PAGE, chosen, page
from tests.golden.plain_trade import worked

# Round trips and total return; the reasons stand in docs/golden-trades.md, trade by trade.
GOLDEN = {
    "volatility_breakout": (30, 0.007910),
    "sma_cross": (24, 0.024137),
    "ema_cross": (22, 0.014443),
    "macd_cross": (46, 0.016754),
    "rsi_reversal": (17, 0.004295),
    "bollinger_reentry": (29, -0.002008),
    "vwap_return": (153, -0.031737),
    "volume_profile": (11, 0.027424),
    "grid": (70, -0.034060),
}

every_strategy = pytest.mark.parametrize("strategy", STRATEGY_NAMES)


@every_strategy
def test_each_strategy_ends_where_it_ended(strategy: str) -> None:
    history = replayed(strategy)

    round_trips, total_return = GOLDEN[strategy]
    assert round_trips == len(history.round_trips)
    assert total_return == pytest.approx(history.curve.equity[-1] - 1.0, abs=5e-7)


@every_strategy
def test_each_round_trip_is_what_arithmetic_by_hand_makes_of_it(strategy: str) -> None:
    bars, said = plain_bars(), told(strategy)
    places = {bar.second: number for number, bar in enumerate(bars)}
    for trip in replayed(strategy).round_trips:
        by_hand = worked(bars, places[trip.entered_at] - 1, said)
        assert by_hand is not None
        assert (trip.exited_at, exit_word(trip.reason)) == (bars[by_hand.ended].second, by_hand.reason)
        assert (trip.entry_price, trip.exit_price) == pytest.approx((by_hand.entry_price, by_hand.exit_price), abs=1e-6)
        assert trip.pnl_fraction == pytest.approx(by_hand.gain, abs=1e-12)


@every_strategy
def test_each_entry_follows_a_close_at_which_every_gate_of_the_strategy_passed(strategy: str) -> None:
    said = signals(strategy)
    places = {bar.second: number for number, bar in enumerate(plain_bars())}

    for trip in replayed(strategy).round_trips:
        assert all(gate.at(places[trip.entered_at] - 1).passed for gate in said.gates)


def test_the_crossing_of_two_means_is_theirs_when_counted_by_hand() -> None:
    closes = [bar.close for bar in plain_bars()]
    crossed = [
        number
        for number in range(30, len(closes))
        if sum(closes[number - 9 : number + 1]) / 10 > sum(closes[number - 29 : number + 1]) / 30
        and sum(closes[number - 10 : number]) / 10 <= sum(closes[number - 30 : number]) / 30
    ]

    assert crossed == np.flatnonzero(signals("sma_cross").entry).tolist()


def test_the_return_into_the_bands_is_theirs_when_counted_by_hand() -> None:
    closes = [bar.close for bar in plain_bars()]

    def band(number: int) -> tuple[float, float]:
        window = closes[number - 19 : number + 1]
        mean, deviation = statistics.fmean(window), statistics.pstdev(window)
        return mean - 2 * deviation, 4 * deviation / mean

    returned = [
        number
        for number in range(20, len(closes))
        if closes[number - 1] < band(number - 1)[0] and closes[number] >= band(number)[0] and band(number)[1] >= 0.02
    ]

    assert returned == np.flatnonzero(signals("bollinger_reentry").entry).tolist()


def test_at_least_ten_trades_are_worked_out_on_the_page_and_the_page_is_what_the_command_prints() -> None:
    assert len(chosen()) >= 10
    assert {strategy for strategy, _ in chosen()} == set(STRATEGY_NAMES)
    assert page() == PAGE.read_text(encoding="utf-8")
