"""One running instance of the bot, put together: what the daemon and the commands touch."""

from contextlib import suppress
from dataclasses import dataclass

import structlog

from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.app.database import Database
from dg_bot.app.entry_approvals import EntryApprovals
from dg_bot.app.live_checks import LiveKey
from dg_bot.app.outbox import Outbox
from dg_bot.app.recorded_cycles import RunsCycles
from dg_bot.app.settings import Settings
from dg_bot.app.trial_counts import TrialCounts
from dg_bot.app.venue_contract import VenueContract
from dg_bot.app.venue_wiring import set_clock
from dg_bot.backtesting.luck import LuckMeter
from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.market import Market
from dg_bot.domain.screen import ScreenHonesty
from dg_bot.errors import AuthenticationFailed, BotError, DataError, ExchangeUnavailable, InvariantViolated
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.guard import Guard
from dg_bot.pipeline.news_desk import NewsDesk
from dg_bot.pipeline.operator_hands import OperatorHands
from dg_bot.pipeline.reconcile import Reconciler
from dg_bot.ports import Clock, MarketData

_log = structlog.get_logger(__name__)

# A server of our own has started by then.
_TRIALS_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """Everything that an entry point touches; `running_bot` makes one and takes it down again."""

    settings: Settings
    clock: Clock
    market_data: MarketData
    books: Books
    pipeline: RunsCycles
    guard: Guard
    reconciler: Reconciler
    outboxes: tuple[Outbox, ...]
    metrics: Metrics
    database: Database
    luck: LuckMeter
    trials: TrialCounts
    hands: OperatorHands
    telegram: TelegramNotifier | None = None
    approvals: EntryApprovals | None = None
    live_key: LiveKey | None = None
    contract: VenueContract | None = None
    news: NewsDesk | None = None

    @property
    def behind(self) -> dict[str, str]:
        """Give what is behind the journal, with the reason of the last attempt."""
        return {name: reason for outbox in self.outboxes for name, reason in outbox.degraded.items()}

    def learn_time(self) -> None:
        """Ask the venue something light, so that the clock knows its time; what goes wrong will be met again by the cycle."""
        set_clock(self.market_data, is_required=False)

    def check_venue(self) -> None:
        """Look whether the venue answers as expected, once, and how long a live key will last, once a day.

        What goes wrong is met again by the cycle. Raises StateError.
        """
        if self.contract is not None:
            self.contract.check()
        if self.live_key is not None:
            with suppress(ExchangeUnavailable, AuthenticationFailed, DataError):
                self.live_key.watch_expiry()

    def learn_trials(self) -> None:
        """Count what sweeps have tried before the first verdict that depends on it; a database that is away holds up no more."""
        if self.settings.screen_honesty is ScreenHonesty.STRICT:
            self.trials.learn_once(_TRIALS_S)

    def learn_news(self) -> None:
        """Read the feeds and have them judged; what goes wrong with them is told, and no cycle hears of it."""
        if self.news is None:
            return
        try:
            self.news.gather()
        except InvariantViolated:
            raise
        except BotError as error:
            _log.error("news_not_kept", error=str(error))
            self.metrics.error(type(error).__name__)

    def cycle(self, market: Market) -> Cycle:
        """Give the cycle of this hour by exchange time."""
        return Cycle(market=market, opened_at=HOUR.floor(self.clock.now()))
