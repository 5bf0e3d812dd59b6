"""Short notes of a run by hand: what the guard sold, and what nobody watches now."""

from rich.console import Console

from dg_bot.domain.money import plain
from dg_bot.pipeline.guard import GuardReport
from dg_bot.risk.state import RiskState


def print_guard(report: GuardReport, console: Console) -> None:
    """Tell what the first guard tick found due; nothing where nothing was."""
    for market, reason in report.due:
        console.print(f"Guard: {market} reached its {reason.word.replace('_', ' ')}")
    for intent in report.intents:
        closing = intent.closing
        outcome = f"sold {plain(closing.executed_quantity)} for {closing.funds_krw:,.0f} KRW" if closing else str(intent.state)
        console.print(f"       {intent.identifier}: {outcome}")
    if report.due:
        console.print()


def print_unwatched(state: RiskState, console: Console) -> None:
    """Say that a position left behind has nobody to watch it until the daemon runs."""
    held = [str(position.market) for position in state.positions.values() if not position.is_dust]
    if held:
        console.print(f"\nNobody watches {', '.join(held)} until the daemon runs: python scheduler_main.py")
