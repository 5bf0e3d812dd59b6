import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dg_bot.adapters.migrations import HEAD, migrate, schema_version
from dg_bot.adapters.postgres import PostgresStore
from dg_bot.adapters.postgres_json import to_json
from dg_bot.adapters.postgres_queries import queries
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.cycle_report import Mode, Outcome
from dg_bot.domain.events import (
    AccountOpened,
    AlarmRaised,
    Answer,
    Closing,
    CycleCompleted,
    Event,
    HighestPriceRaised,
    IntentClosed,
    IntentSending,
    NewsJudged,
    NewsSeen,
    Period,
    PeriodOpened,
    Record,
    SafeModeEntered,
    SafeModeLeft,
    Started,
    Stopped,
    TransferDeclared,
)
from dg_bot.domain.language_model import AnswerKind
from dg_bot.domain.market import Market
from dg_bot.domain.news import NewsEntry
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import ConfigurationError, StoreError
from tests.journal_records import (
    BTC,
    BUY_ID,
    NOON,
    SELL_ID,
    answered,
    closed,
    fill,
    planned_buy,
    planned_sell,
    record,
    report,
    state,
)
from tests.postgres import rows, run_sql


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    store = PostgresStore(database, lock_timeout_s=0.1)
    yield store
    store.close()


def _project(store: PostgresStore, *events: Event) -> list[Record]:
    records = [record(sequence, event) for sequence, event in enumerate(events, start=1)]
    store.project(records)
    return records


def _candle(hour: int, close: str = "1000") -> Candle:
    price = Decimal(close)
    return Candle(
        opened_at=NOON + timedelta(hours=hour), open=price, high=price, low=price, close=price, volume=Decimal("0.12345678")
    )


# What each event becomes


def test_a_start_writes_each_setting_with_version_and_mode(store: PostgresStore, database: str) -> None:
    _project(store, Started(mode=Mode.PAPER, version="0.1.0", settings={"MARKETS": "KRW-BTC"}))

    expected = [("MARKETS", "KRW-BTC"), ("mode", "paper"), ("version", "0.1.0")]
    assert expected == rows(database, 'SELECT key, value FROM bot_config ORDER BY key COLLATE "C"')


def test_a_start_drops_settings_that_the_last_one_had_and_this_one_has_not(store: PostgresStore, database: str) -> None:
    first = Started(mode=Mode.PAPER, version="0.1.0", settings={"MARKETS": "KRW-BTC", "LOG_LEVEL": "debug"})
    second = Started(mode=Mode.PAPER, version="0.1.0", settings={"MARKETS": "KRW-ETH"})

    _project(store, first, second)
    _project(store, first, second)

    expected = [("MARKETS", "KRW-ETH"), ("mode", "paper"), ("version", "0.1.0")]
    assert expected == rows(database, 'SELECT key, value FROM bot_config ORDER BY key COLLATE "C"')


def test_a_planned_buy_is_an_open_order_whose_amount_is_the_notional(store: PostgresStore, database: str) -> None:
    (one,) = _project(store, planned_buy(notional="50000", price="1000.5"))

    query = (
        "SELECT order_id, symbol, side, order_type, price, amount, filled_amount, status, cycle_id, role, created_at FROM orders"
    )
    expected = (BUY_ID, "KRW-BTC", "buy", "market", Decimal("1000.5"), Decimal(50000), Decimal(0), "open")
    assert [(*expected, "KRW-BTC/2026-11-20T12", "entry", one.at)] == rows(database, query)


def test_a_planned_sell_is_an_open_order_whose_amount_is_the_quantity(store: PostgresStore, database: str) -> None:
    _project(store, planned_sell(quantity="0.12345678"))

    assert [("sell", Decimal("0.12345678"))] == rows(database, "SELECT side, amount FROM orders")


