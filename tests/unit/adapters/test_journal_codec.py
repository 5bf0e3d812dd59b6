"""Every event comes back from JSON as it was; what could not come back is refused with its name."""

import json
import math
import re
import time
from collections.abc import Hashable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dg_bot.adapters.journal_codec import decode, decode_remembered, encode, encode_remembered
from dg_bot.adapters.typed_json import codec_of, time_from_text, time_text
from dg_bot.domain.cycle_report import CycleReport, Mode, OrderSummary, Outcome, PositionSummary, Stage, StateSummary
from dg_bot.domain.decision import Decision, Opinion
from dg_bot.domain.events import (
    AccountOpened,
    AlarmRaised,
    ChallengersHeard,
    CycleCompleted,
    Event,
    IntentClosed,
    IntentPlanned,
    IntentSending,
    ModelAnswered,
    NewsJudged,
    NewsSeen,
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
from dg_bot.domain.news import NewsEntry
from dg_bot.domain.news_memory import NewsMemory
from dg_bot.domain.order import Fill, Side
from dg_bot.domain.portfolio import Balance, Position, ProtectionPlan, ProtectiveLevels
from dg_bot.domain.screen import ScreenResult
from dg_bot.errors import DataError
from dg_bot.execution.intent import Intent, IntentBook, IntentState
from dg_bot.remembered import Remembered
from dg_bot.risk.state import EntrySpend, Opening, RiskState, SafeMode

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BTC = Market("KRW-BTC")
REPORT = CycleReport(
    cycle_id="KRW-BTC/2026-11-20T12",
    market=BTC,
    mode=Mode.PAPER,
    opened_at=NOON,
    completed_at=NOON,
    outcome=Outcome.HELD,
    stage=Stage.ANALYSIS,
    reason="nothing to do",
)

amounts = st.decimals(min_value=Decimal("1e-12"), max_value=Decimal("1e18"), allow_nan=False, allow_infinity=False)
numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e20"), max_value=Decimal("1e20"))
floats = st.floats(allow_nan=False)
times = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))]), min_value=datetime(2000, 1, 1))  # noqa: DTZ001
markets = st.sampled_from([BTC, Market("KRW-1INCH")])
measures = st.none() | st.booleans() | st.integers() | floats | numbers | st.text()
gates = st.builds(Gate, st.text(), measures, measures, st.booleans())
fills = st.builds(Fill, trade_id=st.text(), price=amounts, quantity=amounts, funds_krw=amounts, at=times)
named_floats = st.dictionaries(st.text(), floats, max_size=3)
protections = st.builds(
    ProtectionPlan,
    stop_fraction=st.decimals(min_value="0.01", max_value="0.99"),
    target_fraction=amounts,
    stop_distance_krw=st.none() | amounts,
    target_distance_krw=st.none() | amounts,
    trailing_distance_krw=st.none() | amounts,
    stage_fraction=st.none() | amounts,
    trend_strength=st.none() | floats,
)


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=3).map(tuple)


