"""The calls on an account: orders, balances, and what the venue demands of an order."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from dg_bot.domain.calendar import KST
from dg_bot.domain.market import Market
from dg_bot.domain.money import decimal_from_text
from dg_bot.domain.order import Side
from dg_bot.errors import ImpossibleValue
from dg_bot.simulator.refusals import VenueRefusal, refused
from dg_bot.simulator.rest_json import Json
from dg_bot.simulator.rest_request import BadParameter, Parameters
from dg_bot.simulator.rest_wire import account_json, chance_json, listed_order_json, order_json, order_with_trades_json
from dg_bot.simulator.tickets import LedgerOrder, OrderState, Ticket, TicketKind, TimeInForce
from dg_bot.simulator.venue import Venue

CLOSED_WINDOW: Final = timedelta(days=7)
_T = TypeVar("_T")
_KEY_LIFE: Final = timedelta(days=365)
_SIDES: Final = {"bid": Side.BUY, "ask": Side.SELL}
_KINDS: Final = {kind.value: kind for kind in TicketKind}
_OPEN: Final = {"wait": OrderState.WAIT, "watch": None}
_CLOSED: Final = {"done": OrderState.DONE, "cancel": OrderState.CANCEL}


class ExchangeCalls:
    """Answers signed calls; raises VenueRefusal with a word for a name, and BadParameter for what it cannot read."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._key_expires_at = venue.now() + _KEY_LIFE
        self._hidden_until: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def hide(self, uuid: str, seconds: float) -> None:
        """Keep an order out of every read until `seconds` from now, by venue time."""
        with self._lock:
            self._hidden_until[uuid] = self._venue.now() + timedelta(seconds=seconds)

    def api_keys(self, access_key: str) -> Json:
        expires = self._key_expires_at.astimezone(KST).isoformat(timespec="seconds")
        return [{"access_key": access_key, "expire_at": expires}]

    def accounts(self, _: Parameters) -> Json:
        return [account_json(account) for account in self._venue.accounts()]

    def chance(self, parameters: Parameters) -> Json:
        market = _market(parameters.required("market"))
        if market not in self._venue.markets():
            raise BadParameter("market", "does not have a valid value")
        return chance_json(
            self._venue.rules(market),
            bid_account=self._venue.account(market.quote),
            ask_account=self._venue.account(market.base),
        )

    def place(self, parameters: Parameters) -> Json:
        """Take an order; the identifier is used up even where the ticket cannot be read."""
        try:
            ticket = _ticket(parameters)
        except BadParameter:
            self._venue.ledger.burn(parameters.optional("identifier"))
            raise
        return order_json(self._venue.place(ticket).as_accepted())

    def test(self, parameters: Parameters) -> Json:
        return order_json(self._venue.test(_ticket(parameters)).as_accepted())

    def order(self, parameters: Parameters) -> Json:
        return order_with_trades_json(self._visible(parameters))

    def cancel(self, parameters: Parameters) -> Json:
        """Accept a cancellation; the answer shows the order as it was before."""
        before = self._visible(parameters)
        self._venue.cancel(uuid=before.uuid)
        return order_json(before)

    def open_orders(self, parameters: Parameters) -> Json:
        states = _states(parameters, _OPEN, default=("wait",))
        page = parameters.whole("page", default=1, least=1, most=1_000_000)
        limit = parameters.whole("limit", default=100, least=1, most=100)
        found = self._listed(parameters, states)
        return [listed_order_json(order) for order in found[(page - 1) * limit : page * limit]]

    def closed_orders(self, parameters: Parameters) -> Json:
        """List orders created in a window of at most seven days, both ends included."""
        states = _states(parameters, _CLOSED, default=tuple(_CLOSED))
        limit = parameters.whole("limit", default=100, least=1, most=1000)
        start, end = self._window(parameters)
        found = [order for order in self._listed(parameters, states) if start <= order.created_at <= end]
        return [listed_order_json(order) for order in found[:limit]]

    def orders_by_ids(self, parameters: Parameters) -> Json:
        by_uuid, ids = _ids(parameters, most=100)
        wanted = set(ids)
        found = [order for order in self._listed(parameters, frozenset(OrderState)) if _id(order, by_uuid=by_uuid) in wanted]
        return [listed_order_json(order) for order in found]

    def cancel_by_ids(self, parameters: Parameters) -> Json:
        """Cancel each of up to 20 orders; one that is closed or unknown fails and does not stop the others."""
        by_uuid, ids = _ids(parameters, most=20)
        success: list[Json] = []
        failed: list[Json] = []
        for wanted in ids:
            key = "uuid" if by_uuid else "identifier"
            try:
                order = self._visible(Parameters([(key, wanted)]))
            except VenueRefusal:
                failed.append({key: wanted})
                continue
            try:
                self._venue.cancel(uuid=order.uuid)
                success.append(_name_json(order))
            except VenueRefusal:
                failed.append(_name_json(order))
        return {
            "success": {"count": len(success), "orders": success},
            "failed": {"count": len(failed), "orders": failed},
        }

    def _visible(self, parameters: Parameters) -> LedgerOrder:
        """Find one order by uuid, or by identifier where there is no uuid."""
        uuid, identifier = parameters.optional("uuid"), parameters.optional("identifier")
        if uuid is None and identifier is None:
            raise BadParameter("uuid or identifier", "is missing", is_missing=True)
        order = self._venue.find(uuid=uuid, identifier=None if uuid is not None else identifier)
        if self._is_hidden(order):
            raise refused("order_not_found")
        return order

    def _is_hidden(self, order: LedgerOrder) -> bool:
        with self._lock:
            until = self._hidden_until.get(order.uuid)
        return until is not None and self._venue.now() < until

    def _listed(self, parameters: Parameters, states: frozenset[OrderState]) -> list[LedgerOrder]:
        """Give the visible orders of the market asked for (or of all), newest first unless `order_by` is asc."""
        code = parameters.optional("market")
        order_by = parameters.optional("order_by") or "desc"
        if order_by not in ("asc", "desc"):
            raise BadParameter("order_by", "does not have a valid value")
        orders = self._venue.orders(None if code is None else _market(code), states)
        visible = [order for order in orders if not self._is_hidden(order)]
        return visible if order_by == "asc" else visible[::-1]

    def _window(self, parameters: Parameters) -> tuple[datetime, datetime]:
        start, end = parameters.time("start_time"), parameters.time("end_time")
        if end is None:
            end = self._venue.now() if start is None else start + CLOSED_WINDOW
        if start is None:
            start = end - CLOSED_WINDOW
        if not timedelta(0) <= end - start <= CLOSED_WINDOW:
            raise refused("invalid_parameter")
        return start, end


