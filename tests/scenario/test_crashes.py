"""Death at any moment: whoever comes back from the journal ends where nobody had died."""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dg_bot.adapters.memory import MemoryJournal
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import IntentPlanned, SafeModeEntered
from dg_bot.domain.market import Market
from dg_bot.domain.order import VenueOrder
from dg_bot.errors import BotError
from dg_bot.execution.planner import PlannerLimits
from dg_bot.ports import Submission, Unclear
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import RiskApproved
from tests.builders import BTC, PaperBot, SeamedJournal, assert_invariants, paper_bot, protection
from tests.scenario.faulty_upbit import (
    Call,
    Fault,
    answered_unclearly,
    filled_in_part,
    not_found,
    reply_lost,
    request_lost,
    still_open,
    unavailable,
    without_fills,
)

ENTRY_ID = "test.KRW-BTC.20261120T12.entry.0.0"


class Killed(BaseException):
    """The process is gone; nothing in the program may catch this."""


class Reaper:
    """Kills at chosen calls of the ports, counted from 1: before the call has an effect, or after it."""

    def __init__(self, *, before: Iterable[int] = (), after: Iterable[int] = ()) -> None:
        self.calls = 0
        self._before, self._after = frozenset(before), frozenset(after)

    def __call__(self, _operation: str, call: Callable[[], Any]) -> Any:
        self.calls += 1
        mine = self.calls
        if mine in self._before:
            raise Killed
        answer = call()
        if mine in self._after:
            raise Killed
        return answer


def dies(bot: PaperBot, operation: str, *, after: bool, nth: int = 1) -> None:
    """Let the bot die once at the nth call of `operation`."""
    seen = 0

    def around(name: str, call: Callable[[], Any]) -> Any:
        nonlocal seen
        seen += name == operation
        if name != operation or seen != nth:
            return call()
        if after:
            call()
        raise Killed

    bot.upbit.around = around


def run_until_killed(bot: PaperBot, act: Callable[[], object]) -> None:
    with pytest.raises(Killed):
        act()
    bot.upbit.around = lambda _name, call: call()


def buyer(**settings: object) -> PaperBot:
    return paper_bot("1000 1000", says="buy", **settings)  # type: ignore[arg-type]


def stopped() -> PaperBot:
    return paper_bot("1000 1000 | 940", holding="100 @ 1000")


