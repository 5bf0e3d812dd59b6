"""The parsers under fire: what each is fed, and the errors that it declares; any other error is an escape."""

import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from dg_bot.adapters import upbit_wire
from dg_bot.adapters.candle_csv import file_content, parse_candles
from dg_bot.adapters.clock import VenueClock
from dg_bot.adapters.feed_text import MOST_ENTRIES, read_feed
from dg_bot.adapters.journal_codec import decode, encode
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_reader import read_journal, verify
from dg_bot.adapters.json_fields import Json, parse_json
from dg_bot.adapters.openai_reply import Api, read_reply
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.adapters.state_file import Cursors, read_state
from dg_bot.adapters.upbit_client import Reply
from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.adapters.upbit_limiter import UpbitLimiter, block_s
from dg_bot.adapters.upbit_market_data import UpbitMarketData
from dg_bot.adapters.upbit_reads import UpbitReads
from dg_bot.analysis.answer import judge_answer, read_answer
from dg_bot.analysis.quoted_text import quoted
from dg_bot.analysis.sentiment import read_scores
from dg_bot.app.setting_sources import load_settings
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.events import NewsSeen, Record
from dg_bot.domain.language_model import AnswerKind
from dg_bot.domain.market import Market
from dg_bot.domain.order import MarketBuy
from dg_bot.errors import AuthenticationFailed, BotError, ConfigurationError, DataError, ExchangeUnavailable, StateError
from dg_bot.models.manifest import read_manifest
from dg_bot.models.onnx_check import require_self_contained
from dg_bot.simulator.faults_file import load_faults
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.tape_file import read_tape_file
from dg_bot.strategies.parameters import build_parameters, parse_lines
from tests.fuzz import payloads
from tests.openai_server import MODEL
from tests.unit.adapters.approval import approved
from tests.unit.adapters.stepping_clock import SteppingClock

BTC = Market("KRW-BTC")
_STATUSES = (400, 401, 403, 404, 404, 422, 500, 503)
_READ_ERRORS = (DataError, ExchangeUnavailable, AuthenticationFailed)
Errors = tuple[type[BotError], ...]
Parse = Callable[[bytes, random.Random], object]


@dataclass(frozen=True, kw_only=True)
class Target:
    """One parser; `share` is its part of all inputs, `errors` are what it may raise and nothing else."""

    name: str
    share: int
    errors: Errors
    seeds: Sequence[bytes]
    parse: Parse


class _FedClient:
    """A transport whose next answer is what it is fed."""

    deadline_s = 1.0

    def __init__(self) -> None:
        self.reply = Reply(status=200, document=None, text="")

    def feed(self, data: bytes, rng: random.Random) -> None:
        status = 200 if rng.random() < 0.9 else rng.choice(_STATUSES)
        self.reply = Reply(status=status, document=parse_json(data), text=data[:2000].decode("utf-8", "replace"))

    def call(self, method: str, path: str, *, params: object = None, body: object = None) -> Reply:
        return self.reply


@dataclass(frozen=True)
class _Parameters:
    range_days: int = 1
    factor: float = 0.5
    is_on: bool = False


def _answers() -> list[Target]:
    """Give the two ports of the venue over whatever its answers are."""
    client, clock = _FedClient(), SteppingClock()
    reads = UpbitReads(client=client, clock=clock, attempts=1)  # type: ignore[arg-type]
    exchange = UpbitExchange(client=client, reads=reads, clock=clock, access_key="ours")  # type: ignore[arg-type]
    market = UpbitMarketData(reads=reads, clock=clock)
    since = clock.now() - timedelta(minutes=5)
    order = approved(MarketBuy(market=BTC, notional_krw=Decimal(5000)), "dg.1")

    def fed(name: str, ask: Callable[[], object], *seeds: bytes, share: int = 4, errors: Errors = _READ_ERRORS) -> Target:
        def parse(data: bytes, rng: random.Random) -> object:
            client.feed(data, rng)
            return ask()

        return Target(name=name, share=share, errors=errors, seeds=(*seeds, payloads.ERROR), parse=parse)

    return [
        fed("balances", exchange.balances, payloads.ACCOUNTS),
        fed("order rules", lambda: exchange.rules(BTC), payloads.CHANCE),
        fed("answer to an order", lambda: exchange.submit(order), payloads.ACCEPTED, payloads.NUMBERED_ERROR, share=8, errors=()),
        fed("order by identifier", lambda: exchange.find("dg.1"), payloads.ORDER, payloads.NOT_FOUND, share=10),
        fed("order lists", lambda: exchange.list_orders(BTC, since), payloads.ORDERS, share=8),
        fed("key expiry", exchange.key_expires_at, payloads.KEYS, share=2),
        fed("candles", lambda: market.candles(BTC, HOUR, clock.now(), 200), payloads.CANDLES, share=6),
        fed("order book", lambda: market.order_book(BTC), payloads.BOOK, share=6),
        fed("last prices", lambda: market.last_prices([BTC]), payloads.TICKER),
        fed("market notices", market.notices, payloads.MARKETS),
        fed(
            "tick size",
            lambda: upbit_wire.tick_size_of(client.reply.document, BTC),
            payloads.INSTRUMENTS,
            share=2,
            errors=(DataError,),
        ),
    ]


