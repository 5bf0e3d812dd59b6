"""Made-up bars with quiet and wild times, the same for every contender and every run."""

import numpy as np

from dg_bot.indicators.bars import Bars

START = 1_704_067_200


def volatile_walk(seed: int, count: int, seconds: int = 3600) -> Bars:
    """Walk from 50 million KRW without drift; the size of the steps drifts between 0.1 % and 2 %."""
    generator = np.random.default_rng(seed)
    size = np.clip(0.005 * np.exp(np.cumsum(generator.normal(0.0, 0.006, count))), 0.001, 0.02)
    close = 5e7 * np.exp(np.cumsum(generator.normal(0.0, 1.0, count) * size * np.sqrt(seconds / 3600)))
    open_ = np.concatenate([[5e7], close[:-1]])
    reach = np.abs(generator.normal(0.0, 0.4, (2, count))) * size
    return Bars(
        opened_at=START + seconds * np.arange(count, dtype=np.int64),
        open=open_,
        high=np.maximum(open_, close) * (1.0 + reach[0]),
        low=np.minimum(open_, close) * (1.0 - reach[1]),
        close=close,
        volume=generator.lognormal(3.0, 0.7, count),
        seconds=seconds,
    )
