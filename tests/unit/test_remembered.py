"""What is remembered beside risk state and orders: the reports of two days, and what gains are measured against."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import (
    DAEMON,
    PROGRAM,
    AccountOpened,
    CommandTaken,
    CycleCompleted,
    Event,
    ModelAnswered,
    ModelAsked,
    Period,
    PeriodOpened,
    PositionAdopted,
    Record,
    Started,
    TransferDeclared,
)
from dg_bot.domain.gate import Gate
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, Purpose
from dg_bot.domain.market import Market
from dg_bot.domain.portfolio import Balance
from dg_bot.domain.screen import ScreenFailure
from dg_bot.domain.spending import Spending
from dg_bot.remembered import Remembered
from tests.builders import protection
from tests.journal_records import BTC, NOON, report
from tests.unit.operator.reports import SCREEN


def folded(*events: Event) -> Remembered:
    remembered = Remembered()
    for sequence, event in enumerate(events, start=1):
        remembered = remembered.after(Record(sequence=sequence, at=NOON + timedelta(hours=sequence), event=event))
    return remembered


OPENED = AccountOpened(balances=(Balance("KRW", Decimal(100), Decimal(0)), Balance("BTC", Decimal(2), Decimal(0))))
DAY = PeriodOpened(period=Period.DAY, start=NOON, equity_krw=Decimal(100))


def test_nothing_is_remembered_before_the_first_record() -> None:
    assert (0, {}, None) == (Remembered().sequence, Remembered().reports, Remembered().invested_krw)


def test_gains_are_measured_against_the_first_equity_and_what_was_put_in_since() -> None:
    adopted = PositionAdopted(market=BTC, quantity=Decimal(2), cost_krw=Decimal(5), mark_krw=Decimal(7), protection=protection())
    moved = [TransferDeclared(currency=name, amount=Decimal(amount), note="") for name, amount in (("KRW", -30), ("XRP", 9))]

    later = replace(DAY, equity_krw=Decimal(900))

    assert Decimal(84) == folded(OPENED, DAY, *moved, later, adopted).invested_krw


def test_what_is_moved_before_the_first_equity_is_in_it() -> None:
    assert Decimal(100) == folded(OPENED, TransferDeclared(currency="KRW", amount=Decimal(5), note=""), DAY).invested_krw


def test_a_cycle_that_ran_again_has_its_last_report() -> None:
    again = replace(report(), reason="the second time")

    assert {again.cycle_id: again} == folded(CycleCompleted(report=report()), CycleCompleted(report=again)).reports


def test_reports_of_more_than_two_days_ago_are_forgotten_whatever_their_order() -> None:
    """A snapshot gives reports back in the order of their names: all of one market before those of the next."""
    recent = replace(report("KRW-BTC/recent"), opened_at=NOON + timedelta(hours=1))
    old = replace(report("KRW-ETH/old"), opened_at=NOON - timedelta(hours=48))
    kept = replace(Remembered(), reports={one.cycle_id: one for one in (recent, old)})

    now = replace(report("KRW-BTC/now"), opened_at=NOON + timedelta(hours=2))
    after = kept.after(Record(sequence=1, at=NOON + timedelta(hours=2), event=CycleCompleted(report=now)))

    assert {recent.cycle_id, now.cycle_id} == set(after.reports)


def screened(hour: int, *gates: Gate, market: Market = BTC) -> CycleCompleted:
    screen = replace(SCREEN, gates=gates)
    return CycleCompleted(report=replace(report(), market=market, opened_at=NOON + timedelta(hours=hour), screen=screen))


RETURN, SHARPE = Gate("total_return", 0.01, 0.03, passed=False), Gate("sharpe", 0.5, 0.8, passed=False)
PASSED = Gate("sharpe", 1.0, 0.8, passed=True)


def test_a_screen_fails_since_its_first_failure_in_a_row_on_its_newest_figure() -> None:
    failing = folded(screened(0, RETURN), screened(1, PASSED), screened(2, RETURN, SHARPE), screened(30, SHARPE)).failing_screens

    assert {BTC: ScreenFailure(since=NOON + timedelta(hours=2), figure=SHARPE)} == failing


def test_a_screen_that_passes_has_not_failed_and_a_cycle_without_one_tells_nothing() -> None:
    unscreened = CycleCompleted(report=replace(report(), screen=None))

    assert {} == folded(screened(0, SHARPE), screened(1, PASSED)).failing_screens
    assert folded(screened(0, SHARPE)).failing_screens == folded(screened(0, SHARPE), unscreened).failing_screens


def test_each_market_has_its_own_failing_screen() -> None:
    ether = Market("KRW-ETH")

    failing = folded(screened(0, SHARPE), screened(1, RETURN, market=ether), screened(2, PASSED)).failing_screens

    assert {ether: ScreenFailure(since=NOON + timedelta(hours=1), figure=RETURN)} == failing


ASKED = ModelAsked(purpose=Purpose.DECISION, model="m", most_tokens=1000, most_krw=Decimal(10))
ANSWERED = ModelAnswered(
    asked=1,
    purpose=Purpose.DECISION,
    model="m",
    answer=ModelAnswer(kind=AnswerKind.USABLE, model="m"),
    tokens=400,
    released_tokens=600,
    released_krw=Decimal(6),
)


def test_what_models_cost_is_remembered_and_each_challengers_apart() -> None:
    ours: tuple[Event, ...] = (ASKED, ANSWERED)
    theirs: tuple[Event, ...] = (replace(ASKED, is_challenger=True), replace(ANSWERED, is_challenger=True))
    spent = Spending()
    for sequence, event in enumerate(ours, start=1):
        spent = spent.after(Record(sequence=sequence, at=NOON + timedelta(hours=sequence), event=event))

    assert (spent, {}) == (folded(*ours).spending, folded(*ours).challenger_spending)
    assert (Spending(), {"m": spent}) == (folded(*theirs).spending, folded(*theirs).challenger_spending)
    assert spent != Spending()


def test_starts_and_commands_are_remembered() -> None:
    started = Started(mode=Mode.PAPER, version="1", settings={PROGRAM: DAEMON})
    command = CommandTaken(update=7, user=1, text="/pause")

    remembered = folded(started, command)

    assert (NOON + timedelta(hours=1), (command,)) == (remembered.starts.first_at, remembered.commands.unended)
