from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest

from dg_bot.domain.events import (
    AlarmRaised,
    Answer,
    Closing,
    Event,
    IntentAnswered,
    IntentClosed,
    IntentPlanned,
    IntentSending,
    Record,
)
from dg_bot.domain.market import Market
from dg_bot.domain.order import Fill, Role, Side
from dg_bot.errors import InvariantViolated
from dg_bot.execution.intent import REMEMBERED, TRANSITIONS, EventKind, Intent, IntentBook, IntentState, next_state

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
THIRTEEN = "KRW-BTC/2026-11-20T13"
FOURTEEN = "KRW-BTC/2026-11-20T14"
ALLOWED = {
    "unplanned": "planned>planned",
    "planned": "sending>sending closed_never_accepted>closed",
    "sending": "accepted>accepted rejected>rejected unknown>unknown",
    "accepted": "closed_executed>closed closed_not_executed>closed",
    "rejected": "closed_rejected>closed",
    "unknown": "sending>sending accepted>accepted closed_never_accepted>closed",
    "closed": "",
}


def _planned(name: str, *, market: Market = BTC, cycle_id: str = THIRTEEN, role: Role = Role.ENTRY) -> IntentPlanned:
    return IntentPlanned(
        identifier=name,
        market=market,
        cycle_id=cycle_id,
        role=role,
        leg=0,
        attempt=0,
        side=Side.BUY,
        notional_krw=Decimal(6000),
        quantity=None,
        reference_krw=Decimal(1000),
        minimum_notional_krw=Decimal(5000),
        reason="breakout",
        decision_digest="d1",
    )


def _answered(name: str, answer: Answer, **details: str) -> IntentAnswered:
    return IntentAnswered(identifier=name, answer=answer, **details)


def _closed(name: str, closing: Closing) -> IntentClosed:
    fill = Fill(trade_id="t1", price=Decimal(1000), quantity=Decimal(6), funds_krw=Decimal(6000), at=NOON)
    fills = (fill,) if closing is Closing.EXECUTED else ()
    return IntentClosed(
        identifier=name,
        closing=closing,
        executed_quantity=sum((each.quantity for each in fills), Decimal(0)),
        funds_krw=sum((each.funds_krw for each in fills), Decimal(0)),
        paid_fee_krw=Decimal(3) if fills else Decimal(0),
        fills=fills,
    )


def _story(name: str, words: str) -> list[Event]:
    """Read 'planned sending unknown sending accepted executed' as the events of one order."""
    events: list[Event] = []
    for word in words.split():
        match word:
            case "planned":
                events.append(_planned(name))
            case "sending":
                events.append(IntentSending(identifier=name))
            case "accepted" | "refused" | "unknown":
                answer = Answer.REJECTED if word == "refused" else Answer(word)
                events.append(_answered(name, answer, venue_id="v1" if word == "accepted" else "", error_name=word))
            case _:
                events.append(_closed(name, Closing(word)))
    return events


def _book(events: Iterable[Event], *, start: datetime = NOON, book: IntentBook | None = None) -> IntentBook:
    """Fold events, one a second from `start`."""
    folded = IntentBook() if book is None else book
    for second, event in enumerate(events):
        folded = folded.after(Record(sequence=second + 1, at=start + timedelta(seconds=second), event=event))
    return folded


def _completed(names: Iterable[str], *, start: datetime, cycle_id: str = THIRTEEN, book: IntentBook | None = None) -> IntentBook:
    """Fold orders of one cycle that were executed, five seconds each."""
    events: list[Event] = []
    for name in names:
        _, *rest = _story(name, "planned sending accepted executed")
        events += [_planned(name, cycle_id=cycle_id), *rest]
    return _book(events, start=start, book=book)


@pytest.mark.parametrize(
    ("state", "kind"),
    list(product([None, *IntentState], EventKind)),
    ids=lambda value: "unplanned" if value is None else str(value),
)
def test_every_pair_outside_the_table_is_refused_by_name(state: IntentState | None, kind: EventKind) -> None:
    steps = (step.split(">") for step in ALLOWED["unplanned" if state is None else state].split())
    allowed = dict(steps)

    if kind in allowed:
        assert IntentState(allowed[kind]) is next_state("id-1", state, kind)
    else:
        with pytest.raises(InvariantViolated, match=f"id-1 is {'unplanned' if state is None else state} .* {kind}"):
            next_state("id-1", state, kind)