@pytest.mark.parametrize(
    ("answer", "error_name", "status"),
    [(Answer.ACCEPTED, None, "open"), (Answer.UNKNOWN, "timeout", "open"), (Answer.REJECTED, "insufficient_funds_bid", "failed")],
)
def test_an_answer_sets_status_and_error(
    store: PostgresStore, database: str, answer: Answer, error_name: str | None, status: str
) -> None:
    _project(store, planned_buy(), IntentSending(identifier=BUY_ID), answered(answer, error_name=error_name))

    assert [(status, error_name)] == rows(database, "SELECT status, error_message FROM orders")


@pytest.mark.parametrize(
    ("closing", "status"),
    [(Closing.NOT_EXECUTED, "cancelled"), (Closing.REJECTED, "failed"), (Closing.NEVER_ACCEPTED, "failed")],
)
def test_an_order_closed_without_a_fill_makes_no_trade(
    store: PostgresStore, database: str, closing: Closing, status: str
) -> None:
    nothing = Decimal(0)
    ended = IntentClosed(
        identifier=BUY_ID, closing=closing, executed_quantity=nothing, funds_krw=nothing, paid_fee_krw=nothing, fills=()
    )

    _project(store, planned_buy(), ended)

    assert [(status,)] == rows(database, "SELECT status FROM orders")
    assert [] == rows(database, "SELECT * FROM trades")


def test_an_executed_order_books_its_fills_and_one_trade(store: PostgresStore, database: str) -> None:
    fills = (fill("t1", "0.2", price="1000"), fill("t2", "0.3", price="990"))

    _project(store, planned_sell(), closed(SELL_ID, fills=fills, fee="0.2485"))

    assert [("filled", Decimal("0.5"))] == rows(database, "SELECT status, filled_amount FROM orders")
    assert [("t1", SELL_ID, "sell", Decimal("0.2")), ("t2", SELL_ID, "sell", Decimal("0.3"))] == rows(
        database, "SELECT trade_id, order_id, side, quantity FROM fills ORDER BY trade_id"
    )
    expected = (SELL_ID, "sell", Decimal(994), Decimal("0.5"), Decimal(497), Decimal("0.2485"), "completed")
    assert [expected] == rows(database, "SELECT trade_id, side, price, amount, total, fee, status FROM trades")


def test_an_older_answer_does_not_reopen_a_closed_order(store: PostgresStore, database: str) -> None:
    records = _project(store, planned_buy(), answered(Answer.ACCEPTED), closed())

    store.project(records[:2])

    assert [("cancelled", 3)] == rows(database, "SELECT status, journal_sequence FROM orders")


def test_an_answer_that_the_corrected_clock_puts_before_its_plan_is_taken(store: PostgresStore, database: str) -> None:
    store.project([Record(sequence=1, at=NOON, event=planned_buy())])
    store.project([Record(sequence=2, at=NOON - timedelta(milliseconds=20), event=answered(Answer.REJECTED))])

    assert [("failed",)] == rows(database, "SELECT status FROM orders")


def test_alarms_safe_mode_and_transfers_are_log_lines(store: PostgresStore, database: str) -> None:
    _project(
        store,
        AlarmRaised(kind="clock", text="the clock is off"),
        SafeModeEntered(reason="daily_loss"),
        SafeModeLeft(by="timer"),
        TransferDeclared(currency="KRW", amount=Decimal("-1000"), note="rent"),
    )

    expected = [
        ("error", "the clock is off", {"kind": "clock"}),
        ("critical", "safe mode entered: daily_loss", {"reason": "daily_loss"}),
        ("info", "safe mode left by timer", {"by": "timer"}),
        ("info", "transfer declared: -1000 KRW", {"currency": "KRW", "amount": -1000, "note": "rent"}),
    ]
    assert expected == rows(database, "SELECT level, message, context FROM system_logs ORDER BY journal_sequence")


@pytest.mark.parametrize(("count", "level"), [(0, "info"), (1, "warning")])
def test_a_stop_is_a_warning_where_it_leaves_positions(store: PostgresStore, database: str, count: int, level: str) -> None:
    _project(store, Stopped(mode=Mode.DEMO, open_positions=count))

    assert [(level, {"open": count})] == rows(database, "SELECT level, context FROM system_logs")


