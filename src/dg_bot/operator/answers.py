"""Answers to an operator's questions from what the running bot remembers, as Telegram HTML with short lines and buttons."""

from collections.abc import Mapping
from decimal import Decimal

from dg_bot.domain.conversation import Button, Reply
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.money import ZERO, product
from dg_bot.domain.order import Side
from dg_bot.execution.intent import Intent
from dg_bot.operator import figures
from dg_bot.operator.commands import MENU, Command
from dg_bot.operator.glance import Glance
from dg_bot.operator.messages import account_lines, outcome_sign, position_lines, reason_words
from dg_bot.operator.phrasebook import Phrasebook, joined, pages
from dg_bot.risk.operator_halt import OperatorHalt

_MOST_ENDED = 5
_MOST_PAGES = 3
_WELL = {True: "🟢", False: "🔴"}
SIDES = {Side.BUY: "🟢", Side.SELL: "🔴"}


def status(glance: Glance, book: Phrasebook) -> Reply:
    """Tell in one screen whether it trades, what it holds, and what is not as it should be."""
    sign, word = _standing(glance)
    lines = [book.say("status.title", sign=sign, state=book.word("status", word), mode=book.word("mode", glance.mode))]
    if glance.safe_mode is not None:
        lines.append(book.say("portfolio.safe_mode", reason=reason_words(glance.safe_mode.reason, book)))
    account = glance.newest_account
    if account is not None:
        read_at, state = account
        lines += [
            book.say("portfolio.equity", equity=figures.won(state.equity_krw)),
            book.say(
                "portfolio.pnl",
                day=figures.signed_percent(state.daily_pnl_fraction),
                week=figures.signed_percent(state.weekly_pnl_fraction),
            ),
            book.say("status.read_at", time=figures.seoul(read_at)),
        ]
    lines += position_lines(glance.positions, book) or [book.say("status.nothing_held")]
    lines += [_open_line(intent, book, "status.open_order") for intent in glance.intents.open_intents()]
    reports = glance.last_reports
    lines += [_cycle_line(report, book) for report in reports.values()] or [book.say("status.no_cycle")]
    lines += [book.say("status.unwell", name=check.name, detail=check.detail) for check in glance.checks if not check.is_well]
    lines += [book.say("status.behind", name=name, reason=reason) for name, reason in glance.behind.items()]
    return Reply(joined([*lines, book.say("when", time=figures.seoul(glance.at))]), _home(glance, book))


def why(glance: Glance, book: Phrasebook) -> Reply:
    """Tell for each market the gate that stopped its last cycle, with value and limit, and for how long its screen has failed."""
    lines = [book.say("why.title")]
    for market in glance.markets:
        report = glance.last_reports.get(market)
        lines += [book.say("why.none", market=str(market))] if report is None else _why(glance, report, book)
    return Reply(joined(lines), ((button(book, "refresh", Command.WHY), button(book, "status", Command.STATUS)),))


def balance(glance: Glance, book: Phrasebook) -> Reply:
    """Tell the account as the last cycle read it, and what is held now."""
    account = glance.newest_account
    lines = [book.say("balance.title"), *account_lines(None if account is None else account[1], book)]
    if account is not None:
        lines.append(book.say("status.read_at", time=figures.seoul(account[0])))
    positions = glance.positions
    bought = sum((product(one.quantity, one.average_cost_krw) for one in positions), ZERO)
    value = sum((product(one.quantity, one.mark_krw) for one in positions), ZERO)
    if positions:
        lines += [
            book.say("balance.bought", amount=figures.won(bought)),
            book.say("balance.value", amount=figures.won(value)),
        ]
    lines += position_lines(positions, book) or [book.say("status.nothing_held")]
    return Reply(joined(lines), ((button(book, "refresh", Command.BALANCE), button(book, "status", Command.STATUS)),))


