"""Cycles with their capsules: what each one heard is kept after its end, and nothing waits for that."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Protocol

from dg_bot.adapters.capsule_files import CapsuleFiles
from dg_bot.app.settings import Settings
from dg_bot.capsule import Capsule, CarriedOver
from dg_bot.cycle import Cycle
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.news_memory import NewsMemory
from dg_bot.errors import BotError, InvariantViolated, StateError
from dg_bot.pipeline.assembly import Trading
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.recorder import CycleRecorder


class RunsCycles(Protocol):
    def run_cycle(self, cycle: Cycle) -> CycleReport:
        """Run one cycle; raises StateError when its report cannot be recorded, and InvariantViolated."""
        ...


class RecordedCycles:
    """Runs cycles and keeps their capsules.

    A capsule is written when its cycle has ended and the account is let go. Where the disk does not take it, that is an alarm
    and no more: exits and entries go on, for as long as the journal, which comes before every order, is taken.
    """

    def __init__(
        self,
        trading: Trading,
        *,
        books: Books,
        recorder: CycleRecorder,
        files: CapsuleFiles,
        settings: Settings,
        program: Mapping[str, str],
        delivered: Callable[[], int] = lambda: 0,
    ) -> None:
        """`delivered` tells up to which record the database has followed; without one no file is ever removed."""
        self._trading = trading
        self._books = books
        self._recorder = recorder
        self._files = files
        self._settings = settings.public()
        self._kept_for = None if settings.capsule_days is None else timedelta(days=settings.capsule_days)
        self._pruned: date | None = None
        self._delivered = delivered
        self._program = program

    def run_cycle(self, cycle: Cycle) -> CycleReport:
        """Run one cycle as the pipeline does, with all that it raises, and keep its capsule."""
        # What a cycle knows of the news it is told by a port, and that is kept.
        before = replace(self._books.remembered, reports={}, news=NewsMemory())
        carried = CarriedOver(
            differences=dict(self._trading.account.known_differences), knows_dollar=self._trading.summarizer.knows_dollar
        )
        with self._recorder.listening() as heard:
            report = self._trading.pipeline.run_cycle(cycle)
        if not report.repeated:
            self._keep(
                Capsule(
                    cycle_id=cycle.id,
                    market=cycle.market,
                    opened_at=cycle.opened_at,
                    program=self._program,
                    settings=self._settings,
                    before=before,
                    carried=carried,
                    heard=tuple(heard),
                )
            )
        return report

    def _keep(self, capsule: Capsule) -> None:
        try:
            self._books.record(self._files.store(capsule))
            self._prune(capsule.opened_at)
        except InvariantViolated:
            raise
        except Exception as error:  # noqa: BLE001 - the cycle is over: no defect of its record may cost the next market its own
            told = str(error) if isinstance(error, BotError) else f"{type(error).__name__}: {error}"
            # A disk that takes no capsule may take no alarm either; the next record that it refuses says so by itself.
            with suppress(StateError):
                self._books.alarm("capsule", f"what {capsule.cycle_id} saw could not be kept: {told}")

    def _prune(self, now: datetime) -> None:
        """Remove, once a day, the files that are older than they have to be; the database keeps what it was given."""
        if self._kept_for is not None and self._pruned != now.date():
            self._pruned = now.date()
            self._files.prune(now - self._kept_for, delivered=self._delivered())
