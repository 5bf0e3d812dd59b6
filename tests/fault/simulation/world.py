"""One run: a seed lives hour by hour, with cycles, guard ticks, deaths and restarts."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from structlog.testing import capture_logs

from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.decision import Action
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO, product
from dg_bot.errors import BotError, InvariantViolated
from dg_bot.execution.planner import PlannerLimits
from dg_bot.remembered import Remembered
from dg_bot.simulator.ledger import Ledger
from tests.builders import NAMESPACE, Setup
from tests.fault.simulation.bot import GUARD_PERIOD_S, Counts, SeedOpinion, SimulatedBot
from tests.fault.simulation.checker import Checker
from tests.fault.simulation.clock import START, WorldClock
from tests.fault.simulation.drawn import (
    drawn_limits,
    drawn_listings,
    drawn_opinions,
    drawn_protection,
    drawn_split,
    quiet_archive,
)
from tests.fault.simulation.figures import Figures
from tests.fault.simulation.journal import DyingFile, DyingJournal, OnDurable
from tests.fault.simulation.owner import Owner
from tests.fault.simulation.plan import FaultPlan, Kind, drawn_plan
from tests.fault.simulation.projections import Followers
from tests.fault.simulation.trouble import Killed, Trouble
from tests.fault.simulation.venue import SimulatedUpbit
from tests.fault.simulation.violation import Violation

CALM_HOURS = 4
_KRW = Decimal(10_000_000)
_OUTBOX_HOURS = 6
_UNWATCHED_TICKS = 3
Change = Callable[[SimulatedBot], None]


class World:
    """Everything of one seed. `change` alters each new process, to show that the checks can see."""

    def __init__(
        self,
        seed: int,
        hours: int,
        *,
        plan: FaultPlan | None = None,
        change: Change | None = None,
        folder: Path | None = None,
        death_at: tuple[int, str] | None = None,
        is_traced: bool = False,
    ) -> None:
        """With a `folder` the journal is the real file in it, and data and analysis are the real stages."""
        dice = random.Random(f"{seed}:world")
        self._hours = hours
        self._change = change
        self.plan = drawn_plan(seed, hours) if plan is None else plan
        self.clock = WorldClock()
        self.trouble = Trouble(
            seed=seed, plan=self.plan, elapsed_s=self.clock.monotonic_s, death_at=death_at, is_traced=is_traced
        )
        listings = drawn_listings(dice, hours + CALM_HOURS)
        markets = tuple(listing.market for listing in listings)
        self._listings = listings
        self._setup = Setup(markets=markets, limits=drawn_limits(dice), planner=PlannerLimits(split_above_krw=drawn_split(dice)))
        said = drawn_opinions(dice, markets, hours + CALM_HOURS, is_eager=folder is not None)
        self._opinion = SeedOpinion(said, drawn_protection(dice, self._setup.limits), START, self._think)
        self._archive = None if folder is None else quiet_archive(listings)
        ledger = Ledger(krw=_KRW)
        self.checker = Checker(ledger=ledger, namespace=NAMESPACE, limits=self._setup.limits, markets=markets)
        self.upbit = SimulatedUpbit(
            ledger=ledger, listings=listings, clock=self.clock, trouble=self.trouble, checker=self.checker
        )
        self.journal = _journal(
            folder, self.clock, self.trouble, self.checker.recorded, segment_records=dice.choice((50, 400, 1000))
        )
        self.followers = Followers(self.trouble, with_messages=Kind.MESSAGES_DOWN in self.plan.kinds)
        self._owner = Owner(trouble=self.trouble, upbit=self.upbit, checker=self.checker, ledger=ledger, markets=markets)
        self._counts = Counts()
        self._bot: SimulatedBot | None = None
        self._outbox_due = 0.0
        self._wake_s = 0.0
        self._unwatched: dict[Market, int] = {}
        self._threads: set[str] = set()
        self.clock.on_slept = self._interleave
        self.figures = Figures(seed=seed)

    def run(self) -> Figures:
        """Live through all hours and the calm after them; raises Violation."""
        with capture_logs():
            try:
                for at_s, is_cycle in self._moments():
                    self._enter_hour(at_s, is_cycle=is_cycle)
                    if self.clock.monotonic_s() > at_s + (3300 if is_cycle else 60):
                        continue
                    self.clock.move_to(max(at_s, self.clock.monotonic_s()))
                    if self._is_awake():
                        self._guarded(self._cycles if is_cycle else self._tick)
                    self._check()
                self._check_end()
            except InvariantViolated as error:
                raise Violation("program", str(error)) from error
        return self._counted()

    # Time

    def _moments(self) -> Iterator[tuple[float, bool]]:
        """Give the moments of cycles, five seconds into each hour, and of ticks, each ten minutes and at a jump of the price."""
        total = (self._hours + CALM_HOURS) * 3600
        jumps = {second + 1 for listing in self._listings for second in listing.path.jumps if second < total}
        ticks = {second + 20 for second in range(0, total, int(GUARD_PERIOD_S))}
        yield from sorted(
            [(float(second), False) for second in jumps | ticks] + [(float(hour + 5), True) for hour in range(0, total, 3600)]
        )

    def _enter_hour(self, at_s: float, *, is_cycle: bool) -> None:
        if not is_cycle:
            return
        hour = int(at_s // 3600)
        if hour == self._hours:
            self._end_trouble()
        if hour >= self._hours:
            self._declare()
        self.trouble.enter_hour(hour)
        if hour < self._hours:
            self._owner.act(hour)
            if self._bot is not None:
                bot = self._bot
                self._guarded(lambda: self._owner.operate(bot, self.clock.monotonic_s()))
            self._weather()

    def _weather(self) -> None:
        """Let the clock go wrong."""
        self.clock.error_s, self.clock.skew = 0.0, 0.0
        if self.trouble.is_due(Kind.CLOCK_SKEW):
            error = self.trouble.dice(Kind.CLOCK_SKEW).choice((-90.0, -2.0, 1.5, 45.0))
            self.clock.error_s, self.clock.skew = error, error
        if self.trouble.is_due(Kind.CLOCK_JUMP):
            hours = self.trouble.dice(Kind.CLOCK_JUMP).choice((0.4, 1.0, 3.0))
            self.trouble.note(f"the clock jumps {hours} h forward")
            self.clock.move_to(self.clock.monotonic_s() + hours * 3600)

    # The process

    def _is_awake(self) -> bool:
        """Tell whether a process lives, starting one where it is time for it."""
        if self._bot is None and self.clock.monotonic_s() >= self._wake_s:
            self._guarded(self._start)
        return self._bot is not None

    def _start(self) -> None:
        self.figures.restarts += 1
        self.trouble.note("a process starts")
        self.trouble.enter("start")
        self.journal.reopen()
        bot = SimulatedBot(
            self._setup,
            clock=self.clock,
            upbit=self.upbit,
            journal=self.journal,
            counts=self._counts,
            opinion=self._opinion,
            archive=self._archive,
        )
        if self._change is not None:
            self._change(bot)
        self._bot = bot
        self.followers.begin(self.journal, self.clock)
        with suppress(BotError):
            bot.reconciler.open_account()
        bot.guard_thread.tick()
        self.checker.check(bot.state, self.clock.now())
        if self.figures.restarts > 1:
            self._cycles()

    def _guarded(self, act: Callable[[], None]) -> None:
        """Do something that the process may not survive."""
        try:
            act()
        except Killed:
            self.figures.deaths += 1
            self._threads.clear()
            self._bot = None
            away_s = 20.0
            if self.trouble.is_due(Kind.LONG_ABSENCE):
                away_s = self.trouble.dice(Kind.LONG_ABSENCE).uniform(600, 6 * 3600)
            self._wake_s = self.clock.monotonic_s() + away_s

    def _cycles(self) -> None:
        bot = self._bot
        assert bot is not None
        with suppress(BotError):
            bot.reconciler.open_account()
            for market in self._setup.markets:
                self._cycle(bot, market)
        if self.clock.monotonic_s() >= self._outbox_due or self.trouble.is_over:
            self._outbox_due = self.clock.monotonic_s() + _OUTBOX_HOURS * 3600
            self.followers.flush()
        bot.books.compact()

    def _cycle(self, bot: SimulatedBot, market: Market) -> None:
        self._threads.add("cycle")
        for _ in range(2):
            try:
                bot.pipeline.run_cycle(Cycle(market=market, opened_at=HOUR.floor(self.clock.now())))
            except InvariantViolated:
                raise
            except BotError as error:
                self.trouble.note(f"the cycle broke: {error}")
            if not self.trouble.is_due(Kind.SECOND_CYCLE):
                break
        self._threads.discard("cycle")

    def _interleave(self) -> None:
        """Let the other thread act while this one sleeps without holding the account."""
        bot = self._bot
        if bot is None or not self._threads or self._is_held(bot) or not self.trouble.is_due(Kind.INTERLEAVED):
            return
        if "guard" not in self._threads:
            self.trouble.note("the guard ticks meanwhile")
            self._tick()
        elif "cycle" not in self._threads:
            self.trouble.note("a cycle runs meanwhile")
            self._cycle(bot, self._setup.markets[0])

    @staticmethod
    def _is_held(bot: SimulatedBot) -> bool:
        is_owned: bool = bot.books._deciding._is_owned()  # type: ignore[attr-defined]
        return is_owned

    def _tick(self) -> None:
        bot = self._bot
        assert bot is not None
        self._threads.add("guard")
        failed, faults = self._counts.failed_ticks, sum(self.trouble.happened.values())
        stops = {market: self.checker.stop_krw(market) for market in self.checker.held}
        prices = {market: self.upbit.price(market) for market in stops}
        bot.guard_thread.tick()
        self._threads.discard("guard")
        is_clean = failed == self._counts.failed_ticks and faults == sum(self.trouble.happened.values())
        self._watch(stops, prices, is_clean=is_clean)

    def _watch(self, stops: dict[Market, Decimal | None], prices: dict[Market, Decimal], *, is_clean: bool) -> None:
        """I10: a tick that nothing disturbed leaves no position below its stop, as long as it can be sold."""
        for market, stop in stops.items():
            held = self.checker.held.get(market)
            is_due = stop is not None and prices[market] < stop and held is not None and self.checker.stop_krw(market) is not None
            if not is_due or held is None or product(held.quantity, prices[market]) < Decimal(6000):
                self._unwatched.pop(market, None)
                continue
            if not is_clean or self.checker.undeclared[market.base] != ZERO:
                continue
            self._unwatched[market] = self._unwatched.get(market, 0) + 1
            if self._unwatched[market] >= _UNWATCHED_TICKS:
                raise Violation("I10", f"{market} is below its stop of {stop} for {_UNWATCHED_TICKS} good ticks, and held")

    def _think(self) -> None:
        """Let the model take its time, with the guard at work meanwhile, as its thread is."""
        if not self.trouble.is_due(Kind.SLOW_MODEL):
            return
        for _ in range(self.trouble.dice(Kind.SLOW_MODEL).randrange(1, 9)):
            self.clock.sleep(GUARD_PERIOD_S)
            if "guard" not in self._threads:
                self._tick()

    # The checks

    def _check(self) -> None:
        self.checker.check(None if self._bot is None else self._bot.state, self.clock.now())

    def _end_trouble(self) -> None:
        """Let nothing more go wrong."""
        self.trouble.end()
        self.clock.error_s = self.clock.skew = 0.0
        self._opinion.said = {market: [Action.HOLD] for market in self._setup.markets}
        self.upbit.owner_cancels()

    def _declare(self) -> None:
        """Let the owner explain everything, as soon as a program is there to hear it."""
        if self._is_awake() and self._bot is not None:
            bot = self._bot
            self._guarded(lambda: self._owner.declare(bot))

    def _check_end(self) -> None:
        """I20: some calm hours after the last trouble everything is settled, told and remembered the same."""
        for _ in range(3):
            self.clock.sleep(3600)
            if self._is_awake():
                self._guarded(self.followers.flush)
        bot = self._bot
        assert bot is not None
        self.checker.check_settled()
        records = list(self.journal.records())
        self.followers.check_delivered(records)
        remembered = Remembered()
        for record in records:
            remembered = remembered.after(record)
        if remembered != bot.books.remembered:
            raise Violation("I12", "what is remembered is not what the whole journal folds to")

    def _counted(self) -> Figures:
        figures = self.figures
        figures.hours = self._hours + CALM_HOURS
        figures.port_calls = self.trouble.calls
        figures.faults = sum(self.trouble.happened.values()) - figures.deaths
        figures.orders = self.checker.orders_accepted
        figures.requests = self.upbit.posts
        figures.ambiguous_sends = self.upbit.ambiguous
        figures.unprotected_hours = self._counts.unprotected_s / 3600
        figures.crash_points = self.trouble.crash_points
        figures.digest = self.trouble.digest
        return figures


def _journal(
    folder: Path | None, clock: WorldClock, trouble: Trouble, on_durable: OnDurable, *, segment_records: int
) -> DyingJournal:
    if folder is not None:
        return DyingFile(path=folder / "journal.jsonl", now=clock.now, trouble=trouble, on_durable=on_durable)
    return DyingJournal(now=clock.now, trouble=trouble, on_durable=on_durable, segment_records=segment_records)
