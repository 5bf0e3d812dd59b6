"""One order request: durable before it leaves, and its answer sorted into what it proves."""

from collections.abc import Callable
from typing import assert_never

from dg_bot.domain.events import Answer, IntentAnswered, IntentSending
from dg_bot.execution.intent import DUPLICATE
from dg_bot.pipeline.books import Books
from dg_bot.ports import Accepted, Clock, Duplicate, Exchange, KeyRefused, Rejected, Unclear
from dg_bot.risk.manager import RiskApproved


class OrderSender:
    """Sends planned orders, each request once. Callers hold the books' lock."""

    def __init__(self, *, books: Books, exchange: Exchange, clock: Clock, on_acknowledged: Callable[[float], None]) -> None:
        self._books = books
        self._exchange = exchange
        self._clock = clock
        self._on_acknowledged = on_acknowledged

    def send(self, approved: RiskApproved) -> None:
        """Send one request for a planned intent and record the answer.

        Only the first answer to an identifier can refuse it: a refusal of a repeated request proves nothing, since the first one
        may have landed and used the funds. A key that is refused ends entries until the operator has mended it, and so does a
        name that the venue knows before it was sent: somebody else uses this namespace.
        """
        identifier = approved.identifier
        self._books.record(IntentSending(identifier=identifier))
        is_first = self._books.intents.by_identifier(identifier).sends == 1
        started = self._clock.monotonic_s()
        submission = self._exchange.submit(approved)
        self._on_acknowledged(self._clock.monotonic_s() - started)
        match submission:
            case Accepted(venue_id):
                answer = IntentAnswered(identifier=identifier, answer=Answer.ACCEPTED, venue_id=venue_id)
            case Rejected(name, _) | KeyRefused(name) if is_first:
                answer = IntentAnswered(identifier=identifier, answer=Answer.REJECTED, error_name=name)
            case Rejected(name, _) | KeyRefused(name) | Unclear(name):
                answer = IntentAnswered(identifier=identifier, answer=Answer.UNKNOWN, error_name=name)
            case Duplicate():
                answer = IntentAnswered(identifier=identifier, answer=Answer.UNKNOWN, error_name=DUPLICATE)
            case _:
                assert_never(submission)
        self._books.record(answer)
        if isinstance(submission, KeyRefused):
            # The next entry would fare no better, and an exit that fails like this needs the operator at once.
            self._books.enter_safe_mode(f"the exchange refuses orders of this key ({submission.name})")
        if isinstance(submission, Duplicate) and is_first:
            self._books.enter_safe_mode(f"second_writer: the venue knew order {identifier} before this bot had sent it")
