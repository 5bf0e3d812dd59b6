"""Stage 3: screen, indicators, context, decision, filters, validator; the answer is a plan, HOLD included."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from dg_bot.analysis.filters import NEWS_BLOCK_SCORE, entry_filters
from dg_bot.analysis.market_context import MarketContext
from dg_bot.analysis.validator import ValidatorLimits, validate, verdict
from dg_bot.cycle import Cycle, ForcedExit, MarketSnapshot, RiskClearance, Situation, TradePlan
from dg_bot.domain.decision import ONNX, Action, Advice, Decision, OutputKind
from dg_bot.domain.gate import Gate, first_failure, named
from dg_bot.domain.language_model import LLM, AnswerKind
from dg_bot.domain.order import Side
from dg_bot.domain.portfolio import ProtectionPlan
from dg_bot.domain.screen import ScreenMode, ScreenResult
from dg_bot.errors import DecisionError
from dg_bot.indicators.bars import bars_of
from dg_bot.pipeline.measurements import FreshMeasurements, Measurements
from dg_bot.ports import DecisionModel, StrategyScreen
from dg_bot.risk.exit_rules import ExitReason, trend_exit
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.protection import protection_plan
from dg_bot.strategies.base import Signals, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSettings:
    """What stage 3 demands. An entry that is not `is_sized_by_screen` has its gates, and the size of one without a screen."""

    screen_mode: ScreenMode
    minimum_confidence: float
    validator: ValidatorLimits
    news_block_score: float = NEWS_BLOCK_SCORE
    is_sized_by_screen: bool = True


class AnalysisStage:
    """Opinions and the checks on them. Holds no lock: it may take as long as a model takes."""

    def __init__(
        self,
        *,
        strategy: Strategy,
        screen: StrategyScreen,
        model: DecisionModel,
        limits: RiskLimits,
        settings: AnalysisSettings,
        measurements: Measurements | None = None,
    ) -> None:
        """`measurements` are made afresh from each snapshot unless somebody has them already."""
        self._strategy = strategy
        self._measurements = measurements or FreshMeasurements(strategy.signals)
        self._screen = screen
        self._model = model
        self._limits = limits
        self._settings = settings

    def run(self, cycle: Cycle, clearance: RiskClearance, snapshot: MarketSnapshot) -> TradePlan:
        """Give the plan: a strategy's exit first, then the model's decision as far as every check lets it pass."""
        signals = self._measurements.signals(snapshot)
        context = self._measurements.context(snapshot)
        is_bar_close = _closed_now(snapshot, cycle)
        indicators = {**self._measurements.indicators(snapshot), **_surroundings(context), **_news_figures(snapshot)}
        forced = self._trend_exit(cycle, clearance, signals) if is_bar_close else None
        if forced is not None:
            decision = Decision(action=Action.SELL, confidence=1.0, source="risk", reason=forced.reason.word)
            return TradePlan(decision=decision, indicators=indicators, screen=None, protection=None, forced_exit=forced, gates=())
        screen = None
        if self._settings.screen_mode is not ScreenMode.OFF:
            screen = self._screen.evaluate(snapshot.strategy_bars, cycle.opened_at, hourly=snapshot.hourly)
        situation = Situation(
            snapshot=snapshot,
            signals=signals if is_bar_close else None,
            indicators=indicators,
            context=context,
            position=clearance.portfolio.position_on(cycle.market),
            screen=screen,
            entry_obstacle=self._entry_obstacle(clearance, snapshot, screen, is_bar_close=is_bar_close),
            is_safe_mode=clearance.is_safe_mode,
        )
        advice = self._advice(situation)
        proposed = advice.decision
        gates = (
            *_answer_gates(advice),
            *_output_gates(advice),
            *_strategy_gates(signals, proposed, is_bar_close=is_bar_close),
            *self._screen_gates(screen, proposed),
            *_clearance_gates(clearance, snapshot, proposed),
            *_checked("filter", lambda: self._filter_gates(context, snapshot, proposed)),
            *_checked(
                "validator",
                lambda: self._validator_gates(snapshot, context, proposed),
            ),
        )
        return TradePlan(
            decision=verdict(proposed, gates),
            indicators=indicators,
            screen=screen if self._settings.is_sized_by_screen else None,
            protection=self._protection(signals, indicators) if proposed.action is Action.BUY else None,
            forced_exit=None,
            gates=gates,
            is_screen_advisory=self._settings.screen_mode is ScreenMode.WARN,
            advice=advice,
            situation=situation,
        )

    def _advice(self, situation: Situation) -> Advice:
        """Ask the model; one without a usable answer holds."""
        try:
            return self._model.decide(situation)
        except DecisionError as error:
            hold = Decision(action=Action.HOLD, confidence=0.0, source=self._model.name, reason=str(error))
            return Advice(decision=hold)

    def _entry_obstacle(
        self, clearance: RiskClearance, snapshot: MarketSnapshot, screen: ScreenResult | None, *, is_bar_close: bool
    ) -> str | None:
        """Name the first thing that stands against an entry before any model is asked."""
        closed = _closed_gate(is_bar_close=is_bar_close)
        if not closed.passed:
            return closed.words
        is_blocking = screen is not None and self._settings.screen_mode is ScreenMode.BLOCK
        screened = screen.gates if screen is not None and is_blocking else ()
        for prefix, gates in (("risk", clearance.gates), ("data", snapshot.gates), ("screen", screened)):
            failed = first_failure(gates)
            if failed is not None:
                return f"{prefix}.{failed.words}"
        return None

    def _screen_gates(self, screen: ScreenResult | None, proposed: Decision) -> tuple[Gate, ...]:
        if screen is None or self._settings.screen_mode is not ScreenMode.BLOCK or proposed.action is Action.SELL:
            return ()
        return named("screen", screen.gates)

    def _filter_gates(self, context: MarketContext, snapshot: MarketSnapshot, proposed: Decision) -> tuple[Gate, ...]:
        if proposed.action is not Action.BUY:
            return ()
        return entry_filters(context, snapshot.news_scores, news_block_score=self._settings.news_block_score)

    def _validator_gates(self, snapshot: MarketSnapshot, context: MarketContext, proposed: Decision) -> tuple[Gate, ...]:
        if proposed.action is Action.HOLD:
            return ()
        bars, settings = bars_of(snapshot.strategy_bars), self._settings
        return validate(proposed, bars, context, settings.validator, settings.minimum_confidence)

    def _trend_exit(self, cycle: Cycle, clearance: RiskClearance, signals: Signals) -> ForcedExit | None:
        """Let the strategy's trend rule end a position at the close of a bar."""
        position = clearance.portfolio.position_on(cycle.market)
        rules = self._strategy.bar_exits
        if position is None or position.levels.trend_strength is None or not len(signals.trend_strength):
            return None
        now = float(signals.trend_strength[-1])
        due = ExitReason(trend_exit(now, position.levels.trend_strength, rules.trend_ratio, rules.trend_floor))
        if due is ExitReason.NONE or Side.SELL not in clearance.allowed_sides:
            return None
        return ForcedExit(position=position, reason=due)

    def _protection(self, signals: Signals, indicators: Mapping[str, float]) -> ProtectionPlan:
        return protection_plan(
            limits=self._limits,
            atr=indicators.get("atr", float("nan")),
            stop_distance=float(signals.stop_distance[-1]),
            target_distance=float(signals.target_distance[-1]),
            trend_strength=float(signals.trend_strength[-1]),
        )


