"""Tell whether all is well: open orders, positions, account against books, safe mode; and mend what only an operator may."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from rich.console import Console

from dg_bot.app.account_access import AccountAccess, account_access
from dg_bot.app.adoption import adopt
from dg_bot.app.argument_types import count
from dg_bot.app.audit import audit
from dg_bot.app.command_line import parsed, settings_under
from dg_bot.app.declaration import Whose, declare
from dg_bot.app.doctor import examine
from dg_bot.app.doctor_report import findings_json, print_findings
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.operator_acts import resume
from dg_bot.app.rebuild import rebuild_rows
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import altered_record
from dg_bot.app.watch import watch
from dg_bot.domain.market import Market
from dg_bot.errors import BotError
from dg_bot.operator.progress_bar import steps
from dg_bot.operator.terminal import terminal

_WATCH_S = 10
Act = Callable[[Settings, AccountAccess], list[str]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 all well, 1 degraded (each reason named), 2 usage, 3 refused, or state unreadable or in use."""
    try:
        options = _options(arguments)
        settings = settings_under(options)
        if options.verify:
            return _verify(settings)
        if options.audit:
            return _audit(settings)
        with account_access(settings) as account:
            if options.watch is not None:
                return ExitCode.DONE if watch(settings, account, terminal(), period_s=options.watch) else ExitCode.FAILED
            act = _act(options)
            if act is not None:
                with steps("at it", Console(stderr=True)):
                    lines = act(settings, account)
                print("\n".join(lines), file=sys.stderr if options.json else sys.stdout)
            with steps("looking", Console(stderr=True)):
                findings = examine(settings, account.balances)
    except BotError as error:
        return refusal("doctor", error)
    if options.json:
        print(findings_json(findings))
    else:
        print_findings(findings, terminal())
    return ExitCode.DONE if findings.is_well else ExitCode.FAILED


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Tell whether all is well with a bot, and do what only its operator may.", allow_abbrev=False
    )
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="whose folder to look at (default: MODE, or demo)")
    parser.add_argument(
        "--json", action="store_true", help="what was found as one JSON object on standard output (--verify, --audit: text)"
    )
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument(
        "--watch", type=count, nargs="?", const=_WATCH_S, metavar="SECONDS", help="look again every so many seconds, until Ctrl-C"
    )
    acts.add_argument("--resume", action="store_true", help="leave safe mode")
    acts.add_argument("--verify", action="store_true", help="check every journal record and name the first altered one")
    acts.add_argument("--audit", action="store_true", help="name every database row that is not what the journal says")
    acts.add_argument("--rebuild-db", action="store_true", help="make all rows of the database anew from the journal")
    acts.add_argument("--declare", metavar="NOTE", help="accept the account as it is: what differs was moved by you")
    acts.add_argument("--adopt", type=_market, metavar="MARKET", help="give coins of your own to the bot, which sells them too")
    parser.add_argument("--currency", help="declare the difference of this currency alone, and exactly --amount of it")
    parser.add_argument("--amount", type=_number, help="how much is declared (negative: it left), or adopted (default: all)")
    parser.add_argument("--cost", type=_number, metavar="KRW", help="what one adopted coin cost you (default: the price of now)")
    parser.add_argument(
        "--whose", choices=tuple(map(str, Whose)), help="whose declared coins were that left, where the bot and you have some"
    )
    options = parsed(parser, arguments)
    if options.watch is not None and (options.json or not sys.stdout.isatty()):
        parser.error("--watch is for a terminal; programs read --json")
    if options.declare is not None and (options.currency is None) is not (options.amount is None):
        parser.error("--currency and --amount belong together")
    if options.currency is not None and options.declare is None:
        parser.error("--currency belongs to --declare")
    if options.whose is not None and options.declare is None:
        parser.error("--whose belongs to --declare")
    if options.amount is not None and options.declare is None and options.adopt is None:
        parser.error("--amount belongs to --declare or --adopt")
    if options.cost is not None and options.adopt is None:
        parser.error("--cost belongs to --adopt")
    if options.adopt is not None and any(number is not None and number <= 0 for number in (options.amount, options.cost)):
        parser.error("--amount and --cost of --adopt are above zero")
    return options


def _act(options: argparse.Namespace) -> Act | None:
    if options.resume:
        return resume
    if options.rebuild_db:
        return rebuild_rows
    if options.declare is not None:
        return lambda settings, account: declare(
            settings,
            account,
            note=options.declare,
            currency=options.currency,
            amount=options.amount,
            whose=None if options.whose is None else Whose(options.whose),
        )
    if options.adopt is not None:
        return lambda settings, account: adopt(
            settings, account, market=options.adopt, amount=options.amount, cost_krw=options.cost
        )
    return None


def _market(text: str) -> Market:
    try:
        return Market(text)
    except BotError as error:
        raise argparse.ArgumentTypeError("a market looks like KRW-BTC") from error


def _number(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError("it is not a number") from error
    if not value.is_finite() or value == 0:
        raise argparse.ArgumentTypeError("a number other than zero is needed")
    return value


def _audit(settings: Settings) -> int:
    with steps("comparing every row", Console(stderr=True)):
        altered = audit(settings)
    print("\n".join(altered) or "every row is what the journal says")
    return ExitCode.FAILED if altered else ExitCode.DONE


def _verify(settings: Settings) -> int:
    path = settings.state_folder / "journal.jsonl"
    with steps("reading every record", Console(stderr=True)):
        altered = altered_record(settings)
    if altered is None:
        print(f"{path}: every record is as it was written")
        return ExitCode.DONE
    print(f"{path}: record {altered.number} {altered.problem}")
    return ExitCode.REFUSED


if __name__ == "__main__":
    end_with("doctor", main)
