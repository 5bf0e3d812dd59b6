"""An account as tests of risk write it: fills as text, folded into a state through the journal's own events."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dg_bot.domain.events import AccountOpened, Closing, Event, IntentClosed, IntentPlanned, IntentSending, Record
from dg_bot.domain.market import Market
from dg_bot.domain.order import ExitCause, Fill, Role, Side
from dg_bot.domain.portfolio import Balance, Portfolio, ProtectionPlan
from dg_bot.risk.state import RiskState, after

BTC, ETH, XRP = Market("KRW-BTC"), Market("KRW-ETH"), Market("KRW-XRP")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROTECTION = ProtectionPlan(stop_fraction=Decimal("0.05"), target_fraction=Decimal("0.10"))
MINIMUM = Decimal(5000)


def cycle_id(at: datetime, market: Market = BTC) -> str:
    return f"{market}/{at:%Y-%m-%dT%H}"


def buy_plan(
    name: str,
    *,
    market: Market = BTC,
    notional: str = "100000",
    at: datetime = NOON,
    protection: ProtectionPlan | None = PROTECTION,
) -> IntentPlanned:
    return IntentPlanned(
        identifier=name,
        market=market,
        cycle_id=cycle_id(at, market),
        role=Role.ENTRY,
        leg=0,
        attempt=0,
        side=Side.BUY,
        notional_krw=Decimal(notional),
        quantity=None,
        reference_krw=Decimal(1),
        minimum_notional_krw=MINIMUM,
        reason="breakout",
        decision_digest="d",
        protection=protection,
    )


def sell_plan(
    name: str, *, market: Market = BTC, quantity: str = "1", reason: str = "stop_loss", at: datetime = NOON
) -> IntentPlanned:
    return IntentPlanned(
        identifier=name,
        market=market,
        cycle_id=cycle_id(at, market),
        role=Role.EXIT,
        leg=0,
        attempt=0,
        side=Side.SELL,
        notional_krw=None,
        quantity=Decimal(quantity),
        reference_krw=Decimal(1),
        minimum_notional_krw=MINIMUM,
        reason=reason,
        decision_digest="d",
        exit_cause=ExitCause(reason),
    )


def executed(name: str, quantity: str, price: str, fee: str = "0") -> IntentClosed:
    """Close an order as executed in one fill."""
    amount, unit = Decimal(quantity), Decimal(price)
    fill = Fill(trade_id=f"{name}-1", price=unit, quantity=amount, funds_krw=amount * unit, at=NOON)
    return IntentClosed(
        identifier=name,
        closing=Closing.EXECUTED,
        executed_quantity=amount,
        funds_krw=amount * unit,
        paid_fee_krw=Decimal(fee),
        fills=(fill,),
    )


def unexecuted(name: str, closing: Closing = Closing.NOT_EXECUTED) -> IntentClosed:
    return IntentClosed(
        identifier=name,
        closing=closing,
        executed_quantity=Decimal(0),
        funds_krw=Decimal(0),
        paid_fee_krw=Decimal(0),
        fills=(),
    )


class Folded:
    """A state that events are folded into, one a second from `start` unless `at` says otherwise."""

    def __init__(self, *events: Event, krw: str = "1000000", start: datetime = NOON) -> None:
        self.state = RiskState()
        self._at = start
        self._orders = 0
        self.add(AccountOpened(balances=(Balance("KRW", Decimal(krw), Decimal(0)),)), *events)

    def add(self, *events: Event, at: datetime | None = None) -> "Folded":
        for event in events:
            self._at = self._at + timedelta(seconds=1) if at is None else at
            self.state = after(self.state, Record(sequence=self.state.sequence + 1, at=self._at, event=event))
        return self

    def buy(
        self,
        text: str,
        *,
        market: Market = BTC,
        at: datetime = NOON,
        protection: ProtectionPlan | None = PROTECTION,
    ) -> "Folded":
        """Buy 'quantity @ price fee': the fee may be left out."""
        name = self._next_name()
        quantity, price, fee = _trade(text)
        notional = str(Decimal(quantity) * Decimal(price))
        plan = buy_plan(name, market=market, notional=notional, at=at, protection=protection)
        return self.add(plan, IntentSending(identifier=name), executed(name, quantity, price, fee), at=at)

    def sell(self, text: str, *, market: Market = BTC, at: datetime = NOON, reason: str = "stop_loss") -> "Folded":
        """Sell 'quantity @ price fee': the fee may be left out."""
        name = self._next_name()
        quantity, price, fee = _trade(text)
        plan = sell_plan(name, market=market, quantity=quantity, reason=reason, at=at)
        return self.add(plan, IntentSending(identifier=name), executed(name, quantity, price, fee), at=at)

    def send(self, name: str, notional: str = "100000", *, market: Market = BTC, at: datetime = NOON) -> "Folded":
        """Send an entry whose outcome is not known yet."""
        return self.add(buy_plan(name, market=market, notional=notional, at=at), IntentSending(identifier=name), at=at)

    def portfolio(self, marks: Mapping[Market, str] | None = None) -> Portfolio:
        """Hold what the books say, at these marks, or at cost where they name none."""
        given = marks or {}
        prices = {
            market: Decimal(given[market]) if market in given else position.average_cost_krw
            for market, position in self.state.positions.items()
        }
        return Portfolio(
            krw=Balance("KRW", self.state.expected_total("KRW"), Decimal(0)),
            positions=tuple(self.state.positions.values()),
            marks_krw=prices,
        )

    def _next_name(self) -> str:
        self._orders += 1
        return f"order-{self._orders}"


def _trade(text: str) -> tuple[str, str, str]:
    words = text.split()
    return words[0], words[2], words[3] if len(words) > 3 else "0"