def order(glance: Glance, identifier: str, book: Phrasebook) -> Reply:
    """Tell the open orders and the last that ended, or all that is known of one."""
    if identifier:
        intent = glance.intents.intents.get(identifier)
        return Reply(book.say("order.unknown") if intent is None else joined(_whole_order(intent, book)))
    lines = [book.say("order.list")]
    lines += [_open_line(intent, book, "order.open_line") for intent in glance.intents.open_intents()] or [
        book.say("order.no_open")
    ]
    ended = glance.ended_orders[:_MOST_ENDED]
    lines += [line for intent in ended for line in ended_order(intent, book)] or [book.say("order.none")]
    return Reply(joined(lines), ((button(book, "refresh", Command.ORDER),),))


def risk(glance: Glance, book: Phrasebook) -> Reply:
    """Tell what the rules of risk measured in the newest cycle against their limits, and the limits of a position."""
    report = max(glance.last_reports.values(), key=lambda one: one.completed_at, default=None)
    settings = glance.settings
    lines = [book.say("risk.title", market=str(report.market) if report is not None else figures.UNKNOWN)]
    if glance.safe_mode is not None:
        lines.append(book.say("portfolio.safe_mode", reason=reason_words(glance.safe_mode.reason, book)))
    if report is not None:
        lines += [
            book.say(
                "risk.gate",
                sign="✓" if gate.passed else "✗",
                gate=book.gate(gate.name),
                value=figures.measure(gate),
                limit=figures.limit(gate),
            )
            for gate in report.gates
            if gate.name.startswith("risk.")
        ]
        lines.append(book.say("risk.as_of", time=figures.seoul(report.completed_at)))
    lines += [
        book.say("risk.daily", day=_percent(settings, "DAILY_LOSS"), week=_percent(settings, "WEEKLY_LOSS")),
        book.say("risk.levels", stop=_percent(settings, "STOP_LOSS"), target=_percent(settings, "TAKE_PROFIT")),
        book.say("risk.caps", position=_percent(settings, "MAX_POSITION"), exposure=_percent(settings, "MAX_EXPOSURE")),
    ]
    return Reply(joined(lines), ((button(book, "refresh", Command.RISK), button(book, "status", Command.STATUS)),))


def health(glance: Glance, book: Phrasebook) -> Reply:
    """Tell each check that the health page has."""
    is_well = all(check.is_well for check in glance.checks)
    lines = [
        book.say("health.title", sign=_WELL[is_well]),
        *(book.say("health.check", sign=_WELL[check.is_well], name=check.name, detail=check.detail) for check in glance.checks),
        book.say("when", time=figures.seoul(glance.at)),
    ]
    return Reply(joined(lines), ((button(book, "refresh", Command.HEALTH),),))


def config(glance: Glance, defaults: Mapping[str, str], book: Phrasebook) -> tuple[Reply, ...]:
    """Tell the settings that are not as they come, in as many messages as that takes."""
    chosen = {name: value for name, value in glance.settings.items() if value != defaults.get(name)}
    lines = [book.say("config.title"), book.say("config.more")]
    lines += [book.say("config.line", name=name, value=value) for name, value in chosen.items()]
    return tuple(map(Reply, pages(lines, _MOST_PAGES)))


def version(glance: Glance, book: Phrasebook) -> Reply:
    count, mode = str(glance.remembered.sequence), book.word("mode", glance.mode)
    return Reply(joined([book.say("version.title", version=glance.version), book.say("version.records", count=count, mode=mode)]))


def help_(glance: Glance, book: Phrasebook) -> Reply:
    """List the commands, with a sign on those that are asked about once more."""
    lines = [book.say("help.line", command=command, what=book.word("menu", command)) for command in MENU]
    return Reply(joined([book.say("help.title"), *lines, book.say("help.steps")]), _home(glance, book))


def menu(book: Phrasebook) -> tuple[tuple[str, str], ...]:
    """Give the commands with a word on each, for the messenger's own menu."""
    return tuple((command.value, book.word("menu", command)) for command in MENU)


