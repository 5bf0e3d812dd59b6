"""One process a state folder, and one mode a state folder for ever."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from dg_bot.adapters.atomic_file import cause_of, make_private_folder, open_private, remove_leftovers
from dg_bot.adapters.journal_reader import journal_exists
from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import StateError, UnsafeSetup

_RESTORE = "restore it from a copy; another DATA_DIR would forget positions and limits"


class InstanceLock:
    """Held while a process owns a state folder; the system gives it back when the process ends, however it ends."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._fd: int | None = None

    def __enter__(self) -> Self:
        """Take the lock in a folder that nobody else can look into.

        Raises UnsafeSetup naming the process that holds it, StateError where there can be no lock file.
        """
        path = self._state_dir / "lock"
        try:
            # DATA_DIR may lead to another disk; what is in it may not.
            make_private_folder(self._state_dir.parent.resolve())
            make_private_folder(self._state_dir)
            fd = open_private(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StateError(str(path), f"cannot be opened ({cause_of(error)})", "check the folder's rights") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            problem = f"{self._state_dir} is in use by process {holder}"
            raise UnsafeSetup("DATA_DIR", problem, f"stop process {holder} first; one account has one bot") from error
        except OSError as error:
            os.close(fd)
            raise StateError(str(path), f"cannot be locked ({cause_of(error)})", "use a local disk with room on it") from error
        self._fd = fd
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # The file stays: removing it would let two processes lock two files of the same name.
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def process_at_work(state_dir: Path) -> int | None:
    """Give the number of another process that is on a state folder, by what the lock's file tells.

    The lock itself is not tried: that would keep out a process that starts at the same moment.
    """
    try:
        holder = int((state_dir / "lock").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    try:
        os.kill(holder, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        # Another user's, and at work.
        return holder
    return None if holder == os.getpid() else holder


def claim_folder(state_dir: Path, mode: Mode, namespace: str) -> None:
    """Mark a state folder with its mode and namespace, or refuse one that is marked otherwise; call it with the lock held.

    Raises UnsafeSetup for another mode or namespace, StateError where the mark is unreadable or lost beside a journal.
    """
    path = state_dir / "instance.json"
    try:
        make_private_folder(state_dir)
        remove_leftovers(state_dir)
    except OSError as error:
        raise StateError(str(state_dir), f"cannot be used ({cause_of(error)})", "check the folder's rights") from error
    if not is_marked(state_dir, mode, namespace):
        write_state(path, {"mode": mode.value, "namespace": namespace})


def is_marked(state_dir: Path, mode: Mode, namespace: str) -> bool:
    """Tell whether a state folder has its mark; a folder that nobody has used has none.

    Raises UnsafeSetup for another mode or namespace, StateError where the mark is unreadable or lost beside a journal.
    """
    path = state_dir / "instance.json"
    mark = read_state(path, _RESTORE)
    if mark is None:
        if journal_exists(state_dir / "journal.jsonl"):
            raise StateError(str(path), "is lost, though a journal is beside it", _RESTORE)
        return False
    if mark.get("mode") != mode.value:
        problem = f"{state_dir} belongs to mode {mark.get('mode')} and this is mode {mode.value}"
        raise UnsafeSetup("MODE", problem, "use another DATA_DIR for another mode")
    if mark.get("namespace") != namespace:
        problem = f"{state_dir} belongs to namespace {mark.get('namespace')} and this is {namespace}"
        raise UnsafeSetup("DATA_DIR", problem, "use another DATA_DIR for another namespace")
    return True


def require_records(state_dir: Path, records: int) -> None:
    """Raise StateError where the mark of a folder knows of more records than its journal has."""
    mark = read_state(state_dir / "instance.json", _RESTORE) or {}
    known = mark.get("records", 0)
    if isinstance(known, int) and known > records:
        problem = f"ends at record {records}, but there was a record {known}: the journal was lost or cut"
        raise StateError(str(state_dir / "journal.jsonl"), problem, _RESTORE)


def note_records(state_dir: Path, records: int) -> None:
    """Note in the mark of a folder how far its journal goes; raises StateError.

    A loss shows by this even where everything that is made from the journal was lost with it.
    """
    path = state_dir / "instance.json"
    write_state(path, {**(read_state(path, _RESTORE) or {}), "records": records})
