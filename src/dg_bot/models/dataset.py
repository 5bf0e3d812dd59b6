"""What a model learns from: the features at the close of an hour, and what the market made of the hours after it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dg_bot.analysis.features import features
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import CandleSeries
from dg_bot.errors import DataError, ImpossibleValue
from dg_bot.indicators.bars import Bars, Flags, Floats, Seconds, bars_of

# An hour without a trade has no candle; the last price before it holds, but not for longer than this.
_STALE_HOURS = 3
MOST_HORIZON_HOURS = 720


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The return of the next `horizon_hours` hours less `cost_fraction`, what a round trip costs."""

    horizon_hours: int
    cost_fraction: float

    def __post_init__(self) -> None:
        if not 1 <= self.horizon_hours <= MOST_HORIZON_HOURS:
            raise ImpossibleValue("horizon", self.horizon_hours, f"it must be 1 to {MOST_HORIZON_HOURS} hours")
        if not 0.0 <= self.cost_fraction < 1.0:
            raise ImpossibleValue("cost of a round trip", self.cost_fraction, "it must be a fraction from 0 to below 1")

    @property
    def horizon_s(self) -> int:
        return self.horizon_hours * HOUR.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Rows in the order of time, of one market or of several: columns `(n,)`, and `features` `(n, k)`, all finite.

    `known_at` is the close of the hour in epoch seconds, `net` the return after costs over the horizon, `market` the place of the
    row's market in `markets`, `next_move` the return of the single hour that follows.
    """

    label: Label
    markets: tuple[str, ...]
    known_at: Seconds
    market: Seconds
    features: Floats
    net: Floats
    next_move: Floats

    def __len__(self) -> int:
        return len(self.known_at)

    @property
    def gains(self) -> Flags:
        """Tell which rows earned their costs."""
        return self.net > 0.0

    def chosen(self, rows: Flags | Seconds) -> "Dataset":
        """Keep the rows of a mask or of an index."""
        return Dataset(
            label=self.label,
            markets=self.markets,
            known_at=self.known_at[rows],
            market=self.market[rows],
            features=self.features[rows],
            net=self.net[rows],
            next_move=self.next_move[rows],
        )


def dataset_of(series: Sequence[CandleSeries], label: Label) -> Dataset:
    """Make the rows of hourly candles, one series a market; raises DataError where not one row comes of them."""
    parts = [_rows(bars_of(one), label) for one in series]
    known_at = np.concatenate([part.known_at for part in parts])
    order = np.argsort(known_at, kind="stable")
    whole = Dataset(
        label=label,
        markets=tuple(str(one.market) for one in series),
        known_at=known_at[order],
        market=np.concatenate([np.full(len(part.known_at), place) for place, part in enumerate(parts)])[order],
        features=np.concatenate([part.features for part in parts])[order],
        net=np.concatenate([part.net for part in parts])[order],
        next_move=np.concatenate([part.next_move for part in parts])[order],
    )
    if not len(whole):
        raise DataError("training", "no hour has all of its features and a known end; more candles are needed")
    return whole


def returns_after(hours: Bars, horizon_s: int) -> Floats:
    """Give the return from each close to the price that held `horizon_s` seconds later, `(n,)`.

    NaN where that is not known yet, or where the last candle before it is older than three hours.
    """
    ends = hours.opened_at + horizon_s
    place = np.searchsorted(hours.opened_at, ends, side="right") - 1
    is_known = (ends <= (hours.opened_at[-1] if len(hours) else 0)) & (
        ends - hours.opened_at[place] <= _STALE_HOURS * HOUR.seconds
    )
    return np.where(is_known, hours.close[place] / hours.close - 1.0, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The rows of one market, columns as in `Dataset`."""

    known_at: Seconds
    features: Floats
    net: Floats
    next_move: Floats


def _rows(hours: Bars, label: Label) -> _Rows:
    if not len(hours):
        raise DataError("training", "there are no candles")
    values, after = features(hours), returns_after(hours, label.horizon_s)
    next_move = np.append(hours.close[1:] / hours.close[:-1] - 1.0, np.nan)
    usable = np.isfinite(values).all(axis=1) & np.isfinite(after) & np.isfinite(next_move)
    return _Rows(
        known_at=hours.opened_at[usable] + HOUR.seconds,
        features=values[usable],
        net=after[usable] - label.cost_fraction,
        next_move=next_move[usable],
    )
