"""Build what follows the journal: the database, and the projections of rows, candles and messages."""

from collections.abc import Callable
from contextlib import ExitStack

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.capsule_files import CapsuleFiles
from dg_bot.adapters.discord import DiscordNotifier
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.state_file import Cursors
from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.app.database import Database, Owner
from dg_bot.app.message_projection import MessageProjection
from dg_bot.app.outbox import PROJECTIONS, Projection
from dg_bot.app.row_projections import CandleProjection, RowProjection
from dg_bot.app.settings import Settings
from dg_bot.errors import AccountInUse, StateError
from dg_bot.operator.narrator import Narrator
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock


def database_of(settings: Settings, *, owner: Owner | None) -> Database:
    """Give the database of these settings; without an owner it is only looked at."""
    return Database(
        url=settings.database_url.get_secret_value() if settings.database_url else None,
        folder=settings.data_folder / "postgres",
        password_file=settings.state_folder / "postgres_password",
        owner=owner,
        capsule_of=CapsuleFiles(settings.capsule_folder).payload,
    )


def followers(
    settings: Settings,
    *,
    journal: JournalFile,
    books: Books,
    database: Database,
    archive: CandleFiles,
    clock: Clock,
    metrics: Metrics,
    telegram: TelegramNotifier | None,
    cursors: Cursors,
) -> list[Projection]:
    """Give the projections; messages are among them where there is a chat to write to.

    Raises StateError where one has followed the journal further than it goes.
    """
    _require_not_ahead(cursors, len(journal))
    projections: list[Projection] = [
        RowProjection(
            journal=journal, cursors=cursors, database=database, alarm=books.alarm, on_account_in_use=entries_stopper(books)
        ),
        CandleProjection(journal=journal, cursors=cursors, database=database, archive=archive),
    ]
    if telegram is None:
        return projections
    messages = MessageProjection(
        journal=journal,
        cursors=cursors,
        narrator=Narrator(language=settings.bot_language, verbosity=settings.telegram_verbosity),
        notifier=telegram,
        clock=clock,
        metrics=metrics,
    )
    return [*projections, messages]


def discord_of(
    settings: Settings, *, journal: JournalFile, cursors: Cursors, clock: Clock, metrics: Metrics
) -> MessageProjection | None:
    """Give the projection of messages into a Discord channel, with a place of its own in the journal; None without a webhook."""
    if settings.discord_webhook_url is None:
        return None
    return MessageProjection(
        journal=journal,
        cursors=cursors,
        narrator=Narrator(language=settings.bot_language, verbosity=settings.telegram_verbosity),
        notifier=DiscordNotifier(url=settings.discord_webhook_url.get_secret_value(), clock=clock),
        clock=clock,
        metrics=metrics,
        name="discord",
    )


def telegram_of(settings: Settings, clock: Clock, stack: ExitStack) -> TelegramNotifier | None:
    """Give the way to Telegram, closed with `stack`; None where there is no token."""
    if settings.telegram_bot_token is None or settings.telegram_chat_id is None:
        return None
    notifier = TelegramNotifier(
        token=settings.telegram_bot_token.get_secret_value(),
        chat_id=settings.telegram_chat_id,
        clock=clock,
        server=settings.telegram_base_url,
    )
    stack.callback(notifier.close)
    return notifier


def entries_stopper(books: Books) -> Callable[[AccountInUse], None]:
    """Give what enters safe mode where another process holds the account's lock: only an operator knows which one is right."""

    def stop_entries(error: AccountInUse) -> None:
        books.enter_safe_mode(f"second_writer: {error}")

    return stop_entries


def _require_not_ahead(cursors: Cursors, records: int) -> None:
    """Raise StateError for a projection whose place lies behind the journal's end: then the journal was lost or cut."""
    for name in PROJECTIONS:
        if cursors.get(name) > records:
            raise StateError(
                "cursors.json",
                f"{name} has followed the journal to record {cursors.get(name)}, but it ends at {records}",
                "restore the journal from a copy; starting without it would forget positions and limits",
            )
