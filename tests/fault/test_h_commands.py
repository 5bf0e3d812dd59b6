"""Who commands the bot by Telegram, and how: a stranger, a group, too much, too late, twice, during a cycle, after a restart."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from structlog.testing import capture_logs

from dg_bot.domain.events import CommandEnded, CommandTaken
from dg_bot.operator.commands import Asked, Command
from dg_bot.ports import Submission
from dg_bot.risk.manager import RiskApproved
from tests.builders import paper_bot
from tests.commanded_bot import OPERATOR, STRANGER, Commanded, commanded
from tests.scenario.faulty_upbit import request_lost, unavailable

HELD = "100 @ 1000"
GROUP = -100_200_300
Start = Callable[..., Commanded]


@pytest.fixture
def command() -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda bot, **how: stack.enter_context(commanded(bot, **how))


def commands_of(one: Commanded) -> list[str]:
    return [row for row in one.audit if row.split(" ", maxsplit=1)[0].isdigit()]


def test_h06_a_command_of_a_stranger_is_met_with_silence_and_told_to_the_operator_once(command: Start) -> None:
    """Nothing is answered or done; strangers are counted, one log line a minute names them, and one alarm a day."""
    one = command(paper_bot(holding=HELD))

    with capture_logs() as lines:
        said = [one.says(text, user=STRANGER) for text in ("/pause", "/status", "/exit all", "/confirm CODE1", "hello")]

    assert [[]] * 5 == said
    assert (None, [], [], 5.0) == (one.bot.state.safe_mode, one.bot.placed(), commands_of(one), one.counted("stranger"))
    assert [("stranger_ignored", STRANGER)] == [(line["event"], line["user"]) for line in lines]
    assert ["stranger"] == one.bot.alarms()


def test_h06_a_strangers_press_of_a_button_is_met_with_silence(command: Start) -> None:
    """A button is no pass: whoever presses it is looked at as whoever writes."""
    one = command(paper_bot(holding=HELD))
    one.says("/exit KRW-BTC")
    one.server.press_data("/confirm CODE1", user_id=STRANGER, message=1)

    assert ([], [], []) == (one.hear(), one.bot.placed(), one.server.rested)


def test_h06_another_operators_code_confirms_nothing(command: Start) -> None:
    """A code belongs to the one who asked: another listed user cannot spend it."""
    other = OPERATOR + 1
    one = command(paper_bot(holding=HELD), users=(OPERATOR, other))
    one.says("/exit KRW-BTC")

    assert ["Nothing waits for confirmation"] == one.says("/confirm CODE1", user=other)
    assert [] == one.bot.placed()


@pytest.mark.parametrize("kind", ["group", "supergroup", "channel"])
@pytest.mark.parametrize("user", [OPERATOR, STRANGER], ids=["listed", "not listed"])
def test_h07_nobody_is_heard_in_a_group(command: Start, kind: str, user: int) -> None:
    """A member of the group who is not on the list is denied by user id, and so is one who is: there others read along."""
    one = command(paper_bot(holding=HELD))

    said = one.says("/pause", user=user, chat_id=GROUP, kind=kind)

    assert ([], None, 1.0) == (said, one.bot.state.safe_mode, one.counted("stranger"))


def test_h07_a_bot_of_a_listed_number_is_not_heard(command: Start) -> None:
    """A message that another bot has written is nobody's command."""
    one = command(paper_bot())

    assert ([], None) == (one.says("/pause", is_bot=True), one.bot.state.safe_mode)


def test_h08_an_empty_list_denies_everybody(command: Start) -> None:
    """Where nobody is listed, nobody commands: not even in the chat that the messages go to."""
    one = command(paper_bot(), users=())

    assert ([], None, 1.0) == (one.says("/pause"), one.bot.state.safe_mode, one.counted("stranger"))


