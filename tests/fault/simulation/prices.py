"""A market drawn from a seed: a price every ten minutes, and jumps in between."""

import math
import random
from bisect import bisect_right
from decimal import Decimal

STEP_S = 600
_PULL = 0.002


class PricePath:
    """The last price of one market at every second of a run; times are seconds since its start."""

    def __init__(self, dice: random.Random, *, first: Decimal, tick: Decimal, seconds: int) -> None:
        swing, jump_rate = dice.choice((0.001, 0.003, 0.006)), dice.choice((0.0, 0.003, 0.01))
        ticks = float(first / tick)
        self.times: list[int] = []
        self.prices: list[Decimal] = []
        self.jumps: list[int] = []
        log = 0.0
        for step in range(0, seconds, STEP_S):
            log += dice.gauss(0.0, swing) - _PULL * log
            self._add(step, log, ticks, tick)
            if dice.random() < jump_rate:
                log += dice.choice((-1, 1)) * dice.uniform(0.03, 0.13)
                self.jumps.append(step + dice.randrange(1, STEP_S))
                self._add(self.jumps[-1], log, ticks, tick)

    def price_at(self, second: float) -> Decimal:
        return self.prices[bisect_right(self.times, second) - 1]

    def range_between(self, after: float, until: float) -> tuple[Decimal, Decimal]:
        """Give the lowest and the highest price that stood at any moment of (after, until]."""
        seen = self.prices[bisect_right(self.times, after) - 1 : bisect_right(self.times, until)]
        return min(seen), max(seen)

    def _add(self, second: int, log: float, ticks: float, tick: Decimal) -> None:
        self.times.append(second)
        self.prices.append(max(1, round(ticks * math.exp(log))) * tick)
