"""The desk's page of a bot: its own database, read for the last days."""

from contextlib import closing
from datetime import datetime, timedelta

from dg_bot import __version__
from dg_bot.adapters.postgres_tables import TableReader, reading
from dg_bot.app.followers import database_of
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import existing_journal
from dg_bot.domain.cycle_report import Mode
from dg_bot.operator.desk.dashboards import dashboards
from dg_bot.operator.desk.page import desk_page
from dg_bot.operator.desk.queries import Span

_SECOND = timedelta(seconds=1)
_MARKETS = "SELECT DISTINCT symbol FROM prices ORDER BY symbol"
_NEWEST = "SELECT last_cycle_at FROM freshness"


def own_desk(settings: Settings, *, days: int, now: datetime) -> str:
    """Draw the last `days` days of this bot's rows as one page of HTML.

    Raises StateError for a bot that never ran and has no database of its own, StoreError while the database is away.
    """
    if settings.database_url is None:
        existing_journal(settings)
    with closing(database_of(settings, owner=None)) as database, reading(database.dsn()) as reader:
        span = _span(settings, reader, days, now)
        source = f"The {settings.mode} bot, version {__version__}, as its database stood at the end of this time."
        return desk_page(dashboards(), span, reader.table, source=source)


def _span(settings: Settings, reader: TableReader, days: int, now: datetime) -> Span:
    """End now, and where the venue's clock is not this machine's, with the newest cycle."""
    newest = next((row[0] for row in reader.table(_NEWEST).rows), None)
    follows_venue = settings.mode is Mode.DEMO or settings.clock_from_venue
    # The queries take whole seconds: the newest row lies before the next one.
    end = newest + _SECOND if follows_venue and isinstance(newest, datetime) else now
    markets = tuple(str(row[0]) for row in reader.table(_MARKETS).rows)
    return Span(start=end - timedelta(days=days), end=end, markets=markets)
