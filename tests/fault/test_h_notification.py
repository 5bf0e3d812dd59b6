"""Telegram is away, slow, offended or refuses: no order changes, and what matters is told once it listens again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.domain.events import AlarmRaised
from dg_bot.operator.verbosity import Verbosity
from tests.builders import PaperBot, paper_bot
from tests.fault.records import HOURS, ApartClock, Office, eventful_bot, live_through, orders_undisturbed
from tests.telegram_server import CHAT, TOKEN, UNAUTHORIZED, Sent, TelegramServer, broken, flood

HELD = "100 @ 1000"
NEVER_ENDING = 10_000


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as running:
        yield running


class Told:
    """A bot that tells a Telegram server, from a thread of its own as in the daemon."""

    def __init__(self, bot: PaperBot, folder: Path, url: str, verbosity: Verbosity) -> None:
        self.bot = bot
        self.clock = ApartClock(bot)
        self.notifier = TelegramNotifier(token=TOKEN, chat_id=CHAT, clock=self.clock, server=url)
        self.office = Office(bot, folder, notifier=self.notifier, verbosity=verbosity)

    def alarm(self, kind: str) -> None:
        self.bot.books.alarm(kind, "look")

    @property
    def alarms(self) -> list[str]:
        """Give the alarms that were written down."""
        return [event.kind for event in self.bot.events(AlarmRaised) if isinstance(event, AlarmRaised)]


MakeTold = Callable[..., Told]


@pytest.fixture
def told(tmp_path: Path, server: TelegramServer) -> Iterator[MakeTold]:
    made: list[Told] = []

    def make(bot: PaperBot, *, url: str = server.url, verbosity: Verbosity = Verbosity.CHANGES) -> Told:
        folder = tmp_path / f"told{len(made)}"
        folder.mkdir()
        made.append(Told(bot, folder, url, verbosity))
        return made[-1]

    yield make
    for one in made:
        one.notifier.close()


def titles(server: TelegramServer) -> list[str]:
    """Give the first line of every message that arrived, those too that came several in one."""
    return [part.splitlines()[0] for message in server.sent for part in message.text.split("\n\n")]


@pytest.mark.parametrize("hours", [24, HOURS])
def test_h01_a_telegram_that_is_down_changes_no_order_and_hears_what_matters_in_few_messages(
    server: TelegramServer, told: MakeTold, hours: int
) -> None:
    """Trading goes on as if nobody listened; afterwards alarms and orders are told, in few messages and without chatter."""
    one = told(eventful_bot(), verbosity=Verbosity.FULL)
    server.replies.extend([broken()] * NEVER_ENDING)
    one.alarm("early")
    live_through(one.bot, hours, one.office.flush)
    silent = list(server.sent)
    server.replies.clear()

    one.office.flush()
    one.office.flush()

    assert ([], orders_undisturbed(hours)) == (silent, one.bot.placed())
    assert ["early", "messages_behind"] == one.alarms
    heard = titles(server)
    assert [1, 1] == [heard.count(f"🚨 <b>Alarm: {kind}</b>") for kind in ("early", "messages behind")]
    closings = sum(title.endswith((" bought</b>", " sold</b>")) for title in heard)
    assert len(one.bot.placed()) == closings
    assert [] == [title for title in heard if title.endswith((" cycle</b>", " portfolio</b>", " backtest</b>"))]
    assert len(server.sent) <= len(heard) / 4
    assert ({}, 0.0) == (one.office.outbox.degraded, one.office.lag)


def test_h01_what_waits_is_bounded_and_alarms_are_never_what_is_dropped(server: TelegramServer, told: MakeTold) -> None:
    """However much is said in one moment, at most 300 messages wait beside the alarms."""
    one = told(paper_bot(), verbosity=Verbosity.FULL)
    server.replies.extend([broken()] * NEVER_ENDING)
    kinds = [f"kind {number}" for number in range(20)]
    for kind in kinds:
        one.alarm(kind)
    for _ in range(100):
        one.bot.next_hour()
        one.bot.run_cycle()
    one.bot.clock.at = one.bot.reports[0].completed_at
    one.office.flush()
    server.replies.clear()

    one.office.flush()

    heard = titles(server)
    assert 300 == len(heard)
    assert [f"🚨 <b>Alarm: {kind}</b>" for kind in kinds] == [title for title in heard if "kind" in title]


def test_h02_a_pause_that_telegram_asks_for_is_kept_and_what_gathered_comes_in_one_message(
    server: TelegramServer, told: MakeTold
) -> None:
    """Nothing is sent before the pause is over, and then what came meanwhile goes out together."""
    one = told(paper_bot())
    server.replies.append(flood(300))
    one.alarm("first")
    one.office.flush()
    for kind in ("second", "third"):
        one.bot.wait(100)
        one.alarm(kind)
        one.office.flush()
    calls_in_silence = list(server.calls)
    one.bot.wait(101)

    one.office.flush()

    assert ["sendMessage"] == calls_in_silence
    assert [3] == [len(message.text.split("\n\n")) for message in server.sent]
    assert [f"🚨 <b>Alarm: {kind}</b>" for kind in ("first", "second", "third")] == titles(server)


def test_h02_a_short_pause_is_waited_for(server: TelegramServer, told: MakeTold) -> None:
    """A pause of seconds holds up this one message and loses none."""
    one = told(paper_bot())
    server.replies.append(flood(7))
    one.alarm("first")

    assert {} == one.office.flush()
    assert (1, [7.0]) == (len(server.sent), one.clock.pauses)


def test_h03_html_that_cannot_be_read_is_sent_again_as_plain_text(server: TelegramServer, told: MakeTold) -> None:
    """Its words arrive without the tags that offended."""
    told(paper_bot()).notifier.send("<b>stop</b> &lt;5 % <unknown> <b>open")

    assert server.sent == [Sent(chat_id=CHAT, text="stop <5 %  open", parse_mode=None)]


def test_h03_a_text_that_is_too_long_is_cut_and_sent_plain(server: TelegramServer, told: MakeTold) -> None:
    """As much of it arrives as one message holds, and its end shows that something is missing."""
    told(paper_bot()).notifier.send("<b>" + "가🙂" * 3000 + "</b>")

    (message,) = server.sent
    assert (None, 4096, "…") == (message.parse_mode, len(message.text.encode("utf-16-le")) // 2, message.text[-1])


def test_h04_a_telegram_that_cannot_be_reached_at_the_start_keeps_nobody_from_selling(told: MakeTold) -> None:
    """The bot starts, sells at the stop, and says that its messages are behind."""
    with TelegramServer() as gone:
        url = gone.url
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    one = told(bot, url=url)

    bot.start_up()
    behind = one.office.flush()

    assert (["sell KRW-BTC 100"], {"messages"}) == (bot.placed(), set(behind))


def test_h05_a_revoked_token_is_one_alarm_and_one_request_an_hour(server: TelegramServer, told: MakeTold) -> None:
    """The refusal is written down once; a token that was refused is not hammered, and a mended one is found."""
    one = told(paper_bot())
    server.replies.extend([UNAUTHORIZED] * NEVER_ENDING)
    one.alarm("first")
    for _ in range(6 * 60):
        one.office.flush()
        one.bot.wait(60)
    refused = len(server.calls)
    server.replies.clear()
    one.bot.wait(3600)

    one.office.flush()

    assert (6, ["first", "messages_behind"]) == (refused, one.alarms)
    assert ["🚨 <b>Alarm: first</b>", "🚨 <b>Alarm: messages behind</b>"] == titles(server)
    assert "the token was refused" in server.sent[0].text
