"""Capsules as JSON: every answer by the port that gave it, candles by reference."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from dg_bot import capsule as ports
from dg_bot import errors
from dg_bot.adapters.candle_references import CandleReference, reference_to
from dg_bot.adapters.journal_codec import decode, encode
from dg_bot.adapters.typed_json import Codec, Json, Unfit, codec_of, time_from_text, time_text
from dg_bot.capsule import Capsule, CarriedOver, Heard, HeardAnswer, HeardCandles, HeardScreenInput
from dg_bot.domain.approval import Approval
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.events import Record
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.news import NewsItem
from dg_bot.domain.order import VenueOrder
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.domain.screen import Honesty
from dg_bot.errors import BotError, DataError
from dg_bot.ports import Accepted, Duplicate, KeyRefused, Rejected, Unclear
from dg_bot.remembered import Remembered

SCHEMA_VERSION = 1
_HONESTY = codec_of(Honesty | None)
_SUBMISSIONS = {kind.__name__: kind for kind in (Accepted, Rejected, KeyRefused, Duplicate, Unclear)}

FindCandles = Callable[[CandleReference], CandleSeries]


def _submission() -> Codec:
    def write(value: Any) -> Json:
        name = type(value).__name__
        return {"answer": name, **codec_of(_SUBMISSIONS[name]).write(value)}

    def read(raw: Any) -> Any:
        kind = raw.get("answer") if type(raw) is dict else None
        if kind not in _SUBMISSIONS:
            raise Unfit(f"holds {raw!r}, not an answer to an order")
        return codec_of(_SUBMISSIONS[kind]).read({name: value for name, value in raw.items() if name != "answer"})

    return Codec(write, read)


def _record() -> Codec:
    def write(value: Any) -> Json:
        kind, body = encode(value.event)
        return {"sequence": value.sequence, "at": time_text(value.at), "kind": kind, "body": body}

    def read(raw: Any) -> Record:
        return Record(sequence=raw["sequence"], at=time_from_text(raw["at"]), event=decode(raw["kind"], raw["body"]))

    return Codec(write, read)


_VALUES: dict[str, Codec] = {
    ports.NOW: codec_of(datetime),
    ports.MONOTONIC: codec_of(float),
    ports.SKEW: codec_of(float),
    ports.BOOK: codec_of(OrderBook),
    ports.PRICES: codec_of(Mapping[Market, Decimal]),
    ports.TICK: codec_of(Decimal),
    ports.NOTICES: codec_of(Mapping[Market, MarketNotice]),
    ports.BALANCES: codec_of(Mapping[str, Balance]),
    ports.RULES: codec_of(MarketRules),
    ports.SUBMIT: _submission(),
    ports.FIND: codec_of(VenueOrder | None),
    ports.ORDERS: codec_of(tuple[VenueOrder, ...]),
    ports.CONSULTATION: codec_of(HeardAnswer),
    ports.CALIBRATION: codec_of(Mapping[str, float]),
    ports.APPROVAL: codec_of(Approval),
    ports.NEWS: codec_of(tuple[NewsItem, ...]),
    ports.OWN_RECORD: _record(),
    ports.OTHER_RECORD: _record(),
}


def encode_capsule(capsule: Capsule) -> dict[str, Json]:
    """Give the sections of a capsule; raises DataError naming a field that could not be read back."""
    candles: dict[str, CandleReference] = {}
    try:
        heard = [_write_heard(one, candles) for one in capsule.heard]
        return {
            "schema_version": SCHEMA_VERSION,
            "cycle_id": capsule.cycle_id,
            "market": capsule.market.code,
            "opened_at": time_text(capsule.opened_at),
            "program": dict(capsule.program),
            "settings": dict(capsule.settings),
            "before": codec_of(Remembered).write(capsule.before),
            "carried": codec_of(CarriedOver).write(capsule.carried),
            "candles": {name: codec_of(CandleReference).write(reference) for name, reference in candles.items()},
            "heard": heard,
        }
    except Unfit as error:
        raise DataError(f"capsule {capsule.cycle_id}", str(error)) from error


def decode_capsule(body: Any, find_candles: FindCandles) -> Capsule:
    """Give a capsule from its sections; raises DataError naming what cannot be read, or candles that are not there any more."""
    section = "schema_version"
    try:
        if body[section] != SCHEMA_VERSION:
            raise DataError("capsule", f"has schema_version {body[section]}, this program reads {SCHEMA_VERSION}")
        section = "candles"
        references = {name: codec_of(CandleReference).read(raw) for name, raw in body[section].items()}
        series = {name: find_candles(reference) for name, reference in references.items()}
        values: dict[str, Any] = {}
        for section, read in _SECTIONS.items():
            values[section] = read(body[section])
        section = "heard"
        heard = tuple(_read_heard(raw, series) for raw in body[section])
    except (Unfit, KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"capsule, section {section}", f"cannot be read ({type(error).__name__}: {error})") from error
    return Capsule(**values, heard=heard)


_SECTIONS: dict[str, Callable[[Any], Any]] = {
    "cycle_id": codec_of(str).read,
    "market": codec_of(Market).read,
    "opened_at": codec_of(datetime).read,
    "program": codec_of(Mapping[str, str]).read,
    "settings": codec_of(Mapping[str, str]).read,
    "before": codec_of(Remembered).read,
    "carried": codec_of(CarriedOver).read,
}


def _write_heard(heard: Heard, candles: dict[str, CandleReference]) -> Json:
    named: dict[str, Json] = {"port": heard.port, **({"about": heard.about} if heard.about else {})}
    if heard.error is not None:
        return {**named, "error": {"kind": type(heard.error).__name__, "text": str(heard.error)}}
    match heard.value:
        case HeardCandles(series=series, fetched=fetched, is_final=is_final):
            return {**named, "value": {"candles": _kept(series, candles), "fetched": fetched, "is_final": is_final}}
        case HeardScreenInput(evaluated_at=at, hourly=series, honesty=honesty):
            told = _HONESTY.write(honesty)
            return {**named, "value": {"candles": _kept(series, candles), "evaluated_at": time_text(at), "honesty": told}}
        case value:
            return {**named, "value": _VALUES[heard.port].write(value)}


def _kept(series: CandleSeries, candles: dict[str, CandleReference]) -> str:
    reference = reference_to(series)
    name = f"{reference.market}-{reference.sha256[:12]}"
    candles[name] = reference
    return name


def _read_heard(raw: Any, series: Mapping[str, CandleSeries]) -> Heard:
    port, about = raw["port"], raw.get("about", "")
    if "error" in raw:
        return Heard(port=port, about=about, error=_error(raw["error"]["kind"], raw["error"]["text"]))
    value = raw["value"]
    if port == ports.CANDLES:
        collected = HeardCandles(series=series[value["candles"]], fetched=value["fetched"], is_final=value["is_final"])
        return Heard(port=port, about=about, value=collected)
    if port == ports.SCREEN_INPUT:
        made_from = HeardScreenInput(
            evaluated_at=time_from_text(value["evaluated_at"]),
            hourly=series[value["candles"]],
            honesty=_HONESTY.read(value["honesty"]),
        )
        return Heard(port=port, about=about, value=made_from)
    return Heard(port=port, about=about, value=_VALUES[port].read(value))


def _error(kind: str, text: str) -> BotError:
    """Make an error of the same class and words; what else it knew, no stage looks at."""
    cls = getattr(errors, kind)
    error = cls.__new__(cls, text)
    if not isinstance(error, BotError):
        raise Unfit(f"holds {kind!r}, not an error of this program")
    return error
