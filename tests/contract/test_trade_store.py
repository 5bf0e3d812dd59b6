"""What every trade store promises, on each PostgreSQL that is at hand: the packaged one, and the oldest that is supported."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.adapters.postgres import PostgresStore, TradeRow
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import AlarmRaised, Answer, CycleCompleted, Event, Record, SafeModeEntered, SafeModeLeft, Started
from dg_bot.domain.order import Side
from dg_bot.errors import StoreError
from tests.journal_records import BTC, BUY_ID, NOON, answered, closed, fill, planned_buy, record, report
from tests.postgres import copy_of_template, make_template, rows

_DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
_TABLES = ("trades", "orders", "fills", "cycles", "ai_decisions", "portfolio_snapshots", "system_logs", "bot_config")


@pytest.fixture(scope="module")
def debian_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not _DEBIAN_15.exists():
        pytest.skip(f"PostgreSQL 15 is not installed: {_DEBIAN_15}")
    folder = tmp_path_factory.mktemp("postgres15")
    server = EmbeddedPostgres(data_dir=folder / "data", password_file=folder / "password", binaries=_DEBIAN_15)
    dsn = server.start()
    make_template(dsn)
    yield dsn
    server.stop()


@pytest.fixture(params=["packaged", "debian 15"])
def dsn(request: pytest.FixtureRequest) -> str:
    if request.param == "packaged":
        return str(request.getfixturevalue("database"))
    return copy_of_template(request.getfixturevalue("debian_server"))


@pytest.fixture
def store(dsn: str) -> Iterator[PostgresStore]:
    store = PostgresStore(dsn)
    yield store
    store.close()


def _one_bought_cycle() -> list[Record]:
    events: tuple[Event, ...] = (
        Started(mode=Mode.DEMO, version="0.1.0", settings={"MARKETS": "KRW-BTC"}),
        planned_buy(),
        answered(Answer.ACCEPTED),
        closed(fills=(fill("t1", "20", price="1000"), fill("t2", "29.5", price="1001")), fee="24.76475"),
        SafeModeEntered(reason="daily loss"),
        SafeModeLeft(by="operator"),
        AlarmRaised(kind="clock", text="the clock is off"),
        CycleCompleted(report=report()),
    )
    return [record(sequence, event) for sequence, event in enumerate(events, start=1)]


def _all_rows(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    return {table: rows(dsn, f"SELECT to_jsonb(t) - 'id' FROM {table} t ORDER BY 1") for table in _TABLES}  # noqa: S608


def test_projecting_the_same_records_again_changes_no_row(store: PostgresStore, dsn: str) -> None:
    store.project(_one_bought_cycle())
    once = _all_rows(dsn)

    store.project(_one_bought_cycle())

    assert once == _all_rows(dsn)
    assert [] == [table for table, found in once.items() if not found]
    assert [] == rows(dsn, "SELECT * FROM rejected_records")


def test_projecting_one_by_one_gives_the_rows_of_projecting_all_at_once(store: PostgresStore, dsn: str) -> None:
    for one in _one_bought_cycle():
        store.project([one])
        store.project([one])

    assert [("filled", Decimal("49.5"))] == rows(dsn, "SELECT status, filled_amount FROM orders")
    assert [] == rows(dsn, "SELECT * FROM rejected_records")


def test_no_records_need_no_database() -> None:
    store = PostgresStore("postgresql://nobody@127.0.0.1:1/none")

    store.project([])

    with pytest.raises(StoreError):
        store.latest_trades(1)


def test_a_trade_is_read_back_as_it_was_closed(store: PostgresStore) -> None:
    store.project(_one_bought_cycle())

    expected = TradeRow(
        identifier=BUY_ID,
        market=BTC,
        side=Side.BUY,
        price_krw=Decimal("49529.5") / Decimal("49.5"),
        quantity=Decimal("49.5"),
        total_krw=Decimal("49529.5"),
        fee_krw=Decimal("24.76475"),
        status="completed",
        created_at=_one_bought_cycle()[3].at,
    )
    assert [expected] == store.latest_trades(5)
    assert NOON.tzinfo == expected.created_at.tzinfo


def test_a_store_that_cannot_be_reached_raises_a_store_error_without_its_password() -> None:
    store = PostgresStore("postgresql://dg_bot:hunter2@127.0.0.1:1/none")

    with pytest.raises(StoreError, match="project") as caught:
        store.project([record(1, planned_buy())])

    assert "hunter2" not in str(caught.value)
