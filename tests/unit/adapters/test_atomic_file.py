"""A file is replaced whole or stays as it was, for its owner alone and never through a link."""

import errno
import os
import stat
from pathlib import Path

import pytest

from dg_bot.adapters.atomic_file import cause_of, make_private_folder, open_private, remove_leftovers, write_atomically


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, b"old and longer")
    write_atomically(path, b"new")

    assert b"new" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())
    assert 0o600 == mode_of(path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, fail)

    with pytest.raises(OSError, match=os.strerror(code)):
        write_atomically(path, b"new")
    assert b"old" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_a_link_is_replaced_and_its_target_untouched(tmp_path: Path) -> None:
    target, path = tmp_path / "elsewhere", tmp_path / "state.json"
    target.write_bytes(b"mine")
    path.symlink_to(target)

    write_atomically(path, b"new")

    assert (b"mine", b"new", False) == (target.read_bytes(), path.read_bytes(), path.is_symlink())


def test_what_a_killed_write_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".state.json.abc.tmp").write_bytes(b"half")
    (tmp_path / "state.json").write_bytes(b"whole")

    remove_leftovers(tmp_path)

    assert [tmp_path / "state.json"] == list(tmp_path.iterdir())


def test_an_open_mode_is_tightened(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.touch(mode=0o644)
    path.chmod(0o644)

    os.close(open_private(path, os.O_RDWR))

    assert 0o600 == mode_of(path)


def test_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")

    with pytest.raises(OSError) as raised:  # noqa: PT011
        open_private(tmp_path / "link", os.O_RDWR | os.O_CREAT)

    assert "it is a symbolic link, and those are not followed" == cause_of(raised.value)
    assert not (tmp_path / "target").exists()


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="not a regular file"):
        open_private(tmp_path / "pipe", os.O_RDONLY)


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "data" / "state")

    assert 0o700 == mode_of(tmp_path / "data" / "state")


def test_an_open_folder_is_tightened(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o755)

    make_private_folder(folder)

    assert 0o700 == mode_of(folder)


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError):  # noqa: PT011
        make_private_folder(tmp_path / "state")
