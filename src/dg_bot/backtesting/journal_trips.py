"""Round trips as a journal tells them: from flat to flat, as the rows that the kernel writes."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from dg_bot.backtesting.kernel import TRIP_SIZE
from dg_bot.domain.calendar import to_epoch
from dg_bot.domain.events import IntentClosed, IntentPlanned, Record
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Side
from dg_bot.indicators.bars import Floats
from dg_bot.risk.exit_rules import ExitReason


@dataclass(slots=True)
class _Trip:
    """What was bought and sold since the market was flat; `bar` is the number of the bar of the first fill."""

    bar: int
    bought: Decimal = ZERO
    funds_krw: Decimal = ZERO
    cost_krw: Decimal = ZERO
    sold: Decimal = ZERO
    sales_krw: Decimal = ZERO
    proceeds_krw: Decimal = ZERO


def trip_rows(records: Iterable[Record], opened_at: Sequence[int], unit_krw: Decimal) -> Floats:
    """Fold the closed orders of one market into rows, `(trips, TRIP_SIZE)`, with amounts in units of `unit_krw`.

    `opened_at` are the starts of the bars, in epoch seconds.
    """
    plans: dict[str, IntentPlanned] = {}
    rows: list[tuple[float, ...]] = []
    trip: _Trip | None = None
    for record in records:
        match record.event:
            case IntentPlanned() as plan:
                plans[plan.identifier] = plan
            case IntentClosed() as closed if closed.fills:
                plan = plans[closed.identifier]
                bar = bisect_right(opened_at, to_epoch(record.at)) - 1
                trip = trip or _Trip(bar)
                _book(trip, plan, closed)
                if trip.sold == trip.bought:
                    rows.append(_row(trip, plan, bar, unit_krw))
                    trip = None
            case _:
                pass
    return np.array(rows, dtype=np.float64).reshape(-1, TRIP_SIZE)


def _book(trip: _Trip, plan: IntentPlanned, closed: IntentClosed) -> None:
    if plan.side is Side.BUY:
        trip.bought += closed.executed_quantity
        trip.funds_krw += closed.funds_krw
        trip.cost_krw += closed.funds_krw + closed.paid_fee_krw
    else:
        trip.sold += closed.executed_quantity
        trip.sales_krw += closed.funds_krw
        trip.proceeds_krw += closed.funds_krw - closed.paid_fee_krw


def _row(trip: _Trip, last: IntentPlanned, bar: int, unit_krw: Decimal) -> tuple[float, ...]:
    """Give bars, average prices, quantity, gain, gain over what was spent, and the reason of the last sale."""
    gain = trip.proceeds_krw - trip.cost_krw
    reason = ExitReason.NONE if last.exit_cause is None else ExitReason[last.exit_cause.name]
    return (
        trip.bar,
        bar,
        float(trip.funds_krw / trip.bought),
        float(trip.sales_krw / trip.sold),
        float(trip.bought / unit_krw),
        float(gain / unit_krw),
        float(gain / trip.cost_krw),
        reason.value,
    )