def test_news_are_a_row_each_with_the_score_and_when_it_became_known(store: PostgresStore, database: str) -> None:
    first, again = NewsEntry(url="u", title="t", published_at=NOON), NewsEntry(url="u", title="another")
    _project(
        store,
        NewsSeen(source="s" * 200, entries=(first, NewsEntry(url="v", title="w"))),
        NewsSeen(source="s", entries=(again,)),
        NewsJudged(kind=AnswerKind.USABLE, scores={"u": -0.1, "never": 1.0}, unscored=()),
        NewsJudged(kind=AnswerKind.REFUSAL, scores={}, unscored=("v",)),
        NewsJudged(kind=AnswerKind.USABLE, scores={"u": 1.0}, unscored=()),
    )

    found = rows(database, "SELECT url, source, title, published_at, fetched_at, score, scored_at FROM news ORDER BY url")

    seen_at, scored_at = (record(sequence, NewsSeen(source="s", entries=())).at for sequence in (1, 3))
    assert [
        ("u", "s" * 100, "t", NOON, seen_at, Decimal("-0.1"), scored_at),
        ("v", "s" * 100, "w", None, seen_at, None, None),
    ] == found


def test_events_that_matter_to_the_state_alone_leave_no_row(store: PostgresStore, database: str) -> None:
    _project(
        store,
        AccountOpened(balances=(Balance("KRW", Decimal(1), Decimal(0)),)),
        PeriodOpened(period=Period.DAY, start=NOON, equity_krw=Decimal(1)),
        HighestPriceRaised(market=BTC, price_krw=Decimal(1)),
    )

    assert [(0,)] == rows(database, "SELECT (SELECT count(*) FROM system_logs) + (SELECT count(*) FROM rejected_records)")


def test_a_cycle_keeps_its_gates_decision_and_exact_numbers(store: PostgresStore, database: str) -> None:
    _project(store, CycleCompleted(report=report()))

    query = "SELECT symbol, mode, outcome, stage, gates, decision, indicators, durations, mark_price, slippage_bps FROM cycles"
    gates = [
        {"name": "loss_breaker", "value": 0.01, "limit": 0.1, "passed": True},
        {"name": "adx", "value": 18.5, "limit": 20, "passed": False},
    ]
    decision = {"action": "buy", "confidence": 0.8, "source": "rules", "reason": "breakout"}
    words = ("KRW-BTC", "demo", "traded", "execution", gates, decision)
    expected = (*words, {"rsi_14": 61.5, "adx_14": None}, {"risk_check": 1.25}, Decimal("1000.10"), 1.5)
    assert [expected] == rows(database, query)


def test_a_decision_carries_its_confidence_in_percent(store: PostgresStore, database: str) -> None:
    _project(store, CycleCompleted(report=report(confidence=0.7)))

    query = "SELECT decision, confidence, source, market_data ->> 'mark_krw' FROM ai_decisions"
    assert [("buy", Decimal("70.00"), "rules", "1000.1")] == rows(database, query)


def test_a_snapshot_values_the_account_in_won_and_dollars(store: PostgresStore, database: str) -> None:
    _project(store, CycleCompleted(report=report(account=state(equity="1000000.123", usdt="1400"))))

    query = "SELECT total_value_krw, total_value_usd, positions FROM portfolio_snapshots"
    held = {"amount": 0.5, "value": 550, "profit_rate": 0.1, "average_cost": 1000, "stop": 950, "target": 1100}
    positions = {"KRW-BTC": held}
    assert [(Decimal("1000000.123"), Decimal("714.29"), positions)] == rows(database, query)


def test_a_snapshot_without_a_dollar_price_has_no_dollar_value(store: PostgresStore, database: str) -> None:
    _project(store, CycleCompleted(report=report(account=state(usdt=None))))

    assert [(None,)] == rows(database, "SELECT total_value_usd FROM portfolio_snapshots")


