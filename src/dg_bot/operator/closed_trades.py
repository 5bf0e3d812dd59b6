"""Every order that executed something, with what it realised: read from the journal, for whoever has to account for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from dg_bot.domain.events import Closing, IntentAnswered, IntentClosed, IntentPlanned, Record
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Side
from dg_bot.risk.state import RiskState, after

_TO_THE_JEON = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrade:
    """One executed order. Amounts are exact; `cost_krw` of a sale is rounded to 0.01 won, and so `profit_krw` with it.

    `at` is the time of the last fill. `funds_krw` is before the fee. `cost_krw` is what the coins sold had cost, at the moving
    average over all purchases and fees included; both it and `profit_krw` are None for a purchase.
    """

    at: datetime
    market: Market
    side: Side
    quantity: Decimal
    funds_krw: Decimal
    fee_krw: Decimal
    cost_krw: Decimal | None
    identifier: str
    venue_id: str | None

    @property
    def price_krw(self) -> Decimal:
        """Give the average price of the fills."""
        return self.funds_krw / self.quantity

    @property
    def settled_krw(self) -> Decimal:
        """Give what left or reached the account in won: with the fee for a purchase, less the fee for a sale."""
        return self.funds_krw + self.fee_krw if self.side is Side.BUY else self.funds_krw - self.fee_krw

    @property
    def profit_krw(self) -> Decimal | None:
        return None if self.cost_krw is None else self.settled_krw - self.cost_krw


def closed_trades(records: Iterable[Record], start: datetime | None = None, end: datetime | None = None) -> Iterator[ClosedTrade]:
    """Give the trades of a journal from its first record on whose time lies in [start, end).

    Raises InvariantViolated where the records contradict each other.
    """
    state = RiskState()
    venue_ids: dict[str, str] = {}
    for record in records:
        match record.event:
            case IntentAnswered(identifier=identifier, venue_id=str(venue_id)):
                venue_ids[identifier] = venue_id
            case IntentClosed(closing=Closing.EXECUTED) as closed if plan := state.open_plans.get(closed.identifier):
                trade = _trade(state, record, plan, closed, venue_ids.get(closed.identifier))
                if (start is None or start <= trade.at) and (end is None or trade.at < end):
                    yield trade
            case _:
                pass
        state = after(state, record)


def _trade(state: RiskState, record: Record, plan: IntentPlanned, closed: IntentClosed, venue_id: str | None) -> ClosedTrade:
    held = state.positions.get(plan.market)
    is_sale = plan.side is Side.SELL and held is not None
    average_krw = ZERO if held is None else held.average_cost_krw
    return ClosedTrade(
        at=max((fill.at for fill in closed.fills), default=record.at),
        market=plan.market,
        side=plan.side,
        quantity=closed.executed_quantity,
        funds_krw=closed.funds_krw,
        fee_krw=closed.paid_fee_krw,
        cost_krw=(average_krw * closed.executed_quantity).quantize(_TO_THE_JEON) if is_sale else None,
        identifier=plan.identifier,
        venue_id=venue_id,
    )