def _headers(data: bytes, _rng: random.Random) -> None:
    """Read a budget, a date and the text of a block; nothing that stands there may stop a call."""
    clock = SteppingClock()
    budget, _, rest = data.decode("latin-1").partition("\n")
    date, _, text = rest.partition("\n")
    UpbitLimiter(clock=clock).observe("default", budget)
    venue = VenueClock(local=clock, follow=True)
    venue.observe(date, sent_s=0.0, received_s=0.5)
    assert abs(venue.now().year) > 0
    assert 0.0 < block_s(text.encode("latin-1").decode("utf-8", "replace"), clock.now()) <= 86_400.0


def _json(data: bytes, _rng: random.Random) -> Json:
    return parse_json(data)


class _Journals:
    """A journal file with one thing changed gives records as they were written, or an error; never others."""

    def __init__(self, folder: Path) -> None:
        self.written = payloads.journal()
        self._path = folder / "journal.jsonl"
        self._path.write_bytes(self.written)
        self._records = list(read_journal(self._path))

    def read(self, data: bytes, _rng: random.Random) -> Sequence[Record]:
        self._path.write_bytes(data)
        finding = verify(self._path)
        records = list(read_journal(self._path))
        assert records == self._records[: len(records)], "a record was read that nobody wrote"
        assert finding is None, "an altered record was read"
        return records

    def open(self, data: bytes, _rng: random.Random) -> None:
        self._path.write_bytes(data)
        journal = JournalFile.open(self._path, lambda: datetime(2026, 11, 21, tzinfo=UTC))
        try:
            assert list(journal.records()) == self._records[: len(journal)], "a record was opened that nobody wrote"
        finally:
            journal.close()
            for torn in self._path.parent.glob("*.torn-*"):
                torn.unlink()


def _event(data: bytes, _rng: random.Random) -> object:
    """Read a record's kind and body; what is read can be written again."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:  # what is no JSON never gets here: the journal names it before
        raise DataError("event", "is not JSON") from error
    if not (isinstance(document, dict) and isinstance(document.get("kind"), str)):
        raise DataError("event", "has no kind")
    event = decode(document["kind"], document.get("body"))
    encode(event)
    return event


class _StateFiles:
    """A state file with one thing changed gives what was written, or an error."""

    def __init__(self, folder: Path) -> None:
        self.written = payloads.state_file(payloads.STATE_BODY)
        self._path = folder / "state.json"

    def read(self, data: bytes, _rng: random.Random) -> object:
        self._path.write_bytes(data)
        RiskStateFile(self._path).sequence()
        body = read_state(self._path)
        assert body == payloads.STATE_BODY, "something was read that nobody wrote"
        return Cursors(self._path)


def _settings(folder: Path) -> Parse:
    path = folder / "fuzz.env"

    def parse(data: bytes, _rng: random.Random) -> object:
        path.write_bytes(data)
        path.chmod(0o600)
        return load_settings(environment={}, env_file=path)

    return parse


def _environment(data: bytes, _rng: random.Random) -> object:
    """Set the variables of a process, as no `.env` could be written."""
    pairs = (line.partition("=")[::2] for line in data.decode("utf-8", "replace").splitlines())
    return load_settings(environment={name: value for name, value in pairs if name}, env_file=Path("there-is-no-such-file"))


def _parameters(data: bytes, _rng: random.Random) -> object:
    return build_parameters(_Parameters, "fuzz.yaml", parse_lines("fuzz.yaml", data.decode("utf-8", "replace")))


def _csv(data: bytes, _rng: random.Random) -> object:
    series = parse_candles("fuzz.csv", data, BTC, HOUR)
    assert all(earlier < later for earlier, later in zip(series.opened_at, series.opened_at[1:], strict=False))
    return series


def _on_file(path: Path, read: Callable[[Path], object]) -> Parse:
    def parse(data: bytes, _rng: random.Random) -> object:
        path.write_bytes(data)
        return read(path)

    return parse


def _faults(data: bytes, _rng: random.Random) -> object:
    return load_faults(data.decode("utf-8", "replace"))


def _reply(data: bytes, _rng: random.Random) -> object:
    """Read a language model's reply at both endpoints; what is kept of it can be written into any file."""
    answers = [read_reply(api, MODEL, "application/json", data) for api in Api]
    for answer in answers:
        assert "\0" not in answer.text.encode().decode()
        judge_answer(answer.text)
    return answers


