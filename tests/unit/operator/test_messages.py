import re
import string
from dataclasses import replace
from decimal import Decimal

import pytest

from dg_bot.domain.cycle_report import Mode, Outcome, PositionSummary, Stage
from dg_bot.domain.decision import Action, Decision
from dg_bot.domain.events import AlarmRaised, Answer, Closing, PositionAdopted, SafeModeEntered, SafeModeLeft, Started
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.order import Side
from dg_bot.domain.portfolio import ProtectionPlan
from dg_bot.operator import messages, messages_en, messages_ko
from dg_bot.operator.phrasebook import Language, Phrasebook, cut, joined, safe
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.loss_breaker import TripReason
from tests.telegram_server import refusal_of
from tests.unit.operator.reports import (
    HELD,
    OPENED_AT,
    PLANNED_BUY,
    PLANNED_STOP,
    POSITION,
    REPORTS,
    RISK_HALT,
    SCREEN,
    STATE,
    TRADED,
    closed,
    cycle_messages,
)

HOSTILE = "<b>&\"'</b>\n<script>alert(1)</script>\u202e\x00 {market} %s"
BOOKS = {language: Phrasebook(language) for language in Language}
ADOPTED = PositionAdopted(
    market=Market("KRW-BTC"),
    quantity=Decimal("0.5"),
    cost_krw=Decimal(90_000_000),
    mark_krw=Decimal(91_000_000),
    protection=ProtectionPlan(stop_fraction=Decimal("0.05"), target_fraction=Decimal("0.1")),
)
KO, EN = BOOKS[Language.KOREAN], BOOKS[Language.ENGLISH]


def event_messages(book: Phrasebook, text: str = "text") -> dict[str, str]:
    at = OPENED_AT
    return {
        "bought": messages.order_closed(replace(PLANNED_BUY, reason=text), closed(PLANNED_BUY), at, book),
        "sold": messages.order_closed(PLANNED_STOP, closed(PLANNED_STOP), at, book),
        "not sold": messages.order_closed(PLANNED_STOP, closed(PLANNED_STOP, "0", Closing.REJECTED), at, book),
        "exit": messages.exit_triggered(replace(PLANNED_STOP, reason=text), at, book),
        "safe mode entered": messages.safe_mode_entered(SafeModeEntered(reason=text), at, book),
        "safe mode left": messages.safe_mode_left(SafeModeLeft(by=text), at, book),
        "alarm": messages.alarm(AlarmRaised(kind=text, text=text), at, book),
        "adopted": messages.position_adopted(ADOPTED, at, book),
        "started": messages.process_started(Started(mode=Mode.PAPER, version=text, settings={}), at, book),
        "stopped": messages.process_stopped(Mode.LIVE, 2, at, book),
    }


def placeholders(text: str) -> list[str]:
    return sorted(field for _, field, _, _ in string.Formatter().parse(text) if field)


def test_both_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    korean = {key: placeholders(text) for key, text in messages_ko.TEXTS.items()}

    assert {key: placeholders(text) for key, text in messages_en.TEXTS.items()} == korean


def test_every_text_is_said_in_its_own_language() -> None:
    same = {
        key
        for key, text in messages_ko.TEXTS.items()
        if text == messages_en.TEXTS[key] and re.search("[a-z]", re.sub("{.*?}|<.*?>", "", text))
    }

    assert set() == same


@pytest.mark.parametrize("book", BOOKS.values(), ids=BOOKS)
def test_every_name_of_the_program_has_a_word(book: Phrasebook) -> None:
    texts = messages_ko.TEXTS if book is KO else messages_en.TEXTS
    groups: dict[str, list[str]] = {
        "mode": list(Mode),
        "outcome": list(Outcome),
        "stage": list(Stage),
        "action": list(Action),
        "side": list(Side),
        "closing": [*Closing, Answer.ACCEPTED, Answer.UNKNOWN],
        "reason": [*TripReason, *(reason.word for reason in ExitReason if reason is not ExitReason.NONE)],
    }

    missing = {f"{group}.{name}" for group, names in groups.items() for name in names} - texts.keys()

    assert set() == missing


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", REPORTS)
def test_each_cycle_gives_four_messages_that_telegram_takes(name: str, language: Language) -> None:
    four = cycle_messages(REPORTS[name], BOOKS[language])

    assert [None] * 4 == [refusal_of(text, "HTML") for text in four]
    assert [True] * 4 == [("KRW-BTC" in text) for text in four]


