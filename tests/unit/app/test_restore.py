"""A backup put back: only what a backup has, never a half of it that is taken for the whole, and first of all in safe mode."""

from pathlib import Path

import pytest

from dg_bot.adapters.backup_archive import ArchiveWriter, contents
from dg_bot.adapters.state_file import Cursors
from dg_bot.app import restore as module
from dg_bot.app.backup import back_up
from dg_bot.app.restore import restore
from dg_bot.domain.events import Event, SafeModeEntered, SafeModeLeft
from dg_bot.errors import StateError
from tests.journal_records import bought
from tests.unit.app.ward import Ward


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A backup of a bot that lived, and whose rows had been delivered; without those, for the database is away."""
    ward = Ward(tmp_path / "old" / "data")
    ward.lived(*bought("0.5", "1000"))
    return back_up(ward.settings, tmp_path / "backups").path


@pytest.mark.parametrize(
    "name",
    [
        "account/postgres/cluster/postgresql.conf",
        "account/state/cursors.json",
        "account/cache/numba/x.nbi",
        "state/postgres_password",
        "state/lock",
        "strategies/mine.py",
        "journal.jsonl",
    ],
)
def test_what_no_backup_has_is_put_nowhere(archive: Path, tmp_path: Path, name: str) -> None:
    """An archive that somebody else has made must not bring along what is run, or believed, at the next start."""
    ward = Ward(tmp_path / "new" / "data")
    forged = tmp_path / "forged.tar.gz"
    with ArchiveWriter(forged) as writer:
        for kept, content in contents(archive):
            writer.add(kept, content)
        writer.add(name, b"archive_command = 'touch owned'")
        writer.note(mode="paper", namespace="demo", made_at="2026-11-20T12:00:00Z")

    with pytest.raises(StateError, match="that no backup has"):
        restore(ward.settings, forged)

    assert [] == list((tmp_path / "new").rglob("*"))


def test_rows_are_made_anew_where_a_restore_died_before_it_came_to_them(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal's copy knows how far the rows had followed it, and those are not there yet."""
    ward = Ward(tmp_path / "new" / "data")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_placed_candles", die)
    with pytest.raises(KeyboardInterrupt):
        restore(ward.settings, archive)

    assert (True, 0) == (
        (ward.settings.state_folder / "journal.jsonl").exists(),
        Cursors(ward.settings.state_folder / "cursors.json").get("database"),
    )


def put_back(folder: Path, *lived: Event) -> list[Event]:
    """Let a bot live, back it up, restore that elsewhere, and give what its journal holds there after the first balances."""
    ward, elsewhere = Ward(folder / "first"), Ward(folder / "second")
    ward.lived(*lived)
    archive = back_up(ward.settings, folder / "backups", has_candles=False).path
    restore(elsewhere.settings, archive)
    return elsewhere.events


def reason(events: list[Event]) -> str:
    last = events[-1]
    assert isinstance(last, SafeModeEntered)
    return last.reason


@pytest.mark.parametrize("lived", [(), (SafeModeEntered(reason="paused: Telegram 1"), SafeModeLeft(by="operator"))])
def test_a_restored_bot_begins_in_safe_mode(tmp_path: Path, lived: tuple[Event, ...]) -> None:
    """It was perhaps paused, or reached its loss limit, after the backup."""
    events = put_back(tmp_path, *lived)

    assert list(lived) == events[:-1]
    assert reason(events).startswith("restored: from the backup of 20")
    assert reason(events).endswith("Z, which knows nothing later")


def test_a_loss_that_ends_by_itself_does_not_end_what_a_restored_bot_begins_with(tmp_path: Path) -> None:
    lost = SafeModeEntered(reason="daily_loss: lost 0.1 of the opening equity, limit 0.1")

    assert reason(put_back(tmp_path, lost)).endswith(f"; before: {lost.reason}")


def test_a_restored_bot_that_its_operator_had_stopped_stays_stopped(tmp_path: Path) -> None:
    stopped = SafeModeEntered(reason="stopped: Telegram 1")

    assert [stopped] == put_back(tmp_path, stopped)
