from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.memory import MemoryJournal
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.database import Database
from dg_bot.app.message_projection import MessageProjection
from dg_bot.app.outbox import Outbox, Projection
from dg_bot.app.outbox_notes import OutboxNotes, noted_reasons
from dg_bot.app.row_projections import CandleProjection, RowProjection
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import AlarmRaised, CycleCompleted, Event, SafeModeLeft
from dg_bot.errors import AccountInUse, DataError, StateError, StoreError
from dg_bot.operator.narrator import Narrator
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.verbosity import Verbosity
from tests.builders import VirtualClock
from tests.journal_records import BTC, NOON, closed, fill, planned_buy, report
from tests.memory_archive import MemoryCandleArchive
from tests.postgres import rows
from tests.unit.app.whole_bot import value

QUEUE = 300
DOWN = StoreError("telegram", "nobody answers")
AWAY = StoreError("project", "it is away")


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
    def told(self) -> list[str]:
        """Give the messages, those too that came several in one."""
        return [message for text in self.texts for message in text.split("\n\n")]

    @property
    def titles(self) -> list[str]:
        return [message.splitlines()[0] for message in self.told]


class Desk:
    """A journal with its cursors, whose messages go to a chat; `restart` is a new process."""

    def __init__(self, folder: Path, verbosity: Verbosity = Verbosity.CHANGES) -> None:
        self.clock = VirtualClock(NOON)
        self.journal = MemoryJournal(self.clock.now)
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
            clock=self.clock,
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

    assert ([0, 1], 4) == (places, len(set(desk.chat.told)))


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
    assert QUEUE == len(desk.chat.told)
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


def hour_of_full_news(desk: Desk, hour: int) -> None:
    desk.happens(CycleCompleted(report=report(f"cycle {hour}", outcome=Outcome.HELD)), alarm(f"{hour}"))


@pytest.mark.parametrize(("minutes", "told"), [(9.9, 5), (10, 2)])
def test_chatter_of_ten_minutes_ago_is_no_news(tmp_path: Path, minutes: float, told: int) -> None:
    """The decision of a cycle and an alarm are news; the cycle's other three messages are chatter."""
    desk = Desk(tmp_path, Verbosity.FULL)
    hour_of_full_news(desk, 0)
    desk.clock.sleep(minutes * 60)

    desk.projection.flush()

    assert (told, 2) == (len(desk.chat.told), desk.projection.place)


def test_what_comes_late_comes_in_few_messages_that_fit(desk: Desk) -> None:
    desk.happens(*(alarm(f"{number:0250}") for number in range(40)))
    desk.clock.sleep(600)

    desk.projection.flush()

    assert [title(f"{number:0250}") for number in range(40)] == desk.chat.titles
    assert 3 == len(desk.chat.texts)
    assert {True} == {len(text) <= 4096 for text in desk.chat.texts}


def test_what_waited_for_a_failed_one_comes_together_with_it_and_what_follows_alone(desk: Desk) -> None:
    desk.happens(alarm("first"), alarm("second"))
    desk.chat.takes = 0
    desk.fails_to_flush()
    desk.chat.takes = None
    desk.projection.flush()
    desk.happens(alarm("third"), alarm("fourth"))

    desk.projection.flush()

    assert [2, 1, 1] == [len(text.split("\n\n")) for text in desk.chat.texts]


def test_a_failure_between_two_that_came_together_loses_and_repeats_none(desk: Desk) -> None:
    desk.happens(*(alarm(f"{number:0250}") for number in range(40)))
    desk.clock.sleep(600)
    desk.chat.takes = 2
    desk.fails_to_flush()
    desk.chat.takes = None
    desk.restart()

    desk.projection.flush()

    assert [title(f"{number:0250}") for number in range(40)] == desk.chat.titles


# Rows


class Shelf:
    """A journal and an archive whose rows go to a database, or to one that is away."""

    def __init__(self, folder: Path, url: str) -> None:
        self.journal = MemoryJournal(lambda: NOON)
        self.archive = MemoryCandleArchive()
        self.folder = folder
        self.url: str | None = url
        self.databases: list[Database] = []
        self.alarms: list[tuple[str, str]] = []
        self.rivals: list[AccountInUse] = []

    def rows(self, *, is_away: bool = False) -> RowProjection:
        """Give the projection as a new process has it."""
        return RowProjection(
            journal=self.journal,
            cursors=self.cursors(),
            database=self.database(is_away=is_away),
            alarm=lambda kind, text: self.alarms.append((kind, text)),
            on_account_in_use=self.rivals.append,
        )

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
        return rows(self.url or "", query)


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
        self.waiting_since: datetime | None = NOON

    def flush(self) -> None:
        if self.error is not None:
            raise self.error
        self.place = 7


