"""Take what people write to the bot: who may ask, what is too old or too much, each once, with a record of it and an answer."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from dg_bot.adapters.prometheus import Metrics
from dg_bot.app.messenger import Messenger
from dg_bot.app.operator_console import Answered, OperatorConsole
from dg_bot.domain.conversation import Inbound, Reply
from dg_bot.domain.events import CommandEnded, CommandOutcome, CommandTaken
from dg_bot.errors import StateError, StoreError
from dg_bot.operator import answers_of_acts
from dg_bot.operator.commands import AT_ONCE, TWO_STEPS, Asked, Command, Misread, read
from dg_bot.operator.confirmations import Confirmations, Verdict
from dg_bot.operator.floods import FloodGate
from dg_bot.operator.phrasebook import Language, Phrasebook
from dg_bot.pipeline.books import Books

OLD = timedelta(minutes=2)
_LONGEST_TEXT = 100
_TOLD_OLD = 10
# Strangers are logged at most this often, and told of as an alarm once a day.
_STRANGER_LOG_S = 60.0
_STRANGER_SILENCE = timedelta(days=1)
_log = structlog.get_logger(__name__)

# A press on the buttons of these puts the answer in place of what was there.
_IN_PLACE = frozenset(Command) - TWO_STEPS - frozenset([Command.PAUSE, Command.STOP, Command.START])


class AsksUsers(Protocol):
    def decide(self, code: str, *, is_approved: bool) -> bool:
        """Take a user's word on the question of this code, once; tells whether there was such a question still."""
        ...


