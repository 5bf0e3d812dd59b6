"""The main path: one cycle on one market through the four stages, and its report."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from dg_bot.cycle import Cycle, ExecutionReport, Halt, TradePlan
from dg_bot.domain.cycle_report import CycleReport, Mode, Outcome, Stage
from dg_bot.domain.decision import Decision
from dg_bot.domain.events import ChallengersHeard, CycleCompleted
from dg_bot.domain.gate import Gate, first_failure, named
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Role
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable, StateError
from dg_bot.execution.intent import Intent
from dg_bot.pipeline.analysis_stage import AnalysisStage
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.challengers import Challengers
from dg_bot.pipeline.data_stage import DataCollectionStage
from dg_bot.pipeline.execution_stage import ExecutionStage, summary
from dg_bot.pipeline.risk_stage import RiskCheckStage
from dg_bot.pipeline.state_summary import StateSummarizer
from dg_bot.ports import Clock

T = TypeVar("T")
_ROLES = tuple(Role)


@dataclass(slots=True)
class _Trace:
    """What a cycle has seen so far; it becomes the report whichever stage ends the cycle."""

    stage: Stage = Stage.RISK_CHECK
    gates: tuple[Gate, ...] = ()
    plan: TradePlan | None = None
    execution: ExecutionReport | None = None
    mark_krw: Decimal | None = None
    durations_ms: dict[str, float] = field(default_factory=dict)


class TradingPipeline:
    """RiskCheck, DataCollection, Analysis, Execution."""

    def __init__(
        self,
        *,
        risk: RiskCheckStage,
        data: DataCollectionStage,
        analysis: AnalysisStage,
        execution: ExecutionStage,
        books: Books,
        summarizer: StateSummarizer,
        clock: Clock,
        mode: Mode,
        challengers: Challengers | None = None,
    ) -> None:
        """`challengers` are heard when the report is in the journal: nothing of the cycle depends on them."""
        self._risk = risk
        self._data = data
        self._analysis = analysis
        self._execution = execution
        self._books = books
        self._summarizer = summarizer
        self._clock = clock
        self._mode = mode
        self._challengers = challengers

    def run_cycle(self, cycle: Cycle) -> CycleReport:
        """Run one cycle and record its report; a cycle that has completed before sends nothing and gives its report again.

        What the venue or its data do wrong ends in a report (failed or halted). Raises StateError when the report cannot be
        recorded, and InvariantViolated.
        """
        recorded = self._books.report_of(cycle.id)
        if recorded is not None and recorded.outcome is not Outcome.FAILED:
            return replace(recorded, repeated=True)
        seen = _Trace()
        try:
            ending = self._run_stages(cycle, seen)
        except DataError as error:
            report = self._report(cycle, seen, Outcome.HALTED, f"data: {error}")
        except (ExchangeUnavailable, AuthenticationFailed, StateError) as error:
            report = self._report(cycle, seen, Outcome.FAILED, str(error))
        else:
            report = self._ended(cycle, seen, ending)
        self._books.record(CycleCompleted(report=report))
        self._hear_challengers(cycle, seen, report)
        return report

    def _hear_challengers(self, cycle: Cycle, seen: _Trace, report: CycleReport) -> None:
        """Record what they want where the model was asked; a cycle that failed may run again, and they are heard then."""
        situation = seen.plan.situation if seen.plan else None
        if self._challengers is None or situation is None or report.outcome is Outcome.FAILED:
            return
        self._books.record(ChallengersHeard(cycle_id=cycle.id, opinions=self._challengers.opinions(situation)))

    def _run_stages(self, cycle: Cycle, seen: _Trace) -> ExecutionReport | Halt:
        clearance = self._stage(seen, Stage.RISK_CHECK, lambda: self._risk.run(cycle))
        if isinstance(clearance, Halt):
            return clearance
        seen.gates += named("risk", clearance.gates)
        seen.mark_krw = clearance.portfolio.marks_krw.get(cycle.market)

        if clearance.forced_exit is not None:
            return self._stage(seen, Stage.EXECUTION, lambda: self._execution.exit(cycle))

        snapshot = self._stage(seen, Stage.DATA_COLLECTION, lambda: self._data.run(cycle))
        if isinstance(snapshot, Halt):
            return snapshot
        seen.mark_krw = snapshot.mark_krw
        seen.gates += named("data", snapshot.gates)

        plan = self._stage(seen, Stage.ANALYSIS, lambda: self._analysis.run(cycle, clearance, snapshot))
        seen.plan = plan
        seen.gates = _with_new(seen.gates, plan.gates)

        return self._stage(seen, Stage.EXECUTION, lambda: self._execution.run(cycle, snapshot, plan))

    def _ended(self, cycle: Cycle, seen: _Trace, ending: ExecutionReport | Halt) -> CycleReport:
        if isinstance(ending, Halt):
            prefix = {Stage.RISK_CHECK: "risk", Stage.DATA_COLLECTION: "data"}.get(ending.stage, "execution")
            seen.gates = _with_new(seen.gates, named(prefix, ending.gates))
            failed = first_failure(ending.gates)
            is_gate = failed is not None and failed.words == ending.reason
            return self._report(cycle, seen, Outcome.HALTED, f"{prefix}.{ending.reason}" if is_gate else ending.reason)
        seen.execution = ending
        seen.gates += named("execution", ending.gates)
        if ending.orders:
            return self._report(cycle, seen, Outcome.HALTED, f"order {ending.orders[-1].identifier}: {ending.orders[-1].status}")
        return self._report(cycle, seen, Outcome.HELD, _decided(seen.plan))

    def _report(self, cycle: Cycle, seen: _Trace, outcome: Outcome, reason: str) -> CycleReport:
        """Render what was seen. An hour in which an order of this market executed has traded, for that order's reason."""
        execution, advice = seen.execution, seen.plan.advice if seen.plan else None
        intents = self._intents(cycle)
        traded = [intent for intent in intents if intent.closing is not None and intent.closing.executed_quantity > ZERO]
        if traded and outcome is not Outcome.FAILED:
            outcome, reason = Outcome.TRADED, traded[-1].plan.reason
        return CycleReport(
            cycle_id=cycle.id,
            market=cycle.market,
            mode=self._mode,
            opened_at=cycle.opened_at,
            completed_at=self._clock.now(),
            outcome=outcome,
            stage=seen.stage,
            reason=reason,
            gates=seen.gates,
            decision=_decision(seen),
            proposed=advice.decision if advice else None,
            votes=advice.votes if advice else (),
            orders=tuple(map(summary, intents)),
            slippage_bps=execution.slippage_bps if execution else None,
            durations_ms=seen.durations_ms,
            indicators=seen.plan.indicators if seen.plan else {},
            mark_krw=seen.mark_krw,
            screen=seen.plan.screen if seen.plan else None,
            state=self._summarizer.summary(cycle.market),
        )

    def _intents(self, cycle: Cycle) -> list[Intent]:
        """Give every order of this market and hour in turn, those that the guard placed among them, as they stand now."""
        return sorted(self._books.intents.of_cycle(cycle.market, cycle.id), key=_turn)

    def _stage(self, seen: _Trace, stage: Stage, run: Callable[[], T]) -> T:
        """Run one stage and note how long it took, whatever its end."""
        seen.stage = stage
        started = self._clock.monotonic_s()
        try:
            return run()
        finally:
            seen.durations_ms[stage.value] = round((self._clock.monotonic_s() - started) * 1000, 3)


def _turn(intent: Intent) -> tuple[datetime, int]:
    """Order intents by the time of their plan, and those of one moment by their role."""
    return intent.planned_at, _ROLES.index(intent.plan.role)


def _with_new(known: tuple[Gate, ...], others: tuple[Gate, ...]) -> tuple[Gate, ...]:
    """Add those gates that do not stand there already with the same outcome."""
    names = {gate.name for gate in known}
    return (*known, *(gate for gate in others if gate.name not in names or gate not in known))


def _decision(seen: _Trace) -> Decision | None:
    return seen.plan.decision if seen.plan else None


def _decided(plan: TradePlan | None) -> str:
    if plan is None:
        return "nothing was decided"
    failed = first_failure(plan.gates)
    return plan.decision.reason if failed is None else failed.words
