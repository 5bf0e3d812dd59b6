"""Do what an operator asks of a running bot, and answer: from its memory, and from the database while that is there."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from dg_bot import __version__
from dg_bot.adapters.postgres_answers import AnswerRows, EquityRow
from dg_bot.app.http import Check
from dg_bot.app.settings import Settings
from dg_bot.domain.conversation import Reply
from dg_bot.domain.events import CommandOutcome, SafeModeEntered, SafeModeLeft
from dg_bot.domain.market import Market
from dg_bot.errors import BotError, ConfigurationError, InvariantViolated, StateError, StoreError
from dg_bot.operator import answers, answers_of_acts, answers_of_rows
from dg_bot.operator.answers_of_rows import start_of
from dg_bot.operator.commands import ALL, Asked, Command, Span
from dg_bot.operator.glance import Glance, HealthCheck
from dg_bot.operator.phrasebook import Phrasebook
from dg_bot.operator.realised import Gains, gains
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.operator_hands import OperatorHands, Sale, SaleEnd
from dg_bot.risk.operator_halt import OperatorHalt, operator_halt

T = TypeVar("T")

_LOG_LINES = 15
# A safe mode that ends by its timer in this very moment must not end the operator's with it.
_LOOK_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a command, in one line for the record, and what the operator is told."""

    outcome: CommandOutcome
    note: str
    replies: tuple[Reply, ...]


