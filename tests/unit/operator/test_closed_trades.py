"""Trades for an accountant: what a sale realised, at the moving average and after fees, and the rows that say so."""

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.events import AccountOpened, Answer, Event, Record
from dg_bot.domain.order import Side
from dg_bot.operator.closed_trades import ClosedTrade, closed_trades
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.trades_csv import trades_csv
from tests.builders import protection
from tests.journal_records import BTC, NOON, answered, closed, fill, planned_buy, planned_sell, record

OPENED = AccountOpened(balances=())


def a_buy(identifier: str, quantity: str, price: str, fee: str = "0") -> tuple[Event, ...]:
    plan = replace(planned_buy(identifier), protection=protection())
    return (
        plan,
        answered(Answer.ACCEPTED, identifier),
        closed(identifier, fills=(fill(identifier, quantity, price=price),), fee=fee),
    )


def a_sale(identifier: str, quantity: str, price: str, fee: str = "0") -> tuple[Event, ...]:
    return (
        planned_sell(identifier, quantity=quantity),
        closed(identifier, fills=(fill(identifier, quantity, price=price),), fee=fee),
    )


def journal(*events: Event) -> list[Record]:
    return [record(number, event) for number, event in enumerate((OPENED, *events), start=1)]


def profits(*events: Event) -> list[Decimal | None]:
    return [trade.profit_krw for trade in closed_trades(journal(*events))]


def test_a_sale_realises_what_it_brought_less_what_the_coins_cost_with_both_fees() -> None:
    assert [None, Decimal("190.00")] == profits(*a_buy("b", "10", "100", fee="5"), *a_sale("s", "10", "120", fee="5"))


def test_two_purchases_count_at_their_moving_average_and_a_part_of_it_is_sold() -> None:
    events = (*a_buy("b1", "10", "100"), *a_buy("b2", "30", "200"), *a_sale("s1", "20", "200"), *a_sale("s2", "20", "100"))

    assert [None, None, Decimal("500.00"), Decimal("-1500.00")] == profits(*events)


def test_what_was_not_executed_is_no_trade() -> None:
    assert [] == profits(replace(planned_buy(), protection=protection()), closed())


def test_the_average_price_of_a_trade_is_that_of_all_its_fills() -> None:
    plan = replace(planned_buy("b"), protection=protection())
    fills = (fill("one", "1", price="100"), fill("two", "3", price="200"))

    (trade,) = closed_trades(journal(plan, closed("b", fills=fills, fee="0.35")))

    assert (Decimal(175), Decimal(700), Decimal("700.35")) == (trade.price_krw, trade.funds_krw, trade.settled_krw)


def test_the_span_holds_its_first_moment_and_not_its_last_while_earlier_trades_still_count_for_the_cost() -> None:
    records = journal(*a_buy("b", "10", "100"), *a_sale("s", "10", "120"))

    assert ["b", "s"] == [trade.identifier for trade in closed_trades(records, NOON, NOON + timedelta(seconds=1))]
    assert [] == list(closed_trades(records, None, NOON))
    assert [] == list(closed_trades(records, NOON + timedelta(microseconds=1)))


amounts = st.decimals("0.00000001", "5000", places=8)


@given(
    st.lists(
        st.tuples(amounts, st.decimals("0.0001", "200000000", places=4), st.decimals(0, 100, places=6)), min_size=1, max_size=6
    )
)
def test_over_all_trades_profits_are_what_the_account_gained(bought: list[tuple[Decimal, Decimal, Decimal]]) -> None:
    """Bought in parts and sold in the same parts, in any sizes: nothing is gained or lost by the way it is counted."""
    buys = [a_buy(f"b{n}", str(quantity), str(price), str(fee)) for n, (quantity, price, fee) in enumerate(bought)]
    sales = [a_sale(f"s{n}", str(quantity), str(price), str(fee)) for n, (quantity, price, fee) in enumerate(reversed(bought))]

    trades = list(closed_trades(journal(*(event for part in (*buys, *sales) for event in part))))

    gained = sum((trade.settled_krw if trade.side is Side.SELL else -trade.settled_krw) for trade in trades)
    told = sum((trade.profit_krw for trade in trades if trade.profit_krw is not None), Decimal(0))
    assert abs(gained - told) <= Decimal("0.005") * len(bought) + Decimal("0.01")


TRADE = ClosedTrade(
    at=datetime(2026, 12, 31, 15, 0, 1, tzinfo=UTC),
    market=BTC,
    side=Side.SELL,
    quantity=Decimal("0.00653864"),
    funds_krw=Decimal("1051080.3"),
    fee_krw=Decimal("525.54015"),
    cost_krw=Decimal("1000500.00"),
    identifier="live.KRW-BTC.20261231T15.exit.0.0",
    venue_id="9f1c-uuid",
)


def test_the_rows_open_in_a_spreadsheet_and_the_day_is_the_one_in_seoul() -> None:
    told = trades_csv([TRADE, replace(TRADE, side=Side.BUY, cost_krw=None, venue_id=None)], Language.ENGLISH)

    assert told == (
        "\ufefftime_kst,time_utc,market,side,quantity,average_price_krw,total_krw,fee_krw,settled_krw,"
        "cost_krw,realised_profit_krw,identifier,venue_order_id\r\n"
        "2027-01-01 00:00:01,2026-12-31 15:00:01,KRW-BTC,sell,0.00653864,160749070.14302668,1051080.3,525.54015,1050554.75985,"
        "1000500,50054.75985,live.KRW-BTC.20261231T15.exit.0.0,9f1c-uuid\r\n"
        "2027-01-01 00:00:01,2026-12-31 15:00:01,KRW-BTC,buy,0.00653864,160749070.14302668,1051080.3,525.54015,1051605.84015,"
        ",,live.KRW-BTC.20261231T15.exit.0.0,\r\n"
    )


def test_the_headings_are_korean_where_the_operator_is() -> None:
    first, row, _ = trades_csv([TRADE], Language.KOREAN).split("\r\n")

    assert first.startswith("\ufeff체결시각(KST),체결시각(UTC),마켓,구분,수량,")
    assert 13 == len(first.split(",")) == len(row.split(","))
    assert "매도" == row.split(",")[3]


@pytest.mark.parametrize("venue_id", ['=HYPERLINK("https://news.example")', "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_number_of_an_order_is_a_formula(venue_id: str) -> None:
    _, row, _ = trades_csv([replace(TRADE, venue_id=venue_id, identifier="-x.KRW-BTC")], Language.ENGLISH).split("\r\n")

    assert ["'-x.KRW-BTC", f"'{venue_id}"] == next(csv.reader([row]))[-2:]