def _ticket(parameters: Parameters) -> Ticket:
    """Read an order as asked for; whether it makes sense is the ledger's question."""
    market = _market(parameters.required("market"))
    side = _word(parameters, "side", _SIDES)
    kind = _word(parameters, "ord_type", _KINDS)
    in_force = parameters.optional("time_in_force")
    if in_force is not None and in_force not in {each.value for each in TimeInForce}:
        raise BadParameter("time_in_force", "does not have a valid value")
    return Ticket(
        market=market,
        side=side,
        kind=kind,
        price=_decimal(parameters, "price"),
        volume=_decimal(parameters, "volume"),
        time_in_force=None if in_force is None else TimeInForce(in_force),
        smp_type=parameters.optional("smp_type"),
        identifier=parameters.optional("identifier"),
    )


def _word(parameters: Parameters, name: str, meanings: Mapping[str, _T]) -> _T:
    word = parameters.required(name)
    if word not in meanings:
        raise BadParameter(name, "does not have a valid value")
    return meanings[word]


def _decimal(parameters: Parameters, name: str) -> Decimal | None:
    text = parameters.optional(name)
    try:
        return None if text is None else decimal_from_text(text, name)
    except ImpossibleValue as error:
        raise BadParameter(name, "does not have a valid value") from error


def _market(code: str) -> Market:
    try:
        return Market(code)
    except ImpossibleValue as error:
        raise BadParameter("market", "does not have a valid value") from error


def _states(parameters: Parameters, known: Mapping[str, OrderState | None], *, default: Sequence[str]) -> frozenset[OrderState]:
    """Read `state` or `states[]`; a state that no order here can have matches nothing."""
    words = parameters.many("states") or parameters.many("state") or tuple(default)
    for word in words:
        if word not in known:
            raise BadParameter("states", "does not have a valid value")
    return frozenset(state for word in words if (state := known[word]) is not None)


def _ids(parameters: Parameters, *, most: int) -> tuple[bool, tuple[str, ...]]:
    """Read `uuids[]`, or `identifiers[]` where there are none; the first of the pair tells which."""
    uuids, identifiers = parameters.many("uuids"), parameters.many("identifiers")
    ids = uuids or identifiers
    if not ids:
        raise BadParameter("uuids or identifiers", "is missing", is_missing=True)
    if len(ids) > most:
        raise BadParameter("uuids" if uuids else "identifiers", f"must be at most {most}")
    return bool(uuids), ids


def _id(order: LedgerOrder, *, by_uuid: bool) -> str | None:
    return order.uuid if by_uuid else order.identifier


def _name_json(order: LedgerOrder) -> Json:
    named: dict[str, Json] = {"uuid": order.uuid, "market": order.market.code}
    return named if order.identifier is None else {**named, "identifier": order.identifier}
