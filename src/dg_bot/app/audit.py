"""Hold the database's rows against the journal that they were made from."""

from itertools import takewhile

from dg_bot.adapters.instance_lock import is_marked
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.followers import database_of
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import existing_journal


def audit(settings: Settings) -> list[str]:
    """Name every row that is not what the journal says, up to where the rows have followed it; a bot may be running.

    Raises StoreError where the database does not answer, StateError where the journal is unreadable.
    """
    path = existing_journal(settings)
    is_marked(settings.state_folder, settings.mode, settings.order_namespace)
    place = Cursors(settings.state_folder / "cursors.json").get("database")
    database = database_of(settings, owner=None)
    try:
        return database.store().altered_rows(takewhile(lambda record: record.sequence <= place, read_journal(path)))
    finally:
        database.close()
