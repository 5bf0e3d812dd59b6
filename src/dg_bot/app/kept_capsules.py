"""The copies of capsules in the database, for those whose files are gone."""

from dg_bot.app.database import Database
from dg_bot.app.followers import database_of
from dg_bot.app.settings import Settings
from dg_bot.domain.events import CapsuleStored
from dg_bot.errors import ConfigurationError, StoreError


class KeptCapsules:
    """Connects when the first copy is asked for; a database that does not answer is not asked twice."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._database: Database | None = None
        self._is_away = False

    def get(self, stored: CapsuleStored) -> bytes | None:
        """Give the bytes of a capsule; None where there is no copy, or no database."""
        if self._is_away:
            return None
        if self._database is None:
            self._database = database_of(self._settings, owner=None)
        try:
            return self._database.store().capsule(stored)
        except (StoreError, ConfigurationError):
            self._is_away = True
            return None

    def close(self) -> None:
        """Let go of the database, and stop a server of our own that nobody else uses."""
        if self._database is not None:
            self._database.close()
            self._database = None
