import logging
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.errors import ConfigurationError, StoreError
from dg_bot.operator.phrasebook import Language, Phrasebook
from tests.telegram_server import BLOCKED, CHAT, NO_CHAT, SILENCE, TOKEN, UNAUTHORIZED, Sent, TelegramServer, broken, flood
from tests.unit.operator.reports import TRADED, cycle_messages

SECRET = TOKEN.partition(":")[2]


class SteppingClock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.pauses: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 13, tzinfo=UTC)

    def skew_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as running:
        yield running


Build = Callable[..., TelegramNotifier]


@pytest.fixture
def notifier_to(clock: SteppingClock) -> Iterator[Build]:
    built: list[TelegramNotifier] = []

    def build(url: str, *, token: str = TOKEN, read_timeout_s: float = 10.0, patience_s: float = 60.0) -> TelegramNotifier:
        built.append(
            TelegramNotifier(
                token=token, chat_id=CHAT, clock=clock, server=url, read_timeout_s=read_timeout_s, patience_s=patience_s
            )
        )
        return built[-1]

    yield build
    for notifier in built:
        notifier.close()


def failure_of(notifier: TelegramNotifier, text: str = "hello") -> StoreError:
    with pytest.raises(StoreError) as caught:
        notifier.send(text)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


def test_a_message_arrives_as_html(server: TelegramServer, notifier_to: Build) -> None:
    notifier_to(server.url).send("<b>매수</b> KRW-BTC 🙂")

    assert server.sent == [Sent(chat_id=CHAT, text="<b>매수</b> KRW-BTC 🙂", parse_mode="HTML")]


@pytest.mark.parametrize("language", list(Language))
def test_the_four_messages_of_a_cycle_arrive_as_they_were_written(
    server: TelegramServer, notifier_to: Build, language: Language
) -> None:
    notifier = notifier_to(server.url)
    four = cycle_messages(TRADED, Phrasebook(language))

    for text in four:
        notifier.send(text)

    assert [Sent(chat_id=CHAT, text=text, parse_mode="HTML") for text in four] == server.sent


def test_the_servers_root_may_end_in_a_slash(server: TelegramServer, notifier_to: Build) -> None:
    notifier_to(f"{server.url}/").send("hello")

    assert 1 == len(server.sent)


def test_two_messages_leave_a_second_apart(server: TelegramServer, notifier_to: Build, clock: SteppingClock) -> None:
    notifier = notifier_to(server.url)

    notifier.send("first")
    notifier.send("second")

    assert (["first", "second"], [1.0]) == ([message.text for message in server.sent], clock.pauses)


def test_a_pause_that_the_server_asks_for_is_kept(server: TelegramServer, notifier_to: Build, clock: SteppingClock) -> None:
    server.replies.append(flood(7))

    notifier_to(server.url).send("hello")

    assert (1, [7.0]) == (len(server.sent), clock.pauses)


def test_a_pause_beyond_patience_refuses_this_and_later_messages_until_it_is_over(
    server: TelegramServer, notifier_to: Build, clock: SteppingClock
) -> None:
    server.replies.append(flood(61))
    notifier = notifier_to(server.url, patience_s=60.0)

    failure_of(notifier)
    clock.seconds += 60.5
    failure_of(notifier)
    assert ["sendMessage"] == server.calls
    clock.seconds += 0.5
    notifier.send("at last")

    assert ["at last"] == [message.text for message in server.sent]


def test_a_pause_of_exactly_the_patience_is_waited_for(server: TelegramServer, notifier_to: Build, clock: SteppingClock) -> None:
    server.replies.append(flood(60))

    notifier_to(server.url, patience_s=60.0).send("hello")

    assert [60.0] == clock.pauses


def test_three_floods_end_the_message(server: TelegramServer, notifier_to: Build) -> None:
    server.replies.extend([flood(2)] * 3)

    error = failure_of(notifier_to(server.url))

    assert (len(server.calls), True) == (3, "RetryAfter" in error.cause)


def test_two_broken_answers_are_survived(server: TelegramServer, notifier_to: Build, clock: SteppingClock) -> None:
    server.replies.extend([broken(502), broken(503)])

    notifier_to(server.url).send("hello")

    assert (1, [1.0, 2.0]) == (len(server.sent), clock.pauses)


def test_three_broken_answers_end_the_message_but_not_the_next(server: TelegramServer, notifier_to: Build) -> None:
    server.replies.extend([broken()] * 3)
    notifier = notifier_to(server.url)

    error = failure_of(notifier)
    notifier.send("next")

    assert ("NetworkError: Bad Gateway", 4, ["next"]) == (error.cause, len(server.calls), [m.text for m in server.sent])


def test_a_refused_token_is_told_at_once_and_not_tried_again_for_an_hour(
    server: TelegramServer, notifier_to: Build, clock: SteppingClock
) -> None:
    server.replies.append(UNAUTHORIZED)
    notifier = notifier_to(server.url)

    error = failure_of(notifier)
    clock.seconds += 3599.0
    failure_of(notifier)
    assert ("the token was refused", ["sendMessage"], []) == (error.cause, server.calls, clock.pauses)
    clock.seconds += 1.0
    notifier.send("mended")

    assert 1 == len(server.sent)


def test_a_wrong_token_is_refused_by_the_server(server: TelegramServer, notifier_to: Build) -> None:
    error = failure_of(notifier_to(server.url, token=f"{TOKEN}x"))

    assert ("the token was refused", []) == (error.cause, server.calls)


@pytest.mark.parametrize(("reply", "word"), [(BLOCKED, "blocked"), (NO_CHAT, "Chat not found")])
def test_a_chat_that_cannot_be_reached_is_named(server: TelegramServer, notifier_to: Build, reply: object, word: str) -> None:
    server.replies.extend([reply] * 2)  # type: ignore[list-item]

    assert word in failure_of(notifier_to(server.url)).cause


def test_silence_ends_after_three_tries(server: TelegramServer, notifier_to: Build) -> None:
    server.replies.extend([SILENCE] * 3)

    error = failure_of(notifier_to(server.url, read_timeout_s=0.05))

    assert ("TimedOut", 3) == (error.cause.partition(":")[0], len(server.calls))


def test_an_absent_server_is_a_store_error(notifier_to: Build) -> None:
    with TelegramServer() as gone:
        url = gone.url

    assert "NetworkError" in failure_of(notifier_to(url)).cause


def test_the_token_is_in_no_log_line_even_at_debug(
    server: TelegramServer, notifier_to: Build, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.replies.extend([broken(), UNAUTHORIZED])

    failure_of(notifier_to(server.url))

    assert SECRET not in caplog.text


@pytest.mark.parametrize("token", ["", "123:abc def", "123:abc\n", "123:abc/../x", '"123:abc"'])
def test_a_token_that_cannot_be_one_is_refused_without_naming_it(token: str, clock: SteppingClock) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TelegramNotifier(token=token, chat_id=CHAT, clock=clock)

    assert (True, False) == ("TELEGRAM_BOT_TOKEN" in str(caught.value), "abc" in str(caught.value))


def test_importing_the_adapter_does_not_import_the_library() -> None:
    program = "import sys, dg_bot.adapters.telegram; sys.exit('telegram' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode
