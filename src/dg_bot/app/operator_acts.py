"""What only an operator may do to the books while no process runs on them: leave safe mode, explain a difference, give coins."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.account_access import AccountAccess
from dg_bot.app.database import Owner
from dg_bot.app.followers import database_of, discord_of, followers, telegram_of
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import existing_journal, hold_folder, whole_journal
from dg_bot.domain.events import AccountOpened, Record, SafeModeLeft
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import VenueOrder, VenueState
from dg_bot.errors import BotError, UnsafeSetup
from dg_bot.execution.intent import Intent, IntentState
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock

# As long as the books remember an order that has ended.
_RECENT = timedelta(days=7)
# An order goes out again under its name within the hour of its cycle, and not later.
_SENT_AGAIN_WITHIN = timedelta(hours=1)


def resume(settings: Settings, account: AccountAccess) -> list[str]:
    """Leave safe mode and tell what was done; raises as `operator_books`."""
    with operator_books(settings, account.clock) as books:
        if books.state.safe_mode is None:
            return ["Safe mode is off: there was nothing to leave."]
        reason = books.state.safe_mode.reason
        books.record(SafeModeLeft(by="operator"))
    return [f"Left safe mode, which was entered for: {reason}. It begins again at the next look where that still holds."]


@contextmanager
def operator_books(settings: Settings, clock: Clock) -> Iterator[Books]:
    """Give the books of a bot that does not run; what is recorded in them is delivered before they are closed.

    Raises UnsafeSetup while a process runs on the folder or where it is another bot's, StateError where it is unreadable.
    """
    existing_journal(settings)
    with ExitStack() as stack:
        hold_folder(settings, stack)
        journal = whole_journal(settings, clock.now, stack)
        state_file = RiskStateFile(settings.state_folder / "risk_state.json")

        def on_record(record: Record) -> None:
            state_file.save(books.state, record)

        books = Books(journal=journal, clock=clock, on_record=on_record)
        before = len(journal)
        yield books
        if len(journal) > before:
            _deliver(settings, journal, books, clock)


def never_seen(books: Books, account: AccountAccess, markets: tuple[Market, ...]) -> tuple[Intent, ...]:
    """Give the orders without an end that were last sent over an hour ago and that the venue has neither taken nor listed.

    The bot asks about them for as long as the balances do not show by themselves that they never were; where its owner has moved
    what they were about, only the owner knows. Raises as reads do.
    """
    now = account.clock.now()
    return tuple(
        intent
        for intent in books.intents.open_intents()
        if intent.plan.market in markets
        and intent.state is IntentState.UNKNOWN
        and not intent.is_duplicate
        and intent.last_sent_at is not None
        and now - intent.last_sent_at > _SENT_AGAIN_WITHIN
        and all(order.identifier != intent.identifier for order in account.orders(intent.plan.market, intent.planned_at))
    )


def require_settled(
    books: Books, account: AccountAccess, markets: tuple[Market, ...], settings: Settings, *, besides: tuple[Intent, ...] = ()
) -> None:
    """Raise UnsafeSetup where an order of the bot's own may explain what these markets hold; raises as reads do.

    That is one without an end that is not among `besides`, and one that the venue has executed otherwise than the books tell:
    settling it is the bot's work.
    """
    for intent in books.intents.open_intents():
        if intent.plan.market in markets and intent not in besides:
            raise _unsettled(f"order {intent.identifier} has no end yet")
    opened_at = next(
        (record.at for record in read_journal(existing_journal(settings)) if isinstance(record.event, AccountOpened)), None
    )
    since = account.clock.now() - _RECENT
    for market in markets:
        for order in account.orders(market, since):
            is_ours = (order.identifier or "").startswith(f"{settings.order_namespace}.")
            if is_ours and not _is_booked(books, order, opened_at):
                raise _unsettled(f"order {order.identifier} of the bot's own is at the venue, and not so in the books")


def _is_booked(books: Books, order: VenueOrder, opened_at: datetime | None) -> bool:
    """Tell whether the books have an order as the venue has it; what ended before their first balances is in those."""
    intent = books.intents.intents.get(order.identifier or "")
    if intent is not None and intent.closing is not None:
        return intent.closing.executed_quantity == order.executed_quantity
    is_earlier = opened_at is not None and order.created_at < opened_at
    return order.state is VenueState.CLOSED and (is_earlier or order.executed_quantity == ZERO)


def _unsettled(problem: str) -> UnsafeSetup:
    remedy = (
        "let the bot run until it is settled, for an hour at least; if the journal is an old copy, put the newest in its place"
    )
    return UnsafeSetup("the account", problem, remedy)


def _deliver(settings: Settings, journal: JournalFile, books: Books, clock: Clock) -> None:
    """Bring rows and messages up to date; what cannot be delivered stays behind, and the doctor tells that."""
    with ExitStack() as stack:
        database = database_of(settings, owner=Owner(settings.mode, settings.order_namespace))
        stack.callback(database.close)
        cursors = Cursors(settings.state_folder / "cursors.json")
        rows_and_messages = followers(
            settings,
            journal=journal,
            books=books,
            database=database,
            archive=CandleFiles(settings.candle_folder),
            clock=clock,
            metrics=Metrics(),
            telegram=telegram_of(settings, clock, stack),
            cursors=cursors,
        )
        discord = discord_of(settings, journal=journal, cursors=cursors, clock=clock, metrics=Metrics())
        for follower in (*rows_and_messages, *([] if discord is None else [discord])):
            with suppress(BotError):
                follower.flush()
