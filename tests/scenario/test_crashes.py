"""Death at any moment: whoever comes back from the journal ends where nobody had died."""

import random
from datetime import timedelta

import pytest

from dg_bot.adapters.memory import MemoryJournal
from tests.builders import BTC, PaperBot, SeamedJournal, assert_invariants, paper_bot, protection
from tests.scenario.faulty_upbit import request_lost, unavailable
from tests.scenario.killed import Killed, Reaper, dies, run_until_killed


def test_a_sale_that_was_refused_is_tried_again_after_death() -> None:
    bot = paper_bot(holding="100 @ 1000", says="sell")
    dies(bot, "append IntentSending", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    bot.run_cycle()

    assert ["sell KRW-BTC 100"] == bot.placed()


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


@pytest.mark.parametrize(
    ("days", "is_held", "is_noticed"),
    [(6, False, True), (8, False, False), (8, True, True), (179, True, True), (181, True, False)],
)
def test_a_lost_folder_shows_by_orders_of_a_week_and_where_coins_are_there_of_half_a_year(
    days: int, is_held: bool, is_noticed: bool
) -> None:
    bot = paper_bot(says="buy")
    bot.run_cycle()
    if not is_held:
        bot.hands.exit(BTC)
    lost, bot.memory = bot.memory, MemoryJournal(bot.clock.now)
    bot.journal = SeamedJournal(bot.memory, bot.upbit)
    bot.clock.at += timedelta(days=days)

    bot.rewire()
    bot.reconciler.open_account()

    assert is_noticed is (bot.state.safe_mode is not None)
    bot.memory = lost
    bot.rewire()


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
