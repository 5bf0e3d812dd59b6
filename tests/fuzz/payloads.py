"""What the parsers are given on good days: answers in the venue's layout, and files as the program itself writes them."""

import gzip
import json
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.openai_reply import Api
from dg_bot.adapters.state_file import write_state
from dg_bot.domain.events import (
    AccountOpened,
    Answer,
    CycleCompleted,
    Event,
    IntentSending,
    Period,
    PeriodOpened,
    SafeModeEntered,
    Started,
    TransferDeclared,
)
from dg_bot.domain.money import decimal_from_text
from dg_bot.domain.portfolio import Balance
from dg_bot.models.manifest import manifest_text
from dg_bot.simulator.ledger import Ledger
from tests.feeds import rss
from tests.injections import HARMLESS, INJECTIONS
from tests.journal_records import NOON, answered, closed, fill, planned_buy, planned_sell, report
from tests.model_files import linear_model, manifest_of
from tests.openai_server import envelope, opinion


def text(document: Any) -> bytes:
    return json.dumps(document).encode()


ERROR = text({"error": {"name": "insufficient_funds_bid", "message": "주문가능한 금액이 부족합니다."}})
NUMBERED_ERROR = text({"error": {"name": 404, "message": "Code not found"}})
NOT_FOUND = text({"error": {"name": "order_not_found", "message": "no order"}})
_TRADE = {
    "market": "KRW-BTC", "uuid": "t-1", "price": "75324000.0", "volume": "0.00006637", "funds": "4999.25388", "trend": "up",
    "created_at": "2026-11-20T22:46:00+09:00", "side": "bid",
}  # fmt: skip
_ORDER = {
    "uuid": "v-1", "side": "bid", "ord_type": "price", "price": "5000.0", "state": "cancel", "market": "KRW-BTC", "volume": None,
    "created_at": "2026-11-20T22:46:00+09:00", "remaining_volume": None, "reserved_fee": "2.5", "remaining_fee": "0.00037306",
    "paid_fee": "2.49962694", "locked": "0.74649306", "executed_volume": "0.00006637", "trades_count": 1, "identifier": "dg.1",
}  # fmt: skip
ORDER = text({**_ORDER, "trades": [_TRADE, {**_TRADE, "uuid": "t-2"}]})
ORDERS = text(
    [_ORDER, {**_ORDER, "uuid": "v-2", "state": "wait", "side": "ask", "ord_type": "limit", "volume": "1.0", "identifier": None}]
)
OPINION = opinion("BUY").encode()
RESPONSES_REPLY = text(envelope(opinion("BUY")))
CHAT_REPLY = text(envelope(opinion("SELL"), Api.CHAT))
MODEL = linear_model(0.01, 0.8).SerializeToString()
MANIFEST = manifest_text(manifest_of(MODEL)).encode()
SCORES = text({"scores": [{"item": 1, "score": 0.5}, {"item": 2, "score": -1}]})
_ITEM = "<item><title>&lt;b&gt;t&lt;/b&gt;</title><pubDate>Fri, 28 Aug 2026 20:42:54 +0000</pubDate></item>"
_ENTRY = "<entry><title>t</title><id>1</id><updated>2026-11-20T09:00:00Z</updated></entry>"
FEEDS = [rss("Bitcoin climbs 4% & more", items=_ITEM), f'<feed xmlns="http://www.w3.org/2005/Atom">{_ENTRY}</feed>'.encode()]
HEADLINES = [line.encode() for line in (*HARMLESS, *INJECTIONS)]
ACCOUNTS = text(
    [
        {"currency": "KRW", "balance": "1000000.0", "locked": "0.0", "unit_currency": "KRW"},
        {"currency": "BTC", "balance": "2.0", "locked": "0.5", "avg_buy_price": "101000", "unit_currency": "KRW"},
    ]
)  # fmt: skip
CHANCE = text(
    {
        "bid_fee": "0.0005", "ask_fee": "0.0005",
        "market": {
            "id": "KRW-BTC", "name": "BTC/KRW", "order_sides": ["ask", "bid"], "bid": {"currency": "KRW", "min_total": "5000"},
            "ask": {"currency": "BTC", "min_total": "5000"}, "max_total": "1000000000", "state": "active",
        },
    }
)  # fmt: skip
_CANDLE = {
    "market": "KRW-BTC", "candle_date_time_utc": "2026-11-20T13:00:00", "candle_date_time_kst": "2026-11-20T22:00:00",
    "opening_price": 145831000.0, "high_price": 145831000.0, "low_price": 145752000.0, "trade_price": 145759000.0,
    "timestamp": 1763643600000, "candle_acc_trade_price": 4022470467.03, "candle_acc_trade_volume": 27.59904602, "unit": 60,
}  # fmt: skip
CANDLES = text([{**_CANDLE, "candle_date_time_utc": "2026-11-20T14:00:00"}, _CANDLE])
_LEVEL = {"ask_price": 101.0, "bid_price": 100.0, "ask_size": 0.79993456, "bid_size": 0.19022283}
BOOK = text(
    [
        {
            "market": "KRW-BTC", "timestamp": 1613880297302, "total_ask_size": 9.4, "total_bid_size": 0.6,
            "orderbook_units": [_LEVEL, {**_LEVEL, "ask_price": 102.0, "bid_price": 99.0}, {**_LEVEL, "ask_price": 103.0,
            "bid_price": 0}],
        }
    ]
)  # fmt: skip
TICKER = text(
    [
        {"market": "KRW-BTC", "trade_price": 65198000.0, "timestamp": 1613880298029},
        {"market": "KRW-ETH", "trade_price": 2300000.0},
    ]
)
INSTRUMENTS = text([{"market": "KRW-BTC", "quote_currency": "KRW", "tick_size": "1000", "supported_levels": ["0", "10000"]}])
_CAUTIONS = {"PRICE_FLUCTUATIONS": False, "TRADING_VOLUME_SOARING": True, "GLOBAL_PRICE_DIFFERENCES": False}
MARKETS = text(
    [
        {"market": "KRW-BTC", "korean_name": "비트코인", "market_event": {"warning": False, "caution": _CAUTIONS}},
        {"market": "KRW-ETH", "market_warning": "CAUTION"},
        {"market": "BTC-ETH", "market_event": {"warning": True, "caution": {}}},
    ]
)  # fmt: skip
KEYS = text(
    [
        {"access_key": "ours", "expire_at": "2027-11-20T22:46:00+09:00"},
        {"access_key": "other", "expire_at": "2026-01-01T00:00:00+09:00"},
    ]
)
ACCEPTED = text({**_ORDER, "state": "wait", "trades_count": 0})

