"""Collect what models wanted from the journal, and what the market did then from the candle archive."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.analysis.scoring import HORIZON, ScoredOpinion
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import existing_journal
from dg_bot.domain.calendar import ALL_TIME, HOUR, to_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.decision import Action
from dg_bot.domain.events import CycleCompleted
from dg_bot.domain.language_model import LLM
from dg_bot.domain.market import Market
from dg_bot.models.ensemble import NAME as ENSEMBLE

RULES_ONLY = "rules only"
_STRATEGY = "strategy."


def opinions_of(settings: Settings) -> list[ScoredOpinion]:
    """Give every opinion whose horizon has passed, oldest first; raises StateError and DataError.

    Beside the model that decided these are the votes of an ensemble's members, and what the strategy's gates alone would have
    bought.
    """
    archive = CandleFiles(settings.candle_folder)

    @cache
    def hours(market: Market) -> CandleSeries:
        return archive.load(market, HOUR, *ALL_TIME)

    reports = [
        record.event.report for record in read_journal(existing_journal(settings)) if isinstance(record.event, CycleCompleted)
    ]
    scored: list[ScoredOpinion] = []
    for report in reports:
        later = _close_at(hours(report.market), report.opened_at + HORIZON)
        if later is not None and report.mark_krw is not None:
            change = later / float(report.mark_krw) - 1.0
            scored += opinions_in(report, change, settings.llm_cutoff)
    return scored


def opinions_in(report: CycleReport, change: float, cutoff: date | None) -> Iterator[ScoredOpinion]:
    """Give every opinion of a cycle, after which the price changed by that fraction; `cutoff` is the language model's."""
    wanted = [(vote.model, vote.action, vote.confidence) for vote in report.votes]
    if report.proposed is not None:
        proposed = report.proposed
        wanted.append((proposed.source, proposed.action, proposed.confidence))
    wanted += _rules_only(report)
    # An ensemble that heard a language model knows what that one may have read.
    well_read = {LLM, *([ENSEMBLE] if any(vote.model == LLM for vote in report.votes) else [])}
    final = Action.HOLD if report.decision is None else report.decision.action
    for model, action, confidence in wanted:
        yield ScoredOpinion(
            model=model,
            market=report.market.code,
            at=report.opened_at,
            action=action,
            confidence=confidence,
            return_fraction=change,
            was_vetoed=action is Action.BUY and final is not Action.BUY,
            is_evidence=model not in well_read or (cutoff is not None and report.opened_at.date() > cutoff),
        )


def _rules_only(report: CycleReport) -> list[tuple[str, Action, float]]:
    """Give what the strategy's gates say by themselves, where they were looked at."""
    gates = [gate for gate in report.gates if gate.name.startswith(_STRATEGY)]
    if not gates:
        return []
    return [(RULES_ONLY, Action.BUY if all(gate.passed for gate in gates) else Action.HOLD, 0.7)]


def _close_at(series: CandleSeries, at: datetime) -> float | None:
    """Give the close of the last candle that has closed at `at`; None where the archive does not reach there yet."""
    second = to_epoch(at)
    if not series.opened_at or series.opened_at[-1] + HOUR.seconds < second:
        return None
    place = bisect_left(series.opened_at, second) - 1
    return series.close[place] if place >= 0 else None


def stored_calibration(folder: Path) -> Mapping[str, float]:
    """Give the Brier scores that an ensemble weighs its members by; empty before any were stored. Raises StateError."""
    body = read_state(folder / "calibration.json") or {}
    scores = body.get("brier")
    return {str(name): float(score) for name, score in scores.items()} if isinstance(scores, dict) else {}


def store_calibration(folder: Path, scores: Mapping[str, float]) -> None:
    """Let ensembles weigh their members by these Brier scores from the next start on; raises StateError."""
    write_state(folder / "calibration.json", {"brier": dict(scores)})
