"""One cycle now, on every market: for `main.py` and for each hour of the daemon."""

from collections.abc import Callable

import structlog

from dg_bot.app.bot import Bot
from dg_bot.app.exit_codes import ExitCode
from dg_bot.app.logs import cycle_logging
from dg_bot.domain.cycle_report import CycleReport, Outcome
from dg_bot.domain.market import Market
from dg_bot.errors import BotError, InvariantViolated
from dg_bot.pipeline.guard import GuardReport

_log = structlog.get_logger(__name__)


def start_up(bot: Bot) -> GuardReport:
    """Take the first balances down and let the guard look once, as a start does that runs one cycle and leaves.

    What is unclear of earlier orders the guard settles too. Raises as reads do, and StateError.
    """
    bot.reconciler.open_account()
    return bot.guard.tick()


def run_markets(bot: Bot, markets: tuple[Market, ...], show: Callable[[CycleReport], None]) -> ExitCode:
    """Run this hour's cycle on each market and show its report; one that fails never stops the others.

    Gives DONE when every cycle completed, whatever it decided, FAILED when any did not.
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
    return ExitCode.FAILED if failed else ExitCode.DONE


def _in_turn(bot: Bot, markets: tuple[Market, ...]) -> tuple[Market, ...]:
    """Where entries wait for a word, let what is held come first: no exit waits behind an entry."""
    if not bot.settings.entry_approval_minutes:
        return markets
    return tuple(sorted(markets, key=lambda market: market not in bot.books.state.positions))
