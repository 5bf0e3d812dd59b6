"""Whatever is filled, in whatever order and however often the process ends: nothing is made, nothing is lost."""

import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.adapters.journal_codec import decode_remembered, encode_remembered
from dg_bot.domain.events import (
    AccountOpened,
    Answer,
    Closing,
    Event,
    IntentAnswered,
    IntentClosed,
    IntentPlanned,
    IntentSending,
    Period,
    PeriodOpened,
    Record,
    TransferDeclared,
)
from dg_bot.domain.market import Market
from dg_bot.domain.order import Side
from dg_bot.domain.portfolio import Balance, ProtectionPlan
from dg_bot.errors import InvariantViolated
from dg_bot.remembered import Remembered
from dg_bot.risk.state import RiskState, after
from tests.unit.risk.account import BTC, ETH, NOON, XRP, Folded, buy_plan, executed, sell_plan, unexecuted

QUANTITIES = st.integers(1, 10**10).map(lambda steps: Decimal(steps).scaleb(-8))
PRICES = st.integers(1, 10**10).map(lambda cents: Decimal(cents).scaleb(-2))
FEES = st.integers(0, 10**8).map(lambda steps: Decimal(steps).scaleb(-4))
STAGED = ProtectionPlan(stop_fraction=Decimal("0.05"), target_fraction=Decimal("0.10"), stage_fraction=Decimal("0.05"))


@dataclass(frozen=True)
class Trade:
    """One order as it ended; `share` is the part of what is held that a sale sells."""

    market: Market
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    share: Decimal
    is_filled: bool


TRADES = st.lists(
    st.builds(
        Trade,
        market=st.sampled_from([BTC, ETH, XRP]),
        side=st.sampled_from(Side),
        quantity=QUANTITIES,
        price=PRICES,
        fee=FEES,
        share=st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.1")]),
        is_filled=st.sampled_from([True, True, True, False]),
    ),
    max_size=20,
)


def events_of(trades: list[Trade], *, protection: ProtectionPlan = STAGED) -> list[Event]:
    """Write the journal of an account that made these trades, each sale of what was held then."""
    events: list[Event] = [AccountOpened(balances=(Balance("KRW", Decimal(1_000_000), Decimal(0)),))]
    held = {market: Decimal(0) for market in (BTC, ETH, XRP)}
    for number, trade in enumerate(trades):
        name = f"n{number}"
        part = min(held[trade.market], max(Decimal("1E-8"), (held[trade.market] * trade.share).quantize(Decimal("1E-8"))))
        if trade.side is Side.SELL and part == 0:
            continue
        quantity = trade.quantity if trade.side is Side.BUY else part
        plan = (
            buy_plan(name, market=trade.market, protection=protection)
            if trade.side is Side.BUY
            else sell_plan(name, market=trade.market, quantity=f"{part:f}", reason="staged_profit")
        )
        closed = executed(name, f"{quantity:f}", f"{trade.price:f}", f"{trade.fee:f}") if trade.is_filled else unexecuted(name)
        accepted = IntentAnswered(identifier=name, answer=Answer.ACCEPTED, venue_id=f"venue-{number}", error_name=None)
        events += [plan, IntentSending(identifier=name), accepted, closed]
        if trade.is_filled:
            held[trade.market] += quantity if trade.side is Side.BUY else -quantity
    return events


def recorded(events: list[Event]) -> list[Record]:
    return [
        Record(sequence=number, at=NOON + timedelta(seconds=number), event=event) for number, event in enumerate(events, start=1)
    ]


def folded(events: list[Event]) -> RiskState:
    state = RiskState()
    for record in recorded(events):
        state = after(state, record)
    return state


def remembering(remembered: Remembered, records: list[Record]) -> Remembered:
    for record in records:
        remembered = remembered.after(record)
    return remembered


@given(trades=TRADES)
def test_won_and_coins_are_those_of_the_start_and_of_the_fills(trades: list[Trade]) -> None:
    events = events_of(trades)
    state = folded(events)

    won, coins = Decimal(1_000_000), {market: Decimal(0) for market in (BTC, ETH, XRP)}
    plans = {event.identifier: event for event in events if isinstance(event, IntentPlanned)}
    for event in events:
        if isinstance(event, IntentClosed) and event.closing is Closing.EXECUTED:
            plan = plans[event.identifier]
            is_buy = plan.side is Side.BUY
            won += (-event.funds_krw if is_buy else event.funds_krw) - event.paid_fee_krw
            coins[plan.market] += event.executed_quantity if is_buy else -event.executed_quantity
    assert won == state.expected_total("KRW")
    assert coins == {market: state.expected_total(market.base) for market in coins}


