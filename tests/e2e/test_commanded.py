"""The true daemon, commanded by Telegram as a person would: over a cycle, an exit, an end and a second life."""

from collections.abc import Iterator

import pytest

from dg_bot.app.replay import Replayer, Verdict
from dg_bot.app.setting_sources import load_settings
from tests.commanded_bot import OPERATOR, STRANGER
from tests.e2e.conftest import MakeBench
from tests.e2e.market_bench import MarketBench
from tests.e2e.tape_bench import ACCESS_KEY, SECRET_KEY
from tests.telegram_server import CHAT, CONFLICT, TOKEN, TelegramServer

GROUP = -100_200_300


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
def bench(market_bench: MakeBench, telegram: TelegramServer) -> MarketBench:
    bench = market_bench("1.0", "1.0")
    bench.settings |= {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_CHAT_ID": CHAT,
        "TELEGRAM_USER_IDS": str(OPERATOR),
        "TELEGRAM_BASE_URL": telegram.url,
        "TELEGRAM_VERBOSITY": "alerts",
        "BOT_LANGUAGE": "en",
    }
    return bench


def seen(telegram: TelegramServer) -> list[str]:
    return [message.text for message in telegram.screen().values()]


def hear(telegram: TelegramServer, beginning: str) -> str:
    """Wait for an answer that begins so, and give it."""
    telegram.wait_until(lambda: any(text.startswith(beginning) for text in seen(telegram)))
    return [text for text in seen(telegram) if text.startswith(beginning)][-1]


def ask(telegram: TelegramServer, text: str, beginning: str) -> str:
    telegram.push(text, user_id=OPERATOR)
    return hear(telegram, beginning)


def test_an_operator_commands_the_daemon_and_nobody_else_does(bench: MarketBench, telegram: TelegramServer) -> None:
    with bench.daemon() as daemon:
        daemon.run_cycle()
        daemon.wait_for("cycle_completed", outcome="traded")
        telegram.push("/stop", user_id=STRANGER)
        telegram.push("/stop", user_id=OPERATOR, chat_id=GROUP, kind="supergroup")
        status = ask(telegram, "/status", "🟢 <b>Running</b>")
        ask(telegram, "/exit KRW-BTC", "⚠️ <b>Are you sure?</b>")
        telegram.press("Yes, do it", user_id=OPERATOR)
        hear(telegram, "🔴 <b>Exit · KRW-BTC</b>")
        ask(telegram, "/pause", "⏸ <b>Paused</b>")
        code = daemon.end()

    assert (0, True) == (code, "<b>KRW-BTC</b>" in status)
    assert ["buy", "sell"] == [order.side.value for order in bench.orders]
    assert {OPERATOR} == {body["user"] for body in bench.recorded("command_taken")}
    assert {str(OPERATOR), CHAT} == {message.chat_id for message in telegram.sent}

    telegram.push("/resume", user_id=OPERATOR)
    with bench.daemon() as daemon:
        hear(telegram, "🕰 Not done")
        ask(telegram, "/status", "⏸ <b>Paused</b>")
        trades = ask(telegram, "/trades", "📒")
        profit = ask(telegram, "/profit", "📈")
        performance = ask(telegram, "/performance", "🏁")
        logs = ask(telegram, "/logs", "🪵")
        settings = ask(telegram, "/config", "⚙️")
        ask(telegram, "/stop", "⏹ <b>Stopped</b>\nNo cycles;")
        daemon.run_cycle()
        daemon.wait_for("cycle_left_out")
        health = daemon.health()
        taken = daemon.metric('telegram_commands_total{outcome="old"}')
        daemon.end()

    assert (200, True, 1.0) == (health[0], "operator" in health[1]["checks"]["cycle"]["detail"], taken)
    assert ["KRW-BTC Sell", "KRW-BTC Buy"] == [line[2:14].strip() for line in trades.splitlines()[1::2]]
    assert ("Sales 1 · with a gain 0" in profit, "<b>All</b> 1 · win rate 0%" in performance) == (True, True)
    assert "safe mode entered: paused: Telegram 77001" in logs
    assert "UPBIT_SECRET_KEY=set" in settings
    assert [] == [text for text in seen(telegram) for secret in (SECRET_KEY, ACCESS_KEY, TOKEN) if secret in text]
    assert {"": True, "ko": True} == {language: "status" in names for language, names in telegram.menus.items()}


def test_another_listener_with_the_same_token_is_told_plainly_and_trading_goes_on(
    bench: MarketBench, telegram: TelegramServer
) -> None:
    telegram.poll_replies.extend([CONFLICT] * 99)
    with bench.daemon() as daemon:
        daemon.wait_for("telegram_not_heard")
        alarm = hear(telegram, "🚨 <b>Alarm: telegram commands</b>")
        daemon.run_cycle()
        daemon.wait_for("cycle_completed", outcome="traded")
        health = daemon.health()
        daemon.end()

    assert "another program listens with the same token; stop it" in alarm
    assert (200, True) == (health[0], "another program" in health[1]["checks"]["commands"]["detail"])


def test_an_entry_waits_for_its_word_and_is_computed_again_with_it(bench: MarketBench, telegram: TelegramServer) -> None:
    approving = {**bench.settings, "ENTRY_APPROVAL_MINUTES": "5"}
    with bench.daemon(ENTRY_APPROVAL_MINUTES="5", LOG_LEVEL="DEBUG") as daemon:
        daemon.wait_for("telegram_listening")
        daemon.run_cycle()
        question = hear(telegram, "🛒 <b>Buy KRW-BTC?</b>")
        before = list(bench.orders)
        telegram.press("Buy", user_id=OPERATOR)
        daemon.wait_for("cycle_completed", outcome="traded")
        daemon.wait_for("capsule_stored")
        hear(telegram, "✅ Approved")
        daemon.end()
    (report,) = [body["report"] for body in bench.recorded("cycle_completed")]
    settings = load_settings(environment=approving, env_file=bench.folder / "none")
    (replayed,) = Replayer(settings, {}).replay(report["cycle_id"])

    assert ([], ["buy"], True) == (
        before,
        [order.side.value for order in bench.orders],
        "Without a word within 5 min" in question,
    )
    assert (Verdict.SAME, None) == (replayed.verdict, replayed.difference)
