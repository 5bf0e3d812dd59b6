"""Compute a recorded cycle again, through the very stages that ran, and say where it comes out differently."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.capsule_files import CapsuleFiles
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.app.challenger_wiring import Challenger, challengers, named_challengers
from dg_bot.app.code_hash import code_sha256, own_files
from dg_bot.app.decision_models import Advisers, decision_model
from dg_bot.app.entry_approvals import NobodyToAsk
from dg_bot.app.kept_capsules import KeptCapsules
from dg_bot.app.model_identity import RecordedModels
from dg_bot.app.recorded_screen import RecordedLuck, RecordedScreen, Verdicts
from dg_bot.app.recorded_world import LapsedClock, RecordedLanguageModel, RecordedWorld, SilentVenue
from dg_bot.app.replay_difference import Difference, Outline, earlier, first_difference, outline
from dg_bot.app.rules_wiring import analysis_stage, trading_rules
from dg_bot.app.screen_wiring import rule_screen
from dg_bot.app.settings import Settings, secret_names
from dg_bot.app.state_folder import existing_journal
from dg_bot.app.strategy_choice import chosen_strategy
from dg_bot.capsule import CALIBRATION, CHALLENGER, OWN_RECORD, Capsule
from dg_bot.cycle import Cycle
from dg_bot.domain.events import CapsuleStored, CycleCompleted, Record
from dg_bot.errors import BotError, ConfigurationError, DataError
from dg_bot.pipeline.assembly import TradingPorts, assembled
from dg_bot.pipeline.witness import (
    WitnessedApprover,
    WitnessedCandles,
    WitnessedClock,
    WitnessedExchange,
    WitnessedMarketData,
    WitnessedNews,
)
from dg_bot.strategies.base import Strategy

_YES_NO = {"True": "yes", "False": "no"}


class Verdict(StrEnum):
    """What a replay found of one cycle."""

    SAME = "same"
    DIFFERS = "differs"
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One cycle computed again. `difference` belongs to DIFFERS, `problem` to DAMAGED and MISSING.

    `is_other_code` tells that it was recorded by other sources than these.
    """

    cycle_id: str
    file: str
    verdict: Verdict
    is_other_code: bool = False
    difference: Difference | None = None
    problem: str = ""
    recorded: Outline | None = None
    recomputed: Outline | None = None