def _opinion(data: bytes, _rng: random.Random) -> object:
    read = read_answer(data.decode("utf-8", "replace"))
    assert isinstance(read, AnswerKind) or 0.0 <= read.confidence <= 1.0
    return read


def _headline(data: bytes, _rng: random.Random) -> object:
    shown = quoted(data.decode("utf-8", "replace"), 100)
    assert len(shown.text.encode()) <= 300
    return shown


def _feed(data: bytes, _rng: random.Random) -> object:
    """Read a feed; what becomes news can be written into any file and table, and is shown in few characters."""
    reading = read_feed("news.example", data, "application/rss+xml")
    assert len(reading.entries) <= MOST_ENTRIES
    encode(NewsSeen(source="news.example", entries=reading.entries))
    for entry in reading.entries:
        assert "\0" not in entry.title + entry.url
        assert (entry.title + entry.url).encode()
    return reading.entries


def _sentiment(data: bytes, _rng: random.Random) -> object:
    read = read_scores(data.decode("utf-8", "replace"), 2)
    assert isinstance(read, AnswerKind) or all(-1.0 <= score <= 1.0 for score in read)
    return read


def _ledger(data: bytes, _rng: random.Random) -> object:
    document = json.loads(data) if parse_json(data) is not None else {}
    return Ledger.restored(document if isinstance(document, Mapping) else {})


def _model(data: bytes, _rng: random.Random) -> object:
    require_self_contained(data)
    return None


def _manifest(data: bytes, _rng: random.Random) -> object:
    return read_manifest("manifest", data)


def targets(folder: Path) -> list[Target]:
    """Give all parsers; those that read files do so in `folder`."""
    journals, states = _Journals(folder), _StateFiles(folder)
    events = [payloads.text({"kind": kind, "body": body}) for kind, body in map(encode, payloads.EVENTS)]
    csvs = (payloads.CSV, payloads.CSV_WITH_VALUE)
    return [
        _target("JSON", 4, (), _json, payloads.ORDER, payloads.BOOK),
        *_answers(),
        _target("headers and blocks", 4, (), _headers, *payloads.HEADERS),
        _target("journal, read", 4, (StateError,), journals.read, journals.written),
        _target("journal, opened", 2, (StateError,), journals.open, journals.written),
        _target("journal events", 10, (DataError,), _event, *events),
        _target("state files", 4, (StateError,), states.read, states.written),
        _target("candle CSV", 6, (DataError,), _csv, *csvs, payloads.CSV_ODD),
        _target("candle files, packed", 1, (DataError,), _on_file(folder / "fuzz.csv.gz", file_content), payloads.CSV_PACKED),
        _target("tapes", 2, (DataError,), _on_file(folder / "fuzz.csv", read_tape_file), *csvs),
        _target(".env", 4, (ConfigurationError,), _settings(folder), *payloads.ENV),
        _target("environment", 2, (ConfigurationError,), _environment, *payloads.ENV),
        _target("strategy parameters", 2, (ConfigurationError,), _parameters, payloads.PARAMETERS),
        _target("faults file", 4, (ConfigurationError,), _faults, payloads.FAULTS),
        _target("language model's replies", 6, (), _reply, payloads.RESPONSES_REPLY, payloads.CHAT_REPLY),
        _target("language model's answers", 6, (), _opinion, payloads.OPINION),
        _target("strangers' texts", 2, (), _headline, *payloads.HEADLINES),
        _target("feeds of news", 2, (), _feed, *payloads.FEEDS),
        _target("scores of news", 2, (), _sentiment, payloads.SCORES),
        _target("model files", 4, (DataError,), _model, payloads.MODEL),
        _target("manifests of models", 2, (DataError,), _manifest, payloads.MANIFEST),
        _target("paper account", 2, (DataError,), _ledger, payloads.text(payloads.LEDGER)),
    ]


def _target(name: str, share: int, errors: Errors, parse: Parse, *seeds: bytes) -> Target:
    return Target(name=name, share=share, errors=errors, seeds=seeds, parse=parse)


def scratch_folder() -> "tempfile.TemporaryDirectory[str]":
    """Make a folder for the files, in memory where the machine has such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    return tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory if memory.is_dir() else None)