# Exactness


@pytest.mark.parametrize(
    ("price", "quantity", "fee"),
    [
        ("0.0001", "10000000000000", "500000.0000000001"),
        ("0.00000001", "99999999999999.12345678", "0.0000000001"),
        ("1000000000000", "1.00000001", "500000005.1234567891"),
        ("83530000", "0.00060249", "2.5163822481"),
    ],
)
def test_amounts_reach_the_rows_to_the_last_decimal(
    store: PostgresStore, database: str, price: str, quantity: str, fee: str
) -> None:
    one = fill("t1", quantity, price=price)

    _project(store, planned_buy(notional="1000000000000.12345678", price=price), closed(fills=(one,), fee=fee))

    assert [(one.quantity, one.funds_krw, Decimal(fee))] == rows(database, "SELECT amount, total, fee FROM trades")
    assert [(one.price, one.quantity, one.funds_krw)] == rows(database, "SELECT price, quantity, funds FROM fills")
    assert [(Decimal("1000000000000.12345678"),)] == rows(database, "SELECT amount FROM orders")


# What the tables refuse


_REFUSED: dict[str, tuple[Event, ...]] = {
    "an answer to an order that was never planned": (answered(Answer.ACCEPTED),),
    "a closing of an order that was never planned": (closed(),),
    "the same identifier for a different order": (planned_buy(), planned_buy(notional="60000")),
    "the same venue trade on two orders": (
        planned_buy(),
        closed(fills=(fill("t1", "1", price="1000"),)),
        planned_sell(),
        closed(SELL_ID, fills=(fill("t1", "1", price="1000"),)),
    ),
    "another end of the same cycle": (
        CycleCompleted(report=report()),
        CycleCompleted(report=report(outcome=Outcome.FAILED)),
    ),
    "a slippage that is not a number": (CycleCompleted(report=report(slippage_bps=float("nan"))),),
    "a dollar price of zero": (CycleCompleted(report=report(account=state(usdt="0"))),),
    "a position without cost": (CycleCompleted(report=report(account=state(cost="0"))),),
    "an equity that is not a number": (CycleCompleted(report=report(account=state(equity="NaN"))),),
    "a text with a zero byte": (AlarmRaised(kind="feed", text="bad \0 byte"),),
    "a text that is no Unicode": (AlarmRaised(kind="feed", text="bad \udc80 byte"),),
    "a setting's name that is too long": (Started(mode=Mode.DEMO, version="1", settings={"K" * 101: "v"}),),
}