def test_the_table_holds_nothing_that_the_examples_do_not() -> None:
    assert sum(len(steps.split()) for steps in ALLOWED.values()) == len(TRANSITIONS)


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("planned", IntentState.PLANNED),
        ("planned sending", IntentState.SENDING),
        ("planned sending accepted", IntentState.ACCEPTED),
        ("planned sending refused", IntentState.REJECTED),
        ("planned sending unknown", IntentState.UNKNOWN),
        ("planned sending unknown accepted", IntentState.ACCEPTED),
        ("planned sending unknown sending accepted executed", IntentState.CLOSED),
        ("planned sending unknown never_accepted", IntentState.CLOSED),
        ("planned never_accepted", IntentState.CLOSED),
        ("planned sending refused rejected", IntentState.CLOSED),
    ],
)
def test_an_order_goes_its_way(words: str, state: IntentState) -> None:
    assert state is _book(_story("a", words)).by_identifier("a").state


@pytest.mark.parametrize(
    "words",
    [
        "planned planned",
        "sending",
        "accepted",
        "executed",
        "planned accepted",
        "planned executed",
        "planned sending sending",
        "planned sending executed",
        "planned sending unknown executed",
        "planned sending unknown rejected",
        "planned sending accepted rejected",
        "planned sending accepted never_accepted",
        "planned sending refused sending",
        "planned sending refused accepted",
        "planned sending accepted executed executed",
        "planned sending accepted executed planned",
    ],
)
def test_a_story_that_contradicts_itself_stops_the_program(words: str) -> None:
    *before, last = _story("a", words)
    book = _book(before)

    with pytest.raises(InvariantViolated, match="order state table: a "):
        _book([last], book=book)


def test_an_intent_remembers_when_it_was_planned_and_sent_and_how_it_ended() -> None:
    intent = _book(_story("a", "planned sending unknown sending accepted executed")).by_identifier("a")

    assert (
        Intent(
            plan=_planned("a"),
            planned_at=NOON,
            state=IntentState.CLOSED,
            sends=2,
            last_sent_at=NOON + timedelta(seconds=3),
            venue_id="v1",
            error_name="unknown",
            closing=_closed("a", Closing.EXECUTED),
            closed_at=NOON + timedelta(seconds=5),
        )
        == intent
    )


def test_open_intents_are_listed_by_market_in_the_order_of_their_planning() -> None:
    book = _book(
        [*_story("a", "planned sending"), _planned("b", market=ETH), _planned("c"), *_story("d", "planned never_accepted")]
    )

    assert ["a", "b", "c"] == [intent.identifier for intent in book.open_intents()]
    assert ["a", "c"] == [intent.identifier for intent in book.open_on(BTC)]


def test_other_events_change_nothing() -> None:
    book = _book([_planned("a")])

    assert book is _book([AlarmRaised(kind="disk", text="full")], book=book)


def test_an_unknown_identifier_is_a_contradiction() -> None:
    with pytest.raises(InvariantViolated, match="b is spoken of"):
        _book([_planned("a")]).by_identifier("b")


def test_intents_are_found_by_market_cycle_and_role() -> None:
    book = _completed(["a", "b"], start=NOON)
    book = _book(
        [
            *_story("c", "planned sending refused rejected"),
            _planned("d"),
            _planned("e", role=Role.EXIT),
            _planned("f", cycle_id=FOURTEEN),
        ],
        book=book,
    )

    assert ["a", "b", "c", "d"] == [intent.identifier for intent in book.of_cycle(BTC, THIRTEEN, Role.ENTRY)]
    assert ["e"] == [intent.identifier for intent in book.of_cycle(BTC, THIRTEEN, Role.EXIT)]
    assert () == book.of_cycle(ETH, THIRTEEN, Role.ENTRY)


@pytest.mark.parametrize(("seconds_after", "is_kept"), [(-1, True), (0, False), (1, False)])
def test_a_closed_intent_is_kept_for_a_week(seconds_after: int, is_kept: bool) -> None:
    closed_at = NOON + timedelta(seconds=3)
    book = _completed(["old"], start=NOON)

    book = _book([_planned("new", cycle_id=FOURTEEN)], start=closed_at + REMEMBERED + timedelta(seconds=seconds_after), book=book)

    assert is_kept == bool(book.of_cycle(BTC, THIRTEEN, Role.ENTRY))


def test_an_open_intent_is_never_dropped() -> None:
    book = _book([_planned("a")])

    book = _book([_planned("b", cycle_id=FOURTEEN)], start=NOON + timedelta(days=400), book=book)

    assert ["a", "b"] == [intent.identifier for intent in book.open_intents()]
