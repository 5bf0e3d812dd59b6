"""A bot of the test builders with its outbox: rows to a database, messages to a notifier, each hour as the daemon does it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.database import Database, Owner
from dg_bot.app.followers import entries_stopper
from dg_bot.app.message_projection import MessageProjection
from dg_bot.app.outbox import Outbox, Projection
from dg_bot.app.row_projections import RowProjection
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import IntentClosed
from dg_bot.operator.narrator import Narrator
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.verbosity import Verbosity
from dg_bot.ports import Notifier
from dg_bot.risk.limits import RiskLimits
from tests.builders import NAMESPACE, PaperBot, paper_bot
from tests.postgres import rows
from tests.unit.app.whole_bot import value

# Three days of small waves, in which a bot with near levels that wants to buy every fifth hour is stopped out and takes profits.
HOURS = 72
_WAVES = [str(1000 + 2 * (hour % 7) - hour % 3) for hour in range(HOURS + 2)]
_NEAR = RiskLimits(stop_loss_fraction=Decimal("0.004"), take_profit_fraction=Decimal("0.006"))


class ApartClock:
    """The time of a thread beside the trading one: it follows the bot's, and its pauses delay nobody else."""

    def __init__(self, bot: PaperBot) -> None:
        self._bot = bot
        self._paused = 0.0
        self.pauses: list[float] = []

    def now(self) -> datetime:
        return self._bot.clock.now()

    def skew_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        return self._bot.clock.monotonic_s() + self._paused

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._paused += seconds


class Office:
    """The outbox of one bot; `database` and `notifier` are where its rows and messages go, where it has any."""

    def __init__(
        self,
        bot: PaperBot,
        folder: Path,
        *,
        dsn: str | None = None,
        notifier: Notifier | None = None,
        verbosity: Verbosity = Verbosity.CHANGES,
        owner: Owner | None = None,
    ) -> None:
        self.bot = bot
        self.metrics = Metrics()
        self._folder = folder
        self.cursors = Cursors(folder / "cursors.json")
        self.database: Database | None = None
        self.projections: list[Projection] = []
        if dsn is not None:
            self.database = Database(url=dsn, folder=folder / "unused", password_file=folder / "unused", owner=owner)
            self.projections.append(self._rows(self.database))
        if notifier is not None:
            self.projections.append(self._messages(notifier, verbosity))
        self.outbox = Outbox(
            projections=self.projections,
            metrics=self.metrics,
            end=lambda: bot.state.sequence,
            now=bot.clock.now,
            alarm=bot.books.alarm,
            note=lambda _behind: None,
        )

    def flush(self) -> dict[str, str]:
        """Deliver what can be delivered; gives what is behind, and why."""
        self.outbox.flush()
        return self.outbox.degraded

    @property
    def lag(self) -> float:
        return value(self.metrics, "outbox_lag")

    def close(self) -> None:
        if self.database is not None:
            self.database.close()

    def _rows(self, database: Database) -> RowProjection:
        return RowProjection(
            journal=self.bot.memory,
            cursors=self.cursors,
            database=database,
            alarm=self.bot.books.alarm,
            on_account_in_use=entries_stopper(self.bot.books),
        )

    def _messages(self, notifier: Notifier, verbosity: Verbosity) -> MessageProjection:
        return MessageProjection(
            journal=self.bot.memory,
            cursors=self.cursors,
            narrator=Narrator(language=Language.ENGLISH, verbosity=verbosity),
            notifier=notifier,
            clock=self.bot.clock,
            metrics=self.metrics,
        )


OWNER = Owner(Mode.PAPER, NAMESPACE)


def eventful_bot() -> PaperBot:
    return paper_bot(f"1000 1000 | {' '.join(_WAVES)}", limits=_NEAR)


def live_through(bot: PaperBot, hours: int, each_hour: Callable[[], object] = lambda: None) -> None:
    """Let a bot trade: a cycle an hour that wants to buy every fifth time, and the guard three times between."""
    for hour in range(hours):
        bot.opinion.says = "buy" if hour % 5 == 0 else "hold"
        bot.run_cycle()
        for _ in range(3):
            bot.wait(900)
            bot.guard.tick()
        each_hour()
        bot.next_hour()


def orders_undisturbed(hours: int = HOURS) -> list[str]:
    """Give the orders of the eventful days where nothing is recorded or told at all."""
    bot = eventful_bot()
    live_through(bot, hours)
    return bot.placed()


def assert_rows_are_the_journal(bot: PaperBot, dsn: str) -> None:
    """I4: each executed order of the journal is a row, digit by digit and once, and no row is anything else."""
    closed = [event for event in bot.events(IntentClosed) if isinstance(event, IntentClosed) and event.executed_quantity]
    expected = sorted((one.identifier, one.executed_quantity, one.funds_krw, one.paid_fee_krw) for one in closed)
    assert expected == sorted(rows(dsn, "SELECT trade_id, amount, total, fee FROM trades"))
    fills = sorted(fill.trade_id for one in closed for fill in one.fills)
    assert fills == sorted(str(name) for (name,) in rows(dsn, "SELECT trade_id FROM fills"))
    assert [] == rows(dsn, "SELECT * FROM rejected_records")