def test_h09_an_exit_while_a_cycle_decides_sells_once(command: Start) -> None:
    """A confirmed exit that comes while a cycle decides to sell is carried out, and the cycle then finds nothing to sell."""
    bot = paper_bot(holding=HELD, says="sell")
    one = command(bot)
    said: list[str] = []

    def exit_meanwhile() -> None:
        one.says("/exit KRW-BTC")
        said.extend(one.presses("Yes, do it"))

    bot.opinion.on_asked = exit_meanwhile
    bot.run_cycle()

    assert ["sell KRW-BTC 100"] == bot.placed()
    assert "sold 100 for" in said[0]
    assert (None, ()) == (bot.position(), bot.books.intents.open_intents())


def test_h09_an_exit_while_a_sale_is_being_sent_waits_for_it_and_sells_once(command: Start) -> None:
    """While the cycle's own sale is on its way the exit waits for the account, and then adds nothing to it."""
    bot = paper_bot(holding=HELD, says="sell")
    one = command(bot)
    ends: list[str] = []

    def exit_() -> None:
        ends.append(one.console.carry_out(Asked(Command.EXIT, "KRW-BTC"), OPERATOR).note)

    thread = threading.Thread(target=exit_)

    def meanwhile(method: Callable[[RiskApproved], Submission], approved: RiskApproved) -> Submission:
        thread.start()
        return method(approved)

    bot.upbit.on("submit", meanwhile)
    bot.run_cycle()
    thread.join()

    assert ["sell KRW-BTC 100"] == bot.placed()
    assert ends[0] in {"KRW-BTC under_way", "KRW-BTC nothing_held"}


def test_h09_two_exits_sell_once(command: Start) -> None:
    """Whoever asks twice hears that nothing is left to sell."""
    one = command(paper_bot(holding=HELD))
    for _ in range(2):
        one.says("/exit all")
        last = one.presses("Yes, do it")

    assert ["sell KRW-BTC 100"] == one.bot.placed()
    assert ["Nothing held that can be sold"] == last


def test_h09_an_exit_while_a_sale_has_no_verdict_sends_nothing(command: Start) -> None:
    """A sale whose answer was lost may still execute: until that is known no second one goes out."""
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    one = command(bot)
    bot.upbit.on("submit", request_lost)
    bot.upbit.always("find", unavailable)
    bot.guard.tick()
    one.says("/exit KRW-BTC")

    assert "A sale is under way already" in one.presses("Yes, do it")[0]
    assert (1, []) == (len(bot.books.intents.open_intents()), bot.placed())


def test_h10_five_hundred_commands_in_a_minute_are_bounded_work(command: Start) -> None:
    """Twenty a minute are answered, one message says so, and what makes the account safer still gets through at once."""
    one = command(paper_bot("1000 1000 | 940", holding=HELD))
    for _ in range(500):
        one.server.push("/status", user_id=OPERATOR)
    one.server.push("/pause", user_id=OPERATOR)

    one.hear()
    one.bot.guard.tick()

    assert (21, 21) == (len(one.bot.events(CommandTaken)), len(one.bot.events(CommandEnded)))
    assert (480.0, 22) == (one.counted("flood"), len(one.server.sent))
    assert (True, ["sell KRW-BTC 100"]) == (one.bot.state.safe_mode is not None, one.bot.placed())


@pytest.mark.parametrize(
    "text",
    ["/exit KRW-BTC'; DROP TABLE trades;--", "/exit KRW-BTC OR 1=1", "/order x' UNION SELECT 1--", "/trades 10; DELETE",
     "/profit day'--", "/exit ＫＲＷ-BTC", "/exit KRW-BTC\nKRW-ETH", "/confirm ' OR ''='", "/trades ١٠"],
)  # fmt: skip
def test_s04_a_command_that_carries_sql_is_refused_by_its_pattern(command: Start, text: str) -> None:
    """What is not exactly a market, a number, a period or a code is refused, and the answer tells how to write it."""
    one = command(paper_bot(holding=HELD))

    (said,) = one.says(text)

    assert said.startswith("Write it so: /")
    assert ([], ["refused: not understood"]) == (one.bot.placed(), [row for row in one.audit if row.startswith("refused")])
