"""What sales have gained, from the trades as the database has them: at average cost, fees on both sides."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from dg_bot.adapters.postgres import TradeRow
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Realised:
    """One sale, its parts taken together; `cost_krw` is what the sold coins had cost."""

    name: str
    market: Market
    at: datetime
    gain_krw: Decimal
    cost_krw: Decimal

    @property
    def fraction(self) -> Decimal:
        return self.gain_krw / self.cost_krw


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """All sales, oldest first, and how many sold coins whose cost no trade tells."""

    sales: tuple[Realised, ...]
    unknown: int

    def since(self, start: datetime) -> "Gains":
        return replace(self, sales=tuple(sale for sale in self.sales if sale.at >= start))


@dataclass(frozen=True, slots=True)
class _Held:
    quantity: Decimal = ZERO
    cost_krw: Decimal = ZERO


def gains(trades: Iterable[TradeRow]) -> Gains:
    """Fold all trades, oldest first; coins that the operator has given to the bot count as far as trades bought some."""
    held: dict[Market, _Held] = {}
    sales: list[Realised] = []
    unknown = 0
    for trade in trades:
        have = held.get(trade.market, _Held())
        if trade.side is Side.BUY:
            cost = have.cost_krw + trade.total_krw + trade.fee_krw
            held[trade.market] = _Held(have.quantity + trade.quantity, cost)
        elif have.quantity < trade.quantity:
            held.pop(trade.market, None)
            unknown += 1
        else:
            share = have.cost_krw * trade.quantity / have.quantity
            held[trade.market] = _Held(have.quantity - trade.quantity, have.cost_krw - share)
            sales.append(_sale(trade, share))
    return Gains(sales=tuple(_together(sales)), unknown=unknown)


def _sale(trade: TradeRow, cost_krw: Decimal) -> Realised:
    return Realised(
        name=trade.identifier.rpartition(".")[0].rpartition(".")[0],
        market=trade.market,
        at=trade.created_at,
        gain_krw=trade.total_krw - trade.fee_krw - cost_krw,
        cost_krw=cost_krw,
    )


def _together(sales: Iterable[Realised]) -> Iterator[Realised]:
    """Take the parts of one sale together: they share market, hour and role."""
    last: Realised | None = None
    for sale in sales:
        if last is not None and last.name == sale.name:
            last = replace(last, at=sale.at, gain_krw=last.gain_krw + sale.gain_krw, cost_krw=last.cost_krw + sale.cost_krw)
            continue
        if last is not None:
            yield last
        last = sale
    if last is not None:
        yield last
