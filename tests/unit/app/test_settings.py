import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from dg_bot.adapters.loopback import is_loopback
from dg_bot.adapters.openai_reply import Api
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import Settings, known_names
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.market import Market
from dg_bot.domain.screen import ScreenHonesty, ScreenMode
from dg_bot.errors import ConfigurationError, UnsafeSetup
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.verbosity import Verbosity
from dg_bot.risk.limits import RiskLimits

ROOT = Path(__file__).resolve().parents[3]
CANARY = "canary-6f1d2c-value"
LIVE = {
    "MODE": "live",
    "UPBIT_ACCESS_KEY": "access-key",
    "UPBIT_SECRET_KEY": "secret-key",
    "LIVE_TRADING_CONFIRMED": "yes",
    "KEY_SCOPE_CONFIRMED": "trade-only",
}
SECRETS = ("UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY", "OPENAI_API_KEY", "DATABASE_URL", "DISCORD_WEBHOOK_URL", "TELEGRAM_BOT_TOKEN")
# Part of what outsiders rely on; nothing reads them yet.
RESERVED = [
    "HEARTBEAT_URL",
]
# What else may stand in the file, for others than the bot, or to open it.
BESIDE = [
    "ENV_AGE_KEY_FILE",
    "POSTGRES_PASSWORD",
    "DATABASE_PASSWORD",
    "GRAFANA_DATABASE_PASSWORD",
    "GRAFANA_PASSWORD",
    "BOT_UID",
]
# A value other than the default for each setting, and what it is read as.
EXAMPLES: Mapping[str, tuple[str, object]] = {
    "MODE": ("paper", Mode.PAPER),
    "MARKETS": ("KRW-XRP, KRW-DOGE", (Market("KRW-XRP"), Market("KRW-DOGE"))),
    "REFERENCE_MARKET": ("KRW-ETH", Market("KRW-ETH")),
    "DATA_DIR": ("/srv/bot", Path("/srv/bot")),
    "CANDLE_DIR": ("/srv/candles", Path("/srv/candles")),
    "UPBIT_ACCESS_KEY": ("a-key", SecretStr("a-key")),
    "UPBIT_SECRET_KEY": ("s-key", SecretStr("s-key")),
    "UPBIT_BASE_URL": ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
    "CLOCK_FROM_VENUE": ("no", False),
    "LIVE_TRADING_CONFIRMED": ("yes", True),
    "KEY_SCOPE_CONFIRMED": ("trade-only", "trade-only"),
    "ORDER_NAMESPACE": ("bot_2", "bot_2"),
    "PAPER_KRW": ("5000000.5", Decimal("5000000.5")),
    "DECISION_MODEL": ("rules", "rules"),
    "MODEL_PATH": ("models/btc.onnx", Path("models/btc.onnx")),
    "MODEL_BUY_RETURN": ("0.01", 0.01),
    "MODEL_SELL_RETURN": ("-0.02", -0.02),
    "STRATEGY_DIR": ("mine", Path("mine")),
    "STRATEGY": ("grid", "grid"),
    "STRATEGY_TIMEFRAME": ("1d", Timeframe(1440)),
    "SCREEN_MODE": ("warn", ScreenMode.WARN),
    "SCREEN_HONESTY": ("strict", ScreenHonesty.STRICT),
    "MIN_CONFIDENCE": ("0.8", 0.8),
    "DATA_MAX_GAP_HOURS": ("3", 3),
    "DATA_ALLOW_WARNED_MARKETS": ("yes", True),
    "ENSEMBLE_MEMBERS": ("llm, rules", ("llm", "rules")),
    "ENSEMBLE_AGREEMENT": ("0.8", 0.8),
    "OPENAI_API_KEY": ("sk-1234", SecretStr("sk-1234")),
    "OPENAI_BASE_URL": ("http://127.0.0.1:9002/v1", "http://127.0.0.1:9002/v1"),
    "OPENAI_MODEL": ("gpt-5-mini", "gpt-5-mini"),
    "LLM_API": ("chat", Api.CHAT),
    "LLM_DEADLINE_S": ("5", 5.0),
    "LLM_MAX_OUTPUT_TOKENS": ("900", 900),
    "LLM_TEMPERATURE": ("0", 0.0),
    "LLM_SEED": ("7", 7),
    "LLM_DAILY_TOKENS": ("1000", 1000),
    "LLM_DAILY_KRW": ("12.5", Decimal("12.5")),
    "LLM_KRW_PER_USD": ("1400", Decimal(1400)),
    "LLM_CUTOFF": ("2025-09-30", date(2025, 9, 30)),
    "CHALLENGERS": ("", ()),
    "CAPSULE_DAYS": ("90", 90),
    "CHALLENGER_SECONDS": ("5", 5.0),
    "LLM_CHALLENGER_SHARE": ("0.25", Decimal("0.25")),
    "LLM_PRICE_FILE": ("/srv/prices.yaml", Path("/srv/prices.yaml")),
    "LLM_FALLBACK": ("rules", "rules"),
    "CALL_BREAKER_FAILURES": ("3", 3),
    "CALL_BREAKER_SECONDS": ("30", 30.0),
    "NEWS_FEEDS": (
        "https://a.example/rss, http://127.0.0.1:9003/b?c=d",
        ("https://a.example/rss", "http://127.0.0.1:9003/b?c=d"),
    ),
    "NEWS_SENTIMENT": ("yes", True),
    "NEWS_BLOCK_SCORE": ("-0.3", -0.3),
    "RISK_DAILY_LOSS_FRACTION": ("0.02", Decimal("0.02")),
    "RISK_WEEKLY_LOSS_FRACTION": ("0.20", Decimal("0.20")),
    "RISK_SAFE_MODE_HOURS": ("24", 24),
    "RISK_STOP_LOSS_FRACTION": ("0.03", Decimal("0.03")),
    "RISK_TAKE_PROFIT_FRACTION": ("0.2", Decimal("0.2")),
    "RISK_ATR_STOP_MULTIPLE": ("1.5", Decimal("1.5")),
    "RISK_ATR_TARGET_MULTIPLE": ("2.5", Decimal("2.5")),
    "RISK_TRAILING_ATR_MULTIPLE": ("2", Decimal(2)),
    "RISK_STAGED_PROFIT_FRACTION": ("0.05", Decimal("0.05")),
    "RISK_ENTRY_INTERVAL_HOURS": ("1.5", Decimal("1.5")),
    "RISK_MAX_ENTRIES_PER_DAY": ("2", 2),
    "RISK_MAX_POSITION_FRACTION": ("0.05", Decimal("0.05")),
    "RISK_UNSCREENED_POSITION_FRACTION": ("0.01", Decimal("0.01")),
    "RISK_MAX_POSITIONS": ("3", 3),
    "RISK_MAX_EXPOSURE_FRACTION": ("0.5", Decimal("0.5")),
    "RISK_VOLATILITY_TARGET_FRACTION": ("0.002", Decimal("0.002")),
    "RISK_BUY_FRACTION": ("0.5", Decimal("0.5")),
    "RISK_SELL_FRACTION": ("0.5", Decimal("0.5")),
    "RISK_CAPITAL_KRW": ("1000000", Decimal(1_000_000)),
    "RISK_MAX_ORDERS_PER_HOUR": ("4", 4),
    "RISK_MAX_KRW_PER_DAY": ("300000", Decimal(300_000)),
    "RISK_MAX_CLOCK_SKEW_SECONDS": ("5", 5.0),
    "DATABASE_URL": ("postgresql://localhost/x", SecretStr("postgresql://localhost/x")),
    "TELEGRAM_BOT_TOKEN": ("1:t", SecretStr("1:t")),
    "ENTRY_APPROVAL_MINUTES": ("5", 5),
    "DISCORD_WEBHOOK_URL": ("https://discord.com/api/webhooks/1/abcdef", SecretStr("https://discord.com/api/webhooks/1/abcdef")),
    "TELEGRAM_USER_IDS": ("123456789, 987654321", (123456789, 987654321)),
    "TELEGRAM_CHAT_ID": ("-100", "-100"),
    "TELEGRAM_BASE_URL": ("http://127.0.0.1:9001", "http://127.0.0.1:9001"),
    "TELEGRAM_VERBOSITY": ("full", Verbosity.FULL),
    "BOT_LANGUAGE": ("en", Language.ENGLISH),
    "SENTRY_DSN": ("https://key@o1.ingest.example/2", SecretStr("https://key@o1.ingest.example/2")),
    "LOG_LEVEL": ("DEBUG", "DEBUG"),
    "LOG_FORMAT": ("console", "console"),
    "HEALTH_HOST": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - a value that an operator may choose
    "HEALTH_PORT": ("0", 0),
    "CYCLE_CRON": ("*/30 * * * *", "*/30 * * * *"),
    "GUARD_SECONDS": ("10", 10.0),
}
OUT_OF_RANGE = {
    "MODE": ["", "real", "LIVE"],
    "MARKETS": ["BTC", "KRW-BTC,", "KRW-BTC,KRW-BTC", "krw-btc"],
    "REFERENCE_MARKET": ["BTC-KRW"],
    "CLOCK_FROM_VENUE": ["1", "true", "yes"],
    "LIVE_TRADING_CONFIRMED": ["1", "ja"],
    "KEY_SCOPE_CONFIRMED": ["yes", "withdraw"],
    "ORDER_NAMESPACE": ["a.b", "a" * 13],
    "PAPER_KRW": ["0", "-1", "nan", "inf", "ten"],
    "DECISION_MODEL": ["lstm", "oracle"],
    "MODEL_BUY_RETURN": ["0", "-0.01", "1", "nan", "inf"],
    "MODEL_SELL_RETURN": ["0", "0.01", "-1", "nan"],
    "ENSEMBLE_MEMBERS": ["llm", "rules,rules", "rules,oracle"],
    "ENSEMBLE_AGREEMENT": ["0.5", "1.01", "nan"],
    "CAPSULE_DAYS": ["1", "0", "many"],
    "CHALLENGERS": [
        "oracle",
        "llm,llm",
        "rules:x",
        "llm:",
        "llm:m@soon",
        "onnx:model.pkl",
        "llm:m,llm:m@2025-01-01",
        "llm:" + "m" * 100,
    ],
    "CHALLENGER_SECONDS": ["0.9", "61", "nan"],
    "LLM_CHALLENGER_SHARE": ["-0.1", "1.1", "nan"],
    "LLM_API": ["completions"],
    "LLM_DEADLINE_S": ["0.9", "61", "nan"],
    "LLM_MAX_OUTPUT_TOKENS": ["199", "32001"],
    "LLM_TEMPERATURE": ["-0.1", "2.1"],
    "LLM_DAILY_TOKENS": ["-1", "many"],
    "LLM_DAILY_KRW": ["-1", "nan"],
    "LLM_KRW_PER_USD": ["0", "inf"],
    "LLM_FALLBACK": ["buy"],
    "CALL_BREAKER_FAILURES": ["0", "101"],
    "CALL_BREAKER_SECONDS": ["0.5", "3601"],
    "STRATEGY": ["martingale", ""],
    "STRATEGY_TIMEFRAME": ["5m", "4h", "240"],
    "SCREEN_MODE": ["on"],
    "SCREEN_HONESTY": ["yes", "STRICT"],
    "MIN_CONFIDENCE": ["-0.01", "1.01", "70", "nan"],
    "DATA_MAX_GAP_HOURS": ["-1", "25", "1.5"],
    "DATA_ALLOW_WARNED_MARKETS": ["maybe"],
    "RISK_ENTRY_INTERVAL_HOURS": ["-0.01", "168.01", "nan"],
    "TELEGRAM_VERBOSITY": ["loud"],
    "BOT_LANGUAGE": ["de"],
    "SENTRY_DSN": ["key", "https://host/1", "https://key@host/", "https://key@host/one", "http://key@host/1", "ftp://key@host/1"],
    "LOG_LEVEL": ["debug", "TRACE"],
    "LOG_FORMAT": ["xml"],
    "HEALTH_PORT": ["-1", "65536", "http"],
    "CYCLE_CRON": ["0 * * *", "60 * * * *", "hourly", "0 0 31 2 *"],
    "GUARD_SECONDS": ["0.99", "60.01", "inf"],
    "NEWS_SENTIMENT": ["1"],
    "NEWS_BLOCK_SCORE": ["0", "-1", "nan", "bad"],
    "NEWS_FEEDS": [
        "news.example/rss",
        "http://news.example/rss",
        "ftp://127.0.0.1/rss",
        "https://user:word@news.example/rss",
        "https://news.example/rss?api_key=1",
        "https://news.example:port/rss",
        "https://news.example/a b",
        "https://a.example,https://a.example",
        ",".join(f"https://{number}.example" for number in range(11)),
        "https://a.example,",
    ],
    **{
        f"RISK_{name}_FRACTION": ["0", "-0.1", "10", "nan", "inf", "5%"]
        for name in [
            "DAILY_LOSS",
            "WEEKLY_LOSS",
            "STOP_LOSS",
            "TAKE_PROFIT",
            "STAGED_PROFIT",
            "MAX_POSITION",
            "UNSCREENED_POSITION",
            "MAX_EXPOSURE",
            "VOLATILITY_TARGET",
            "BUY",
            "SELL",
        ]
    },
    **{
        f"RISK_{name}": ["0", "-1", "nan", "inf", "x"]
        for name in ["ATR_STOP_MULTIPLE", "ATR_TARGET_MULTIPLE", "TRAILING_ATR_MULTIPLE", "CAPITAL_KRW", "MAX_KRW_PER_DAY"]
    },
    **{
        f"RISK_{name}": ["0", "-1", "1.5", "x"]
        for name in ["SAFE_MODE_HOURS", "MAX_ENTRIES_PER_DAY", "MAX_POSITIONS", "MAX_ORDERS_PER_HOUR"]
    },
    "RISK_MAX_CLOCK_SKEW_SECONDS": ["0", "-1", "300.1", "nan"],
}


