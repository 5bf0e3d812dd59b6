from decimal import Decimal

import pytest

from dg_bot.domain.events import AccountOpened, IntentPlanned
from dg_bot.domain.portfolio import Balance
from dg_bot.pipeline.account import unexplained_differences
from dg_bot.risk.state import RiskState, after
from tests.builders import BTC, ETH, paper_bot
from tests.journal_records import planned_buy, planned_sell, record


def opened(**balances: str) -> RiskState:
    held = tuple(Balance(currency, Decimal(amount), Decimal(0)) for currency, amount in balances.items())
    return after(RiskState(), record(1, AccountOpened(balances=held)))


def at_venue(**balances: str) -> dict[str, Balance]:
    return {currency: Balance(currency, Decimal(amount), Decimal(0)) for currency, amount in balances.items()}


def test_equal_balances_have_no_difference() -> None:
    assert {} == unexplained_differences(opened(KRW="100", BTC="1"), at_venue(KRW="100", BTC="1"), (BTC,))


def test_before_the_first_start_nothing_is_expected() -> None:
    assert {} == unexplained_differences(RiskState(), at_venue(KRW="100", BTC="1"), (BTC,))


def test_what_is_locked_counts_as_held() -> None:
    balances = {"KRW": Balance("KRW", Decimal(60), Decimal(40))}

    assert {} == unexplained_differences(opened(KRW="100"), balances, (BTC,))


@pytest.mark.parametrize(
    ("venue", "expected"),
    [
        ({"KRW": "100.01"}, {}),
        ({"KRW": "100.011"}, {"KRW": Decimal("0.011")}),
        ({"KRW": "99.99"}, {}),
        ({"KRW": "99.98"}, {"KRW": Decimal("-0.02")}),
        ({"KRW": "100", "BTC": "0.00000001"}, {"BTC": Decimal("0.00000001")}),
    ],
)
def test_won_may_differ_by_the_venues_rounding_and_coins_by_nothing(venue: dict[str, str], expected: dict[str, Decimal]) -> None:
    assert expected == unexplained_differences(opened(KRW="100"), at_venue(**venue), (BTC,))


def test_a_coin_that_the_bot_neither_trades_nor_holds_is_nobodys_business() -> None:
    assert {} == unexplained_differences(opened(KRW="100"), at_venue(KRW="100", DOGE="5"), (BTC, ETH))


@pytest.mark.parametrize("plan", [planned_buy(), planned_sell()], ids=["buy", "sell"])
def test_currencies_of_an_open_order_are_left_out_and_others_are_not(plan: IntentPlanned) -> None:
    state = after(opened(KRW="100"), record(2, plan))

    assert {"ETH": Decimal(2)} == unexplained_differences(state, at_venue(KRW="1", BTC="9", ETH="2"), (BTC, ETH))


def test_a_difference_is_looked_at_twice_when_it_is_first_seen_and_when_it_changes() -> None:
    bot = paper_bot()
    bot.deposit("KRW", "-1000")

    pauses = []
    for change in (None, None, "-500", None):
        if change is not None:
            bot.deposit("KRW", change)
        bot.account.view()
        pauses.append(len(bot.clock.slept))

    assert [1, 1, 2, 2] == pauses
    assert {"KRW": Decimal(-1500)} == bot.account.view().unexplained


def test_a_difference_that_went_away_is_looked_at_twice_when_it_comes_back() -> None:
    bot = paper_bot()

    for amount in ("-1000", "1000", "-1000"):
        bot.deposit("KRW", amount)
        bot.account.view()

    assert 2 == len(bot.clock.slept)
    bot.declare("KRW", "-1000")
