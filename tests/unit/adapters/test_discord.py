import traceback
from collections.abc import Iterator

import pytest

from dg_bot.adapters.discord import DiscordNotifier, parts
from dg_bot.errors import ConfigurationError, StoreError
from tests.discord_server import SECRET, DiscordServer
from tests.unit.adapters.test_telegram import SteppingClock

BROKEN = (502, {"message": "Bad Gateway"})


@pytest.fixture
def server() -> Iterator[DiscordServer]:
    with DiscordServer() as running:
        yield running


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


def failure_of(notifier: DiscordNotifier) -> StoreError:
    with pytest.raises(StoreError) as caught:
        notifier.send("hello")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


def test_a_message_arrives_in_discords_markup_and_mentions_nobody(server: DiscordServer, clock: SteppingClock) -> None:
    DiscordNotifier(url=server.url, clock=clock).send("🟢 <b>KRW-BTC 매수</b>\n@everyone &lt;@1&gt; *a* <code>x_y`z</code>")

    assert [
        {
            "content": "🟢 **KRW\\-BTC 매수**\n\\@everyone \\<\\@1\\> \\*a\\* `x_y'z`",
            "allowed_mentions": {"parse": []},
            "flags": 4,
        }
    ] == server.sent


@pytest.mark.parametrize(("lines", "count"), [(1, 1), (200, 1), (201, 2), (1000, 5)])
def test_a_message_that_is_too_long_goes_in_parts_and_loses_nothing(lines: int, count: int) -> None:
    text = "\n".join(["abcdefghi"] * lines)

    made = parts(text)

    assert (text, count) == ("\n".join(made), len(made))
    assert max(len(part) for part in made) <= 2000


def test_one_endless_line_is_cut_between_characters() -> None:
    made = parts("🙂" * 2500)

    assert ("🙂" * 2500, True) == ("".join(made), all(len(part.encode("utf-16-le")) <= 4000 for part in made))


def test_what_passes_by_itself_is_tried_three_times(server: DiscordServer, clock: SteppingClock) -> None:
    server.replies.extend([BROKEN] * 2)

    DiscordNotifier(url=server.url, clock=clock).send("hello")

    assert (["hello"], 3, [1.0, 1.0]) == (server.texts, server.calls, clock.pauses)


def test_what_does_not_pass_is_told_without_the_address(server: DiscordServer, clock: SteppingClock) -> None:
    server.replies.extend([BROKEN] * 3)

    assert "discord: was not taken (status 502)" == str(failure_of(DiscordNotifier(url=server.url, clock=clock)))


def test_a_short_pause_is_waited_for(server: DiscordServer, clock: SteppingClock) -> None:
    server.replies.append((429, {"retry_after": 2.5, "global": False}))

    DiscordNotifier(url=server.url, clock=clock).send("hello")

    assert (["hello"], [2.5]) == (server.texts, clock.pauses)


def test_a_long_pause_is_kept_without_asking_again(server: DiscordServer, clock: SteppingClock) -> None:
    server.replies.append((429, {"retry_after": 300}))
    notifier = DiscordNotifier(url=server.url, clock=clock)

    failures = [str(failure_of(notifier)) for _ in range(2)]
    clock.seconds += 300
    notifier.send("hello")

    assert ["discord: was not taken (it asked for 300 s of silence)"] * 2 == failures
    assert (["hello"], 2) == (server.texts, server.calls)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_webhook_that_is_gone_is_tried_once_an_hour(server: DiscordServer, clock: SteppingClock, status: int) -> None:
    server.replies.append((status, {"message": "Unknown Webhook"}))
    notifier = DiscordNotifier(url=server.url, clock=clock)

    failures = {str(failure_of(notifier)) for _ in range(3)}
    clock.seconds += 3600
    notifier.send("hello")

    assert ({f"discord: was not taken (the webhook is gone or was refused (status {status}))"}, 2) == (failures, server.calls)


def test_nobody_at_the_address_is_told_without_it(clock: SteppingClock) -> None:
    with DiscordServer() as gone:
        url = gone.url

    assert "ConnectError" in str(failure_of(DiscordNotifier(url=url, clock=clock)))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "ftp://x/y",
        "https://discord.com",
        "https://a:b@discord.com/api/webhooks/1/x",
        "http://[",
        "https://discörd.com/api/x",
    ],
)
def test_what_is_no_webhook_is_refused_and_not_repeated(url: str, clock: SteppingClock) -> None:
    with pytest.raises(ConfigurationError) as caught:
        DiscordNotifier(url=url, clock=clock)

    assert "DISCORD_WEBHOOK_URL" in str(caught.value)
    assert not url or url not in str(caught.value)
