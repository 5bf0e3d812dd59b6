"""`main.py --mode demo`: what a newcomer sees, what is kept of it, and how it refuses."""

import json
import os
import re
import shutil
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.adapters.instance_lock import InstanceLock
from dg_bot.domain.money import plain
from dg_bot.simulator.ledger import LedgerOrder, OrderState
from tests.e2e.demo_bench import DemoBench
from tests.e2e.market_bench import breakout
from tests.e2e.tape_bench import BTC, OPENING_KRW, ROOT, Document, Ended, SharedResults, WarmProgram, run_cold
from tests.postgres import rows

NOBODY = "postgresql://bot:nobody-is-here@127.0.0.1:1/bot"
MARKET = ("--market", str(BTC))


class Newcomer:
    """What was seen and kept of two calls of the demo, an hour apart, in a folder that was empty."""

    def __init__(self, bench: DemoBench, results: tuple[str, ...]) -> None:
        self.bench = bench
        first, second, kept = results[:3], results[3:6], results[6]
        self.first = Ended(exit_code=int(first[0]), out=first[1], log=first[2])
        self.second = Ended(exit_code=int(second[0]), out=second[1], log=second[2])
        self.rows: dict[str, list[list[str]]] = json.loads(kept)

    @property
    def orders(self) -> tuple[LedgerOrder, ...]:
        return self.bench.ledger.orders(None, frozenset(OrderState))

    def bodies(self, kind: str) -> list[Document]:
        return [record["body"] for record in self.bench.journal if record["kind"] == kind]


@pytest.fixture(scope="session")
def newcomer(shared_folder: Path) -> Newcomer:
    bench = DemoBench(folder=shared_folder / "newcomer", launch=run_cold)

    def two_hours() -> list[str]:
        bench.folder.mkdir()
        calls = [bench.run(*MARKET) for _ in range(2)]
        return [text for ended in calls for text in (str(ended.exit_code), ended.out, ended.log)] + [json.dumps(_kept(bench))]

    return Newcomer(bench, SharedResults(shared_folder).get("newcomer.json", two_hours))


def _kept(bench: DemoBench) -> dict[str, list[list[str]]]:
    """Read the rows back from the demo's own database."""
    server = EmbeddedPostgres(data_dir=bench.folder / "data" / "postgres", password_file=bench.state / "postgres_password")
    dsn = server.start()
    queries = {
        "trades": "SELECT trade_id, symbol, side, status, amount, total, fee FROM trades ORDER BY created_at",
        "fills": "SELECT order_id, trade_id, price, quantity, funds FROM fills ORDER BY executed_at, trade_id",
        "orders": "SELECT order_id, side, role, status, filled_amount, venue_id FROM orders ORDER BY created_at",
        "cycles": "SELECT cycle_id, outcome FROM cycles ORDER BY opened_at",
        "rejected": "SELECT * FROM rejected_records",
    }
    found = {name: [texts(*row) for row in rows(dsn, query)] for name, query in queries.items()}
    server.stop()
    return found


def texts(*values: object) -> list[str]:
    """Write values so that equal figures are equal texts."""
    return [plain(value) if isinstance(value, Decimal) else str(value) for value in values]


def test_a_breakout_is_bought_and_sold_at_its_target_an_hour_later(newcomer: Newcomer) -> None:
    buy, sale = newcomer.bodies("intent_planned")

    assert (0, 0) == (newcomer.first.exit_code, newcomer.second.exit_code)
    assert [("entry", "buy"), ("exit", "sell")] == [(order["role"], order["side"]) for order in (buy, sale)]
    assert "take_profit" == sale["reason"]
    assert OPENING_KRW < newcomer.bench.ledger.account("KRW").balance
    assert Decimal(0) == newcomer.bench.ledger.account("BTC").total


