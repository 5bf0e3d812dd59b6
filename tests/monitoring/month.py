"""A month of the whole bot on the generated markets: the true stages hour by hour, and every record that they leave.

The venue is in process, the screen's verdict is given, and the language model behind its guard is a stand-in: nothing waits, so
that a month on two markets pass in seconds. What happens on the way is what a month brings: entries and exits, a deposit,
safe mode and its end, a question without a usable answer, an alarm.
"""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from dg_bot import __version__
from dg_bot.adapters.memory import MemoryJournal
from dg_bot.adapters.prometheus import Metrics
from dg_bot.analysis.answer import SECTIONS
from dg_bot.analysis.prompt import CANARY_INSTRUCTIONS
from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.app.demo_venue import SEED
from dg_bot.app.guarded_language_model import AskingLimits, GuardedLanguageModel
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.signal_meter import SignalMeter
from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.call_breaker import CallBreaker
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import AlarmRaised, Event, Record, SafeModeEntered, SafeModeLeft, Started, TransferDeclared
from dg_bot.domain.gate import Gate
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, ModelQuestion
from dg_bot.domain.market import Market
from dg_bot.domain.model_prices import read_prices
from dg_bot.domain.screen import ScreenMode, ScreenResult
from dg_bot.execution.planner import PlannerLimits
from dg_bot.models.ensemble import EnsembleModel
from dg_bot.models.llm import LlmModel
from dg_bot.models.rules import RulesModel
from dg_bot.pipeline.analysis_stage import AnalysisSettings, AnalysisStage
from dg_bot.pipeline.assembly import Trading, TradingPorts, TradingRules, assembled
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.candle_collection import CollectedCandles
from dg_bot.pipeline.data_limits import DataLimits
from dg_bot.pipeline.measurements import FreshMeasurements
from dg_bot.simulator.generated import MARKETS, GeneratedMarket, generated_candles
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue
from dg_bot.strategies.catalog import make_strategy
from tests.builders import VirtualClock
from tests.in_process_upbit import InProcessUpbit

FIRST = datetime(2026, 9, 27, 15, tzinfo=UTC)  # midnight in Seoul
DAYS = 32
OPENING_KRW = Decimal(10_000_000)
_HISTORY = timedelta(days=45)
_ASKED = "gpt-5-mini"
_SETTINGS = {
    "MODE": "paper",
    "STRATEGY": "ema_cross",
    "STRATEGY_TIMEFRAME": "60m",
    "DECISION_MODEL": "ensemble",
    "OPENAI_MODEL": _ASKED,
    "OPENAI_API_KEY": "none",
    "LLM_DAILY_KRW": "120",
    "RISK_MAX_POSITION_FRACTION": "0.35",
    "RISK_STAGED_PROFIT_FRACTION": "0.04",
}
_QUICK = {"short_period": "4", "long_period": "20"}
# What an operator and the world do, by the hour since the beginning.
_EVENTS: dict[int, tuple[Event, ...]] = {
    250: (TransferDeclared(currency="KRW", amount=Decimal(2_000_000), note="savings of October"),),
    402: (AlarmRaised(kind="database_behind", text="not delivered since 2026-10-14 08:51Z: the server closed the connection"),),
    500: (SafeModeEntered(reason="told to, while the exchange was in maintenance"),),
    517: (SafeModeLeft(by="operator"),),
}


@dataclass(frozen=True, kw_only=True)
class Month:
    """What a month left behind: the records in order, and the metrics that counted along."""

    records: tuple[Record, ...]
    metrics: Metrics


ENDS_AT = FIRST + timedelta(days=DAYS)


def month(days: int = DAYS) -> Month:
    """Let the bot live from FIRST on for so many days: every time the same."""
    return _Life().through(days)


def candles() -> dict[Market, CandleSeries]:
    """Give the hours that the bot had seen when the month ended."""
    return {one.market: _series(one).between(FIRST - _HISTORY, ENDS_AT - HOUR.length) for one in MARKETS}


