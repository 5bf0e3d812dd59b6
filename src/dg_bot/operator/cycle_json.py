"""The JSON object of a cycle: what `--json` prints, one line a cycle, for programs to read."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from dg_bot.domain.cycle_report import CycleReport, OrderSummary, PositionSummary, StateSummary
from dg_bot.domain.decision import Decision
from dg_bot.domain.gate import Gate, Measure
from dg_bot.domain.money import plain
from dg_bot.domain.screen import Honesty, ScreenResult

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


def cycle_json(report: CycleReport) -> str:
    """Give the report as one line of JSON, without its line end.

    Money, prices and quantities are strings, exact; ratios and durations are numbers; what is unknown or not finite is null.
    """
    return json.dumps(cycle_object(report), ensure_ascii=False, allow_nan=False, separators=(", ", ": "))


def cycle_object(report: CycleReport) -> Mapping[str, Json]:
    """Give the report as plain JSON values under the names that outsiders rely on."""
    return {
        "cycle_id": report.cycle_id,
        "market": str(report.market),
        "mode": report.mode.value,
        "outcome": report.outcome.value,
        "stage": report.stage.value,
        "reason": report.reason,
        "gates": [_gate(gate) for gate in report.gates],
        "decision": None if report.decision is None else _decision(report.decision),
        "orders": [_order(order) for order in report.orders],
        "durations_ms": {name: _number(value) for name, value in report.durations_ms.items()},
        "state": None if report.state is None else _state(report.state),
        "repeated": report.repeated,
        "opened_at": _time(report.opened_at),
        "completed_at": _time(report.completed_at),
        "mark_price": _money(report.mark_krw),
        "slippage_bps": _number(report.slippage_bps),
        "indicators": {name: _number(value) for name, value in report.indicators.items()},
        "screen": None if report.screen is None else _screen(report.screen),
    }


def _gate(gate: Gate) -> Json:
    return {"name": gate.name, "value": _measure(gate.value), "limit": _measure(gate.limit), "passed": gate.passed}


def _decision(decision: Decision) -> Json:
    return {
        "action": decision.action.value,
        "confidence": _number(decision.confidence),
        "source": decision.source,
        "reason": decision.reason,
    }


def _order(order: OrderSummary) -> Json:
    return {
        "identifier": order.identifier,
        "side": order.side.value,
        "kind": order.kind,
        "status": order.status,
        "executed_quantity": _money(order.executed_quantity),
        "average_price": _money(order.average_price_krw),
        "fee": _money(order.fee_krw),
    }


def _state(state: StateSummary) -> Json:
    return {
        "safe_mode": state.safe_mode,
        "safe_mode_reason": state.safe_mode_reason,
        "daily_pnl_pct": _percent(state.daily_pnl_fraction),
        "weekly_pnl_pct": _percent(state.weekly_pnl_fraction),
        "daily_trade_count": state.daily_trade_count,
        "equity_krw": _money(state.equity_krw),
        "free_krw": _money(state.free_krw),
        "positions": [_position(position) for position in state.positions],
    }


def _position(position: PositionSummary) -> Json:
    return {
        "market": str(position.market),
        "quantity": _money(position.quantity),
        "average_cost": _money(position.average_cost_krw),
        "mark_price": _money(position.mark_krw),
        "stop": _money(position.stop_krw),
        "target": _money(position.target_krw),
    }


def _screen(screen: ScreenResult) -> Json:
    return {
        "evaluated_at": _time(screen.evaluated_at),
        "passed": screen.has_passed,
        "days": _number(screen.days),
        "round_trips": screen.round_trips,
        "total_return": _number(screen.total_return),
        "win_rate": _number(screen.win_rate),
        "profit_factor": _number(screen.profit_factor),
        "payoff": _number(screen.payoff),
        "sharpe": _number(screen.sharpe),
        "max_drawdown": _number(screen.max_drawdown),
        "gates": [_gate(gate) for gate in screen.gates],
        "honesty": None if screen.honesty is None else _honesty(screen.honesty),
    }


def _honesty(honesty: Honesty) -> Json:
    driftless = honesty.driftless
    return {
        "trials": honesty.trials,
        "sharpe_error": _number(honesty.sharpe_error),
        "mean_trip": _number(honesty.mean_trip),
        "trip_error": _number(honesty.trip_error),
        "probabilistic_sharpe": _number(honesty.probabilistic_sharpe),
        "deflated_sharpe": _number(honesty.deflated_sharpe),
        "driftless": None
        if driftless is None
        else {
            "identity": driftless.identity,
            "measured_on": _time(driftless.measured_on),
            "seed": driftless.seed,
            "walks": driftless.walks,
            "passes": driftless.passes,
            "fraction": _number(driftless.fraction),
        },
    }


def _measure(value: Measure) -> Json:
    match value:
        case Decimal():
            return _money(value)
        case float():
            return _number(value)
        case _:
            return value


def _money(value: Decimal | None) -> Json:
    return plain(value) if value is not None and value.is_finite() else None


def _percent(fraction: Decimal) -> Json:
    return _number(float(fraction * 100))


def _number(value: float | None) -> Json:
    return value if value is not None and math.isfinite(value) else None


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