def test_both_hours_are_shown_without_colour_on_80_columns(newcomer: Newcomer) -> None:
    shown = newcomer.first.out + newcomer.second.out

    assert "" == newcomer.first.log + newcomer.second.log
    assert "\x1b" not in shown
    assert [] == [line for line in shown.splitlines() if len(line) > 80]
    assert re.search(r"^KRW-BTC +\S+ \S+ KST +demo +TRADED$", newcomer.first.out, re.MULTILINE)
    assert [] == [stage for stage in ("1 Risk", "2 Data", "3 Analysis", "4 Execution") if stage not in newcomer.first.out]
    assert newcomer.first.out.endswith("Nobody watches KRW-BTC until the daemon runs:\npython scheduler_main.py --mode demo\n")
    assert newcomer.second.out.startswith("Guard: KRW-BTC reached its take profit\n")
    assert "Nobody watches" not in newcomer.second.out


def test_the_picture_of_the_readme_shows_what_the_demo_says_now(newcomer: Newcomer) -> None:
    """All but figures, which depend on the second and on the machine; `make picture` draws it anew."""
    picture = (ROOT / "docs" / "pictures" / "demo.svg").read_text(encoding="utf-8")
    lines: dict[int, str] = {}
    for number, text in re.findall(r"<text [^>]*-line-(\d+)\)\">(.*?)</text>", picture):
        lines[int(number)] = lines.get(int(number), "") + unescape(text)
    drawn = "\n".join(line for _, line in sorted(lines.items()))

    [_, first, second] = drawn.replace("\xa0", " ").split("$ python main.py --mode demo --market KRW-BTC\n")
    for half, seen in ((first, newcomer.first), (second, newcomer.second)):
        told = half.partition("\n====")[0]
        assert len(told.splitlines()) >= 15
        assert set() == _words(told) - _words(seen.out)


def _words(text: str) -> set[str]:
    """Give the lines of a text without figures and spaces."""
    return {re.sub(r"[\d,.₩%+\s-]+", "", line) for line in text.splitlines()}


def test_rows_journal_and_venue_agree_to_the_last_decimal(newcomer: Newcomer) -> None:
    orders = newcomer.orders
    amounts = [texts(order.executed_volume, order.executed_funds, order.paid_fee) for order in orders]
    names = [str(order.identifier) for order in orders]
    fills = [
        [name, trade.uuid, *texts(trade.price, trade.volume, trade.funds)]
        for name, order in zip(names, orders, strict=True)
        for trade in order.trades
    ]
    closed = newcomer.bodies("intent_closed")

    assert list(zip(names, amounts, strict=True)) == [
        (body["identifier"], texts(*(Decimal(body[name]) for name in ("executed_quantity", "funds_krw", "paid_fee_krw"))))
        for body in closed
    ]
    assert [
        [names[0], "KRW-BTC", "buy", "completed", *amounts[0]],
        [names[1], "KRW-BTC", "sell", "completed", *amounts[1]],
    ] == newcomer.rows["trades"]
    assert [
        [names[0], "buy", "entry", "filled", amounts[0][0], orders[0].uuid],
        [names[1], "sell", "exit", "filled", amounts[1][0], orders[1].uuid],
    ] == newcomer.rows["orders"]
    assert fills == newcomer.rows["fills"]


def test_every_record_of_the_two_hours_has_its_row(newcomer: Newcomer) -> None:
    hours = [f"KRW-BTC/{breakout():%Y-%m-%dT%H}", f"KRW-BTC/{breakout():%Y-%m-%d}T{breakout().hour + 1}"]

    assert [] == newcomer.rows["rejected"]
    assert [[hours[0], "traded"], [hours[1], "traded"]] == newcomer.rows["cycles"]


@pytest.fixture
def demo(tmp_path: Path, warm_program: WarmProgram) -> DemoBench:
    return DemoBench(folder=tmp_path, launch=warm_program.run)


@pytest.fixture
def traded(demo: DemoBench, shared_folder: Path, seeded_candles: Path) -> DemoBench:
    """Give a demo that has bought, with its database away."""
    kept = shared_folder / "traded"

    def trade() -> list[str]:
        first = DemoBench(folder=kept, launch=demo.launch)
        shutil.copytree(seeded_candles, kept / "data" / "candles")
        ended = first.run(*MARKET, "--json", DATABASE_URL=NOBODY)
        return [str(ended.exit_code), ended.out, ended.log]

    SharedResults(shared_folder).get("traded.json", trade)
    shutil.copytree(kept, demo.folder, dirs_exist_ok=True)
    return demo