def load(env: Mapping[str, str] | None = None, *, file: Path = Path("/nowhere/.env"), **overrides: str) -> Settings:
    return load_settings(environment=env or {}, env_file=file, overrides=overrides)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.touch(mode=0o600)
    return path


def test_a_folder_of_own_strategies_lets_another_name_be_chosen() -> None:
    settings = load({"STRATEGY": "my_idea", "STRATEGY_DIR": "mine"})

    assert ("my_idea", Path("mine").absolute()) == (settings.strategy, settings.strategy_folder)
    assert load().strategy_folder is None


def test_every_setting_has_an_example_here() -> None:
    assert known_names() == EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_setting_is_read_from_the_environment_and_from_the_file(name: str, env_file: Path) -> None:
    text, value = EXAMPLES[name]
    telegram = {"TELEGRAM_BOT_TOKEN": "1:x", "TELEGRAM_CHAT_ID": "-100", "TELEGRAM_USER_IDS": "1"}
    needed = {
        "TELEGRAM_BOT_TOKEN": ("TELEGRAM_CHAT_ID",),
        "TELEGRAM_USER_IDS": ("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"),
        "ENTRY_APPROVAL_MINUTES": tuple(telegram),
    }
    beside = {other: telegram[other] for other in needed.get(name, ())}
    env_file.write_text(f"{name}={text}\n")

    assert value == getattr(load({name: text, **beside}), name.lower())
    assert value == getattr(load(beside, file=env_file), name.lower())


