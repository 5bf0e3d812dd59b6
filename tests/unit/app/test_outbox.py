from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.clock import SystemClock
from dg_bot.adapters.memory import MemoryCandleArchive, MemoryJournal
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.database import Database
from dg_bot.app.outbox import CandleProjection, MessageProjection, Outbox, RowProjection
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import AlarmRaised, CycleCompleted, Event, SafeModeLeft
from dg_bot.errors import DataError, StateError, StoreError
from dg_bot.operator.narrator import Narrator, Verbosity
from dg_bot.operator.phrasebook import Language
from tests.journal_records import BTC, NOON, closed, fill, planned_buy, report
from tests.postgres import rows
from tests.unit.app.whole_bot import value

QUEUE = 300
DOWN = StoreError("telegram", "nobody answers")


class Chat:
    """A notifier that keeps what it is told, and fails when it is told to: after so many messages more."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.tried = 0
        self.takes: int | None = None

    def send(self, text: str) -> None:
        self.tried += 1
        if self.takes == 0:
            raise DOWN
        if self.takes is not None:
            self.takes -= 1
        self.texts.append(text)

    @property
    def titles(self) -> list[str]:
        return [text.splitlines()[0] for text in self.texts]


class Desk:
    """A journal with its cursors, whose messages go to a chat; `restart` is a new process."""

    def __init__(self, folder: Path, verbosity: Verbosity = Verbosity.CHANGES) -> None:
        self.journal = MemoryJournal(lambda: datetime.now(UTC))
        self.chat = Chat()
        self.metrics = Metrics()
        self._path = folder / "cursors.json"
        self._verbosity = verbosity
        self.restart()

    def restart(self) -> None:
        self.cursors = Cursors(self._path)
        self.projection = MessageProjection(
            journal=self.journal,
            cursors=self.cursors,
            narrator=Narrator(language=Language.ENGLISH, verbosity=self._verbosity),
            notifier=self.chat,
            clock=SystemClock(),
            metrics=self.metrics,
        )

    def happens(self, *events: Event) -> None:
        for event in events:
            self.journal.append(event)

    def fails_to_flush(self) -> None:
        with pytest.raises(StoreError):
            self.projection.flush()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def alarm(kind: str) -> AlarmRaised:
    return AlarmRaised(kind=kind, text="look")


def title(kind: str) -> str:
    return f"🚨 <b>Alarm: {kind}</b>"


def test_what_happened_before_messages_were_ever_sent_is_no_news(tmp_path: Path, desk: Desk) -> None:
    (tmp_path / "cursors.json").unlink()
    desk.happens(alarm("old"))
    desk.restart()
    desk.happens(alarm("new"))

    desk.projection.flush()

    assert [title("new")] == desk.chat.titles


def test_each_message_goes_out_once(desk: Desk) -> None:
    desk.happens(alarm("first"), alarm("second"))

    desk.projection.flush()
    desk.projection.flush()

    assert ([title("first"), title("second")], 2) == (desk.chat.titles, desk.projection.place)


def test_records_without_a_message_are_passed(desk: Desk) -> None:
    desk.happens(planned_buy())

    desk.projection.flush()

    assert ([], 1) == (desk.chat.titles, desk.projection.place)


def test_the_place_moves_only_with_what_was_delivered(desk: Desk) -> None:
    desk.happens(alarm("first"), alarm("second"), alarm("third"))
    desk.chat.takes = 1

    desk.fails_to_flush()

    assert ([title("first")], 1, 2) == (desk.chat.titles, desk.projection.place, desk.chat.tried)


def test_the_rest_follows_when_the_chat_is_back(desk: Desk) -> None:
    desk.happens(alarm("first"), alarm("second"))
    desk.chat.takes = 1
    desk.fails_to_flush()
    desk.chat.takes = None
    desk.happens(alarm("third"))

    desk.projection.flush()

    assert [title("first"), title("second"), title("third")] == desk.chat.titles


def test_a_new_process_sends_what_the_old_one_did_not_and_nothing_twice(desk: Desk) -> None:
    desk.happens(alarm("first"), alarm("second"))
    desk.chat.takes = 1
    desk.fails_to_flush()
    desk.chat.takes = None

    for _ in range(2):
        desk.restart()
        desk.projection.flush()

    assert [title("first"), title("second")] == desk.chat.titles


def test_a_record_with_several_messages_is_passed_when_the_last_of_them_is_delivered(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Verbosity.FULL)
    desk.happens(CycleCompleted(report=report()))
    desk.chat.takes = 3

    desk.fails_to_flush()
    places = [desk.projection.place]
    desk.chat.takes = None
    desk.projection.flush()
    places.append(desk.projection.place)

    assert ([0, 1], 4) == (places, len(set(desk.chat.texts)))


def test_a_new_process_knows_the_cycles_that_were_told_before(desk: Desk) -> None:
    """What has changed is judged by the whole journal, not by what this process has seen."""
    desk.happens(CycleCompleted(report=report()))
    desk.projection.flush()
    desk.restart()
    desk.happens(CycleCompleted(report=report("KRW-BTC/2026-11-20T13")))

    desk.projection.flush()

    assert 1 == len(desk.chat.texts)


@pytest.mark.parametrize(("alarms", "dropped"), [(0, 0), (1, 1), (2, 2)])
def test_a_queue_that_is_too_long_drops_its_oldest_chatter(tmp_path: Path, alarms: int, dropped: int) -> None:
    """75 cycles of four messages fill the queue; the first cycle's decision is news, its other messages are chatter."""
    desk = Desk(tmp_path, Verbosity.FULL)
    desk.chat.takes = 0
    for hour in range(QUEUE // 4):
        desk.happens(CycleCompleted(report=report(f"cycle {hour}", outcome=Outcome.HELD)))
    desk.happens(*(alarm(f"{number}") for number in range(alarms)))
    desk.fails_to_flush()
    desk.chat.takes = None

    desk.projection.flush()

    first_four = [
        "🕐 <b>KRW-BTC cycle</b>",
        "📊 <b>KRW-BTC backtest</b>",
        "⚪ <b>KRW-BTC held</b>",
        "💼 <b>KRW-BTC portfolio</b>",
    ]
    assert QUEUE == len(desk.chat.texts)
    assert first_four[dropped:] == desk.chat.titles[: 4 - dropped]
    assert [title(f"{number}") for number in range(alarms)] == desk.chat.titles[QUEUE - alarms :]
    assert desk.projection.place == QUEUE // 4 + alarms


def test_alerts_are_never_dropped(desk: Desk) -> None:
    desk.chat.takes = 0
    desk.happens(*(alarm(f"{number}") for number in range(QUEUE + 1)))
    desk.fails_to_flush()
    desk.chat.takes = None

    desk.projection.flush()

    assert [title(f"{number}") for number in range(QUEUE + 1)] == desk.chat.titles


def test_changes_are_dropped_before_alerts(desk: Desk) -> None:
    desk.chat.takes = 0
    desk.happens(SafeModeLeft(by="operator"), CycleCompleted(report=report()))
    desk.happens(*(alarm(f"{number}") for number in range(QUEUE - 1)))
    desk.fails_to_flush()
    desk.chat.takes = None

    desk.projection.flush()

    assert ["✅ <b>Safe mode off</b>", title("0")] == desk.chat.titles[:2]


# Rows


class Shelf:
    """A journal and an archive whose rows go to a database, or to one that is away."""

    def __init__(self, folder: Path, url: str) -> None:
        self.journal = MemoryJournal(lambda: NOON)
        self.archive = MemoryCandleArchive()
        self.folder = folder
        self.url = url
        self.databases: list[Database] = []

    def rows(self, *, is_away: bool = False) -> RowProjection:
        """Give the projection as a new process has it."""
        return RowProjection(journal=self.journal, cursors=self.cursors(), database=self.database(is_away=is_away))

    def candles(self) -> CandleProjection:
        return CandleProjection(
            journal=self.journal, cursors=self.cursors(), database=self.database(is_away=False), archive=self.archive
        )

    def cursors(self) -> Cursors:
        return Cursors(self.folder / "cursors.json")

    def database(self, *, is_away: bool) -> Database:
        url = "postgresql://nobody@127.0.0.1:1/none" if is_away else self.url
        self.databases.append(Database(url=url, folder=self.folder / "postgres", password_file=self.folder / "password"))
        return self.databases[-1]

    def trade(self) -> None:
        bought = closed(fills=(fill("one", "0.00000001", price="1000.1"),), fee="0.0000000005")
        for event in (planned_buy(), bought, CycleCompleted(report=report())):
            self.journal.append(event)

    def kept(self, query: str) -> list[tuple[object, ...]]:
        return rows(self.url, query)


@pytest.fixture
def shelf(tmp_path: Path, database: str) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path, database)
    yield shelf
    for opened in shelf.databases:
        opened.close()