class Replayer:
    """Replays the capsules of one bot, offline; it changes nothing."""

    def __init__(self, settings: Settings, overrides: Mapping[str, str]) -> None:
        """`overrides` are settings to be tried instead of the recorded ones; raises ConfigurationError for an unknown name."""
        for name in overrides:
            if name.lower() not in Settings.model_fields or name in secret_names():
                raise ConfigurationError(name, "is no setting of a decision", "see .env.example")
        self._settings = settings
        self._overrides = overrides
        self._kept = KeptCapsules(settings)
        self._files = CapsuleFiles(settings.capsule_folder, elsewhere=self._kept.get)
        self._archive = CandleFiles(settings.candle_folder)
        self._verdicts: Verdicts = {}
        self._strategies: dict[str, Strategy] = {}
        self._models = RecordedModels(overrides)

    def replay(self, cycle_id: str | None) -> Iterator[Replayed]:
        """Replay one cycle, or every one in turn; raises StateError where the journal cannot be read.

        A cycle of the journal without a capsule is missing; so is a cycle that the journal does not know.
        """
        try:
            yield from self._each(cycle_id)
        finally:
            self._kept.close()

    def _each(self, cycle_id: str | None) -> Iterator[Replayed]:
        found = False
        for report, stored in _cycles(read_journal(existing_journal(self._settings))):
            if cycle_id in (None, report):
                found = True
                yield self._replayed(stored) if stored is not None else _missing(report, "no capsule was kept")
        if cycle_id is not None and not found:
            yield _missing(cycle_id, "the journal knows no such cycle")

    def _replayed(self, stored: CapsuleStored) -> Replayed:
        try:
            capsule = self._files.load(stored, self._archive)
        except DataError as error:
            return Replayed(cycle_id=stored.cycle_id, file=stored.file, verdict=Verdict.DAMAGED, problem=str(error))
        recorded = [heard.value.event for heard in capsule.heard if heard.port == OWN_RECORD and isinstance(heard.value, Record)]
        world, other_model = self._recomputed(capsule)
        difference = earlier(world.question_difference, first_difference(recorded, world.events))
        difference = earlier(other_model, difference)
        return Replayed(
            cycle_id=stored.cycle_id,
            file=stored.file,
            verdict=Verdict.SAME if difference is None else Verdict.DIFFERS,
            is_other_code=stored.code_sha256 != code_sha256(*own_files(self._strategy(capsule))),
            difference=difference,
            recorded=outline(recorded),
            recomputed=outline(world.events),
        )

    def _strategy(self, capsule: Capsule) -> Strategy:
        settings = settings_of(capsule.settings, self._overrides)
        if settings.strategy not in self._strategies:
            self._strategies[settings.strategy] = chosen_strategy(settings, settings.strategy)
        return self._strategies[settings.strategy]

    def _recomputed(self, capsule: Capsule) -> tuple[RecordedWorld, Difference | None]:
        """Run the cycle again and give the world in which it ran, with what the cycle would have written into the journal.

        Beside it stands the trained model, where it is not the recorded one.
        """
        settings, strategy = settings_of(capsule.settings, self._overrides), self._strategy(capsule)
        limits = settings.risk_limits()
        world, luck = RecordedWorld(capsule), RecordedLuck()
        screen = RecordedScreen(
            rule_screen(settings, strategy, limits, luck, trials=luck.trials),
            world,
            self._verdicts,
            luck,
            rules=str(sorted(settings.public().items())),
        )
        books = world.books()
        trained, other_model = self._models.of(capsule.program, settings)
        own = {
            one.label: self._models.of_challenger(capsule.program, one) for one in named_challengers(settings) if one.has_own_file
        }
        other_models = [other_model, *(other for _, other in own.values())]

        def advisers_of(one: Challenger) -> Advisers:
            language = RecordedLanguageModel(world, asker=f"{CHALLENGER} {one.label}")
            challenging = own[one.label][0] if one.has_own_file else trained
            return Advisers(language=language, trained=challenging, alarm=books.alarm)

        trading = assembled(
            books,
            rules=trading_rules(settings, limits, strategy),
            ports=_recorded_ports(world, settings),
            analysis=analysis_stage(
                settings,
                strategy,
                limits,
                screen,
                decision_model(
                    settings,
                    Advisers(language=RecordedLanguageModel(world), trained=trained, alarm=books.alarm),
                    calibration=lambda: world.answer(CALIBRATION, "", dict[str, float]),
                ),
            ),
            challengers=challengers(
                settings,
                advisers_of,
                calibration=lambda: world.answer(CALIBRATION, CHALLENGER, dict[str, float]),
            ),
            carried=capsule.carried,
        )
        # The recorded cycle has a report; if this one breaks, it has none, and that is the difference.
        with suppress(BotError):
            trading.pipeline.run_cycle(Cycle(market=capsule.market, opened_at=capsule.opened_at))
        return world, next((other for other in other_models if other is not None), None)


def _recorded_ports(world: RecordedWorld, settings: Settings) -> TradingPorts:
    """Let the recorded answers stand for the venue and for everybody else who was asked."""
    venue = SilentVenue()
    return TradingPorts(
        clock=WitnessedClock(LapsedClock(world), world),
        market_data=WitnessedMarketData(venue, world),
        prompt_data=WitnessedMarketData(venue, world),
        exchange=WitnessedExchange(venue, world),
        candles=WitnessedCandles(venue, world),
        news=WitnessedNews(venue, world) if settings.news_feeds else None,
        approver=WitnessedApprover(NobodyToAsk(), world) if settings.entry_approval_minutes else None,
        on_candles=lambda _count: None,
        on_acknowledged=lambda _seconds: None,
    )


def settings_of(public: Mapping[str, str], overrides: Mapping[str, str]) -> Settings:
    """Build settings again from what was public of them; secrets decide nothing, and are absent."""
    hidden = secret_names()
    chosen = {
        name.lower(): _YES_NO.get(text, text)
        for name, text in {**public, **overrides}.items()
        if text and name not in hidden and name.lower() in Settings.model_fields
    }
    return Settings.model_validate(chosen)


def _missing(cycle_id: str, problem: str) -> Replayed:
    return Replayed(cycle_id=cycle_id, file="", verdict=Verdict.MISSING, problem=problem)


def _cycles(records: Iterator[Record]) -> Iterator[tuple[str, CapsuleStored | None]]:
    """Give each completed cycle in turn with what was kept of it."""
    waiting: str | None = None
    for record in records:
        match record.event:
            case CycleCompleted(report=report):
                if waiting is not None:
                    yield waiting, None
                waiting = report.cycle_id
            case CapsuleStored() as stored:
                yield stored.cycle_id, stored
                waiting = None
            case _:
                continue
    if waiting is not None:
        yield waiting, None
