"""Ask the venue for something, again for a bounded time where it does not answer, and give its document or our errors."""

from collections.abc import Callable

import stamina

from dg_bot.adapters.json_fields import Json
from dg_bot.adapters.upbit_client import Reply, UpbitClient
from dg_bot.adapters.upbit_signer import Params
from dg_bot.adapters.upbit_wire import AUTHENTICATION_NAMES, UNKNOWN, error_name
from dg_bot.errors import AuthenticationFailed, EndpointGone, ExchangeUnavailable, RateLimited
from dg_bot.ports import Clock

ATTEMPTS = 3
BUDGET_S = 60.0
_JITTER_S = 0.5
_AFTER_SILENCE_S = 0.05
_GONE = (404, 410)


class UpbitReads:
    """GET requests, up to `attempts` of them for one question, all ending within `budget_s`; writes never come here.

    A silence that the venue asked for is waited out where it ends inside the budget.
    """

    def __init__(self, *, client: UpbitClient, clock: Clock, attempts: int = ATTEMPTS, budget_s: float = BUDGET_S) -> None:
        self._client = client
        self._clock = clock
        self._attempts = attempts
        self._budget_s = budget_s

    def document(self, path: str, params: Params | None = None) -> Json:
        """Give the document of a successful answer; raises ExchangeUnavailable or AuthenticationFailed for any other."""
        reply = self.reply(path, params)
        if not reply.is_success:
            raise refusal(f"GET {path}", reply)
        return reply.document

    def reply(self, path: str, params: Params | None = None) -> Reply:
        """Give the venue's own answer, a success or a refusal below 500; raises ExchangeUnavailable where there is none."""
        for attempt in stamina.retry_context(
            on=self._may_repeat(), attempts=self._attempts, timeout=self._budget_s, wait_jitter=_JITTER_S
        ):
            with attempt:
                return self._ask(path, params)
        raise AssertionError("the last attempt returns or raises")

    def _ask(self, path: str, params: Params | None) -> Reply:
        reply = self._client.call("GET", path, params=params)
        if reply.status >= 500 or reply.document is None:
            raise refusal(f"GET {path}", reply)
        return reply

    def _may_repeat(self) -> Callable[[Exception], bool | float]:
        ends_s = self._clock.monotonic_s() + self._budget_s

        def judge(error: Exception) -> bool | float:
            if not isinstance(error, ExchangeUnavailable):
                return False
            wait_s = (error.silent_until - self._clock.now()).total_seconds() if isinstance(error, RateLimited) else 0.0
            wait_s = max(0.0, wait_s) + _AFTER_SILENCE_S
            if self._clock.monotonic_s() + wait_s + self._client.deadline_s > ends_s:
                return False
            return wait_s if isinstance(error, RateLimited) else True

        return judge


def refusal(operation: str, reply: Reply) -> ExchangeUnavailable | AuthenticationFailed:
    """Turn an answer that is no success into the error to be raised; its name decides, for the statuses are not consistent."""
    name = error_name(reply.document)
    if 400 <= reply.status < 500 and name in AUTHENTICATION_NAMES:
        return AuthenticationFailed(operation, name)
    kind = EndpointGone if reply.status in _GONE else ExchangeUnavailable
    return kind(operation, refusal_name(reply))


def refusal_name(reply: Reply) -> str:
    """Give the name of an answer that is no success: the venue's, or its status where it gives none."""
    name = error_name(reply.document)
    return f"status_{reply.status}" if name == UNKNOWN else name