def of(cls: type, **given_fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Build a dataclass whose plain fields are drawn by their type, and the rest as given."""
    plain: dict[object, st.SearchStrategy[Any]] = {
        str: st.text(),
        Decimal: numbers,
        float: floats,
        datetime: times,
        Market: markets,
        Decimal | None: st.none() | numbers,
        str | None: st.none() | st.text(),
        float | None: st.none() | floats,
        int: st.integers(0, 10**9),
        bool: st.booleans(),
    }
    drawn = {field.name: plain[field.type] for field in fields(cls) if field.type in plain}
    return st.builds(cls, **{**drawn, **given_fields})


opinions = of(Opinion, confidence=st.floats(0.0, 1.0))
decisions = of(Decision, confidence=st.floats(0.0, 1.0))
screens = of(ScreenResult, gates=some(gates))
states = of(StateSummary, positions=some(of(PositionSummary)))
reports = of(
    CycleReport,
    gates=some(gates),
    decision=st.none() | decisions,
    orders=some(of(OrderSummary)),
    durations_ms=named_floats,
    indicators=named_floats,
    screen=st.none() | screens,
    state=st.none() | states,
)
GIVEN: dict[type, dict[str, st.SearchStrategy[Any]]] = {
    Started: {"settings": st.dictionaries(st.text(), st.text(), max_size=3)},
    AccountOpened: {"balances": some(st.builds(Balance, st.text(), amounts, amounts))},
    IntentPlanned: {"protection": st.none() | protections},
    IntentClosed: {"fills": some(fills)},
    PositionAdopted: {"quantity": amounts, "cost_krw": amounts, "mark_krw": amounts, "protection": protections},
    ModelAnswered: {
        "purpose": st.sampled_from(Purpose),
        "answer": of(ModelAnswer, kind=st.sampled_from(AnswerKind), input_tokens=st.none() | st.integers(0, 10**7)),
    },
    NewsSeen: {
        "entries": some(st.builds(NewsEntry, url=st.text(min_size=1), title=st.text(min_size=1), published_at=st.none() | times))
    },
    NewsJudged: {"kind": st.sampled_from(AnswerKind), "scores": named_floats, "unscored": some(st.text())},
    CycleCompleted: {"report": reports},
    ChallengersHeard: {"opinions": some(opinions)},
}


@pytest.mark.parametrize("cls", get_args(Event))
@settings(max_examples=30, deadline=None, database=None)
@given(data=st.data())
def test_every_event_comes_back_as_it_was(cls: type, data: st.DataObject) -> None:
    event = data.draw(of(cls, **GIVEN.get(cls, {})))

    kind, body = encode(event)

    assert event == decode(kind, json.loads(json.dumps(body, allow_nan=False)))


plans = of(IntentPlanned, **GIVEN[IntentPlanned])
positions = st.builds(
    Position, market=markets, quantity=amounts, average_cost_krw=amounts, opened_at=times, levels=of(ProtectiveLevels)
)
risk_states = st.builds(
    RiskState,
    sequence=st.integers(0, 10**9),
    opened_balances=st.none() | st.dictionaries(st.text(), numbers, max_size=2),
    flows=st.dictionaries(st.text(), numbers, max_size=2),
    positions=st.dictionaries(markets, positions, max_size=2),
    open_plans=st.dictionaries(st.text(), plans, max_size=2),
    spends=st.dictionaries(st.text(), of(EntrySpend), max_size=2),
    filled_entries=st.dictionaries(st.text(), times, max_size=2),
    last_entry_at=st.dictionaries(markets, times, max_size=2),
    day=st.none() | of(Opening),
    week=st.none() | of(Opening),
    daily_pnl_fraction=numbers,
    weekly_pnl_fraction=numbers,
    safe_mode=st.none() | of(SafeMode),
    alarms=st.dictionaries(st.text(), times, max_size=2),
)
intents = st.builds(
    Intent,
    plan=plans,
    planned_at=times,
    state=st.sampled_from(IntentState),
    sends=st.integers(0, 9),
    last_sent_at=st.none() | times,
    venue_id=st.none() | st.text(),
    error_name=st.none() | st.text(),
    closing=st.none() | of(IntentClosed, **GIVEN[IntentClosed]),
    closed_at=st.none() | times,
)
books = st.builds(IntentBook, intents=st.dictionaries(st.text(), intents, max_size=3))


@settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    remembered=st.builds(
        Remembered,
        state=risk_states,
        intents=books,
        reports=st.dictionaries(st.text(), reports, max_size=2),
        invested_krw=st.none() | numbers,
    )
)
def test_what_is_remembered_comes_back_as_it_was_and_in_its_order(remembered: Remembered) -> None:
    body = encode_remembered(remembered)

    again = decode_remembered(json.loads(json.dumps(body, allow_nan=False)))

    assert remembered == again
    assert list(remembered.intents.intents) == list(again.intents.intents)


def test_remembered_news_come_back_as_they_were_and_a_snapshot_without_them_is_read() -> None:
    seen = NewsSeen(source="s", entries=(NewsEntry(url="u", title="비트코인", published_at=NOON), NewsEntry(url="v", title="w")))
    judged = NewsJudged(kind=AnswerKind.USABLE, scores={"u": -0.5}, unscored=("v",))
    news = NewsMemory().after(Record(sequence=1, at=NOON, event=seen)).after(Record(sequence=2, at=NOON, event=judged))
    known = Remembered(news=news)
    body = json.loads(json.dumps(encode_remembered(known), allow_nan=False))

    assert known == decode_remembered(body)
    assert [-0.5, None] == [news.score for news in known.news.known]
    del body["news"]
    assert Remembered() == decode_remembered(body)


def test_what_no_snapshot_can_hold_is_refused_by_its_field() -> None:
    with pytest.raises(DataError, match=r"^snapshot: field 'invested_krw' holds Decimal\('NaN'\), not a finite Decimal$"):
        encode_remembered(Remembered(invested_krw=Decimal("NaN")))


def test_a_time_is_written_in_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Seoul")
        time.tzset()
        text = time_text(datetime(2026, 11, 20, 15, tzinfo=timezone(timedelta(hours=9))))
    time.tzset()

    assert "2026-11-20T06:00:00Z" == text


def test_a_snapshot_of_another_shape_is_refused_by_name() -> None:
    body = json.loads(json.dumps(encode_remembered(Remembered())))
    del body["state"]["alarms"]

    with pytest.raises(DataError, match="snapshot: field 'state' has no field 'alarms'"):
        decode_remembered(body)


@settings(max_examples=300, deadline=None, database=None)
@given(value=measures | st.floats(allow_nan=True))
def test_a_measure_comes_back_with_its_type(value: Any) -> None:
    report = replace(REPORT, gates=(Gate("spread", value, None, True),))

    kind, body = encode(CycleCompleted(report=report))
    back = decode(kind, json.loads(json.dumps(body, allow_nan=False)))

    assert isinstance(back, CycleCompleted)
    found = back.report.gates[0].value
    assert (type(value), repr(value) if type(value) is float else value) == (
        type(found),
        repr(found) if type(found) is float else found,
    )


def test_the_kind_is_the_class_name_in_snake_case() -> None:
    assert "intent_sending" == encode(IntentSending(identifier="dg.KRW-BTC.20261120T12.entry.0.0"))[0]


def test_the_forms_are_plain_to_read() -> None:
    opened = PeriodOpened(
        period=Period.DAY, start=datetime(2026, 11, 21, tzinfo=timezone(timedelta(hours=9))), equity_krw=Decimal("1E+6")
    )

    assert ("period_opened", {"period": "day", "start": "2026-11-20T15:00:00Z", "equity_krw": "1000000"}) == encode(opened)


@pytest.mark.parametrize(
    "text", ["0.10", "1E-8", "123456789012345678901234567890.123456789012345678901234567890", "-0.00", "1E+30"]
)
def test_no_digit_of_money_is_lost(text: str) -> None:
    kind, body = encode(TransferDeclared(currency="KRW", amount=Decimal(text), note=""))
    back = decode(kind, body)

    assert isinstance(back, TransferDeclared)
    assert Decimal(text) == back.amount
    assert format(Decimal(text), "f") == format(back.amount, "f")


@pytest.mark.parametrize(("value", "tag"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_a_float_that_json_has_no_number_for_goes_under_a_tag(value: float, tag: str) -> None:
    _, body = encode(CycleCompleted(report=replace(REPORT, slippage_bps=value, indicators={"adx": value})))

    report = body["report"]
    assert isinstance(report, dict)
    assert {"float": tag} == report["slippage_bps"]
    assert {"adx": {"float": tag}} == report["indicators"]


def test_decimals_among_other_scalars_go_under_a_tag() -> None:
    _, body = encode(CycleCompleted(report=replace(REPORT, gates=(Gate("size", Decimal("1.50"), 2, True),))))

    report = body["report"]
    assert isinstance(report, dict)
    assert [{"name": "size", "value": {"decimal": "1.50"}, "limit": 2, "passed": True}] == report["gates"]


TRANSFER = {"currency": "KRW", "amount": "1.5", "note": "rent"}


@pytest.mark.parametrize(
    ("kind", "body", "problem"),
    [
        ("transfer_imagined", TRANSFER, ": is of a kind that this program does not know"),
        ("transfer_declared", [], "not an object"),
        ("transfer_declared", {"currency": "KRW", "amount": "1.5"}, "no field 'note'"),
        ("transfer_declared", {**TRANSFER, "by": "me"}, "a field 'by'"),
        ("transfer_declared", {**TRANSFER, "amount": 1.5}, "field 'amount' holds 1.5"),
        ("transfer_declared", {**TRANSFER, "amount": "NaN"}, "field 'amount' holds 'NaN'"),
        ("transfer_declared", {**TRANSFER, "amount": "1e3"}, "field 'amount' holds '1e3'"),
        ("transfer_declared", {**TRANSFER, "amount": "1_0"}, "field 'amount' holds '1_0'"),
        ("transfer_declared", {**TRANSFER, "amount": "x"}, "field 'amount' holds 'x'"),
        ("transfer_declared", {**TRANSFER, "note": None}, "field 'note' holds None"),
        ("started", {"mode": "dream", "version": "1", "settings": {}}, "field 'mode' holds 'dream'"),
        ("started", {"mode": "live", "version": "1", "settings": []}, "field 'settings' holds []"),
        ("started", {"mode": "live", "version": "1", "settings": {"A": 1}}, "field 'settings[A]' holds 1"),
        ("account_opened", {"balances": {}}, "field 'balances' holds {}"),
        (
            "account_opened",
            {"balances": [{"currency": "KRW", "free": "-1", "locked": "0"}]},
            "field 'balances[0]' holds what cannot",
        ),
        ("highest_price_raised", {"market": "BTC-KRW", "price_krw": "1"}, "field 'market' holds 'BTC-KRW'"),
        ("period_opened", {"period": "day", "start": "2026-11-20T15:00:00", "equity_krw": "1"}, "field 'start' holds"),
        ("period_opened", {"period": "day", "start": "2026-11-20T15:00:00+09:00", "equity_krw": "1"}, "field 'start' holds"),
        ("period_opened", {"period": "day", "start": 5, "equity_krw": "1"}, "field 'start' holds 5"),
    ],
)
def test_what_was_never_written_is_refused_by_name(kind: str, body: Any, problem: str) -> None:
    with pytest.raises(DataError, match=kind) as raised:
        decode(kind, body)

    assert problem in str(raised.value)


def test_the_path_to_a_bad_field_is_told_from_the_top() -> None:
    kind, body = encode(CycleCompleted(report=replace(REPORT, gates=(Gate("a", 1, 1, True), Gate("b", 1, 1, True)))))
    text = json.dumps(body).replace('"name": "b", "value": 1', '"name": "b", "value": [1]')

    with pytest.raises(DataError, match=r"field 'report\.gates\[1\]\.value'"):
        decode(kind, json.loads(text))


@pytest.mark.parametrize("passed", [1, "true", None])
def test_a_flag_is_a_flag(passed: object) -> None:
    kind, body = encode(CycleCompleted(report=replace(REPORT, gates=(Gate("a", 1, 1, True),))))
    text = json.dumps(body).replace('"passed": true', f'"passed": {json.dumps(passed)}')

    with pytest.raises(DataError, match="passed"):
        decode(kind, json.loads(text))


@pytest.mark.parametrize(
    "event",
    [
        TransferDeclared(currency="KRW", amount=Decimal("NaN"), note=""),
        TransferDeclared(currency="KRW", amount=1.5, note=""),  # type: ignore[arg-type]
        AlarmRaised(kind="a", text=None),  # type: ignore[arg-type]
        AccountOpened(balances=[]),  # type: ignore[arg-type]
        Started(mode="live", version="1", settings={}),  # type: ignore[arg-type]
        Started(mode=Mode.LIVE, version="1", settings={"A": 1}),  # type: ignore[dict-item]
        Started(mode=Mode.LIVE, version="1", settings=()),  # type: ignore[arg-type]
        PeriodOpened(period=Period.DAY, start=datetime(2026, 1, 1), equity_krw=Decimal(1)),  # noqa: DTZ001
        CycleCompleted(report=replace(REPORT, gates=(Gate("a", [1], 1, True),))),  # type: ignore[arg-type]
        CycleCompleted(report=replace(REPORT, slippage_bps="1")),  # type: ignore[arg-type]
        CycleCompleted(report=replace(REPORT, market="KRW-BTC")),  # type: ignore[arg-type]
        CycleCompleted(report=replace(REPORT, repeated=1)),  # type: ignore[arg-type]
        CycleCompleted(report=replace(REPORT, decision=Side.BUY)),  # type: ignore[arg-type]
    ],
)
def test_what_could_not_be_read_back_is_not_written(event: Event) -> None:
    with pytest.raises(DataError, match="field"):
        encode(event)


def test_names_of_measures_may_be_words_of_an_enum() -> None:
    _, body = encode(CycleCompleted(report=replace(REPORT, durations_ms={Stage.ANALYSIS: 5})))

    report = body["report"]
    assert isinstance(report, dict)
    assert {"analysis": 5.0} == report["durations_ms"]


@pytest.mark.parametrize("hint", [list[int], tuple[int, int], dict[str, int], int | Market, Decimal | list[int]])
def test_a_type_without_a_form_is_refused_before_anything_is_written(hint: Hashable) -> None:
    with pytest.raises(TypeError, match="no JSON form"):
        codec_of(hint)


@pytest.mark.parametrize("text", ["2026-11-20T15:00:00Z", "2026-11-20T15:00:00.000001Z"])
def test_times_keep_their_microseconds(text: str) -> None:
    assert text == time_text(time_from_text(text))
    assert time_from_text(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-11-20T15:00:00", "2026-11-20T15:00:00+00:00", "2026-11-20T15:00Z"])
def test_a_time_of_another_form_is_refused_as_it_stands(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"'{text}' is not a UTC time with Z")):
        time_from_text(text)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_measure_that_json_has_no_number_for_comes_back(value: float) -> None:
    kind, body = encode(CycleCompleted(report=replace(REPORT, gates=(Gate("spread", value, None, True),))))
    back = decode(kind, json.loads(json.dumps(body, allow_nan=False)))

    assert isinstance(back, CycleCompleted)
    assert repr(value) == repr(back.report.gates[0].value)


@pytest.mark.parametrize("raw", [[], {}, {"other": "1"}, {"decimal": "1", "float": "1"}])
def test_a_measure_of_no_known_form_is_refused(raw: Any) -> None:
    kind, body = encode(CycleCompleted(report=replace(REPORT, gates=(Gate("spread", 1, None, True),))))
    spoilt: Any = json.loads(json.dumps(body))
    spoilt["report"]["gates"][0]["value"] = raw

    with pytest.raises(DataError, match=r"field 'report\.gates\[0\]\.value' holds"):
        decode(kind, spoilt)


def test_a_measure_that_could_not_be_read_back_is_not_written() -> None:
    odd: Any = object()

    with pytest.raises(DataError, match=r"not one of NoneType, bool, int, float, Decimal, str$"):
        encode(CycleCompleted(report=replace(REPORT, gates=(Gate("spread", odd, None, True),))))


def test_a_body_that_is_no_object_is_refused_without_naming_a_field() -> None:
    with pytest.raises(DataError) as caught:
        decode("intent_sending", 5)

    assert "holds 5, not an object" == caught.value.problem


def test_a_measure_of_no_known_form_is_refused_with_the_forms_that_are() -> None:
    kind, body = encode(CycleCompleted(report=replace(REPORT, gates=(Gate("spread", 1, None, True),))))
    spoilt: Any = json.loads(json.dumps(body))
    spoilt["report"]["gates"][0]["value"] = []

    with pytest.raises(DataError, match=r"holds \[\], not one of NoneType, bool, int, float, Decimal, str$"):
        decode(kind, spoilt)


def test_a_word_that_is_none_of_an_enum_is_refused_with_those_that_are() -> None:
    words = ", ".join(mode.value for mode in Mode)

    with pytest.raises(DataError, match=rf"holds 'dream', not one of {words}$"):
        decode("started", {"mode": "dream", "version": "1", "settings": {}})


def test_what_cannot_be_written_is_told_by_its_type() -> None:
    no_tuple, no_mapping, no_text = [Balance("KRW", Decimal(1), Decimal(0))], ("A", "B"), {"A": 1}

    with pytest.raises(DataError, match=r"field 'balances' holds a list, not a tuple$"):
        encode(AccountOpened(balances=no_tuple))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"field 'balances\[0\]' holds a str, not a Balance$"):
        encode(AccountOpened(balances=("KRW",)))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"field 'settings' holds a tuple, not a mapping$"):
        encode(Started(mode=Mode.LIVE, version="1", settings=no_mapping))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"field 'settings\[A\]' holds 1, not text$"):
        encode(Started(mode=Mode.LIVE, version="1", settings=no_text))  # type: ignore[arg-type]


SCREEN = ScreenResult(
    evaluated_at=NOON,
    days=730.0,
    round_trips=0,
    total_return=0.0,
    win_rate=0.0,
    profit_factor=None,
    payoff=None,
    sharpe=0.0,
    max_drawdown=0.0,
    gates=(),
)


def test_a_field_that_was_added_may_be_absent_in_an_older_journal() -> None:
    kind, body = encode(CycleCompleted(report=replace(REPORT, screen=SCREEN)))
    old = json.loads(json.dumps(body))
    del old["report"]["screen"]["honesty"]

    assert CycleCompleted(report=replace(REPORT, screen=SCREEN)) == decode(kind, old)
    del old["report"]["screen"]["sharpe"]
    with pytest.raises(DataError, match="has no field 'sharpe'"):
        decode(kind, old)
