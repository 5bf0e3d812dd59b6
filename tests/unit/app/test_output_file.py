import os
from pathlib import Path

import pytest

from dg_bot.app.output_file import write_output
from dg_bot.errors import DataError


def test_what_a_command_writes_is_for_its_owner_alone_unless_the_file_was_there(tmp_path: Path) -> None:
    """A page of the desk shows what somebody owns."""
    (tmp_path / "shared.html").touch(mode=0o644)
    (tmp_path / "shared.html").chmod(0o644)
    before = os.umask(0o022)
    try:
        for name in ("new.html", "shared.html"):
            write_output(tmp_path / name, "page\n")
    finally:
        os.umask(before)

    assert {"new.html": 0o600, "shared.html": 0o644} == {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert {"page\n"} == {path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_output(tmp_path / "gone" / "new.html", "page\n")
