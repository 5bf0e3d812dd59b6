"""The whole program on recorded candles: `main.py` in live mode, over HTTP, at chosen moments of 2022 and 2023.

Every cycle has to end well and to say why it ended so. What it traded has to read the same, to the last decimal, in four books:
the simulator's wire log, the venue's ledger, the journal and the rows.
"""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.instants import INSTANTS, TRADED, Instant
from tests.e2e.tape_bench import (
    BTC,
    OPENING_KRW,
    SECRET_KEY,
    Document,
    Ended,
    SharedResults,
    TapeBench,
    TapeText,
    WarmProgram,
    Workshop,
    tape_text,
)
from tests.postgres import rows
from tests.shared_data import shared

TAPE = "candles/KRW-BTC_60m_2020-2023.csv.gz"
ALLOWED = re.compile(
    r"GET /v1/(market/all|candles/minutes/60|ticker|orderbook|orderbook/instruments|accounts|orders/chance|order|orders/open"
    r"|orders/closed|api_keys)|POST /v1/orders(/test)?"
)
NUMBER = re.compile(r"-?\d+(\.\d+)?")
REPORT_KEYS = {"cycle_id", "market", "mode", "outcome", "stage", "reason", "gates", "decision", "orders", "durations_ms", "state"}
ORDER_KEYS = {"identifier", "side", "kind", "status", "executed_quantity", "average_price", "fee"}
STATE_KEYS = {"safe_mode", "daily_pnl_pct", "weekly_pnl_pct"}
GAP_WINDOW = 50
GAP_LIMIT_HOURS = 1
UNSCREENED_KRW = Decimal(200_000)  # two percent of the opening balance
LARGEST_KRW = Decimal(1_000_000)  # ten percent


@pytest.fixture(scope="session")
def workshop(request: pytest.FixtureRequest) -> Iterator[Workshop]:
    text = tape_text(shared(TAPE))
    program = WarmProgram()
    yield Workshop(text=text, program=program, server=request.getfixturevalue("migrated_server"))
    program.close()


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> SharedResults:
    """Give the results that the processes of this session share; under xdist each has its own folder inside a common one."""
    own = tmp_path_factory.getbasetemp()
    return SharedResults((own.parent if own.name.startswith("popen-") else own) / "real_tape")


@pytest.mark.parametrize("instant", INSTANTS, ids=lambda instant: instant.name)
def test_a_cycle_ends_well_and_four_books_agree(
    instant: Instant, workshop: Workshop, results: SharedResults, tmp_path: Path
) -> None:
    assert ending(instant, workshop, results, tmp_path)[0] == instant.ends


@pytest.mark.timeout(600)
def test_most_breakouts_are_bought_where_the_screen_only_warns(
    workshop: Workshop, results: SharedResults, tmp_path: Path
) -> None:
    endings = [ending(instant, workshop, results, tmp_path / instant.name) for instant in INSTANTS]

    warned = sum(ends == TRADED for ends, _ in endings)
    screened = sum(ends == TRADED for _, ends in endings)
    print(f"{len(INSTANTS)} instants: {warned} traded with SCREEN_MODE=warn, {screened} with the default")
    assert len(INSTANTS) >= 40
    assert warned >= 10
    assert screened <= warned


def ending(instant: Instant, workshop: Workshop, results: SharedResults, folder: Path) -> tuple[str, ...]:
    """Give how the cycle at an instant ends with a screen that warns, and with the default; all checks are made on the way."""
    return results.get(instant.name, lambda: [checked_run(instant, workshop, folder, screen) for screen in ("warn", "block")])


def checked_run(instant: Instant, workshop: Workshop, folder: Path, screen: str) -> str:
    folder.mkdir(exist_ok=True)
    is_cold = instant.is_cold and screen == "warn"
    with workshop.bench(folder / screen, instant.at, screen=screen, is_cold=is_cold) as bench:
        ended = bench.run()
        check_outputs(ended)
        check_data_gates(ended.report, workshop.text)
        check_screen(ended.report, bench, screen)
        check_wire(ended.report, bench)
        check_books(ended.report, bench)
    if screen == "block":
        shutil.rmtree(folder / "candles")
    return ends_by(ended.report)


def ends_by(report: Document) -> str:
    """Name the first gate that did not pass, or say that it traded."""
    if report["outcome"] == "traded":
        return TRADED
    return next((gate["name"] for gate in report["gates"] if not gate["passed"]), str(report["reason"]))


