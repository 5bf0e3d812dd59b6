"""Wire everything once: the only file that knows every class."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import stamina.instrumentation
import structlog

from dg_bot import __version__
from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.capsule_files import CapsuleFiles
from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.instance_lock import note_records
from dg_bot.adapters.luck_file import LuckFile
from dg_bot.adapters.paper_exchange import PaperExchange
from dg_bot.adapters.postgres_trials import sets_tried
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.adapters.sentry import CrashReports
from dg_bot.adapters.state_file import Cursors
from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.adapters.upbit_limiter import UpbitLimiter
from dg_bot.adapters.upbit_market_data import UpbitMarketData
from dg_bot.adapters.upbit_reads import UpbitReads
from dg_bot.app.challenger_wiring import Challenger, challengers, named_challengers
from dg_bot.app.code_hash import own_files, program
from dg_bot.app.codes import new_code
from dg_bot.app.database import Database, Owner
from dg_bot.app.decision_models import Advisers, decision_model, language_model, trained_model
from dg_bot.app.demo_venue import DemoVenue
from dg_bot.app.entry_approvals import EntryApprovals, NobodyToAsk
from dg_bot.app.followers import database_of, discord_of, followers, telegram_of
from dg_bot.app.live_checks import LiveKey
from dg_bot.app.measured_strategy import MeasuredStrategy
from dg_bot.app.model_identity import Trained, challenger_identities, model_identity
from dg_bot.app.news_reading import news_desk
from dg_bot.app.outbox import Outbox
from dg_bot.app.outbox_notes import OutboxNotes
from dg_bot.app.record_log import log_record
from dg_bot.app.recorded_cycles import RecordedCycles, RunsCycles
from dg_bot.app.row_projections import ROWS
from dg_bot.app.rules_wiring import analysis_stage, trading_rules
from dg_bot.app.scoring import stored_calibration
from dg_bot.app.screen_wiring import rule_screen
from dg_bot.app.secrets import Redactor, forbid_core_dumps
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import hold_folder, whole_journal
from dg_bot.app.strategy_choice import chosen_strategy
from dg_bot.app.trial_counts import TrialCounts
from dg_bot.app.venue_access import access_keys, sharing_alarm, upbit_client
from dg_bot.app.venue_contract import VenueContract
from dg_bot.backtesting.luck import LuckLimits, LuckMeter
from dg_bot.capsule import CALIBRATION, CHALLENGER
from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import DAEMON, PROGRAM, Record, Started
from dg_bot.domain.market import Market
from dg_bot.domain.screen import ScreenHonesty
from dg_bot.errors import AuthenticationFailed, BotError, DataError, ExchangeUnavailable, InvariantViolated, StateError
from dg_bot.models.onnx import RefusedFile
from dg_bot.pipeline.assembly import TradingPorts, assembled
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.candle_collection import CandleCollector
from dg_bot.pipeline.guard import Guard
from dg_bot.pipeline.news_desk import NewsDesk
from dg_bot.pipeline.operator_hands import OperatorHands
from dg_bot.pipeline.reconcile import Reconciler
from dg_bot.pipeline.recorder import CycleRecorder
from dg_bot.pipeline.screen_memory import ScreenOncePerBar
from dg_bot.pipeline.witness import (
    WitnessedApprover,
    WitnessedCandles,
    WitnessedClock,
    WitnessedExchange,
    WitnessedJournal,
    WitnessedLanguageModel,
    WitnessedMarketData,
    WitnessedNews,
)
from dg_bot.ports import Approver, Clock, Exchange, Journal, MarketData

_log = structlog.get_logger(__name__)

# A stop asks the venue seven times until its order is out, each within the request's own deadline of 8 s: 56 s at the worst.
# What fails at once is asked again within this time; what ran into its deadline is not, for the next tick comes soon enough.
_PROMPT_BUDGET_S = 10.0
# A server of our own has started by then.
_TRIALS_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """One running instance: everything that an entry point touches."""

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
        _set_clock(self.market_data, is_required=False)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """The outside world of trading, for one mode; `prompt_data` and `exchange` ask as long as an exit can wait, and no longer."""

    clock: VenueClock
    market_data: MarketData
    prompt_data: MarketData
    exchange: Exchange
    live: UpbitExchange | None
    limiter: UpbitLimiter


Progress = Callable[[Market, int, int], None]


@contextmanager
def running_bot(
    settings: Settings, on_progress: Progress = lambda _market, _done, _of: None, *, is_daemon: bool = False
) -> Iterator[Bot]:
    """Build the bot, hold its state folder, and take everything down again in order.

    `on_progress` is told how the collection of candles goes.

    Raises UnsafeSetup where the folder or the account is in use or the folder belongs to another mode, StateError where what it
    remembers is unreadable, and what a first look at the venue raises.
    """
    forbid_core_dumps()
    with ExitStack() as stack:
        _report_crashes(settings, stack)
        hold_folder(settings, stack)
        database = database_of(settings, owner=Owner(settings.mode, settings.order_namespace))
        stack.callback(database.close)
        database.claim()
        metrics = Metrics()
        venue = _venue(settings, metrics, stack)
        journal = whole_journal(settings, venue.clock.now, stack)
        recorder = CycleRecorder()
        books = _books(settings, WitnessedJournal(journal, recorder), venue.clock, metrics)
        venue.limiter.report_sharing_to(sharing_alarm(books))
        if journal.quarantined is not None:
            books.alarm("torn_journal", f"an unfinished record at the journal's end was set aside in {journal.quarantined.name}")
        if journal.doubts:
            books.alarm("journal_doubts", "; ".join(journal.doubts))
        books.compact()
        archive = CandleFiles(settings.candle_folder, source=settings.candle_source)
        telegram = telegram_of(settings, venue.clock, stack)
        cursors = Cursors(settings.state_folder / "cursors.json")
        projections = followers(
            settings,
            journal=journal,
            books=books,
            database=database,
            archive=archive,
            clock=venue.clock,
            metrics=metrics,
            telegram=telegram,
            cursors=cursors,
        )
        discord = discord_of(settings, journal=journal, cursors=cursors, clock=venue.clock, metrics=metrics)
        approvals = _approvals(settings, telegram if is_daemon else None, books, venue.clock)
        role = {PROGRAM: DAEMON} if is_daemon else {}
        books.record(Started(mode=settings.mode, version=__version__, settings={**settings.public(), **role}))
        note_records(settings.state_folder, len(journal))
        live_key = _live_key(settings, venue, books, metrics)
        notes = OutboxNotes(settings.state_folder)
        outboxes = tuple(
            Outbox(
                projections=following,
                metrics=metrics,
                end=lambda: books.state.sequence,
                now=venue.clock.now,
                alarm=books.alarm,
                note=partial(notes.note, name),
                name=name,
            )
            for name, following in (("outbox", projections), ("discord", [] if discord is None else [discord]))
            if following
        )
        yield _wired(
            settings, venue, books, recorder, archive, metrics, database, outboxes, on_progress, live_key, telegram, approvals
        )


def _approvals(settings: Settings, telegram: TelegramNotifier | None, books: Books, clock: Clock) -> Approver | None:
    """Give whom entries wait for; None where they wait for nobody."""
    if not settings.entry_approval_minutes:
        return None
    if telegram is None:
        return NobodyToAsk()
    return EntryApprovals(
        users=settings.telegram_user_ids,
        language=settings.bot_language,
        minutes=settings.entry_approval_minutes,
        messenger=telegram,
        monotonic_s=clock.monotonic_s,
        is_pointless=lambda: books.is_closing or books.state.safe_mode is not None,
        new_code=new_code,
    )


def _report_crashes(settings: Settings, stack: ExitStack) -> None:
    """Report what is logged as an error for as long as `stack` is open, where there is somebody to report it to."""
    if settings.sentry_dsn is not None:
        dsn, release = settings.sentry_dsn.get_secret_value(), f"dg_bot@{__version__}"
        clean = Redactor(settings.secrets()).clean
        stack.enter_context(CrashReports(dsn=dsn, release=release, environment=settings.mode, clean=clean))


def _venue(settings: Settings, metrics: Metrics, stack: ExitStack) -> Venue:
    base_url, follows = settings.upbit_base_url, settings.clock_from_venue
    if settings.mode is Mode.DEMO:
        base_url = stack.enter_context(DemoVenue(settings.data_folder / "venue.json")).base_url
        follows = True
    stamina.instrumentation.set_on_retry_hooks([])
    clock = VenueClock(local=SystemClock(), follow=follows)
    client = upbit_client(
        settings,
        base_url=base_url,
        clock=clock,
        on_request=lambda group, status, seconds: metrics.observe_request(group, str(status or "none"), seconds),
    )
    stack.callback(client.close)
    reads = UpbitReads(client=client, clock=clock)
    market_data = UpbitMarketData(reads=reads, clock=clock)
    prompt_reads = UpbitReads(client=client, clock=clock, budget_s=_PROMPT_BUDGET_S)
    prompt_data = UpbitMarketData(reads=prompt_reads, clock=clock)
    _set_clock(prompt_data, is_required=follows)
    if settings.mode is Mode.PAPER:
        paper = PaperExchange(
            market_data=prompt_data, clock=clock, path=settings.data_folder / "paper_account.json", krw=settings.paper_krw
        )
        return Venue(
            clock=clock, market_data=market_data, prompt_data=prompt_data, exchange=paper, live=None, limiter=client.limiter
        )
    exchange = UpbitExchange(client=client, reads=prompt_reads, clock=clock, access_key=access_keys(settings)[0])
    return Venue(
        clock=clock,
        market_data=market_data,
        prompt_data=prompt_data,
        exchange=exchange,
        live=exchange if settings.mode is Mode.LIVE else None,
        limiter=client.limiter,
    )


def _live_key(settings: Settings, venue: Venue, books: Books, metrics: Metrics) -> LiveKey | None:
    """Check a live key; a venue that does not answer is no reason to leave positions unwatched."""
    if venue.live is None:
        return None
    key = LiveKey(exchange=venue.live, markets=settings.markets, books=books, clock=venue.clock, metrics=metrics)
    try:
        key.require_usable()
    except (ExchangeUnavailable, DataError) as error:
        _log.warning("key_unchecked", error=str(error))
    return key


def _set_clock(market_data: MarketData, *, is_required: bool) -> None:
    """Let the venue's first answer set the clock; without one this machine's time serves until there is one."""
    try:
        market_data.notices()
    except (ExchangeUnavailable, DataError) as error:
        if is_required:
            raise
        _log.warning("exchange_time_unknown", error=str(error))


def _books(settings: Settings, journal: Journal, clock: Clock, metrics: Metrics) -> Books:
    state_file = RiskStateFile(settings.state_folder / "risk_state.json")

    def on_record(record: Record) -> None:
        log_record(record)
        metrics.observe_record(record)
        if settings.asks_language_model:
            today = books.remembered.spending.on(record.at)
            metrics.llm_budget_used(today.part_of(tokens=settings.llm_daily_tokens, krw=settings.llm_daily_krw))
        metrics.unresolved_intents(len(books.intents.open_intents()))
        try:
            state_file.save(books.state, record)
        except StateError as error:
            # The record is durable in the journal; this file is only its rendering, and is made anew at the next one.
            _log.error("state_file_behind", error=str(error))
            metrics.error("StateError")

    books = Books(journal=journal, clock=clock, on_record=on_record)
    metrics.begin(books.remembered)
    return books


def _wired(
    settings: Settings,
    venue: Venue,
    books: Books,
    recorder: CycleRecorder,
    archive: CandleFiles,
    metrics: Metrics,
    database: Database,
    outboxes: tuple[Outbox, ...],
    on_progress: Progress,
    live_key: LiveKey | None,
    telegram: TelegramNotifier | None,
    approvals: Approver | None,
) -> Bot:
    """Hand the venue, the candles and the rules to the trading parts."""
    limits = settings.risk_limits()
    strategy = chosen_strategy(settings, settings.strategy)
    calibration = stored_calibration(settings.state_folder)
    language = language_model(settings, books, venue.clock)
    trained = trained_model(settings)
    own_files_of = {one.label: trained_model(one.settings) for one in named_challengers(settings) if one.has_own_file}
    trained_by = {one.label: own_files_of.get(one.label, trained) for one in named_challengers(settings)}
    for refused in (trained, *own_files_of.values()):
        if isinstance(refused, RefusedFile):
            books.alarm("model_file", f"the trained model is not asked, and holds until the next start: {refused.text}")
    news = news_desk(settings, language, books, venue.clock, metrics)
    trials = TrialCounts(settings.state_folder / "trials.json", read=lambda: sets_tried(database.dsn(), settings.markets))
    luck = LuckMeter(store=LuckFile(settings.state_folder / "luck.json"), clock=venue.clock, limits=LuckLimits())
    trading = assembled(
        books,
        rules=trading_rules(settings, limits, strategy),
        ports=TradingPorts(
            clock=WitnessedClock(venue.clock, recorder),
            market_data=WitnessedMarketData(venue.market_data, recorder),
            prompt_data=WitnessedMarketData(venue.prompt_data, recorder),
            exchange=WitnessedExchange(venue.exchange, recorder),
            candles=WitnessedCandles(
                CandleCollector(market_data=venue.market_data, archive=archive, on_progress=on_progress), recorder
            ),
            news=None if news is None else WitnessedNews(news, recorder),
            approver=None if approvals is None else WitnessedApprover(approvals, recorder),
            on_candles=metrics.candles_received,
            on_acknowledged=metrics.order_ack,
        ),
        analysis=analysis_stage(
            settings,
            MeasuredStrategy(strategy, metrics=metrics, clock=venue.clock),
            limits,
            ScreenOncePerBar(rule_screen(settings, strategy, limits, luck, trials.on), on_input=recorder.screen_input),
            decision_model(
                settings,
                Advisers(
                    language=None if language is None else WitnessedLanguageModel(language, recorder),
                    trained=trained,
                    alarm=books.alarm,
                ),
                calibration=lambda: recorder.answer(CALIBRATION, "", lambda: calibration),
            ),
        ),
        challengers=challengers(
            settings,
            lambda one: _challenger_advisers(one, books, venue.clock, recorder, trained_by),
            calibration=lambda: recorder.answer(CALIBRATION, CHALLENGER, lambda: calibration),
        ),
    )
    return Bot(
        settings=settings,
        clock=venue.clock,
        market_data=venue.market_data,
        books=books,
        pipeline=RecordedCycles(
            trading,
            books=books,
            recorder=recorder,
            files=CapsuleFiles(settings.capsule_folder),
            settings=settings,
            program={**program(*own_files(strategy)), **model_identity(trained), **challenger_identities(own_files_of)},
            delivered=lambda: Cursors(settings.state_folder / "cursors.json").get(ROWS),
        ),
        guard=trading.guard,
        reconciler=trading.reconciler,
        outboxes=outboxes,
        metrics=metrics,
        database=database,
        luck=luck,
        trials=trials,
        live_key=live_key,
        hands=trading.hands,
        telegram=telegram,
        approvals=approvals if isinstance(approvals, EntryApprovals) else None,
        contract=VenueContract(
            market_data=venue.market_data, exchange=venue.exchange, markets=settings.markets, books=books, clock=venue.clock
        ),
        news=news,
    )


def _challenger_advisers(
    one: Challenger, books: Books, clock: Clock, recorder: CycleRecorder, trained: Mapping[str, Trained]
) -> Advisers:
    """Give a challenger whom it asks, apart from everybody else."""
    language = language_model(one.settings, books, clock, is_challenger=True)
    asker = f"{CHALLENGER} {one.label}"
    return Advisers(
        language=None if language is None else WitnessedLanguageModel(language, recorder, asker=asker),
        trained=trained[one.label],
        alarm=books.alarm,
    )
