"""A made-up market on one timeline without beginning or end: any window of it is the same candles, whoever asks and when.

Time is cut into episodes of twelve days. Each is a closed loop around the base price: quiet noise that narrows, four hours that
break out on volume, then either a run-up or a fall, and the way back. Noise reverts to the loop; a part of it moves all markets.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from dg_bot.domain.calendar import HOUR, from_epoch, to_epoch
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market, tick_size
from dg_bot.domain.money import QUANTITY_STEP
from dg_bot.errors import ImpossibleValue
from dg_bot.indicators.bars import Floats
from dg_bot.simulator.tape import Tape

HISTORY = timedelta(days=750)
FUTURE = timedelta(days=90)

_DEMO_FROM = datetime(2026, 9, 1, tzinfo=UTC)
_EPISODE_HOURS = 288
_BREAKOUT_FROM, _BREAKOUT_UNTIL = 176, 180
_END_OF_HOUR = np.arange(1, _EPISODE_HOURS + 1)
_RUN_UP_SHARE = 0.7
_PERSISTENCE = 0.9
_COMMON_SHARE = 0.5
_WICK = 0.003
_VOLUME_SPREAD = 0.35
# The noise of each hour of an episode, as a deviation from the loop; it steps back for the breakout.
_NOISE_HOURS, _NOISE_SIZE = (0, 100, 140, 174, 180, 186, 250, 288), (0.006, 0.006, 0.004, 0.004, 0.001, 0.009, 0.009, 0.006)
# Volume in usual hours' volumes: more on the breakout, then fading.
_VOLUME_HOURS, _VOLUME_SIZE = (0, 175, 176, 184, 240, 288), (1.0, 0.9, 3.0, 2.5, 1.2, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedMarket:
    """A market of the generated venue: its price level, usual volume an hour in base, and when its episodes begin."""

    market: Market
    base_price_krw: Decimal
    hourly_volume: float
    offset_hours: int


BITCOIN = GeneratedMarket(market=Market("KRW-BTC"), base_price_krw=Decimal(150_000_000), hourly_volume=120.0, offset_hours=0)
ETHER = GeneratedMarket(market=Market("KRW-ETH"), base_price_krw=Decimal(5_000_000), hourly_volume=2500.0, offset_hours=144)
MARKETS = (BITCOIN, ETHER)


def generated_tapes(*, seed: int, at: datetime) -> Mapping[Market, Tape]:
    """Give the hourly tapes of all generated markets from over two years before `at` to three months after it."""
    start, end = HOUR.floor(at - HISTORY), HOUR.floor(at + FUTURE)
    return {
        source.market: Tape.of(source.market, HOUR, generated_candles(source, seed=seed, start=start, end=end))
        for source in MARKETS
    }


def demo_instant(seed: int) -> datetime:
    """Give a close of a four-hour bar of KRW-BTC with which it breaks out, and after which it runs up within the hour.

    Raises ImpossibleValue for a negative seed.
    """
    episode = to_epoch(_DEMO_FROM) // HOUR.seconds // _EPISODE_HOURS + 1
    while not _runs_up(BITCOIN, seed, episode):
        episode += 1
    return from_epoch((episode * _EPISODE_HOURS + BITCOIN.offset_hours + _BREAKOUT_UNTIL) * HOUR.seconds)


def generated_candles(source: GeneratedMarket, *, seed: int, start: datetime, end: datetime) -> list[Candle]:
    """Give the hourly candles that open in [start, end), on the tick grid; equal for equal arguments.

    Raises ImpossibleValue for a negative seed, or a window that is no run of full hours.
    """
    if not (HOUR.is_boundary(start) and HOUR.is_boundary(end) and start < end):
        raise ImpossibleValue("window", f"{start.isoformat()} to {end.isoformat()}", "it must run between two full hours")
    first, count = to_epoch(start) // HOUR.seconds, (to_epoch(end) - to_epoch(start)) // HOUR.seconds
    level = float(source.base_price_krw) * _levels(source, seed, first - 1, count + 1)
    open_, close = level[:-1], level[1:]
    up, down = (_WICK * np.abs(_chunks(seed, stream, source.market, first, count)) for stream in ("up", "down"))
    prices = np.stack([open_, np.maximum(open_, close) * (1.0 + up), np.minimum(open_, close) * (1.0 - down), close])
    return _on_grid(source.market, first, prices, _volumes(source, seed, first, count))


def _on_grid(market: Market, first: int, prices: Floats, volumes: Floats) -> list[Candle]:
    """Build candles from prices `(4, n)` in KRW, rounded to the coarsest tick that holds in the window, so that all fit.

    The generated markets stay within bands of one tick at all dates; only so is the grid, too, the same in every window.
    """
    last = first + len(volumes) - 1
    moments = [from_epoch(hour * HOUR.seconds) for hour in (*range(first, last, 24 * 30), last)]
    extremes = [Decimal(repr(float(price))) for price in (prices.min(), prices.max())]
    grid = max(tick_size(market, price, at) for price in extremes for at in moments)
    steps = np.rint(prices / float(grid)).astype(np.int64).tolist()
    sizes = np.rint(volumes / float(QUANTITY_STEP)).astype(np.int64).tolist()
    return [
        Candle(
            opened_at=from_epoch((first + index) * HOUR.seconds),
            open=open_ * grid,
            high=high * grid,
            low=low * grid,
            close=close * grid,
            volume=size * QUANTITY_STEP,
        )
        for index, (open_, high, low, close, size) in enumerate(zip(*steps, sizes, strict=True))
    ]


def _levels(source: GeneratedMarket, seed: int, first: int, count: int) -> Floats:
    """Give the price at the end of each hour as a multiple of the base price, `(count,)`."""
    hours = _hours_in_episode(source, first, count)
    own = _reverting(seed, "own", source.market, first, count)
    common = _reverting(seed, "common", None, first, count)
    noise = np.sqrt(1.0 - _COMMON_SHARE**2) * own + _COMMON_SHARE * common
    levels: Floats = np.exp(_loops(source, seed, first, count) + np.interp(hours, _NOISE_HOURS, _NOISE_SIZE) * noise)
    return levels


def _volumes(source: GeneratedMarket, seed: int, first: int, count: int) -> Floats:
    hours = _hours_in_episode(source, first, count)
    spread = np.exp(_VOLUME_SPREAD * _chunks(seed, "volume", source.market, first, count))
    return source.hourly_volume * np.interp(hours, _VOLUME_HOURS, _VOLUME_SIZE) * spread


def _loops(source: GeneratedMarket, seed: int, first: int, count: int) -> Floats:
    """Give the course of the episodes at the end of each hour, as a logarithm of the multiple of the base price."""
    start = first - source.offset_hours
    episodes = range(start // _EPISODE_HOURS, (start + count - 1) // _EPISODE_HOURS + 1)
    courses: Floats = np.concatenate([_course(source, seed, episode) for episode in episodes])
    skip = start - episodes.start * _EPISODE_HOURS
    return courses[skip : skip + count]


def _course(source: GeneratedMarket, seed: int, episode: int) -> Floats:
    """Give one episode's loop, `(288,)`: flat, a breakout, what follows it, a dip below the base, and home."""
    chance = _generator(seed, "course", source.market, episode)
    jump, run = 0.018 * chance.uniform(0.9, 1.1), 0.05 * chance.uniform(0.9, 1.1)
    if _runs_up(source, seed, episode):
        hours, levels = (181, 216, 226), (jump + run, jump + run + 0.05, jump + run + 0.02)
    else:
        hours, levels = (184, 190, 200), (jump - 0.01, -0.02, -0.025)
    points = (0, _BREAKOUT_FROM, _BREAKOUT_UNTIL, *hours, 256, 276, _EPISODE_HOURS)
    course: Floats = np.interp(_END_OF_HOUR, points, (0.0, 0.0, jump, *levels, -0.035, -0.02, 0.0))
    return course


