"""The guard ticks in the midst of an order, at every moment in which the account is free, and the market falls just then."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from dg_bot.domain.order import Side
from dg_bot.errors import StateError
from dg_bot.execution.planner import PlannerLimits
from dg_bot.risk.limits import RiskLimits
from tests.builders import PaperBot, assert_invariants, paper_bot
from tests.scenario.faulty_upbit import Fault, booked, priced, reply_lost, request_lost, without_fills
from tests.scenario.order_bots import ticks

MOST_MOMENTS = 60
FAULTS: dict[str, tuple[str, Fault, int]] = {
    "no fault": ("find", lambda method, *args: method(*args), 1),
    "the second reply lost": ("submit", reply_lost, 2),
    "the second request lost": ("submit", request_lost, 2),
    "the second child's fills late": ("find", without_fills, 2),
}


class Intruder:
    """Acts once, at the nth moment in which another thread could take the account."""

    def __init__(self, bot: PaperBot, nth: int, act: Callable[[PaperBot], object], pool: ThreadPoolExecutor) -> None:
        self.has_acted = False
        self._bot, self._nth, self._act, self._pool = bot, nth, act, pool
        self._moments = 0
        self._sleep = bot.clock.sleep
        bot.clock.sleep = self._sleeping  # type: ignore[method-assign]
        bot.upbit.around = self._around

    def _sleeping(self, seconds: float) -> None:
        self._moment()
        self._sleep(seconds)
        self._moment()

    def _around(self, operation: str, call: Callable[[], Any]) -> Any:
        if not operation.startswith("append"):  # nobody else writes while a record is being written
            self._moment()
        return call()

    def _moment(self) -> None:
        if self.has_acted or not self._pool.submit(self._is_free).result(timeout=10):
            return
        self._moments += 1
        if self._moments == self._nth:
            self.has_acted = True
            self._act(self._bot)

    def _is_free(self) -> bool:
        try:
            with self._bot.books.locked(0.0):
                return True
        except StateError:
            return False


def falls(bot: PaperBot) -> None:
    """Let the market lose a tenth at once, and the guard look."""
    bot.upbit.always("last_prices", priced(BTC="900"))
    bot.upbit.always("order_book", booked(asks="901:100000", bids="900:100000"))
    bot.guard.tick()


def at_every_moment(make: Callable[[], PaperBot], check: Callable[[PaperBot], None]) -> int:
    """Run the same cycle with the market falling at its first moment, its second, and so on; gives how many there are."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        for nth in range(1, MOST_MOMENTS):
            bot = make()
            intruder = Intruder(bot, nth, falls, pool)
            bot.run_cycle()
            if not intruder.has_acted:
                return nth - 1
            ticks(bot, 10)
            assert_invariants(bot)
            assert {} == bot.state.open_plans
            check(bot)
    pytest.fail("it never came to its end")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_nothing_is_bought_any_more_once_the_guard_has_sold_within_a_split_entry(fault: tuple[str, Fault, int]) -> None:
    operation, what, nth = fault

    def make() -> PaperBot:
        bot = paper_bot(says="buy", planner=PlannerLimits(split_above_krw=Decimal(200_000)))
        bot.upbit.on(operation, what, first=nth)
        return bot

    def check(bot: PaperBot) -> None:
        sides = [order.side for order in bot.our_orders()]
        assert sorted(sides) == sides
        assert bot.position() is None

    assert at_every_moment(make, check) > 15


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_held_is_sold_exactly_once_when_the_guard_comes_into_a_split_sale(fault: tuple[str, Fault, int]) -> None:
    operation, what, nth = fault

    def make() -> PaperBot:
        limits = RiskLimits(sell_fraction=Decimal("0.6"))
        planner = PlannerLimits(split_above_krw=Decimal(100_000))
        bot = paper_bot(says="sell", holding="500 @ 1000", planner=planner, limits=limits)
        bot.upbit.on(operation, what, first=nth)
        return bot

    def check(bot: PaperBot) -> None:
        sold = [order.executed_volume for order in bot.our_orders() if order.side is Side.SELL]
        assert (Decimal(500), None) == (sum(sold), bot.position())

    assert at_every_moment(make, check) > 10
