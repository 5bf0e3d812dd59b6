from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dg_bot.domain.events import Answer, Closing, IntentAnswered, IntentClosed, IntentPlanned, IntentSending, Record
from dg_bot.domain.market import Market
from dg_bot.domain.order import Role, Side
from dg_bot.execution.intent import Intent, IntentBook
from dg_bot.execution.refusals import pause_left, still_in_a_row

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_ANSWERS: dict[Closing | None, Answer] = {Closing.REJECTED: Answer.REJECTED, Closing.NEVER_ACCEPTED: Answer.UNKNOWN}


def book(*endings: Closing | None, market: Market = BTC, side: Side = Side.SELL) -> IntentBook:
    """Fold one order for each ending, a minute apart; None has no end yet."""
    folded = IntentBook()
    for number, closing in enumerate(endings):
        name = f"{market}-{side}-{number}"
        events: list[IntentPlanned | IntentSending | IntentAnswered | IntentClosed] = [
            plan(name, market, side),
            IntentSending(identifier=name),
        ]
        answer = _ANSWERS.get(closing, Answer.ACCEPTED)
        events.append(IntentAnswered(identifier=name, answer=answer, error_name="market_offline"))
        if closing is not None:
            zero = Decimal(0)
            events.append(
                IntentClosed(
                    identifier=name, closing=closing, executed_quantity=zero, funds_krw=zero, paid_fee_krw=zero, fills=()
                )
            )
        for event in events:
            folded = folded.after(Record(sequence=1, at=NOON + timedelta(minutes=number), event=event))
    return folded


def plan(name: str, market: Market, side: Side) -> IntentPlanned:
    return IntentPlanned(
        identifier=name,
        market=market,
        cycle_id="cycle",
        role=Role.EXIT if side is Side.SELL else Role.ENTRY,
        leg=0,
        attempt=0,
        side=side,
        notional_krw=Decimal(10_000) if side is Side.BUY else None,
        quantity=Decimal(1) if side is Side.SELL else None,
        reference_krw=Decimal(1000),
        minimum_notional_krw=Decimal(5000),
        reason="stop_loss",
        decision_digest="0",
    )


def refused(count: int) -> tuple[Intent, ...]:
    return book(*[Closing.REJECTED] * count).refused_sales(BTC)


@pytest.mark.parametrize(("count", "pause_s"), [(1, 20), (2, 40), (3, 80), (4, 160), (5, 300), (6, 300), (50, 300), (5000, 300)])
def test_the_pause_doubles_with_each_refusal_up_to_five_minutes(count: int, pause_s: int) -> None:
    refusals = refused(min(count, 50)) if count <= 50 else refused(50) * 100
    last = refusals[-1].closed_at
    assert last is not None
    due = last + timedelta(seconds=pause_s)

    assert timedelta(seconds=pause_s) == pause_left(refusals, last)
    assert timedelta(seconds=1) == pause_left(refusals, due - timedelta(seconds=1))
    assert timedelta(0) == pause_left(refusals, due)
    assert timedelta(0) == pause_left(refusals, due + timedelta(hours=1))


def test_without_a_refusal_there_is_no_pause() -> None:
    assert timedelta(0) == pause_left((), NOON)


def test_a_clock_that_went_back_starts_no_new_pause() -> None:
    assert timedelta(0) == pause_left(refused(3), NOON - timedelta(seconds=1))


@pytest.mark.parametrize(("minutes", "count"), [(0, 3), (10, 3), (10.1, 0), (-1, 3)])
def test_refusals_count_until_ten_minutes_have_passed_without_one(minutes: float, count: int) -> None:
    last = refused(3)[-1].closed_at
    assert last is not None

    assert count == len(still_in_a_row(refused(3), last + timedelta(minutes=minutes)))


@pytest.mark.parametrize(("gap", "count"), [(10, 4), (10.1, 1)])
def test_refusals_of_an_earlier_trouble_do_not_count(gap: float, count: int) -> None:
    *earlier, newest = refused(4)
    last = earlier[-1].closed_at
    assert last is not None
    at = last + timedelta(minutes=gap)

    assert count == len(still_in_a_row((*earlier, replace(newest, planned_at=at, closed_at=at)), at))


def test_a_single_refusal_of_hours_ago_is_of_an_earlier_trouble() -> None:
    assert () == tuple(still_in_a_row(refused(1), NOON + timedelta(hours=3)))


@pytest.mark.parametrize(
    ("endings", "count"),
    [
        ([Closing.REJECTED, Closing.REJECTED], 2),
        ([Closing.REJECTED, Closing.NOT_EXECUTED, Closing.REJECTED], 1),
        ([Closing.REJECTED, Closing.NEVER_ACCEPTED], 0),
        ([Closing.REJECTED, None], 0),
    ],
)
def test_refusals_count_since_a_sale_that_was_not_refused(endings: list[Closing | None], count: int) -> None:
    assert count == len(book(*endings).refused_sales(BTC))


def test_purchases_and_other_markets_do_not_count() -> None:
    assert () == book(Closing.REJECTED, side=Side.BUY).refused_sales(BTC)
    assert () == book(Closing.REJECTED, market=ETH).refused_sales(BTC)


def test_orders_planned_after_another_are_those_of_its_market() -> None:
    folded = book(Closing.NOT_EXECUTED, Closing.NOT_EXECUTED, None)
    first = folded.by_identifier("KRW-BTC-sell-0")

    assert ["KRW-BTC-sell-1", "KRW-BTC-sell-2"] == [intent.identifier for intent in folded.planned_after(first)]
    assert () == folded.planned_after(folded.by_identifier("KRW-BTC-sell-2"))
