"""The whole program on recorded candles: `main.py` in live mode, over HTTP, at chosen moments of 2022 and 2023.

Every cycle has to end well and to say why it ended so. What it traded has to read the same, to the last decimal, in four books:
the simulator's wire log, the venue's ledger, the journal and the rows.
"""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.instants import INSTANTS, TRADED, Instant
from tests.e2e.tape_bench import (
    BTC,
    HISTORY,
    LEFT_TO_COLLECT,
    SharedResults,
    WarmProgram,
    Workshop,
    launched,
    live_settings,
    run_cold,
    seed_archive,
    signed_get,
    simulator_script,
    tape_text,
)
from tests.e2e.tape_checks import (
    check_books,
    check_contract,
    check_data_gates,
    check_orders_of,
    check_rows_of,
    check_screen,
    check_wire,
    ends_by,
)
from tests.postgres import rows
from tests.shared_data import shared

TAPE = "candles/KRW-BTC_60m_2020-2023.csv.gz"
CANDLES = "/v1/candles/minutes/60"
# At its start a process asks every endpoint once whether it still answers in the shape that is read.
CONTRACT_PAGES = 1
PAGE = 200


@pytest.fixture(scope="session")
def workshop(request: pytest.FixtureRequest) -> Iterator[Workshop]:
    text = tape_text(shared(TAPE))
    program = WarmProgram()
    yield Workshop(text=text, program=program, server=request.getfixturevalue("migrated_server"))
    program.close()


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> SharedResults:
    """Give the results that the processes of this session share: under xdist each has its own folder inside a common one."""
    own = tmp_path_factory.getbasetemp()
    return SharedResults((own.parent if own.name.startswith("popen-") else own) / "real_tape")


@pytest.mark.parametrize("instant", INSTANTS, ids=lambda instant: instant.name)
def test_a_cycle_ends_well_and_four_books_agree(
    instant: Instant, workshop: Workshop, results: SharedResults, tmp_path: Path
) -> None:
    warned, screened = endings(instant, workshop, results, tmp_path)

    assert instant.ends == warned
    assert screened in {warned, "screen"}


@pytest.mark.timeout(600)
def test_breakouts_are_bought_where_the_screen_only_warns(workshop: Workshop, results: SharedResults, tmp_path: Path) -> None:
    ended = [endings(instant, workshop, results, tmp_path / instant.name) for instant in INSTANTS]

    warned = sum(ends == TRADED for ends, _ in ended)
    screened = sum(ends == TRADED for _, ends in ended)
    print(f"{len(INSTANTS)} instants: {warned} traded with SCREEN_MODE=warn, {screened} with the default")
    assert len(INSTANTS) >= 40
    assert warned >= 10
    assert screened <= warned


@pytest.mark.parametrize("at", ["2022-02-28T20:00:05", "2023-04-10T00:00:05"])
def test_the_next_hour_goes_on_where_the_last_one_ended(at: str, workshop: Workshop, tmp_path: Path) -> None:
    with workshop.bench(tmp_path / "run", instant_of(at), screen="warn") as bench:
        first = bench.run().report
        sent = len(bench.wire_log.entries)
        bench.move_to(instant_of(at) + timedelta(hours=1))
        ended = bench.run()
        second = ended.report
        check_contract(ended)
        check_data_gates(second, workshop.text)
        check_books(second, bench)

        asked = [(entry.method, entry.path) for entry in bench.wire_log.entries[sent:]]
        kinds = [record["kind"] for record in bench.journal]

    assert (first["outcome"], second["outcome"]) == ("traded", "held")
    assert first["state"]["positions"][0]["quantity"] == second["state"]["positions"][0]["quantity"]
    assert first["orders"][0]["executed_quantity"] == second["state"]["positions"][0]["quantity"]
    assert ["risk.flat"] == [gate["name"] for gate in second["gates"] if gate["name"] == "risk.flat" and not gate["passed"]]
    assert ("POST", "/v1/orders") not in asked
    # The guard looks at the price before the cycle collects anything.
    assert asked.index(("GET", "/v1/ticker")) < asked.index(("GET", CANDLES))
    assert 2 == kinds.count("started") == kinds.count("cycle_completed")
    assert 1 == kinds.count("account_opened") == kinds.count("intent_planned")


def test_the_same_hour_again_repeats_the_report_and_sends_nothing(workshop: Workshop, tmp_path: Path) -> None:
    at = instant_of("2023-06-29T08:00:05")
    with workshop.bench(tmp_path / "run", at, screen="warn") as bench:
        first = bench.run().report
        journal, sent = len(bench.journal), len(bench.wire_log.entries)
        bench.move_to(at + timedelta(minutes=40))
        again = bench.run()
        check_contract(again)
        check_orders_of(again.report, bench)
        check_rows_of(again.report, bench)
        added = [record["kind"] for record in bench.journal[journal:]]
        asked = [(entry.method, entry.path) for entry in bench.wire_log.entries[sent:]]

    assert {**first, "repeated": True} == again.report
    assert ["started"] == added
    assert ("POST", "/v1/orders") not in asked
    assert CONTRACT_PAGES == asked.count(("GET", CANDLES))