def check_outputs(ended: Ended) -> None:
    """One report of the promised form on standard output, log lines on standard error, no secret on either."""
    report = ended.report

    assert ended.exit_code == 0
    assert report.keys() >= REPORT_KEYS
    assert report["outcome"] in {"traded", "held", "halted"}
    assert report["repeated"] is False
    assert all(order.keys() == ORDER_KEYS for order in report["orders"])
    assert report["state"].keys() >= STATE_KEYS
    assert report["reason"]
    assert report["durations_ms"]
    assert report["gates"]
    for gate in report["gates"]:
        assert gate.keys() == {"name", "value", "limit", "passed"}
        assert isinstance(gate["name"], str)
        assert isinstance(gate["passed"], bool)
    names = [gate["name"] for gate in report["gates"]]
    assert len(names) == len(set(names))
    if report["decision"] is not None:
        assert report["decision"].keys() >= {"action", "confidence", "source"}
        told = {"risk", "data", "strategy"} | ({"filter", "validator"} if "strategy.trend" in names and report["orders"] else set())
        assert {name.partition(".")[0] for name in names} >= told
    for line in ended.log.splitlines():
        assert isinstance(json.loads(line), dict)
    assert SECRET_KEY not in ended.out + ended.log


def check_data_gates(report: Document, text: TapeText) -> None:
    """Nothing is bought on an old candle or on a fresh gap, which are told by their gates; sound data passes both."""
    hour = datetime.fromisoformat(report["cycle_id"].partition("/")[2]).replace(tzinfo=UTC)
    gates = {gate["name"]: gate["passed"] for gate in report["gates"]}
    is_fresh = text.has(hour - timedelta(hours=1))

    assert gates["data.candle_age"] == is_fresh
    if not is_fresh:
        assert (report["outcome"], report["stage"], report["orders"]) == ("halted", "data_collection", [])
        return
    gap = text.longest_gap_hours(hour, GAP_WINDOW)
    assert gates["data.recent_gap_hours"] == (gap <= GAP_LIMIT_HOURS)
    if gap > GAP_LIMIT_HOURS:
        assert report["orders"] == []


def check_screen(report: Document, bench: TapeBench, screen: str) -> None:
    """The screen is always recorded; by default it decides about an entry, and where it only warns it decides about the size."""
    if report["decision"] is None:
        return
    has_passed = report["screen"]["passed"]
    if screen == "block":
        assert has_passed or report["orders"] == []
        assert [gate for gate in report["gates"] if gate["name"].startswith("screen.")]
    spent = [Decimal(json.loads(entry.body)["price"]) for entry in bench.wire_log.matching("POST", "/v1/orders")]
    assert all(amount == UNSCREENED_KRW or has_passed for amount in spent)
    assert sum(spent) <= LARGEST_KRW


def check_wire(report: Document, bench: TapeBench) -> None:
    """Only allowed paths, no refusals, and one order request for each order of the report."""
    entries = bench.wire_log.entries

    assert [entry for entry in entries if ALLOWED.fullmatch(f"{entry.method} {entry.path}") is None] == []
    assert [entry for entry in entries if entry.status not in (200, 201) and "KRW-USDT" not in entry.query] == []
    orders = bench.wire_log.matching("POST", "/v1/orders")
    assert [order["identifier"] for order in report["orders"]] == [entry.identifier for entry in orders]


def check_books(report: Document, bench: TapeBench) -> None:
    """Report, wire, ledger, journal and rows tell the same story, to the last decimal."""
    journal = bench.journal
    assert [record["sequence"] for record in journal] == list(range(1, len(journal) + 1))
    assert all(later["previous"] == earlier["checksum"] for earlier, later in pairwise(journal))
    assert SECRET_KEY not in json.dumps(journal)
    for order in report["orders"]:
        check_order(order, bench)
    traded = [order for order in report["orders"] if Decimal(order["executed_quantity"])]
    assert bool(traded) == (report["outcome"] == "traded")
    check_balances(report, bench)
    check_rows(report, bench)