def test_json_is_one_object_a_line_and_logs_are_elsewhere(traded: DemoBench) -> None:
    ended = traded.run(*MARKET, "--market", "KRW-NOPE", "--json", DATABASE_URL=NOBODY, LOG_LEVEL="DEBUG")

    reports = [json.loads(line) for line in ended.out.splitlines()]
    events = [json.loads(line)["event"] for line in ended.log.splitlines()]
    assert (0, ["KRW-BTC", "KRW-NOPE"]) == (ended.exit_code, [report["market"] for report in reports])
    assert {"order_closed", "cycle_completed", "projection_behind"} <= set(events)


def test_a_person_is_told_of_a_database_that_is_away(traded: DemoBench) -> None:
    ended = traded.run(*MARKET, DATABASE_URL=NOBODY)

    assert 0 == ended.exit_code
    told = [line for line in ended.log.splitlines() if "projection_behind" not in line]
    assert "projection=database" in ended.log
    # Its rows are missing since the hour before.
    assert ["kind=database_behind"] == [word for line in told for word in line.split() if word.startswith("kind=")]
    assert 1 == len(told)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--market", "BTC"), "MARKETS: "),
        (("--market", ""), "MARKETS: "),
        (("--market", "KRW-BTC", "--market", "KRW-BTC"), "MARKETS: "),
        (("--frobnicate",), "--frobnicate"),
        (("--mode", "real"), "--mode"),
    ],
)
def test_what_cannot_be_meant_is_named_and_ends_with_two(demo: DemoBench, arguments: tuple[str, ...], named: str) -> None:
    ended = demo.run(*arguments)

    assert (2, "", True) == (ended.exit_code, ended.out, named in ended.log)
    assert not (demo.folder / "data").exists()


@pytest.mark.parametrize(
    ("name", "nearest"), [("RISK_DAILY_LOS_FRACTION", "RISK_DAILY_LOSS_FRACTION"), ("SCREEN_MOD", "SCREEN_MODE")]
)
def test_a_misspelt_setting_ends_with_two_and_the_nearest_name(demo: DemoBench, name: str, nearest: str) -> None:
    ended = demo.run(**{name: "1"})

    assert (2, True) == (ended.exit_code, f"did you mean {nearest}?" in ended.log)


def test_a_market_that_the_venue_does_not_list_halts_with_its_name(traded: DemoBench) -> None:
    ended = traded.run("--market", "KRW-NOPE", DATABASE_URL=NOBODY)

    assert (0, True) == (ended.exit_code, "the venue does not list KRW-NOPE" in ended.out)


def test_a_folder_that_another_process_holds_is_refused(traded: DemoBench) -> None:
    before = traded.journal
    with InstanceLock(traded.state):
        ended = traded.run(*MARKET)

    assert (3, "", before) == (ended.exit_code, ended.out, traded.journal)
    assert f"is in use by process {os.getpid()}" in ended.log


def test_an_altered_journal_is_refused_and_left_as_it_is(traded: DemoBench) -> None:
    path = traded.state / "journal.jsonl"
    altered = path.read_bytes().replace(b'"executed_quantity":"0.0', b'"executed_quantity":"9.0')
    path.write_bytes(altered)

    ended = traded.run(*MARKET)

    assert (3, "", altered) == (ended.exit_code, ended.out, path.read_bytes())
    assert "journal.jsonl: record " in ended.log


def test_a_folder_of_another_mode_is_refused(traded: DemoBench) -> None:
    ended = traded.run("--mode", "paper")

    assert (3, True) == (ended.exit_code, "belongs to mode demo and this is mode paper" in ended.log)


def test_a_journal_that_is_lost_beside_its_state_file_is_refused(traded: DemoBench) -> None:
    (traded.state / "journal.jsonl").unlink()

    ended = traded.run(*MARKET)

    assert (3, "") == (ended.exit_code, ended.out)
    assert "the journal was lost or cut" in ended.log


def test_a_refused_start_is_refused_again(traded: DemoBench) -> None:
    """What a refusal leaves behind must not make the next start forget."""
    (traded.state / "journal.jsonl").unlink()

    codes = [traded.run(*MARKET).exit_code for _ in range(2)]

    assert [3, 3] == codes
