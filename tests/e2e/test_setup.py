"""`scripts/setup.py`: a person, or a file of answers, comes to a `.env` with which the bot starts; no secret is ever shown."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.app.env_file import read_env_file
from dg_bot.app.setting_sources import load_settings
from dg_bot.domain.calendar import HOUR
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.setup_texts import setup_texts
from dg_bot.simulator.faults import Answer, FaultPlan, FaultRule
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue
from tests.e2e.market_bench import breakout, history
from tests.e2e.tape_bench import BTC, ROOT
from tests.telegram_server import CHAT, TOKEN, UNAUTHORIZED, TelegramServer

ACCESS = "canary-access-key-of-setup"
SECRET = "canary-secret-key-of-setup-long-enough"
CANARIES = (ACCESS, SECRET, TOKEN, TOKEN.partition(":")[2])
KEYS = (ACCESS, SECRET)
CONFIRMED = ("trade-only", "yes")
TELEGRAM = (TOKEN, CHAT, "")
PASSWORDS = {"POSTGRES_PASSWORD", "DATABASE_PASSWORD", "GRAFANA_DATABASE_PASSWORD", "GRAFANA_PASSWORD"}


@dataclass
class Surroundings:
    """A venue and a messenger on this machine, and a folder to write to."""

    folder: Path
    environment: Mapping[str, str]
    faults: FaultPlan
    telegram: TelegramServer
    venue: Venue

    @property
    def env(self) -> Path:
        return self.folder / ".env"

    def answer(self, *answers: str) -> subprocess.CompletedProcess[str]:
        """Give these answers on standard input; what is said must hold no secret."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "scripts" / "setup.py")],
            cwd=self.folder,
            env=dict(self.environment),
            input="".join(f"{answer}\n" for answer in answers),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert [] == [canary for canary in CANARIES if canary in done.stdout + done.stderr]
        return done


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Surroundings]:
    faults = FaultPlan()
    tape = Tape.of(BTC, HOUR, history()[-48:])
    venue = Venue(ledger=Ledger(krw=Decimal(3_000_000)), tapes={BTC: tape}, now=breakout)
    server = UpbitServer(venue, access_key=ACCESS, secret_key=SECRET, port=0, faults=faults)
    server.start()
    with TelegramServer() as telegram:
        environment = {
            "PATH": os.environ["PATH"],
            "UPBIT_BASE_URL": server.base_url,
            "TELEGRAM_BASE_URL": telegram.url,
            "CLOCK_FROM_VENUE": "yes",
        }
        yield Surroundings(folder=tmp_path, environment=environment, faults=faults, telegram=telegram, venue=venue)
    server.stop()


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_live_bot_is_set_up_with_keys_that_were_checked_and_a_message_that_arrived(around: Surroundings, language: str) -> None:
    done = around.answer(language, "live", "KRW-BTC", *KEYS, *CONFIRMED, *TELEGRAM, "no", "yes")

    texts = setup_texts(Language(language))
    assert 0 == done.returncode, done.stdout + done.stderr
    assert 0o600 == around.env.stat().st_mode & 0o777
    settings = load_settings(environment={}, env_file=around.env)
    assert (ACCESS, SECRET, TOKEN) == settings.secrets()
    assert ("live", language, CHAT, (int(CHAT),)) == (
        settings.mode, settings.bot_language, settings.telegram_chat_id, settings.telegram_user_ids,
    )  # fmt: skip
    assert [texts["telegram.test"]] == [message.text for message in around.telegram.sent]
    for said in ("key.how", "telegram.sent"):
        assert texts[said] in done.stdout
    for said, fields in (("key.account", {"krw": "3,000,000"}), ("key.order", {"market": "KRW-BTC"})):
        assert texts[said].format(**fields) in done.stdout
    assert () == around.venue.orders(BTC, frozenset())


def test_on_paper_nothing_is_asked_that_is_not_needed(around: Surroundings) -> None:
    done = around.answer("en", "", "", "", "no", "")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert {"BOT_LANGUAGE": "en", "MODE": "paper", "MARKETS": "KRW-BTC,KRW-ETH"} == read_env_file(around.env)


def test_a_wrong_answer_is_asked_again_with_what_is_wrong(around: Surroundings) -> None:
    done = around.answer("de", "en", "real", "paper", "BTC", "KRW-BTC", "", "no", "yes")

    assert (0, 3) == (done.returncode, done.stdout.count("that cannot be:")), done.stdout
    assert "that cannot be: it is none of demo, paper or live" in done.stdout


def test_a_key_that_is_refused_is_told_with_its_remedy_and_can_be_entered_again(around: Surroundings) -> None:
    around.faults.add(FaultRule(action=Answer(401, '{"error": {"name": "no_authorization_ip"}}'), path="/v1/accounts", nth=1))

    done = around.answer("en", "live", "KRW-BTC", *KEYS, "yes", *KEYS, *CONFIRMED, "", "no", "yes")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "the exchange refuses the key (no_authorization_ip): this machine's address is not on the key's list" in done.stdout
    assert "an order on KRW-BTC would be taken" in done.stdout