@pytest.mark.parametrize("missing", ["TELEGRAM_BOT_TOKEN", "TELEGRAM_USER_IDS"])
def test_entries_wait_for_nobody_who_could_not_answer(missing: str) -> None:
    given = {"TELEGRAM_BOT_TOKEN": "1:x", "TELEGRAM_CHAT_ID": "1", "TELEGRAM_USER_IDS": "1", "ENTRY_APPROVAL_MINUTES": "5"}
    given.pop(missing)
    if missing == "TELEGRAM_BOT_TOKEN":
        given.pop("TELEGRAM_CHAT_ID")

    with pytest.raises(ConfigurationError, match="ENTRY_APPROVAL_MINUTES"):
        load(given)


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_a_value_that_cannot_be_meant_is_refused_by_the_name_of_its_setting(name: str) -> None:
    for text in filter(None, OUT_OF_RANGE[name]):
        with pytest.raises(ConfigurationError) as caught:
            load({name: text})
        assert name == caught.value.variable, text


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("MODE", "real", "it is none of demo, paper or live"),
        ("RISK_STOP_LOSS_FRACTION", "5%", "it is not a number"),
        ("RISK_STOP_LOSS_FRACTION", "nan", "it is not a finite number"),
        ("RISK_MAX_POSITIONS", "1.5", "it is not a whole number"),
        ("PAPER_KRW", "0", "it must be above 0"),
        ("GUARD_SECONDS", "0.5", "it must be at least 1.0"),
        ("GUARD_SECONDS", "61", "it must be at most 60.0"),
        ("ORDER_NAMESPACE", "a.b", "it is too long, or has other characters than are allowed"),
        ("LIVE_TRADING_CONFIRMED", "ja", "say yes or no"),
        ("CYCLE_CRON", "0 0 31 2 *", "names a time that never comes"),
    ],
)
def test_what_is_wrong_is_told_in_words_of_our_own(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({name: value})

    assert f"{name}: is not usable: {problem}; see .env.example" == str(caught.value)


def test_every_kind_of_refusal_has_words() -> None:
    """A kind without words would still be told, but less well."""
    for name, texts in OUT_OF_RANGE.items():
        for text in filter(None, texts):
            with pytest.raises(ConfigurationError) as caught:
                load({name: text})
            assert "cannot be read" not in str(caught.value), (name, text)


def test_a_relative_folder_begins_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert tmp_path / "bot" / "state" == load({"DATA_DIR": "bot"}).state_folder


def test_the_defaults_trade_nothing_real() -> None:
    settings = load()

    assert Mode.DEMO is settings.mode
    assert (Market("KRW-BTC"), Market("KRW-ETH")) == settings.markets
    assert ScreenMode.BLOCK is settings.screen_mode
    assert "127.0.0.1" == settings.health_host
    assert RiskLimits() == settings.risk_limits()


def test_every_risk_setting_reaches_the_limits() -> None:
    names = [name for name in EXAMPLES if name.startswith("RISK_")]
    changed = load({name: EXAMPLES[name][0] for name in names}).risk_limits()

    defaults = RiskLimits()
    assert [] == [field for field in RiskLimits.__dataclass_fields__ if getattr(changed, field) == getattr(defaults, field)]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("RISK_STOP_LOS_FRACTION", "RISK_STOP_LOSS_FRACTION"),
        ("RISK_STOPLOSS_FRACTION", "RISK_STOP_LOSS_FRACTION"),
        ("UPBIT_ACESS_KEY", "UPBIT_ACCESS_KEY"),
        ("TELEGRAM_TOKEN", "TELEGRAM_BOT_TOKEN"),
        ("SCREEN_MOD", "SCREEN_MODE"),
        ("risk_max_positions", "RISK_MAX_POSITIONS"),
        ("MARKET", "MARKETS"),
        ("Mode", "MODE"),
        ("RISK_MAX_POSITIONS_FILE", "RISK_MAX_POSITIONS"),
    ],
)
def test_a_misspelt_name_in_the_file_is_told_with_the_nearest(wrong: str, right: str, env_file: Path) -> None:
    env_file.write_text(f"{wrong}={CANARY}\n")

    with pytest.raises(ConfigurationError, match=f"did you mean {right}") as caught:
        load(file=env_file)
    assert wrong == caught.value.variable
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("value", [CANARY, ""])
@pytest.mark.parametrize("wrong", ["RISK_STOP_LOS_FRACTION", "SCREEN_MOD", "UPBIT_KEY", "TELEGRAM_TOKEN"])
def test_a_misspelt_name_in_the_environment_is_told_where_the_prefix_is_ours(wrong: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match="in the environment"):
        load({wrong: value})


