"""The world of a capsule: it answers as it did, and where it was never asked it says so."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NoReturn, TypeVar, cast

from dg_bot.app.replay_difference import CHALLENGERS, Difference
from dg_bot.capsule import CONSULTATION, MONOTONIC, NOW, OTHER_RECORD, OWN_RECORD, SUBMIT, Capsule, Heard, HeardAnswer
from dg_bot.domain.candle import Candle
from dg_bot.domain.cycle_report import Stage
from dg_bot.domain.events import Event, Record
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, ModelQuestion
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.news import NewsItem
from dg_bot.domain.order import VenueOrder
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import ExchangeUnavailable
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.candle_collection import CollectedCandles
from dg_bot.pipeline.witness import asked_about
from dg_bot.ports import Rejected, Submission
from dg_bot.remembered import Remembered

T = TypeVar("T")

_BEFORE, _BEHIND = 20, 60
# A later question of the same kind gets the last answer again, but for these: time goes on, and an order is sent once.
_NEVER_AGAIN = (NOW, MONOTONIC, SUBMIT)


class RecordedWorld:
    """The witness of a replay.

    Each port gives its answers to the same question in the order in which they were heard. What other threads recorded in between
    is recorded again when the replay has come as far.
    """

    def __init__(self, capsule: Capsule) -> None:
        self._heard = capsule.heard
        self._before = capsule.before
        self._places: dict[tuple[str, str], deque[int]] = {}
        self._latest: dict[tuple[str, str], Heard] = {}
        self._others: deque[tuple[int, Record]] = deque()
        self._own_at: deque[datetime] = deque()
        self._books: Books | None = None
        self._repeated: Record | None = None
        self._now = capsule.opened_at
        self.events: list[Event] = []
        self.question_difference: Difference | None = None
        for place, heard in enumerate(capsule.heard):
            if isinstance(heard.value, Record):
                if heard.port == OWN_RECORD:
                    self._own_at.append(heard.value.at)
                elif heard.port == OTHER_RECORD:
                    self._others.append((place, heard.value))
            else:
                self._places.setdefault((heard.port, heard.about), deque()).append(place)

    def answer(self, port: str, about: str, ask: Callable[[], T]) -> T:
        """Give what the port answered, or raise what it raised; `ask` stands in where it was not asked."""
        places = self._places.get((port, about))
        if places:
            place = places.popleft()
            heard = self._latest[port, about] = self._heard[place]
            self._catch_up(place)
        elif port in _NEVER_AGAIN or (port, about) not in self._latest:
            return ask()
        else:
            heard = self._latest[port, about]
        if heard.error is not None:
            raise heard.error
        if isinstance(heard.value, datetime):
            self._now = heard.value
        return cast("T", heard.value)

    def ask(self, question: ModelQuestion, asker: str) -> ModelAnswer:
        """Give the recorded answer of a language model, and note where the question is another than the recorded one."""
        silence = HeardAnswer(instructions="", data="", schema="", answer=ModelAnswer(kind=AnswerKind.NOT_ASKED))
        heard = self.answer(CONSULTATION, asked_about(question, asker), lambda: silence)
        for part in ("instructions", "data", "schema"):
            then, now = getattr(heard, part), getattr(question, part)
            if then != now and self.question_difference is None:
                place = next((at for at, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), min(len(then), len(now)))
                excerpts = [text[max(0, place - _BEFORE) : place + _BEHIND] for text in (then, now)]
                self.question_difference = Difference(
                    stage=CHALLENGERS if asker else Stage.ANALYSIS,
                    field=f"prompt.{part}",
                    recorded=excerpts[0],
                    recomputed=excerpts[1],
                )
        return heard.answer

    def keep(self, record: Record) -> None:
        """See nothing new: `append` has kept it already."""

    def books(self) -> Books:
        """Open the books as they were when the cycle began; what is recorded in them from now on is in `events`."""
        self._books = Books(journal=self, clock=RecordedTime(self), on_record=lambda _record: None)
        return self._books

    def append(self, event: Event) -> Record:
        """Take one event: the cycle's own at the time at which it was recorded, as far as there was one."""
        if self._books is None:
            raise RuntimeError("books are opened first")
        sequence = self._books.state.sequence + 1
        if self._repeated is not None:
            return Record(sequence=sequence, at=self._repeated.at, event=event)
        self.events.append(event)
        return Record(sequence=sequence, at=self._own_at.popleft() if self._own_at else self._now, event=event)

    def records(self, after: int = 0) -> Iterator[Record]:  # noqa: ARG002 - nothing is after the snapshot
        """Give nothing: everything earlier is in the snapshot."""
        return iter(())

    def __len__(self) -> int:
        return self._before.sequence

    def snapshot(self) -> Remembered:
        return self._before

    def compact(self, remembered: Remembered) -> None:
        """Keep nothing: a replay leaves no trace."""

    @property
    def time_of_next_record(self) -> datetime:
        if self._repeated is not None:
            return self._repeated.at
        return self._own_at[0] if self._own_at else self._now

    @property
    def latest_now(self) -> datetime:
        return self._now

    def _catch_up(self, place: int) -> None:
        while self._books is not None and self._others and self._others[0][0] < place:
            self._repeated = self._others.popleft()[1]
            self._books.record(self._repeated.event)
            self._repeated = None


class RecordedLanguageModel:
    """The language model of a replay, as somebody asks it."""

    def __init__(self, world: RecordedWorld, *, asker: str = "") -> None:
        self._world = world
        self._asker = asker

    def ask(self, question: ModelQuestion) -> ModelAnswer:
        return self._world.ask(question, self._asker)


class RecordedTime:
    """The clock of the books in a replay: the time of the record that comes next."""

    def __init__(self, world: RecordedWorld) -> None:
        self._world = world

    def now(self) -> datetime:
        return self._world.time_of_next_record

    def skew_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Go on at once."""


class LapsedClock:
    """Time after the last recorded moment: it stands, and goes on by what is slept."""

    def __init__(self, world: RecordedWorld) -> None:
        self._world = world
        self._slept = 0.0

    def now(self) -> datetime:
        return self._world.latest_now + timedelta(seconds=self._slept)

    def skew_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        return 1e9 + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds


class SilentVenue:
    """What stands in where a capsule has no answer: nothing can be read, and no order is taken."""

    def candles(self, *_: object, **__: object) -> list[Candle]:
        _absent("candles")

    def order_book(self, *_: object, **__: object) -> OrderBook:
        _absent("an order book")

    def last_prices(self, *_: object, **__: object) -> Mapping[Market, Decimal]:
        _absent("last prices")

    def tick_size(self, *_: object, **__: object) -> Decimal:
        _absent("a tick size")

    def notices(self) -> Mapping[Market, MarketNotice]:
        _absent("notices")

    def balances(self) -> Mapping[str, Balance]:
        _absent("balances")

    def rules(self, *_: object, **__: object) -> MarketRules:
        _absent("order rules")

    def submit(self, *_: object, **__: object) -> Submission:
        return Rejected("not_recorded", "the recorded cycle sent no such order")

    def find(self, *_: object, **__: object) -> VenueOrder | None:
        _absent("an order")

    def list_orders(self, *_: object, **__: object) -> Sequence[VenueOrder]:
        _absent("lists of orders")

    def recent(self, _now: datetime) -> tuple[NewsItem, ...]:
        return ()

    def collect(self, *_: object, **__: object) -> CollectedCandles:
        _absent("candles")


def _absent(what: str) -> NoReturn:
    raise ExchangeUnavailable("replay", f"the capsule does not hold {what}")