def test_a_token_that_is_refused_is_told_and_can_be_entered_again(around: Surroundings) -> None:
    around.telegram.replies.append(UNAUTHORIZED)

    done = around.answer("en", "paper", "KRW-BTC", *TELEGRAM, "yes", TOKEN, CHAT, "7,8", "no", "yes")

    assert (0, True) == (done.returncode, "was not taken (the token was refused)" in done.stdout), done.stdout
    assert "7,8" == read_env_file(around.env)["TELEGRAM_USER_IDS"]


def test_without_its_words_a_live_bot_is_written_down_and_said_not_to_start(around: Surroundings) -> None:
    done = around.answer("en", "live", "KRW-BTC", *KEYS, "yes", "no", "", "no", "yes")

    assert (0, True) == (done.returncode, "The bot will not start with it: LIVE_TRADING_CONFIRMED" in done.stdout), done.stdout
    assert {"KEY_SCOPE_CONFIRMED", "LIVE_TRADING_CONFIRMED"}.isdisjoint(
        name for name, value in read_env_file(around.env).items() if value != "no"
    )


def test_containers_get_passwords_that_nobody_sees_and_that_stay_the_same(around: Surroundings) -> None:
    first = around.answer("en", "paper", "KRW-BTC", "", "yes", "yes")
    made = read_env_file(around.env)
    second = around.answer("en", "paper", "KRW-BTC", "", "yes", "yes")

    assert (0, 0) == (first.returncode, second.returncode), first.stderr
    assert PASSWORDS <= made.keys()
    assert 4 == len({made[name] for name in PASSWORDS})
    assert made == read_env_file(around.env)
    assert [] == [name for name in PASSWORDS if made[name] in first.stdout + second.stdout or len(made[name]) < 32]
    assert "docker compose up -d --build" in first.stdout


def test_a_file_that_is_there_is_kept_unless_it_is_said_otherwise_and_its_other_settings_stay(around: Surroundings) -> None:
    before = f"RISK_MAX_POSITIONS=3\nUPBIT_SECRET_KEY={SECRET}\nMODE=paper\n"
    around.env.write_text(before)
    around.env.chmod(0o600)

    kept = around.answer("en", "", "", "", "no", "")
    left = around.env.read_text()
    replaced = around.answer("en", "demo", "", "", "no", "yes")

    assert (1, before, 0) == (kept.returncode, left, replaced.returncode)
    assert "Nothing was written." in kept.stdout
    assert {"RISK_MAX_POSITIONS": "3", "UPBIT_SECRET_KEY": SECRET, "MODE": "demo"}.items() <= read_env_file(around.env).items()
    assert "UPBIT_SECRET_KEY=set" in replaced.stdout


@pytest.mark.parametrize("answers", [(), ("en",), ("en", "live", "KRW-BTC", ACCESS), ("en", "paper", "", "", "no")])
def test_answers_that_end_early_write_nothing(around: Surroundings, answers: tuple[str, ...]) -> None:
    done = around.answer(*answers)

    assert (2, False) == (done.returncode, around.env.exists())
    assert "the answers ended before the questions did" in done.stderr


def test_a_venue_elsewhere_is_never_shown_a_key(around: Surroundings) -> None:
    around.environment = {**around.environment, "UPBIT_BASE_URL": "http://upbit.example"}

    done = around.answer("en", "live", "KRW-BTC", *KEYS, *CONFIRMED, "", "no", "yes")

    assert (True, False) == (done.returncode != 0, around.env.exists())


def test_at_a_terminal_what_is_typed_for_a_key_is_not_shown(around: Surroundings) -> None:
    """A pseudo-terminal stands for the person's: it shows what is typed, unless the program has told it not to."""
    ours, theirs = pty.openpty()
    answers = {
        b"en or ko": "en", b"Mode": "live", b"Markets": "KRW-BTC", b"Access key": ACCESS, b"Secret key": SECRET,
        b"type trade-only": "trade-only", b"Type yes": "yes", b"Bot token": "", b"containers": "no", b"Write it?": "yes",
    }  # fmt: skip
    program = [sys.executable, str(ROOT / "scripts" / "setup.py")]
    environment = {**around.environment, "TERM": "dumb"}
    process = subprocess.Popen(
        program, cwd=around.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    seen = b""
    try:
        for question, answer in answers.items():
            while question not in seen.rpartition(b"\n")[2] or not seen.endswith(b": "):
                seen += _read(ours)
            os.write(ours, f"{answer}\n".encode())
            seen += b"\n"
        while chunk := _read(ours):
            seen += chunk
        code = process.wait(20)
    finally:
        process.kill()
        process.wait()
        os.close(ours)

    shown = seen.decode()
    assert (0, []) == (code, [canary for canary in CANARIES if canary in shown]), shown
    assert "trade-only" in shown
    assert ACCESS == read_env_file(around.env)["UPBIT_ACCESS_KEY"]


def _read(terminal: int) -> bytes:
    """Give what comes next, nothing where the other side has gone; fails where nothing comes for long."""
    assert select.select([terminal], [], [], 20)[0], "nothing more was said"
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
