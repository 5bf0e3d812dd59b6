"""One cycle now, on every market: what `main.py` does."""

from collections.abc import Callable

import structlog

from dg_bot.app.bot import Bot
from dg_bot.app.logs import cycle_logging
from dg_bot.domain.cycle_report import CycleReport, Outcome
from dg_bot.domain.market import Market
from dg_bot.errors import BotError, InvariantViolated
from dg_bot.pipeline.guard import GuardReport

_log = structlog.get_logger(__name__)


def start_up(bot: Bot) -> GuardReport:
    """Do what every start does, and every recovery: guard what is held, then settle what is unclear.

    Raises as reads do, and StateError.
    """
    bot.reconciler.open_account()
    return bot.guard.tick()


def run_markets(bot: Bot, markets: tuple[Market, ...], show: Callable[[CycleReport], None]) -> int:
    """Run this hour's cycle on each market and show its report; one that fails never stops the others.

    Gives the exit code: 0 when every cycle completed, whatever it decided, 1 when any failed.
    """
    failed = False
    bot.learn_news()
    for market in _in_turn(bot, markets):
        cycle = bot.cycle(market)
        with cycle_logging(cycle.id):
            try:
                report = bot.pipeline.run_cycle(cycle)
            except InvariantViolated:
                raise
            except BotError as error:
                failed = True
                bot.metrics.error(type(error).__name__)
                _log.error("cycle_broke", market=str(market), error=str(error))
                continue
        failed = failed or report.outcome is Outcome.FAILED
        show(report)
    bot.books.compact()
    return 1 if failed else 0


def _in_turn(bot: Bot, markets: tuple[Market, ...]) -> tuple[Market, ...]:
    """Where entries wait for a word, let what is held come first: no exit waits behind an entry."""
    if not bot.settings.entry_approval_minutes:
        return markets
    return tuple(sorted(markets, key=lambda market: market not in bot.books.state.positions))
