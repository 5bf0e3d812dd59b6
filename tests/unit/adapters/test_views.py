"""The views that dashboards read, each by an example."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from dg_bot.adapters.postgres import PostgresStore
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle
from dg_bot.domain.cycle_report import Mode, Outcome
from dg_bot.domain.decision import Action, Decision, Vote
from dg_bot.domain.events import (
    AlarmRaised,
    CycleCompleted,
    Event,
    ModelAnswered,
    PositionAdopted,
    Record,
    SafeModeEntered,
    SafeModeLeft,
    Started,
    TransferDeclared,
)
from dg_bot.domain.gate import Gate
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, Purpose
from tests.builders import protection
from tests.journal_records import BTC, BUY_ID, NOON, SELL_ID, closed, fill, planned_buy, planned_sell, report, state
from tests.postgres import copy_of_template, rows, run_sql

_EMPTY = """
    TRUNCATE trades, orders, fills, cycles, ai_decisions, portfolio_snapshots, system_logs, bot_config, candles,
        llm_questions, opinions
"""


class Rows:
    """The rows of a bot whose records a test writes."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.store = PostgresStore(dsn)
        self._sequence = 0

    def happen(self, *events: Event, at: datetime = NOON) -> None:
        records = []
        for event in events:
            self._sequence += 1
            records.append(Record(sequence=self._sequence, at=at, event=event))
        assert [] == self.store.project(records)

    def worth(self, equity: str, at: datetime) -> None:
        """Let a cycle end with that equity."""
        hour = HOUR.floor(at)
        one = report(f"{BTC}/{hour:%Y-%m-%dT%H}", account=state(equity=equity))
        self.happen(CycleCompleted(report=replace(one, opened_at=hour, completed_at=at)), at=at)

    def traded_at(self, *closes: str, until: datetime = NOON) -> None:
        """Let the hours before `until` close at these prices."""
        first = until - len(closes) * HOUR.length
        candles = [_candle(first + place * HOUR.length, Decimal(close)) for place, close in enumerate(closes)]
        self.store.add_candles(BTC, HOUR, candles)

    def of(self, query: str) -> list[tuple[object, ...]]:
        return rows(self.dsn, query)


@pytest.fixture(scope="module")
def shared_database(migrated_server: str) -> str:
    """Give one database for all tests here: emptying it is cheaper than a new one."""
    return copy_of_template(migrated_server)


@pytest.fixture
def book(shared_database: str) -> Iterator[Rows]:
    run_sql(shared_database, _EMPTY)
    kept = Rows(shared_database)
    yield kept
    kept.store.close()


def _candle(opened_at: datetime, price: Decimal) -> Candle:
    return Candle(opened_at=opened_at, open=price, high=price, low=price, close=price, volume=Decimal(1))


# Value and returns


def test_a_deposit_is_no_gain_and_a_withdrawal_no_loss(book: Rows) -> None:
    book.worth("1000000", NOON)
    book.happen(TransferDeclared(currency="KRW", amount=Decimal(500_000), note="savings"), at=NOON + timedelta(minutes=30))
    book.worth("1500000", NOON + timedelta(hours=1))
    book.worth("1650000", NOON + timedelta(hours=2))
    book.happen(TransferDeclared(currency="KRW", amount=Decimal(-1_000_000), note="house"), at=NOON + timedelta(hours=3))
    book.worth("650000", NOON + timedelta(hours=4))

    found = book.of("SELECT value_krw, paid_in_krw, return_fraction, drawdown_fraction FROM portfolio_history ORDER BY at")

    grown = Decimal("0.1")
    assert [(1_000_000, 1_000_000, 0, 0), (1_500_000, 1_500_000, 0, 0), (1_650_000, 1_500_000, grown, 0)] == found[:3]
    assert [(650_000, 500_000, grown, 0)] == found[3:]


