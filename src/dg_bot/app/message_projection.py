"""The projection into messages: what the operator is told, at least once, in order, and never as a flood."""

from collections import deque
from datetime import datetime, timedelta

import structlog

from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.state_file import Cursors
from dg_bot.domain.events import Record
from dg_bot.errors import StoreError
from dg_bot.operator.narrator import Message, Narrator, Urgency
from dg_bot.operator.phrasebook import merged
from dg_bot.ports import Clock, Journal, Notifier

_QUEUE = 300
# What a message refers to, as an order's plan or a market's last ending, lies at most this many records before it.
_LOOK_BACK = 1000
# Chatter of this age is no news any more, and what else is as old goes out together.
_STALE = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


class MessageProjection:
    """Messages to the operator: at least once, in order, alerts before chatter when there are too many.

    What comes late comes without its chatter, and several messages in one, so that the end of an outage is no flood.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        cursors: Cursors,
        narrator: Narrator,
        notifier: Notifier,
        clock: Clock,
        metrics: Metrics,
        name: str = "messages",
    ) -> None:
        """Begin at the journal's present end where messages have never been sent before: old news is no news.

        `name` is that of its place in the journal: each channel has its own.
        """
        self._name = name
        self._journal = journal
        self._cursors = cursors
        self._narrator = narrator
        self._notifier = notifier
        self._clock = clock
        self._metrics = metrics
        is_first = self.name not in cursors.all()
        self._observed = max(0, (len(journal) if is_first else self.place) - _LOOK_BACK)
        self._queue: deque[tuple[Record, Message]] = deque()
        self._is_held_up = False
        if is_first:
            self._observe(sending_after=None)
            cursors.move(self.name, self._observed)

    @property
    def name(self) -> str:
        return self._name

    @property
    def place(self) -> int:
        return self._cursors.get(self.name)

    @property
    def waiting_since(self) -> datetime | None:
        return self._queue[0][0].at if self._queue else None

    def flush(self) -> None:
        self._observe(sending_after=self._cursors.get(self.name))
        self._drop_stale_chatter()
        while self._queue:
            self._send_next()
        self._is_held_up = False
        if self._cursors.get(self.name) < self._observed:
            self._cursors.move(self.name, self._observed)

    def _send_next(self) -> None:
        """Send the next message, or after a hold-up as many as fit into one."""
        waiting = [message.text for _, message in self._queue]
        text, count = merged(waiting) if self._is_held_up or self._is_late(self._queue[0][0]) else (waiting[0], 1)
        try:
            self._notifier.send(text)
        except StoreError:
            self._is_held_up = True
            raise
        for _ in range(count):
            record, _ = self._queue.popleft()
            self._metrics.notification_delay(max(0.0, (self._clock.now() - record.at).total_seconds()))
        self._cursors.move(self.name, self._queue[0][0].sequence - 1 if self._queue else record.sequence)

    def _is_late(self, record: Record) -> bool:
        return self._clock.now() - record.at >= _STALE

    def _drop_stale_chatter(self) -> None:
        kept = [item for item in self._queue if item[1].urgency is not Urgency.CHATTER or not self._is_late(item[0])]
        if len(kept) < len(self._queue):
            _log.info("stale_chatter_dropped", messages=len(self._queue) - len(kept))
            self._queue = deque(kept)

    def _observe(self, *, sending_after: int | None) -> None:
        for record in self._journal.records(self._observed):
            if sending_after is None or record.sequence <= sending_after:
                self._narrator.remember(record)
            else:
                self._queue.extend((record, message) for message in self._narrator.observe(record))
            self._observed = record.sequence
        while len(self._queue) > _QUEUE:
            least = min(self._queue, key=lambda item: item[1].urgency)
            if least[1].urgency is Urgency.ALERT:
                break
            self._queue.remove(least)