@pytest.mark.parametrize("language", list(Language))
def test_every_event_is_a_message_that_telegram_takes(language: Language) -> None:
    told = event_messages(BOOKS[language])

    assert dict.fromkeys(told) == {name: refusal_of(text, "HTML") for name, text in told.items()}


@pytest.mark.parametrize("language", list(Language))
def test_lines_are_short_enough_for_a_phone(language: Language) -> None:
    texts = [text for report in REPORTS.values() for text in cycle_messages(report, BOOKS[language])]
    lines = [re.sub("<[^>]*>", "", line) for text in texts for line in text.splitlines()]
    free_text = ("🛡", BOOKS[language].say("decision.reason", reason=""))

    assert [] == [line for line in lines if len(line) > 44 and not line.startswith(free_text)]


def test_a_buy_reads_well_in_korean() -> None:
    text = messages.order_closed(PLANNED_BUY, closed(PLANNED_BUY), OPENED_AT, KO)

    expected = """🟢 <b>KRW-BTC 매수 체결</b>
체결가 ₩145,000,000
수량 0.00689655
금액 ₩1,000,000
수수료 ₩500.00
이유: all gates of the breakout passed
11-20 22:00 KST
<code>dg.KRW-BTC.20261120T13.entry.0.0</code>"""
    assert expected == text


def test_a_stop_loss_reads_well_in_english() -> None:
    text = messages.exit_triggered(PLANNED_STOP, OPENED_AT, EN)

    assert "🚨 <b>KRW-BTC stop loss</b>\nPrice ₩145,000,000\nSelling 0.00689655\n11-20 22:00 KST" == text


def test_the_decision_names_the_first_failing_gate_with_value_and_limit() -> None:
    text = messages.cycle_decision(HELD, EN)

    expected = """⚪ <b>KRW-BTC held</b>
Hold · confidence 70% · rules
Ended in: 3 analysis
Price ₩145,000,000
Gates passed 10/11
First gate not passed: <b>RSI contradiction</b>
74.25 (limit 70)"""
    assert expected == text


def test_the_decision_lists_further_failures_up_to_a_bound() -> None:
    gates = tuple(Gate(f"validator.check_{number}", float(number), 0.0, passed=False) for number in range(12))

    lines = messages.cycle_decision(replace(HELD, gates=gates, reason="validator.check_0: 0, limit 0"), EN).splitlines()

    assert [f"✗ check {number} {number} (0)" for number in range(1, 7)] == [line for line in lines if line.startswith("✗")]
    assert "… +5" in lines


def test_a_screen_that_failed_names_the_figure() -> None:
    gates = (Gate("total_return", 0.1234, 0.03, passed=True), Gate("win_rate", 0.31, 0.35, passed=False))

    text = messages.cycle_screen(replace(TRADED, screen=replace(SCREEN, gates=gates)), KO)

    assert (True, True) == ("미통과 (1/2 충족)" in text, "✗ 승률 31.00% (35.00%)" in text)


def test_a_screen_without_a_loss_has_no_profit_factor() -> None:
    text = messages.cycle_screen(replace(TRADED, screen=replace(SCREEN, profit_factor=None, sharpe=float("nan"))), EN)

    assert (True, True) == ("Profit factor –" in text, "Sharpe –" in text)


def test_safe_mode_is_on_every_account() -> None:
    start, _, _, portfolio = cycle_messages(RISK_HALT, KO)

    assert [True, True] == ["🛡 안전 모드: 일일 손실 한도: lost 0.1012, limit 0.10" in text for text in (start, portfolio)]


def test_an_account_that_could_not_be_read_is_said_so() -> None:
    assert "The account could not be read" in messages.cycle_portfolio(REPORTS["failed"], EN)


