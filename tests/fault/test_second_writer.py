"""Two bots on one account from two hosts, who share nothing but the database."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import SafeModeEntered, SafeModeLeft
from dg_bot.errors import UnsafeSetup
from tests.builders import PaperBot, paper_bot
from tests.fault.records import OWNER, Office
from tests.postgres import rows

AWAY = "postgresql://nobody@127.0.0.1:1/none"
Make = Callable[..., Office]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Make]:
    made: list[Office] = []

    def make(bot: PaperBot, dsn: str) -> Office:
        folder = tmp_path / f"host{len(made)}"
        folder.mkdir()
        made.append(Office(bot, folder, dsn=dsn, owner=OWNER))
        return made[-1]

    yield make
    for one in made:
        one.close()


def claim(office: Office) -> None:
    assert office.database is not None
    office.database.claim()


def test_i18_a_second_bot_on_an_account_is_refused_at_its_start(database: str, office: Make) -> None:
    """Before it has asked the venue anything it is told who holds the account, and ends."""
    claim(office(paper_bot(), database))

    with pytest.raises(UnsafeSetup, match=r"DATABASE_URL: the account is in use by another bot \(session .*stop that one first"):
        claim(office(paper_bot(), database))


def test_i18_a_session_that_is_dying_refuses_nobody(database: str, office: Make) -> None:
    """What a killed process left behind is waited for, for a moment, at the start alone."""
    first = office(paper_bot(), database)
    claim(first)
    ended = threading.Timer(0.3, first.close)
    ended.start()

    claim(office(paper_bot(), database))

    ended.join()
    with pytest.raises(UnsafeSetup):
        claim(office(paper_bot(), database))


def test_i18_a_database_that_is_away_refuses_nobody(office: Make) -> None:
    """The lock is one guard of several: without its database the bot starts and trades."""
    bot = paper_bot(says="buy")

    claim(office(bot, AWAY))

    assert Outcome.TRADED is bot.run_cycle().outcome


def test_i18_a_bot_that_meets_the_first_one_later_stops_entries_and_goes_on_selling(database: str, office: Make) -> None:
    """It started while the database was away; now it writes no row, enters nothing and still sells at its stop."""
    first, second = paper_bot(), paper_bot("1000 1000 | 1000 940", holding="100 @ 1000", says="buy")
    office(first, database).flush()
    late = office(second, database)

    behind = late.flush()
    late.flush()
    second.next_hour()
    second.guard.tick()
    second.run_cycle()

    assert "take the account's lock: was not taken (it is held by session" in behind["database"]
    assert 1 == len(second.events(SafeModeEntered))
    assert ["sell KRW-BTC 100"] == second.placed()
    assert ([], 0) == (rows(database, "SELECT * FROM trades"), late.projections[0].place)


def test_i18_while_the_first_one_lives_an_operator_who_resumes_is_told_again(database: str, office: Make) -> None:
    """Safe mode comes back at the next delivery for as long as its cause is there."""
    second = paper_bot(says="buy")
    office(paper_bot(), database).flush()
    late = office(second, database)
    late.flush()

    second.books.record(SafeModeLeft(by="operator"))
    late.flush()

    assert second.state.safe_mode is not None
    assert second.state.safe_mode.reason.startswith("second_writer: ")


def test_i18_when_the_first_one_is_gone_the_second_writes_its_rows_and_waits_for_its_operator(
    database: str, office: Make
) -> None:
    """Rows are harmless and follow by themselves; entries are not, and wait for somebody who knows which bot is right."""
    first, second = office(paper_bot(), database), paper_bot(says="buy")
    first.flush()
    late = office(second, database)
    late.flush()
    first.close()

    for _ in range(200):
        if not late.flush():
            break

    assert {} == late.outbox.degraded
    assert Outcome.TRADED is not second.run_cycle().outcome


def test_i18_an_outage_of_the_database_makes_no_rival_of_ones_own_session(database: str, office: Make) -> None:
    """The account is taken again with the next connection, however the last one ended."""
    bot = paper_bot()
    one = office(bot, database)
    one.flush()
    bot.run_cycle()

    ours = "application_name = 'dg_bot' AND datname = current_database()"
    killed = rows(database, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")  # noqa: S608

    assert ([(True,)], {}) == (killed, one.flush())
    assert [] == bot.events(SafeModeEntered)