def check_order(order: Document, bench: TapeBench) -> None:
    name = order["identifier"]
    at_venue = bench.venue.find(identifier=name)
    by_kind = {record["kind"]: record["body"] for record in bench.journal if record["body"].get("identifier") == name}
    request = json.loads(bench.wire_log.matching("POST", "/v1/orders")[0].body)
    closed = by_kind["intent_closed"]

    assert list(by_kind) == ["intent_planned", "intent_sending", "intent_answered", "intent_closed"]
    assert (order["side"], order["kind"], order["status"]) == ("buy", "market", "executed")
    assert request == {
        "market": str(BTC),
        "side": "bid",
        "ord_type": "price",
        "price": by_kind["intent_planned"]["notional_krw"],
        "identifier": name,
    }
    assert at_venue.executed_volume == Decimal(closed["executed_quantity"]) == Decimal(order["executed_quantity"])
    assert at_venue.paid_fee == Decimal(closed["paid_fee_krw"]) == Decimal(order["fee"])
    assert at_venue.executed_funds == Decimal(closed["funds_krw"])
    assert at_venue.executed_funds / at_venue.executed_volume == Decimal(order["average_price"])
    fills = [(trade.uuid, trade.price, trade.volume, trade.funds) for trade in at_venue.trades]
    assert fills == [
        (fill["trade_id"], Decimal(fill["price"]), Decimal(fill["quantity"]), Decimal(fill["funds_krw"]))
        for fill in closed["fills"]
    ]
    kept = rows(bench.database, f"SELECT trade_id, price, quantity, funds FROM fills WHERE order_id = '{name}' ORDER BY price")
    assert sorted(fills) == sorted(kept)
    assert rows(bench.database, f"SELECT symbol, side, amount, total, fee, status FROM trades WHERE trade_id = '{name}'") == [
        (str(BTC), "buy", at_venue.executed_volume, at_venue.executed_funds, at_venue.paid_fee, "completed")
    ]
    assert rows(bench.database, f"SELECT amount, filled_amount, status, venue_id FROM orders WHERE order_id = '{name}'") == [
        (Decimal(request["price"]), at_venue.executed_volume, "filled", at_venue.uuid)
    ]


def check_balances(report: Document, bench: TapeBench) -> None:
    """What the venue holds is the opening balance moved by the journal's orders, and is what the report says."""
    closed = [record["body"] for record in bench.journal if record["kind"] == "intent_closed"]
    spent = sum((Decimal(one["funds_krw"]) + Decimal(one["paid_fee_krw"]) for one in closed), Decimal(0))
    bought = sum((Decimal(one["executed_quantity"]) for one in closed), Decimal(0))
    state = report["state"]

    assert bench.venue.account("KRW").balance == OPENING_KRW - spent == Decimal(state["free_krw"])
    assert bench.venue.account("BTC").balance == bought
    assert [Decimal(position["quantity"]) for position in state["positions"]] == ([bought] if bought else [])
    worth = sum((Decimal(held["quantity"]) * Decimal(held["mark_price"]) for held in state["positions"]), Decimal(0))
    assert Decimal(state["equity_krw"]) == Decimal(state["free_krw"]) + worth


def check_rows(report: Document, bench: TapeBench) -> None:
    """The rows hold this cycle with its gates and its decision, as many orders as were sent, and no secret."""
    database, cycle_id = bench.database, report["cycle_id"]
    decision = report["decision"]

    assert rows(database, "SELECT cycle_id, symbol, mode, outcome, stage, reason FROM cycles") == [
        (cycle_id, str(BTC), "live", report["outcome"], report["stage"], report["reason"])
    ]
    [(gates,)] = rows(database, "SELECT gates::text FROM cycles")
    assert [_exact(gate) for gate in json.loads(str(gates), parse_float=Decimal)] == [_exact(gate) for gate in report["gates"]]
    assert rows(database, "SELECT cycle_id, decision, confidence, source FROM ai_decisions") == (
        []
        if decision is None
        else [(cycle_id, decision["action"], round(Decimal(str(decision["confidence"])) * 100, 2), decision["source"])]
    )
    assert rows(database, "SELECT total_value_krw FROM portfolio_snapshots") == [(Decimal(report["state"]["equity_krw"]),)]
    assert rows(database, "SELECT count(*) FROM orders") == [(len(report["orders"]),)]
    assert rows(database, "SELECT count(*) FROM rejected_records") == [(0,)]
    assert SECRET_KEY not in str(rows(database, "SELECT key, value FROM bot_config"))


def _exact(gate: Document) -> tuple[object, ...]:
    """Give a gate with its figures as exact numbers: the report writes money as text, the rows as numbers."""
    return gate["name"], _number(gate["value"]), _number(gate["limit"]), gate["passed"]


def _number(value: object) -> object:
    is_number = isinstance(value, int | float | Decimal) or (isinstance(value, str) and NUMBER.fullmatch(value))
    return Decimal(str(value)) if is_number and not isinstance(value, bool) else value
