"""The venue on a loopback socket, speaking Upbit's REST."""

import threading
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Final, Self

from dg_bot.simulator.faults import FaultPlan
from dg_bot.simulator.rest_api import UpbitApi
from dg_bot.simulator.rest_auth import Authenticator
from dg_bot.simulator.rest_faults import Exchange, suffered
from dg_bot.simulator.rest_limits import RateLimits
from dg_bot.simulator.rest_request import Request
from dg_bot.simulator.rest_socket import Dated, Listener
from dg_bot.simulator.venue import Venue
from dg_bot.simulator.wire_log import WireLog

_HOST: Final = "127.0.0.1"
_POLL_S: Final = 0.02


class UpbitServer:
    """Serves one venue under `base_url`; with keys their signatures are verified, without any key is taken.

    The socket is bound at once and answers from `start` on; port 0 picks a free one. Faults act before limits and handling.
    `limits` defaults to Upbit's own, counted by the wall clock.
    """

    def __init__(
        self,
        venue: Venue,
        *,
        access_key: str | None = None,
        secret_key: str | None = None,
        port: int = 0,
        faults: FaultPlan | None = None,
        limits: RateLimits | None = None,
        wire_log: WireLog | None = None,
    ) -> None:
        self.faults = FaultPlan() if faults is None else faults
        self.wire_log = WireLog() if wire_log is None else wire_log
        self._venue = venue
        self._api = UpbitApi(
            venue,
            authenticator=Authenticator(access_key=access_key, secret_key=secret_key),
            limits=RateLimits(monotonic=time.monotonic) if limits is None else limits,
        )
        self._listener = Listener((_HOST, port), self._respond)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(_POLL_S,), daemon=True, name="upbit-simulator")

    @property
    def base_url(self) -> str:
        return f"http://{_HOST}:{self._listener.port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close the listening socket and every connection; a delayed or dripping answer ends at once."""
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
        self._listener.server_close()
        self._listener.hang_up_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _respond(self, request: Request) -> Dated | None:
        """Record, handle and answer one request; None where the client is to hear nothing."""
        sequence = self.wire_log.received(
            at=self._venue.now(),
            method=request.method,
            path=request.path,
            query=request.query,
            body=request.body,
            identifier=request.identifier,
        )
        exchange = Exchange(act=lambda: self._api.answer(request), hide=self._api.hide, wait=self._wait)
        delivery = suffered(exchange, self.faults.actions_for(request.method, request.path))
        self.wire_log.settled(sequence, None if delivery is None else delivery.reply.status)
        return None if delivery is None else Dated(delivery=delivery, date=_http_date(self._venue.now()))

    def _wait(self, seconds: float) -> None:
        self._listener.stopping.wait(seconds)


def _http_date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)