def test_adopted_coins_are_no_gain(book: Rows) -> None:
    book.worth("1000000", NOON)
    adopted = PositionAdopted(
        market=BTC, quantity=Decimal(2), cost_krw=Decimal(90_000), mark_krw=Decimal(100_000), protection=protection()
    )
    book.happen(adopted, at=NOON + timedelta(minutes=1))
    book.worth("1200000", NOON + timedelta(hours=1))

    assert [(0,), (0,)] == book.of("SELECT return_fraction FROM portfolio_history ORDER BY at")
    assert [(200_000, None)] == book.of("SELECT amount_krw, note FROM transfers")


def test_drawdown_is_the_fall_from_the_best_return_so_far(book: Rows) -> None:
    for hour, equity in enumerate(("1000", "1250", "1000", "1500")):
        book.worth(equity, NOON + timedelta(hours=hour))

    falls = book.of("SELECT drawdown_fraction FROM portfolio_history ORDER BY at")

    assert [(0,), (0,), (Decimal("-0.2"),), (0,)] == falls


def test_an_account_that_only_fell_is_below_where_it_began(book: Rows) -> None:
    book.worth("1000", NOON)
    book.worth("900", NOON + timedelta(hours=1))

    assert [(Decimal("-0.1"),)] == book.of("SELECT min(drawdown_fraction) FROM portfolio_history")


def test_of_an_hour_the_last_value_counts(book: Rows) -> None:
    book.worth("1000", NOON)
    eth = replace(report("KRW-ETH/2026-11-20T12", account=state(equity="1100")), market=BTC)
    book.happen(CycleCompleted(report=eth), at=NOON + timedelta(seconds=5))

    assert [(1100,)] == book.of("SELECT value_krw FROM portfolio_history")


def test_holding_is_measured_by_the_candles_that_had_closed(book: Rows) -> None:
    book.traded_at("100", "100", "110", until=NOON + timedelta(hours=1))
    book.worth("1000", NOON)
    book.worth("1000", NOON + timedelta(hours=1))

    assert [(0,), (Decimal("0.1"),)] == book.of("SELECT hold_return_fraction FROM portfolio_history ORDER BY at")


def test_without_candles_nothing_is_said_of_holding(book: Rows) -> None:
    book.worth("1000", NOON)

    assert [(None,)] == book.of("SELECT hold_return_fraction FROM portfolio_history")


def test_days_and_months_begin_at_midnight_in_seoul(book: Rows) -> None:
    book.worth("1000", datetime(2026, 10, 31, 14, 0, 5, tzinfo=UTC))
    book.worth("1100", datetime(2026, 10, 31, 15, 0, 5, tzinfo=UTC))
    book.worth("1320", datetime(2026, 11, 1, 14, 0, 5, tzinfo=UTC))

    days = book.of("SELECT day AT TIME ZONE 'Asia/Seoul', return_fraction FROM daily_returns ORDER BY day")
    months = book.of("SELECT month AT TIME ZONE 'Asia/Seoul', return_fraction FROM monthly_returns ORDER BY month")

    assert [(datetime(2026, 10, 31), 0), (datetime(2026, 11, 1), Decimal("0.32"))] == days  # noqa: DTZ001
    assert [(datetime(2026, 10, 1), 0), (datetime(2026, 11, 1), Decimal("0.32"))] == months  # noqa: DTZ001


# Orders and trades


def test_slippage_is_positive_where_the_price_was_worse_for_us(book: Rows) -> None:
    book.happen(planned_buy(price="1000"), closed(BUY_ID, fills=(fill("one", "50", price="1001"),), fee="25"))
    book.happen(planned_sell(price="1000"), closed(SELL_ID, fills=(fill("two", "0.5", price="999"),), fee="0.25"))

    columns = "side, expected_krw, price_krw, slippage_bps, slippage_krw, fills"
    found = book.of(f"SELECT {columns} FROM execution_quality ORDER BY side")  # noqa: S608 - columns of this test

    assert [("buy", 1000, 1001, 10, 50, 1), ("sell", 1000, 999, 10, Decimal("0.5"), 1)] == found


def test_an_order_without_a_trade_has_no_price(book: Rows) -> None:
    book.happen(planned_buy(), closed(BUY_ID))

    assert [("cancelled", None, None, 0)] == book.of("SELECT status, price_krw, slippage_bps, fills FROM execution_quality")


