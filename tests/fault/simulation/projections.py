"""What follows the journal from outside: rows and messages, behind a database and a messenger that can be away."""

import html
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.database import Database
from dg_bot.app.message_projection import MessageProjection
from dg_bot.app.outbox import Projection
from dg_bot.app.row_projections import RowProjection
from dg_bot.domain.events import AlarmRaised, Record
from dg_bot.errors import BotError, StoreError
from dg_bot.operator.narrator import Narrator
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.verbosity import Verbosity
from dg_bot.ports import Clock, Journal
from tests.fault.simulation.plan import Kind
from tests.fault.simulation.trouble import Trouble
from tests.fault.simulation.violation import Violation


class Places:
    """Cursors that outlive the process."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def get(self, name: str) -> int:
        return self._places.get(name, 0)

    def move(self, name: str, sequence: int) -> None:
        self._places[name] = sequence

    def all(self) -> dict[str, int]:
        return dict(self._places)


class Followers:
    """The database and the messenger of a run, with what they have taken."""

    def __init__(self, trouble: Trouble, *, with_messages: bool) -> None:
        self._trouble = trouble
        self._with_messages = with_messages
        self._places = Places()
        self._rows: set[int] = set()
        self._sent: list[str] = []
        self._projections: list[Projection] = []

    def begin(self, journal: Journal, clock: Clock) -> None:
        """Wire the projections of a new process."""
        cursors = cast(Cursors, self._places)
        rows = RowProjection(
            journal=journal,
            cursors=cursors,
            database=cast(Database, self),
            alarm=lambda _kind, _text: None,
            on_account_in_use=lambda _error: None,
        )
        self._projections = [rows]
        if self._with_messages:
            narrator = Narrator(language=Language.ENGLISH, verbosity=Verbosity.ALERTS)
            self._projections.append(
                MessageProjection(
                    journal=journal,
                    cursors=cursors,
                    narrator=narrator,
                    notifier=self,
                    clock=clock,
                    metrics=cast(Metrics, _NoMetrics()),
                )
            )

    def flush(self) -> None:
        """Try every projection once, as the outbox does."""
        for projection in self._projections:
            with suppress(BotError):
                projection.flush()

    # The database

    def store(self) -> "Followers":
        return self

    def lost(self) -> None:
        return

    def project(self, batch: Sequence[Record]) -> Sequence[Record]:
        """Take records in, refusing none; as with an upsert, one that comes again changes nothing."""
        if self._trouble.is_due(Kind.ROWS_DOWN):
            raise StoreError("rows", "the database is away")
        self._trouble.enter("rows")
        self._rows.update(record.sequence for record in batch)
        self._trouble.leave("rows")
        return ()

    # The messenger

    def send(self, text: str) -> None:
        if self._trouble.is_due(Kind.MESSAGES_DOWN):
            raise StoreError("message", "the messenger is away")
        self._trouble.enter("message")
        self._sent.append(text)
        self._trouble.leave("message")

    def check_delivered(self, records: Sequence[Record]) -> None:
        """Demand every row, and every alarm at least once: I4, I20, I21."""
        missing = {record.sequence for record in records} - self._rows
        if missing:
            raise Violation("I20", f"records {sorted(missing)[:5]} never became rows")
        if self._with_messages:
            told = "\n".join(self._sent)
            untold = [
                one.event.kind
                for one in records
                if isinstance(one.event, AlarmRaised) and html.escape(one.event.text, quote=False) not in told
            ]
            if untold:
                raise Violation("I21", f"alarms that nobody was told of: {untold[:5]}")


class _NoMetrics:
    def notification_delay(self, seconds: float) -> None:
        return
