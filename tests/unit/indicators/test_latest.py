import math
from dataclasses import replace

import pytest

from dg_bot.indicators.latest import IndicatorSnapshot, Stance, signal_summary, snapshot
from dg_bot.indicators.momentum import rsi
from dg_bot.indicators.volatility import atr
from tests.unit.indicators.columns import random_bars

CALM = {"rsi": 50.0, "close": 100.0, "bollinger_lower": 90.0, "bollinger_upper": 110.0, "macd": 1.0, "macd_signal": 1.0}


def quiet(**values: float) -> IndicatorSnapshot:
    """Make a snapshot without any value but the given ones."""
    return replace(snapshot(random_bars(1, 0)), **values)


def test_a_snapshot_holds_the_last_value_of_each_indicator() -> None:
    bars = random_bars(4, 300)

    latest = snapshot(bars)

    assert (rsi(bars.close)[-1], atr(bars.high, bars.low, bars.close)[-1]) == (latest.rsi, latest.atr)
    assert len(latest.as_mapping()) == 22
    assert {float} == {type(value) for value in latest.as_mapping().values()}


def test_what_has_not_warmed_up_is_not_in_the_mapping() -> None:
    assert "sma_200" not in snapshot(random_bars(4, 199)).as_mapping()
    assert "sma_200" in snapshot(random_bars(4, 200)).as_mapping()
    assert snapshot(random_bars(4, 0)).as_mapping() == {}


def test_nothing_known_is_neutral_without_votes() -> None:
    summary = signal_summary(quiet())

    assert (summary.votes, summary.score, summary.stance) == ((), 0, Stance.NEUTRAL)


@pytest.mark.parametrize(
    ("values", "indicator", "expected"),
    [
        ({"rsi": 29.9}, "rsi", Stance.BULLISH),
        ({"rsi": 30.0}, "rsi", Stance.NEUTRAL),
        ({"rsi": 70.0}, "rsi", Stance.NEUTRAL),
        ({"rsi": 70.1}, "rsi", Stance.BEARISH),
        ({"close": 89.9, "bollinger_lower": 90.0, "bollinger_upper": 110.0}, "bollinger", Stance.BULLISH),
        ({"close": 110.1, "bollinger_lower": 90.0, "bollinger_upper": 110.0}, "bollinger", Stance.BEARISH),
        ({"macd": 1.1, "macd_signal": 1.0}, "macd", Stance.BULLISH),
        ({"macd": 1.0, "macd_signal": 1.0}, "macd", Stance.NEUTRAL),
        ({"macd": 0.9, "macd_signal": 1.0}, "macd", Stance.BEARISH),
        ({"adx": 24.9, "plus_di": 30.0, "minus_di": 10.0}, "adx", Stance.NEUTRAL),
        ({"adx": 25.0, "plus_di": 30.0, "minus_di": 10.0}, "adx", Stance.BULLISH),
        ({"adx": 25.0, "plus_di": 10.0, "minus_di": 30.0}, "adx", Stance.BEARISH),
    ],
)
def test_each_indicator_votes_by_its_rule(values: dict[str, float], indicator: str, expected: Stance) -> None:
    votes = {vote.indicator: vote.stance for vote in signal_summary(quiet(**values)).votes}

    assert expected == votes[indicator]


def test_a_side_needs_a_lead_of_two_votes() -> None:
    one = signal_summary(quiet(**CALM, sma_50=99.0))
    two = signal_summary(quiet(**{**CALM, "macd": 2.0}, sma_50=99.0))

    assert (one.score, one.stance) == (1, Stance.NEUTRAL)
    assert (two.score, two.stance, two.stance.word) == (2, Stance.BULLISH, "bullish")


def test_a_vote_tells_value_and_limit() -> None:
    (vote,) = signal_summary(quiet(rsi=28.5)).votes

    assert vote.reason == "28.5 below 30"
    assert math.isnan(quiet().rsi)