def test_a_round_trip_is_counted_after_fees(book: Rows) -> None:
    book.happen(planned_buy(), closed(BUY_ID, fills=(fill("one", "10", price="1000"),), fee="5"))
    book.happen(
        planned_sell(quantity="10"), closed(SELL_ID, fills=(fill("two", "10", price="1100"),), fee="5"), at=NOON + HOUR.length
    )

    found = book.of("SELECT symbol, paid_krw, pnl_krw, exit_krw, exit_reason, exited_at, is_closed FROM round_trips")

    assert [("KRW-BTC", 10_005, 990, 1100, "stop_loss", NOON + HOUR.length, True)] == found


def test_what_is_still_held_has_no_result(book: Rows) -> None:
    book.happen(planned_buy(), closed(BUY_ID, fills=(fill("one", "10", price="1000"),), fee="5"))

    assert [(10_005, None, None, False)] == book.of("SELECT paid_krw, pnl_krw, exited_at, is_closed FROM round_trips")


def test_coins_that_were_adopted_and_sold_are_a_round_trip_from_their_cost(book: Rows) -> None:
    adopted = PositionAdopted(
        market=BTC, quantity=Decimal(10), cost_krw=Decimal(900), mark_krw=Decimal(1000), protection=protection()
    )
    book.happen(adopted)
    book.happen(planned_sell(quantity="10"), closed(SELL_ID, fills=(fill("two", "10", price="1000"),)), at=NOON + HOUR.length)

    assert [(900, 1000, True)] == book.of("SELECT entry_krw, pnl_krw, is_closed FROM round_trips")


# Risk


def test_safe_mode_lasts_from_its_record_to_its_end(book: Rows) -> None:
    book.happen(SafeModeEntered(reason="daily loss"))
    book.happen(SafeModeLeft(by="operator"), at=NOON + HOUR.length)
    book.happen(SafeModeEntered(reason="state"), at=NOON + 2 * HOUR.length)

    found = book.of("SELECT reason, left_at, left_by FROM safe_mode_periods ORDER BY entered_at")

    assert [("daily loss", NOON + HOUR.length, "operator"), ("state", None, None)] == found


def test_positions_are_shown_with_their_protection(book: Rows) -> None:
    book.worth("1000", NOON)

    columns = "symbol, value_krw, exposure_fraction, profit_fraction, stop_krw, target_krw"
    assert [("KRW-BTC", 550, Decimal("0.55"), Decimal("0.1"), 950, 1100)] == book.of(
        f"SELECT {columns} FROM position_history"  # noqa: S608 - columns of this test
    )
    assert [(Decimal("0.01"), Decimal("-0.02"), Decimal("0.55"), 1, False)] == book.of(
        "SELECT daily_pnl_fraction, weekly_pnl_fraction, exposure_fraction, positions, is_safe_mode FROM risk_history"
    )


def test_limits_are_those_of_the_last_start(book: Rows) -> None:
    settings = {"RISK_DAILY_LOSS_FRACTION": "0.10", "RISK_MAX_POSITIONS": "7", "LLM_DAILY_KRW": "2000"}
    book.happen(Started(mode=Mode.PAPER, version="1", settings=settings))

    found = book.of("SELECT daily_loss_fraction, weekly_loss_fraction, positions, llm_daily_krw FROM risk_limits")

    assert [(Decimal("-0.10"), None, 7, 2000)] == found


# Decisions


def test_the_stopping_gate_is_the_one_that_the_reason_names(book: Rows) -> None:
    gates = (Gate("risk.flat", False, True, passed=False), Gate("validator.adx", 17.2, 20, passed=False))
    stopped = replace(report(outcome=Outcome.HELD), gates=gates, reason="validator.adx: 17.2, limit 20")
    book.happen(CycleCompleted(report=stopped))

    assert [("validator.adx", "17.2", "20")] == book.of("SELECT stopping_gate, found, demanded FROM cycle_outcomes")
    assert [(1, "risk.flat", False), (2, "validator.adx", False)] == book.of(
        "SELECT place, gate, is_passed FROM gate_outcomes ORDER BY place"
    )


