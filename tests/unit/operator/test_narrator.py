from dataclasses import replace

import pytest

from dg_bot.domain.cycle_report import CycleReport, Mode
from dg_bot.domain.events import (
    AlarmRaised,
    Closing,
    CycleCompleted,
    Event,
    IntentSending,
    SafeModeEntered,
    SafeModeLeft,
    Started,
)
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.operator.narrator import Message, Narrator, Urgency
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.verbosity import Verbosity
from tests.unit.operator.reports import FAILED, HELD, PLANNED_BUY, PLANNED_STOP, TRADED, closed, record


def titles(verbosity: Verbosity, *events: Event) -> list[str]:
    """Give the first line of each message that these events call for."""
    narrator = Narrator(language=Language.ENGLISH, verbosity=verbosity)
    told = [message for number, event in enumerate(events, 1) for message in narrator.observe(record(event, number))]
    return [message.text.splitlines()[0] for message in told]


def cycle(report: CycleReport) -> CycleCompleted:
    return CycleCompleted(report=report)


HELD_TITLE = "⚪ <b>KRW-BTC held</b>"


def test_full_sends_four_messages_a_cycle_each_time() -> None:
    start, screen, decision, portfolio = titles(Verbosity.FULL, cycle(HELD), cycle(HELD))[4:]

    assert ["🕐 <b>KRW-BTC cycle</b>", "📊 <b>KRW-BTC backtest</b>"] == [start, screen]
    assert [HELD_TITLE, "💼 <b>KRW-BTC portfolio</b>"] == [decision, portfolio]


def test_changes_sends_a_cycle_once_while_nothing_changes() -> None:
    assert [HELD_TITLE] == titles(Verbosity.CHANGES, cycle(HELD), cycle(HELD), cycle(HELD))


def test_changes_sends_a_cycle_whose_first_failing_gate_is_another() -> None:
    regime = Gate("filter.regime", "bear", "bull", passed=False)
    other = replace(HELD, gates=(regime, *HELD.gates), reason=regime.words)

    assert [HELD_TITLE] * 3 == titles(Verbosity.CHANGES, cycle(HELD), cycle(other), cycle(HELD))


def test_changes_sends_a_cycle_whose_outcome_is_another() -> None:
    told = titles(Verbosity.CHANGES, cycle(HELD), cycle(TRADED))

    assert [HELD_TITLE, "🟢 <b>KRW-BTC traded</b>"] == told


def test_markets_are_compared_with_themselves() -> None:
    other = replace(HELD, market=Market("KRW-ETH"))

    told = titles(Verbosity.CHANGES, cycle(HELD), cycle(other), cycle(HELD), cycle(other))

    assert [HELD_TITLE, "⚪ <b>KRW-ETH held</b>"] == told


@pytest.mark.parametrize(
    ("verbosity", "expected"),
    [
        (Verbosity.CHANGES, ["🚨 <b>KRW-BTC FAILED</b>", HELD_TITLE, "🚨 <b>KRW-BTC FAILED</b>"]),
        (Verbosity.ALERTS, ["🚨 <b>KRW-BTC FAILED</b>", "🚨 <b>KRW-BTC FAILED</b>"]),
    ],
)
def test_a_cycle_that_begins_to_fail_is_an_alert(verbosity: Verbosity, expected: list[str]) -> None:
    assert expected == titles(verbosity, cycle(FAILED), cycle(FAILED), cycle(HELD), cycle(FAILED))


@pytest.mark.parametrize(
    ("verbosity", "expected"),
    [
        (Verbosity.CHANGES, ["🟢 <b>KRW-BTC bought</b>", "🚨 <b>KRW-BTC stop loss</b>", "🔴 <b>KRW-BTC sold</b>"]),
        (Verbosity.ALERTS, ["🚨 <b>KRW-BTC stop loss</b>"]),
    ],
)
def test_trades_are_changes_and_exits_are_alerts(verbosity: Verbosity, expected: list[str]) -> None:
    events = (
        PLANNED_BUY,
        IntentSending(identifier=PLANNED_BUY.identifier),
        closed(PLANNED_BUY),
        PLANNED_STOP,
        closed(PLANNED_STOP),
    )

    assert expected == titles(verbosity, *events)


def test_an_exit_in_several_orders_is_announced_once() -> None:
    second = replace(PLANNED_STOP, identifier=f"{PLANNED_STOP.identifier}x", leg=1)
    next_hour = replace(PLANNED_STOP, identifier=f"{PLANNED_STOP.identifier}y", cycle_id="KRW-BTC/2026-11-20T15")

    assert ["🚨 <b>KRW-BTC stop loss</b>"] * 2 == titles(Verbosity.ALERTS, PLANNED_STOP, second, next_hour)


def test_an_exit_that_sold_nothing_is_an_alert() -> None:
    told = titles(Verbosity.ALERTS, PLANNED_STOP, closed(PLANNED_STOP, "0", Closing.REJECTED))

    assert ["🚨 <b>KRW-BTC stop loss</b>", "⚠️ <b>KRW-BTC sell not filled</b>"] == told


def test_risk_and_alarms_reach_even_the_quietest() -> None:
    events = (SafeModeEntered(reason="daily_loss: x"), AlarmRaised(kind="key_refused", text="t"), SafeModeLeft(by="operator"))

    expected = ["🛡 <b>Safe mode on</b>", "🚨 <b>Alarm: key refused</b>", "✅ <b>Safe mode off</b>"]
    assert expected == titles(Verbosity.ALERTS, *events)


def test_a_start_is_told_where_changes_are() -> None:
    started = Started(mode=Mode.DEMO, version="0.1.0", settings={})

    assert (["▶️ <b>Started</b>"], []) == (titles(Verbosity.CHANGES, started), titles(Verbosity.ALERTS, started))


def test_what_was_only_remembered_weighs_on_what_is_told_next_as_if_it_had_been_told() -> None:
    teller, listener = (Narrator(language=Language.KOREAN, verbosity=Verbosity.CHANGES) for _ in range(2))

    told = teller.observe(record(cycle(HELD)))
    listener.remember(record(cycle(HELD)))

    assert 1 == len(told)
    assert () == teller.observe(record(cycle(HELD))) == listener.observe(record(cycle(HELD)))


def test_alerts_outrank_changes_and_changes_outrank_chatter() -> None:
    narrator = Narrator(language=Language.KOREAN, verbosity=Verbosity.FULL)

    told: list[Message] = [*narrator.observe(record(cycle(HELD))), *narrator.observe(record(PLANNED_STOP))]

    expected = [Urgency.CHATTER, Urgency.CHATTER, Urgency.CHANGE, Urgency.CHATTER, Urgency.ALERT]
    assert expected == [message.urgency for message in told]
