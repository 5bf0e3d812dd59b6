"""The table of bad input: what is put in, through which entry, what it is refused as, and the words that must be in the message.

A message names the thing and, where somebody can mend it, the remedy. Refusing costs nothing: no file changes, no order is sent.
"""

import gzip
import json
import os
import runpy
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
import stamina

from dg_bot.adapters.candle_csv import HEADER, read_candles
from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.clock import SystemClock
from dg_bot.adapters.instance_lock import InstanceLock, claim_folder
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.paper_exchange import PaperExchange
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.adapters.state_file import Cursors, write_state
from dg_bot.app.demo_venue import DemoVenue
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import known_names
from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR, Timeframe, seoul_day_start
from dg_bot.domain.candle import Candle
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.decision import Action, Decision
from dg_bot.domain.events import AlarmRaised, IntentSending, Record
from dg_bot.domain.market import Market
from dg_bot.domain.order import Identifier, MarketBuy, MarketSell, Role
from dg_bot.errors import (
    AuthenticationFailed,
    BotError,
    ConfigurationError,
    DataError,
    ExchangeUnavailable,
    ImpossibleValue,
    InvariantViolated,
    MalformedReply,
    StateError,
    UnsafeSetup,
)
from dg_bot.ports import MarketData
from dg_bot.risk.manager import RiskApproved
from dg_bot.risk.state import RiskState, after
from dg_bot.simulator.faults_file import load_faults
from dg_bot.simulator.tape_file import read_tape_file
from dg_bot.strategies.catalog import make_strategy
from dg_bot.strategies.parameters import ParameterOutOfRange, parse_lines
from tests.unit.adapters.raw_server import Behaviour, answers, http, reply_json
from tests.unit.adapters.upbit_bench import Bench, bench

ROOT = Path(__file__).resolve().parents[2]
BTC = Market("KRW-BTC")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOTHING: Mapping[str, str] = {}


class CommandRefused(Exception):
    """A command ended with an exit code above 0; the message is the code, and what it wrote to standard error."""


@dataclass(frozen=True, slots=True)
class Row:
    """`put` lays the input out in a folder, `use` takes it in through a public entry."""

    what: str
    put: Callable[[Path], object]
    use: Callable[[Path], object]
    error: type[Exception]
    words: tuple[str, ...]


def nothing(_: Path) -> None:
    """Put nothing in: the input is an argument."""


# Settings: `.env` and the environment

LIVE = {
    "MODE": "live",
    "UPBIT_ACCESS_KEY": "a-key",
    "UPBIT_SECRET_KEY": "s-key",
    "LIVE_TRADING_CONFIRMED": "yes",
    "KEY_SCOPE_CONFIRMED": "trade-only",
}


def settings(
    what: str,
    *words: str,
    file: str | bytes = "",
    env: Mapping[str, str] = NOTHING,
    rights: int = 0o600,
    error: type[Exception] = ConfigurationError,
) -> Row:
    def put(folder: Path) -> None:
        path = folder / ".env"
        path.write_bytes(file if isinstance(file, bytes) else file.encode())
        path.chmod(rights)

    return Row(what, put, lambda folder: load_settings(environment=env, env_file=folder / ".env"), error, words)


def live(what: str, *words: str, **changes: str) -> Row:
    return settings(what, *words, env={**LIVE, **changes}, error=UnsafeSetup)


