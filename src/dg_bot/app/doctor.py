"""Look at a bot's folder and its account without changing either, and say whether all is well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from dg_bot.adapters.instance_lock import is_marked, process_at_work
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.decision_models import trained_model
from dg_bot.app.differences import in_words, signed
from dg_bot.app.outbox_notes import noted_reasons
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import existing_journal
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.events import CycleCompleted
from dg_bot.domain.market import Market
from dg_bot.domain.portfolio import Balance
from dg_bot.domain.screen import ScreenFailure
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.execution.intent import Intent
from dg_bot.models.onnx import RefusedFile
from dg_bot.pipeline.account import unexplained_differences
from dg_bot.remembered import Remembered
from dg_bot.risk.state import RiskState

Balances = Callable[[], Mapping[str, Balance]]


@dataclass(frozen=True, slots=True)
class Degraded:
    """Something that is not as it should be: its name, and what is known of it."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the doctor found. `differences` is None where the account could not be compared.

    `is_watched` tells whether a process is at work on the folder.
    """

    settings: Settings
    state: RiskState
    is_watched: bool
    open_intents: tuple[Intent, ...]
    differences: Mapping[str, Decimal] | None
    cursors: Mapping[str, int]
    records: int
    last_reports: Mapping[Market, CycleReport]
    failing_screens: Mapping[Market, ScreenFailure]
    degraded: tuple[Degraded, ...]

    @property
    def is_well(self) -> bool:
        return not self.degraded


def examine(settings: Settings, balances: Balances) -> Findings:
    """Read the journal (another process may be writing it) and compare the account.

    Raises StateError where it is unreadable, or ends before what the state file knows, UnsafeSetup where it is another bot's.
    """
    path = existing_journal(settings)
    is_marked(settings.state_folder, settings.mode, settings.order_namespace)
    state_file = RiskStateFile(settings.state_folder / "risk_state.json")
    # Read before the journal, which is always written first: a process at work is never taken for a lost record.
    known = state_file.sequence()
    remembered, reports = Remembered(), {}
    for record in read_journal(path):
        remembered = remembered.after(record)
        if isinstance(record.event, CycleCompleted):
            reports[record.event.report.market] = record.event.report
    state, intents, count = remembered.state, remembered.intents, remembered.sequence
    if known > count:
        state_file.require_not_ahead_of(count)
    cursors = Cursors(settings.state_folder / "cursors.json").all()
    differences, unread = _compared(state, balances, settings.markets)
    return Findings(
        settings=settings,
        state=state,
        is_watched=process_at_work(settings.state_folder) is not None,
        open_intents=intents.open_intents(),
        differences=differences,
        cursors=cursors,
        records=count,
        last_reports=reports,
        failing_screens=remembered.failing_screens,
        degraded=(
            *_safe_mode(state),
            *(Degraded("open_intent", f"{intent.identifier} is {intent.state}") for intent in intents.open_intents()),
            *unread,
            *_model_file(settings),
            *(_of_difference(currency, amount) for currency, amount in (differences or {}).items()),
            *_behind(
                cursors,
                count,
                reasons=noted_reasons(settings.state_folder),
                channels=_channels(settings),
            ),
        ),
    )


def _compared(
    state: RiskState, balances: Balances, markets: tuple[Market, ...]
) -> tuple[Mapping[str, Decimal] | None, list[Degraded]]:
    try:
        return unexplained_differences(state, balances(), markets), []
    except (ExchangeUnavailable, AuthenticationFailed, DataError) as error:
        return None, [Degraded("account", str(error))]


def _of_difference(currency: str, amount: Decimal) -> Degraded:
    return Degraded("ledger", f"{currency} differs by {signed(amount)}, {in_words(currency, amount)}")


def _safe_mode(state: RiskState) -> list[Degraded]:
    return [] if state.safe_mode is None else [Degraded("safe_mode", state.safe_mode.reason)]


def _model_file(settings: Settings) -> list[Degraded]:
    """Look the trained model over, where one takes part."""
    trained = trained_model(settings)
    return [Degraded("model_file", trained.text)] if isinstance(trained, RefusedFile) else []


def _channels(settings: Settings) -> tuple[str, ...]:
    telegram = () if settings.telegram_bot_token is None else ("messages",)
    return telegram if settings.discord_webhook_url is None else (*telegram, "discord")


def _behind(cursors: Mapping[str, int], count: int, *, reasons: Mapping[str, str], channels: tuple[str, ...]) -> list[Degraded]:
    """Name the projections that lag, and why; a cursor of messages that nobody sends any more lags for good reason."""
    lags = {name: count - cursors.get(name, 0) for name in ("database", *channels)}
    texts = {name: f"{lag} records behind the journal" for name, lag in lags.items() if lag > 0}
    return [Degraded(name, f"{text}: {reasons[name]}" if name in reasons else text) for name, text in texts.items()]
