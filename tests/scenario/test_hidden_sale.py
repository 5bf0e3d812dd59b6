"""A sale that happened and that nobody can see: whatever moves meanwhile, it is waited for and booked."""

from decimal import Decimal

from dg_bot.domain.events import Closing, IntentClosed
from tests.builders import assert_invariants, paper_bot
from tests.scenario.faulty_upbit import none_listed, not_found, reply_lost


def test_a_sale_that_was_never_seen_is_not_taken_for_absent_where_coins_and_won_have_moved() -> None:
    bot = paper_bot("1000 1000 | 940", holding="100 @ 1000")
    bot.upbit.on("submit", reply_lost)
    bot.upbit.always("find", not_found)
    bot.upbit.always("list_orders", none_listed)
    bot.guard.tick()
    bot.deposit("BTC", "150")
    bot.deposit("KRW", "-50000")

    for _ in range(10):
        bot.next_hour()
        bot.guard.tick()
    hidden = bot.books.intents.open_intents()
    bot.upbit.heal()
    bot.guard.tick()

    assert 1 == len(hidden)
    (closed,) = [
        event
        for event in bot.events(IntentClosed)
        if isinstance(event, IntentClosed) and event.identifier == hidden[0].identifier
    ]
    assert (Closing.EXECUTED, Decimal(100)) == (closed.closing, closed.executed_quantity)
    assert_invariants(bot)