SETTINGS = [
    settings("a misspelt name", "RISK_STOPLOSS", "did you mean RISK_STOP_LOSS_FRACTION", file="RISK_STOPLOSS=0.03"),
    settings("a misspelt name in the environment", "UPBIT_ACCES_KEY", "did you mean UPBIT_ACCESS_KEY",
        env={"UPBIT_ACCES_KEY": "x"}),
    settings("a name in small letters", "mode", "did you mean MODE", file="mode=paper"),
    settings("a name given twice", "LOG_LEVEL", "stands twice", "keep one of them", file="LOG_LEVEL=INFO\nLOG_LEVEL=DEBUG"),
    settings("a line that sets nothing", "line 2", "is not KEY=value", "mend or remove the line",
        file="MODE=demo\nPAPER_KRW 5\n"),
    settings("a file that is no text", ".env", "cannot be read as UTF-8", "mend the file", file=b"MODE=\xff\xfe"),
    settings("percent where a fraction is meant", "RISK_STOP_LOSS_FRACTION", "it is not a number",
        env={"RISK_STOP_LOSS_FRACTION": "5%"}),
    settings("10 where 0.10 is meant", "RISK_DAILY_LOSS_FRACTION", "0.05 for 5 %", env={"RISK_DAILY_LOSS_FRACTION": "10"}),
    settings("a take profit of 10", "RISK_TAKE_PROFIT_FRACTION", "up to 1", env={"RISK_TAKE_PROFIT_FRACTION": "10"}),
    settings("a limit of zero", "RISK_MAX_KRW_PER_DAY", "give a number above 0", env={"RISK_MAX_KRW_PER_DAY": "0"}),
    settings("a limit below zero", "RISK_MAX_POSITIONS", "at least 1", env={"RISK_MAX_POSITIONS": "-1"}),
    settings("a limit that is no number", "RISK_MAX_EXPOSURE_FRACTION", "finite", env={"RISK_MAX_EXPOSURE_FRACTION": "NaN"}),
    settings("a week below the day", "RISK_WEEKLY_LOSS_FRACTION", "at least what a day",
        env={"RISK_WEEKLY_LOSS_FRACTION": "0.05"}),
    settings("a stage after the target", "RISK_STAGED_PROFIT_FRACTION", "before the target",
        env={"RISK_STAGED_PROFIT_FRACTION": "0.1"}),
    settings(
        "a stop beyond the breaker",
        "RISK_STOP_LOSS_FRACTION",
        "lower the stop",
        env={"RISK_STOP_LOSS_FRACTION": "0.5", "RISK_MAX_POSITION_FRACTION": "0.5"},
    ),
    settings("a market twice", "MARKETS", "stands there twice", env={"MARKETS": "KRW-BTC,KRW-BTC"}),
    settings("a market in another money", "MARKETS", "must look like KRW-BTC", env={"MARKETS": "BTC-ETH"}),
    settings("strategy bars of minutes", "STRATEGY_TIMEFRAME", "60m, 240m or 1d", env={"STRATEGY_TIMEFRAME": "5m"}),
    settings("a strategy that does not exist", "STRATEGY", "volatility_breakout", env={"STRATEGY": "martingale"}),
    settings("a guard that sleeps", "GUARD_SECONDS", "it must be at most 60", env={"GUARD_SECONDS": "3600"}),
    settings("a cron of minutes alone", "CYCLE_CRON", "five fields", env={"CYCLE_CRON": "*/5"}),
    settings("a pickled model", "MODEL_PATH", "no .onnx file", "export it to ONNX", env={"MODEL_PATH": "model.pkl"}),
    settings("a trained model that nobody names", "MODEL_PATH", "is needed", "scripts/models/train.py",
        env={"DECISION_MODEL": "onnx"}),
    settings("a model that buys at a loss", "MODEL_BUY_RETURN", "it must be above 0", env={"MODEL_BUY_RETURN": "-0.01"}),
    settings("a model that sells at a gain", "MODEL_SELL_RETURN", "it must be below 0", env={"MODEL_SELL_RETURN": "0.01"}),
    settings("yes in another language", "LIVE_TRADING_CONFIRMED", "say yes or no", env={"LIVE_TRADING_CONFIRMED": "oui"}),
    settings("a secret given twice", "UPBIT_SECRET_KEY_FILE", "keep one", env={"UPBIT_SECRET_KEY": "s",
        "UPBIT_SECRET_KEY_FILE": "f"}),
    settings("a secret file that is not there", "UPBIT_SECRET_KEY_FILE", "check its path",
        env={"UPBIT_SECRET_KEY_FILE": "nowhere"}),
    settings("a file for what is no secret", "MODE_FILE", "is not a setting", env={}, file="MODE_FILE=/etc/mode"),
    settings("a token without a chat", "TELEGRAM_CHAT_ID", "set both, or neither", env={"TELEGRAM_BOT_TOKEN": "1:x"}),
    settings("users without a token", "TELEGRAM_BOT_TOKEN", "set both, or leave TELEGRAM_USER_IDS out",
        env={"TELEGRAM_USER_IDS": "1"}),
    settings("the clock of the real venue", "CLOCK_FROM_VENUE", "loopback", env={"CLOCK_FROM_VENUE": "yes"}),
    settings("secrets that all can read", ".env", "0644", "chmod 600", file="UPBIT_SECRET_KEY=s-key", rights=0o644,
             env={name: value for name, value in LIVE.items() if name != "UPBIT_SECRET_KEY"}, error=UnsafeSetup),
    live("live without a key", "UPBIT_ACCESS_KEY", "set both", UPBIT_ACCESS_KEY=""),
    live("live unconfirmed", "LIVE_TRADING_CONFIRMED", "real money", LIVE_TRADING_CONFIRMED="no"),
    live("live with a key of unknown rights", "KEY_SCOPE_CONFIRMED", "not withdraw", KEY_SCOPE_CONFIRMED=""),
    live("live without a screen", "SCREEN_MODE", "use block or warn", SCREEN_MODE="off"),
    live("live at a foreign venue", "UPBIT_BASE_URL", "leave it out", UPBIT_BASE_URL="https://api.upbit.com.example.org"),
    live("live with a foreign messenger", "TELEGRAM_BASE_URL", "leave it out", TELEGRAM_BASE_URL="https://example.org"),
]  # fmt: skip