HEADERS = (
    b"group=default; min=1800; sec=29\nFri, 20 Nov 2026 13:00:00 GMT\nToo many API requests.",
    b'group=order; sec=0\nFri, 20 Nov 2026 13:00:00 +0900\n{"error":{"name":418,"message":"30 sec, to 2026-11-20T13:10:00Z"}}',
    "group=order-test\nSunday, 06-Nov-94 08:49:37 GMT\n요청이 3분 동안 제한됩니다 (block_seconds: 30)".encode(),
)

ENV = (
    b"MODE=paper\nMARKETS=KRW-BTC,KRW-ETH\nUPBIT_ACCESS_KEY=abc\nUPBIT_SECRET_KEY='d e f'\nRISK_STOP_LOSS_FRACTION=0.05\n",
    b'\xef\xbb\xbfTELEGRAM_BOT_TOKEN="1:a"\r\nTELEGRAM_CHAT_ID=5\r\n# a word\r\nGUARD_SECONDS=30\r\nexport LOG_LEVEL=DEBUG\r\n',
    b"STRATEGY_TIMEFRAME=240m\nSCREEN_MODE=warn\nRISK_ENTRY_INTERVAL_HOURS=4\nRISK_SAFE_MODE_HOURS=24\nHEALTH_PORT=0\n",
    b"CYCLE_CRON=0 * * * *\nRISK_MAX_ORDERS_PER_HOUR=10\nRISK_CAPITAL_KRW=1e6\nPAPER_KRW=10000000\nBOT_LANGUAGE=en\n",
    b"UPBIT_BASE_URL=http://127.0.0.1:8000\nTELEGRAM_BASE_URL=http://[::1]:80\nHEALTH_HOST=localhost\n",
)
PARAMETERS = b"# days\nrange_days: 1\nfactor: 0.5\nis_on: true\n"
FAULTS = text(
    [
        {"path": "/v1/orders", "method": "POST", "nth": 1, "action": "lose_reply"},
        {"path": "/v1/*", "action": "status", "status": 503, "body": {"error": {"name": "x"}}, "count": 3},
        {"path": "/v1/order", "action": "delay", "seconds": 0.5},
        {"path": "/v1/order", "action": "edit", "assign": {"state": "odd"}, "remove": ["trades"]},
        {"path": "/v1/order", "action": "set_header", "header": "Remaining-Req", "value": "?"},
        {"path": "/v1/order", "action": "truncate", "bytes": 10},
    ]
)  # fmt: skip