class Post:
    """An outbox at NOON, with what it tells."""

    def __init__(self, *projections: Projection) -> None:
        self.metrics = Metrics()
        self.clock = VirtualClock(NOON)
        self.alarms: list[tuple[str, str]] = []
        self.notes: list[Mapping[str, str]] = []
        self.alarm_fails = False
        self.outbox = Outbox(
            projections=projections,
            metrics=self.metrics,
            end=lambda: 7,
            now=self.clock.now,
            alarm=self._alarm,
            note=self.notes.append,
        )

    def _alarm(self, kind: str, text: str) -> None:
        if self.alarm_fails:
            raise StateError("journal.jsonl", "cannot be written", "make room")
        self.alarms.append((kind, text))

    def flush_after(self, minutes: float) -> None:
        self.clock.at = NOON + timedelta(minutes=minutes)
        self.outbox.flush()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AWAY, "project: was not taken (it is away)"),
        (StateError("cursors.json", "cannot be written", "make room"), "cursors.json: cannot be written; make room"),
        (DataError("candles", "row 3 is bad"), "candles: row 3 is bad"),
        (ZeroDivisionError("of a secret"), "a defect of this program (ZeroDivisionError)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_one_projection_cannot_take_does_not_keep_the_other_from_it(error: Exception, reason: str) -> None:
    first, second = Taker("database", error), Taker("messages")
    post = Post(first, second)

    post.outbox.flush()

    assert ({"database": reason}, 7) == (post.outbox.degraded, second.place)
    assert (7.0, 1.0) == (value(post.metrics, "outbox_lag"), value(post.metrics, "bot_errors_total", kind="database"))


def test_a_projection_that_has_caught_up_is_degraded_no_more() -> None:
    taker = Taker("database", AWAY)
    post = Post(taker)
    post.outbox.flush()
    taker.error = None

    post.outbox.flush()

    assert ({}, 0.0) == (post.outbox.degraded, value(post.metrics, "outbox_lag"))


def test_an_outbox_without_projections_is_never_behind() -> None:
    post = Post()

    post.outbox.flush()

    assert 0.0 == value(post.metrics, "outbox_lag")


@pytest.mark.parametrize(("minutes", "alarms"), [(9.9, 0), (10, 1)])
def test_what_is_behind_for_ten_minutes_is_told_once(minutes: float, alarms: int) -> None:
    post = Post(Taker("database", AWAY))

    for _ in range(3):
        post.flush_after(minutes)

    text = "not delivered since 2026-11-20 12:00Z: project: was not taken (it is away)"
    assert [("database_behind", text)] * alarms == post.alarms


def test_one_cause_that_holds_several_up_is_told_once() -> None:
    post = Post(Taker("database", AWAY), Taker("candles", AWAY), Taker("messages", DOWN))

    for _ in range(2):
        post.flush_after(11)

    assert ["database_behind", "messages_behind"] == [kind for kind, _ in post.alarms]


def test_an_alarm_that_could_not_be_recorded_is_tried_again() -> None:
    post = Post(Taker("database", AWAY))
    post.alarm_fails = True
    post.flush_after(11)
    post.alarm_fails = False

    post.flush_after(12)

    assert ["database_behind"] == [kind for kind, _ in post.alarms]


def test_a_second_hold_up_is_told_again() -> None:
    taker = Taker("database", AWAY)
    post = Post(taker)
    for error in (AWAY, None, AWAY):
        taker.error = error
        post.flush_after(11)

    assert ["database_behind"] * 2 == [kind for kind, _ in post.alarms]


def test_nothing_waits_and_nobody_is_told_where_the_failing_side_has_taken_all() -> None:
    taker = Taker("messages", AWAY)
    taker.waiting_since = None
    post = Post(taker)

    post.flush_after(600)

    assert ([], {"messages"}) == (post.alarms, set(post.outbox.degraded))


def test_the_reasons_are_noted_whenever_they_are_others() -> None:
    taker = Taker("database", AWAY)
    post = Post(taker)
    for error in (AWAY, AWAY, StoreError("project", "full"), None, None):
        taker.error = error
        post.outbox.flush()

    assert [{"database": str(AWAY)}, {"database": "project: was not taken (full)"}, {}] == post.notes


@pytest.mark.parametrize("behind", [{}, {"database": "away", "messages": "token"}])
def test_noted_reasons_are_read_back(tmp_path: Path, behind: dict[str, str]) -> None:
    OutboxNotes(tmp_path).note("outbox", behind)

    assert behind == noted_reasons(tmp_path)


@pytest.mark.parametrize("content", [None, "", "{}", "[]"])
def test_reasons_that_cannot_be_read_are_none(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "outbox.json").write_text(content)

    assert {} == noted_reasons(tmp_path)


def test_each_outbox_notes_its_own_part(tmp_path: Path) -> None:
    notes = OutboxNotes(tmp_path)
    notes.note("outbox", {"database": "away"})
    notes.note("discord", {"discord": "gone"})
    both = noted_reasons(tmp_path)
    notes.note("outbox", {})

    assert ({"database": "away", "discord": "gone"}, {"discord": "gone"}) == (both, noted_reasons(tmp_path))


def test_the_lag_is_that_of_the_outbox_furthest_behind() -> None:
    metrics = Metrics()
    metrics.outbox_lag(3, of="outbox")
    metrics.outbox_lag(1, of="discord")

    assert 3.0 == value(metrics, "outbox_lag")


def test_reasons_that_cannot_be_written_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    OutboxNotes(tmp_path / "file").note("outbox", {"database": "away"})

    assert {} == noted_reasons(tmp_path / "file")


def test_why_a_server_of_our_own_does_not_start_reaches_the_doctor(tmp_path: Path, shelf: Shelf) -> None:
    """A folder that is no cluster, named by the server's own program."""
    (tmp_path / "postgres" / "cluster").mkdir(parents=True)
    (tmp_path / "postgres" / "cluster" / "PG_VERSION").write_text("5\n")
    (tmp_path / "password").write_text("its-password")
    shelf.trade()
    shelf.url = None
    post = Post(shelf.rows())

    post.outbox.flush()
    OutboxNotes(tmp_path).note("outbox", post.notes[-1])

    reason = noted_reasons(tmp_path)["database"]
    assert "start the embedded PostgreSQL: was not taken (" in reason
    assert "cluster" in reason