class _Clock(VirtualClock):
    """A clock of which every look at the stopwatch takes a few milliseconds, so that stages have durations."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self._looks = 0

    def monotonic_s(self) -> float:
        self._looks += 1
        return super().monotonic_s() + 0.003 * self._looks


class _Advisor:
    """A language model whose answers come by chance that hangs on the question alone, after some seconds of the clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def ask(self, question: ModelQuestion, deadline_s: float) -> ModelAnswer:
        if question.instructions == CANARY_INSTRUCTIONS:
            return self._answer(_opinion("HOLD", 0.9), 400)
        chance = random.Random(question.data)
        self._clock.sleep(round(chance.uniform(0.8, 4.0), 3))
        if chance.random() < 0.04:
            return chance.choice([ModelAnswer(kind=AnswerKind.PROVIDER_FAILED), self._answer("I would rather buy.", 2900)])
        action = chance.choices(["BUY", "SELL", "HOLD"], [16, 3, 3])[0]
        return self._answer(_opinion(action, round(chance.uniform(0.55, 0.95), 2)), chance.randint(2600, 3400))

    def _answer(self, text: str, read: int) -> ModelAnswer:
        return ModelAnswer(kind=AnswerKind.USABLE, text=text, model=_ASKED, input_tokens=read, output_tokens=len(text) // 4)


def _opinion(action: str, confidence: float) -> str:
    reason = {section: f"a word on {section}" for section in SECTIONS}
    return json.dumps({"action": action, "confidence": confidence, "reason": reason})


class _GivenScreen:
    """A screen whose verdict is known, and costs nothing."""

    def evaluate(self, strategy_bars: CandleSeries, now: datetime, *, hourly: CandleSeries) -> ScreenResult:
        is_good = now.day % 6 != 0
        figure = 0.11 if is_good else 0.02
        return ScreenResult(
            evaluated_at=now, days=730.0, round_trips=41, total_return=figure, win_rate=0.61, profit_factor=2.1, payoff=2.2,
            sharpe=1.1, max_drawdown=0.08, gates=(Gate("total_return", figure, 0.03, is_good),),
        )  # fmt: skip


@cache
def _listed(one: GeneratedMarket) -> list[Candle]:
    return generated_candles(one, seed=SEED, start=FIRST - _HISTORY, end=ENDS_AT + timedelta(days=1))


@cache
def _series(one: GeneratedMarket) -> CandleSeries:
    return CandleSeries.from_candles(one.market, HOUR, _listed(one))


class _KnownCandles:
    """The candles of each market, all of which are there already."""

    def __init__(self, series: dict[Market, CandleSeries]) -> None:
        self._series = series

    def collect(self, market: Market, timeframe: Timeframe, start: datetime, end: datetime) -> CollectedCandles:
        return CollectedCandles(series=self._series[market].between(start, end), fetched=1, is_final=True)


class _Life:
    """One bot on one venue."""

    def __init__(self) -> None:
        self._settings = load_settings(environment=_SETTINGS, env_file=Path("no such file"))
        self._clock = _Clock(FIRST)
        listed = {one.market: _listed(one) for one in MARKETS}
        tapes = {market: Tape.of(market, HOUR, hours) for market, hours in listed.items()}
        self._ledger = Ledger(krw=OPENING_KRW)
        self._upbit = InProcessUpbit(Venue(ledger=self._ledger, tapes=tapes, now=self._clock.now, depth_krw=Decimal(3_000_000)))
        self._candles = {one.market: _series(one) for one in MARKETS}
        self._metrics = Metrics()
        self._journal = MemoryJournal(self._clock.now)
        self._books = Books(journal=self._journal, clock=self._clock, on_record=self._metrics.observe_record)
        self._trading = self._assembled()

    def through(self, days: int) -> Month:
        self._books.record(Started(mode=Mode.PAPER, version=__version__, settings=self._settings.public()))
        self._trading.reconciler.open_account()
        for hour in range(days * 24):
            self._clock.at = FIRST + timedelta(hours=hour, seconds=5)
            for event in _EVENTS.get(hour, ()):
                self._happen(event)
            for market in self._settings.markets:
                self._trading.pipeline.run_cycle(Cycle(market=market, opened_at=HOUR.floor(self._clock.now())))
            for minute in (20, 40):
                self._clock.at = FIRST + timedelta(hours=hour, minutes=minute)
                self._trading.guard.tick()
        return Month(records=tuple(self._journal.records()), metrics=self._metrics)

    def _happen(self, event: Event) -> None:
        if isinstance(event, TransferDeclared):
            self._ledger.deposit(event.currency, event.amount)
        self._books.record(event)

    def _assembled(self) -> Trading:
        settings, limits = self._settings, self._settings.risk_limits()
        strategy = make_strategy(settings.strategy, _QUICK)
        language = GuardedLanguageModel(
            _Advisor(self._clock),
            model=_ASKED,
            limits=AskingLimits(
                deadline_s=20.0,
                daily_tokens=settings.llm_daily_tokens,
                daily_krw=settings.llm_daily_krw,
                max_output_tokens=settings.llm_max_output_tokens,
            ),
            prices=read_prices("prices", f"- {_ASKED} 2025-08-07 0.25 2.00", settings.llm_krw_per_usd),
            breaker=CallBreaker(most_failures=5, pause=timedelta(seconds=60)),
            books=self._books,
            clock=self._clock,
        )
        model = EnsembleModel(
            members=[RulesModel(), LlmModel(language_model=language, stand_in=None)], agreement=0.66, calibration=dict
        )
        rules = TradingRules(
            mode=Mode.PAPER,
            markets=settings.markets,
            reference=settings.reference_market,
            namespace=settings.order_namespace,
            timeframe=settings.strategy_timeframe,
            bar_exits=strategy.bar_exits,
            limits=limits,
            data=DataLimits(history=_HISTORY - timedelta(days=1)),
            allow_warned_markets=False,
            planner=PlannerLimits(),
        )
        upbit = self._upbit
        ports = TradingPorts(
            clock=self._clock,
            market_data=upbit,
            prompt_data=upbit,
            exchange=upbit,
            candles=_KnownCandles(self._candles),
            on_candles=self._metrics.candles_received,
            on_acknowledged=self._metrics.order_ack,
        )
        analysis = AnalysisStage(
            strategy=strategy,
            screen=_GivenScreen(),
            model=model,
            limits=limits,
            settings=AnalysisSettings(screen_mode=ScreenMode.BLOCK, minimum_confidence=0.7, validator=ValidatorLimits()),
            measurements=FreshMeasurements(SignalMeter(strategy, metrics=self._metrics, clock=self._clock).signals),
        )
        return assembled(self._books, rules=rules, ports=ports, analysis=analysis)
