"""Why rows or messages are behind, noted in a file by the process that tries, for the doctor to read."""

import threading
from collections.abc import Mapping
from pathlib import Path

import structlog

from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.errors import StateError

_log = structlog.get_logger(__name__)


def _path(state_folder: Path) -> Path:
    return state_folder / "outbox.json"


class OutboxNotes:
    """The one file of all outboxes of a process; each notes its own part, from a thread of its own."""

    def __init__(self, state_folder: Path) -> None:
        self._path = _path(state_folder)
        self._lock = threading.Lock()
        self._behind: dict[str, Mapping[str, str]] = {}

    def note(self, outbox: str, behind: Mapping[str, str]) -> None:
        """Keep why each projection of this outbox is behind; what cannot be written down is in the log all the same."""
        with self._lock:
            self._behind[outbox] = dict(behind)
            together = {name: reason for part in self._behind.values() for name, reason in part.items()}
            try:
                write_state(self._path, {"behind": together})
            except StateError as error:
                _log.error("outbox_not_noted", error=str(error))


def noted_reasons(state_folder: Path) -> dict[str, str]:
    """Give why each projection was behind when its process last tried, by name; none where that cannot be read."""
    try:
        body = read_state(_path(state_folder))
    except StateError:
        return {}
    behind = None if body is None else body.get("behind")
    return {str(name): str(reason) for name, reason in behind.items()} if isinstance(behind, dict) else {}
