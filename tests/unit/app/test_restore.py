"""A backup put back: only what a backup has, and never a half of it that is taken for the whole."""

from pathlib import Path

import pytest

from dg_bot.adapters.backup_archive import ArchiveWriter, contents
from dg_bot.adapters.state_file import Cursors
from dg_bot.app import restore as module
from dg_bot.app.backup import back_up
from dg_bot.app.restore import restore
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
