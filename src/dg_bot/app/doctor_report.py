"""What the doctor found, as one JSON object and as one screen for a person."""

import json
from collections.abc import Mapping

from rich.console import Console

from dg_bot.app.differences import in_words
from dg_bot.app.doctor import Findings
from dg_bot.domain.market import Market
from dg_bot.domain.money import plain
from dg_bot.domain.screen import ScreenFailure

_REMEDIES = {
    "safe_mode": "look at the reason, stop the daemon, then: python scripts/doctor.py --mode {mode} --resume",
    "open_intent": "the daemon asks the venue about it at every tick; it blocks entries on its market until it is settled; "
    "where you moved its coins or won yourself, --declare NOTE ends it after an hour",
    "ledger": (
        "if you moved it yourself, stop the daemon, then: python scripts/doctor.py --mode {mode} --declare NOTE "
        "(--adopt gives coins to the bot)"
    ),
    "account": "check the network and the key; nothing was compared",
    "database": "rows follow by themselves with the next cycle, once the database answers",
    "model_file": "mend what is said there, then start the bot anew; until then it buys nothing by this model",
    "messages": "messages follow by themselves with the next cycle, once Telegram answers",
    "discord": "messages follow by themselves with the next cycle, once Discord answers",
}


def findings_json(findings: Findings) -> str:
    """Write the object of the contract on one line."""
    state = findings.state
    document: Mapping[str, object] = {
        "ok": findings.is_well,
        "mode": findings.settings.mode.value,
        "data_dir": str(findings.settings.data_folder),
        "safe_mode": {
            "active": state.safe_mode is not None,
            "reason": None if state.safe_mode is None else state.safe_mode.reason,
            "since": None if state.safe_mode is None else state.safe_mode.since.isoformat(),
        },
        "positions": [
            {
                "market": str(position.market),
                "quantity": plain(position.quantity),
                "average_cost": plain(position.average_cost_krw),
                "stop": plain(position.levels.effective_stop_krw),
                "target": plain(position.levels.target_krw),
                "is_dust": position.is_dust,
            }
            for position in state.positions.values()
        ],
        "open_intents": [
            {
                "identifier": intent.identifier,
                "market": str(intent.plan.market),
                "side": intent.plan.side.value,
                "state": intent.state.value,
                "planned_at": intent.planned_at.isoformat(),
                "sends": intent.sends,
            }
            for intent in findings.open_intents
        ],
        "ledger": {
            "matches": None if findings.differences is None else not findings.differences,
            "differences": [
                {"currency": currency, "amount": plain(amount), "meaning": in_words(currency, amount)}
                for currency, amount in (findings.differences or {}).items()
            ],
        },
        "failing_screens": [
            {
                "market": str(market),
                "since": failure.since.isoformat(),
                "days": _days(findings, market, failure),
                "figure": failure.figure.words,
            }
            for market, failure in findings.failing_screens.items()
        ],
        "cursors": dict(findings.cursors),
        "degraded": [{"name": item.name, "reason": item.reason} for item in findings.degraded],
        "journal": {"records": findings.records, "ok": True},
    }
    return json.dumps(document, ensure_ascii=False)


def print_findings(findings: Findings, console: Console) -> None:
    """Tell a person in one screen whether all is well, and what to do if not."""
    state = findings.state
    console.print(f"[bold]dg_bot doctor[/]  mode {findings.settings.mode}, {findings.records} journal records, chain intact")
    console.print(f"folder       {findings.settings.data_folder}", markup=False, soft_wrap=True)
    console.print(f"safe mode    {'off' if state.safe_mode is None else state.safe_mode.reason}", markup=False)
    held = [position for position in state.positions.values() if not position.is_dust]
    console.print(f"positions    {len(held) or 'none'}")
    for position in held:
        levels = position.levels
        console.print(
            f"  {position.market}  {plain(position.quantity)} at {position.average_cost_krw:,.0f} KRW, "
            f"stop {levels.effective_stop_krw:,.0f}, target {levels.target_krw:,.0f}",
            soft_wrap=True,
        )
    if held and not findings.is_watched:
        start = f"python scheduler_main.py --mode {findings.settings.mode}"
        console.print(f"  [yellow]nobody watches {'this' if len(held) == 1 else 'these'} until the daemon runs:[/] {start}")
    console.print(f"open orders  {len(findings.open_intents) or 'none'}")
    matches = "not compared" if findings.differences is None else "differs" if findings.differences else "matches the books"
    console.print(f"account      {matches}")
    if findings.settings.telegram_bot_token is not None and not findings.settings.telegram_user_ids:
        console.print("commands     nobody is heard: TELEGRAM_USER_IDS names nobody")
    for market, failure in findings.failing_screens.items():
        days = _days(findings, market, failure)
        console.print(f"screen       {market} has failed for {days} days: {failure.figure.words}", markup=False, soft_wrap=True)
    for report in findings.last_reports.values():
        console.print(f"last cycle   {report.cycle_id}  {report.outcome}: {report.reason}", markup=False, soft_wrap=True)
    console.print()
    if findings.is_well:
        console.print("[green]All is well.[/]")
        return
    for item in findings.degraded:
        console.print(f"[yellow]{item.name}[/]: ", end="")
        console.print(item.reason, markup=False, soft_wrap=True)
        console.print(f"  {_REMEDIES.get(item.name, '').format(mode=findings.settings.mode)}", markup=False, soft_wrap=True)


def _days(findings: Findings, market: Market, failure: ScreenFailure) -> int:
    """Count the whole days from the first cycle whose screen failed to the market's last one."""
    last = findings.last_reports.get(market)
    return 0 if last is None else (last.opened_at - failure.since).days