def test_a_cycle_that_no_gate_stopped_names_none(book: Rows) -> None:
    book.happen(CycleCompleted(report=report()))

    assert [("traded", None)] == book.of("SELECT outcome, stopping_gate FROM cycle_outcomes")


@pytest.mark.parametrize(
    ("action", "later", "earned", "is_right"),
    [
        (Action.BUY, "1100", Decimal("0.0986"), True),
        (Action.BUY, "1001", Decimal("-0.0004"), False),
        (Action.SELL, "900", Decimal("0.1"), True),
        (Action.SELL, "1100", Decimal("-0.1"), False),
        (Action.HOLD, "1100", None, None),
    ],
)
def test_an_opinion_is_held_against_the_day_after_it(
    book: Rows, action: Action, later: str, earned: Decimal | None, is_right: bool | None
) -> None:
    wanted = Decision(action=action, confidence=0.8, source="ensemble", reason="")
    votes = (Vote(model="llm", action=action, confidence=0.9, weight=0.5),)
    book.happen(CycleCompleted(report=replace(report(), proposed=wanted, votes=votes, mark_krw=Decimal(1000))))
    book.traded_at(later, later, until=NOON + timedelta(hours=24))

    found = book.of("SELECT model, confidence, earned_fraction, is_right FROM model_opinions ORDER BY model")

    assert [("ensemble", Decimal("0.8"), earned, is_right), ("llm", Decimal("0.9"), earned, is_right)] == found


def test_an_opinion_of_less_than_a_day_ago_has_no_score(book: Rows) -> None:
    wanted = Decision(action=Action.BUY, confidence=0.8, source="rules", reason="")
    book.happen(CycleCompleted(report=replace(report(), proposed=wanted)))
    book.traded_at("1000")

    assert [("rules", None, None)] == book.of("SELECT model, earned_fraction, is_right FROM model_opinions")


def test_each_question_is_kept_once_with_what_it_cost(book: Rows) -> None:
    answer = ModelAnswer(kind=AnswerKind.PROSE, cost_krw=Decimal("1.25"))
    asked = ModelAnswered(
        asked=1, purpose=Purpose.DECISION, model="m", answer=answer, tokens=900, released_tokens=0, released_krw=Decimal(0)
    )
    book.happen(asked)
    book.store.project([Record(sequence=1, at=NOON, event=asked)])

    expected = [("decision", "m", "prose", False, 900, Decimal("1.25"))]
    assert expected == book.of("SELECT purpose, model, answer_kind, is_usable, tokens, cost_krw FROM llm_spending")


# Health


def test_what_needs_attention_leaves_out_what_only_informs(book: Rows) -> None:
    book.happen(AlarmRaised(kind="torn_journal", text="set aside"), SafeModeEntered(reason="x"), SafeModeLeft(by="operator"))

    found = book.of("SELECT level, kind, message FROM attention ORDER BY level")

    assert [("critical", None, "safe mode entered: x"), ("error", "torn_journal", "set aside")] == found


def test_freshness_is_one_row_even_in_an_empty_database(book: Rows) -> None:
    assert [(None, None, 0, 0)] == book.of("SELECT last_cycle_at, last_candle_at, open_orders, rejected_records FROM freshness")


# Documents and rights


def test_every_view_and_each_of_its_columns_says_what_it_is(shared_database: str) -> None:
    query = """
        SELECT c.relname, a.attname FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relkind = 'v' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'decision_scores'
            AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)
    """
    assert [] == rows(shared_database, query)


def test_the_reader_reads_every_view_and_changes_nothing(shared_database: str) -> None:
    views = [name for (name,) in rows(shared_database, "SELECT viewname FROM pg_views WHERE schemaname = 'public'")]
    with psycopg.connect(shared_database, autocommit=True) as connection:
        connection.execute("SET ROLE dg_bot_reader")
        for name in views:
            connection.execute(f"TABLE {name} LIMIT 1".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM trades")
    assert len(views) > 10
