"""Bots about to order, and what became of their orders."""

from datetime import timedelta
from decimal import Decimal

from dg_bot.domain.events import IntentClosed
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Portfolio
from dg_bot.ports import Accepted, Submission
from dg_bot.risk.manager import RiskApproved
from dg_bot.simulator.market_orders import ticket_for
from tests.builders import PaperBot, paper_bot
from tests.in_process_upbit import InProcessUpbit
from tests.scenario.faulty_upbit import Call, hidden_until, none_listed, not_found

ENTRY = ["buy KRW-BTC 1000000"]
EXIT = ["sell KRW-BTC 100"]
ENTRY_ID = "test.KRW-BTC.20261120T12.entry.0.0"


def buyer(**settings: object) -> PaperBot:
    return paper_bot("1000 1000 | 1000 1000 1000", says="buy", **settings)  # type: ignore[arg-type]


def stopped() -> PaperBot:
    """A bot whose position has reached its stop."""
    return paper_bot("1000 1000 | 940 940 940", holding="100 @ 1000")


def analysis_takes(bot: PaperBot, **delta: float) -> None:
    """Let the decision come so much later than it was asked for."""

    def pass_time() -> None:
        bot.clock.at += timedelta(**delta)

    bot.opinion.on_asked = pass_time


def closings(bot: PaperBot) -> list[str]:
    ended = [event for event in bot.events(IntentClosed) if isinstance(event, IntentClosed)]
    return [event.closing.value for event in ended if not event.fills or not event.fills[0].trade_id.startswith("earlier")]


def hide(bot: PaperBot, seconds: float) -> None:
    """Keep the bot's orders out of every answer for some time, though they are there."""
    until = bot.clock.now() + timedelta(seconds=seconds)
    bot.upbit.always("find", hidden_until(bot.clock.now, until, not_found))
    bot.upbit.always("list_orders", hidden_until(bot.clock.now, until, none_listed))


def ticks(bot: PaperBot, count: int) -> None:
    """Let the guard tick so often, half a minute apart."""
    for _ in range(count):
        bot.guard.tick()
        bot.wait(30)


def ask_once(bot: PaperBot) -> None:
    """Let the bot ask about its open order once, with the won that it has."""
    portfolio = Portfolio(krw=bot.upbit.balances()["KRW"], positions=(), marks_krw={})
    bot.reconciler.settle_open(portfolio, give_up_at_s=bot.clock.monotonic_s())


def nothing_filled(method: Call, approved: RiskApproved) -> Submission:
    """Place the order in a market in which there is nobody."""
    upbit = getattr(method, "__self__", None)
    assert isinstance(upbit, InProcessUpbit)
    venue = upbit._venue
    empty = OrderBook(market=approved.request.market, at=venue.now(), asks=(), bids=())
    ticket = ticket_for(approved.request, approved.identifier)
    return Accepted(venue.ledger.place(ticket, book=empty, tick_size=Decimal(1), now=venue.now()).uuid)
