"""Wire everything once: the only file that knows every class."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from dg_bot import __version__
from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.capsule_files import CapsuleFiles
from dg_bot.adapters.instance_lock import note_records
from dg_bot.adapters.luck_file import LuckFile
from dg_bot.adapters.postgres_trials import sets_tried
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.adapters.sentry import CrashReports
from dg_bot.adapters.state_file import Cursors
from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.app.bot import Bot
from dg_bot.app.challenger_wiring import Challenger, challengers, named_challengers
from dg_bot.app.code_hash import own_files, program
from dg_bot.app.codes import new_code
from dg_bot.app.database import Database, Owner
from dg_bot.app.decision_models import Advisers, decision_model, language_model, trained_model
from dg_bot.app.entry_approvals import EntryApprovals, NobodyToAsk
from dg_bot.app.followers import database_of, discord_of, followers, telegram_of
from dg_bot.app.live_checks import LiveKey
from dg_bot.app.model_identity import Trained, challenger_identities, model_identity
from dg_bot.app.news_reading import news_desk
from dg_bot.app.outbox import Outbox, Projection
from dg_bot.app.outbox_notes import OutboxNotes
from dg_bot.app.record_log import log_record
from dg_bot.app.recorded_cycles import RecordedCycles
from dg_bot.app.row_projections import ROWS
from dg_bot.app.rules_wiring import analysis_stage, trading_rules
from dg_bot.app.scoring import stored_calibration
from dg_bot.app.screen_wiring import rule_screen
from dg_bot.app.secrets import Redactor
from dg_bot.app.settings import Settings
from dg_bot.app.signal_meter import SignalMeter
from dg_bot.app.state_folder import hold_folder, whole_journal
from dg_bot.app.strategy_choice import chosen_strategy
from dg_bot.app.trial_counts import TrialCounts
from dg_bot.app.venue_access import sharing_alarm
from dg_bot.app.venue_contract import VenueContract
from dg_bot.app.venue_wiring import VenuePorts, live_key_of, venue_of
from dg_bot.backtesting.luck import LuckLimits, LuckMeter
from dg_bot.capsule import CALIBRATION, CHALLENGER
from dg_bot.domain.events import DAEMON, PROGRAM, Record, Started
from dg_bot.domain.market import Market
from dg_bot.errors import StateError
from dg_bot.models.onnx import RefusedFile
from dg_bot.pipeline.analysis_stage import AnalysisStage
from dg_bot.pipeline.assembly import TradingPorts, assembled
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.candle_collection import CandleCollector
from dg_bot.pipeline.measurements import FreshMeasurements
from dg_bot.pipeline.news_desk import NewsDesk
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
from dg_bot.ports import Approver, Clock, Journal, LanguageModel, StrategyScreen
from dg_bot.strategies.base import Strategy

_log = structlog.get_logger(__name__)

Progress = Callable[[Market, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the trading parts stand on: the venue, and what is remembered of it."""

    settings: Settings
    venue: VenuePorts
    books: Books
    recorder: CycleRecorder
    archive: CandleFiles
    metrics: Metrics
    database: Database


@dataclass(frozen=True, slots=True, kw_only=True)
class _TrainedModels:
    """The trained model that decides, and by their labels those of challengers with files of their own."""

    deciding: Trained
    own: Mapping[str, Trained]

    def of(self, challenger: Challenger) -> Trained:
        return self.own.get(challenger.label, self.deciding)


@contextmanager
def running_bot(
    settings: Settings, on_progress: Progress = lambda _market, _done, _of: None, *, is_daemon: bool = False
) -> Iterator[Bot]:
    """Build the bot, hold its state folder, and take everything down again in order.

    `on_progress` is told how the collection of candles goes.

    Raises UnsafeSetup where the folder or the account is in use or the folder belongs to another mode, StateError where what it
    remembers is unreadable, and what a first look at the venue raises.
    """
    with ExitStack() as stack:
        _report_crashes(settings, stack)
        hold_folder(settings, stack)
        database = database_of(settings, owner=Owner(settings.mode, settings.order_namespace))
        stack.callback(database.close)
        database.claim()
        metrics = Metrics()
        venue = venue_of(settings, metrics, stack)
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
        live_key = live_key_of(settings, venue, books, metrics)
        following: dict[str, list[Projection]] = {"outbox": projections, "discord": [] if discord is None else [discord]}
        yield _wired(
            _Ground(
                settings=settings,
                venue=venue,
                books=books,
                recorder=recorder,
                archive=archive,
                metrics=metrics,
                database=database,
            ),
            on_progress,
            outboxes=_outboxes(settings, following, books, venue.clock, metrics),
            live_key=live_key,
            telegram=telegram,
            approvals=approvals,
        )


