import pytest

from dg_bot.operator.commands import MENU, TWO_STEPS, Asked, Command, Misread, Problem, read
from dg_bot.operator.confirmations import LIFE_S, Confirmations, Verdict
from dg_bot.operator.floods import MOST, WHILE_S, FloodGate

EXIT = Asked(Command.EXIT, "KRW-BTC")
ANN, BEN = 1, 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/status", Asked(Command.STATUS)),
        ("  /status  ", Asked(Command.STATUS)),
        ("/status@some_bot", Asked(Command.STATUS)),
        ("/pause please", Asked(Command.PAUSE)),
        ("/exit KRW-BTC", Asked(Command.EXIT, "KRW-BTC")),
        ("/exit btc", Asked(Command.EXIT, "KRW-BTC")),
        ("/exit ALL", Asked(Command.EXIT, "all")),
        ("/profit", Asked(Command.PROFIT, "day")),
        ("/profit Month", Asked(Command.PROFIT, "month")),
        ("/trades", Asked(Command.TRADES, "10")),
        ("/trades 30", Asked(Command.TRADES, "30")),
        ("/order dg.KRW-BTC.20261120T12.entry.0.0", Asked(Command.ORDER, "dg.KRW-BTC.20261120T12.entry.0.0")),
        ("/confirm abc234", Asked(Command.CONFIRM, "ABC234")),
    ],
)
def test_a_command_is_read_in_its_one_spelling(text: str, expected: Asked) -> None:
    assert expected == read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", Misread(Problem.NO_COMMAND)),
        ("", Misread(Problem.NO_COMMAND)),
        ("/", Misread(Problem.UNKNOWN)),
        ("/STATUS", Misread(Problem.UNKNOWN)),
        ("/withdraw", Misread(Problem.UNKNOWN)),
        ("/exit", Misread(Problem.ARGUMENT, Command.EXIT)),
        ("/exit KRW-BTC KRW-ETH", Misread(Problem.ARGUMENT, Command.EXIT)),
        ("/resume now", Misread(Problem.ARGUMENT, Command.RESUME)),
        ("/profit year", Misread(Problem.ARGUMENT, Command.PROFIT)),
        ("/trades 0", Misread(Problem.ARGUMENT, Command.TRADES)),
        ("/trades 31", Misread(Problem.ARGUMENT, Command.TRADES)),
        ("/confirm", Misread(Problem.ARGUMENT, Command.CONFIRM)),
    ],
)
def test_what_could_mean_anything_else_is_no_command(text: str, expected: Misread) -> None:
    assert expected == read(text)


def test_what_may_bring_risk_or_sells_is_asked_about_once_more() -> None:
    assert {Command.RESUME, Command.CYCLE, Command.EXIT} == TWO_STEPS


def test_the_menu_has_every_command_but_what_messengers_and_buttons_say() -> None:
    assert set(Command) - {Command.CONFIRM, Command.APPROVE, Command.REJECT, Command.START} == set(MENU)


def test_a_code_confirms_once() -> None:
    waiting = Confirmations()
    waiting.ask(ANN, EXIT, code="A", seen="", now_s=0.0)

    assert [EXIT, Verdict.NOTHING_WAITS] == [waiting.take(ANN, "A", seen="", now_s=1.0) for _ in range(2)]


@pytest.mark.parametrize(
    ("now_s", "expected"), [(LIFE_S - 0.1, EXIT), (LIFE_S, Verdict.TOO_LATE), (LIFE_S + 0.1, Verdict.TOO_LATE)]
)
def test_a_code_dies_of_age(now_s: float, expected: object) -> None:
    waiting = Confirmations()
    waiting.ask(ANN, EXIT, code="A", seen="", now_s=0.0)

    assert expected == waiting.take(ANN, "A", seen="", now_s=now_s)


def test_a_code_belongs_to_who_asked() -> None:
    waiting = Confirmations()
    waiting.ask(ANN, EXIT, code="A", seen="", now_s=0.0)

    assert [Verdict.NOTHING_WAITS, EXIT] == [waiting.take(user, "A", seen="", now_s=1.0) for user in (BEN, ANN)]


def test_two_wrong_codes_leave_the_right_one_alive_and_three_do_not() -> None:
    def after(wrong: int) -> object:
        waiting = Confirmations()
        waiting.ask(ANN, EXIT, code="A", seen="", now_s=0.0)
        for _ in range(wrong):
            assert waiting.take(ANN, "B", seen="", now_s=1.0) is Verdict.WRONG_CODE
        return waiting.take(ANN, "A", seen="", now_s=1.0)

    assert [EXIT, Verdict.NOTHING_WAITS] == [after(2), after(3)]


def test_a_second_wish_takes_the_place_of_the_first() -> None:
    waiting = Confirmations()
    resume = Asked(Command.RESUME)
    waiting.ask(ANN, EXIT, code="A", seen="", now_s=0.0)
    waiting.ask(ANN, resume, code="B", seen="", now_s=0.0)

    assert [Verdict.WRONG_CODE, resume] == [waiting.take(ANN, code, seen="", now_s=1.0) for code in "AB"]


def test_what_was_seen_must_still_be_so() -> None:
    waiting = Confirmations()
    waiting.ask(ANN, EXIT, code="A", seen="paused", now_s=0.0)

    assert waiting.take(ANN, "A", seen="daily_loss", now_s=1.0) is Verdict.CHANGED


def test_what_is_withdrawn_waits_no_more() -> None:
    waiting = Confirmations()
    waiting.ask(ANN, EXIT, code="A", seen="", now_s=0.0)

    assert [EXIT, None] == [waiting.withdraw(ANN), waiting.withdraw(ANN)]
    assert waiting.take(ANN, "A", seen="", now_s=1.0) is Verdict.NOTHING_WAITS


def test_a_minute_lets_so_many_in_and_the_next_one_as_many_again() -> None:
    gate = FloodGate()

    first = [gate.lets_in(ANN, 0.0) for _ in range(MOST + 1)]
    later = [gate.lets_in(ANN, now_s) for now_s in (WHILE_S - 0.1, WHILE_S)]

    assert ([True] * MOST + [False], [False, True]) == (first, later)


def test_one_users_flood_is_not_anothers() -> None:
    gate = FloodGate()
    for _ in range(MOST):
        gate.lets_in(ANN, 0.0)

    assert (False, True) == (gate.lets_in(ANN, 0.0), gate.lets_in(BEN, 0.0))


def test_a_flood_is_told_once_until_it_is_over() -> None:
    gate = FloodGate()
    told = [gate.is_to_be_told(ANN) for _ in range(2)]
    gate.lets_in(ANN, 0.0)

    assert [True, False, True] == [*told, gate.is_to_be_told(ANN)]
