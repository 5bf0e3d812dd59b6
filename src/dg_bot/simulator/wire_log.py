"""The record of every request that reached the simulator's socket."""

import json
import threading
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TextIO


@dataclass(frozen=True, slots=True, kw_only=True)
class WireEntry:
    """One request as it came in at venue time `at`; `status` is None where no answer was given (or none yet).

    `query` is raw, still percent-encoded. The Authorization header is never kept.
    """

    sequence: int
    at: datetime
    method: str
    path: str
    query: str
    body: str
    identifier: str | None
    status: int | None


class WireLog:
    """Entries in order of arrival, numbered from 1; a settled entry is also written to `file` as one JSON line."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._entries: list[WireEntry] = []
        self._lock = threading.Lock()

    @property
    def entries(self) -> tuple[WireEntry, ...]:
        with self._lock:
            return tuple(self._entries)

    def matching(self, method: str, path: str) -> tuple[WireEntry, ...]:
        """Give the entries of exactly this method and path, in order of arrival."""
        return tuple(entry for entry in self.entries if (entry.method, entry.path) == (method, path))

    def received(self, *, at: datetime, method: str, path: str, query: str, body: str, identifier: str | None) -> int:
        """Record a request before anything is done with it, and give its sequence number."""
        with self._lock:
            sequence = len(self._entries) + 1
            self._entries.append(
                WireEntry(
                    sequence=sequence,
                    at=at,
                    method=method,
                    path=path,
                    query=query,
                    body=body,
                    identifier=identifier,
                    status=None,
                )
            )
            return sequence

    def settled(self, sequence: int, status: int | None) -> None:
        """Record what the request was answered with; None when its answer was lost on purpose."""
        with self._lock:
            entry = replace(self._entries[sequence - 1], status=status)
            self._entries[sequence - 1] = entry
            if self._file is not None:
                self._file.write(_line(entry))
                self._file.flush()


def _line(entry: WireEntry) -> str:
    """Render an entry as one JSON line."""
    fields = {
        "sequence": entry.sequence,
        "at": entry.at.isoformat(),
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "body": entry.body,
        "identifier": entry.identifier,
        "status": entry.status,
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"