def test_a_misspelt_name_is_told_even_where_it_is_set_to_nothing(env_file: Path) -> None:
    env_file.write_text("RISK_STOP_LOS_FRACTION=\n")

    with pytest.raises(ConfigurationError, match="did you mean RISK_STOP_LOSS_FRACTION"):
        load(file=env_file)


@pytest.mark.parametrize("name", ["PATH", "HOME", "MARKET", "LANG", "risk_max_positions"])
def test_what_else_is_in_the_environment_is_nobodys_business(name: str) -> None:
    assert load() == load({name: CANARY})


@pytest.mark.parametrize("name", [*RESERVED, *BESIDE[1:]])
def test_a_reserved_name_is_taken_and_has_no_effect(name: str, env_file: Path) -> None:
    env_file.write_text(f"{name}={CANARY}\n")

    assert load() == load(file=env_file) == load({name: CANARY})


@pytest.mark.parametrize(
    "who",
    [
        {"DECISION_MODEL": "onnx"},
        {"DECISION_MODEL": "ensemble", "ENSEMBLE_MEMBERS": "rules,onnx"},
        {"CHALLENGERS": "onnx"},
        {"CHALLENGERS": "ensemble", "ENSEMBLE_MEMBERS": "rules,onnx"},
    ],
)
def test_a_trained_model_takes_part_where_it_is_named(who: Mapping[str, str]) -> None:
    model = {"MODEL_PATH": "/models/btc.onnx"}

    assert Path("/models/btc.onnx") == load({**who, **model}).model_file
    assert Path("models/btc.onnx").absolute() == load({**who, "MODEL_PATH": "models/btc.onnx"}).model_file
    assert load(model).model_file is None


