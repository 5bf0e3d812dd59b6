"""The real bot of a run: its pipeline, guard and books as they are, with opinions and data that cost nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from dg_bot.app.bot import Bot
from dg_bot.app.guard_thread import GuardThread
from dg_bot.cycle import Cycle, Halt, MarketSnapshot, RiskClearance, Situation, TradePlan
from dg_bot.domain.calendar import HOUR, to_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.cycle_report import Stage
from dg_bot.domain.decision import Action, Advice, Decision
from dg_bot.domain.market import Market
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import ProtectionPlan
from dg_bot.pipeline.analysis_stage import AnalysisStage
from dg_bot.pipeline.data_stage import DataCollectionStage
from tests.builders import Opinion, PaperBot, Setup, VirtualClock
from tests.fault.simulation.journal import DyingJournal
from tests.fault.simulation.venue import SimulatedUpbit
from tests.memory_archive import MemoryCandleArchive

GUARD_PERIOD_S = 600.0


class SeedOpinion(Opinion):
    """What a seed says for each market and hour, and how it protects what is bought."""

    def __init__(
        self, said: Mapping[Market, Sequence[Action]], protection: ProtectionPlan, start: datetime, on_asked: Callable[[], None]
    ) -> None:
        super().__init__(on_asked=on_asked)
        self.said = said
        self.protection = protection
        self._start_s = to_epoch(start)

    def of(self, market: Market, hour: datetime) -> Action:
        said = self.said[market]
        return said[(to_epoch(hour) - self._start_s) // 3600 % len(said)]

    def decide(self, situation: Situation) -> Advice:
        market, newest = situation.snapshot.market, situation.snapshot.hourly.last_opened_at
        self.says = Action.HOLD if newest is None else self.of(market, newest + HOUR.length)
        return super().decide(situation)


class QuickData(DataCollectionStage):
    """Stage 2 without history: a price and the rules, both read through the port."""

    def __init__(self, upbit: SimulatedUpbit, clock: VirtualClock) -> None:
        self._upbit = upbit
        self._clock = clock
        self._hours: dict[Market, CandleSeries] = {}

    def run(self, cycle: Cycle) -> MarketSnapshot | Halt:
        market = cycle.market
        notice = self._upbit.notices().get(market)
        mark = self._upbit.last_prices([market])[market]
        if notice is None:
            return Halt(stage=Stage.DATA_COLLECTION, reason="not listed")
        hours = self._hours.setdefault(market, CandleSeries.from_candles(market, HOUR, ()))
        return MarketSnapshot(
            market=market,
            hourly=hours,
            strategy_bars=hours,
            reference_hourly=None,
            book=OrderBook(market=market, at=self._clock.now(), asks=(), bids=()),
            mark_krw=mark,
            tick_size_krw=mark,
            rules=self._upbit.rules(market),
            notice=notice,
            gates=(),
        )


class QuickAnalysis(AnalysisStage):
    """Stage 3 without a thought: what the seed says for this market and hour, whatever stage 1 has allowed."""

    def __init__(self, opinion: SeedOpinion) -> None:
        self._opinion = opinion

    def run(self, cycle: Cycle, clearance: RiskClearance, snapshot: MarketSnapshot) -> TradePlan:
        self._opinion.on_asked()
        action, protection = self._opinion.of(cycle.market, cycle.opened_at), self._opinion.protection
        if action is Action.BUY and protection.trailing_distance_krw is not None:
            distance = snapshot.mark_krw * protection.trailing_distance_krw
            protection = replace(protection, trailing_distance_krw=distance)
        return TradePlan(
            decision=Decision(action=action, confidence=0.9, source="seed", reason=f"the seed says {action}"),
            indicators={},
            screen=None,
            protection=protection if action is Action.BUY else None,
            forced_exit=None,
            gates=(),
        )


@dataclass(slots=True)
class Counts:
    """What the guard tells of itself; it stands where the daemon has its metrics."""

    unprotected_s: float = 0.0
    failed_ticks: int = 0

    def error(self, kind: str) -> None:
        self.failed_ticks += 1

    def guard_tick(self, age_seconds: float) -> None:
        return

    def unprotected(self, seconds: float) -> None:
        self.unprotected_s += seconds

    def clock_skew(self, seconds: float) -> None:
        return


@dataclass(frozen=True, slots=True)
class _Daemon:
    """What the guard's thread needs of the daemon's bot."""

    guard: object
    books: object
    clock: object
    metrics: object


class SimulatedBot(PaperBot):
    """A process: wired anew after each death from the journal that is left."""

    upbit: SimulatedUpbit

    def __init__(
        self,
        setup: Setup,
        *,
        clock: VirtualClock,
        upbit: SimulatedUpbit,
        journal: DyingJournal,
        counts: Counts,
        opinion: SeedOpinion,
        archive: MemoryCandleArchive | None,
    ) -> None:
        """With an `archive` stages 2 and 3 are the real ones, and the seed says no more than a model does."""
        self.setup = setup
        self.clock = clock
        self.upbit = upbit
        self.journal = self.simulated_journal = journal
        self.opinion = opinion
        self.archive = archive or MemoryCandleArchive()
        self.reports = []
        self._wire()
        if archive is None:
            self.pipeline._data = QuickData(upbit, clock)
            self.pipeline._analysis = QuickAnalysis(opinion)
        daemon = _Daemon(guard=self.guard, books=self.books, clock=clock, metrics=counts)
        self.guard_thread = GuardThread(cast(Bot, daemon), period_s=GUARD_PERIOD_S)
