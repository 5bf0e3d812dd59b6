"""Short notes of a run by hand: what the guard sold, and what nobody watches now."""

from rich.console import Console

from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.money import ZERO, plain
from dg_bot.execution.intent import Intent
from dg_bot.pipeline.guard import GuardReport
from dg_bot.risk.state import RiskState


def print_guard(report: GuardReport, console: Console) -> None:
    """Tell what the first guard tick found due; nothing where nothing was."""
    for market, reason in report.due:
        console.print(f"Guard: {market} reached its {reason.word.replace('_', ' ')}")
        intents = [intent for intent in report.intents if intent.plan.market == market]
        for intent in intents:
            console.print(f"       {intent.identifier}: {_outcome(intent)}")
        if not intents:
            console.print("       nothing was sold; the daemon looks again at its next tick")
    if report.due:
        console.print()


def _outcome(intent: Intent) -> str:
    closing = intent.closing
    if closing is None:
        return f"no end yet, {intent.state}"
    if closing.executed_quantity == ZERO:
        return f"not sold, {closing.closing.replace('_', ' ')}"
    return f"sold {plain(closing.executed_quantity)} for {closing.funds_krw:,.0f} KRW"


def print_unwatched(state: RiskState, mode: Mode, console: Console) -> None:
    """Say that a position left behind has nobody to watch it until the daemon runs."""
    held = [str(position.market) for position in state.positions.values() if not position.is_dust]
    if held:
        console.print(f"\nNobody watches {', '.join(held)} until the daemon runs:\npython scheduler_main.py --mode {mode}")
