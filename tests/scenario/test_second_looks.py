"""What the bot does where the second of two answers is missing or says something else."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from dg_bot.adapters.memory import MemoryJournal
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import HighestPriceRaised, PeriodOpened
from dg_bot.domain.screen import ScreenResult
from tests.builders import PaperBot, SeamedJournal, paper_bot, protection
from tests.scenario.faulty_upbit import not_found, priced, request_lost, unavailable
from tests.scenario.order_bots import closings, ticks

HELD = "100 @ 1000"


def later(bot: PaperBot, days: int = 1) -> None:
    """Let the bot sleep into another day."""
    bot.clock.at += timedelta(days=days)


def test_a_day_is_opened_only_where_a_second_look_succeeds() -> None:
    bot = paper_bot("1000 1000 | 1000", holding=HELD)
    bot.guard.tick()
    later(bot)
    opened = len(bot.events(PeriodOpened))
    bot.upbit.on("last_prices", unavailable, first=2)

    bot.guard.tick()
    kept = len(bot.events(PeriodOpened))
    ticks(bot, 1)

    assert (opened, opened + 1) == (kept, len(bot.events(PeriodOpened)))


def test_a_highest_price_that_a_second_look_does_not_show_is_not_remembered() -> None:
    bot = paper_bot("1000 1000 | 1000", holding=HELD, protection=protection(trailing_distance_krw="30"))
    bot.guard.tick()
    bot.upbit.on("last_prices", priced(BTC="1090"))

    bot.guard.tick()

    assert [] == bot.events(HighestPriceRaised)


def test_a_stop_sells_by_the_published_rules_where_the_venue_does_not_tell_its_own() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.upbit.always("rules", unavailable)

    bot.guard.tick()

    assert ["sell KRW-BTC 100"] == bot.placed()


def test_an_order_is_not_closed_as_never_made_while_the_balances_cannot_be_read() -> None:
    bot = paper_bot("1000 1000 | 1000 1000", says="buy")
    bot.upbit.on("submit", request_lost, last=99)
    bot.upbit.always("find", not_found)
    bot.run_cycle()
    bot.next_hour()
    bot.upbit.always("balances", unavailable)

    bot.reconciler.settle_open(None)
    unread = closings(bot)
    bot.upbit.heal()
    bot.reconciler.settle_open(None)

    assert ([], ["never_accepted"]) == (unread, closings(bot))


def test_a_first_start_without_earlier_orders_of_ours_begins_without_safe_mode() -> None:
    bot = paper_bot()
    bot.memory = MemoryJournal(bot.clock.now)
    bot.journal = SeamedJournal(bot.memory, bot.upbit)

    bot.restart()

    assert bot.state.safe_mode is None
    assert Decimal(10_000_000) == bot.state.expected_total("KRW")


def test_a_screen_that_passes_and_would_stake_nothing_buys_nothing() -> None:
    bot = paper_bot(says="buy")
    seen = bot.opinion.evaluate

    def losing(*given: object, **named: object) -> ScreenResult:
        result: ScreenResult = seen(*given, **named)  # type: ignore[arg-type]
        return replace(result, win_rate=0.2, payoff=1.0)

    bot.opinion.evaluate = losing  # type: ignore[method-assign]
    bot.rewire()

    report = bot.run_cycle()

    assert ([], Outcome.HALTED) == (bot.placed(), report.outcome)
    assert "size_fraction" in report.reason
