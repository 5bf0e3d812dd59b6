"""Metrics for Prometheus: a projection of the journal, and a few figures that are told directly.

The names are a contract with dashboards and alerts. Counters begin again with each process; money is exact in the database, here
it is for watching.
"""

from datetime import datetime
from decimal import Decimal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import generate_latest

from dg_bot.domain.cycle_report import CycleReport, Outcome, Stage, StateSummary
from dg_bot.domain.decision import Action
from dg_bot.domain.events import (
    ChallengersHeard,
    Closing,
    CycleCompleted,
    IntentClosed,
    IntentPlanned,
    ModelAnswered,
    NewsSeen,
    PeriodOpened,
    PositionAdopted,
    Record,
    SafeModeEntered,
    SafeModeLeft,
    Started,
    TransferDeclared,
)
from dg_bot.domain.language_model import AnswerKind
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO, product
from dg_bot.domain.news import FeedOutcome
from dg_bot.domain.order import Role, Side
from dg_bot.remembered import Remembered
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.loss_breaker import is_loss

_HTTP_S = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 3.5, 5.0, 10.0)
_JOB_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_STRATEGY_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
_NOTICE_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_STATUS = {
    Closing.EXECUTED: "filled",
    Closing.NOT_EXECUTED: "cancelled",
    Closing.REJECTED: "failed",
    Closing.NEVER_ACCEPTED: "failed",
}
_STOPS = {ExitReason.STOP_LOSS.word, ExitReason.TRAILING_STOP.word}
_PROFITS = {ExitReason.TAKE_PROFIT.word, ExitReason.STAGED_PROFIT.word}
_LEVELS = ("high", "medium", "low")
_VALIDATOR = "validator."
_MODEL_ANSWER, _MODEL_OUTPUT, _MODEL_PREDICTION = "model.answer", "model.output", "model.prediction"


