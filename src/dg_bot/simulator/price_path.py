"""The walk of the price through one recorded candle, second by second."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Context, Decimal

from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market, tick_size
from dg_bot.domain.money import QUANTITY_STEP, floor_to

ROUNDING = Context(prec=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What traded in a run of seconds of one candle; `value` is in quote."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    value: Decimal


def typical_value(open_: Decimal, high: Decimal, low: Decimal, close: Decimal, volume: Decimal) -> Decimal:
    """Estimate the quote that was paid for `volume`, from the mean of the four prices; rounded down to eight decimals."""
    mean = (open_ + high + low + close) / 4
    return ROUNDING.multiply(mean, volume).quantize(QUANTITY_STEP, ROUND_DOWN, ROUNDING)


@dataclass(frozen=True, slots=True)
class PricePath:
    """A candle walked in whole seconds: open, low, high, close when it rises or stays, else open, high, low, close.

    Each of the three ways takes a third of the bar, in a straight line, rounded down to the tick but never past its ends.
    The last second prints the close. Every second trades the same volume, as far as eight decimals allow.
    """

    market: Market
    candle: Candle
    seconds: int

    def price(self, second: int) -> Decimal:
        """Give the price that trades in the given second of the bar, 0 to `seconds` - 1."""
        if second >= self.seconds - 1:
            return self.candle.close
        third = self.seconds // 3
        corners = self._corners()
        way, within = divmod(second, third)
        start, end = corners[way], corners[way + 1]
        if within == 0 or start == end:
            return start
        exact = start + (end - start) * within / third
        on_tick = floor_to(exact, tick_size(self.market, exact, self._at(second)))
        return max(on_tick, min(start, end))

    def stretch(self, first: int, end: int) -> Stretch:
        """Give what trades in the seconds from `first` up to, not including, `end`."""
        third = self.seconds // 3
        corners = self._corners()
        prices = [self.price(first), self.price(end - 1)]
        prices += [corners[way] for way in (1, 2) if first <= way * third < end]
        volume = self.volume_by(end) - self.volume_by(first)
        high, low = max(prices), min(prices)
        return Stretch(
            open=prices[0],
            high=high,
            low=low,
            close=prices[1],
            volume=volume,
            value=typical_value(prices[0], high, low, prices[1], volume),
        )

    def volume_by(self, end: int) -> Decimal:
        """Give the volume of the seconds before `end`."""
        if end >= self.seconds:
            return self.candle.volume
        return (self.candle.volume * end / self.seconds).quantize(QUANTITY_STEP, ROUND_DOWN, ROUNDING)

    def _corners(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        candle = self.candle
        if candle.close >= candle.open:
            return candle.open, candle.low, candle.high, candle.close
        return candle.open, candle.high, candle.low, candle.close

    def _at(self, second: int) -> datetime:
        return from_epoch(int(self.candle.opened_at.timestamp()) + second)