class TelegramDesk:
    """Decides about each message, on the thread that listens.

    Only users on the list are heard, and only in a chat with nobody else: in a group the bot could not tell who reads along.
    What is slow is carried out `apart`.
    """

    def __init__(
        self,
        *,
        users: Iterable[int],
        language: Language,
        console: OperatorConsole,
        books: Books,
        messenger: Messenger,
        metrics: Metrics,
        acknowledge: Callable[[str], None],
        apart: Callable[[Callable[[], None]], bool],
        now: Callable[[], datetime],
        wall: Callable[[], datetime],
        monotonic_s: Callable[[], float],
        new_code: Callable[[], str],
        approvals: AsksUsers | None = None,
    ) -> None:
        """`apart` runs something on another thread, or tells that too much waits there already.

        `wall` is the time of day, `now` that of the journal; they differ where a simulated venue keeps the time.
        """
        self._users = frozenset(users)
        self._book = Phrasebook(language)
        self._console = console
        self._books = books
        self._messenger = messenger
        self._metrics = metrics
        self._acknowledge = acknowledge
        self._apart = apart
        self._now = now
        self._wall = wall
        self._monotonic_s = monotonic_s
        self._new_code = new_code
        self._approvals = approvals
        self._begun_at = wall().replace(microsecond=0)
        self._confirmations = Confirmations()
        self._floods = FloodGate()
        self._urgent = FloodGate()
        self._strangers = 0
        self._stranger_logged_s: float | None = None

    def begin(self) -> None:
        """End the commands over which an earlier process ended, and say so: nobody knows how far they came."""
        for taken in self._books.remembered.commands.unended:
            self._end(taken.update, CommandOutcome.INTERRUPTED, "the process ended")
            self._say(taken.user, answers_of_acts.interrupted(taken.text, self._book))

    def take(self, batch: Sequence[Inbound], *, may_be_old: bool) -> None:
        """Take messages in order; `may_be_old` tells that presses among them, which have no time, may have waited long.

        Where nothing can be recorded nothing is done either, and that is the answer. Raises InvariantViolated.
        """
        old: list[Inbound] = []
        for inbound in batch:
            if not self._may_ask(inbound):
                self._refuse_stranger(inbound)
            elif self._books.remembered.commands.has(inbound.number, self._now()):
                continue
            elif self._is_old(inbound, may_be_old=may_be_old):
                old.append(inbound)
            else:
                self._take_one(inbound)
        self._drop_old(old)

    def _may_ask(self, inbound: Inbound) -> bool:
        return inbound.user in self._users and inbound.is_private and not inbound.is_bot

    def _refuse_stranger(self, inbound: Inbound) -> None:
        """Count, and say nothing to whoever it was; log it once a minute, and tell the operator once a day."""
        self._metrics.command("stranger")
        self._strangers += 1
        now_s = self._monotonic_s()
        if self._stranger_logged_s is not None and now_s - self._stranger_logged_s < _STRANGER_LOG_S:
            return
        self._stranger_logged_s = now_s
        _log.warning(
            "stranger_ignored", user=inbound.user, chat=inbound.chat, is_private=inbound.is_private, count=self._strangers
        )
        text = (
            f"user {inbound.user} in chat {inbound.chat}, who is not in TELEGRAM_USER_IDS or not alone with the bot, wrote to it"
        )
        with suppress(StateError):
            self._books.alarm("stranger", text, silence=_STRANGER_SILENCE)

    def _is_old(self, inbound: Inbound, *, may_be_old: bool) -> bool:
        """Tell whether this was sent before the process began, or too long ago; of a press only the batch can tell."""
        if inbound.sent_at is None:
            return may_be_old
        return inbound.sent_at < self._begun_at or self._wall() - inbound.sent_at > OLD

    def _drop_old(self, old: Sequence[Inbound]) -> None:
        """Do nothing of what is too old, and tell each user once what that was."""
        for user in dict.fromkeys(inbound.user for inbound in old if inbound.user is not None):
            theirs = [inbound for inbound in old if inbound.user == user]
            for _ in theirs:
                self._metrics.command("old")
            newest = max(theirs, key=lambda inbound: inbound.number)
            if self._is_recorded(newest):
                self._end(newest.number, CommandOutcome.REFUSED, f"too old, with {len(theirs) - 1} before it")
                texts = [_line(inbound.text) for inbound in theirs[-_TOLD_OLD:]]
                self._say(newest.chat, answers_of_acts.too_old(texts, self._book))

    def _take_one(self, inbound: Inbound) -> None:
        """Act on one message of an operator; what makes the account safer has room of its own, however much else is asked."""
        user, asked = inbound.user or 0, read(inbound.text)
        is_urgent = isinstance(asked, Asked) and asked.command in AT_ONCE
        gate = self._urgent if is_urgent else self._floods
        if not gate.lets_in(user, self._monotonic_s()):
            self._metrics.command("flood")
            if gate.is_to_be_told(user):
                _log.warning("command_flood", user=user)
                self._say(inbound.chat, answers_of_acts.flood(self._book))
            return
        if inbound.press is not None:
            with suppress(StoreError):
                self._acknowledge(inbound.press)
        if self._is_recorded(inbound):
            self._act(inbound, user, asked)

    def _act(self, inbound: Inbound, user: int, asked: Asked | Misread) -> None:
        match asked:
            case Misread():
                reply = answers_of_acts.misread(asked, self._book)
                self._finish(inbound, Answered(CommandOutcome.REFUSED, "not understood", (reply,)))
            case Asked(command=Command.CONFIRM):
                self._confirm(inbound, user, asked.argument)
            case Asked(command=Command.APPROVE | Command.REJECT):
                self._word_on_entry(inbound, asked)
            case Asked(command=Command.CANCEL):
                withdrawn = self._confirmations.withdraw(user)
                reply = answers_of_acts.cancelled(withdrawn, self._books.intents.open_intents(), self._book)
                note = "nothing waited" if withdrawn is None else f"dropped {withdrawn.words}"
                self._finish(inbound, Answered(CommandOutcome.CARRIED_OUT, note, (reply,)))
            case Asked(command=command) if command in TWO_STEPS:
                self._ask_again(inbound, user, asked)
            case Asked(command=command) if command in AT_ONCE:
                self._finish(inbound, self._console.carry_out(asked, user))
            case _:
                self._carry_out_apart(inbound, user, asked)

    def _ask_again(self, inbound: Inbound, user: int, asked: Asked) -> None:
        pending = self._confirmations.ask(
            user, asked, code=self._new_code(), seen=self._console.seen(asked), now_s=self._monotonic_s()
        )
        reply = answers_of_acts.asked_again(pending, self._console.glance(), self._book)
        self._finish(inbound, Answered(CommandOutcome.ASKED_AGAIN, "waits for its second step", (reply,)))

    def _confirm(self, inbound: Inbound, user: int, code: str) -> None:
        waiting = self._confirmations.waiting(user)
        seen = "" if waiting is None else self._console.seen(waiting)
        taken = self._confirmations.take(user, code, seen=seen, now_s=self._monotonic_s())
        if isinstance(taken, Verdict):
            reply = answers_of_acts.unconfirmed(taken, self._book)
            self._finish(inbound, Answered(CommandOutcome.REFUSED, taken.name.lower(), (reply,)))
        elif taken.command is Command.RESUME:
            self._finish(inbound, self._console.carry_out(taken, user))
        else:
            self._carry_out_apart(inbound, user, taken)

    def _word_on_entry(self, inbound: Inbound, asked: Asked) -> None:
        """Hand a word on an entry to the cycle that waits for it."""
        is_approved = asked.command is Command.APPROVE
        is_taken = self._approvals is not None and self._approvals.decide(asked.argument, is_approved=is_approved)
        outcome = CommandOutcome.CARRIED_OUT if is_taken else CommandOutcome.REFUSED
        note = str(asked.command) if is_taken else "no entry waits for that word"
        reply = answers_of_acts.word_taken(self._book, is_approved=is_approved, is_taken=is_taken)
        self._finish(inbound, Answered(outcome, note, (reply,)))

    def _carry_out_apart(self, inbound: Inbound, user: int, asked: Asked) -> None:
        def carry_out() -> None:
            self._finish(inbound, self._console.carry_out(asked, user))

        if not self._apart(carry_out):
            reply = answers_of_acts.busy(self._book)
            self._finish(inbound, Answered(CommandOutcome.REFUSED, "too much is waiting", (reply,)))

    def _is_recorded(self, inbound: Inbound) -> bool:
        """Write down that this is taken, before anything is done; where that fails, nothing is, and the asker hears it."""
        taken = CommandTaken(update=inbound.number, user=inbound.user or 0, text=_line(inbound.text))
        try:
            self._books.record(taken)
        except StateError as error:
            self._metrics.command("failed")
            self._say(inbound.chat, answers_of_acts.failed(str(error), self._book))
            return False
        return True

    def _finish(self, inbound: Inbound, answered: Answered) -> None:
        """Record what came of it, and tell the asker."""
        self._end(inbound.number, answered.outcome, answered.note)
        self._metrics.command(answered.outcome.value)
        asked = read(inbound.text)
        is_in_place = isinstance(asked, Asked) and asked.command in _IN_PLACE
        over = inbound.message if is_in_place else None
        for reply in answered.replies:
            self._say(inbound.chat, reply, over=over)
            over = None

    def _end(self, update: int, outcome: CommandOutcome, note: str) -> None:
        try:
            self._books.record(CommandEnded(update=update, outcome=outcome, note=_line(note)))
        except StateError as error:
            _log.error("command_end_not_recorded", error=str(error))

    def _say(self, chat: int, reply: Reply, *, over: int | None = None) -> None:
        """Answer as far as Telegram takes it; an answer that is lost is asked for again by whoever misses it."""
        try:
            self._messenger.answer(chat, reply, over=over)
        except StoreError as error:
            _log.warning("answer_not_delivered", error=str(error))
            self._metrics.error("answer")


def _line(text: str) -> str:
    """Make one short printable line of whatever somebody wrote."""
    line = "".join(character if character.isprintable() else " " for character in text[: 2 * _LONGEST_TEXT]).strip()
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 1]}…"
