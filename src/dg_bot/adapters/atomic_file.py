"""Private files that appear whole or not at all, and survive a power cut once written."""

import errno
import os
import stat
import tempfile
from pathlib import Path

_TEMPORARY = ".tmp"
_OWNER_ONLY_FILE = 0o600
_OWNER_ONLY_FOLDER = 0o700
_OTHERS = 0o077


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path`, durably: a reader and a crash find the old file or the new one, never a mixture.

    A symbolic link at `path` is replaced, not followed. Raises OSError; then the old file stands, or the new one where only its
    name could not be made durable, and nothing is left beside it.
    """
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_TEMPORARY)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed `write_atomically` left in a folder that nobody else writes to now."""
    for leftover in folder.glob(f".*{_TEMPORARY}"):
        leftover.unlink(missing_ok=True)


def open_private(path: Path, flags: int) -> int:
    """Open a regular file, made with mode 0600 or tightened to it, and give its descriptor.

    Raises OSError: among others ELOOP for a symbolic link, and EPERM for another user's file, which that user could always open.
    """
    # O_NONBLOCK keeps a planted pipe from hanging the program; on regular files it means nothing.
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, _OWNER_ONLY_FILE)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        _require_own(status, path)
        if status.st_mode & _OTHERS:
            os.fchmod(fd, _OWNER_ONLY_FILE)
    except BaseException:
        os.close(fd)
        raise
    return fd


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner alone, or tighten it to that.

    Raises OSError: among others for a symbolic link, for another user's folder, and for one that all users share, as /tmp is.
    """
    if not folder.is_dir():
        folder.mkdir(mode=_OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
        sync_folder(folder.parent)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        _require_own(status, folder)
        if status.st_mode & stat.S_ISVTX:
            raise OSError(errno.EPERM, "it is shared by all users", str(folder))
        if status.st_mode & _OTHERS:
            os.fchmod(fd, _OWNER_ONLY_FOLDER)
    finally:
        os.close(fd)


def _require_own(status: os.stat_result, path: Path) -> None:
    if status.st_uid != os.geteuid():
        raise OSError(errno.EPERM, f"it belongs to user {status.st_uid}, and this is user {os.geteuid()}", str(path))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def cause_of(error: OSError) -> str:
    """Say in words why a file could not be used."""
    if error.errno == errno.ELOOP:
        return "it is a symbolic link, and those are not followed"
    return error.strerror or str(error)
