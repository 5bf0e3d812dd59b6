"""Answers from the database's rows, and what can be said without them while it is away."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from dg_bot.adapters.postgres import TradeRow
from dg_bot.adapters.postgres_answers import EquityRow, LogRow
from dg_bot.domain.calendar import KST, seoul_day_start, seoul_week_start
from dg_bot.domain.conversation import Button, Reply
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.operator import figures
from dg_bot.operator.answers import SIDES, button, ended_order
from dg_bot.operator.commands import Command, Span
from dg_bot.operator.glance import Glance
from dg_bot.operator.phrasebook import Phrasebook, joined, pages
from dg_bot.operator.realised import Gains, Realised

_MOST_PAGES = 3
_LEVELS = {"warning": "⚠️", "error": "🔴", "critical": "🚨"}


def start_of(span: Span, now: datetime) -> datetime:
    """Give the beginning of the day, week or month of `now`, in Seoul."""
    match span:
        case Span.DAY:
            return seoul_day_start(now)
        case Span.WEEK:
            return seoul_week_start(now)
        case Span.MONTH:
            return seoul_day_start(now.astimezone(KST).replace(day=1, hour=12))


def trades(glance: Glance, rows: Sequence[TradeRow] | None, most: int, book: Phrasebook) -> tuple[Reply, ...]:
    """Tell the latest trades, newest first; without rows (None) those that the books still hold."""
    lines = [book.say("trades.title")]
    if rows is None:
        lines += [book.say("rows.away"), book.say("rows.from_state")]
        filled = [one for one in glance.ended_orders if one.closing and one.closing.executed_quantity > ZERO]
        told = [line for intent in filled[:most] for line in ended_order(intent, book)]
    else:
        told = [line for row in rows for line in _trade(row, book)]
    return tuple(map(Reply, pages([*lines, *(told or [book.say("trades.none")])], _MOST_PAGES)))


def profit(glance: Glance, span: Span, found: tuple[Gains, EquityRow | None, Decimal] | None, book: Phrasebook) -> Reply:
    """Tell the gains of a period: marked to market where the books keep that, and from sales and fees as the rows have them.

    `found` are all gains, the equity at both ends of the period, and its fees; None while the database is away.
    """
    lines = [book.say("profit.title", span=book.word("profit.span", span))]
    marked = _marked(glance, span)
    if marked is not None:
        lines.append(book.say("profit.change", value=figures.signed_percent(marked)))
    if found is None:
        return Reply(joined([*lines, book.say("rows.away")]), _spans(book))
    everything, equity, fees = found
    sales = everything.since(start_of(span, glance.at)).sales
    wins = sum(1 for sale in sales if sale.gain_krw > ZERO)
    lines += [
        book.say("profit.realised", amount=figures.won(sum((sale.gain_krw for sale in sales), ZERO))),
        book.say("profit.sales", count=str(len(sales)), wins=str(wins)),
        book.say("profit.fees", amount=figures.won(fees)),
    ]
    if equity is not None:
        lines += [
            book.say("profit.equity", first=figures.won(equity.first_krw), last=figures.won(equity.last_krw)),
            book.say("profit.transfers"),
        ]
    return Reply(joined([*lines, *_unknown(everything, book)]), _spans(book))


def performance(everything: Gains | None, book: Phrasebook) -> Reply:
    """Tell how often and how much closed trades gained, by market and in all; None while the database is away."""
    title = book.say("performance.title")
    if everything is None:
        return Reply(joined([title, book.say("rows.away")]))
    if not everything.sales:
        return Reply(joined([title, book.say("performance.none"), *_unknown(everything, book)]))
    lines = [title]
    for market in sorted({sale.market for sale in everything.sales}):
        lines += _record([sale for sale in everything.sales if sale.market == market], market, book)
    lines += _record(everything.sales, None, book)
    by_fraction = sorted(sale.fraction for sale in everything.sales)
    best, worst = figures.signed_percent(by_fraction[-1]), figures.signed_percent(by_fraction[0])
    return Reply(joined([*lines, book.say("performance.extremes", best=best, worst=worst), *_unknown(everything, book)]))


def logs(glance: Glance, rows: Sequence[LogRow] | None, book: Phrasebook) -> tuple[Reply, ...]:
    """Tell the latest warnings and errors, newest first; without rows (None) the kinds of alarm that the books remember."""
    lines = [book.say("logs.title")]
    if rows is None:
        lines.append(book.say("rows.away"))
        alarms = sorted(glance.state.alarms.items(), key=lambda alarm: alarm[1], reverse=True)
        rows = [LogRow(at, "error", kind) for kind, at in alarms]
    told = [book.say("logs.line", sign=_LEVELS.get(row.level, "·"), time=figures.seoul(row.at), text=row.message) for row in rows]
    return tuple(map(Reply, pages([*lines, *(told or [book.say("logs.none")])], _MOST_PAGES)))


def _trade(row: TradeRow, book: Phrasebook) -> list[str]:
    side, sign = book.word("side", row.side), SIDES[row.side]
    price, quantity = figures.price(row.price_krw), figures.quantity(row.quantity)
    return [
        book.say("trades.line", sign=sign, market=str(row.market), side=side, total=figures.won(row.total_krw)),
        book.say("trades.detail", time=figures.seoul(row.created_at), price=price, quantity=quantity),
    ]


def _marked(glance: Glance, span: Span) -> Decimal | None:
    account = glance.newest_account
    if account is None:
        return None
    match span:
        case Span.DAY:
            return account[1].daily_pnl_fraction
        case Span.WEEK:
            return account[1].weekly_pnl_fraction
        case Span.MONTH:
            return None


def _record(sales: Sequence[Realised], market: Market | None, book: Phrasebook) -> list[str]:
    gained = sum((sale.gain_krw for sale in sales if sale.gain_krw > ZERO), ZERO)
    lost = -sum((sale.gain_krw for sale in sales if sale.gain_krw < ZERO), ZERO)
    rate = figures.percent(Decimal(sum(1 for sale in sales if sale.gain_krw > ZERO)) / len(sales), 0)
    factor = figures.ratio(float(gained / lost)) if lost > ZERO else figures.UNKNOWN
    title = (
        book.say("performance.all", count=str(len(sales)), rate=rate)
        if market is None
        else book.say("performance.market", market=str(market), count=str(len(sales)), rate=rate)
    )
    return [title, book.say("performance.figures", amount=figures.won(gained - lost), factor=factor)]


def _unknown(everything: Gains, book: Phrasebook) -> list[str]:
    return [book.say("profit.unknown", count=str(everything.unknown))] if everything.unknown else []


def _spans(book: Phrasebook) -> tuple[tuple[Button, ...], ...]:
    return (tuple(button(book, span.value, Command.PROFIT, span.value) for span in Span),)
