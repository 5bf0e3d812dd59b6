"""Hold a strategy to what all of the bot's own are held to, above all that it knows no later bar."""

from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from dg_bot.indicators.bars import Bars
from dg_bot.strategies.base import Signals, Strategy

_SPARE_BARS = 600
_CUTS = 12
_HOUR_S = 3600
_FIRST_S = 1_640_995_200
# Columns of a signal that are compared, with the least one first that a person would look at.
_COLUMNS = ("entry", "exit", "stop_distance", "target_distance", "confidence", "trend_strength")


def strategy_problem(strategy: Strategy, *, seed: int = 0) -> str | None:
    """Try a strategy on made-up bars, the same for the same seed; gives the first thing that is wrong, None where nothing is.

    Raises what the strategy itself raises.
    """
    return next(_problems(strategy, np.random.default_rng(seed)), None)


def _problems(strategy: Strategy, generator: np.random.Generator) -> Iterator[str]:
    if not isinstance(strategy.warm_up, int) or not 0 <= strategy.warm_up <= 10_000:
        yield f"warm_up is {strategy.warm_up!r} instead of a number of bars from 0 to 10000"
        return
    bars = made_up_bars(generator, strategy.warm_up + _SPARE_BARS)
    yield from _answers(strategy, bars)
    yield from _look_ahead(strategy, bars, generator)


def _answers(strategy: Strategy, bars: Bars) -> Iterator[str]:
    for count in (0, 1, 2):
        few = strategy.signals(bars.until(count))
        if few.entry.any() or few.exit.any():
            yield f"there is a signal among the first {count} bars of a market"
    whole = strategy.signals(bars)
    early = np.flatnonzero(whole.entry[: max(0, strategy.warm_up - 1)])
    if len(early):
        yield f"bar {int(early[0])} is an entry though the warm-up of {strategy.warm_up} bars is not over"
    if found := _difference(whole, strategy.signals(bars), len(bars)):
        yield f"the same bars give other signals the second time: {found}"


def _look_ahead(strategy: Strategy, bars: Bars, generator: np.random.Generator) -> Iterator[str]:
    whole = strategy.signals(bars)
    for end in sorted(int(cut) for cut in generator.integers(max(1, strategy.warm_up // 2), len(bars), _CUTS)):
        if found := _difference(whole, strategy.signals(bars.until(end)), end):
            yield f"look-ahead: {found} once the bars from {end} on are known; a signal may use its own bar and those before it"


def _difference(whole: Signals, part: Signals, end: int) -> str | None:
    """Name the first bar before `end` on which two runs differ."""
    for name in _COLUMNS:
        one, other = getattr(whole, name)[:end], getattr(part, name)[:end]
        unequal = np.flatnonzero(~((one == other) | ((one != one) & (other != other))))  # noqa: PLR0124 - NaN equals NaN here
        if len(unequal):
            bar = int(unequal[0])
            return f"{name} of bar {bar} is {one[bar]} instead of {other[bar]}"
    return None


def made_up_bars(generator: np.random.Generator, count: int) -> Bars:
    """Make hours of a driftless walk with calm and wild stretches and some hours missing; nobody can write to them."""
    wild = np.repeat(generator.uniform(0.002, 0.03, count // 50 + 1), 50)[:count]
    close = 50_000.0 * np.exp(np.cumsum(generator.normal(0.0, 1.0, count) * wild))
    open_ = np.concatenate([[50_000.0], close[:-1]])[:count]
    reach = np.abs(generator.normal(0.0, 0.3, (2, count))) * wild
    bars = Bars(
        opened_at=_FIRST_S + _HOUR_S * np.cumsum(1 + (generator.random(count) < 0.01).astype(np.int64)),
        open=open_,
        high=np.maximum(open_, close) * (1.0 + reach[0]),
        low=np.minimum(open_, close) * (1.0 - reach[1]),
        close=close,
        volume=generator.lognormal(3.0, 0.7, count),
        seconds=_HOUR_S,
    )
    for field in fields(bars):
        column = getattr(bars, field.name)
        if isinstance(column, np.ndarray):
            column.flags.writeable = False
    return bars
