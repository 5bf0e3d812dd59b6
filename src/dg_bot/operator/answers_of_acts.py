"""Answers to commands that do something: what was done, what will be asked once more, and what was not done and why."""

from collections.abc import Sequence

from dg_bot.domain.approval import EntryProposal
from dg_bot.domain.conversation import Button, Reply
from dg_bot.domain.money import ZERO
from dg_bot.execution.intent import Intent
from dg_bot.operator import figures
from dg_bot.operator.answers import button
from dg_bot.operator.commands import ALL, Asked, Command, Misread, Problem
from dg_bot.operator.confirmations import LIFE_S, Pending, Verdict
from dg_bot.operator.glance import Glance
from dg_bot.operator.messages import reason_words
from dg_bot.operator.phrasebook import Phrasebook, joined
from dg_bot.pipeline.operator_hands import Comparison, Sale, SaleEnd
from dg_bot.risk.operator_halt import OperatorHalt
from dg_bot.risk.state import SafeMode

_VERDICTS = {
    Verdict.NOTHING_WAITS: "confirm.nothing_waits",
    Verdict.WRONG_CODE: "confirm.wrong_code",
    Verdict.TOO_LATE: "confirm.too_late",
    Verdict.CHANGED: "confirm.changed",
}
_PROBLEMS = {Problem.NO_COMMAND: "misread.no_command", Problem.UNKNOWN: "misread.unknown"}


def halted(halt: OperatorHalt, before: SafeMode | None, book: Phrasebook) -> Reply:
    """Tell that entries, or cycles too, have ended, and what safe mode there was before."""
    lines = [book.say(f"act.{halt}"), book.say(f"act.{halt}_effect")]
    if before is not None:
        lines.append(book.say("act.earlier", reason=reason_words(before.reason, book)))
    return Reply(joined(lines), _turn(book, "resume", Command.RESUME))


def already(safe_mode: SafeMode, book: Phrasebook) -> Reply:
    return Reply(book.say("act.already", reason=reason_words(safe_mode.reason, book)), _turn(book, "resume", Command.RESUME))


def resumed(left: SafeMode | None, book: Phrasebook) -> Reply:
    if left is None:
        return Reply(book.say("act.not_paused"), _turn(book, "pause", Command.PAUSE))
    lines = [
        book.say("act.resumed"),
        book.say("act.earlier", reason=reason_words(left.reason, book)),
        book.say("act.resumed_effect"),
    ]
    return Reply(joined(lines), _turn(book, "pause", Command.PAUSE))


def cycle_begun(book: Phrasebook, *, has_begun: bool) -> Reply:
    return Reply(book.say("act.cycle_begun" if has_begun else "act.cycle_running"))


def cycle_stopped(book: Phrasebook) -> Reply:
    return Reply(book.say("act.cycle_stopped"), _turn(book, "resume", Command.RESUME))


def exited(sales: Sequence[Sale], book: Phrasebook) -> Reply:
    """Tell what came of each sale, and how to keep what was sold from being bought again."""
    if not sales:
        return Reply(book.say("act.exit_nothing"))
    lines: list[str] = []
    for sale in sales:
        lines += [book.say("act.exit_title", market=str(sale.market)), *_sale(sale, book)]
    is_sold = any(sale.end is SaleEnd.PLACED for sale in sales)
    return Reply(joined([*lines, *([book.say("act.exit_reentry")] if is_sold else [])]), _turn(book, "pause", Command.PAUSE))


def compared(comparison: Comparison, book: Phrasebook) -> Reply:
    lines = [book.say("act.sync_title")]
    for currency, amount in comparison.unexplained.items():
        sign = "+" if amount > ZERO else ""
        lines.append(book.say("act.sync_differs", currency=currency, amount=f"{sign}{figures.quantity(amount)}"))
    lines.append(book.say("act.sync_declare" if comparison.unexplained else "act.sync_matches"))
    if comparison.open_intents:
        lines.append(book.say("act.sync_open", count=str(len(comparison.open_intents))))
    return Reply(joined(lines), ((button(book, "refresh", Command.SYNC),),))


def cancelled(asked: Asked | None, open_intents: Sequence[Intent], book: Phrasebook) -> Reply:
    """Tell what waits no more; an order that is out cannot be taken back, for all of them take the market's price."""
    lines = [book.say("act.nothing_waits") if asked is None else book.say("act.cancelled", what=asked.words)]
    if open_intents:
        lines += [book.say("act.cancel_orders"), book.say("act.sync_open", count=str(len(open_intents)))]
    return Reply(joined(lines))


def asked_again(pending: Pending, glance: Glance, book: Phrasebook) -> Reply:
    """Ask for the second step: say what will happen, and give a button and a code for it."""
    asked = pending.asked
    lines = [book.say("confirm.title"), book.say("confirm.what", what=asked.words), *_consequence(asked, glance, book)]
    lines.append(book.say("confirm.code", seconds=f"{LIFE_S:.0f}", code=pending.code))
    yes = Button(book.word("confirm", "yes"), f"/{Command.CONFIRM} {pending.code}")
    return Reply(joined(lines), ((yes, Button(book.word("confirm", "no"), f"/{Command.CANCEL}")),))


