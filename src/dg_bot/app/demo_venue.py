"""The demo's venue: the simulator on loopback over a generated market, whose account and time live on between runs."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.domain.calendar import from_epoch, to_epoch
from dg_bot.domain.money import decimal_from_text
from dg_bot.errors import DataError, StateError
from dg_bot.simulator.generated import demo_instant, generated_tapes
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.venue import Venue

SEED = 7
OPENING_KRW = "10000000"
_HOUR = timedelta(hours=1)
# Five seconds into the hour: its first trades have been made.
_INTO_THE_HOUR = timedelta(seconds=5)
_REMEDY = "remove the demo's DATA_DIR to begin again"


class DemoVenue:
    """A venue for one process; each process finds it one hour later than the one before."""

    def __init__(self, path: Path) -> None:
        """Open the venue that is kept in `path`, or begin one; raises StateError for a file that cannot be trusted."""
        self._path = path
        stored = read_state(path, _REMEDY)
        started_at = _next_start(path, stored)
        ledger = Ledger(krw=decimal_from_text(OPENING_KRW, "demo krw")) if stored is None else _ledger(path, stored)
        self._started_at = started_at
        venue = Venue(
            ledger=ledger, tapes=generated_tapes(seed=SEED, at=started_at), now=_running_from(started_at), on_order=self._keep
        )
        self._ledger = ledger
        self._server = UpbitServer(venue)

    @property
    def base_url(self) -> str:
        return self._server.base_url

    def __enter__(self) -> Self:
        self._keep()
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.stop()
        self._keep()

    def _keep(self) -> None:
        write_state(self._path, {"started_at": to_epoch(self._started_at), "ledger": self._ledger.to_json()})


def _next_start(path: Path, stored: dict[str, object] | None) -> datetime:
    if stored is None:
        return demo_instant(SEED) + _INTO_THE_HOUR
    started_at = stored.get("started_at")
    if not isinstance(started_at, int):
        raise StateError(str(path), "has no start time", _REMEDY)
    return from_epoch(started_at) + _HOUR


def _ledger(path: Path, stored: dict[str, object]) -> Ledger:
    kept = stored.get("ledger")
    if not isinstance(kept, dict):
        raise StateError(str(path), "has no ledger", _REMEDY)
    return Ledger.restored(kept)


def _running_from(start: datetime) -> Callable[[], datetime]:
    """Give a clock that shows `start` now and goes on with the machine's own."""
    begun = time.monotonic()
    return lambda: start + timedelta(seconds=time.monotonic() - begun)


def demo_ledger(path: Path) -> Ledger:
    """Read the demo's account without starting its venue; raises StateError, DataError where there is none."""
    stored = read_state(path, _REMEDY)
    if stored is None:
        raise DataError(str(path), "there is no demo account yet")
    return _ledger(path, stored)