_ROWS = [f"2026-11-{day:02}T{hour:02}:00:00Z,100.5,110,90,105.25,1.5" for day in (19, 20) for hour in range(12)]
CSV = ("timestamp,open,high,low,close,volume\n" + "\n".join(_ROWS) + "\n").encode()
CSV_WITH_VALUE = ("timestamp,open,high,low,close,volume,value\n" + "\n".join(f"{row},157.8" for row in _ROWS) + "\n").encode()
CSV_ODD = b"\xef\xbb\xbf" + CSV.replace(b"\n", b"\r\n").replace(b"Z", b"+00:00").replace(b"100.5", b"1.005e2")
CSV_PACKED = gzip.compress(CSV, mtime=0)

EVENTS: tuple[Event, ...] = (
    Started(mode=report().mode, version="0.1.0", settings={"MODE": "paper"}),
    AccountOpened(balances=(Balance("KRW", decimal_from_text("1000000", "won"), decimal_from_text("0", "won")),)),
    PeriodOpened(period=Period.DAY, start=NOON, equity_krw=decimal_from_text("1000000", "equity")),
    planned_buy(),
    IntentSending(identifier=planned_buy().identifier),
    answered(Answer.ACCEPTED),
    closed(fills=(fill("t-1", "0.5", price="1000"), fill("t-2", "0.25", price="1001.5")), fee="0.375"),
    planned_sell(),
    SafeModeEntered(reason="daily_loss: 0.11 of 0.10"),
    TransferDeclared(currency="KRW", amount=decimal_from_text("-5000", "amount"), note="taken out"),
    CycleCompleted(report=report()),
)


def journal() -> bytes:
    """Write a journal of all kinds of records, and give the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state" / "journal.jsonl"
        seconds = count()
        file = JournalFile.open(path, lambda: datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(seconds=next(seconds)))
        for event in EVENTS:
            file.append(event)
        file.close()
        return path.read_bytes()


def state_file(body: dict[str, object]) -> bytes:
    """Write a state file, and give it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        write_state(path, body)
        return path.read_bytes()


STATE_BODY: dict[str, object] = {
    "sequence": 12, "at": "2026-11-20T12:00:00+00:00", "daily_pnl": 1.25, "safe_mode": False, "safe_mode_reason": None,
    "positions": {"KRW-BTC": {"quantity": "0.5", "stop": "950", "is_dust": False}}, "open_intents": ["dg.1"],
    "cursors": {"database": 5, "messages": 7},
}  # fmt: skip
LEDGER = Ledger(krw=decimal_from_text("1000000", "won")).to_json()
