"""What leaves the process after the fact: rows and messages, each with its own place in the journal."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.database import Database
from dg_bot.domain.calendar import HOUR, from_epoch, to_epoch
from dg_bot.domain.events import CycleCompleted, Record
from dg_bot.domain.market import Market
from dg_bot.errors import BotError, StoreError
from dg_bot.operator.narrator import Message, Narrator, Urgency
from dg_bot.ports import CandleArchive, Clock, Journal, Notifier

PROJECTIONS = ("database", "candles", "messages")
_BATCH = 200
_QUEUE = 300
_log = structlog.get_logger(__name__)


class Projection(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def place(self) -> int:
        """The sequence of the last record that has been taken."""
        ...

    def flush(self) -> None:
        """Bring the projection up to the journal's end.

        Raises StoreError when the other side does not take it, StateError when its place cannot be kept; what was taken stays
        taken.
        """
        ...


class RowProjection:
    """The rows of every record."""

    def __init__(self, *, journal: Journal, cursors: Cursors, database: Database) -> None:
        self._journal = journal
        self._cursors = cursors
        self._database = database

    @property
    def name(self) -> str:
        return "database"

    @property
    def place(self) -> int:
        return self._cursors.get(self.name)

    def flush(self) -> None:
        try:
            while batch := self._next_batch():
                self._database.store().project(batch)
                self._cursors.move(self.name, batch[-1].sequence)
        except StoreError:
            self._database.lost()
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


class MessageProjection:
    """Messages to the operator: at least once, in order, alerts before chatter when there are too many."""

    def __init__(
        self, *, journal: Journal, cursors: Cursors, narrator: Narrator, notifier: Notifier, clock: Clock, metrics: Metrics
    ) -> None:
        """Begin at the journal's present end where messages have never been sent before: old news is no news."""
        self._journal = journal
        self._cursors = cursors
        self._narrator = narrator
        self._notifier = notifier
        self._clock = clock
        self._metrics = metrics
        self._observed = 0
        self._queue: deque[tuple[Record, Message]] = deque()
        if self.name not in cursors.all():
            self._observe(sending_after=None)
            cursors.move(self.name, self._observed)

    @property
    def name(self) -> str:
        return "messages"

    @property
    def place(self) -> int:
        return self._cursors.get(self.name)

    def flush(self) -> None:
        self._observe(sending_after=self._cursors.get(self.name))
        while self._queue:
            record, message = self._queue[0]
            self._notifier.send(message.text)
            self._metrics.notification_delay(max(0.0, (self._clock.now() - record.at).total_seconds()))
            self._queue.popleft()
            if not self._queue or self._queue[0][0].sequence != record.sequence:
                self._cursors.move(self.name, record.sequence)
        if self._cursors.get(self.name) < self._observed:
            self._cursors.move(self.name, self._observed)

    def _observe(self, *, sending_after: int | None) -> None:
        for record in self._journal.records(self._observed):
            told = self._narrator.observe(record)
            self._observed = record.sequence
            if sending_after is not None and record.sequence > sending_after:
                self._queue.extend((record, message) for message in told)
        while len(self._queue) > _QUEUE:
            least = min(self._queue, key=lambda item: item[1].urgency)
            if least[1].urgency is Urgency.ALERT:
                break
            self._queue.remove(least)


class Outbox:
    """Flushes every projection; what one of them cannot take stays in the journal, and holds nothing else up."""

    def __init__(self, *, projections: Sequence[Projection], metrics: Metrics, end: Callable[[], int]) -> None:
        """`end` gives the sequence of the journal's last record."""
        self._projections = projections
        self._end = end
        self._metrics = metrics
        self._behind: dict[str, str] = {}

    @property
    def degraded(self) -> dict[str, str]:
        """Give the projections that are behind, with the reason of the last attempt."""
        return dict(self._behind)

    def flush(self) -> None:
        """Try every projection once."""
        for projection in self._projections:
            try:
                projection.flush()
            except BotError as error:
                self._note(projection, str(error))
            except Exception as error:  # noqa: BLE001 - a defect in one rendering must not silence the others
                self._note(projection, f"{type(error).__name__}: {error}")
            else:
                if self._behind.pop(projection.name, None) is not None:
                    _log.info("projection_caught_up", projection=projection.name)

        self._metrics.outbox_lag(max((self._end() - projection.place for projection in self._projections), default=0))

    def _note(self, projection: Projection, reason: str) -> None:
        if projection.name not in self._behind:
            _log.warning("projection_behind", projection=projection.name, reason=reason)
        self._behind[projection.name] = reason
        self._metrics.error(projection.name)