def candles(*hours_before_noon: int) -> list[Candle]:
    prices = {hours: Decimal(1000 + hours) for hours in hours_before_noon}
    return [
        Candle(opened_at=NOON - timedelta(hours=hours), open=price, high=price, low=price, close=price, volume=Decimal(1))
        for hours, price in prices.items()
    ]


def test_rows_follow_once_the_database_is_there(shelf: Shelf) -> None:
    shelf.trade()
    away, back = shelf.rows(is_away=True), shelf.rows()

    with pytest.raises(StoreError):
        away.flush()
    back.flush()

    assert (0, 3) == (away.place, back.place)
    assert [("0.00000001", "0.000010001", "0.0000000005")] == shelf.kept(
        "SELECT amount::text, total::text, fee::text FROM trades"
    )


def test_rows_that_are_written_again_are_the_same_rows(shelf: Shelf) -> None:
    shelf.trade()
    shelf.archive.add(BTC, HOUR, candles(2, 1))
    shelf.rows().flush()
    shelf.candles().flush()
    queries = ("SELECT * FROM trades", "SELECT * FROM fills", "SELECT * FROM cycles", "SELECT * FROM candles ORDER BY timestamp")
    before = [shelf.kept(query) for query in queries]
    (shelf.folder / "cursors.json").unlink()

    shelf.rows().flush()
    shelf.candles().flush()

    assert [1, 1, 1, 2] == [len(kept) for kept in before]
    assert before == [shelf.kept(query) for query in queries]


