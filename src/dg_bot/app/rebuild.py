"""Make the database's rows anew from the journal: what the operator does after the database was lost or spoilt."""

from contextlib import ExitStack

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.account_access import AccountAccess
from dg_bot.app.database import Owner
from dg_bot.app.followers import database_of
from dg_bot.app.row_projections import CandleProjection, RowProjection
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import existing_journal, hold_folder, whole_journal


def rebuild_rows(settings: Settings, account: AccountAccess) -> list[str]:
    """Deliver every record and candle anew, into an empty database or over the rows that are there, and tell what there is then.

    Where it breaks off, the bot itself goes on with it. Raises UnsafeSetup while a process runs on the folder, StateError where
    it is unreadable or its journal was lost or cut, StoreError where the database does not take the rows.
    """
    existing_journal(settings)
    with ExitStack() as stack:
        hold_folder(settings, stack)
        journal = whole_journal(settings, account.clock.now, stack)
        database = database_of(settings, owner=Owner(settings.mode, settings.order_namespace))
        stack.callback(database.close)
        cursors = Cursors(settings.state_folder / "cursors.json")
        told: list[str] = []
        rows = RowProjection(
            journal=journal,
            cursors=cursors,
            database=database,
            alarm=lambda _kind, text: told.append(text),
            on_account_in_use=lambda _error: None,
        )
        candles = CandleProjection(
            journal=journal, cursors=cursors, database=database, archive=CandleFiles(settings.candle_folder)
        )
        for projection in (rows, candles):
            cursors.rewind(projection.name)
            projection.flush()
        counts = ", ".join(f"{name} {count}" for name, count in database.store().row_counts().items())
        return [*told, f"Delivered {len(journal)} journal records anew; rows now: {counts}."]