def _checked(name: str, checks: Callable[[], tuple[Gate, ...]]) -> tuple[Gate, ...]:
    """Run checks under a common name; where they raise, that is one check that failed, never none that objects."""
    try:
        return named(name, checks())
    except Exception as error:  # noqa: BLE001 - a check that raises is a failed check
        return (Gate(f"{name}.completed", f"{type(error).__name__}: {error}", "no error", False),)


def _answer_gates(advice: Advice) -> tuple[Gate, ...]:
    """Record how a language model answered, and how many texts were withheld from it since they looked like instructions.

    An unusable answer is the reason of a HOLD only where nobody decided in its place and it was asked at all.
    """
    consultation, decision = advice.consultation, advice.decision
    if consultation is None:
        return ()
    kind = consultation.answer.kind
    is_reason = decision.source == LLM and kind not in (AnswerKind.USABLE, AnswerKind.NOT_ASKED)
    return (
        Gate("model.answer", kind.value, AnswerKind.USABLE.value if is_reason else None, not is_reason),
        Gate("model.suspicious_texts", consultation.suspicious_texts, None, True),
    )


def _output_gates(advice: Advice) -> tuple[Gate, ...]:
    """Record how a trained model answered, and the return that it expects; an unusable output is the reason of its own HOLD."""
    prediction = advice.prediction
    if prediction is None:
        return ()
    is_reason = advice.decision.source == ONNX and prediction.kind is not OutputKind.USABLE
    output = Gate("model.output", prediction.kind.value, OutputKind.USABLE.value if is_reason else None, not is_reason)
    if prediction.return_fraction is None:
        return (output,)
    return (output, Gate("model.prediction", prediction.return_fraction, None, True))