def test_more_records_than_go_into_one_batch_are_all_taken(shelf: Shelf) -> None:
    for number in range(401):
        shelf.journal.append(alarm(f"{number}"))

    projection = shelf.rows()
    projection.flush()

    assert (401, [(401,)]) == (projection.place, shelf.kept("SELECT count(*) FROM system_logs"))


def test_candles_are_kept_up_to_the_hour_of_the_last_cycle_and_only_once(shelf: Shelf) -> None:
    shelf.archive.add(BTC, HOUR, candles(3, 2, 1, 0))
    projection = shelf.candles()
    counts = []
    for hour in (NOON, NOON, NOON + timedelta(hours=1)):
        shelf.journal.append(CycleCompleted(report=replace(report(), opened_at=hour)))
        projection.flush()
        counts += shelf.kept("SELECT count(*), max(close) FROM candles")

    assert [(3, Decimal(1003)), (3, Decimal(1003)), (4, Decimal(1003))] == counts


def test_a_bad_archive_holds_up_no_rows(shelf: Shelf) -> None:
    shelf.trade()
    shelf.archive.load = raising(DataError("candles", "row 3 is bad"))  # type: ignore[method-assign]

    shelf.rows().flush()

    assert [(1,)] == shelf.kept("SELECT count(*) FROM trades")
    with pytest.raises(DataError, match="row 3"):
        shelf.candles().flush()


def raising(error: Exception) -> Callable[..., CandleSeries]:
    def load(*_: object) -> CandleSeries:
        raise error

    return load


# Together


class Taker:
    """A projection that takes everything, or raises what it is told to."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.place = 0

    def flush(self) -> None:
        if self.error is not None:
            raise self.error
        self.place = 7


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StoreError("project", "it is away"), "project: was not taken (it is away)"),
        (StateError("cursors.json", "cannot be written", "make room"), "cursors.json: cannot be written; make room"),
        (DataError("candles", "row 3 is bad"), "candles: row 3 is bad"),
        (ZeroDivisionError("a defect"), "ZeroDivisionError: a defect"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_one_projection_cannot_take_does_not_keep_the_other_from_it(error: Exception, reason: str) -> None:
    first, second, metrics = Taker("database", error), Taker("messages"), Metrics()
    outbox = Outbox(projections=(first, second), metrics=metrics, end=lambda: 7)

    outbox.flush()

    assert ({"database": reason}, 7) == (outbox.degraded, second.place)
    assert (7.0, 1.0) == (value(metrics, "outbox_lag"), value(metrics, "bot_errors_total", kind="database"))


def test_a_projection_that_has_caught_up_is_degraded_no_more() -> None:
    taker, metrics = Taker("database", StoreError("project", "away")), Metrics()
    outbox = Outbox(projections=(taker,), metrics=metrics, end=lambda: 7)
    outbox.flush()
    taker.error = None

    outbox.flush()

    assert ({}, 0.0) == (outbox.degraded, value(metrics, "outbox_lag"))


def test_an_outbox_without_projections_is_never_behind() -> None:
    metrics = Metrics()

    Outbox(projections=(), metrics=metrics, end=lambda: 7).flush()

    assert 0.0 == value(metrics, "outbox_lag")
