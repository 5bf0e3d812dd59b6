"""What many lives of a bot came to, held against the venue's own ledger."""

from collections import Counter
from dataclasses import dataclass, field

from dg_bot.adapters.journal_reader import read_journal
from dg_bot.domain.events import IntentClosed, IntentPlanned, Record
from dg_bot.risk.state import RiskState, after
from dg_bot.simulator.ledger import LedgerOrder
from tests.e2e.market_bench import MarketBench
from tests.e2e.tape_bench import BTC
from tests.postgres import rows


@dataclass(kw_only=True)
class Tally:
    """`places` are the deaths by act and call.

    A fill is lost where the venue has it and journal or rows do not, and invented the other way round.
    """

    kills: int = 0
    places: Counter[str] = field(default_factory=Counter)
    double_orders: int = 0
    lost_fills: int = 0
    invented_fills: int = 0
    disagreements: list[str] = field(default_factory=list)
    recoveries_s: list[float] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.kills += other.kills
        self.places += other.places
        self.double_orders += other.double_orders
        self.lost_fills += other.lost_fills
        self.invented_fills += other.invented_fills
        self.disagreements += other.disagreements
        self.recoveries_s += other.recoveries_s

    @property
    def faults(self) -> list[str]:
        """Give everything that must not be, in words."""
        counted = {"double orders": self.double_orders, "lost fills": self.lost_fills, "invented fills": self.invented_fills}
        return [f"{what}: {count}" for what, count in counted.items() if count] + self.disagreements


def audit(bench: MarketBench, tally: Tally) -> None:
    """Add what contradicts the ledger: orders of one leg, fills in journal and rows, balances, orders without an end."""
    orders = {order.identifier or "": order for order in bench.orders}
    records = list(read_journal(bench.folder / "data" / "state" / "journal.jsonl"))
    closings = [record.event for record in records if isinstance(record.event, IntentClosed)]
    dsn = bench.settings["DATABASE_URL"]
    legs = Counter(identifier.rpartition(".")[0] for identifier in orders)
    tally.double_orders += sum(count - 1 for count in legs.values())

    executed = Counter[tuple[object, ...]](fill for order in orders.values() for fill in _fills(order))
    in_journal = Counter[tuple[object, ...]](
        (closing.identifier, fill.trade_id, fill.price, fill.quantity, fill.funds_krw)
        for closing in closings
        for fill in closing.fills
    )
    for kept in (in_journal, Counter(rows(dsn, "SELECT order_id, trade_id, price, quantity, funds FROM fills"))):
        tally.lost_fills += (executed - kept).total()
        tally.invented_fills += (kept - executed).total()

    known = {
        (name, order.executed_volume, order.executed_funds, order.paid_fee) for name, order in orders.items() if order.trades
    }
    booked = {(one.identifier, one.executed_quantity, one.funds_krw, one.paid_fee_krw) for one in closings if one.fills}
    planned = {record.event.identifier for record in records if isinstance(record.event, IntentPlanned)}
    told: dict[str, set[object]] = {
        "an order that nobody planned": set(orders.keys() - planned),
        "totals in journal and ledger": set(booked ^ known),
        "totals in rows and ledger": set(rows(dsn, "SELECT trade_id, amount, total, fee FROM trades")) ^ known,
        **_of_state(_folded(records), bench),
    }
    tally.disagreements += [f"{what}: {sorted(map(str, found))}" for what, found in told.items() if found]


def _folded(records: list[Record]) -> RiskState:
    state = RiskState()
    for record in records:
        state = after(state, record)
    return state


def _of_state(state: RiskState, bench: MarketBench) -> dict[str, set[object]]:
    expected = {(currency, state.expected_total(currency)) for currency in ("KRW", BTC.base)}
    held = {(currency, bench.venue.account(currency).total) for currency in ("KRW", BTC.base)}
    return {
        "an order without an end": set(state.open_plans),
        "balances": set(expected ^ held),
        "safe mode": {state.safe_mode.reason} if state.safe_mode else set(),
    }


def _fills(order: LedgerOrder) -> list[tuple[object, ...]]:
    return [(order.identifier, trade.uuid, trade.price, trade.volume, trade.funds) for trade in order.trades]