# Command lines: the exit code, and what standard error says


def command(what: str, script: str, arguments: str, code: int, *words: str, put: Callable[[Path], object] = nothing) -> Row:
    """Run an entry point with arguments separated by spaces; '' stands for an empty one."""
    given = ["" if word == "''" else word for word in arguments.split()]

    def use(_: Path) -> None:
        entry = runpy.run_path(str(ROOT / script))["main"]
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            ended = entry(given)
        except SystemExit as left:
            ended = left.code
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if ended:
            raise CommandRefused(f"exit {ended}")

    return Row(what, put, use, CommandRefused, (f"exit {code}", *words))


def env_file(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / ".env").write_text(text)


def tape(folder: Path) -> None:
    rows = "\n".join(f"2023-05-01T0{hour}:00:00Z,100,110,90,105,1" for hour in range(4))
    (folder / "tape.csv").write_text(f"{HEADER}\n{rows}\n")


SIMULATE = "scripts/simulate_upbit.py"
COMMANDS = [
    command("a mode that does not exist", "main.py", "--mode real", 2, "--mode", "demo", "paper", "live"),
    command("an option that does not exist", "main.py", "--force", 2, "--force", "is no option"),
    command("an empty market", "main.py", "--market ''", 2, "MARKETS", "is empty on the command line", "leave the option out"),
    command("a market without its money", "main.py", "--market BTC", 2, "MARKETS", "must look like KRW-BTC"),
    command("one market twice", "main.py", "--market KRW-BTC --market KRW-BTC", 2, "MARKETS", "stands there twice"),
    command("a misspelt setting", "main.py", "", 2, "RISK_MAX_POSITION", "did you mean", put=env_file("RISK_MAX_POSITION=3")),
    command("live without anything", "main.py", "--mode live", 3, "UPBIT_ACCESS_KEY", "use --mode paper"),
    command("a daemon at a foreign venue", "scheduler_main.py", "--mode paper", 3, "UPBIT_BASE_URL", "leave it out",
            put=env_file("UPBIT_BASE_URL=https://example.org")),
    command("a simulator without a port", SIMULATE, "", 2, "--port"),
    command("a tape without its market", SIMULATE, "--port 0 --tape tape.csv", 2, "--market", "as many", put=tape),
    command("a tape without a time", SIMULATE, "--port 0 --tape tape.csv --market KRW-BTC", 2, "--at", "a tape needs the time",
        put=tape),
    command("a time outside the tape", SIMULATE, "--port 0 --tape tape.csv --market KRW-BTC --at 2024-01-01", 2, "--at",
        "outside the tape",
            "between the first and the last", put=tape),
    command("a tape that is not there", SIMULATE, "--port 0 --tape gone.csv --market KRW-BTC --at 2024-01-01", 2, "gone.csv",
        "candle file"),
    command("half a key pair", SIMULATE, "--port 0 --access-key a", 2, "--secret-key", "give both keys or none"),
    command("faults that are not there", SIMULATE, "--port 0 --faults gone.json", 2, "--faults", "give a readable file"),
    command("an account with less than nothing", SIMULATE, "--port 0 --krw=-5", 2, "--krw", "not above zero"),
]  # fmt: skip


# Candle files


def candles(what: str, rows: str, *words: str, header: str = HEADER) -> Row:
    """Read an hourly file of these rows, separated by a blank."""
    lines = "\n".join(rows.split())
    return Row(
        what,
        lambda folder: (folder / "c.csv").write_text(f"{header}\n{lines}\n"),
        lambda folder: read_candles(folder / "c.csv", BTC, HOUR),
        DataError,
        ("c.csv", *words),
    )


def cut_archive(folder: Path) -> None:
    whole = gzip.compress(f"{HEADER}\n2023-05-01T00:00:00Z,100,110,90,105,1\n".encode())
    (folder / "c.csv.gz").write_bytes(whole[:-12])


def bad_archive(folder: Path) -> None:
    (folder / "hourly").mkdir()
    (folder / "hourly" / "KRW-BTC_60m.csv").write_text(f"{HEADER}\n2023-05-01T00:00:00Z,100,110,90,1o5,1\n")