def test_what_fell_through_its_stop_is_sold_at_the_next_start(workshop: Workshop, tmp_path: Path) -> None:
    with workshop.bench(tmp_path / "run", instant_of("2022-11-04T12:00:05"), screen="warn") as bench:
        bench.run()
        # Nobody watched for four days, and FTX fell.
        bench.move_to(instant_of("2022-11-08T20:00:05"))
        ended = bench.run()
        check_contract(ended)
        check_books(ended.report, bench)
        orders = bench.wire_log.matching("POST", "/v1/orders")
        planned = [record["body"] for record in bench.journal if record["kind"] == "intent_planned"]

    assert [("buy", "entry"), ("sell", "exit")] == [(one["side"], one["role"]) for one in planned]
    assert [one["identifier"] for one in planned] == [entry.identifier for entry in orders]
    assert "stop_loss" == planned[1]["reason"]
    assert [] == ended.report["state"]["positions"]


def test_the_scripts_trade_with_each_other(workshop: Workshop, tmp_path: Path) -> None:
    at = instant_of("2023-04-10T00:00:05")
    wire_log, candles = tmp_path / "wire.jsonl", tmp_path / "candles"
    seed_archive(candles, workshop.text, at.replace(second=0) - HISTORY, at.replace(second=0) - LEFT_TO_COLLECT)
    with workshop.database() as database, simulator_script(workshop.text.path, at, wire_log) as base_url:
        settings = live_settings(base_url=base_url, folder=tmp_path, candles=candles, database=database)
        ended = launched(run_cold, {**settings, "SCREEN_MODE": "warn"}, tmp_path)
        check_contract(ended)
        accounts = {account["currency"]: account["balance"] for account in signed_get(base_url, "/v1/accounts")}
        [told] = ended.report["orders"]
        order = signed_get(base_url, "/v1/order", identifier=told["identifier"])

    sent = [entry for entry in map(json.loads, wire_log.read_text().splitlines()) if entry["path"] == "/v1/orders"]
    assert [("POST", 201, told["identifier"])] == [(entry["method"], entry["status"], entry["identifier"]) for entry in sent]
    assert (told["executed_quantity"], told["fee"]) == (order["executed_volume"], order["paid_fee"])
    assert (ended.report["state"]["free_krw"], told["executed_quantity"]) == (accounts["KRW"], accounts["BTC"])


def test_two_years_are_collected_in_full_pages_and_kept_as_they_were_sent(workshop: Workshop, tmp_path: Path) -> None:
    at = instant_of("2023-05-17T10:00:05")
    hour = at.replace(second=0)
    window = (hour - HISTORY, hour)
    with workshop.bench(tmp_path / "run", at, is_seeded=False) as bench:
        ended = bench.run()
        check_contract(ended)
        check_data_gates(ended.report, workshop.text)
        check_books(ended.report, bench)
        pages = len(bench.wire_log.matching("GET", CANDLES))
        kept = (bench.candles / "hourly" / f"{BTC}_60m.csv").read_text(encoding="ascii").splitlines()
        empty = json.loads((bench.candles / "hourly" / f"{BTC}_60m.empty.json").read_text(encoding="ascii"))["ranges"]
        stored = rows(bench.database, "SELECT timestamp, open, high, low, close, volume FROM candles ORDER BY timestamp")

        bench.move_to(at + timedelta(hours=1))
        check_contract(bench.run())
        pages_later = len(bench.wire_log.matching("GET", CANDLES)) - pages

    tape = workshop.text.between(*window)
    assert -(-(HISTORY // timedelta(hours=1)) // PAGE) == pages - CONTRACT_PAGES
    assert list(tape) == kept[1:]
    assert workshop.text.empty_ranges(*window) == [tuple(map(datetime.fromisoformat, span)) for span in empty]
    assert [parsed(line) for line in tape] == stored
    assert 1 == pages_later - CONTRACT_PAGES


def parsed(line: str) -> tuple[datetime | Decimal, ...]:
    opened_at, *figures = line.split(",")
    return datetime.fromisoformat(opened_at), *map(Decimal, figures)


def instant_of(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def endings(instant: Instant, workshop: Workshop, results: SharedResults, folder: Path) -> tuple[str, ...]:
    """Give how the cycle at an instant ends with a screen that warns, and with the default; all checks are made on the way.

    The second is "screen" where the screen alone made the difference.
    """
    return results.get(instant.name, lambda: checked_endings(instant, workshop, folder))


def checked_endings(instant: Instant, workshop: Workshop, folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    ended = []
    for screen in ("warn", "block"):
        is_cold = instant.is_cold and screen == "warn"
        with workshop.bench(folder / screen, instant.at, screen=screen, is_cold=is_cold) as bench:
            outcome = bench.run()
            check_contract(outcome)
            check_data_gates(outcome.report, workshop.text)
            check_screen(outcome.report, bench, screen)
            check_wire(outcome.report, bench)
            check_books(outcome.report, bench)
        ended.append(ends_by(outcome.report))
    shutil.rmtree(folder / "candles")
    return ended