@pytest.mark.parametrize(
    "text",
    [
        "MODE=paper\nRISK_MAX_POSITIONS=3\n",
        "\ufeffMODE=paper\nRISK_MAX_POSITIONS=3\n",
        "MODE=paper\r\nRISK_MAX_POSITIONS=3\r\n",
        "MODE = paper \n  RISK_MAX_POSITIONS = 3",
        "MODE='paper'\nRISK_MAX_POSITIONS=\"3\"\n",
        "MODE=' paper '\nRISK_MAX_POSITIONS=3 # not more\n",
        "# a comment\n\nexport MODE=paper\nRISK_MAX_POSITIONS=3\n",
    ],
)
def test_a_file_may_come_from_any_editor(text: str, env_file: Path) -> None:
    env_file.write_text(text, encoding="utf-8", newline="")

    settings = load(file=env_file)

    assert (Mode.PAPER, 3) == (settings.mode, settings.risk_max_positions)


def test_a_repeated_key_is_refused_even_with_the_same_value(env_file: Path) -> None:
    env_file.write_text("RISK_MAX_POSITIONS=3\nMODE=paper\nRISK_MAX_POSITIONS=3\n")

    with pytest.raises(ConfigurationError, match=r"RISK_MAX_POSITIONS: stands twice in .*keep one"):
        load(file=env_file)


