"""What the operator hears by Telegram from the true program, and what nobody ever hears."""

import gzip
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pyrage
import pytest

from dg_bot.adapters.backup_archive import contents
from dg_bot.simulator.faults import Answer, FaultRule, Html, LoseReply
from tests.discord_server import SECRET as WEBHOOK_SECRET
from tests.discord_server import DiscordServer
from tests.e2e.conftest import MakeBench
from tests.e2e.market_bench import MarketBench, breakout
from tests.e2e.tape_bench import ACCESS_KEY, ROOT, SECRET_KEY, WarmProgram
from tests.postgres import rows, run_sql
from tests.sentry_server import KEY as SENTRY_KEY
from tests.sentry_server import SentryServer
from tests.telegram_server import CHAT, SILENCE, TOKEN, UNAUTHORIZED, TelegramServer, broken

NEXT_HOUR = timedelta(hours=1, seconds=5)
DATABASE_PASSWORD = "canary-of-the-database-password"
# Nothing reads these yet; that is no reason to tell them.
RESERVED = {
    "OPENAI_API_KEY": "sk-canary-of-the-language-model",
    "DISCORD_WEBHOOK_URL": "http://127.0.0.1/api/webhooks/1/canary-of-discord",
    "HEARTBEAT_URL": "http://127.0.0.1/ping/canary-of-the-heartbeat",
}
CANARIES = (SECRET_KEY, ACCESS_KEY, TOKEN, TOKEN.partition(":")[2], DATABASE_PASSWORD, SENTRY_KEY, *RESERVED.values())
FOUR = {
    "ko": ["🕐 <b>KRW-BTC 사이클</b>", "📊 <b>KRW-BTC 백테스트</b>", "🟢 <b>KRW-BTC 체결</b>", "💼 <b>KRW-BTC 포트폴리오</b>"],
    "en": ["🕐 <b>KRW-BTC cycle</b>", "📊 <b>KRW-BTC backtest</b>", "🟢 <b>KRW-BTC traded</b>", "💼 <b>KRW-BTC portfolio</b>"],
}
NEWS = ["▶️ <b>Started</b>", "🟢 <b>KRW-BTC bought</b>"]


@pytest.fixture
def telegram() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
def bench(market_bench: MakeBench, telegram: TelegramServer) -> MarketBench:
    """Give a bot that tells this server in English."""
    bench = market_bench("1.0", "1.0")
    bench.settings |= {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_CHAT_ID": CHAT,
        "TELEGRAM_BASE_URL": telegram.url,
        "BOT_LANGUAGE": "en",
    }
    return bench


def titles(telegram: TelegramServer) -> list[str]:
    return [message.text.splitlines()[0] for message in telegram.sent]


@pytest.mark.parametrize("language", FOUR)
def test_a_cycle_is_told_in_four_messages(
    bench: MarketBench, telegram: TelegramServer, warm_program: WarmProgram, language: str
) -> None:
    ended = bench.run(warm_program.run, "--json", TELEGRAM_VERBOSITY="full", BOT_LANGUAGE=language)

    assert (0, "traded") == (ended.exit_code, ended.report["outcome"])
    assert FOUR[language] == titles(telegram)[2:]
    assert {(CHAT, "HTML")} == {(message.chat_id, message.parse_mode) for message in telegram.sent}
    portfolio = telegram.sent[-1].text
    assert f"₩{int(float(ended.report['state']['equity_krw'])):,}" in portfolio


def test_of_changes_only_what_changed_is_told(bench: MarketBench, telegram: TelegramServer, warm_program: WarmProgram) -> None:
    bench.run(warm_program.run)
    first = titles(telegram)
    bench.run(warm_program.run)
    again = titles(telegram)[len(first) :]
    bench.move_to(breakout() + NEXT_HOUR)
    bench.run(warm_program.run)
    later = titles(telegram)[len(first) + len(again) :]

    assert [*NEWS, FOUR["en"][2]] == first
    assert NEWS[:1] == again
    assert [NEWS[0], "⚪ <b>KRW-BTC held</b>"] == later


def test_what_telegram_did_not_take_is_told_by_the_next_run_and_once(
    bench: MarketBench, telegram: TelegramServer, warm_program: WarmProgram
) -> None:
    telegram.replies.extend([broken()] * 3)
    first = bench.run(warm_program.run, "--json")
    silent = titles(telegram)

    second = bench.run(warm_program.run, "--json")

    assert (0, "traded", 0, True) == (first.exit_code, first.report["outcome"], second.exit_code, second.report["repeated"])
    assert ([], [*NEWS, FOUR["en"][2], NEWS[0]]) == (silent, titles(telegram))