def ended_order(intent: Intent, book: Phrasebook) -> list[str]:
    """Tell in two lines how an order ended, in one where it executed nothing, in none where it has no end yet."""
    closing = intent.closing
    if closing is None:
        return []
    side = book.word("side", intent.plan.side)
    result = book.word("closing", closing.closing)
    sign = SIDES[intent.plan.side]
    lines = [book.say("order.ended_line", sign=sign, market=str(intent.plan.market), side=side, result=result)]
    if closing.executed_quantity > ZERO:
        price = figures.price(closing.funds_krw / closing.executed_quantity)
        quantity, time = figures.quantity(closing.executed_quantity), figures.seoul(intent.closed_at or intent.planned_at)
        lines.append(book.say("order.ended_at", time=time, price=price, quantity=quantity))
    return lines


def button(book: Phrasebook, label: str, command: Command, argument: str = "") -> Button:
    """Give a button that says a command."""
    return Button(book.word("button", label), f"/{command} {argument}".rstrip())


def _home(glance: Glance, book: Phrasebook) -> tuple[tuple[Button, ...], ...]:
    turn = button(book, "pause", Command.PAUSE) if glance.safe_mode is None else button(book, "resume", Command.RESUME)
    return ((button(book, "refresh", Command.STATUS), button(book, "why", Command.WHY), turn),)


def _standing(glance: Glance) -> tuple[str, str]:
    """Give sign and word for whether the bot trades."""
    match glance.halt:
        case OperatorHalt.PAUSED:
            return "⏸", "paused"
        case OperatorHalt.STOPPED:
            return "⏹", "stopped"
        case None:
            return ("🟢", "trading") if glance.safe_mode is None else ("🛡", "safe")


def _cycle_line(report: CycleReport, book: Phrasebook) -> str:
    return book.say(
        "status.cycle",
        sign=outcome_sign(report),
        market=str(report.market),
        outcome=book.word("outcome", report.outcome),
        time=figures.seoul(report.opened_at),
    )


def _why(glance: Glance, report: CycleReport, book: Phrasebook) -> list[str]:
    market, gate = str(report.market), report.stopping_gate
    outcome, time = book.word("outcome", report.outcome), figures.seoul(report.opened_at)
    lines = [book.say("why.market", sign=outcome_sign(report), market=market, outcome=outcome, time=time)]
    if gate is None:
        lines.append(book.say("why.reason", reason=reason_words(report.reason, book)))
    else:
        lines += [
            book.say("why.gate", gate=book.gate(gate.name)),
            book.say("why.figures", value=figures.measure(gate), limit=figures.limit(gate)),
        ]
    failing = glance.failing_screens.get(report.market)
    if failing is not None:
        days, figure = str((report.opened_at - failing.since).days), failing.figure
        lines += [
            book.say("why.screen", days=days, figure=book.gate(figure.name)),
            book.say("why.screen_figures", value=figures.measure(figure), limit=figures.limit(figure)),
        ]
    return lines


def _open_line(intent: Intent, book: Phrasebook, key: str) -> str:
    side, state = book.word("side", intent.plan.side), book.word("closing", intent.state)
    return book.say(key, market=str(intent.plan.market), side=side, state=state)


def _whole_order(intent: Intent, book: Phrasebook) -> list[str]:
    plan = intent.plan
    lines = ended_order(intent, book) or [_open_line(intent, book, "order.open_line")]
    lines += [
        book.say("order.planned", time=figures.seoul(intent.planned_at), sends=str(intent.sends)),
        book.say("order.reason", reason=reason_words(plan.reason, book)),
    ]
    if intent.error_name is not None:
        lines.append(book.say("order.error", name=intent.error_name))
    return [*lines, book.say("order.name", identifier=intent.identifier)]


def _percent(settings: Mapping[str, str], name: str) -> str:
    text = settings.get(f"RISK_{name}_FRACTION", "")
    return figures.percent(Decimal(text), 1) if text else figures.UNKNOWN
