"""What lists and balances prove of an order that the venue does not know, and when it is asked for again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from dg_bot.adapters.memory import MemoryJournal
from dg_bot.domain.events import IntentAnswered, IntentPlanned, SafeModeEntered
from dg_bot.domain.market import Market
from dg_bot.domain.order import Side, VenueOrder, VenueState
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import ExchangeUnavailable
from dg_bot.execution.intent import Intent, IntentState
from dg_bot.pipeline.order_evidence import is_unmoved, listed
from dg_bot.ports import Accepted, Duplicate
from dg_bot.risk.state import RiskState
from tests.builders import NOON, PaperBot, SeamedJournal
from tests.scenario.faulty_upbit import not_found, request_lost, unavailable
from tests.scenario.killed import dies, run_until_killed
from tests.scenario.order_bots import ask_once, buyer, closings
from tests.unit.risk.account import BTC, ETH, Folded, buy_plan, sell_plan


@dataclass
class Venue:
    """Balances and lists as a test says they are."""

    held: Mapping[str, Balance] = field(default_factory=dict)
    orders: Sequence[VenueOrder] = ()
    is_away: bool = False
    asked: list[tuple[Market, datetime]] = field(default_factory=list)

    def balances(self) -> Mapping[str, Balance]:
        if self.is_away:
            raise ExchangeUnavailable("balances", "503")
        return self.held

    def list_orders(self, market: Market, since: datetime) -> Sequence[VenueOrder]:
        self.asked.append((market, since))
        if self.is_away:
            raise ExchangeUnavailable("list_orders", "503")
        return self.orders


def order(identifier: str | None, venue_id: str) -> VenueOrder:
    return VenueOrder(
        venue_id=venue_id,
        identifier=identifier,
        market=BTC,
        side=Side.BUY,
        state=VenueState.CLOSED,
        executed_quantity=Decimal(0),
        paid_fee_krw=Decimal(0),
        fills=(),
        created_at=NOON,
    )


def intent(plan: IntentPlanned, venue_id: str | None = None) -> Intent:
    return Intent(plan=plan, planned_at=NOON, state=IntentState.UNKNOWN, venue_id=venue_id)


def venue(*, btc: str = "0", locked: str = "0", krw: str = "1000000") -> Venue:
    return Venue(
        held={
            "KRW": Balance("KRW", Decimal(krw), Decimal(0)),
            "BTC": Balance("BTC", Decimal(btc) - Decimal(locked), Decimal(locked)),
        }
    )


def unmoved(plan: IntentPlanned, state: RiskState, at: Venue, **asked: bool) -> bool:
    return is_unmoved(intent(plan), at, state, **asked)  # type: ignore[arg-type]


def buying() -> tuple[IntentPlanned, RiskState]:
    plan = buy_plan("x")
    return plan, Folded(plan).state


def selling(*also: IntentPlanned) -> tuple[IntentPlanned, RiskState]:
    plan = sell_plan("y", quantity="2")
    return plan, Folded(krw="1020000").buy("2 @ 10000").add(plan, *also).state


@pytest.mark.parametrize(
    ("btc", "krw", "with_won", "is_proved"),
    [
        ("0", "1000000", True, True),
        ("0.00000001", "1000000", True, False),
        ("0", "999999", True, False),
        ("0", "999999", False, True),
        ("0.00000001", "1000000", False, False),
    ],
)
def test_a_buy_never_was_where_neither_its_coins_nor_its_won_moved(btc: str, krw: str, with_won: bool, is_proved: bool) -> None:
    plan, state = buying()

    assert is_proved is unmoved(plan, state, venue(btc=btc, krw=krw), with_won=with_won)


@pytest.mark.parametrize(
    ("krw", "is_late", "is_proved"), [("1000000", True, True), ("1000000", False, False), ("999999", True, False)]
)
def test_coins_that_came_in_are_not_those_of_a_late_buy_while_no_won_has_moved(krw: str, is_late: bool, is_proved: bool) -> None:
    plan, state = buying()

    assert is_proved is unmoved(plan, state, venue(btc="1", krw=krw), is_late=is_late)


@pytest.mark.parametrize("market", [BTC, ETH])
def test_beside_another_order_coins_that_came_in_may_be_those_of_a_buy(market: Market) -> None:
    plan = buy_plan("x")

    assert not unmoved(plan, Folded(plan, buy_plan("z", market=market)).state, venue(btc="1"), is_late=True)


def test_won_is_no_witness_unless_it_is_asked_for() -> None:
    plan, state = buying()

    assert unmoved(plan, state, venue(krw="5"))


@pytest.mark.parametrize(
    ("btc", "is_proved"),
    [("2", True), ("1.99999999", False), ("0", False), ("2.00000001", True), ("4", True)],
)
def test_a_sale_never_was_where_no_coin_is_missing(btc: str, is_proved: bool) -> None:
    plan, state = selling()

    assert is_proved is unmoved(plan, state, venue(btc=btc))


@pytest.mark.parametrize(
    ("btc", "krw", "is_late", "is_proved"),
    [
        ("2", "1019000", False, True),
        ("3", "1019000", False, False),
        ("3", "999000", False, False),
        ("3", "1019000", True, True),
        ("1.99999999", "1019000", True, False),
    ],
)
def test_coins_that_came_in_may_stand_in_for_sold_ones_while_won_has_moved_too(
    btc: str, krw: str, is_late: bool, is_proved: bool
) -> None:
    plan, state = selling()

    assert is_proved is unmoved(plan, state, venue(btc=btc, krw=krw), is_late=is_late)


@pytest.mark.parametrize(
    ("krw", "known", "is_proved"),
    [
        ("1000000", {"with_won": True}, True),
        ("1000000", {"is_late": True}, True),
        ("1000000", {}, False),
        ("1000001", {"with_won": True}, False),
        ("999999", {"is_late": True}, False),
    ],
)
def test_coins_that_left_were_not_sold_where_no_won_has_come(krw: str, known: dict[str, bool], is_proved: bool) -> None:
    plan, state = selling()

    assert is_proved is unmoved(plan, state, venue(btc="1.5", krw=krw), **known)


@pytest.mark.parametrize(("locked", "is_proved"), [("0", True), ("0.00000001", False)])
def test_where_the_coins_have_to_be_free_those_are_that_are_left(locked: str, is_proved: bool) -> None:
    plan, state = selling()

    assert is_proved is unmoved(plan, state, venue(btc="1.5", locked=locked), is_free=True, with_won=True)


@pytest.mark.parametrize("market", [BTC, ETH])
def test_beside_another_order_coins_that_left_may_have_been_sold(market: Market) -> None:
    plan, state = selling(buy_plan("z", market=market))

    assert not unmoved(plan, state, venue(btc="1.5"), with_won=True, is_late=True)


@pytest.mark.parametrize(("btc", "is_proved"), [("2", True), ("2.00000001", False), ("1.99999999", False)])
def test_beside_another_order_on_its_market_a_sale_is_proved_by_the_exact_balance_only(btc: str, is_proved: bool) -> None:
    plan, state = selling(buy_plan("z"))

    assert is_proved is unmoved(plan, state, venue(btc=btc))


@pytest.mark.parametrize(("btc", "is_late", "is_proved"), [("2", False, True), ("3", False, False), ("3", True, True)])
def test_while_an_order_on_another_market_moves_won_a_sale_is_proved_by_its_coins(
    btc: str, is_late: bool, is_proved: bool
) -> None:
    plan, state = selling(buy_plan("z", market=ETH))

    assert is_proved is unmoved(plan, state, venue(btc=btc), is_late=is_late)


@pytest.mark.parametrize(("locked", "is_proved"), [("0", True), ("1", True), ("1.00000001", False)])
def test_where_the_coins_have_to_be_free_locked_ones_prove_nothing(locked: str, is_proved: bool) -> None:
    plan, state = selling()

    assert is_proved is unmoved(plan, state, venue(btc="3", locked=locked), is_free=True)
    assert unmoved(plan, state, venue(btc="3", locked=locked))


def test_coins_that_are_not_listed_at_all_are_not_free() -> None:
    plan = sell_plan("y", quantity="2")

    assert not unmoved(
        plan, Folded(plan).state, Venue(held={"KRW": Balance("KRW", Decimal(1_000_000), Decimal(0))}), is_free=True
    )


def test_balances_that_cannot_be_read_prove_nothing() -> None:
    plan, state = buying()

    assert not unmoved(plan, state, Venue(is_away=True))


def test_an_order_is_looked_for_by_both_of_its_names_and_from_before_it_was_planned() -> None:
    ours, by_id, other, nameless = order("x", "v-1"), order(None, "v-2"), order("y", "v-3"), order(None, "v-4")
    at = Venue(orders=(ours, by_id, other, nameless))

    found = listed(intent(buy_plan("x"), "v-2"), at)  # type: ignore[arg-type]

    assert (ours, by_id) == found
    assert [(BTC, NOON - timedelta(minutes=1))] == at.asked


def test_an_order_without_an_id_of_the_venues_is_not_taken_for_one_without_a_name() -> None:
    assert () == listed(intent(buy_plan("x")), Venue(orders=(order(None, "v-1"),)))  # type: ignore[arg-type]


def test_lists_that_cannot_be_read_are_not_empty() -> None:
    assert listed(intent(buy_plan("x")), Venue(is_away=True)) is None  # type: ignore[arg-type]


def lost_entry() -> PaperBot:
    """A bot whose entry got lost on the way, and that could not ask about it yet."""
    bot = buyer()
    bot.upbit.on("submit", request_lost)
    bot.upbit.always("find", unavailable)
    bot.run_cycle()
    bot.upbit.heal()
    return bot


def planned_at(bot: PaperBot) -> datetime:
    return bot.books.intents.open_intents()[0].planned_at


@pytest.mark.parametrize(("seconds", "is_sent"), [(299, True), (300, True), (301, False)])
def test_an_entry_is_sent_again_in_its_first_five_minutes_only(seconds: int, is_sent: bool) -> None:
    bot = lost_entry()
    bot.clock.at = planned_at(bot) + timedelta(seconds=seconds)

    ask_once(bot)

    assert is_sent is (["buy KRW-BTC 1000000"] == bot.placed())


@pytest.mark.parametrize(("seconds", "is_sent"), [(9.9, False), (10, True)])
def test_an_order_that_is_not_found_is_sent_again_after_ten_seconds(seconds: float, is_sent: bool) -> None:
    bot = lost_entry()
    bot.upbit.always("find", not_found)
    sent_at = bot.books.intents.open_intents()[0].last_sent_at
    assert sent_at is not None
    bot.clock.at = sent_at + timedelta(seconds=seconds)
    submitted = bot.upbit.calls("submit")

    ask_once(bot)

    assert is_sent is (bot.upbit.calls("submit") > submitted)


@pytest.mark.parametrize(
    ("answer", "seconds", "is_closed"), [("lost", 60, True), ("lost", 59.9, False), ("known", 179.9, False), ("known", 180, True)]
)
def test_an_order_of_another_hour_is_closed_after_a_minute_and_one_that_the_venue_claims_to_know_after_three(
    answer: str, seconds: float, is_closed: bool
) -> None:
    bot = buyer()
    bot.upbit.on("submit", request_lost if answer == "lost" else lambda _method, _approved: Duplicate())
    bot.upbit.always("find", unavailable)
    bot.run_cycle()
    bot.upbit.heal()
    sent_at = bot.books.intents.open_intents()[0].last_sent_at
    assert sent_at is not None
    bot.books.record(SafeModeEntered(reason="told to"))
    bot.clock.at = sent_at + timedelta(seconds=seconds)

    ask_once(bot)

    assert (["never_accepted"] if is_closed else []) == closings(bot)


def test_what_a_restart_finds_half_sent_says_so_in_the_journal() -> None:
    bot = buyer()
    dies(bot, "submit", after=True)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()

    told = [event for event in bot.events(IntentAnswered) if isinstance(event, IntentAnswered)]
    (placed,) = bot.our_orders()
    assert [(None, "restarted"), (placed.uuid, None)] == [(event.venue_id, event.error_name) for event in told]


def test_an_entry_that_was_lost_twice_is_not_held_for_never_sent_right_after() -> None:
    bot = lost_entry()
    bot.upbit.on("submit", request_lost)
    bot.clock.at = planned_at(bot) + timedelta(seconds=200)

    ask_once(bot)

    (still_open,) = bot.books.intents.open_intents()
    assert ([], 2) == (closings(bot), still_open.sends)


def test_an_entry_that_the_lists_show_as_ended_without_a_fill_was_taken() -> None:
    bot = lost_entry()
    bot.upbit.always("find", not_found)
    bot.upbit.always("list_orders", lambda *_: (order(planned(bot), "v-1"),))
    bot.next_hour()

    ask_once(bot)

    assert [] == closings(bot)


def planned(bot: PaperBot) -> str:
    return bot.books.intents.open_intents()[0].identifier


@pytest.mark.parametrize(("seconds", "is_told"), [(179.9, False), (180, True)])
def test_an_order_that_was_taken_and_is_nowhere_is_told_of_after_three_minutes(seconds: float, is_told: bool) -> None:
    bot = buyer()
    bot.upbit.on("submit", lambda _method, _approved: Accepted("nowhere"))
    bot.run_cycle()
    sent_at = bot.books.intents.open_intents()[0].last_sent_at
    assert sent_at is not None
    bot.clock.at = sent_at + timedelta(seconds=seconds)

    ask_once(bot)

    assert is_told is ("vanished:KRW-BTC" in bot.alarms())


@pytest.mark.parametrize(("taken", "is_closed"), [("0", True), ("-1000", False)])
def test_an_entry_that_is_nowhere_is_not_closed_while_won_is_missing(taken: str, is_closed: bool) -> None:
    bot = buyer()
    bot.upbit.on("submit", lambda _method, _approved: Accepted("v-1"))
    bot.upbit.always("list_orders", lambda *_: (order(None, "v-1"),))
    bot.run_cycle()
    if taken != "0":
        bot.deposit("KRW", taken)
    bot.wait(300)

    ask_once(bot)

    assert (["not_executed"] if is_closed else []) == closings(bot)


def test_at_the_very_first_start_a_week_of_orders_is_looked_through_for_ours() -> None:
    bot = buyer()
    bot.memory = MemoryJournal(bot.clock.now)
    bot.journal = SeamedJournal(bot.memory, bot.upbit)
    asked: list[datetime] = []

    def earlier(_method: object, _market: Market, since: datetime) -> Sequence[VenueOrder]:
        asked.append(since)
        return (order(None, "v-1"), order("other.1", "v-2"), order("test.1", "v-3"))

    bot.upbit.always("list_orders", earlier)

    bot.restart()

    assert {bot.clock.now() - timedelta(days=7)} == set(asked)
    assert bot.state.safe_mode is not None
    assert bot.state.safe_mode.reason.endswith("namespace test: test.1")