def unconfirmed(verdict: Verdict, book: Phrasebook) -> Reply:
    return Reply(book.say(_VERDICTS[verdict]))


def misread(problem: Misread, book: Phrasebook) -> Reply:
    """Tell how to write it; what was written is not repeated."""
    if problem.command is None or problem.problem is not Problem.ARGUMENT:
        return Reply(book.say(_PROBLEMS.get(problem.problem, "misread.unknown")))
    usage = book.word("usage", problem.command)
    return Reply(book.say("misread.argument", usage=usage if "/" in usage else f"/{problem.command}"))


def proposed(proposal: EntryProposal, code: str, minutes: int, book: Phrasebook) -> Reply:
    """Ask for a word on an entry: what, at which price, on whose decision and why, and until when."""
    decision = proposal.decision
    confidence = figures.percent(decision.confidence, 0)
    lines = [
        book.say("approve.title", market=str(proposal.market)),
        book.say("decision.mark", price=figures.price(proposal.mark_krw)),
        book.say("decision.opinion", action=book.word("action", decision.action), confidence=confidence, source=decision.source),
        book.say("decision.reason", reason=reason_words(decision.reason, book)),
        book.say("approve.until", minutes=str(minutes)),
        book.say("approve.code", code=code),
    ]
    yes = Button(book.word("approve", "yes"), f"/{Command.APPROVE} {code}")
    return Reply(joined(lines), ((yes, Button(book.word("approve", "no"), f"/{Command.REJECT} {code}")),))


def word_taken(book: Phrasebook, *, is_approved: bool, is_taken: bool) -> Reply:
    if not is_taken:
        return Reply(book.say("approve.nothing_waits"))
    return Reply(book.say("approve.approved" if is_approved else "approve.rejected"))


def busy(book: Phrasebook) -> Reply:
    return Reply(book.say("act.busy"))


def failed(reason: str, book: Phrasebook) -> Reply:
    return Reply(book.say("act.failed", reason=reason))


def interrupted(what: str, book: Phrasebook) -> Reply:
    return Reply(joined([book.say("act.interrupted", what=what), book.say("act.interrupted_look")]))


def too_old(texts: Sequence[str], book: Phrasebook) -> Reply:
    return Reply(joined([book.say("act.too_old"), *(book.say("act.too_old_line", what=text) for text in texts)]))


def flood(book: Phrasebook) -> Reply:
    return Reply(book.say("act.flood"))


def _sale(sale: Sale, book: Phrasebook) -> list[str]:
    match sale.end:
        case SaleEnd.NOTHING_HELD:
            return [book.say("act.exit_nothing")]
        case SaleEnd.ENTRY_OPEN:
            return [book.say("act.exit_entry_open")]
        case SaleEnd.UNDER_WAY:
            return [book.say("act.exit_under_way")]
        case SaleEnd.NOT_SENT:
            gate = sale.gate
            if gate is None:
                return [book.say("act.exit_nothing")]
            figures_of = {"value": figures.measure(gate), "limit": figures.limit(gate)}
            return [book.say("act.exit_gate", gate=book.gate(gate.name), **figures_of)]
        case SaleEnd.PLACED:
            return [_order(intent, book) for intent in sale.intents]


def _order(intent: Intent, book: Phrasebook) -> str:
    closing = intent.closing
    if closing is None:
        return book.say("act.exit_open")
    if closing.executed_quantity == ZERO:
        return book.say("act.exit_failed", result=book.word("closing", closing.closing))
    quantity, funds = figures.quantity(closing.executed_quantity), figures.won(closing.funds_krw)
    return book.say("act.exit_result", quantity=quantity, funds=funds)


def _consequence(asked: Asked, glance: Glance, book: Phrasebook) -> list[str]:
    match asked.command:
        case Command.RESUME:
            if glance.safe_mode is None:
                return [book.say("confirm.resume_off")]
            return [book.say("confirm.resume", reason=reason_words(glance.safe_mode.reason, book))]
        case Command.EXIT:
            held = [one for one in glance.positions if asked.argument in (ALL, str(one.market))]
            lines = [
                book.say("confirm.exit_held", market=str(one.market), quantity=figures.quantity(one.quantity)) for one in held
            ]
            open_on = [one.plan.market for one in glance.intents.open_intents() if asked.argument in (ALL, str(one.plan.market))]
            nothing = book.say("act.exit_entry_open" if open_on else "act.exit_nothing")
            return [book.say("confirm.exit"), *(lines or [nothing])]
        case _:
            return [book.say("confirm.cycle")]


def _turn(book: Phrasebook, label: str, command: Command) -> tuple[tuple[Button, ...], ...]:
    return ((button(book, label, command), button(book, "status", Command.STATUS)),)