class Metrics:
    """All metrics of one process in a registry of their own. Its methods may be called from any thread."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter that nobody reads
        self.registry = CollectorRegistry(auto_describe=True)
        self._planned: dict[str, IntentPlanned] = {}
        self._last_exit: dict[Market, tuple[str, str]] = {}
        self._invested_krw: Decimal | None = None
        self._last_good_cycle: datetime | None = None
        self._lags: dict[str, int] = {}
        self._make_trading()
        self._make_risk()
        self._make_process()
        self._make_news()

    def exposition(self) -> bytes:
        """Give all metrics in Prometheus' text format 0.0.4."""
        return generate_latest(self.registry)

    def begin(self, remembered: Remembered) -> None:
        """Show what is known from before this process; counters begin at zero, as they do with every process."""
        self._invested_krw = remembered.invested_krw
        self._planned = {intent.identifier: intent.plan for intent in remembered.intents.open_intents()}
        for report in remembered.reports.values():
            self._ended(report)
            if report.state is not None:
                self._account(report.state)
        self._safe_mode.set(int(remembered.state.safe_mode is not None))

    def observe_record(self, record: Record) -> None:
        """Count what a journal record says; feed every record once, in order."""
        match record.event:
            case IntentPlanned() as planned:
                self._plan(planned)
            case IntentClosed() as closed:
                self._close(closed)
            case Started() if self._last_good_cycle is None:
                self._good_cycle_until(record.at)
            case CycleCompleted() as completed:
                self._cycle(completed.report)
            case SafeModeEntered() as entered:
                self._safe_mode.set(1)
                if is_loss(entered.reason):
                    self._breaker_triggers.inc()
            case SafeModeLeft():
                self._safe_mode.set(0)
            case PeriodOpened() as opened if self._invested_krw is None:
                self._invested_krw = opened.equity_krw
            case TransferDeclared() as transfer if transfer.currency == "KRW" and self._invested_krw is not None:
                self._invested_krw += transfer.amount
            case PositionAdopted() as adopted if self._invested_krw is not None:
                self._invested_krw += product(adopted.quantity, adopted.mark_krw)
            case ModelAnswered() as answered:
                self._llm_tokens.inc(answered.tokens)
                self._llm_cost.inc(float(answered.answer.cost_krw))
            case ChallengersHeard(opinions=opinions):
                for opinion in opinions:
                    self._challengers.labels(opinion.model, opinion.action.value, opinion.problem or "none").inc()
            case NewsSeen() as seen:
                self._news_entries.labels(seen.source).inc(len(seen.entries))
            case _:
                return

    def news_read(self, source: str, outcome: FeedOutcome) -> None:
        self._news_reads.labels(source, outcome.value).inc()

    def news_judged(self, kind: AnswerKind) -> None:
        self._news_answers.labels(kind.value).inc()

    def observe_request(self, group: str, status: str, seconds: float) -> None:
        """Note one exchange request; `status` is the HTTP status, `none` where no answer came."""
        self._request_seconds.labels(group, status).observe(seconds)

    def order_ack(self, seconds: float) -> None:
        """Note how long an order request took until the venue answered it, or until it was given up."""
        self._ack_seconds.observe(seconds)

    def notification_delay(self, seconds: float) -> None:
        self._notice_seconds.observe(seconds)

    def job_finished(self, name: str, seconds: float, *, ok: bool) -> None:
        self._job_seconds.labels(name).observe(seconds)
        (self._job_success if ok else self._job_failure).labels(name).inc()

    def running(self, *, is_running: bool) -> None:
        self._running.set(int(is_running))

    def error(self, kind: str) -> None:
        """Count an error; `kind` is the name of its class or of the projection that failed, never its text."""
        self._errors.labels(kind).inc()

    def command(self, outcome: str) -> None:
        """Count a message from Telegram by what came of it: an outcome, or `stranger`, `old`, `flood`."""
        self._commands.labels(outcome).inc()

    def guard_tick(self, age_seconds: float) -> None:
        """Note how long ago the last guard tick completed."""
        self._guard_age.set(age_seconds)

    def unprotected(self, seconds: float) -> None:
        """Add time in which a position was held and no guard tick completed."""
        self._unprotected.inc(seconds)

    def outbox_lag(self, records: int, *, of: str = "outbox") -> None:
        """Note how many journal records the projection of one outbox that is furthest behind has not taken yet."""
        self._lags[of] = records
        self._outbox.set(max(self._lags.values()))

    def unresolved_intents(self, count: int) -> None:
        self._unresolved.set(count)

    def clock_skew(self, seconds: float) -> None:
        self._skew.set(seconds)

    def key_expires_in(self, days: float) -> None:
        self._key_days.set(days)

    def llm_budget_used(self, fraction: Decimal) -> None:
        """Note how much of the language model's budget of the day is spent, of its tokens or its won, whichever is nearer."""
        self._llm_budget.set(float(fraction))

    def candles_received(self, count: int) -> None:
        self._candles.inc(count)

    def signal_generated(self, strategy: str, side: Side) -> None:
        self._signals.labels(strategy, side.value).inc()

    def strategy_executed(self, strategy: str, seconds: float) -> None:
        self._strategy_seconds.labels(strategy).observe(seconds)

    def _plan(self, planned: IntentPlanned) -> None:
        """Count a triggered exit once, however many orders it is split into."""
        self._planned[planned.identifier] = planned
        if planned.role is not Role.EXIT:
            return
        exit_ = (planned.cycle_id, planned.reason)
        if self._last_exit.get(planned.market) == exit_:
            return
        self._last_exit[planned.market] = exit_
        if planned.reason in _STOPS:
            self._stop_triggers.inc()
        elif planned.reason in _PROFITS:
            self._profit_triggers.inc()

    def _close(self, closed: IntentClosed) -> None:
        planned = self._planned.pop(closed.identifier, None)
        if planned is None:
            return
        self._orders.labels(_STATUS[closed.closing], planned.side.value).inc()
        if closed.executed_quantity > ZERO:
            self._trades.labels(planned.side.value).inc()
            self._volume.inc(float(closed.funds_krw))
            self._fees.inc(float(closed.paid_fee_krw))

    def _cycle(self, report: CycleReport) -> None:
        if report.decision is not None:
            self._decisions.labels(report.decision.action.value).inc()
            for level in _LEVELS:
                is_level = level == _level(report.decision.confidence)
                self._confidence.labels(level).set(report.decision.confidence if is_level else 0.0)
        for gate in report.gates:
            if gate.name.startswith(_VALIDATOR) and not gate.passed:
                self._validation_failures.labels(gate.name.removeprefix(_VALIDATOR)).inc()
            if gate.name == _MODEL_ANSWER:
                self._llm_answers.labels(str(gate.value)).inc()
            if gate.name == _MODEL_OUTPUT:
                self._model_outputs.labels(str(gate.value)).inc()
            if gate.name == _MODEL_PREDICTION and isinstance(gate.value, float):
                self._prediction.set(gate.value)
        failed = report.stopping_gate
        if report.outcome is Outcome.HALTED and report.stage in (Stage.RISK_CHECK, Stage.EXECUTION) and failed is not None:
            self._rejections.labels(failed.name).inc()
        if report.indicators:
            self._news_score.set(report.indicators.get("news_score_24h", float("nan")))
        self._ended(report)
        if report.slippage_bps is not None:
            self._slippage.set(report.slippage_bps / 100)
        if report.state is not None:
            self._account(report.state)

    def _ended(self, report: CycleReport) -> None:
        if report.outcome is not Outcome.FAILED:
            self._good_cycle_until(report.completed_at)

    def _good_cycle_until(self, at: datetime) -> None:
        """Note when a cycle ended that did not fail; before the very first one, when the bot was started."""
        self._last_good_cycle = at
        self._last_cycle.set(at.timestamp())

    def _account(self, state: StateSummary) -> None:
        self._daily_pnl.set(float(state.daily_pnl_fraction * 100))
        self._weekly_pnl.set(float(state.weekly_pnl_fraction * 100))
        self._safe_mode.set(int(state.safe_mode))
        self._value.set(float(state.equity_krw))
        if self._invested_krw is not None and self._invested_krw > ZERO:
            self._profit_rate.set(float(state.equity_krw / self._invested_krw - 1))
        self._unrealized.clear()
        for position in state.positions:
            gain = (position.mark_krw - position.average_cost_krw) * position.quantity
            self._unrealized.labels(str(position.market)).set(float(gain))

    def _make_trading(self) -> None:
        self._trades = self._counter("trades_total", "Orders that were filled, wholly or in part.", "side")
        self._volume = self._counter("trade_volume_krw_total", "Value of all fills in KRW.")
        self._fees = self._counter("trade_fee_krw_total", "Fees paid in KRW.")
        self._slippage = self._gauge("slippage_pct", "Slippage of the last traded cycle in percent, positive when worse for us.")
        self._orders = self._counter("orders_total", "Orders that have ended.", "status", "side")
        self._decisions = self._counter("ai_decisions_total", "Decisions by action.", "decision")
        self._challengers = self._counter(
            "challenger_opinions_total", "Opinions of models that are only scored.", "model", "action", "problem"
        )
        self._confidence = self._gauge(
            "ai_confidence", "Confidence of the last decision, at its level; 0 at the others.", "level"
        )
        self._validation_failures = self._counter("ai_validation_failures_total", "Failed checks of the validator.", "check")
        self._signals = self._counter("signals_generated_total", "Signals of strategies.", "strategy", "side")
        self._strategy_seconds = self._histogram(
            "strategy_execution_seconds", "Time a strategy took over its bars.", _STRATEGY_S, "strategy"
        )
        self._prediction = self._gauge(
            "model_prediction", "Return after costs that the trained model predicted last, a fraction."
        )
        self._prediction.set(float("nan"))
        self._value = self._gauge("portfolio_value_krw", "Equity in KRW.")
        self._profit_rate = self._gauge("portfolio_profit_rate", "Gain over the equity at the start plus transfers, a fraction.")
        self._unrealized = self._gauge("unrealized_pnl", "Unrealised gain of a position in KRW.", "symbol")
        for side in Side:
            self._trades.labels(side.value)
            for status in set(_STATUS.values()):
                self._orders.labels(status, side.value)
        for action in Action:
            self._decisions.labels(action.value)
        for level in _LEVELS:
            self._confidence.labels(level)

    def _make_risk(self) -> None:
        self._breaker_triggers = self._counter("risk_circuit_breaker_triggers_total", "Times the loss breaker tripped.")
        self._stop_triggers = self._counter("risk_stop_loss_triggers_total", "Exits by stop loss or trailing stop.")
        self._profit_triggers = self._counter("risk_take_profit_triggers_total", "Exits by take profit or a profit stage.")
        self._daily_pnl = self._gauge("risk_daily_pnl_pct", "Gain of the day in percent of its opening equity.")
        self._weekly_pnl = self._gauge("risk_weekly_pnl_pct", "Gain of the week in percent of its opening equity.")
        self._safe_mode = self._gauge("risk_safe_mode_active", "1 in safe mode, else 0.")
        self._rejections = self._counter("risk_rejections_total", "Cycles that a gate of risk or execution stopped.", "reason")

    def _make_process(self) -> None:
        self._running = self._gauge("bot_running", "1 while the bot works, else 0.")
        self._errors = self._counter("bot_errors_total", "Errors by kind.", "kind")
        self._commands = self._counter("telegram_commands_total", "Messages from Telegram by what came of them.", "outcome")
        self._job_seconds = self._histogram("scheduler_job_duration_seconds", "Time a job took.", _JOB_S, "job")
        self._job_success = self._counter("scheduler_job_success_total", "Jobs that succeeded.", "job")
        self._job_failure = self._counter("scheduler_job_failure_total", "Jobs that failed.", "job")
        self._last_cycle = self._gauge(
            "last_cycle_timestamp_seconds", "When the last cycle ended that did not fail, in seconds since 1970 by exchange time."
        )
        self._last_cycle.set(float("nan"))
        self._candles = self._counter("candles_received_total", "Candles received from the exchange.")
        self._request_seconds = self._histogram(
            "exchange_request_seconds", "Time of an exchange request.", _HTTP_S, "group", "status"
        )
        self._ack_seconds = self._histogram("order_ack_seconds", "Time to the venue's answer to an order.", _HTTP_S)
        self._notice_seconds = self._histogram("notification_delay_seconds", "Time from an event to its message.", _NOTICE_S)
        self._unprotected = self._counter("unprotected_seconds_total", "Time with a position and without a guard tick.")
        self._guard_age = self._gauge("guard_tick_age_seconds", "Time since the last completed guard tick.")
        self._outbox = self._gauge("outbox_lag", "Journal records that the projection furthest behind has not taken yet.")
        self._unresolved = self._gauge("unresolved_intents", "Orders whose end is not known yet.")
        self._skew = self._gauge("exchange_clock_skew_seconds", "Exchange time minus local time.")
        self._key_days = self._gauge("api_key_expires_in_days", "Days until the API key expires.")
        self._key_days.set(float("nan"))
        self._llm_tokens = self._counter("llm_tokens_total", "Tokens used by the language model.")
        self._llm_cost = self._counter("llm_cost_krw_total", "Cost of the language model in KRW.")
        self._model_outputs = self._counter(
            "model_outputs_total", "Decisions that a trained model was to make, by the kind of its output.", "kind"
        )
        self._llm_budget = self._gauge(
            "llm_budget_used_fraction", "Spent of the language model's budget of the day, of tokens or won, whichever is nearer."
        )
        self._llm_answers = self._counter(
            "llm_answers_total", "Decisions that a language model was to make, by the kind of its answer.", "kind"
        )

    def _make_news(self) -> None:
        self._news_reads = self._counter("news_reads_total", "Readings of feeds, by how they ended.", "source", "outcome")
        self._news_entries = self._counter("news_entries_total", "News that became known.", "source")
        self._news_answers = self._counter("news_answers_total", "Questions about how news sound, by the kind of answer.", "kind")
        self._news_score = self._gauge("news_score", "Mean score of the news of 24 hours in the last cycle, -1 to 1.")
        self._news_score.set(float("nan"))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, registry=self.registry, buckets=buckets)


def _level(confidence: float) -> str:
    if confidence >= 0.7:
        return "high"
    return "medium" if confidence >= 0.4 else "low"