def test_a_telegram_that_never_answers_does_not_hold_the_end_of_the_daemon(bench: MarketBench, telegram: TelegramServer) -> None:
    telegram.replies.extend([SILENCE] * 9)

    with bench.daemon() as daemon:
        daemon.run_cycle()
        daemon.wait_for("cycle_completed", outcome="traded")
        code = daemon.end()

    assert (0, "stopped") == (code, bench.journal[-1]["kind"])


def test_h01_a_telegram_that_never_answers_holds_up_no_other_channel(bench: MarketBench, telegram: TelegramServer) -> None:
    """Discord has its own thread and its own place in the journal: it hears of a trade while Telegram keeps silent."""
    telegram.replies.extend([SILENCE] * 99)

    with DiscordServer() as discord, bench.daemon(DISCORD_WEBHOOK_URL=discord.url) as daemon:
        daemon.run_cycle()
        with discord.changed:
            assert discord.changed.wait_for(lambda: any("bought" in text for text in discord.texts), 30)
        daemon.end()
        log = daemon.log

    assert ([], True) == (telegram.sent, discord.texts[0].startswith("▶️ **Started**"))
    assert [] == [name for name, text in {"log": log, **files_of(bench.folder)}.items() if WEBHOOK_SECRET in text]


def test_the_end_of_a_daemon_is_told(bench: MarketBench, telegram: TelegramServer) -> None:
    with bench.daemon(TELEGRAM_VERBOSITY="alerts") as daemon:
        daemon.run_cycle()
        daemon.wait_for("cycle_completed", outcome="traded")
        daemon.end()

    assert ["⏹ <b>Stopped</b>"] == titles(telegram)
    assert "1 open positions are not watched" in telegram.sent[0].text


# Secrets

_roles = count(1)