@pytest.mark.parametrize("line", ["RISK_MAX_POSITIONS", "RISK_MAX_POSITIONS 3", "RISK_MAX_POSITIONS: 3", "=3"])
def test_a_line_that_sets_nothing_is_refused_with_its_number(line: str, env_file: Path) -> None:
    env_file.write_text(f"MODE=paper\n{line}\n")

    with pytest.raises(ConfigurationError, match=r"line 2: is not KEY=value"):
        load(file=env_file)


@pytest.mark.parametrize("content", [b"MODE=paper\xff\n", b"\xff\xfeM\x00"])
def test_a_file_that_is_no_text_is_refused(content: bytes, env_file: Path) -> None:
    env_file.write_bytes(content)

    with pytest.raises(ConfigurationError, match="cannot be read as UTF-8 text"):
        load(file=env_file)


def test_a_missing_file_is_no_file() -> None:
    assert load() == load(file=Path("/nowhere/at/all/.env"))


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(env_file: Path) -> None:
    env_file.write_text("MODE=paper\nLOG_LEVEL=DEBUG\nRISK_MAX_POSITIONS=1\n")

    settings = load({"LOG_LEVEL": "ERROR", "RISK_MAX_POSITIONS": "2"}, file=env_file, RISK_MAX_POSITIONS="3")

    assert (Mode.PAPER, "ERROR", 3) == (settings.mode, settings.log_level, settings.risk_max_positions)


@pytest.mark.parametrize("empty", ["", " ", "\r"])
def test_an_empty_variable_does_not_hide_what_the_file_says(empty: str, env_file: Path) -> None:
    env_file.write_text("RISK_MAX_KRW_PER_DAY=100000\n")

    assert Decimal(100_000) == load({"RISK_MAX_KRW_PER_DAY": empty}, file=env_file).risk_max_krw_per_day


def test_an_empty_option_is_refused_rather_than_taken_for_the_default() -> None:
    with pytest.raises(ConfigurationError, match="MARKETS: is empty on the command line"):
        load(MARKETS="")


def test_a_variable_may_end_in_a_carriage_return() -> None:
    assert Mode.PAPER is load({"MODE": "paper\r"}).mode


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_come_from_a_file(name: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"\ufeff{CANARY}\r\n", encoding="utf-8")

    settings = load({f"{name}_FILE": str(secret), "TELEGRAM_CHAT_ID": "1"})

    assert SecretStr(CANARY) == getattr(settings, name.lower())


def test_a_secret_is_given_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="UPBIT_SECRET_KEY: is set, and so is UPBIT_SECRET_KEY_FILE; keep one") as caught:
        load({"UPBIT_SECRET_KEY": CANARY, "UPBIT_SECRET_KEY_FILE": str(tmp_path / "x")})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "cannot be read"), (b" \n", "empty file"), (b"\xff\xfe", "cannot be read")]
)
def test_a_secret_file_without_a_secret_is_refused(content: bytes | None, problem: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)

    with pytest.raises(ConfigurationError, match=f"UPBIT_SECRET_KEY_FILE: .*{problem}"):
        load({"UPBIT_SECRET_KEY_FILE": str(secret)})


def test_a_token_without_a_chat_is_refused_because_every_alarm_would_be_lost() -> None:
    with pytest.raises(ConfigurationError, match="TELEGRAM_CHAT_ID: is missing, though TELEGRAM_BOT_TOKEN is set"):
        load({"TELEGRAM_BOT_TOKEN": CANARY})