def test_a_stop_with_open_positions_says_that_nobody_watches_them() -> None:
    watched, unwatched = (messages.process_stopped(Mode.LIVE, count, OPENED_AT, EN) for count in (0, 1))

    assert (False, True) == ("not watched" in watched, "⚠️ 1 open positions are not watched" in unwatched)


@pytest.mark.parametrize("language", list(Language))
def test_hostile_text_stays_text(language: Language) -> None:
    book = BOOKS[language]
    gate = Gate(f"validator.{HOSTILE}", HOSTILE, HOSTILE, passed=False)
    report = replace(
        TRADED,
        reason=HOSTILE,
        gates=(gate, gate),
        decision=Decision(action=Action.BUY, confidence=0.9, source=HOSTILE, reason=HOSTILE),
        orders=(replace(TRADED.orders[0], status=HOSTILE, identifier=HOSTILE),),
        state=replace(STATE, safe_mode=True, safe_mode_reason=HOSTILE),
    )
    texts = [*cycle_messages(report, book), *event_messages(book, HOSTILE).values()]

    assert [] == [text for text in texts if refusal_of(text, "HTML") is not None]
    assert [] == [text for text in texts if "<script>" in text or "\u202e" in text or "\x00" in text]


@pytest.mark.parametrize("filler", ["가나다 ", "🙂🚀", "<&>", "a"])
@pytest.mark.parametrize("language", list(Language))
def test_the_longest_cycle_fits_into_one_message(language: Language, filler: str) -> None:
    position = POSITION
    positions: tuple[PositionSummary, ...] = tuple(replace(position, market=Market(f"KRW-A{number}")) for number in range(50))
    gates = tuple(Gate(filler * 100, filler * 2000, filler * 2000, passed=False) for _ in range(60))
    report = replace(
        TRADED, reason=filler * 5000, gates=gates, orders=TRADED.orders * 60, state=replace(STATE, positions=positions)
    )

    texts = [*cycle_messages(report, BOOKS[language]), messages.alarm(AlarmRaised(kind="x", text=filler * 9000), OPENED_AT, KO)]

    assert [None] * 5 == [refusal_of(text, "HTML") for text in texts]
    assert [] == [text for text in texts if len(text.encode("utf-16-le")) > 2 * 4096]


@pytest.mark.parametrize(("length", "is_whole"), [(4093, True), (4094, True), (4095, False)])
def test_a_message_of_lines_is_cut_at_a_line(length: int, is_whole: bool) -> None:
    text = joined(["title", "x" * (length - len("title") - 1)])

    assert "title\n" + "x" * (length - 6) if is_whole else "title\n…" == (text)


@pytest.mark.parametrize(("length", "is_whole"), [(4095, True), (4096, True), (4097, False)])
def test_a_plain_text_is_cut_at_the_limit(length: int, is_whole: bool) -> None:
    expected = "가" * length if is_whole else "가" * 4095 + "…"

    assert expected == cut("가" * length)


@pytest.mark.parametrize(("count", "expected"), [(2048, "🙂" * 2048), (2049, "🙂" * 2047 + "…")])
def test_an_emoji_counts_twice_and_is_never_torn(count: int, expected: str) -> None:
    assert expected == cut("🙂" * count)


def test_one_line_that_does_not_fit_loses_its_tags_rather_than_tearing_them() -> None:
    text = joined(["<b>" + "&lt;x" * 3000 + "</b>"])

    assert (None, "&lt;x", "…") == (refusal_of(text, "HTML"), text[:5], text[-1])


@pytest.mark.parametrize(("length", "expected"), [(299, "x" * 299), (300, "x" * 300), (301, "x" * 299 + "…")])
def test_a_field_is_shortened_beyond_300_characters(length: int, expected: str) -> None:
    assert expected == safe("x" * length)


def test_adopted_coins_are_told_as_the_operators_own_and_as_no_order() -> None:
    lines = messages.position_adopted(ADOPTED, OPENED_AT, EN).splitlines()

    assert "🤝 <b>KRW-BTC adopted</b>" == lines[0]
    assert ["Quantity 0.5", "Cost ₩90,000,000"] == lines[2:4]
    assert "no order was made" in lines[1]
