"""Tell whether all is well: open orders, positions, account against books, safe mode; and mend what only an operator may."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.adapters.journal_file import verify
from dg_bot.app.doctor import examine
from dg_bot.app.doctor_report import findings_json, print_findings
from dg_bot.app.exit_codes import ExitCode, refusal
from dg_bot.app.logs import configure_logs
from dg_bot.app.operator_acts import declare_differences, resume
from dg_bot.app.secrets import Redactor
from dg_bot.app.settings import Settings, load_settings
from dg_bot.app.venue_access import account_balances
from dg_bot.errors import BotError
from dg_bot.operator.desk_text import terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 all well, 1 degraded (each reason named), 2 usage, 3 state unreadable or in use."""
    parser = argparse.ArgumentParser(
        description="Tell whether all is well with a bot, and leave safe mode or declare a transfer."
    )
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="whose folder to look at (default: MODE, or demo)")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument("--resume", action="store_true", help="leave safe mode")
    acts.add_argument("--verify", action="store_true", help="check every journal record and name the first altered one")
    acts.add_argument("--declare", metavar="NOTE", help="accept the account as it is: what differs was moved by you")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings(overrides={"MODE": options.mode} if options.mode else {})
        # Without this, what libraries log would stand on standard output, before the JSON.
        configure_logs(level="ERROR", log_format=settings.log_format, redactor=Redactor(settings.secrets()))
        if options.verify:
            return _verify(settings)
        with account_balances(settings) as balances:
            if options.resume:
                resume(settings)
            if options.declare is not None:
                declare_differences(settings, balances, note=options.declare)
            findings = examine(settings, balances)
    except BotError as error:
        return refusal("doctor", error)
    if options.json:
        print(findings_json(findings))
    else:
        print_findings(findings, terminal())
    return ExitCode.DONE if findings.is_well else ExitCode.FAILED


def _verify(settings: Settings) -> int:
    path = settings.state_folder / "journal.jsonl"
    altered = verify(path)
    if altered is None:
        print(f"{path}: every record is as it was written")
        return ExitCode.DONE
    print(f"{path}: record {altered.number} {altered.problem}")
    return ExitCode.REFUSED


if __name__ == "__main__":
    sys.exit(main())