@given(trades=TRADES)
def test_what_is_owned_is_what_was_bought_and_not_sold_and_never_below_zero(trades: list[Trade]) -> None:
    state = folded(events_of(trades))

    for market in (BTC, ETH, XRP):
        owned = state.positions[market].quantity if market in state.positions else Decimal(0)
        assert owned == state.expected_total(market.base) >= 0


@given(trades=TRADES, place=st.integers(0, 81))
def test_a_restart_from_a_snapshot_at_any_record_remembers_the_same(trades: list[Trade], place: int) -> None:
    records = recorded(events_of(trades))
    written = json.dumps(encode_remembered(remembering(Remembered(), records[:place])))

    again = decode_remembered(json.loads(written))

    assert remembering(Remembered(), records) == remembering(again, records[place:])


@given(trades=TRADES, quantity=QUANTITIES, excess=QUANTITIES)
def test_more_than_is_owned_cannot_be_booked_as_sold(trades: list[Trade], quantity: Decimal, excess: Decimal) -> None:
    state = folded(events_of(trades))
    owned = state.positions[BTC].quantity if BTC in state.positions else Decimal(0)
    planned = after(state, Record(sequence=99, at=NOON, event=sell_plan("x", quantity=f"{owned + excess:f}")))

    with pytest.raises(InvariantViolated, match="I7"):
        after(planned, Record(sequence=100, at=NOON, event=executed("x", f"{owned + excess:f}", "1000")))


@given(first=TRADES, second=TRADES)
def test_trades_of_two_markets_do_not_touch_one_another(first: list[Trade], second: list[Trade]) -> None:
    on_btc = [trade for trade in first if trade.market is BTC]
    on_eth = [trade for trade in second if trade.market is ETH]

    one_after_the_other, the_other_way = folded(events_of([*on_btc, *on_eth])), folded(events_of([*on_eth, *on_btc]))

    for market in (BTC, ETH):
        one, other = one_after_the_other.positions.get(market), the_other_way.positions.get(market)
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert (one.quantity, one.average_cost_krw, one.levels) == (other.quantity, other.average_cost_krw, other.levels)
    assert one_after_the_other.expected_total("KRW") == the_other_way.expected_total("KRW")


@given(trades=TRADES)
def test_the_first_stage_of_profit_never_sells_more_than_half_of_what_was_held(trades: list[Trade]) -> None:
    for position in folded(events_of(trades)).positions.values():
        whole = position.levels.staged_quantity or position.quantity
        assert 0 <= position.stage_rest <= whole / 2
        assert position.stage_rest <= position.quantity


@given(trades=TRADES)
def test_a_stop_lies_below_the_cost_and_a_target_above(trades: list[Trade]) -> None:
    for position in folded(events_of(trades)).positions.values():
        assert position.levels.stop_krw < position.average_cost_krw
        assert position.levels.stop_krw <= position.levels.target_krw


@given(trades=TRADES, share=st.decimals(0, 1, places=2))
def test_coins_that_left_are_owned_no_more(trades: list[Trade], share: Decimal) -> None:
    state = folded(events_of(trades))
    left = (state.expected_total("BTC") * share).quantize(Decimal("1E-8"))

    declared = after(state, Record(sequence=99, at=NOON, event=TransferDeclared(currency="BTC", amount=-left, note="out")))

    owned = declared.positions[BTC].quantity if BTC in declared.positions else Decimal(0)
    assert owned == declared.expected_total("BTC") == state.expected_total("BTC") - left


@given(amount=st.decimals("-1000000", "1000000", places=4), gain=st.decimals("-100000", "100000", places=4))
def test_a_declared_transfer_is_neither_a_gain_nor_a_loss_of_the_day(amount: Decimal, gain: Decimal) -> None:
    before = Folded(PeriodOpened(period=Period.DAY, start=NOON, equity_krw=Decimal(1_000_000)), krw="1000000").state

    moved = after(before, Record(sequence=99, at=NOON, event=TransferDeclared(currency="KRW", amount=amount, note="moved")))

    assert before.day is not None
    assert moved.day is not None
    equity_before, equity_after = Decimal(1_000_000) + gain, Decimal(1_000_000) + gain + amount
    assert equity_before - before.day.equity_krw == equity_after - moved.day.equity_krw
