"""The projections into the database: the rows of every record, and the candles that cycles saw."""

from collections.abc import Callable
from datetime import datetime

from dg_bot.adapters.state_file import Cursors
from dg_bot.app.database import Database
from dg_bot.domain.calendar import HOUR, from_epoch, to_epoch
from dg_bot.domain.events import CycleCompleted, Record
from dg_bot.domain.market import Market
from dg_bot.errors import AccountInUse, StoreError
from dg_bot.ports import CandleArchive, Journal

_BATCH = 200
# The name under which the place of the rows is kept.
ROWS = "database"


class RowProjection:
    """The rows of every record."""

    def __init__(
        self,
        *,
        journal: Journal,
        cursors: Cursors,
        database: Database,
        alarm: Callable[[str, str], None],
        on_account_in_use: Callable[[AccountInUse], None],
    ) -> None:
        """`alarm` is told of records that the tables refuse, `on_account_in_use` of another process that writes the rows."""
        self._journal = journal
        self._cursors = cursors
        self._database = database
        self._alarm = alarm
        self._on_account_in_use = on_account_in_use

    @property
    def name(self) -> str:
        return ROWS

    @property
    def place(self) -> int:
        return self._cursors.get(self.name)

    @property
    def waiting_since(self) -> datetime | None:
        return _waiting_since(self._journal, self.place)

    def flush(self) -> None:
        try:
            while batch := self._next_batch():
                refused = self._database.store().project(batch)
                if refused:
                    numbers = ", ".join(f"{record.sequence}" for record in refused)
                    self._alarm("rows_refused", f"the tables refuse journal records {numbers}; see rejected_records")
                self._cursors.move(self.name, batch[-1].sequence)
        except StoreError as error:
            self._database.lost()
            if isinstance(error, AccountInUse):
                self._on_account_in_use(error)
            raise

    def _next_batch(self) -> list[Record]:
        batch = []
        for record in self._journal.records(self._cursors.get(self.name)):
            batch.append(record)
            if len(batch) == _BATCH:
                break
        return batch


class CandleProjection:
    """The candles that cycles saw, market by market; its place is the record whose cycle asked for the last of them."""

    def __init__(self, *, journal: Journal, cursors: Cursors, database: Database, archive: CandleArchive) -> None:
        self._journal = journal
        self._cursors = cursors
        self._database = database
        self._archive = archive

    @property
    def name(self) -> str:
        return "candles"

    @property
    def place(self) -> int:
        return self._cursors.get(self.name)

    @property
    def waiting_since(self) -> datetime | None:
        return _waiting_since(self._journal, self.place)

    def flush(self) -> None:
        """Copy what each market's cycles have seen since the last time; an unreadable archive raises DataError."""
        ends: dict[Market, datetime] = {}
        last = self.place
        for record in self._journal.records(last):
            last = record.sequence
            if isinstance(record.event, CycleCompleted):
                ends[record.event.report.market] = record.event.report.opened_at
        try:
            for market, end in ends.items():
                self._copy(market, end)
        except StoreError:
            self._database.lost()
            raise
        if last > self.place:
            self._cursors.move(self.name, last)

    def _copy(self, market: Market, end: datetime) -> None:
        """Keep, beside the place in the journal, up to which second the database has this market's candles."""
        until = f"candles:{market}"
        start = from_epoch(self._cursors.get(until))
        if start < end:
            self._database.store().add_candles(market, HOUR, self._archive.load(market, HOUR, start, end))
            self._cursors.move(until, to_epoch(HOUR.floor(end)))


def _waiting_since(journal: Journal, place: int) -> datetime | None:
    return next((record.at for record in journal.records(place)), None)
