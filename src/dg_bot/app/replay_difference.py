"""Where two runs of one cycle part: the first stage and field, in the order in which a cycle comes by them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dg_bot.adapters.journal_codec import encode
from dg_bot.adapters.typed_json import Json
from dg_bot.domain.cycle_report import CycleReport, Stage
from dg_bot.domain.events import (
    ChallengersHeard,
    CycleCompleted,
    Event,
    IntentAnswered,
    IntentClosed,
    IntentPlanned,
    IntentSending,
)

# What a cycle measures of itself, and decides nothing by.
_OWN_TIMES = ("durations_ms", "completed_at")
_ANALYSIS = ("proposed", "votes", "decision", "indicators", "screen")
_STAGE_OF_GATE = {"risk": Stage.RISK_CHECK, "data": Stage.DATA_COLLECTION, "execution": Stage.EXECUTION}
_REPORT = "report"
CHALLENGERS = "challengers"
_ORDER: tuple[str, ...] = (*Stage, _REPORT, CHALLENGERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first field that is not the same; None stands for one that is absent."""

    stage: str
    field: str
    recorded: Json
    recomputed: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What came of a cycle, in short: `buy 0.7 (rules)`, and its orders as they were planned."""

    outcome: str
    decision: str
    orders: tuple[str, ...]


def first_difference(recorded: Sequence[Event], recomputed: Sequence[Event]) -> Difference | None:
    """Compare what two runs wrote into the journal; every gate and every order to the last digit."""
    before, after = _facts(recorded), _facts(recomputed)
    for stage in _ORDER:
        earlier, later = before.get(stage, {}), after.get(stage, {})
        for field in (*earlier, *(field for field in later if field not in earlier)):
            if earlier.get(field) != later.get(field) or (field in earlier) is not (field in later):
                return Difference(stage=stage, field=field, recorded=earlier.get(field), recomputed=later.get(field))
    return None


def earlier(one: Difference | None, other: Difference | None) -> Difference | None:
    """Give the difference whose stage comes first; of the same stage `one`."""
    if one is None or other is None:
        return one or other
    return other if _ORDER.index(other.stage) < _ORDER.index(one.stage) else one


def outline(events: Sequence[Event]) -> Outline | None:
    """Say in short what came of a cycle; None where it came to no report."""
    report = _report(events)
    if report is None:
        return None
    decision = report.decision
    said = "none" if decision is None else f"{decision.action} {decision.confidence:g} ({decision.source})"
    orders = tuple(
        f"{plan.side} {plan.market} {plan.notional_krw if plan.quantity is None else plan.quantity}"
        for plan in events
        if isinstance(plan, IntentPlanned)
    )
    return Outline(outcome=str(report.outcome), decision=said, orders=orders)


def _report(events: Sequence[Event]) -> CycleReport | None:
    return next((event.report for event in events if isinstance(event, CycleCompleted)), None)


def _facts(events: Sequence[Event]) -> Mapping[str, dict[str, Json]]:
    """Sort every leaf of what was written by stage, in order."""
    facts: dict[str, dict[str, Json]] = {}
    others = [event for event in events if not isinstance(event, CycleCompleted)]
    for number, event in enumerate(others):
        kind, body = encode(event)
        stage = _stage_of(event)
        facts.setdefault(stage, {}).update(_leaves(f"{kind}[{number}]", body))
    report = next((encode(event)[1]["report"] for event in events if isinstance(event, CycleCompleted)), None)
    if isinstance(report, dict):
        for place, field, value in _report_facts(report):
            facts.setdefault(place, {})[field] = value
    return facts


def _stage_of(event: Event) -> str:
    match event:
        case IntentPlanned() | IntentSending() | IntentAnswered() | IntentClosed():
            return Stage.EXECUTION
        case ChallengersHeard():
            return CHALLENGERS
        case _:
            return Stage.RISK_CHECK


def _report_facts(report: dict[str, Json]) -> Iterator[tuple[str, str, Json]]:
    gates = report["gates"]
    for gate in gates if isinstance(gates, list) else ():
        if isinstance(gate, dict):
            name = str(gate["name"])
            stage = _STAGE_OF_GATE.get(name.partition(".")[0], Stage.ANALYSIS)
            for part in ("value", "limit", "passed"):
                yield stage, f"gate {name}.{part}", gate[part]
    for name, value in report.items():
        if name != "gates" and name not in _OWN_TIMES:
            for field, leaf in _leaves(name, value):
                yield Stage.ANALYSIS if name in _ANALYSIS else _REPORT, field, leaf


def _leaves(path: str, value: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from _leaves(f"{path}.{name}", part)
    elif isinstance(value, list) and value:
        for place, part in enumerate(value):
            yield from _leaves(f"{path}[{place}]", part)
    else:
        yield path, value
