"""Ask the operators whether an entry may be made, and wait for their word beside the thread that listens to them."""

import threading
from collections.abc import Callable, Iterable

import structlog

from dg_bot.app.messenger import Messenger
from dg_bot.domain.approval import Approval, EntryProposal
from dg_bot.domain.conversation import Reply
from dg_bot.errors import StoreError
from dg_bot.operator import answers_of_acts
from dg_bot.operator.phrasebook import Language, Phrasebook

# So often it is looked at whether the question has lost its sense.
_LOOK_S = 1.0
_log = structlog.get_logger(__name__)


class EntryApprovals:
    """One question at a time, on the thread of the cycle, which holds nothing while it waits.

    Any listed user may answer, and the first word counts. Without one, or where nobody can be reached, nothing is bought.
    """

    def __init__(
        self,
        *,
        users: Iterable[int],
        language: Language,
        minutes: int,
        messenger: Messenger,
        monotonic_s: Callable[[], float],
        is_pointless: Callable[[], bool],
        new_code: Callable[[], str],
    ) -> None:
        """`is_pointless` tells that no entry would be made any more: the process ends, or safe mode has begun."""
        self._users = tuple(users)
        self._book = Phrasebook(language)
        self._minutes = minutes
        self._messenger = messenger
        self._monotonic_s = monotonic_s
        self._is_pointless = is_pointless
        self._new_code = new_code
        self._lock = threading.Lock()
        self._code: str | None = None
        self._word: Approval | None = None
        self._has_word = threading.Event()

    def ask(self, proposal: EntryProposal) -> Approval:
        """Ask, and wait for the first word; never raises for what the messenger does."""
        code = self._new_code()
        with self._lock:
            self._code, self._word = code, None
            self._has_word.clear()
        try:
            if not self._reached(answers_of_acts.proposed(proposal, code, self._minutes, self._book)):
                return Approval.NOT_ASKED
            return self._waited()
        finally:
            with self._lock:
                self._code = None

    def decide(self, code: str, *, is_approved: bool) -> bool:
        """Take a user's word on the question of this code, once; tells whether there was such a question still."""
        with self._lock:
            if self._code is None or code != self._code:
                return False
            self._code = None
            self._word = Approval.APPROVED if is_approved else Approval.REJECTED
            self._has_word.set()
        return True

    def _reached(self, question: Reply) -> bool:
        reached = False
        for user in self._users:
            try:
                self._messenger.answer(user, question)
                reached = True
            except StoreError as error:
                _log.warning("approval_not_asked", user=user, error=str(error))
        return reached

    def _waited(self) -> Approval:
        ends_s = self._monotonic_s() + 60.0 * self._minutes
        while True:
            left_s = ends_s - self._monotonic_s()
            if self._has_word.wait(max(0.0, min(_LOOK_S, left_s))):
                with self._lock:
                    return self._word or Approval.WITHDRAWN
            if self._is_pointless():
                return Approval.WITHDRAWN
            if left_s <= 0.0:
                with self._lock:  # a word of this very moment has been taken, or will not be
                    self._code = None
                    return self._word or Approval.NO_ANSWER


class NobodyToAsk:
    """Stands in where entries wait for a word that nobody could give: a single cycle by hand listens to no one."""

    def ask(self, proposal: EntryProposal) -> Approval:  # noqa: ARG002
        return Approval.NOT_ASKED