AT_00, AT_01 = "2023-05-01T00:00:00Z", "2023-05-01T01:00:00Z"
CANDLES = [
    candles("no header", f"{AT_01},1,1,1,1,1", "row 1", "timestamp", header=f"{AT_00},1,1,1,1,1"),
    candles("a column less", f"{AT_00},1,1,1,1", "row 1", "column volume is missing", header="timestamp,open,high,low,close"),
    candles("columns in another order", f"{AT_00},1,1,1,1,1", "row 1", "must be", header="timestamp,open,low,high,close,volume"),
    candles("a short row", f"{AT_00},1,1,1,1,1 {AT_01},1,1,1", "row 3", "4 fields instead of 6"),
    candles("a time that is none", "yesterday,1,1,1,1,1", "row 2", "timestamp", "is not a time"),
    candles("a time without its zone", "2023-05-01T00:00:00,1,1,1,1,1", "row 2", "timestamp", "UTC"),
    candles("a time in Seoul", "2023-05-01T00:00:00+09:00,1,1,1,1,1", "row 2", "timestamp", "not in UTC"),
    candles("an hour twice", f"{AT_00},1,1,1,1,1 {AT_00},1,1,1,1,1", "row 3", "repeats the row above"),
    candles("hours backwards", f"{AT_01},1,1,1,1,1 {AT_00},1,1,1,1,1", "row 3", "lies before the row above"),
    candles("half an hour", "2023-05-01T00:30:00Z,1,1,1,1,1", "row 2", "not the start of a 60m candle"),
    candles("a high below the low", f"{AT_00},100,90,110,100,1", "row 2", "high"),
    candles("a close above the high", f"{AT_00},100,110,90,111,1", "row 2", "high", "not the highest"),
    candles("a price of zero", f"{AT_00},100,110,0,105,1", "row 2", "low", "not above zero"),
    candles("a price below zero", f"{AT_00},-1,110,90,105,1", "row 2", "open", "not above zero"),
    candles("a volume below zero", f"{AT_00},100,110,90,105,-1", "row 2", "volume", "below zero"),
    candles("a price that is no number", f"{AT_00},100,110,90,nan,1", "row 2", "close", "is not a number"),
    candles("thousands with a comma", f"{AT_00},1,000,110,90,105,1", "row 2", "7 fields instead of 6"),
    Row("a file that was cut", cut_archive, lambda folder: read_candles(folder / "c.csv.gz", BTC, HOUR), DataError, ("c.csv.gz",
        "cannot be read")),
    Row("a file that is not there", nothing, lambda folder: read_candles(folder / "c.csv", BTC, HOUR), DataError, ("c.csv",
        "cannot be read")),
    Row("an edited archive", bad_archive, lambda folder: CandleFiles(folder).load(BTC, HOUR, NOON, NOON), DataError, ("row 2",
        "close", "1o5")),
]  # fmt: skip


# What the venue answers


def asked(venue: Behaviour, ask: Callable[[Bench], object]) -> Callable[[Path], object]:
    """Ask a venue, and see that nothing but questions went out."""

    def use(_: Path) -> None:
        with bench(venue) as it:
            try:
                ask(it)
            finally:
                assert {"GET"} == {request.method for request in it.server.requests}

    return use


def always(document: object, status: int = 200) -> Behaviour:
    return answers(reply_json(document, status))


def raw(body: bytes) -> Behaviour:
    return answers(http(200, body))


def answer(what: str, ask: Callable[[Bench], object], document: object, error: type[Exception], *words: str) -> Row:
    return Row(what, nothing, asked(always(document), ask), error, words)


def terms(what: str, chance: object, *words: str) -> Row:
    """Answer `chance` to the first question, and a price step to the second."""
    ticks = reply_json([{"market": "KRW-BTC", "tick_size": "1000"}])
    return Row(
        what, nothing, asked(answers(reply_json(chance), ticks), rules), MalformedReply, ("order chance of KRW-BTC", *words)
    )


def refusal(what: str, status: int, body: object, error: type[Exception], *words: str) -> Row:
    return Row(what, nothing, asked(always(body, status), balances), error, words)


def page(it: Bench) -> object:
    return it.market_data.candles(BTC, HOUR, NOON, 10)


def book(it: Bench) -> object:
    return it.market_data.order_book(BTC)


def prices(it: Bench) -> object:
    return it.market_data.last_prices([BTC])


def notices(it: Bench) -> object:
    return it.market_data.notices()


def balances(it: Bench) -> object:
    return it.exchange.balances()


def order(it: Bench) -> object:
    return it.exchange.find("ours.1")


def rules(it: Bench) -> object:
    return it.exchange.rules(BTC)