def test_d01_an_intent_that_was_never_sending_is_closed_unsent() -> None:
    bot = buyer()
    dies(bot, "append IntentSending", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    report = bot.run_cycle()

    assert ([], Outcome.HALTED) == (bot.placed(), report.outcome)
    assert report.reason.startswith("risk.entry_orders_this_cycle: 1")


def test_d01_an_intent_that_was_sending_is_sent_in_its_hour_under_the_same_identifier() -> None:
    bot = buyer()
    dies(bot, "submit", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    bot.run_cycle()

    assert [ENTRY_ID] == [order.identifier for order in bot.our_orders()]


def test_d01_an_intent_that_was_sending_is_closed_by_proof_after_its_hour() -> None:
    bot = buyer()
    dies(bot, "submit", after=False)
    run_until_killed(bot, bot.run_cycle)
    bot.next_hour()

    bot.restart()

    assert ([], []) == (bot.placed(), list(bot.books.intents.open_intents()))


def test_d02_an_order_that_was_accepted_before_its_reply_was_read_is_adopted() -> None:
    bot = buyer()
    dies(bot, "submit", after=True)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    bot.run_cycle()

    assert [ENTRY_ID] == [order.identifier for order in bot.our_orders()]
    assert bot.position() is not None


def test_d03_an_order_whose_answer_was_not_written_is_adopted_and_booked_once() -> None:
    bot = buyer()
    dies(bot, "append IntentAnswered", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()

    position = bot.position()
    assert position is not None
    assert bot.our_orders()[0].executed_volume == position.quantity
    assert 1 == bot.state.entries_filled_on_day_of(bot.clock.now())


@pytest.mark.parametrize("nth", range(1, 8))
def test_d08_death_three_times_in_a_row_during_recovery_changes_nothing(nth: int) -> None:
    bot = buyer()
    dies(bot, "submit", after=True)
    run_until_killed(bot, bot.run_cycle)
    for _ in range(3):
        bot.upbit.around = Reaper(before=[nth])
        bot.rewire()
        try:
            bot.start_up()
        except Killed:
            continue
    bot.upbit.around = lambda _name, call: call()

    bot.restart()

    assert [ENTRY_ID] == [order.identifier for order in bot.our_orders()]
    assert bot.position() is not None


def test_d09_death_after_a_buy_and_before_its_report_sends_nothing_again() -> None:
    bot = buyer()
    dies(bot, "append CycleCompleted", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    report = bot.run_cycle()

    assert 1 == len(bot.placed())
    assert not report.repeated
    assert 1 == bot.state.entries_filled_on_day_of(bot.clock.now())


def test_d09_death_after_a_sale_of_half_and_before_its_report_sells_no_second_half() -> None:
    bot = paper_bot(holding="100 @ 1000", says="sell", limits=RiskLimits(sell_fraction=Decimal("0.5")))
    dies(bot, "append CycleCompleted", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    bot.run_cycle()

    assert ["sell KRW-BTC 50"] == bot.placed()


def test_a_sale_that_was_refused_is_tried_again_after_death() -> None:
    bot = paper_bot(holding="100 @ 1000", says="sell")
    dies(bot, "append IntentSending", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    bot.run_cycle()

    assert ["sell KRW-BTC 100"] == bot.placed()


def test_a22_death_between_the_children_of_an_entry_leaves_what_was_filled() -> None:
    bot = buyer(krw="200000000", limits=RiskLimits(max_krw_per_day=Decimal(10) ** 9))
    dies(bot, "submit", after=True, nth=2)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    bot.run_cycle()

    assert ["buy KRW-BTC 4000000"] * 2 == bot.placed()


def test_d15_a_warm_restart_leaves_the_position_as_it_was() -> None:
    bot = buyer()
    bot.run_cycle()
    before = bot.state

    bot.restart()

    assert (before.positions, before.flows, 1) == (bot.state.positions, bot.state.flows, len(bot.placed()))


def test_d16_an_entry_that_is_still_open_is_no_position_and_is_reserved() -> None:
    bot = buyer()
    bot.upbit.always("find", still_open)
    bot.run_cycle()

    bot.restart()

    assert bot.position() is None
    assert Decimal(1_000_000) == bot.state.unresolved_entry_krw()
    assert Decimal(1_000_000) == bot.state.krw_spent_since(bot.clock.now() - timedelta(hours=1))


def test_a_restart_finds_levels_counters_safe_mode_and_open_intents_as_they_were() -> None:
    bot = paper_bot("1000 1000 | 1080", holding="100 @ 1000", protection=protection(trailing_distance_krw="30"), safe_mode=True)
    bot.run_cycle()
    bot.upbit.on("submit", request_lost, last=99)
    bot.upbit.always("find", unavailable)
    bot.opinion.says = "sell"
    bot.next_hour()
    bot.run_cycle()
    state, intents = bot.books.state, bot.books.intents.open_intents()

    bot.rewire()

    assert (state, intents) == (bot.books.state, bot.books.intents.open_intents())
    assert 1 == len(intents)


def test_the_first_start_takes_the_balances_down_once() -> None:
    bot = paper_bot()
    before = len(list(bot.memory.records()))

    bot.restart()
    bot.restart()

    assert before == len(list(bot.memory.records()))


def test_f04_a_new_journal_over_orders_of_an_earlier_life_begins_in_safe_mode() -> None:
    bot = buyer()
    bot.run_cycle()
    lost, bot.memory = bot.memory, MemoryJournal(bot.clock.now)
    bot.journal = SeamedJournal(bot.memory, bot.upbit)

    bot.restart()

    assert bot.state.safe_mode is not None
    assert bot.position() is None
    bot.memory = lost


def lives(bot: PaperBot, *, hours: int = 3) -> None:
    """Run hour by hour, from start-up after each death; it wants to buy in the first two, and sells in the third."""
    for hour in range(hours):
        for _ in range(50):
            try:
                bot.rewire()
                bot.start_up()
                bot.opinion.says = "buy" if hour < 2 and bot.position() is None else "hold"
                bot.run_cycle()
                bot.guard.tick()
                break
            except Killed:
                bot.wait(1)
        bot.next_hour()


def end_of(bot: PaperBot) -> tuple[object, ...]:
    return (
        bot.placed(),
        bot.venue.accounts(),
        bot.state.positions,
        bot.state.flows,
        bot.state.open_plans,
        bot.state.safe_mode,
        bot.state.entries_filled_on_day_of(bot.clock.now()),
    )


def short_life() -> PaperBot:
    return paper_bot("1000 1000 | 1000 1000 1110")


def test_death_before_or_after_any_call_of_exchange_and_journal_changes_no_end() -> None:
    undisturbed = short_life()
    count = undisturbed.upbit.around = Reaper()
    lives(undisturbed)
    expected = end_of(undisturbed)
    assert 2 == len(undisturbed.placed())

    for call in range(1, count.calls + 1):
        for when in ("before", "after"):
            bot = short_life()
            bot.upbit.around = Reaper(**{when: [call]})
            lives(bot)

            assert expected == end_of(bot), f"death {when} call {call}"
            assert_invariants(bot)


@pytest.mark.parametrize("seed", range(12))
def test_many_deaths_in_one_life_change_no_end(seed: int) -> None:
    undisturbed = short_life()
    lives(undisturbed)
    dice = random.Random(seed)
    bot = short_life()
    calls = dice.sample(range(1, 200), 14)
    bot.upbit.around = Reaper(before=calls[:7], after=calls[7:])

    lives(bot)

    assert end_of(undisturbed) == end_of(bot)


FAULTS: tuple[tuple[str, Fault], ...] = (
    ("submit", request_lost),
    ("submit", reply_lost),
    ("submit", answered_unclearly("500")),
    ("submit", filled_in_part("0.5")),
    ("find", unavailable),
    ("find", not_found),
    ("find", without_fills),
    ("find", still_open),
    ("balances", unavailable),
    ("last_prices", unavailable),
    ("list_orders", unavailable),
    ("order_book", unavailable),
    ("rules", unavailable),
    ("candles", unavailable),
)


class Ghosts:
    """Orders that are placed and then, for some time, can be seen only in the balances."""

    def __init__(self, bot: PaperBot, dice: random.Random) -> None:
        self._now = bot.clock.now
        self._dice = dice
        self._rate = dice.choice((0.0, 0.3))
        self._until: dict[str, datetime] = {}

    def submit(self, method: Call, approved: RiskApproved) -> Submission:
        answer: Submission = method(approved)
        if approved.identifier in self._until or self._dice.random() >= self._rate:
            return answer
        self._until[approved.identifier] = self._now() + timedelta(seconds=self._dice.choice((3, 9, 15, 70, 600, 4000)))
        return self._dice.choice((answer, Unclear("read_timeout")))

    def find(self, method: Call, identifier: str) -> VenueOrder | None:
        found: VenueOrder | None = method(identifier)
        return None if self._is_hidden(identifier) else found

    def list_orders(self, method: Call, market: Market, since: datetime) -> Sequence[VenueOrder]:
        listed: Sequence[VenueOrder] = method(market, since)
        return [order for order in listed if not self._is_hidden(order.identifier or "")]

    def _is_hidden(self, identifier: str) -> bool:
        return identifier in self._until and self._now() < self._until[identifier]


def troubled_life(seed: int) -> PaperBot:
    """Live ten hours with faults of the venue and deaths of the process, then two without."""
    dice = random.Random(seed)
    limits = RiskLimits(entry_interval=timedelta(0), max_entries_per_day=100, max_krw_per_day=Decimal(10) ** 9)
    planner = PlannerLimits(split_above_krw=Decimal(dice.choice((300_000, 3_000_000))))
    jump = dice.choice(("930", "1000", "1110"))
    bot = paper_bot(f"1000 1000 | {'1000 999 ' * 4} {jump} {jump}", limits=limits, planner=planner)
    rates = {index: dice.choice((0.0, 0.02, 0.2)) for index in range(len(FAULTS))}
    rates.update({index: dice.choice((0.0, 0.3)) for index, (operation, _) in enumerate(FAULTS) if operation == "submit"})
    death = dice.choice((0.0, 0.01, 0.05))
    is_troubled = True
    ghosts = Ghosts(bot, dice)

    def around(_operation: str, call: Callable[[], Any]) -> Any:
        if is_troubled and dice.random() < death:
            raise Killed
        answer = call()
        if is_troubled and dice.random() < death:
            raise Killed
        return answer

    for index, (operation, fault) in enumerate(FAULTS):

        def sometimes(method: Any, *args: Any, rate: float = rates[index], fault: Fault = fault) -> Any:
            return fault(method, *args) if is_troubled and dice.random() < rate else method(*args)

        bot.upbit.always(operation, sometimes)
    bot.upbit.always("submit", lambda method, *args: ghosts.submit(method, *args) if is_troubled else method(*args))
    bot.upbit.always("find", ghosts.find)
    bot.upbit.always("list_orders", ghosts.list_orders)
    bot.upbit.around = around
    for hour in range(12):
        is_troubled = hour < 10
        for _ in range(30):
            try:
                bot.rewire()
                bot.start_up()
                bot.opinion.says = "buy" if bot.position() is None else dice.choice(("hold", "sell", "sell"))
                bot.run_cycle()
                for _ in range(4):
                    bot.wait(30)
                    _tick(bot)
                break
            except (Killed, BotError):
                bot.wait(20)
        bot.next_hour()
    return bot


def _tick(bot: PaperBot) -> None:
    try:
        bot.guard.tick()
    except BotError:
        return


@pytest.mark.parametrize("seed", range(10))
def test_i20_after_any_trouble_books_and_venue_agree_and_nothing_is_unresolved(seed: int) -> None:
    bot = troubled_life(seed)

    assert () == bot.books.intents.open_intents()
    assert_invariants(bot)
    assert [] == bot.events(SafeModeEntered)
    assert len(bot.events(IntentPlanned)) >= len(bot.placed())
    assert BTC not in bot.state.positions or bot.state.positions[BTC].quantity == bot.venue.account("BTC").total
