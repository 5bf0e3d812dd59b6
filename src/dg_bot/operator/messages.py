"""The messages of a cycle and of each event, as Telegram HTML with short lines; pure renderings of what was recorded."""

from datetime import datetime

from dg_bot.domain.cycle_report import CycleReport, Mode, OrderSummary, Outcome, PositionSummary, StateSummary
from dg_bot.domain.decision import Action
from dg_bot.domain.events import (
    AlarmRaised,
    IntentClosed,
    IntentPlanned,
    PositionAdopted,
    SafeModeEntered,
    SafeModeLeft,
    Started,
)
from dg_bot.domain.gate import Gate
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Side
from dg_bot.domain.screen import ScreenResult
from dg_bot.operator import figures
from dg_bot.operator.phrasebook import Phrasebook, joined

_MOST_FAILURES = 6
_MOST_POSITIONS = 8
_SIGNS = {Action.BUY: "🟢", Action.SELL: "🔴", Action.HOLD: "⚪"}
_OUTCOME_SIGNS = {Outcome.HALTED: "⛔", Outcome.FAILED: "🚨"}


def cycle_start(report: CycleReport, book: Phrasebook) -> str:
    lines = [
        book.say("start.title", market=str(report.market)),
        book.say("start.when", time=figures.seoul(report.opened_at), mode=book.word("mode", report.mode)),
        *account_lines(report.state, book),
    ]
    return joined(lines)


def cycle_screen(report: CycleReport, book: Phrasebook) -> str:
    """Tell the figures of the backtest, those that miss their threshold marked; or that none was run."""
    title = book.say("screen.title", market=str(report.market))
    if report.screen is None:
        return joined([title, book.say("screen.none")])
    screen = report.screen
    passed = sum(gate.passed for gate in screen.gates)
    verdict = "screen.passed" if screen.has_passed else "screen.failed"
    lines = [
        title,
        book.say(verdict, passed=str(passed), all=str(len(screen.gates))),
        book.say("screen.span", days=f"{screen.days:.0f}", trips=str(screen.round_trips)),
        *_screen_figures(screen, book),
        *_honesty(screen, book),
        *_failures(screen.gates, book),
    ]
    return joined(lines)


def cycle_decision(report: CycleReport, book: Phrasebook) -> str:
    """Tell how the cycle ended, what was decided, and the first gate that did not pass."""
    lines = [
        book.say(
            "decision.title",
            sign=outcome_sign(report),
            market=str(report.market),
            outcome=book.word("outcome", report.outcome),
        )
    ]
    if report.decision is None:
        lines.append(book.say("decision.none"))
    else:
        lines.append(
            book.say(
                "decision.opinion",
                action=book.word("action", report.decision.action),
                confidence=figures.percent(report.decision.confidence, 0),
                source=report.decision.source,
            )
        )
    lines.append(book.say("decision.stage", stage=book.word("stage", report.stage)))
    if report.mark_krw is not None:
        lines.append(book.say("decision.mark", price=figures.price(report.mark_krw)))
    lines += _gates(report, book)
    if report.stopping_gate is None:
        lines.append(book.say("decision.reason", reason=reason_words(report.reason, book)))
    return joined(lines)


def cycle_portfolio(report: CycleReport, book: Phrasebook) -> str:
    lines = [book.say("portfolio.title", market=str(report.market))]
    for order in report.orders:
        lines += _order(order, book)
    lines += account_lines(report.state, book)
    if report.state is not None:
        lines += position_lines(report.state.positions, book)
    return joined(lines)


def order_closed(planned: IntentPlanned, closed: IntentClosed, at: datetime, book: Phrasebook) -> str:
    """Tell how one order ended; `planned` and `closed` belong to the same identifier."""
    is_filled = closed.executed_quantity > ZERO
    title = {
        (Side.BUY, True): "order.bought",
        (Side.SELL, True): "order.sold",
        (Side.BUY, False): "order.not_bought",
        (Side.SELL, False): "order.not_sold",
    }[planned.side, is_filled]
    lines = [book.say(title, market=str(planned.market))]
    if is_filled:
        lines += [
            book.say("order.price", price=figures.price(closed.funds_krw / closed.executed_quantity)),
            book.say("order.quantity", quantity=figures.quantity(closed.executed_quantity)),
            book.say("order.funds", funds=figures.won(closed.funds_krw)),
            book.say("order.fee", fee=figures.fee(closed.paid_fee_krw)),
        ]
    else:
        lines.append(book.say("order.closing", closing=book.word("closing", closed.closing)))
    lines += [
        book.say("order.reason", reason=reason_words(planned.reason, book)),
        book.say("when", time=figures.seoul(at)),
        book.say("order.identifier", identifier=planned.identifier),
    ]
    return joined(lines)