def expiry(it: Bench) -> object:
    return it.exchange.key_expires_at()


CANDLE = {
    "market": "KRW-BTC",
    "candle_date_time_utc": "2026-11-20T11:00:00",
    "opening_price": 100,
    "high_price": 110,
    "low_price": 90,
    "trade_price": 105,
    "candle_acc_trade_volume": 1,
}
UNIT = {"ask_price": 101, "ask_size": 1, "bid_price": 100, "bid_size": 1}
ORDER = {
    "uuid": "v-1",
    "side": "bid",
    "state": "cancel",
    "market": "KRW-BTC",
    "created_at": "2026-11-20T22:46:00+09:00",
    "paid_fee": "2.5",
    "executed_volume": "0",
    "identifier": "ours.1",
}
ACCOUNT = {"currency": "KRW", "balance": "1000", "locked": "0"}


def without(document: Mapping[str, object], field: str) -> list[object]:
    return [{name: value for name, value in document.items() if name != field}]


def books(*units: Mapping[str, object], at: object = 1_795_000_000_000) -> list[object]:
    return [{"market": "KRW-BTC", "timestamp": at, "orderbook_units": list(units)}]


ANSWERS = [
    answer("candles that are no list", page, {"candles": []}, MalformedReply, "candles of KRW-BTC", "is not a list"),
    answer("a candle without its close", page, without(CANDLE, "trade_price"), MalformedReply, "candles of KRW-BTC",
        "trade_price", "missing"),
    answer("a candle of another market", page, [{**CANDLE, "market": "KRW-ETH"}], MalformedReply, "market",
        "names another market"),
    answer("a candle with a word for a price", page, [{**CANDLE, "low_price": "cheap"}], MalformedReply, "low_price",
        "is not a number"),
    answer("a candle with an endless price", page, [{**CANDLE, "low_price": "1e999"}], MalformedReply, "low_price",
        "more digits than any amount"),
    answer("a candle whose low is its highest", page, [{**CANDLE, "low_price": 111}], ImpossibleValue,
        "candle at 2026-11-20T11", "enclose"),
    answer("a candle for nothing", page, [{**CANDLE, "low_price": 0}], ImpossibleValue, "candle at 2026-11-20T11", "above zero"),
    answer("a candle with less than no volume", page, [{**CANDLE, "candle_acc_trade_volume": -1}], ImpossibleValue, "volume"),
    answer("a candle at no time", page, [{**CANDLE, "candle_date_time_utc": "soon"}], MalformedReply, "candle_date_time_utc",
        "is not a time"),
    answer("a crossed book", book, books({**UNIT, "bid_price": 102}), ImpossibleValue, "order book of KRW-BTC",
        "above the best bid"),
    answer("an unsorted book", book, books(UNIT, {**UNIT, "bid_price": 99}), ImpossibleValue, "order book of KRW-BTC",
        "must rise"),
    answer("a level of less than nothing", book, books({**UNIT, "ask_size": -1}), ImpossibleValue, "level size"),
    answer("a book without its levels", book, [{"market": "KRW-BTC", "timestamp": 1}], MalformedReply, "orderbook_units"),
    answer("a book of another market", book, [], MalformedReply, "never names KRW-BTC"),
    answer("a book from no time", book, books(UNIT, at="now"), MalformedReply, "timestamp", "is not a number"),
    answer("a ticker without a price", prices, [{"market": "KRW-BTC", "trade_price": None}], MalformedReply, "ticker",
        "trade_price"),
    answer("a ticker of another market", prices, [{"market": "KRW-ETH", "trade_price": 1}], DataError, "no price of KRW-BTC"),
    answer("a market list without flags", notices, [{"market": "KRW-BTC"}], MalformedReply, "market list", "market_warning"),
    answer("a balance below zero", balances, [{**ACCOUNT, "balance": "-1"}], ImpossibleValue, "free KRW", "must not be negative"),
    answer("a balance that is null", balances, [{**ACCOUNT, "locked": None}], MalformedReply, "accounts", "locked", "is missing"),
    answer("a currency twice", balances, [ACCOUNT, ACCOUNT], MalformedReply, "accounts", "names KRW twice"),
    answer("an order on no side", order, {**ORDER, "side": "both"}, MalformedReply, "order", "side"),
    answer("an order with another name", order, {**ORDER, "identifier": "theirs.1"}, MalformedReply, "identifier",
        "another order"),
    answer("an order of not a number", order, {**ORDER, "executed_volume": "NaN"}, MalformedReply, "executed_volume",
        "is not a number"),
    answer("an order executed backwards", order, {**ORDER, "executed_volume": "-1"}, ImpossibleValue, "executed quantity"),
    answer("an order without its fee", order, without(ORDER, "paid_fee")[0], MalformedReply, "paid_fee", "is missing"),
    terms("terms of another market", {"market": {"id": "KRW-ETH"}}, "market.id", "names another market"),
    terms("terms without a minimum", {"market": {"id": "KRW-BTC", "bid": {}, "ask": {}}}, "min_total", "is missing"),
    answer("a key that expires some day", expiry, [{"access_key": "ours", "expire_at": "some day"}], MalformedReply, "key list",
        "expire_at"),
    refusal("a key without the right", 401, {"error": {"name": "out_of_scope"}}, AuthenticationFailed, "/v1/accounts",
        "out_of_scope"),
    refusal("a refusal without a name", 400, {"error": "no"}, ExchangeUnavailable, "/v1/accounts", "status_400"),
    refusal("a refusal that is not known", 400, {"error": {"name": "new_rule"}}, ExchangeUnavailable, "/v1/accounts", "new_rule"),
    Row("a page of maintenance", nothing, asked(raw(b"<html>"), balances), ExchangeUnavailable, ("/v1/accounts", "status_200")),
    Row("a broken JSON", nothing, asked(raw(b'[{"currency":'), balances), ExchangeUnavailable, ("/v1/accounts", "status_200")),
    Row("a market that is not listed", nothing, asked(always({"error": {"name": 404}}, 404), page), DataError, ("KRW-BTC",
        "knows nothing")),
]  # fmt: skip


