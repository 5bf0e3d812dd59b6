"""The quick sweep over SMA crossings gives the numbers of the general path, pair by pair."""

from dataclasses import replace

import numpy as np
import pytest

from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.backtesting.set_judging import Ground, judged
from dg_bot.backtesting.sma_sweep import SmaSweep, has_fixed_levels
from dg_bot.backtesting.tradable import exits_allowed
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.market import Market
from dg_bot.domain.trials import Stretch
from dg_bot.indicators.bars import Bars, Floats
from dg_bot.strategies.sma_cross import SmaCross, SmaCrossParameters

ALL_IN = TradeRules(
    position_fraction=1.0, slippage_fraction=0.0, stop_fraction=0.9999, target_fraction=1e9, entry_gap_s=0, entries_per_day=999
)


def bars_of(closes: Floats, *, seconds: int = 3600, seed: int = 0) -> Bars:
    """Make bars with wicks around the closes, every opening a little off the close before it."""
    rng = np.random.default_rng(seed)
    count = len(closes)
    opens = np.concatenate([closes[:1], closes[:-1]]) * (1.0 + rng.normal(0.0, 0.001, count))
    return Bars(
        opened_at=1_704_067_200 + seconds * np.arange(count, dtype=np.int64),
        open=opens,
        high=np.maximum(opens, closes) * (1.0 + rng.uniform(0.0, 0.01, count)),
        low=np.minimum(opens, closes) * (1.0 - rng.uniform(0.0, 0.01, count)),
        close=closes,
        volume=np.ones(count),
        seconds=seconds,
    )


def walk(count: int, *, seed: int, step: float | None = None) -> Floats:
    """Give closes of a random walk; those on a coarse step meet one another, and so do their means."""
    closes = 1000.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0, 0.01, count)))
    return closes if step is None else np.round(closes / step) * step


def with_holes(bars: Bars, *, seed: int) -> Bars:
    """Leave bars out, and let others pass without a trade."""
    rng = np.random.default_rng(seed)
    idle = rng.uniform(size=len(bars)) < 0.1
    still = np.where(idle, bars.close, bars.open)
    bars = replace(
        bars,
        open=still,
        high=np.where(idle, still, bars.high),
        low=np.where(idle, still, bars.low),
        volume=np.where(idle, 0.0, bars.volume),
    )
    kept = np.flatnonzero(rng.uniform(size=len(bars)) > 0.05)
    names = ("opened_at", "open", "high", "low", "close", "volume")
    return replace(bars, **{name: getattr(bars, name)[kept] for name in names})


def pairs_of(seed: int, count: int, longest: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed)
    drawn = [sorted(rng.choice(np.arange(1, longest + 1), 2, replace=False).tolist()) for _ in range(count)]
    return [(short, long) for short, long in drawn]


GROUNDS = {
    "walk, all in": (bars_of(walk(3000, seed=1)), ALL_IN),
    "walk, as the bot trades": (bars_of(walk(3000, seed=2)), TradeRules()),
    "means that meet": (bars_of(walk(1500, seed=3, step=50.0)), ALL_IN),
    "one price for ever": (bars_of(np.full(200, 1000.0)), TradeRules()),
    "holes and idle bars": (with_holes(bars_of(walk(2000, seed=4)), seed=4), replace(TradeRules(), entry_gap_s=0)),
    "days": (bars_of(walk(1000, seed=5), seconds=86_400), TradeRules()),
    "small prices": (bars_of(walk(2000, seed=6, step=1.0) / 7e6), replace(ALL_IN, capital_krw=3e6)),
    "tight levels": (bars_of(walk(2000, seed=7)), replace(TradeRules(), stop_fraction=0.01, target_fraction=0.015)),
    "one entry a day": (bars_of(walk(2000, seed=8)), replace(TradeRules(), entry_gap_s=0, entries_per_day=1)),
}


@pytest.mark.parametrize("name", GROUNDS)
def test_each_pair_shows_what_the_general_path_shows(name: str) -> None:
    bars, rules = GROUNDS[name]
    count = len(bars)
    mask = np.random.default_rng(9).uniform(size=count) < 0.8
    stretches = (Stretch(0, count), Stretch(count // 3, count // 2), Stretch(count - 5, count), Stretch(0, 1))
    market = Market("KRW-XRP") if name == "holes and idle bars" else None
    ground = Ground(bars=bars, hours=bars, market=market, entry_mask=mask, rules=rules, stretches=stretches)
    pairs = pairs_of(seed=1, count=25, longest=120)

    sweep = SmaSweep(bars, mask, exits_allowed(bars, bars, ValidatorLimits()), rules, market)
    quick = [sweep.figures(pairs, stretch.start, stretch.stop) for stretch in stretches]

    for number, (short, long) in enumerate(pairs):
        slow = judged(SmaCross(SmaCrossParameters(short_period=short, long_period=long)), ground)
        for of_stretch, expected in zip(quick, slow, strict=True):
            trips, *ratios = of_stretch[number].tolist()
            assert expected.round_trips == trips
            assert (expected.total_return, expected.sharpe, expected.max_drawdown) == pytest.approx(ratios, rel=1e-9, abs=1e-12)


def test_pairs_do_not_disturb_one_another() -> None:
    bars, rules = GROUNDS["means that meet"]
    every = np.ones(len(bars), dtype=np.bool_)
    sweep = SmaSweep(bars, every, every, rules, None)
    pairs = pairs_of(seed=2, count=600, longest=200)

    together = sweep.figures(pairs, 0, len(bars))

    assert np.array_equal(together, np.concatenate([sweep.figures([pair], 0, len(bars)) for pair in pairs]))


@pytest.mark.parametrize(
    ("rules", "is_known"),
    [
        (TradeRules(), True),
        (TradeRules(stop_atr=2.0), False),
        (TradeRules(target_atr=2.0), False),
        (TradeRules(trailing_atr=2.0), False),
        (TradeRules(closing_trail_atr=2.0), False),
        (TradeRules(stage_fraction=0.05), False),
        (TradeRules(depth_krw=1e8), False),
        (TradeRules(impact_fraction=0.1), False),
        (TradeRules(participation_fraction=0.1), False),
        (TradeRules(capital_krw=1e7), False),
    ],
)
def test_rules_beyond_it_are_left_to_the_general_path(rules: TradeRules, *, is_known: bool) -> None:
    assert is_known == has_fixed_levels(rules)
