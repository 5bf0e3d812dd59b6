"""How long open orders are waited for: the patience of one for all together, and a moment for those that are old."""

from datetime import timedelta

import pytest

from dg_bot.execution.intent import Intent
from dg_bot.pipeline.order_settlement import PATIENCE_S
from tests.builders import BTC, ETH, PaperBot, paper_bot
from tests.scenario.faulty_upbit import none_listed, not_found, reply_lost

FIVE_MINUTES = timedelta(minutes=5)


def with_hidden_order() -> tuple[PaperBot, Intent]:
    """Let a buy be placed that nobody can see."""
    bot = paper_bot({BTC: "1000 1000", ETH: "1000 1000"}, says="buy")
    bot.upbit.on("submit", reply_lost)
    bot.upbit.always("find", not_found)
    bot.upbit.always("list_orders", none_listed)
    bot.run_cycle()
    (intent,) = bot.books.intents.open_intents()
    return bot, intent


def waited_s(bot: PaperBot) -> float:
    started = bot.clock.monotonic_s()
    bot.reconciler.settle_open(None)
    return bot.clock.monotonic_s() - started


@pytest.mark.parametrize(
    ("age", "least_s", "most_s"),
    [
        (FIVE_MINUTES - timedelta(seconds=1), PATIENCE_S, PATIENCE_S + 2),
        (FIVE_MINUTES, 1.0, 3.0),
        (FIVE_MINUTES + timedelta(hours=1), 1.0, 3.0),
    ],
)
def test_an_old_order_gets_a_moment_and_a_fresh_one_its_patience(age: timedelta, least_s: float, most_s: float) -> None:
    bot, intent = with_hidden_order()
    bot.clock.at = intent.planned_at + age

    assert least_s <= waited_s(bot) <= most_s


def test_only_the_market_that_is_meant_is_asked_about() -> None:
    bot, _ = with_hidden_order()
    asked = bot.upbit.calls("find")

    bot.reconciler.settle_open(None, ETH)
    elsewhere = bot.upbit.calls("find") - asked
    bot.reconciler.settle_open(None, BTC)

    assert 0 == elsewhere
    assert bot.upbit.calls("find") > asked
