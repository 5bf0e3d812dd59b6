"""Collect what models wanted from the journal, and what the market did then from the candle archive."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.analysis.opinions import challengers_opinions, opinions_given
from dg_bot.analysis.scoring import HORIZON, ScoredOpinion
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import existing_journal
from dg_bot.domain.calendar import ALL_TIME, HOUR, to_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.decision import Opinion
from dg_bot.domain.events import ChallengersHeard, CycleCompleted, Record
from dg_bot.domain.market import Market


def opinions_of(settings: Settings) -> list[ScoredOpinion]:
    """Give every opinion whose horizon has passed, oldest first; raises StateError and DataError.

    Beside the model that decided these are the votes of an ensemble's members, what the strategy's gates alone would have bought,
    and what the challengers wanted.
    """
    archive = CandleFiles(settings.candle_folder)

    @cache
    def hours(market: Market) -> CandleSeries:
        return archive.load(market, HOUR, *ALL_TIME)

    reports, challengers = _told(read_journal(existing_journal(settings)))
    scored: list[ScoredOpinion] = []
    for report in reports.values():
        later = _close_at(hours(report.market), report.opened_at + HORIZON)
        if later is not None and report.mark_krw is not None:
            change = later / float(report.mark_krw) - 1.0
            scored += opinions_in(report, change, settings.cutoff_of, challengers.get(report.cycle_id, ()))
    return scored


def opinions_in(
    report: CycleReport, change: float, cutoff_of: Callable[[str], date | None], challengers: Sequence[Opinion] = ()
) -> Iterator[ScoredOpinion]:
    """Give every opinion of a cycle, after which the price changed by that fraction; `cutoff_of` knows language models."""
    day = report.opened_at.date()
    for given in (*opinions_given(report), *challengers_opinions(challengers)):
        yield ScoredOpinion(
            voice=given.voice,
            model=given.model,
            market=report.market.code,
            at=report.opened_at,
            action=given.action,
            confidence=given.confidence,
            return_fraction=change,
            vetoed_by=given.vetoed_by,
            problem=given.problem,
            is_evidence=not given.has_read or _is_after(day, cutoff_of(given.model)),
        )


def _is_after(day: date, cutoff: date | None) -> bool:
    return cutoff is not None and day > cutoff


def _told(records: Iterator[Record]) -> tuple[dict[str, CycleReport], dict[str, tuple[Opinion, ...]]]:
    """Give, by cycle, the report with which it ended at last, and what challengers wanted."""
    reports: dict[str, CycleReport] = {}
    challengers: dict[str, tuple[Opinion, ...]] = {}
    for record in records:
        match record.event:
            case CycleCompleted(report=report):
                reports[report.cycle_id] = report
            case ChallengersHeard(cycle_id=cycle_id, opinions=opinions):
                challengers[cycle_id] = opinions
            case _:
                continue
    return reports, challengers


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