def with_role(dsn: str) -> str:
    """Give the same database's address for a role whose password is a canary."""
    role = f"canary_{next(_roles)}"
    run_sql(dsn, f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{DATABASE_PASSWORD}'")
    return f"postgresql://{role}:{DATABASE_PASSWORD}@{dsn.rpartition('@')[2]}"


def leaks(texts: dict[str, str]) -> list[str]:
    """Name the texts in which a secret stands."""
    return [f"{name}: {canary}" for name, text in texts.items() for canary in CANARIES if canary in text]


def files_of(*folders: Path) -> dict[str, str]:
    """Give every file as text, what is compressed and what is in a backup unpacked."""
    found = {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}
    for name in [name for name in found if name.endswith(".tar.gz")]:
        found |= {f"{name}/{inside}": content for inside, content in contents(Path(name))}
    return {name: plain(name, content).decode(errors="replace") for name, content in found.items()}


def plain(name: str, content: bytes) -> bytes:
    return gzip.decompress(content) if name.endswith(".gz") else content


def rows_of(dsn: str) -> dict[str, str]:
    """Give every row of every table as text."""
    tables = [str(name) for (name,) in rows(dsn, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert {"bot_config", "system_logs", "cycles"} <= set(tables)
    return {name: "\n".join(str(row) for row in rows(dsn, f"TABLE {name}")) for name in tables}


def refuse_the_key(bench: MarketBench, _: TelegramServer) -> None:
    bench.settings["UPBIT_SECRET_KEY"] = f"{SECRET_KEY}-of-another"


def refuse_the_token(_: MarketBench, telegram: TelegramServer) -> None:
    telegram.replies.extend([UNAUTHORIZED] * 9)


def lose_everything(bench: MarketBench, telegram: TelegramServer) -> None:
    bench.settings["DATABASE_URL"] = f"postgresql://bot:{DATABASE_PASSWORD}@127.0.0.1:1/bot"
    bench.settings["TELEGRAM_BASE_URL"] = "http://127.0.0.1:1"
    bench.go_away()


Trouble = Callable[[MarketBench, TelegramServer], None]
TROUBLES: dict[str, tuple[Trouble, int]] = {
    "all is well": (lambda _bench, _telegram: None, 0),
    "the key is refused": (refuse_the_key, 3),
    "the token is refused": (refuse_the_token, 0),
    "nothing answers": (lose_everything, 1),
}


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["shown", "json"])
@pytest.mark.parametrize("name", TROUBLES)
def test_s01_no_secret_leaves_the_program(
    bench: MarketBench, telegram: TelegramServer, warm_program: WarmProgram, name: str, arguments: tuple[str, ...]
) -> None:
    """Whatever goes wrong in a run, no secret is in what it prints, logs at DEBUG, sends, writes or keeps."""
    dsn = bench.settings["DATABASE_URL"]
    bench.settings["DATABASE_URL"] = with_role(dsn)
    trouble, code = TROUBLES[name]
    trouble(bench, telegram)

    ended = bench.run(warm_program.run, *arguments, LOG_LEVEL="DEBUG")

    assert code == ended.exit_code, ended.log
    told = {"messages": "\n".join(message.text for message in telegram.sent)}
    assert [] == leaks({"out": ended.out, "log": ended.log, **told, **files_of(bench.folder, bench.candles), **rows_of(dsn)})


def command_lines() -> dict[str, str]:
    """Give what the process list shows of every process of this machine."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found[str(path)] = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def put_away(bench: MarketBench, folder: Path) -> None:
    """Let secrets come by the other ways: one from a file of its own, two from settings that are encrypted beside the bot."""
    folder.mkdir()
    identity = pyrage.x25519.Identity.generate()
    sealed = f"TELEGRAM_BOT_TOKEN={TOKEN}\nOPENAI_API_KEY={RESERVED['OPENAI_API_KEY']}\n"
    (bench.folder / ".env.age").write_bytes(pyrage.encrypt(sealed.encode(), [identity.to_public()]))
    for name, text in (("upbit", SECRET_KEY), ("age", str(identity))):
        (folder / name).write_text(text, encoding="ascii")
        (folder / name).chmod(0o600)
    bench.settings |= {"UPBIT_SECRET_KEY_FILE": str(folder / "upbit"), "ENV_AGE_KEY_FILE": str(folder / "age")}
    for name in ("UPBIT_SECRET_KEY", "TELEGRAM_BOT_TOKEN"):
        del bench.settings[name]


def said_by(script: str, *arguments: str, folder: Path, settings: dict[str, str]) -> str:
    command = [sys.executable, str(ROOT / "scripts" / script), *arguments]
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False, timeout=60)
    assert 0 == done.returncode, done.stderr
    return done.stdout + done.stderr


def test_s01_no_secret_leaves_a_daemon_for_which_everything_fails(
    bench: MarketBench, telegram: TelegramServer, tmp_path: Path
) -> None:
    """A live daemon for which everything fails tells no secret in log, rows, files, backups, pages, reports or process list."""
    dsn = bench.settings["DATABASE_URL"]
    put_away(bench, tmp_path / "secrets")
    bench.settings |= {name: value for name, value in RESERVED.items() if name != "OPENAI_API_KEY"}
    bench.settings |= {"DATABASE_URL": with_role(dsn), "LOG_LEVEL": "DEBUG"}
    with SentryServer() as sentry, bench.daemon(SENTRY_DSN=sentry.dsn) as daemon:
        bench.faults.add(FaultRule(action=Html(), path="/v1/orderbook", nth=1))
        bench.faults.add(FaultRule(action=LoseReply(), path="/v1/orders", method="POST", nth=1))
        bench.faults.add(FaultRule(action=Answer(401, '{"error": {"name": "jwt_verification"}}'), path="/v1/order", nth=1))
        daemon.run_cycle()
        daemon.wait_for("cycle_completed")
        daemon.run_cycle()
        daemon.wait_for("order_closed")
        telegram.replies.extend([UNAUTHORIZED] * 9)
        bench.go_away()
        daemon.wait_for("guard_tick_failed")
        pages = {path: daemon.page(path)[1] for path in ("/health", "/metrics")}
        processes = command_lines()
        state_file = bench.folder / "data" / "state" / "risk_state.json"
        state_file.unlink()
        (state_file / "in the way").mkdir(parents=True)
        daemon.end(signal.SIGINT)
    backups = bench.folder / "backups"
    backed_up = said_by("backup.py", "--to", str(backups), folder=bench.folder, settings=bench.settings)
    trades = said_by("export_trades.py", folder=bench.folder, settings=bench.settings)

    assert telegram.sent
    assert any("scheduler_main.py" in line for line in processes.values())
    assert any("state_file_behind" in envelope and "guard_tick_failed" in envelope for envelope in sentry.envelopes)
    told = {"log": daemon.log, "crash reports": "".join(sentry.envelopes), **pages, **processes}
    files = files_of(bench.folder, bench.candles)
    assert any("/state/journal.jsonl" in name and "backups" in name for name in files)
    texts = {**told, "backup": backed_up, "trades": trades, **files, **rows_of(dsn)}
    assert [] == leaks({**texts, "messages": "\n".join(message.text for message in telegram.sent)})
