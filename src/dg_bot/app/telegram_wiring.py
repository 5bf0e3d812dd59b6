"""Put together what listens to Telegram, where a bot has a token and users who may command it."""

from collections.abc import Callable, Mapping

import structlog

from dg_bot.adapters.clock import SystemClock
from dg_bot.adapters.postgres_answers import AnswerRows
from dg_bot.adapters.telegram_updates import TelegramUpdates
from dg_bot.app.bot import Bot
from dg_bot.app.codes import new_code
from dg_bot.app.http import Check
from dg_bot.app.operator_console import OperatorConsole
from dg_bot.app.telegram_desk import TelegramDesk
from dg_bot.app.telegram_threads import TelegramListener, Workers
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import InvariantViolated

_log = structlog.get_logger(__name__)


def listener(
    bot: Bot,
    *,
    checks: Callable[[], Mapping[str, Check]],
    begin_cycle: Callable[[], bool],
    on_contradiction: Callable[[InvariantViolated], None],
) -> TelegramListener | None:
    """Give the listener, not yet started; None where nobody may command the bot, which is told where it has a token."""
    settings, token = bot.settings, bot.settings.telegram_bot_token
    if token is None or bot.telegram is None:
        return None
    if not settings.telegram_user_ids:
        _log.warning("commands_not_heard", reason="TELEGRAM_USER_IDS names nobody")
        return None
    updates = TelegramUpdates(token=token.get_secret_value(), server=settings.telegram_base_url)
    # Messages carry the time of the world, which is not that of a simulated venue.
    is_simulated = settings.mode is Mode.DEMO or settings.clock_from_venue
    wall = SystemClock() if is_simulated else bot.clock
    console = OperatorConsole(
        settings=settings,
        books=bot.books,
        hands=bot.hands,
        rows=AnswerRows(bot.database.dsn),
        now=bot.clock.now,
        checks=checks,
        behind=lambda: bot.behind,
        begin_cycle=begin_cycle,
    )
    desk = TelegramDesk(
        users=settings.telegram_user_ids,
        language=settings.bot_language,
        console=console,
        books=bot.books,
        messenger=bot.telegram,
        metrics=bot.metrics,
        acknowledge=updates.acknowledge,
        apart=Workers(on_contradiction, bot.metrics).hand,
        now=bot.clock.now,
        wall=wall.now,
        monotonic_s=bot.clock.monotonic_s,
        new_code=new_code,
        approvals=bot.approvals,
    )
    return TelegramListener(
        updates=updates, desk=desk, metrics=bot.metrics, alarm=bot.books.alarm, on_contradiction=on_contradiction
    )
