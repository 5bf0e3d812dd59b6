"""A bot of the test builders whose operator writes to it through a local Bot API server; what is slow is done at once."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from dg_bot.adapters.postgres_answers import AnswerRows
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.adapters.telegram_updates import TelegramUpdates
from dg_bot.app.http import Check
from dg_bot.app.operator_console import OperatorConsole
from dg_bot.app.settings import Settings
from dg_bot.app.telegram_desk import TelegramDesk
from dg_bot.domain.events import CommandEnded, CommandTaken
from dg_bot.errors import StoreError
from dg_bot.operator.phrasebook import Language
from tests.builders import BTC, PaperBot
from tests.fault.records import ApartClock
from tests.telegram_server import CHAT, TOKEN, TelegramServer
from tests.unit.app.whole_bot import value

OPERATOR = 77_001
STRANGER = 66_013


def _away() -> str:
    raise StoreError("connect", "it does not answer")


class Commanded:
    """`hear` takes what was written meanwhile, as the daemon's thread does; `reborn` is the next process over the journal."""

    def __init__(
        self,
        bot: PaperBot,
        server: TelegramServer,
        *,
        users: tuple[int, ...] = (OPERATOR,),
        language: Language = Language.ENGLISH,
        dsn: Callable[[], str] = _away,
        checks: Mapping[str, Check] | None = None,
    ) -> None:
        self.bot = bot
        self.server = server
        self.metrics = Metrics()
        self.cycles: list[str] = []
        self.later: list[Callable[[], None]] | None = None
        self.offset = timedelta()
        self.clock = ApartClock(bot)
        self.notifier = TelegramNotifier(token=TOKEN, chat_id=CHAT, clock=self.clock, server=server.url)
        self.updates = TelegramUpdates(token=TOKEN, server=server.url)
        self._users = users
        self._language = language
        self._dsn = dsn
        self._settings = Settings(bot_language=language, markets=bot.setup.markets, telegram_user_ids=users)
        self._checks = checks or {"guard": Check(True, "last tick 3 s ago")}
        self._codes = count(1)
        self.wire()

    def wire(self) -> None:
        """Begin a process: nothing is known but what the journal holds."""
        self.console = OperatorConsole(
            settings=self._settings,
            books=self.bot.books,
            hands=self.bot.hands,
            rows=AnswerRows(self._dsn),
            now=self.bot.clock.now,
            checks=lambda: self._checks,
            behind=dict,
            begin_cycle=self._begin_cycle,
        )
        self.desk = TelegramDesk(
            users=self._users,
            language=self._language,
            console=self.console,
            books=self.bot.books,
            messenger=self.notifier,
            metrics=self.metrics,
            acknowledge=self.updates.acknowledge,
            apart=self._apart,
            now=self.bot.clock.now,
            wall=lambda: datetime.now(UTC) + self.offset,
            monotonic_s=self.clock.monotonic_s,
            new_code=lambda: f"CODE{next(self._codes)}",
        )

    def reborn(self) -> None:
        """End the process and begin another one."""
        self.bot.rewire()
        self.wire()
        self.desk.begin()

    def says(self, text: str, *, user: int = OPERATOR, **how: object) -> list[str]:
        """Let somebody write, let the bot hear it, and give what it said to that."""
        self.server.push(text, user_id=user, **how)  # type: ignore[arg-type]
        return self.hear()

    def presses(self, label: str, *, user: int = OPERATOR) -> list[str]:
        self.server.press(label, user_id=user)
        return self.hear()

    def hear(self, *, may_be_old: bool = False) -> list[str]:
        """Take everything that waits; gives the texts that were sent or put in place of others."""
        before, edits = len(self.server.sent), len(self.server.edited)
        while batch := self.updates.poll(is_patient=False):
            self.desk.take(batch, may_be_old=may_be_old)
        return [message.text for message in self.server.sent[before:]] + [
            message.text for _, message in self.server.edited[edits:]
        ]

    def counted(self, outcome: str) -> float:
        return value(self.metrics, "telegram_commands_total", outcome=outcome)

    @property
    def audit(self) -> list[str]:
        """Give who asked what and what came of it, as the journal has it: `77001 /pause`, `carried_out: paused`."""
        rows = []
        for record in self.bot.memory.records():
            match record.event:
                case CommandTaken() as taken:
                    rows.append(f"{taken.user} {taken.text}")
                case CommandEnded() as ended:
                    rows.append(f"{ended.outcome}: {ended.note}")
                case _:
                    pass
        return rows

    def close(self) -> None:
        self.notifier.close()
        self.updates.close()

    def _apart(self, act: Callable[[], None]) -> bool:
        if self.later is None:
            act()
        else:
            self.later.append(act)
        return True

    def _begin_cycle(self) -> bool:
        self.cycles.append(str(self.bot.run_cycle(BTC).outcome))
        return True


@contextmanager
def commanded(bot: PaperBot, **how: object) -> Iterator[Commanded]:
    """Run a server, and a bot that listens to it."""
    with TelegramServer() as server:
        one = Commanded(bot, server, **how)  # type: ignore[arg-type]
        try:
            yield one
        finally:
            one.close()
