from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import Event, ModelAnswered, ModelAsked, Record, Stopped
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, Purpose
from dg_bot.domain.spending import Spending

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MIDNIGHT_IN_SEOUL = NOON + timedelta(hours=3)


def asked() -> ModelAsked:
    return ModelAsked(purpose=Purpose.DECISION, model="m", most_tokens=1000, most_krw=Decimal(10))


def answered(
    sequence: int,
    *,
    released: int = 800,
    kind: AnswerKind = AnswerKind.USABLE,
    by: str | None = "m-1",
    purpose: Purpose = Purpose.DECISION,
) -> ModelAnswered:
    return ModelAnswered(
        asked=sequence,
        purpose=purpose,
        model="m",
        answer=ModelAnswer(kind=kind, model=by),
        tokens=1000 - released,
        released_tokens=released,
        released_krw=Decimal(released) / 100,
    )


def folded(*events: tuple[Event, datetime]) -> Spending:
    spending = Spending()
    for sequence, (event, at) in enumerate(events, 1):
        spending = spending.after(Record(sequence=sequence, at=at, event=event))
    return spending


def test_a_question_counts_with_the_most_until_its_answer_tells_what_it_was() -> None:
    open_, closed = folded((asked(), NOON)), folded((asked(), NOON), (answered(1), NOON))

    assert (1000, Decimal(10)) == (open_.tokens, open_.cost_krw)
    assert (200, Decimal(2)) == (closed.tokens, closed.cost_krw)


def test_a_day_in_seoul_begins_with_nothing_spent() -> None:
    spending = folded((asked(), NOON), (answered(1), NOON))

    assert 200 == spending.on(MIDNIGHT_IN_SEOUL - timedelta(seconds=1)).tokens
    assert 0 == spending.on(MIDNIGHT_IN_SEOUL).tokens


def test_an_answer_after_midnight_gives_nothing_back_to_the_new_day() -> None:
    after = MIDNIGHT_IN_SEOUL + timedelta(seconds=1)

    spending = folded((asked(), NOON), (asked(), after), (answered(1), after))

    assert (1000, Decimal(10)) == (spending.tokens, spending.cost_krw)


def test_who_answered_is_remembered_over_days_and_from_usable_answers_alone() -> None:
    spending = folded(
        (asked(), NOON), (answered(1), NOON), (asked(), NOON), (answered(3, kind=AnswerKind.PROSE, by="other"), NOON)
    )

    assert ("m", "m-1") == (spending.asked_of, spending.answered_by)
    assert ("m", "m-1") == (spending.on(MIDNIGHT_IN_SEOUL).asked_of, spending.on(MIDNIGHT_IN_SEOUL).answered_by)


def test_other_records_cost_nothing() -> None:
    assert Spending() == folded((Stopped(mode=Mode.PAPER, open_positions=0), NOON))


def test_a_passed_canary_holds_for_its_day() -> None:
    canary = folded((asked(), NOON), (answered(1, purpose=Purpose.CANARY), NOON))
    failed = folded((asked(), NOON), (answered(1, purpose=Purpose.CANARY, kind=AnswerKind.PROSE), NOON))

    assert ("m", None) == (canary.checked_model, canary.on(MIDNIGHT_IN_SEOUL).checked_model)
    assert failed.checked_model is None


@pytest.mark.parametrize(
    ("tokens", "krw", "part"),
    [(2000, "100", "0.5"), (100_000, "20", "0.5"), (1000, "100", "1"), (0, "100", "1"), (2000, "0", "1")],
)
def test_the_part_of_a_budget_that_is_spent_is_that_of_tokens_or_won_whichever_is_more(tokens: int, krw: str, part: str) -> None:
    spending = folded((asked(), NOON))

    assert Decimal(part) == spending.part_of(tokens=tokens, krw=Decimal(krw))
