import threading
import traceback
from collections.abc import Callable, Iterator

import pytest

from dg_bot.adapters.telegram_updates import AskedToWait, PolledElsewhere, TelegramUpdates, TokenRefused
from dg_bot.domain.conversation import Inbound
from dg_bot.errors import ConfigurationError, StoreError
from tests.telegram_server import CONFLICT, TOKEN, UNAUTHORIZED, TelegramServer, broken, flood

SECRET = TOKEN.partition(":")[2]
USER = 5


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as running:
        yield running


Listen = Callable[[], TelegramUpdates]


@pytest.fixture
def listen(server: TelegramServer) -> Iterator[Listen]:
    made: list[TelegramUpdates] = []

    def begin() -> TelegramUpdates:
        made.append(TelegramUpdates(token=TOKEN, server=server.url))
        return made[-1]

    yield begin
    for updates in made:
        updates.close()


def test_a_message_and_a_press_are_read(server: TelegramServer, listen: Listen) -> None:
    server.push("/status", user_id=USER)
    server.press_data("/confirm X", user_id=USER, message=9)

    written, pressed = listen().poll()

    assert written.sent_at is not None
    assert (
        Inbound(number=1, user=USER, is_bot=False, chat=USER, is_private=True, sent_at=written.sent_at, text="/status") == written
    )
    assert (
        Inbound(
            number=2,
            user=USER,
            is_bot=False,
            chat=USER,
            is_private=True,
            sent_at=None,
            text="/confirm X",
            press="press-2",
            message=9,
        )
        == pressed
    )


def test_what_was_polled_is_taken_with_the_next_poll_and_not_before(server: TelegramServer, listen: Listen) -> None:
    server.push("/status", user_id=USER)
    first = listen()
    first.poll(is_patient=False)
    again = listen().poll(is_patient=False)
    first.poll(is_patient=False)
    never = listen().poll(is_patient=False)

    assert (1, 0) == (len(again), len(never))


@pytest.mark.parametrize(
    "more",
    [
        {"forward_origin": {"type": "user", "date": 1, "sender_user": {"id": 6, "is_bot": False, "first_name": "else"}}},
        {"forward_origin": {"type": "a kind of later", "date": 1}},
        {"via_bot": {"id": 7, "is_bot": True, "first_name": "inline"}},
    ],
    ids=["forwarded", "forwarded in a later way", "by way of another bot"],
)
def test_words_of_somebody_else_are_no_command(server: TelegramServer, listen: Listen, more: dict[str, object]) -> None:
    server.push("/stop", user_id=USER, more=more)
    server.push("/status", user_id=USER)

    assert ["/status"] == [inbound.text for inbound in listen().poll()]


@pytest.mark.parametrize(
    "more",
    [{"checklist": {"title": "t", "tasks": [{"id": 1}]}}, {"gift": {"gift": {"id": "g"}}}, {"reply_to_message": {"poll": {}}}],
    ids=["a list", "a present", "an answer"],
)
def test_what_the_library_does_not_know_yet_makes_nobody_deaf(
    server: TelegramServer, listen: Listen, more: dict[str, object]
) -> None:
    """Telegram gives an update again and again until it was read: one that cannot be would hold back all behind it."""
    server.push("hello", user_id=6, more=more)
    server.push("/stop", user_id=USER, more=more)

    assert ["hello", "/stop"] == [inbound.text for inbound in listen().poll()]


def test_after_silence_numbers_may_begin_anew(server: TelegramServer, listen: Listen) -> None:
    updates = listen()
    server.push("/status", user_id=USER)
    for _ in range(3):
        updates.poll(is_patient=False)

    assert [0, 2, 0] == server.offsets


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (CONFLICT, PolledElsewhere, "another program listens with the same token"),
        (UNAUTHORIZED, TokenRefused, "the token was refused"),
        (flood(17), AskedToWait, "17 s of silence"),
        (broken(), StoreError, "Bad Gateway"),
    ],
)
def test_what_telegram_refuses_is_named_without_the_token(
    server: TelegramServer, listen: Listen, reply: object, kind: type[StoreError], words: str
) -> None:
    server.poll_replies.append(reply)  # type: ignore[arg-type]

    with pytest.raises(kind, match=words) as caught:
        listen().poll()

    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_nobody_at_the_address_is_a_store_error_without_the_token() -> None:
    with TelegramServer() as gone:
        updates = TelegramUpdates(token=TOKEN, server=gone.url)

    with pytest.raises(StoreError) as caught:
        updates.poll()
    updates.close()

    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_call_that_waits_ends_when_it_is_interrupted(server: TelegramServer, listen: Listen) -> None:
    updates = listen()

    def interrupt_when_it_waits() -> None:
        server.wait_until(lambda: bool(server.offsets))
        updates.interrupt()

    thread = threading.Thread(target=interrupt_when_it_waits)
    thread.start()
    heard = updates.poll()
    thread.join()

    assert ((), ()) == (heard, updates.poll())


def test_the_menu_is_shown_in_each_language(server: TelegramServer, listen: Listen) -> None:
    listen().show_menu({None: [("status", "how things stand")], "ko": [("status", "현재 상태")]})

    assert {"": ["status"], "ko": ["status"]} == server.menus


def test_what_is_no_token_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="TELEGRAM_BOT_TOKEN"):
        TelegramUpdates(token="a b")