def _runs_up(source: GeneratedMarket, seed: int, episode: int) -> bool:
    return bool(_generator(seed, "outcome", source.market, episode).random() < _RUN_UP_SHARE)


def _hours_in_episode(source: GeneratedMarket, first: int, count: int) -> Floats:
    return ((np.arange(first, first + count) - source.offset_hours) % _EPISODE_HOURS).astype(np.float64)


def _reverting(seed: int, stream: str, market: Market | None, first: int, count: int) -> Floats:
    """Give noise of deviation one that forgets a tenth of itself each hour and fades to zero where two chunks meet."""
    chunks, skip = _rows(seed, stream, market, first, count)
    for hour in range(1, _EPISODE_HOURS):
        chunks[:, hour] = _PERSISTENCE * chunks[:, hour - 1] + np.sqrt(1.0 - _PERSISTENCE**2) * chunks[:, hour]
    edge = np.arange(_EPISODE_HOURS)
    chunks *= np.minimum(1.0, np.minimum(edge, edge[::-1]) / 12.0)
    return chunks.ravel()[skip : skip + count]


def _chunks(seed: int, stream: str, market: Market | None, first: int, count: int) -> Floats:
    """Give one normal number for each hour, `(count,)`."""
    chunks, skip = _rows(seed, stream, market, first, count)
    return chunks.ravel()[skip : skip + count]


def _rows(seed: int, stream: str, market: Market | None, first: int, count: int) -> tuple[Floats, int]:
    """Give normal numbers in rows of an episode's length that cover the hours, and how many come before the first hour."""
    rows = range(first // _EPISODE_HOURS, (first + count - 1) // _EPISODE_HOURS + 1)
    numbers = np.stack([_generator(seed, stream, market, row).standard_normal(_EPISODE_HOURS) for row in rows])
    return numbers, first - rows.start * _EPISODE_HOURS


def _generator(seed: int, stream: str, market: Market | None, row: int) -> np.random.Generator:
    """Seed by what the numbers are for and where they lie on the timeline, so that a window never changes them."""
    if seed < 0:
        raise ImpossibleValue("seed", seed, "it must not be negative")
    name = f"{stream}/{market.code if market else ''}"
    return np.random.default_rng([seed, int.from_bytes(name.encode(), "big"), row])