@pytest.mark.parametrize("events", _REFUSED.values(), ids=_REFUSED.keys())
def test_the_tables_refuse(store: PostgresStore, database: str, events: tuple[Event, ...]) -> None:
    _project(store, *events)

    assert [(len(events), type(events[-1]).__name__)] == rows(database, "SELECT journal_sequence, kind FROM rejected_records")


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "0", "-0.00000001"])
def test_the_tables_themselves_refuse_an_impossible_amount(database: str, amount: str) -> None:
    statement = (
        "INSERT INTO candles (timestamp, timeframe, symbol, open, high, low, close, volume) "  # noqa: S608
        f"VALUES (now(), '60m', 'KRW-BTC', '{amount}', '{amount}', '{amount}', '{amount}', 0)"
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        run_sql(database, statement)


# A database that is away, locked or wrong


def test_a_lock_held_by_somebody_ends_in_a_store_error_and_leaves_nothing_behind(store: PostgresStore, database: str) -> None:
    with psycopg.connect(database) as somebody:
        somebody.execute("LOCK TABLE trades IN ACCESS EXCLUSIVE MODE")
        events = (planned_buy(), closed(fills=(fill("t1", "1", price="1000"),)))
        with pytest.raises(StoreError, match="LockNotAvailable"):
            _project(store, *events)
        assert [] == rows(database, "SELECT * FROM orders")

    _project(store, *events)

    assert [(1,)] == rows(database, "SELECT count(*) FROM trades")


def test_a_statement_that_takes_too_long_ends_in_a_store_error(database: str) -> None:
    store = PostgresStore(database, statement_timeout_s=0.05)
    with psycopg.connect(database) as somebody:
        somebody.execute("LOCK TABLE system_logs IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="QueryCanceled"):
            _project(store, SafeModeLeft(by="timer"))
    store.close()


def test_a_connection_that_was_cut_is_made_anew_within_the_same_call(store: PostgresStore, database: str) -> None:
    _project(store, planned_buy())
    run_sql(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dg_bot'")

    store.project([record(2, closed(fills=(fill("t1", "1", price="1000"),)))])

    assert [BUY_ID] == [trade.identifier for trade in store.latest_trades(5)]


def test_a_missing_table_ends_in_a_store_error(empty_database: str) -> None:
    store = PostgresStore(empty_database)

    with pytest.raises(StoreError, match="UndefinedTable"):
        _project(store, planned_buy())
    store.close()


def test_a_wrong_password_ends_in_a_store_error_that_does_not_tell_it(database: str) -> None:
    password = str(conninfo_to_dict(database)["password"])
    store = PostgresStore(database.replace(password, "wrong-password"))

    with pytest.raises(StoreError, match="password authentication failed") as caught:
        store.latest_trades(1)

    assert "wrong-password" not in str(caught.value)


def test_an_unreadable_connection_string_is_refused_at_once_without_being_quoted() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as caught:
        PostgresStore("postgresql:/dg_bot:hunter2@db")

    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


# Candles


def test_candles_that_are_there_already_stay_as_they_are(store: PostgresStore, database: str) -> None:
    first = store.add_candles(BTC, HOUR, [_candle(0), _candle(1)])
    second = store.add_candles(BTC, HOUR, [_candle(1, close="9"), _candle(2)])

    assert (2, 1) == (first, second)
    query = "SELECT close, volume FROM candles WHERE symbol = 'KRW-BTC' AND timeframe = '60m' ORDER BY timestamp"
    assert [(Decimal(1000), Decimal("0.12345678"))] * 3 == rows(database, query)


def test_one_time_holds_a_candle_of_each_market(store: PostgresStore) -> None:
    assert (1, 1) == (store.add_candles(BTC, HOUR, [_candle(0)]), store.add_candles(Market("KRW-ETH"), HOUR, [_candle(0)]))


def test_a_series_of_floats_is_stored_by_the_digits_it_prints(store: PostgresStore, database: str) -> None:
    series = CandleSeries.from_candles(BTC, HOUR, [_candle(0, close="0.00001234"), _candle(1, close="159000000.1")])

    assert 2 == store.add_candles(BTC, HOUR, series)
    assert [
        (series.first_opened_at, Decimal("0.00001234")),
        (series.last_opened_at, Decimal("159000000.1")),
    ] == rows(database, "SELECT timestamp, close FROM candles ORDER BY timestamp")


def test_no_candles_are_no_rows(store: PostgresStore) -> None:
    assert 0 == store.add_candles(BTC, HOUR, [])


def test_the_latest_trades_come_newest_first_and_no_more_than_asked(store: PostgresStore) -> None:
    bought, sold = closed(fills=(fill("t1", "1", price="1000"),)), closed(SELL_ID, fills=(fill("t2", "1", price="1000"),))
    _project(store, planned_buy(), bought, planned_sell(), sold)

    assert [SELL_ID, BUY_ID] == [trade.identifier for trade in store.latest_trades(2)]
    assert [SELL_ID] == [trade.identifier for trade in store.latest_trades(1)]


# The schema


def test_the_head_named_here_is_alembic_s_own() -> None:
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "dg_bot.adapters:migrations")

    assert HEAD == ScriptDirectory.from_config(config).get_current_head()


def test_migrating_an_empty_database_brings_it_to_the_head_and_again_changes_nothing(empty_database: str) -> None:
    migrate(empty_database)
    migrate(empty_database)

    with psycopg.connect(empty_database) as connection:
        assert HEAD == schema_version(connection)


def test_two_processes_that_migrate_at_once_leave_one_schema(empty_database: str) -> None:
    script = "import sys; from dg_bot.adapters.migrations import migrate; migrate(sys.argv[1])"
    other = subprocess.Popen([sys.executable, "-c", script, empty_database], stderr=subprocess.PIPE, text=True)
    with other:
        migrate(empty_database)
        _, complaint = other.communicate()

    assert (0, "") == (other.returncode, complaint)
    assert [(HEAD,)] == rows(empty_database, "SELECT version_num FROM alembic_version")


def test_a_schema_of_a_newer_program_is_left_alone(database: str) -> None:
    run_sql(database, "UPDATE alembic_version SET version_num = 'm9999_later'")

    with pytest.raises(ConfigurationError, match="m9999_later is newer"):
        migrate(database)


def test_a_database_that_is_away_cannot_be_migrated() -> None:
    with pytest.raises(StoreError, match="migrate"):
        migrate("postgresql://dg_bot@127.0.0.1:1/none")


def test_a_migration_that_meets_a_foreign_table_fails_whole(empty_database: str) -> None:
    run_sql(empty_database, "CREATE TABLE news (id int)")

    with pytest.raises(StoreError, match="DuplicateTable"):
        migrate(empty_database)

    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    assert [("news",)] == rows(empty_database, tables)


def test_a_user_who_may_not_make_roles_can_still_migrate(empty_database: str) -> None:
    parsed = conninfo_to_dict(empty_database)
    run_sql(empty_database, "CREATE ROLE plain_owner LOGIN PASSWORD 'plain'")
    run_sql(empty_database, f"ALTER DATABASE {parsed['dbname']} OWNER TO plain_owner")

    migrate(empty_database.replace(f"dg_bot:{parsed['password']}", "plain_owner:plain"))

    assert [("plain_owner",)] == rows(empty_database, "SELECT tableowner FROM pg_tables WHERE tablename = 'trades'")


def test_the_reader_may_read_tables_of_today_and_of_later(database: str) -> None:
    run_sql(database, "CREATE TABLE later (id int)")
    with psycopg.connect(database) as connection:
        connection.execute("SET SESSION AUTHORIZATION dg_bot_reader")

        assert [] == connection.execute("SELECT * FROM trades, later").fetchall()


def test_the_reader_is_read_only_by_default_bounded_in_time_and_cannot_log_in(database: str) -> None:
    query = "SELECT rolcanlogin, rolconfig FROM pg_roles WHERE rolname = 'dg_bot_reader'"

    assert [(False, ["default_transaction_read_only=on", "statement_timeout=5s"])] == rows(database, query)


# Its parts


def test_json_keeps_decimals_and_hides_floats_that_are_not_numbers() -> None:
    value = {"exact": Decimal("1E+3"), "tiny": Decimal("0.00000000001"), "warm_up": float("nan"), "wrong": Decimal("NaN")}

    assert '{"exact": 1000, "tiny": 0.00000000001, "warm_up": null, "wrong": "NaN"}' == to_json(value)


def test_json_of_something_that_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        to_json(object())


def test_every_named_statement_is_one_statement() -> None:
    assert [] == [name for name, sql in queries().items() if sql.count(";") != 1 or not sql.endswith(";")]


def test_a_failed_cycle_gives_way_to_its_later_end_and_a_replay_changes_nothing(store: PostgresStore, database: str) -> None:
    failed = report(outcome=Outcome.FAILED)
    later = replace(report(), completed_at=failed.completed_at + timedelta(minutes=5))

    for _ in range(2):
        _project(store, CycleCompleted(report=failed), CycleCompleted(report=later))

    assert [(later.outcome.value, later.completed_at)] == rows(database, "SELECT outcome, completed_at FROM cycles")
    assert [(1,)] == rows(database, "SELECT count(*) FROM portfolio_snapshots")
    assert [] == rows(database, "SELECT journal_sequence FROM rejected_records")