# State files, journal, marker and lock


def state(what: str, put: Callable[[Path], object], *words: str) -> Row:
    """Open the cursors on a file."""
    return Row(what, put, lambda folder: Cursors(folder / "cursors.json"), StateError, ("cursors.json", "move it away", *words))


def cursors(folder: Path) -> Path:
    path = folder / "cursors.json"
    Cursors(path).move("rows", 1234)
    return path


def rewritten(make: Callable[[Path], Path], change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """Write a good file, then change its bytes."""

    def put(folder: Path) -> None:
        path = make(folder)
        before = path.read_bytes()
        path.write_bytes(change(before))
        assert before != path.read_bytes()

    return put


def swapped(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old, new, 1)


def planted(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    real = cursors(folder / "elsewhere")
    (folder / "cursors.json").symlink_to(real)


def paper(folder: Path) -> object:
    data = cast("MarketData", None)  # an account is opened before any price is asked for
    return PaperExchange(market_data=data, clock=SystemClock(), path=folder / "paper.json", krw=Decimal(1000))


def paper_file(folder: Path) -> Path:
    write_state(folder / "paper.json", {"krw": "1000"})
    return folder / "paper.json"


def ahead(folder: Path) -> None:
    alarm = AlarmRaised(kind="k", text="t")
    RiskStateFile(folder / "risk_state.json").save(RiskState(), Record(sequence=5, at=NOON, event=alarm))


def journal(folder: Path) -> Path:
    path = folder / "journal.jsonl"
    moments = iter(NOON + timedelta(seconds=second) for second in range(3))
    written = JournalFile.open(path, lambda: next(moments))
    for text in ("first", "second", "third"):
        written.append(AlarmRaised(kind="k", text=text))
    written.close()
    return path


def opened(folder: Path) -> None:
    JournalFile.open(folder / "journal.jsonl", lambda: NOON).close()


def lines(choose: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    return lambda data: b"".join(choose(data.splitlines(keepends=True)))


def altered_journal(what: str, change: Callable[[bytes], bytes], *words: str) -> Row:
    return Row(what, rewritten(journal, change), opened, StateError, ("journal.jsonl", "restore the journal from a copy", *words))


def marker(folder: Path) -> Path:
    claim_folder(folder, Mode.PAPER, "dg")
    return folder / "instance.json"


def claimed(mode: Mode, namespace: str = "dg") -> Callable[[Path], object]:
    return lambda folder: claim_folder(folder, mode, namespace)


def unmarked(folder: Path) -> None:
    marker(folder).unlink()
    journal(folder)


def locked_before(folder: Path) -> None:
    with InstanceLock(folder):
        pass


def locked_twice(folder: Path) -> None:
    with InstanceLock(folder), InstanceLock(folder):
        pass


MEMORY = [
    state("an empty state file", lambda folder: (folder / "cursors.json").touch(), "is empty"),
    state("a state file that was cut", rewritten(cursors, lambda data: data[:-9]), "is not whole JSON"),
    state("a state file with one other digit", rewritten(cursors, swapped(b"1234", b"1235")), "does not match its checksum"),
    state("a state file of another version", rewritten(cursors, swapped(b'"schema_version": 1', b'"schema_version": 2')),
        "schema_version 2"),
    state("a state file that is a list", rewritten(cursors, lambda _: b"[]"), "does not hold a JSON object"),
    state("a state file without its checksum", rewritten(cursors, lambda _: b'{"schema_version":1}'),
        "does not match its checksum"),
    state("positions before the beginning", lambda folder: write_state(folder / "cursors.json", {"cursors": {"rows": -1}}),
        "positions"),
    state("a state file planted elsewhere", planted, "symbolic link"),
    Row("an altered paper account", rewritten(paper_file, swapped(b"1000", b"9000")), paper, StateError, ("paper.json",
        "checksum", "new paper account")),
    Row("a demo without its beginning", lambda folder: write_state(folder / "venue.json", {"ledger": {}}),
        lambda folder: DemoVenue(folder / "venue.json"),
        StateError, ("venue.json", "has no start time", "to begin again")),
    Row("a state ahead of its journal", ahead, lambda folder: RiskStateFile(folder / "risk_state.json").require_not_ahead_of(4),
        StateError,
        ("journal.jsonl", "record 4", "record 5", "restore the journal from a copy")),
    altered_journal("a journal with one other letter", swapped(b"second", b"sekond"), "record 2", "checksum"),
    altered_journal("a journal without its middle", lines(lambda rows: [rows[0], rows[2]]), "record 2", "sequence 3"),
    altered_journal("a journal in another order", lines(lambda rows: [rows[1], rows[0], rows[2]]), "record 1"),
    altered_journal("a journal without its beginning", lines(lambda rows: rows[1:]), "record 1", "is missing"),
    altered_journal("a journal with a line said twice", lines(lambda rows: [rows[0], *rows]), "record 2", "sequence 1"),
    altered_journal("a journal of another version", swapped(b'"schema_version":1', b'"schema_version":7'), "record 1",
        "schema_version 7"),
    Row("a journal that is a folder", lambda folder: (folder / "journal.jsonl").mkdir(), opened, StateError, ("journal.jsonl",
        "cannot be opened")),
    Row("a journal planted elsewhere", lambda folder: (folder / "journal.jsonl").symlink_to(folder / "x"), opened, StateError,
        ("symbolic link",)),
    Row("a folder of another mode", marker, claimed(Mode.LIVE), UnsafeSetup, ("MODE", "belongs to mode paper",
        "use another DATA_DIR")),
    Row("a folder of another namespace", marker, claimed(Mode.PAPER, "dg2"), UnsafeSetup, ("namespace dg",
        "use another DATA_DIR")),
    Row("an altered marker", rewritten(marker, swapped(b"paper", b"live")), claimed(Mode.LIVE), StateError, ("instance.json",
        "checksum", "restore it")),
    Row("a marker lost beside a journal", unmarked, claimed(Mode.PAPER), StateError, ("instance.json", "is lost", "restore it")),
    Row("a folder in use", locked_before, locked_twice, UnsafeSetup, ("DATA_DIR", f"process {os.getpid()}", "stop process")),
]  # fmt: skip


# Faults and tapes of the simulator, parameters of strategies


def faults(what: str, text: str, *words: str) -> Row:
    return Row(what, nothing, lambda _: load_faults(text), ConfigurationError, ("--faults", "mend", *words))


def tape_of(what: str, rows: str, *words: str) -> Row:
    return Row(
        what,
        lambda folder: (folder / "t.csv").write_text("\n".join(rows.split()) + "\n"),
        lambda folder: read_tape_file(folder / "t.csv"),
        DataError,
        ("t.csv", *words),
    )


def parameters(what: str, *words: str, error: type[Exception] = ConfigurationError, **given: str) -> Row:
    return Row(what, nothing, lambda _: make_strategy("volatility_breakout", given), error, words)


def parameter_file(what: str, text: str, *words: str) -> Row:
    return Row(what, nothing, lambda _: parse_lines("mine.yaml", text), ConfigurationError, ("mine.yaml", *words))


FAULT = {"path": "/v1/orders", "action": "delay", "seconds": 1}
FILES = [
    faults("faults that are no JSON", "{", "is not JSON"),
    faults("faults that are no list", "{}", "must be a list of rules"),
    faults("a fault that does not exist", json.dumps([{**FAULT, "action": "explode"}]), "rule 1", "'action'", "lose_reply"),
    faults("a fault with a field too many", json.dumps([{**FAULT, "minutes": 1}]), "rule 1", "'minutes'"),
    faults("a fault without its path", json.dumps([FAULT, {"action": "html"}]), "rule 2", "'path' is missing"),
    faults("a delay into the past", json.dumps([{**FAULT, "seconds": -1}]), "rule 1", "'seconds'", "from 0"),
    tape_of("a tape of one candle", f"{HEADER} {AT_00},1,1,1,1,1", "two are needed"),
    tape_of("a tape in steps of its own", f"{HEADER} {AT_00},1,1,1,1,1 2023-05-01T00:07:00Z,1,1,1,1,1", "420 s", "no timeframe"),
    tape_of("a tape with a wrong header", f"time,price {AT_00},1", "row 1", "must be the header"),
    tape_of("a tape with a wrong price", f"{HEADER} {AT_00},1,1,1,1,1 {AT_01},1,1,1,x,1", "row 3", "close"),
    tape_of("a tape that runs backwards", f"{HEADER} {AT_01},1,1,1,1,1 {AT_00},1,1,1,1,1", "row 3", "not after the row before"),
    parameters("a misspelt parameter", "trend_perid", "did you mean trend_period", trend_perid="50"),
    parameters("a parameter that is no whole number", "trend_period", "write an integer", trend_period="50.5"),
    parameters("a parameter that is endless", "stop_atr", "is not finite", stop_atr="inf"),
    parameters("a parameter out of range", "trend_period", "out of range", trend_period="1", error=ParameterOutOfRange),
    parameters("a switch that is neither", "dynamic_range_multiple", "write true or false", dynamic_range_multiple="maybe"),
    parameter_file("a parameter file with an object in it", "a: !!python/object/apply:os.system ['true']", "line 1",
        "key: value"),
    parameter_file("a parameter file with a key twice", "a: 1\na: 2", "line 2", "keep one of them"),
]  # fmt: skip


# Values of the domain


def value(what: str, build: Callable[[], object], *words: str, error: type[Exception] = ImpossibleValue) -> Row:
    return Row(what, nothing, lambda _: build(), error, words)


NAIVE = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - the mistake that is looked for
ONE = Decimal(1)
VALUES = [
    value("a market with a statement in it", lambda: Market("KRW-BTC'; DROP TABLE trades;--"), "market", "KRW-BTC"),
    value("an identifier with a space", lambda: Identifier(namespace="dg", market=BTC, cycle_hour="2026 11", role=Role.EXIT,
        leg=0, attempt=0),
          "identifier", "A-Z a-z 0-9 . _ -"),
    value("an order for nothing", lambda: MarketBuy(market=BTC, notional_krw=Decimal(0)), "buy notional", "above zero"),
    value("a confidence in percent", lambda: Decision(action=Action.BUY, confidence=70.0, source="s", reason="r"), "confidence",
        "0 to 1"),
    value("a candle without its offset", lambda: Candle(opened_at=NAIVE, open=ONE, high=ONE, low=ONE, close=ONE, volume=ONE),
        "candle time", "UTC"),
    value("a day in local time", lambda: seoul_day_start(NAIVE), "time", "offset from UTC"),
    value("a cycle at half past", lambda: Cycle(market=BTC, opened_at=NOON + timedelta(minutes=30)), "cycle", "full hour"),
    value("a timeframe of an hour and a half", lambda: Timeframe(90), "timeframe", "60m"),
    value("an order that risk has not seen", lambda: RiskApproved(request=MarketSell(market=BTC, quantity=ONE), identifier="x",
        seal=None),
          "x was approved by something", error=InvariantViolated),
    value("an order sent without a plan", lambda: after(RiskState(), Record(sequence=1, at=NOON,
        event=IntentSending(identifier="x"))),
          "I2", "without having been planned", error=InvariantViolated),
]  # fmt: skip

TABLE = [*SETTINGS, *COMMANDS, *CANDLES, *ANSWERS, *MEMORY, *FILES, *VALUES]


@pytest.fixture(autouse=True)
def _a_machine_without_our_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name in known_names()]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


def contents(folder: Path) -> dict[str, bytes | None]:
    """Give every file below a folder with its bytes; folders and links have none."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.what.replace(" ", "_"))
def test_bad_input_is_refused_by_name_and_nothing_is_lost(row: Row, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row.put(tmp_path)
    before = contents(tmp_path)

    with pytest.raises(row.error) as caught:
        row.use(tmp_path)

    told = f"{caught.value} {capsys.readouterr().err}"
    assert row.error is type(caught.value)
    assert [] == [word for word in row.words if word not in told], told
    assert isinstance(caught.value, CommandRefused | BotError)
    assert before == contents(tmp_path)


def test_the_table_is_as_long_as_was_promised_and_repeats_nothing() -> None:
    assert len(TABLE) >= 60
    assert len(TABLE) == len({row.what for row in TABLE})