def exit_triggered(planned: IntentPlanned, at: datetime, book: Phrasebook) -> str:
    """Tell that risk sells a position, and by which rule."""
    return joined(
        [
            book.say("exit.title", market=str(planned.market), reason=reason_words(planned.reason, book)),
            book.say("exit.price", price=figures.price(planned.reference_krw)),
            book.say("exit.selling", quantity=figures.quantity(planned.quantity or ZERO)),
            book.say("when", time=figures.seoul(at)),
        ]
    )


def safe_mode_entered(event: SafeModeEntered, at: datetime, book: Phrasebook) -> str:
    return joined(
        [
            book.say("safe_mode.entered"),
            book.say("safe_mode.reason", reason=reason_words(event.reason, book)),
            book.say("safe_mode.effect"),
            book.say("when", time=figures.seoul(at)),
        ]
    )


def safe_mode_left(event: SafeModeLeft, at: datetime, book: Phrasebook) -> str:
    by = book.word("by", event.by)
    return joined([book.say("safe_mode.left"), book.say("safe_mode.by", by=by), book.say("when", time=figures.seoul(at))])


def alarm(event: AlarmRaised, at: datetime, book: Phrasebook) -> str:
    return joined(
        [
            book.say("alarm.title", kind=event.kind.replace("_", " ")),
            book.say("alarm.text", text=event.text),
            book.say("when", time=figures.seoul(at)),
        ]
    )


def position_adopted(event: PositionAdopted, at: datetime, book: Phrasebook) -> str:
    """Tell that coins of the operator's own are watched from now on, at the cost that was named for them."""
    return joined(
        [
            book.say("adopted.title", market=str(event.market)),
            book.say("adopted.effect"),
            book.say("order.quantity", quantity=figures.quantity(event.quantity)),
            book.say("adopted.cost", price=figures.price(event.cost_krw)),
            book.say("when", time=figures.seoul(at)),
        ]
    )


def process_started(event: Started, at: datetime, book: Phrasebook) -> str:
    mode = book.word("mode", event.mode)
    return joined(
        [
            book.say("process.started"),
            book.say("process.version", mode=mode, version=event.version),
            book.say("when", time=figures.seoul(at)),
        ]
    )


def process_stopped(mode: Mode, open_positions: int, at: datetime, book: Phrasebook) -> str:
    """Tell that the process ends, and what nobody watches from now on."""
    lines = [book.say("process.stopped"), book.say("process.mode", mode=book.word("mode", mode))]
    if open_positions > 0:
        lines.append(book.say("process.unwatched", count=str(open_positions)))
    return joined([*lines, book.say("when", time=figures.seoul(at))])


def account_lines(state: StateSummary | None, book: Phrasebook) -> list[str]:
    """Tell what the account is worth and how the day and the week go."""
    if state is None:
        return [book.say("portfolio.none")]
    lines = [
        book.say("portfolio.equity", equity=figures.won(state.equity_krw)),
        book.say("portfolio.free", free=figures.won(state.free_krw)),
        book.say(
            "portfolio.pnl",
            day=figures.signed_percent(state.daily_pnl_fraction),
            week=figures.signed_percent(state.weekly_pnl_fraction),
        ),
        book.say("portfolio.counts", entries=str(state.daily_trade_count), positions=str(len(state.positions))),
    ]
    if state.safe_mode:
        lines.append(book.say("portfolio.safe_mode", reason=reason_words(state.safe_mode_reason or figures.UNKNOWN, book)))
    return lines