def _closed_gate(*, is_bar_close: bool) -> Gate:
    return Gate("strategy.bar_closed", is_bar_close, True, is_bar_close)


def _clearance_gates(clearance: RiskClearance, snapshot: MarketSnapshot, proposed: Decision) -> tuple[Gate, ...]:
    """Give what stages 1 and 2 found against the proposed side; what they found for it is in the report already."""
    match proposed.action:
        case Action.BUY:
            return (
                *named("risk", tuple(gate for gate in clearance.gates if not gate.passed)),
                *named("data", tuple(gate for gate in snapshot.gates if not gate.passed)),
            )
        case Action.SELL:
            may_sell = Side.SELL in clearance.allowed_sides
            return (Gate("risk.position", may_sell, True, may_sell),)
        case Action.HOLD:
            return ()
        case _:
            assert_never(proposed.action)


def _strategy_gates(signals: Signals, proposed: Decision, *, is_bar_close: bool) -> tuple[Gate, ...]:
    """Give the strategy's entry gates on the newest bar; they have no say in a SELL."""
    if proposed.action is Action.SELL:
        return ()
    closed = _closed_gate(is_bar_close=is_bar_close)
    if not is_bar_close or not len(signals.entry):
        return (closed,)
    return (closed, *named("strategy", tuple(gate.at(-1) for gate in signals.gates)))


def _closed_now(snapshot: MarketSnapshot, cycle: Cycle) -> bool:
    """Tell whether the newest strategy bar is the one that ended at this cycle's hour."""
    newest = snapshot.strategy_bars.last_opened_at
    return newest is not None and newest + snapshot.strategy_bars.timeframe.length == cycle.opened_at


def _surroundings(context: MarketContext) -> dict[str, float]:
    """Give the figures of the surroundings by name; what cannot be measured is absent."""
    reference = context.reference
    figures = {
        "return_24h": context.return_24h,
        "crash_drop": context.crash_drop,
        "volatility_24h": context.volatility_24h,
        "correlation_24": None if reference is None else reference.correlation_24,
        "correlation_720": None if reference is None else reference.correlation_720,
        "beta": None if reference is None else reference.beta,
    }
    return {name: value for name, value in figures.items() if value is not None}


def _news_figures(snapshot: MarketSnapshot) -> dict[str, float]:
    """Give the mean score of the news of 24 hours, and how many have one; without any both are absent."""
    scores = snapshot.news_scores
    return {"news_score_24h": sum(scores) / len(scores), "news_scored_24h": float(len(scores))} if scores else {}
