"""What an operator writes and what comes of it, over a local Bot API server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import CommandTaken, Event, Record, SafeModeEntered, SafeModeLeft
from dg_bot.errors import StateError
from dg_bot.operator.phrasebook import Language
from dg_bot.risk.operator_halt import OperatorHalt, operator_halt
from tests.builders import BTC, ETH, XRP, paper_bot
from tests.commanded_bot import OPERATOR, Commanded, commanded
from tests.scenario.faulty_upbit import reply_lost
from tests.scenario.faulty_upbit import unavailable as _unavailable
from tests.telegram_server import broken

HELD = "100 @ 1000"
Start = Callable[..., Commanded]


@pytest.fixture
def command() -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda bot, **how: stack.enter_context(commanded(bot, **how))


def test_a_pause_acts_at_once_and_outlives_the_process(command: Start) -> None:
    one = command(paper_bot("1000 1000 | 1000 1000", says="buy"))

    said = one.says("/pause")
    one.reborn()
    report = one.bot.run_cycle()

    assert "⏸ <b>Paused</b>" == said[0].splitlines()[0]
    assert (Outcome.HALTED, "risk.safe_mode: paused: Telegram 77001, limit off") == (report.outcome, report.reason)
    assert ["77001 /pause", "carried_out: paused"] == one.audit


def test_what_came_behind_a_defect_is_done_where_all_is_taken_again_and_nothing_twice(
    command: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = command(paper_bot())
    one.says("/pause")
    for text in ("/resume", "/stop"):
        one.server.push(text, user_id=OPERATOR)

    def broken_glance() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(one.console, "glance", broken_glance)
    together = one.updates.poll(is_patient=False)
    with pytest.raises(ZeroDivisionError):
        one.desk.take(together, may_be_old=False)
    one.desk.take(together, may_be_old=False)

    assert operator_halt(one.bot.state) is OperatorHalt.STOPPED
    assert ["77001 /resume", "77001 /stop", "carried_out: stopped"] == one.audit[2:]


def test_a_resume_is_asked_about_and_the_button_does_it(command: Start) -> None:
    one = command(paper_bot())
    one.says("/pause")

    asked = one.says("/resume")
    before = operator_halt(one.bot.state)
    done = one.presses("Yes, do it")

    assert (True, OperatorHalt.PAUSED) == ("Leaves safe mode: paused: Telegram 77001" in asked[0], before)
    assert (None, "▶️ <b>Trading again</b>") == (one.bot.state.safe_mode, done[0].splitlines()[0])
    assert [
        "77001 /pause", "carried_out: paused", "77001 /resume", "asked_again: waits for its second step",
        "77001 /confirm CODE1", "carried_out: left safe mode",
    ] == one.audit  # fmt: skip
    assert ["press-3"] == one.server.rested


def test_the_answer_to_a_press_stands_where_the_question_was(command: Start) -> None:
    one = command(paper_bot())
    one.says("/resume")
    one.presses("No")

    assert ["Dropped: /resume"] == [message.text for message in one.server.screen().values()]


def test_a_refresh_that_changes_nothing_is_no_error(command: Start) -> None:
    one = command(paper_bot())
    one.says("/status")

    one.presses("🔄 Refresh")

    assert (1, 0.0) == (len(one.server.screen()), one.counted("failed"))


def test_the_code_does_what_the_button_does(command: Start) -> None:
    one = command(paper_bot(holding=HELD))
    one.says("/exit btc")

    said = one.says("/confirm code1")

    assert (True, ["sell KRW-BTC 100"]) == ("sold 100 for" in said[0], one.bot.placed())
    assert "carried_out: KRW-BTC placed" == one.audit[-1]


def test_one_market_that_cannot_be_read_keeps_no_other_from_an_exit_of_all(command: Start) -> None:
    holding = {BTC: HELD, ETH: HELD, XRP: HELD}
    one = command(paper_bot(dict.fromkeys(holding, "1000 1000"), holding=holding))
    one.bot.upbit.on("balances", _unavailable, first=3)
    one.says("/exit all")

    said = one.presses("Yes, do it")

    assert ["sell KRW-BTC 100", "sell KRW-XRP 100"] == one.bot.placed()
    assert "🚨 Failed: KRW-ETH: test: the exchange is unavailable (503)" in said
    failed = "KRW-ETH failed: test: the exchange is unavailable (503)"
    assert f"carried_out: KRW-BTC placed, KRW-XRP placed, {failed}" == one.audit[-1]


def test_an_exit_of_all_that_sold_nothing_for_trouble_has_failed(command: Start) -> None:
    one = command(paper_bot(holding=HELD))
    one.bot.upbit.always("balances", _unavailable)
    one.says("/exit all")

    assert ["🚨 Failed: test: the exchange is unavailable (503)"] == one.presses("Yes, do it")
    assert "failed: test: the exchange is unavailable (503)" == one.audit[-1]


@pytest.mark.parametrize("which", ["btc", "all"])
def test_an_exit_before_the_end_of_an_entry_is_known_tells_of_it_at_both_steps(command: Start, which: str) -> None:
    one = command(paper_bot(says="buy"))
    one.bot.upbit.on("submit", reply_lost)
    one.bot.upbit.always("find", _unavailable)
    one.bot.run_cycle()

    asked = one.says(f"/exit {which}")
    said = one.presses("Yes, do it")

    told = "A buy is still looked up: /exit again later"
    assert [True, True] == [any(told in text for text in texts) for texts in (asked, said)]
    assert "refused: KRW-BTC entry_open" == one.audit[-1]


def test_a_code_dies_with_the_process(command: Start) -> None:
    one = command(paper_bot(holding=HELD))
    one.says("/exit btc")
    one.reborn()

    assert ["Nothing waits for confirmation"] == one.says("/confirm CODE1")
    assert [] == one.bot.placed()


def test_a_code_dies_with_its_minute(command: Start) -> None:
    one = command(paper_bot(holding=HELD))
    one.says("/exit btc")
    one.bot.wait(60)

    assert (["Too late; ask again"], []) == (one.says("/confirm CODE1"), one.bot.placed())


def test_a_resume_confirms_the_safe_mode_that_was_seen_and_no_later_one(command: Start) -> None:
    one = command(paper_bot())
    one.says("/pause")
    one.says("/resume")
    one.bot.books.record(SafeModeLeft(by="timer"))
    one.bot.books.record(SafeModeEntered(reason="daily_loss: lost 0.1100 of the opening equity, limit 0.10"))

    assert ["Things have changed since; ask again"] == one.presses("Yes, do it")
    assert one.bot.state.safe_mode is not None


def test_a_pause_on_top_of_a_rules_safe_mode_keeps_its_reason_and_ends_its_timer(command: Start) -> None:
    one = command(paper_bot())
    one.bot.books.record(SafeModeEntered(reason="daily_loss: lost 0.1100"))

    said = one.says("/pause")

    safe_mode = one.bot.state.safe_mode
    assert safe_mode is not None
    assert "paused: Telegram 77001; before: daily_loss: lost 0.1100" == safe_mode.reason
    assert "Before that: daily loss limit: lost 0.1100" == said[0].splitlines()[2]


def test_a_pause_does_not_soften_a_stop(command: Start) -> None:
    one = command(paper_bot())
    one.says("/stop")

    said = one.says("/pause")

    assert ("So it is already: stopped: Telegram 77001", OperatorHalt.STOPPED) == (said[0], operator_halt(one.bot.state))


def test_a_cycle_runs_after_its_second_step_and_not_while_stopped(command: Start) -> None:
    one = command(paper_bot())
    one.says("/cycle")
    before = list(one.cycles)
    one.presses("Yes, do it")
    ran = list(one.cycles)
    one.says("/stop")
    one.says("/cycle")
    refused = one.presses("Yes, do it")

    assert ([], ["held"], ["held"]) == (before, ran, one.cycles)
    assert ["Stopped; /resume first"] == refused


def test_what_was_sent_before_the_process_began_is_not_done_and_said_so(command: Start) -> None:
    one = command(paper_bot(safe_mode=True))

    said = [one.says("/confirm CODE1", ago_s=10), one.says("/pause", ago_s=10)]

    assert ["🕰 Not done, for they came while I was away"] * 2 == [texts[0].splitlines()[0] for texts in said]
    assert (2.0, True) == (one.counted("old"), operator_halt(one.bot.state) is None)


@pytest.mark.parametrize(("ago_s", "is_done"), [(110, True), (130, False)])
def test_what_waited_for_more_than_two_minutes_is_not_done(command: Start, ago_s: int, is_done: bool) -> None:
    one = command(paper_bot())
    one.server.push("/pause", user_id=OPERATOR)
    one.offset = timedelta(seconds=ago_s)

    one.hear()

    assert is_done is (one.bot.state.safe_mode is not None)


def test_a_press_of_which_nobody_knows_how_long_it_waited_is_not_done(command: Start) -> None:
    one = command(paper_bot())
    one.says("/status")
    one.server.press("⏸ Pause", user_id=OPERATOR)

    one.hear(may_be_old=True)

    assert (None, 1.0) == (one.bot.state.safe_mode, one.counted("old"))


def test_a_message_that_comes_twice_is_taken_once_over_restarts_too(command: Start) -> None:
    one = command(paper_bot())
    one.says("/pause")
    one.bot.books.record(SafeModeLeft(by="operator"))
    again = one.updates
    one.reborn()
    one.server._taken = 0

    one.hear()

    assert (None, 1, again) == (one.bot.state.safe_mode, len(one.bot.events(CommandTaken)), one.updates)


def test_a_command_over_which_the_process_ended_is_told_and_not_repeated(command: Start) -> None:
    one = command(paper_bot(holding=HELD))
    one.later = []
    one.says("/exit btc")
    one.presses("Yes, do it")
    one.reborn()

    assert [] == one.bot.placed()
    assert "⚠️ /confirm CODE1: the process ended over it" == one.server.sent[-1].text.splitlines()[0]
    assert "interrupted: the process ended" == one.audit[-1]
    one.reborn()
    assert 1 == one.audit.count("interrupted: the process ended")


def test_what_cannot_be_recorded_is_not_done(command: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    one = command(paper_bot(holding=HELD))
    one.says("/exit btc")

    def full(event: Event) -> Record:
        raise StateError("journal.jsonl", "the disk is full", "make room")

    monkeypatch.setattr(one.bot.journal, "append", full)

    said = one.presses("Yes, do it")

    assert "🚨 Failed: journal.jsonl: the disk is full; make room" == said[0]
    assert [] == one.bot.placed()


def test_an_answer_that_telegram_does_not_take_does_not_undo_the_command(command: Start) -> None:
    one = command(paper_bot())
    one.server.replies.extend([broken()] * 3)

    said = one.says("/pause")

    assert ([], "carried_out: paused", True) == (said, one.audit[-1], one.bot.state.safe_mode is not None)


def test_too_many_at_once_are_refused_and_not_queued_for_ever(command: Start) -> None:
    one = command(paper_bot())
    one.desk._apart = lambda _act: False

    assert ["⏳ Earlier requests are still being answered"] == one.says("/status")
    assert "refused: too much is waiting" == one.audit[-1]


def test_what_goes_wrong_is_an_answer(command: Start) -> None:
    one = command(paper_bot(holding=HELD))
    one.bot.upbit.always("balances", _unavailable)

    said = one.says("/sync")

    assert said[0].startswith("🚨 Failed: ")
    assert one.audit[-1].startswith("failed: ")


def test_differences_are_named_by_sync(command: Start) -> None:
    one = command(paper_bot())
    one.bot.deposit("KRW", "-5000")

    assert ["🔄 <b>Compared</b>", "KRW differs by -5000", "If you moved it: doctor.py --declare"] == one.says("/sync")[
        0
    ].splitlines()


def test_korean_operators_are_answered_in_korean(command: Start) -> None:
    one = command(paper_bot(), language=Language.KOREAN)

    assert "🟢 <b>작동 중</b> · 데모" == one.says("/status")[0].splitlines()[0]


@pytest.mark.parametrize("text", ["안녕", "/nothing", "/exit <b>x</b>", "/confirm zz\x00zz", "/trades 🙂", "/" + "x" * 5000])
def test_hostile_text_is_answered_and_recorded_in_one_short_line(command: Start, text: str) -> None:
    one = command(paper_bot())

    said = one.says(text)

    (taken,) = [event for event in one.bot.events(CommandTaken) if isinstance(event, CommandTaken)]
    assert (1, True, True) == (len(said), len(taken.text) <= 100, taken.text.isprintable())