def _outboxes(
    settings: Settings, following: Mapping[str, list[Projection]], books: Books, clock: Clock, metrics: Metrics
) -> tuple[Outbox, ...]:
    """Give an outbox to each name that has projections; what one of them waits for holds up no other."""
    notes = OutboxNotes(settings.state_folder)
    return tuple(
        Outbox(
            projections=projections,
            metrics=metrics,
            end=lambda: books.state.sequence,
            now=clock.now,
            alarm=books.alarm,
            note=partial(notes.note, name),
            name=name,
        )
        for name, projections in following.items()
        if projections
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
    ground: _Ground,
    on_progress: Progress,
    *,
    outboxes: tuple[Outbox, ...],
    live_key: LiveKey | None,
    telegram: TelegramNotifier | None,
    approvals: Approver | None,
) -> Bot:
    """Hand the venue, the candles and the rules to the trading parts."""
    settings, venue, books = ground.settings, ground.venue, ground.books
    strategy = chosen_strategy(settings, settings.strategy)
    calibration = stored_calibration(settings.state_folder)
    language = language_model(settings, books, venue.clock)
    models = _trained_models(settings, books)
    news = news_desk(settings, language, books, venue.clock, ground.metrics)
    trials = TrialCounts(settings.state_folder / "trials.json", read=lambda: sets_tried(ground.database.dsn(), settings.markets))
    luck = LuckMeter(store=LuckFile(settings.state_folder / "luck.json"), clock=venue.clock, limits=LuckLimits())
    trading = assembled(
        books,
        rules=trading_rules(settings, settings.risk_limits(), strategy),
        ports=_ports(ground, on_progress, news, approvals),
        analysis=_analysis(
            ground,
            strategy,
            rule_screen(settings, strategy, settings.risk_limits(), luck, trials.on),
            _advisers(ground, language, models.deciding),
            calibration,
        ),
        challengers=challengers(
            settings,
            lambda one: _challenger_advisers(ground, one, models.of(one)),
            calibration=lambda: ground.recorder.answer(CALIBRATION, CHALLENGER, lambda: calibration),
        ),
    )
    identities = {**model_identity(models.deciding), **challenger_identities(models.own)}
    return Bot(
        settings=settings,
        clock=venue.clock,
        market_data=venue.market_data,
        books=books,
        pipeline=RecordedCycles(
            trading,
            books=books,
            recorder=ground.recorder,
            files=CapsuleFiles(settings.capsule_folder),
            settings=settings,
            program={**program(*own_files(strategy)), **identities},
            delivered=lambda: Cursors(settings.state_folder / "cursors.json").get(ROWS),
        ),
        guard=trading.guard,
        reconciler=trading.reconciler,
        outboxes=outboxes,
        metrics=ground.metrics,
        database=ground.database,
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


def _trained_models(settings: Settings, books: Books) -> _TrainedModels:
    """Load the trained models that the settings name, with an alarm for each that is refused."""
    deciding = trained_model(settings)
    own = {one.label: trained_model(one.settings) for one in named_challengers(settings) if one.has_own_file}
    for refused in (deciding, *own.values()):
        if isinstance(refused, RefusedFile):
            books.alarm("model_file", f"the trained model is not asked, and holds until the next start: {refused.text}")
    return _TrainedModels(deciding=deciding, own=own)


def _ports(ground: _Ground, on_progress: Progress, news: NewsDesk | None, approvals: Approver | None) -> TradingPorts:
    """Let a witness keep all that the edges answer."""
    venue, recorder = ground.venue, ground.recorder
    collector = CandleCollector(market_data=venue.market_data, archive=ground.archive, on_progress=on_progress)
    return TradingPorts(
        clock=WitnessedClock(venue.clock, recorder),
        market_data=WitnessedMarketData(venue.market_data, recorder),
        prompt_data=WitnessedMarketData(venue.prompt_data, recorder),
        exchange=WitnessedExchange(venue.exchange, recorder),
        candles=WitnessedCandles(collector, recorder),
        news=None if news is None else WitnessedNews(news, recorder),
        approver=None if approvals is None else WitnessedApprover(approvals, recorder),
        on_candles=ground.metrics.candles_received,
        on_acknowledged=ground.metrics.order_ack,
    )


def _analysis(
    ground: _Ground, strategy: Strategy, screen: StrategyScreen, advisers: Advisers, calibration: Mapping[str, float]
) -> AnalysisStage:
    """Let the screen judge once a bar, and the recorder keep what stage 3 is told besides the ports' answers."""
    settings, recorder = ground.settings, ground.recorder
    meter = SignalMeter(strategy, metrics=ground.metrics, clock=ground.venue.clock)
    return analysis_stage(
        settings,
        strategy,
        settings.risk_limits(),
        ScreenOncePerBar(screen, on_input=recorder.screen_input),
        decision_model(settings, advisers, calibration=lambda: recorder.answer(CALIBRATION, "", lambda: calibration)),
        FreshMeasurements(meter.signals),
    )


def _advisers(ground: _Ground, language: LanguageModel | None, trained: Trained) -> Advisers:
    """Give the deciding model whom it asks."""
    return Advisers(
        language=None if language is None else WitnessedLanguageModel(language, ground.recorder),
        trained=trained,
        alarm=ground.books.alarm,
    )


def _challenger_advisers(ground: _Ground, one: Challenger, trained: Trained) -> Advisers:
    """Give a challenger whom it asks, apart from everybody else."""
    language = language_model(one.settings, ground.books, ground.venue.clock, is_challenger=True)
    asker = f"{CHALLENGER} {one.label}"
    return Advisers(
        language=None if language is None else WitnessedLanguageModel(language, ground.recorder, asker=asker),
        trained=trained,
        alarm=ground.books.alarm,
    )