def test_live_trades_once_everything_is_confirmed() -> None:
    assert Mode.LIVE is load(LIVE).mode


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"UPBIT_ACCESS_KEY": ""}, "UPBIT_ACCESS_KEY"),
        ({"UPBIT_SECRET_KEY": ""}, "UPBIT_SECRET_KEY"),
        ({"LIVE_TRADING_CONFIRMED": ""}, "LIVE_TRADING_CONFIRMED"),
        ({"LIVE_TRADING_CONFIRMED": "no"}, "LIVE_TRADING_CONFIRMED"),
        ({"KEY_SCOPE_CONFIRMED": ""}, "KEY_SCOPE_CONFIRMED"),
        ({"SCREEN_MODE": "off"}, "SCREEN_MODE"),
        ({"UPBIT_BASE_URL": "https://upbit.example.org"}, "UPBIT_BASE_URL"),
        ({"UPBIT_BASE_URL": "https://api.upbit.com.example.org"}, "UPBIT_BASE_URL"),
        ({"UPBIT_BASE_URL": "http://127.0.0.1@example.org"}, "UPBIT_BASE_URL"),
        ({"UPBIT_BASE_URL": "http://["}, "UPBIT_BASE_URL"),
        ({"TELEGRAM_BASE_URL": "https://example.org"}, "TELEGRAM_BASE_URL"),
        ({"TELEGRAM_BASE_URL": "http://api.telegram.org"}, "TELEGRAM_BASE_URL"),
    ],
)
def test_live_is_refused_without(change: Mapping[str, str], named: str) -> None:
    with pytest.raises(UnsafeSetup) as caught:
        load({**LIVE, **change})

    assert named in caught.value.variable
    assert not any(secret in str(caught.value) for secret in ("access-key", "secret-key"))


@pytest.mark.parametrize("screen", ["block", "warn"])
def test_live_allows_a_screen_that_blocks_or_warns(screen: str) -> None:
    assert screen == load({**LIVE, "SCREEN_MODE": screen}).screen_mode


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "http://localhost:1", "http://[::1]:2"])
def test_live_may_be_turned_to_this_machine(url: str) -> None:
    settings = load({**LIVE, "UPBIT_BASE_URL": url, "TELEGRAM_BASE_URL": url})

    assert is_loopback(settings.upbit_base_url)


@pytest.mark.parametrize("mode", ["demo", "paper", "live"])
def test_a_foreign_venue_is_refused_in_every_mode(mode: str) -> None:
    with pytest.raises(UnsafeSetup, match="UPBIT_BASE_URL"):
        load({**LIVE, "MODE": mode, "UPBIT_BASE_URL": "https://example.org"})


def test_a_readable_file_without_secrets_is_no_matter(env_file: Path) -> None:
    env_file.write_text("LOG_LEVEL=DEBUG\n")
    env_file.chmod(0o644)

    assert Mode.LIVE is load(LIVE, file=env_file).mode


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("http://127.0.0.1:9000", True),
        ("http://localhost", True),
        ("https://api.upbit.com", False),
        ("http://127.0.0.2:9000", False),
        ("http://127.0.0.1.example.org", False),
        ("http://[", False),
    ],
)
def test_only_a_venue_on_this_machine_may_set_the_clock(url: str, is_taken: bool) -> None:
    wanted = {"MODE": "paper", "UPBIT_BASE_URL": url, "CLOCK_FROM_VENUE": "yes"}

    if is_taken:
        assert load(wanted).clock_from_venue
    else:
        with pytest.raises(ConfigurationError, match="CLOCK_FROM_VENUE"):
            load(wanted)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in ("DATA_DIR", "CANDLE_DIR", "STRATEGY_DIR", *SECRETS)])
def test_no_message_repeats_a_text_that_could_not_be_read(name: str) -> None:
    try:
        load({**LIVE, name: CANARY})
    except ConfigurationError as error:
        shown = f"{error} {error.__cause__!r}"
        assert CANARY not in shown
    else:
        texts = ("ORDER_NAMESPACE", "HEALTH_HOST", "TELEGRAM_CHAT_ID", "OPENAI_BASE_URL", "OPENAI_MODEL", "LLM_PRICE_FILE")
        assert name in texts


def test_what_is_shown_of_the_settings_holds_no_secret() -> None:
    env = {name: f"{CANARY}-{name}" for name in SECRETS}
    settings = load({**env, "TELEGRAM_CHAT_ID": "1"})

    shown = settings.public()

    assert known_names() == shown.keys()
    assert {"set"} == {shown[name] for name in SECRETS}
    assert CANARY not in str(shown)
    assert CANARY not in repr(settings)
    assert set(env.values()) == set(settings.secrets())


def test_what_is_shown_reads_as_it_was_written() -> None:
    shown = load({"MARKETS": "KRW-XRP,KRW-ETH", "RISK_CAPITAL_KRW": "1000000", "STRATEGY_TIMEFRAME": "1d"}).public()

    assert ("KRW-XRP,KRW-ETH", "1000000", "1d", "", "demo") == tuple(
        shown[name] for name in ("MARKETS", "RISK_CAPITAL_KRW", "STRATEGY_TIMEFRAME", "RISK_SAFE_MODE_HOURS", "MODE")
    )