class OperatorConsole:
    """Carries commands out. Its methods may be called from several threads."""

    def __init__(
        self,
        *,
        settings: Settings,
        books: Books,
        hands: OperatorHands,
        rows: AnswerRows,
        now: Callable[[], datetime],
        checks: Callable[[], Mapping[str, Check]],
        behind: Callable[[], Mapping[str, str]],
        begin_cycle: Callable[[], bool],
    ) -> None:
        """`begin_cycle` tells whether one has begun: it does not while another one runs."""
        self._settings = settings
        self._books = books
        self._hands = hands
        self._rows = rows
        self._now = now
        self._checks = checks
        self._behind = behind
        self._begin_cycle = begin_cycle
        self._book = Phrasebook(settings.bot_language)

    def glance(self) -> Glance:
        """Look at what the bot knows of itself now."""
        return Glance(
            at=self._now(),
            mode=self._settings.mode,
            version=__version__,
            markets=self._settings.markets,
            remembered=self._books.remembered,
            checks=tuple(HealthCheck(name=name, is_well=check.ok, detail=check.detail) for name, check in self._checks().items()),
            behind=self._behind(),
            settings=self._settings.public(),
        )

    def seen(self, asked: Asked) -> str:
        """Give what a second step of this command depends on: it confirms nothing once that is another."""
        safe_mode = self._books.state.safe_mode
        if asked.command is not Command.RESUME or safe_mode is None:
            return ""
        return f"{safe_mode.since.isoformat()} {safe_mode.reason}"

    def carry_out(self, asked: Asked, user: int) -> Answered:
        """Do or answer one command; what goes wrong is an answer too. Raises InvariantViolated, and what is a defect."""
        try:
            return self._carried_out(asked, user)
        except InvariantViolated:
            raise
        except BotError as error:
            reason = str(error)
            return Answered(CommandOutcome.FAILED, reason, (answers_of_acts.failed(reason, self._book),))

    def _carried_out(self, asked: Asked, user: int) -> Answered:
        match asked.command:
            case Command.PAUSE:
                return self._halt(OperatorHalt.PAUSED, user)
            case Command.STOP:
                return self._halt(OperatorHalt.STOPPED, user)
            case Command.RESUME:
                return self._resume()
            case Command.CYCLE:
                return self._cycle()
            case Command.EXIT:
                return self._exit(asked.argument)
            case Command.SYNC:
                comparison = self._hands.sync()
                note = f"differences: {len(comparison.unexplained)}, open orders: {len(comparison.open_intents)}"
                return _done(answers_of_acts.compared(comparison, self._book), note=note)
            case _:
                return _done(*self._told(asked))

    def _told(self, asked: Asked) -> tuple[Reply, ...]:
        glance, book = self.glance(), self._book
        match asked.command:
            case Command.STATUS:
                return (answers.status(glance, book),)
            case Command.WHY:
                return (answers.why(glance, book),)
            case Command.BALANCE:
                return (answers.balance(glance, book),)
            case Command.ORDER:
                return (answers.order(glance, asked.argument, book),)
            case Command.RISK:
                return (answers.risk(glance, book),)
            case Command.HEALTH:
                return (answers.health(glance, book),)
            case Command.CONFIG:
                return answers.config(glance, Settings().public(), book)
            case Command.VERSION:
                return (answers.version(glance, book),)
            case Command.PROFIT:
                return (self._profit(glance, Span(asked.argument)),)
            case Command.TRADES:
                most = int(asked.argument)
                return answers_of_rows.trades(glance, self._there(lambda: self._rows.latest_trades(most)), most, book)
            case Command.PERFORMANCE:
                return (answers_of_rows.performance(self._there(lambda: gains(self._rows.all_trades())), book),)
            case Command.LOGS:
                return answers_of_rows.logs(glance, self._there(lambda: self._rows.latest_logs(_LOG_LINES)), book)
            case _:
                return (answers.help_(glance, book),)

    def _profit(self, glance: Glance, span: Span) -> Reply:
        start = start_of(span, glance.at)

        def find() -> tuple[Gains, EquityRow | None, Decimal]:
            return gains(self._rows.all_trades()), self._rows.equity_since(start), self._rows.fees_since(start)

        return answers_of_rows.profit(glance, span, self._there(find), self._book)

    def _there(self, read: Callable[[], T]) -> T | None:
        """Read rows; None while the database cannot be asked."""
        try:
            return read()
        except (StoreError, ConfigurationError):
            return None

    def _halt(self, halt: OperatorHalt, user: int) -> Answered:
        """Begin the operator's safe mode; a stop holds until it is left, and a pause changes nothing about it."""
        before = self._books.state.safe_mode
        if before is not None and operator_halt(self._books.state) in (halt, OperatorHalt.STOPPED):
            return _done(answers_of_acts.already(before, self._book), note="was so already")
        self._begin_safe_mode(halt, user)
        with suppress(StateError), self._books.locked(_LOOK_AGAIN_S):
            if operator_halt(self._books.state) is None:
                self._begin_safe_mode(halt, user)
        return _done(answers_of_acts.halted(halt, before, self._book), note=str(halt))

    def _begin_safe_mode(self, halt: OperatorHalt, user: int) -> None:
        before = self._books.state.safe_mode
        earlier = "" if before is None else f"; before: {before.reason}"
        self._books.record(SafeModeEntered(reason=halt.reason(f"Telegram {user}{earlier}")))

    def _resume(self) -> Answered:
        left = self._books.state.safe_mode
        if left is not None:
            self._books.record(SafeModeLeft(by="operator"))
        return _done(answers_of_acts.resumed(left, self._book), note="safe mode was off" if left is None else "left safe mode")

    def _cycle(self) -> Answered:
        if operator_halt(self._books.state) is OperatorHalt.STOPPED:
            return Answered(CommandOutcome.REFUSED, "stopped", (answers_of_acts.cycle_stopped(self._book),))
        has_begun = self._begin_cycle()
        outcome = CommandOutcome.CARRIED_OUT if has_begun else CommandOutcome.REFUSED
        note = "a cycle has begun" if has_begun else "a cycle is running already"
        return Answered(outcome, note, (answers_of_acts.cycle_begun(self._book, has_begun=has_begun),))

    def _exit(self, argument: str) -> Answered:
        """Sell one market or all; one on which that fails does not keep the others from it. Raises where all fail."""
        held = [market for market, position in self._books.state.positions.items() if not position.is_dust]
        bought = [intent.plan.market for intent in self._books.intents.open_intents()]
        sales: list[Sale] = []
        troubles: dict[Market, BotError] = {}
        for market in dict.fromkeys([*held, *bought]) if argument == ALL else [Market(argument)]:
            try:
                sales.append(self._hands.exit(market))
            except InvariantViolated:
                raise
            except BotError as error:
                troubles[market] = error
        if troubles and not sales:
            raise next(iter(troubles.values()))
        ends = [f"{sale.market} {sale.end}" for sale in sales] + [f"{one} failed: {error}" for one, error in troubles.items()]
        is_done = any(sale.end is SaleEnd.PLACED for sale in sales)
        outcome = CommandOutcome.CARRIED_OUT if is_done else CommandOutcome.REFUSED
        failures = (answers_of_acts.failed(f"{market}: {error}", self._book) for market, error in troubles.items())
        return Answered(outcome, ", ".join(ends) or "nothing held", (answers_of_acts.exited(sales, self._book), *failures))


def _done(*replies: Reply, note: str = "answered") -> Answered:
    return Answered(CommandOutcome.CARRIED_OUT, note, replies)