def position_lines(positions: tuple[PositionSummary, ...], book: Phrasebook) -> list[str]:
    """Tell what is held, three lines each, up to a bound."""
    lines: list[str] = []
    for position in positions[:_MOST_POSITIONS]:
        profit = figures.signed_percent(position.mark_krw / position.average_cost_krw - 1)
        quantity = figures.quantity(position.quantity)
        cost, mark = figures.price(position.average_cost_krw), figures.price(position.mark_krw)
        stop, target = figures.price(position.stop_krw), figures.price(position.target_krw)
        lines += [
            book.say("portfolio.position", market=str(position.market), quantity=quantity, profit=profit),
            book.say("portfolio.prices", cost=cost, mark=mark),
            book.say("portfolio.levels", stop=stop, target=target),
        ]
    hidden = len(positions) - _MOST_POSITIONS
    return [*lines, f"… +{hidden}"] if hidden > 0 else lines


def _order(order: OrderSummary, book: Phrasebook) -> list[str]:
    average = figures.UNKNOWN if order.average_price_krw is None else figures.price(order.average_price_krw)
    side, quantity = book.word("side", order.side), figures.quantity(order.executed_quantity)
    status = book.word("closing", order.status)
    return [
        book.say("portfolio.order", side=side, quantity=quantity, price=average),
        book.say("portfolio.fee", fee=figures.fee(order.fee_krw), status=status),
    ]


def _screen_figures(screen: ScreenResult, book: Phrasebook) -> list[str]:
    return [
        book.say("screen.return", value=figures.signed_percent(screen.total_return)),
        book.say("screen.win_rate", value=figures.percent(screen.win_rate, 1)),
        book.say("screen.profit_factor", value=figures.ratio(screen.profit_factor)),
        book.say("screen.sharpe", value=figures.ratio(screen.sharpe)),
        book.say("screen.max_drawdown", value=figures.percent(screen.max_drawdown, 1)),
    ]


def _honesty(screen: ScreenResult, book: Phrasebook) -> list[str]:
    honesty = screen.honesty
    if honesty is None:
        return []
    luck = book.say("screen.deflated", value=figures.percent(honesty.deflated_sharpe, 0), trials=str(honesty.trials))
    if honesty.driftless is None:
        return [luck]
    driftless = honesty.driftless
    return [luck, book.say("screen.driftless", passes=str(driftless.passes), walks=str(driftless.walks))]


def _gates(report: CycleReport, book: Phrasebook) -> list[str]:
    """Tell how many gates passed, the one that stopped the cycle in full, and others that failed in a line each."""
    if not report.gates:
        return []
    passed = sum(gate.passed for gate in report.gates)
    lines = [book.say("decision.passed", passed=str(passed), all=str(len(report.gates)))]
    first = report.stopping_gate
    others = tuple(gate for gate in report.gates if not gate.passed and gate is not first)
    if first is None:
        return [*lines, *_failures(others, book)]
    return [
        *lines,
        book.say("decision.first_failure", gate=book.gate(first.name)),
        book.say("decision.figures", value=figures.measure(first), limit=figures.limit(first)),
        *_failures(others, book),
    ]


def _failures(gates: tuple[Gate, ...], book: Phrasebook) -> list[str]:
    failed = [gate for gate in gates if not gate.passed]
    lines = [
        book.say("decision.failure", gate=book.gate(gate.name), value=figures.measure(gate), limit=figures.limit(gate))
        for gate in failed[:_MOST_FAILURES]
    ]
    hidden = len(failed) - _MOST_FAILURES
    return [*lines, f"… +{hidden}"] if hidden > 0 else lines


def reason_words(reason: str, book: Phrasebook) -> str:
    """Put the program's own first word of a reason into the operator's language, and keep what follows it."""
    name, colon, rest = reason.partition(":")
    return f"{book.reason(name)}{colon}{rest}"


def outcome_sign(report: CycleReport) -> str:
    """Give the sign that stands for how a cycle ended."""
    if report.outcome is Outcome.TRADED:
        return " ".join(dict.fromkeys(_SIGNS[Action(order.side.value)] for order in report.orders))
    return _OUTCOME_SIGNS.get(report.outcome, _SIGNS[Action.HOLD])