@pytest.mark.parametrize(
    ("env", "data", "candles"),
    [
        ({"MODE": "demo"}, "data/demo", "data/demo/candles"),
        ({"MODE": "paper"}, "data/paper", "backtest_data"),
        (LIVE, "data/live", "backtest_data"),
        ({"MODE": "demo", "DATA_DIR": "/d"}, "/d", "/d/candles"),
        ({"MODE": "paper", "DATA_DIR": "/d"}, "/d", "backtest_data"),
        ({"MODE": "demo", "CANDLE_DIR": "/c"}, "data/demo", "/c"),
        ({"MODE": "paper", "UPBIT_BASE_URL": "http://localhost:9"}, "data/paper", "data/paper/candles"),
    ],
)
def test_made_up_candles_never_lie_among_real_ones(env: Mapping[str, str], data: str, candles: str) -> None:
    settings = load(env)

    assert (Path.cwd() / data, Path.cwd() / data / "state", Path.cwd() / candles) == (
        settings.data_folder,
        settings.state_folder,
        settings.candle_folder,
    )


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, "OPENAI_MODEL"),
        ({"OPENAI_MODEL": "gpt-5-mini"}, "OPENAI_API_KEY"),
        ({"OPENAI_MODEL": "m", "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://models.example/v1"}, "OPENAI_BASE_URL"),
        ({"OPENAI_MODEL": "m", "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://a:b@models.example/v1"}, "OPENAI_BASE_URL"),
        ({**LIVE, "OPENAI_MODEL": "m", "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://models.example/v1"}, "OPENAI_BASE_URL"),
        ({"OPENAI_MODEL": "m", "OPENAI_BASE_URL": "http://a:b@127.0.0.1:9002/v1"}, "OPENAI_BASE_URL"),
        ({"OPENAI_MODEL": "m", "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://models.example/v1?key=k"}, "OPENAI_BASE_URL"),
    ],
)
@pytest.mark.parametrize("who", ["llm", "ensemble"])
def test_a_language_model_that_cannot_be_asked_safely_is_refused(env: Mapping[str, str], named: str, who: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({**env, "DECISION_MODEL": who})

    assert named == caught.value.variable


def test_an_address_that_may_hold_a_secret_is_refused_even_where_nobody_is_asked() -> None:
    with pytest.raises(UnsafeSetup, match="OPENAI_BASE_URL"):
        load({"OPENAI_BASE_URL": "https://models.example/v1?key=sk-1234"})


@pytest.mark.parametrize(
    "env",
    [
        {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"},
        {"OPENAI_API_KEY": "k"},
        {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://models.example/v1"},
        {**LIVE, "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://generativelanguage.googleapis.com/v1beta/openai"},
        {**LIVE, "OPENAI_BASE_URL": "http://localhost:11434/v1"},
    ],
)
def test_known_providers_and_servers_on_this_machine_serve(env: Mapping[str, str]) -> None:
    assert load({**env, "DECISION_MODEL": "llm", "OPENAI_MODEL": "m"}).asks_language_model


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"CHALLENGERS": "oracle"}, "name some of"),
        ({"CHALLENGERS": "llm,llm"}, "name each once"),
        ({"CHALLENGERS": "rules,llm"}, "rules decides or votes already"),
        ({"DECISION_MODEL": "ensemble", "CHALLENGERS": "llm"}, "llm decides or votes already"),
    ],
)
def test_a_challenger_that_is_none_is_refused(env: Mapping[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load(env)


def test_a_challenger_that_asks_a_language_model_needs_one() -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_MODEL"):
        load({"CHALLENGERS": "llm"})


def test_one_of_a_name_of_its_own_needs_no_other() -> None:
    chosen = load({"CHALLENGERS": "llm:qwen3", "OPENAI_BASE_URL": "http://127.0.0.1:11434/v1"})

    assert (True, None) == (chosen.asks_language_model, chosen.openai_model)


def _listed(text: str) -> list[str]:
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", text, flags=re.MULTILINE)


def test_the_example_file_lists_every_setting_once_and_nothing_else() -> None:
    listed = _listed((ROOT / ".env.example").read_text(encoding="utf-8"))

    wanted = [*known_names(), *RESERVED, *BESIDE]
    assert sorted(wanted) == sorted(listed)


def test_the_example_file_is_a_file_that_can_be_used_as_it_is() -> None:
    assert load() == load(file=ROOT / ".env.example")


def test_the_example_file_shows_the_defaults(env_file: Path) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    defaults = {name: value for name, value in load().public().items() if value}
    written = dict(re.findall(r"^# ([A-Z][A-Z0-9_]+)=(\S.*)$", text, flags=re.MULTILINE))

    for name, value in defaults.items():
        assert name in written, name
        env_file.write_text(f"{name}={written[name]}\n")
        assert value == load(file=env_file).public()[name], name
