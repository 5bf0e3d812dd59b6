from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from dg_bot.backtesting.driftless import joined
from dg_bot.backtesting.luck import LuckLimits, LuckMeter, LuckQuestion
from dg_bot.backtesting.walks import driftless_walk
from dg_bot.domain.market import Market
from dg_bot.domain.screen import DriftlessPasses
from dg_bot.indicators.bars import Bars

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")
HOURS = driftless_walk(1, days=30)
DAY = datetime(2022, 1, 31, tzinfo=UTC)
H4 = 14_400


class Ticks:
    """A clock whose every look costs a second."""

    def __init__(self) -> None:
        self.second = 0.0

    def now(self) -> datetime:
        return DAY

    def monotonic_s(self) -> float:
        self.second += 1.0
        return self.second

    def offset_s(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


class Kept:
    """A store in memory."""

    def __init__(self, known: Mapping[Market, DriftlessPasses] | None = None) -> None:
        self.known = dict(known or {})

    def load(self) -> Mapping[Market, DriftlessPasses]:
        return self.known

    def save(self, known: Mapping[Market, DriftlessPasses]) -> None:
        self.known = dict(known)


class EverySecond:
    """Passes every second market that it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[Bars, Bars]] = []

    def __call__(self, bars: Bars, hours: Bars) -> bool:
        self.seen.append((bars, hours))
        return len(self.seen) % 2 == 0


LIMITS = LuckLimits(walks=10, budget_s=100.0, fewest_days=20)


def meter(store: Kept, limits: LuckLimits = LIMITS) -> LuckMeter:
    return LuckMeter(store=store, clock=Ticks(), limits=limits)  # type: ignore[arg-type]


def ask(
    luck: LuckMeter, market: Market = BTC, identity: str = "a", hours: Bars = HOURS, judge: EverySecond | None = None
) -> DriftlessPasses | None:
    return luck.known(LuckQuestion(market=market, identity=identity, hours=hours, bar_seconds=H4, judge=judge or EverySecond()))


def test_what_is_asked_for_is_measured_afterwards_and_kept() -> None:
    store, judge = Kept(), EverySecond()
    luck = meter(store)

    before = ask(luck, judge=judge)
    measured = luck.measure_next()
    known = ask(luck)

    assert (None, BTC) == (before, measured)
    assert known is not None
    assert (DAY, 10, 5, 0.5) == (known.measured_on, known.walks, known.passes, known.fraction)
    assert {BTC: known} == store.known
    assert known == ask(meter(store))


def test_the_judge_is_shown_bars_and_their_hours_of_markets_that_differ() -> None:
    judge = EverySecond()
    luck = meter(Kept())
    ask(luck, judge=judge)
    luck.measure_next()

    bars, hours = judge.seen[0]
    assert (joined(hours, H4).close == bars.close).all()
    assert 10 == len({float(hours.close[-1]) for _, hours in judge.seen})


def test_on_the_same_day_nothing_is_due_again() -> None:
    luck = meter(Kept())
    ask(luck)
    luck.measure_next()
    ask(luck)

    assert luck.measure_next() is None


def test_on_another_day_the_old_figure_is_told_until_the_new_one_is_there() -> None:
    luck = meter(Kept())
    ask(luck)
    luck.measure_next()
    tomorrow = replace(HOURS, opened_at=HOURS.opened_at + 86_400)

    old = ask(luck, hours=tomorrow)
    luck.measure_next()
    new = ask(luck, hours=tomorrow)

    assert old is not None
    assert new is not None
    assert [30, 31] == [old.measured_on.day - 1, new.measured_on.day + 30]
    assert old.seed != new.seed


def test_another_strategy_is_not_told_the_luck_of_this_one() -> None:
    luck = meter(Kept())
    ask(luck)
    luck.measure_next()

    assert ask(luck, identity="b") is None
    assert luck.measure_next() == BTC


def test_each_market_has_its_own() -> None:
    luck = meter(Kept())
    ask(luck)
    ask(luck, ETH)

    assert [BTC, ETH, None] == [luck.measure_next(), luck.measure_next(), luck.measure_next()]


def test_a_budget_that_ends_leaves_fewer_walks_and_says_so() -> None:
    luck = meter(Kept(), replace(LIMITS, budget_s=4.0))
    ask(luck)
    luck.measure_next()

    known = ask(luck)
    assert known is not None
    assert known.walks == 4


def test_nothing_is_kept_of_a_measurement_that_had_to_stop() -> None:
    store = Kept()
    luck = meter(store)
    ask(luck)

    luck.measure_next(has_to_stop=lambda: True)

    assert {} == store.known


def test_too_few_whole_days_are_not_measured() -> None:
    store = Kept()
    luck = meter(store, replace(LIMITS, fewest_days=30))
    ask(luck)
    luck.measure_next()

    assert {} == store.known
