"""What a start of the daemon finds of the lives before it, and what an end leaves for the next."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from dg_bot.app.bot import Bot
from dg_bot.app.exit_codes import ExitCode
from dg_bot.app.venue_cron import VenueCron
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import Stopped
from dg_bot.errors import StateError

_log = structlog.get_logger(__name__)


def has_crashed_in_a_row(bot: Bot) -> bool:
    """Tell whether too many starts ended otherwise than on purpose; then safe mode begins, and the operator hears of it once."""
    starts = bot.books.remembered.starts
    if not starts.is_crash_loop:
        return False
    reason = f"{starts.crashes} starts within ten minutes did not end on purpose"
    _log.error("crash_loop", crashes=starts.crashes)
    with _at_best("crash_loop_not_recorded"):
        bot.books.enter_safe_mode(reason)
        bot.books.alarm("crash_loop", f"{reason}; the log tells why, and the doctor ends safe mode when that is mended")
    return True


def has_missed_a_cycle(bot: Bot, cron: VenueCron, grace: timedelta) -> bool:
    """Tell whether this hour's cycle was due, within `grace`, while no process was there to run it.

    Before the very first start none was due.
    """
    due, first = cron.last_within(grace), bot.books.remembered.starts.first_at
    if due is None or first is None or due < first or HOUR.floor(due) != HOUR.floor(bot.clock.now()):
        return False
    reports = (bot.books.report_of(bot.cycle(market).id) for market in bot.settings.markets)
    return any(report is None or report.outcome is Outcome.FAILED for report in reports)


def record_end(bot: Bot, code: ExitCode, cause: object) -> None:
    """Record an end on purpose as such; of any other the operator hears as an alarm, and the next start counts it as a crash."""
    held = sum(1 for position in bot.books.state.positions.values() if not position.is_dust)
    with _at_best("end_not_recorded"):
        if code is ExitCode.DONE:
            bot.books.record(Stopped(mode=bot.settings.mode, open_positions=held))
        else:
            bot.books.alarm(
                "ended", f"the process ends itself with code {code:d} ({cause}); {held} open positions are not watched"
            )


@contextmanager
def _at_best(event: str) -> Iterator[None]:
    """Log that something could not be recorded, and go on: this process is beginning or ending all the same."""
    try:
        yield
    except StateError as error:
        _log.error(event, error=str(error))
