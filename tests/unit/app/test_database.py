import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.adapters.postgres import TradeRow
from dg_bot.app import database as database_module
from dg_bot.app.database import Database, Owner
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import ConfigurationError, StoreError
from tests.postgres import rows

Open = Callable[..., Database]
AWAY = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    made: list[Database] = []

    def make(url: str | None = None) -> Database:
        made.append(Database(url=url, folder=tmp_path / "postgres", password_file=tmp_path / "state" / "password"))
        return made[-1]

    yield make
    for database in made:
        database.close()


def tables(dsn: str) -> int:
    return len(rows(dsn, "SELECT 1 FROM information_schema.tables WHERE table_schema = 'public' AND table_name = 'trades'"))


def test_nothing_is_started_before_the_first_use(opened: Open, tmp_path: Path) -> None:
    opened().close()

    assert [] == list(tmp_path.iterdir())


def test_the_first_use_makes_the_tables(opened: Open, empty_database: str) -> None:
    before = tables(empty_database)

    store = opened(empty_database).store()

    assert (0, 1, []) == (before, tables(empty_database), store.latest_trades(1))


def test_one_store_serves_every_use(opened: Open, database: str) -> None:
    shared = opened(database)

    assert shared.store() is shared.store()


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_database_that_is_away_is_tried_again_at_each_use(opened: Open, attempts: int) -> None:
    away = opened(AWAY)

    for _ in range(attempts):
        with pytest.raises(StoreError):
            away.store()


def test_a_url_that_cannot_be_one_is_named_without_its_password(opened: Open) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as caught:
        opened("postgresql://bot:hidden-canary@[::1/none").store()

    assert "canary" not in str(caught.value)


def test_a_lost_connection_is_opened_again(opened: Open, database: str) -> None:
    shared = opened(database)
    first = shared.store()
    first.latest_trades(1)
    shared.lost()

    second = shared.store()

    assert (False, []) == (first is second, second.latest_trades(1))


def test_a_server_that_never_answers_holds_no_start_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_CLAIM_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        slow = Database(url=url, folder=tmp_path, password_file=tmp_path / "p", owner=Owner(Mode.PAPER, "dg"))

        slow.claim()

        [claiming] = [thread for thread in threading.enumerate() if thread.name == "claim"]
    claiming.join(30)
    assert not claiming.is_alive()


def test_a_server_of_our_own_is_not_started_to_claim_anything(tmp_path: Path) -> None:
    own = Database(url=None, folder=tmp_path / "postgres", password_file=tmp_path / "p", owner=Owner(Mode.PAPER, "dg"))

    own.claim()

    assert [] == list(tmp_path.iterdir())


def test_a_server_of_our_own_that_was_killed_is_started_again(opened: Open, tmp_path: Path) -> None:
    def server() -> int:
        return int((tmp_path / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0])

    def trades() -> list[TradeRow] | None:
        try:
            return database.store().latest_trades(1)
        except StoreError:
            database.lost()
            threading.Event().wait(0.05)
            return None

    database = opened()
    database.store()
    killed = server()
    os.kill(killed, signal.SIGKILL)
    database.lost()

    # The killed server's own processes end a moment later, and until then no other can take its place.
    answers = (trades() for _ in range(200))
    assert [] == next(answer for answer in answers if answer is not None)
    assert killed != server()


def test_closing_is_no_place_to_fail(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was to be done is done by then; a server that goes on running is found by the next process."""

    refusals: list[EmbeddedPostgres] = []

    def refuse(server: EmbeddedPostgres) -> None:
        refusals.append(server)
        raise StoreError("stop the embedded PostgreSQL", "another process is at it for too long")

    monkeypatch.setattr(EmbeddedPostgres, "stop", refuse)

    opened().close()

    assert 1 == len(refusals)
