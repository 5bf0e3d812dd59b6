"""What an incoming order takes from the levels of a book, best price first, in whole steps of volume."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext

from dg_bot.domain.money import QUANTITY_STEP, ZERO, product
from dg_bot.domain.order_book import Level
from dg_bot.simulator.tickets import EXACT


@dataclass(frozen=True, slots=True)
class Take:
    """A volume that is taken at the price of the maker."""

    price: Decimal
    volume: Decimal

    @property
    def funds(self) -> Decimal:
        return product(self.price, self.volume)


def volume_for(funds: Decimal, price: Decimal) -> Decimal:
    """Give the largest volume in whole steps whose price is covered by `funds`."""
    with localcontext(EXACT):
        return funds // (price * QUANTITY_STEP) * QUANTITY_STEP


def take_for_funds(levels: Iterable[Level], funds: Decimal) -> tuple[Take, ...]:
    """Buy from level to level for `funds` in KRW, at each as much as the rest of the money pays."""
    takes = []
    with localcontext(EXACT):
        for level in levels:
            volume = min(level.size, volume_for(funds, level.price))
            if volume > ZERO:
                takes.append(Take(level.price, volume))
                funds -= takes[-1].funds
            if volume < level.size:
                break
    return tuple(takes)


def take_volume(levels: Iterable[Level], volume: Decimal) -> tuple[Take, ...]:
    """Take `volume` from level to level, or what there is."""
    takes = []
    with localcontext(EXACT):
        for level in levels:
            taken = min(level.size, volume)
            if taken > ZERO:
                takes.append(Take(level.price, taken))
                volume -= taken
            if volume == ZERO:
                break
    return tuple(takes)
