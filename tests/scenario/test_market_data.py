"""Data that cannot be trusted, and data that is merely late."""

from datetime import timedelta

import pytest

from dg_bot.domain.candle import Candle
from dg_bot.domain.cycle_report import Outcome, Stage
from tests.builders import BTC, ETH, PaperBot, paper_bot
from tests.scenario.faulty_upbit import Call, Fault, garbled, on_market, unavailable

HELD = "100 @ 1000"


def reason(bot: PaperBot) -> str:
    return bot.reports[-1].reason


def withheld(bot: PaperBot, seconds: float) -> Fault:
    """Show the last closed candle and those after it only after some time."""
    until = bot.clock.now() + timedelta(seconds=seconds)
    hour = bot.clock.now().replace(minute=0, second=0, microsecond=0)

    def act(method: Call, *args: object) -> list[Candle]:
        page: list[Candle] = method(*args)
        late = hour - timedelta(hours=1)
        return [candle for candle in page if candle.opened_at < late or bot.clock.now() >= until]

    return act


@pytest.mark.parametrize(
    ("late_s", "outcome"), [(1, Outcome.TRADED), (29, Outcome.TRADED), (30, Outcome.TRADED), (32, Outcome.HALTED)]
)
def test_a_late_candle_is_read_again_every_two_seconds_for_up_to_thirty(late_s: float, outcome: Outcome) -> None:
    bot = paper_bot("1000 1000", says="buy")
    bot.upbit.always("candles", withheld(bot, late_s))

    report = bot.run_cycle()

    assert outcome is report.outcome
    assert {2.0} == {pause for pause in bot.clock.slept if pause != 0.2}


def test_an_hour_without_trades_that_the_venue_has_gone_past_is_not_waited_for() -> None:
    bot = paper_bot("1000 - | 1000", says="buy")

    report = bot.run_cycle()

    assert (Outcome.HALTED, []) == (report.outcome, bot.clock.slept)


def test_an_hour_without_trades_in_a_market_that_stands_still_is_waited_for() -> None:
    bot = paper_bot("1000 - | -", says="buy")

    bot.run_cycle()

    assert 30.0 == sum(bot.clock.slept)


def test_b02_a_market_that_takes_no_orders_gets_no_entry() -> None:
    bot = paper_bot(says="buy")
    bot.venue.set_offline(BTC, True)

    report = bot.run_cycle()

    assert report.reason.startswith("data.market_active")
    assert 0 == bot.upbit.calls("submit")


def test_b02_an_exit_on_a_market_that_takes_no_orders_is_tried_until_it_does() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.venue.set_offline(BTC, True)
    for _ in range(3):
        bot.guard.tick()
        bot.wait(30)
    assert [] == bot.placed()

    bot.venue.set_offline(BTC, False)
    bot.guard.tick()

    assert ["sell KRW-BTC 100"] == bot.placed()


def test_a_market_that_is_not_listed_halts_its_cycle() -> None:
    bot = paper_bot(says="buy", markets=(BTC, ETH))

    report = bot.run_cycle(ETH)

    assert (Outcome.HALTED, "listed: the venue does not list KRW-ETH") == (report.outcome, report.reason)


def test_a_reference_market_that_is_not_listed_is_no_objection() -> None:
    bot = paper_bot({ETH: "500 500"}, says="buy")

    assert Outcome.TRADED is bot.run_cycle(ETH).outcome


@pytest.mark.parametrize("fault", [garbled, unavailable])
def test_a_reference_market_whose_candles_fail_blocks_entries_and_no_sale(fault: Fault) -> None:
    markets = {BTC: "1000 1000", ETH: "500 500"}
    buyer, seller = paper_bot(markets, says="buy"), paper_bot(markets, holding={ETH: "200 @ 500"}, says="sell")
    for bot in (buyer, seller):
        bot.upbit.always("candles", on_market(BTC, fault))
        bot.run_cycle(ETH)

    assert reason(buyer).startswith("data.reference KRW-BTC")
    assert ([], ["sell KRW-ETH 200"]) == (buyer.placed(), seller.placed())


def test_a_stale_reference_market_blocks_entries() -> None:
    bot = paper_bot({BTC: "1000 - | 1000", ETH: "500 500"}, says="buy")

    bot.run_cycle(ETH)

    assert reason(bot).startswith("data.reference KRW-BTC: 2026-11-20T10:00Z")


@pytest.mark.parametrize("operation", ["notices", "candles", "order_book", "rules"])
def test_b01_a_read_that_fails_fails_the_cycle_and_nothing_else(operation: str) -> None:
    bot = paper_bot("1000 1000", says="buy")
    bot.upbit.always(operation, unavailable)

    report = bot.run_cycle()

    assert (Outcome.FAILED, 0) == (report.outcome, bot.upbit.calls("submit"))
    bot.upbit.heal()
    assert Outcome.TRADED is bot.run_cycle().outcome


@pytest.mark.parametrize("operation", ["balances", "last_prices"])
def test_b01_an_account_that_cannot_be_read_fails_the_cycle_without_a_state(operation: str) -> None:
    bot = paper_bot("1000 1000", says="buy")
    bot.upbit.always(operation, unavailable)

    report = bot.run_cycle()

    assert (Outcome.FAILED, Stage.RISK_CHECK, None) == (report.outcome, report.stage, report.state)


def test_one_market_that_fails_does_not_stop_another() -> None:
    bot = paper_bot({BTC: "1000 1000", ETH: "500 500"}, says="buy")
    bot.upbit.always("order_book", on_market(BTC, unavailable))

    assert Outcome.FAILED is bot.run_cycle(BTC).outcome
    assert Outcome.TRADED is bot.run_cycle(ETH).outcome


def test_closed_hours_are_asked_for_once() -> None:
    bot = paper_bot("1000 1000")
    bot.run_cycle()
    before = bot.upbit.calls("candles")
    bot.next_hour()

    bot.run_cycle()

    assert 1 == bot.upbit.calls("candles") - before


def test_a_known_empty_hour_is_not_asked_for_again() -> None:
    bot = paper_bot(" ".join(["1000", "-", *["1000"] * 10]))
    bot.run_cycle()
    bot.next_hour()
    before = bot.upbit.calls("candles")

    bot.run_cycle()

    assert 1 == bot.upbit.calls("candles") - before
