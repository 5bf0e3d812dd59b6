"""What every strategy is held to: bars of a real market, and signals that know no later bar."""

import csv
import gzip
from datetime import datetime

import numpy as np

from dg_bot.indicators.bars import Bars
from dg_bot.strategies.base import Signals
from tests.shared_data import shared


def real_bars() -> Bars:
    with gzip.open(shared("candles/KRW-ETH_60m_2022-2023.csv.gz"), "rt") as file:
        rows = list(csv.DictReader(file))[:1500]
    return Bars(
        opened_at=np.array([int(datetime.fromisoformat(row["timestamp"]).timestamp()) for row in rows]),
        seconds=3600,
        **{name: np.array([float(row[name]) for row in rows]) for name in ("open", "high", "low", "close", "volume")},
    )


def assert_same_past(whole: Signals, part: Signals, end: int) -> None:
    for name in ("entry", "exit", "confidence", "stop_distance", "target_distance", "trend_strength"):
        np.testing.assert_array_equal(getattr(whole, name)[:end], getattr(part, name))
    for one, other in zip(whole.gates, part.gates, strict=True):
        for first, second in zip(one.conditions, other.conditions, strict=True):
            np.testing.assert_array_equal(first.values[:end], second.values)
            np.testing.assert_array_equal(first.limits[:end], second.limits)
            np.testing.assert_array_equal(first.passed[:end], second.passed)
