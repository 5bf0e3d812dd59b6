from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from dg_bot.execution.intent import TRANSITIONS, EventKind, Intent, IntentBook, IntentState, next_state

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
THIRTEEN = "KRW-BTC/2026-11-20T13"
FOURTEEN = "KRW-BTC/2026-11-20T14"
ALLOWED = {
    "unplanned": "planned>planned",
    "planned": "sending>sending closed_never_accepted>closed",
    "sending": "accepted>accepted rejected>rejected refused_again>unknown unknown>unknown",
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


def test_a_refusal_of_a_repeated_request_proves_nothing() -> None:
    intent = _book(_story("a", "planned sending unknown sending refused")).by_identifier("a")

    assert (IntentState.UNKNOWN, "refused", 2) == (intent.state, intent.error_name, intent.sends)


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
        "planned sending unknown sending refused rejected",
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


@pytest.mark.parametrize(
    ("words", "may_exist"),
    [
        ("planned", False),
        ("planned sending", True),
        ("planned sending unknown", True),
        ("planned sending accepted", True),
        ("planned sending refused", False),
        ("planned sending accepted executed", False),
    ],
)
def test_an_order_may_exist_at_the_venue_from_sending_until_its_end(words: str, may_exist: bool) -> None:
    assert may_exist is _book(_story("a", words)).by_identifier("a").may_exist_at_venue


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


def test_the_next_leg_counts_closed_intents_of_the_same_market_cycle_and_role() -> None:
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
    assert (3, 0, 0, 0) == (
        book.next_leg(BTC, THIRTEEN, Role.ENTRY),
        book.next_leg(BTC, THIRTEEN, Role.EXIT),
        book.next_leg(BTC, FOURTEEN, Role.ENTRY),
        book.next_leg(ETH, THIRTEEN, Role.ENTRY),
    )


@pytest.mark.parametrize(("seconds_after", "is_forgotten"), [(-1, False), (0, False), (1, True)])
def test_a_cycle_is_forgotten_when_it_closed_before_the_given_time(seconds_after: int, is_forgotten: bool) -> None:
    closed_at = NOON + timedelta(seconds=3)
    book = _completed(["new"], start=NOON + timedelta(hours=1), cycle_id=FOURTEEN, book=_completed(["old"], start=NOON))

    kept = book.compacted(closed_at + timedelta(seconds=seconds_after))

    assert (0 if is_forgotten else 1) == kept.next_leg(BTC, THIRTEEN, Role.ENTRY)
    assert 1 == kept.next_leg(BTC, FOURTEEN, Role.ENTRY)


def test_the_newest_cycle_of_a_market_is_never_forgotten() -> None:
    book = _completed(["a"], start=NOON)

    assert 1 == book.compacted(NOON + timedelta(days=400)).next_leg(BTC, THIRTEEN, Role.ENTRY)


def test_a_cycle_with_an_open_intent_keeps_its_closed_ones() -> None:
    book = _book([_planned("b")], start=NOON + timedelta(minutes=1), book=_completed(["a"], start=NOON))
    book = _completed(["new"], start=NOON + timedelta(hours=1), cycle_id=FOURTEEN, book=book)

    kept = book.compacted(NOON + timedelta(days=400))

    assert ["a", "b"] == [intent.identifier for intent in kept.of_cycle(BTC, THIRTEEN, Role.ENTRY)]
    assert ["b"] == [intent.identifier for intent in kept.open_intents()]


@given(
    orders=st.lists(
        st.tuples(st.sampled_from([BTC, ETH]), st.integers(0, 3), st.sampled_from([Role.ENTRY, Role.EXIT]), st.booleans()),
        max_size=25,
    ),
    horizon=st.integers(0, 5),
)
def test_compaction_never_frees_an_identifier_of_the_present_cycle(
    orders: list[tuple[Market, int, Role, bool]], horizon: int
) -> None:
    book = IntentBook()
    for index, (market, hour, role, is_closed) in enumerate(sorted(orders, key=lambda order: order[1])):
        first = replace(_planned(f"i{index}", market=market, role=role), cycle_id=f"{market}/{hour}")
        rest = _story(f"i{index}", "sending accepted executed") if is_closed else []
        book = _book([first, *rest], start=NOON + timedelta(hours=hour, minutes=index), book=book)

    kept = book.compacted(NOON + timedelta(hours=horizon))

    assert book.open_intents() == kept.open_intents()
    for market, hour, role, _ in orders:
        newest = max(other for listed, other, _, _ in orders if listed == market)
        if hour == newest or hour >= horizon:
            assert book.of_cycle(market, f"{market}/{hour}", role) == kept.of_cycle(market, f"{market}/{hour}", role)


def test_ten_thousand_closed_intents_are_folded_and_compacted() -> None:
    book = IntentBook()
    for hour in range(2_500):
        start = NOON + timedelta(hours=hour)
        book = _completed([f"{hour}.{leg}" for leg in range(4)], start=start, cycle_id=f"KRW-BTC/{hour}", book=book)

    kept = book.compacted(NOON + timedelta(hours=2_498))

    assert 4 == book.next_leg(BTC, "KRW-BTC/0", Role.ENTRY)
    assert [0, 0, 4, 4] == [kept.next_leg(BTC, f"KRW-BTC/{hour}", Role.ENTRY) for hour in (0, 2_497, 2_498, 2_499)]
