"""Death of the process at a moment that matters, in process: the bot is thrown away and made again from its journal."""

from datetime import timedelta
from decimal import Decimal

import pytest

from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import IntentClosed
from dg_bot.risk.limits import RiskLimits
from tests.builders import paper_bot
from tests.scenario.faulty_upbit import still_open
from tests.scenario.killed import Killed, Reaper, dies, run_until_killed
from tests.scenario.order_bots import ENTRY, ENTRY_ID, EXIT, buyer, stopped


def test_d01_an_intent_that_was_never_sending_is_closed_unsent() -> None:
    """An order that was planned and never begun is closed without having been sent."""
    bot = buyer()
    dies(bot, "append IntentSending", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    report = bot.run_cycle()

    assert ([], Outcome.HALTED) == (bot.placed(), report.outcome)
    assert report.reason.startswith("risk.entry_orders_this_cycle: 1")


def test_d01_an_intent_that_was_sending_is_sent_in_its_hour_under_the_same_identifier() -> None:
    """Within its hour the order goes out under the name that was recorded before the death, once."""
    bot = buyer()
    dies(bot, "submit", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    bot.run_cycle()

    assert [ENTRY_ID] == [order.identifier for order in bot.our_orders()]


def test_d01_an_intent_that_was_sending_is_closed_by_proof_after_its_hour() -> None:
    """After its hour nothing is sent any more; the order is closed once its absence is proven."""
    bot = buyer()
    dies(bot, "submit", after=False)
    run_until_killed(bot, bot.run_cycle)
    bot.next_hour()

    bot.restart()

    assert ([], []) == (bot.placed(), list(bot.books.intents.open_intents()))


def test_d02_an_order_that_was_accepted_before_its_reply_was_read_is_adopted() -> None:
    """The next start finds the order at the exchange and adopts it; no second one is sent."""
    bot = buyer()
    dies(bot, "submit", after=True)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    bot.run_cycle()

    assert [ENTRY_ID] == [order.identifier for order in bot.our_orders()]
    assert bot.position() is not None


def test_d03_an_order_whose_answer_was_not_written_is_adopted_and_booked_once() -> None:
    """The order is adopted, and its fill is booked and counted once."""
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
    """However often recovery is cut off, the next one ends where an undisturbed one would have."""
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
    """The hour's cycle runs again and sends nothing; the fill counts once."""
    bot = buyer()
    dies(bot, "append CycleCompleted", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    report = bot.run_cycle()

    assert 1 == len(bot.placed())
    assert not report.repeated
    assert 1 == bot.state.entries_filled_on_day_of(bot.clock.now())


def test_d09_death_after_a_sale_of_half_and_before_its_report_sells_no_second_half() -> None:
    """A sale of half that went through is not made a second time in its hour."""
    bot = paper_bot(holding="100 @ 1000", says="sell", limits=RiskLimits(sell_fraction=Decimal("0.5")))
    dies(bot, "append CycleCompleted", after=False)
    run_until_killed(bot, bot.run_cycle)

    bot.restart()
    bot.run_cycle()

    assert ["sell KRW-BTC 50"] == bot.placed()


def test_d09_a_restart_after_a_completed_cycle_gives_its_report_again() -> None:
    """A cycle that has completed is not run again: its report is given once more, and nothing is sent."""
    bot = buyer()
    bot.run_cycle()

    bot.restart()
    report = bot.run_cycle()

    assert (True, ENTRY) == (report.repeated, bot.placed())


def broken(_method: object, *_args: object) -> None:
    raise ZeroDivisionError("a defect")


# Where each of the four stages first asks somebody.
STAGES = {"risk_check": "balances", "data_collection": "order_book", "execution": "rules"}


@pytest.mark.parametrize("stage", STAGES)
def test_d13_whatever_breaks_in_a_stage_leaves_the_guard_and_the_next_cycle_alone(stage: str) -> None:
    """The cycle is lost and nothing else: the guard sells at the stop all the same, and the next hour's cycle runs."""
    bot = stopped() if stage == "risk_check" else paper_bot("1000 1000 | 1000 940 940", holding="100 @ 1000")
    bot.upbit.on(STAGES[stage], broken)
    bot.opinion.says = "sell" if stage == "execution" else "hold"

    with pytest.raises(ZeroDivisionError):
        bot.run_cycle()
    if stage != "risk_check":
        bot.next_hour()
    bot.guard.tick()
    bot.next_hour()
    report = bot.run_cycle()

    assert (EXIT, Outcome.HELD) == (bot.placed(), report.outcome)


def test_d13_a_model_that_breaks_leaves_the_guard_and_the_next_cycle_alone() -> None:
    """A defect in the analysis costs one decision; the stop is watched and the next hour decides again."""
    bot = paper_bot("1000 1000 | 1000 940 940", holding="100 @ 1000")
    bot.opinion.error = ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError):
        bot.run_cycle()
    bot.opinion.error = None
    bot.next_hour()
    bot.guard.tick()
    bot.next_hour()

    assert (EXIT, Outcome.HELD) == ([bot.placed()[-1]], bot.run_cycle().outcome)


def test_d15_a_warm_restart_leaves_the_position_as_it_was() -> None:
    """Position, levels and money are what they were, and nothing is sent."""
    bot = buyer()
    bot.run_cycle()
    before = bot.state

    bot.restart()

    assert (before.positions, before.flows, 1) == (bot.state.positions, bot.state.flows, len(bot.placed()))
    assert 1 == len(bot.events(IntentClosed))


def test_d16_an_entry_that_is_still_open_is_no_position_and_is_reserved() -> None:
    """An order without an end is no position, and its whole amount counts against the limits."""
    bot = buyer()
    bot.upbit.always("find", still_open)
    bot.run_cycle()

    bot.restart()

    assert bot.position() is None
    assert Decimal(1_000_000) == bot.state.unresolved_entry_krw()
    assert Decimal(1_000_000) == bot.state.krw_spent_since(bot.clock.now() - timedelta(hours=1))
