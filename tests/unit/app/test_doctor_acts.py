"""What only the operator may do: leave safe mode, declare what was moved, give coins to the bot."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.app.adoption import adopt
from dg_bot.app.declaration import Whose, declare
from dg_bot.app.operator_acts import resume
from dg_bot.domain.events import Answer, Closing, IntentSending, PositionAdopted, SafeModeEntered, SafeModeLeft, TransferDeclared
from dg_bot.domain.market import Market
from dg_bot.domain.order import VenueState
from dg_bot.errors import ConfigurationError, ExchangeUnavailable, StateError, UnsafeSetup
from dg_bot.execution.intent import DUPLICATE
from tests.builders import protection
from tests.journal_records import BTC, BUY_ID, NOON, SELL_ID, answered, bought, closed, planned_buy, planned_sell
from tests.postgres import rows
from tests.unit.app.ward import MILLION, Ward, at_venue

Act = Callable[[Ward], object]
ACTS: dict[str, Act] = {
    "resume": lambda ward: resume(ward.settings, ward.access),
    "declare": lambda ward: declare(ward.settings, ward.access, note="moved"),
    "adopt": lambda ward: adopt(ward.settings, ward.access, market=BTC),
}


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path / "data")


def declared(ward: Ward, currency: str | None = None, amount: str | None = None) -> list[str]:
    return declare(
        ward.settings, ward.access, note="moved", currency=currency, amount=None if amount is None else Decimal(amount)
    )


def adopted(ward: Ward, *, amount: str | None = None, cost: str | None = None, market: Market = BTC) -> list[str]:
    decimals = [None if text is None else Decimal(text) for text in (amount, cost)]
    return adopt(ward.settings, ward.access, market=market, amount=decimals[0], cost_krw=decimals[1])


def transfer(currency: str, amount: str, note: str = "moved") -> TransferDeclared:
    return TransferDeclared(currency=currency, amount=Decimal(amount), note=note)


# All of them


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_act_on_a_folder_in_which_nothing_ran_is_refused_and_leaves_none(ward: Ward, act: Act) -> None:
    with pytest.raises(StateError, match="has not run yet"):
        act(ward)

    assert not ward.settings.data_folder.exists()


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_act_on_a_journal_that_was_cut_is_refused_and_changes_nothing(ward: Ward, act: Act) -> None:
    ward.lived(SafeModeEntered(reason="daily_loss"), *bought("0.5", "1000"))
    path = ward.settings.state_folder / "journal.jsonl"
    cut = b"".join(path.read_bytes().splitlines(keepends=True)[:2])
    path.write_bytes(cut)
    state = (ward.settings.state_folder / "risk_state.json").read_bytes()

    with pytest.raises(StateError, match="the journal was lost or cut"):
        act(ward)

    assert (cut, state) == (path.read_bytes(), (ward.settings.state_folder / "risk_state.json").read_bytes())


def test_all_is_well_right_after_an_act_because_its_row_is_written_first(tmp_path: Path, database: str) -> None:
    ward = Ward(tmp_path / "data", database=database)
    ward.lived(rows=0)
    ward.held["KRW"] += 5

    declared(ward)

    assert ward.findings().is_well
    assert [("transfer declared: 5 KRW",)] == rows(database, "SELECT message FROM system_logs")


def test_an_act_whose_row_cannot_be_written_is_done_all_the_same(ward: Ward) -> None:
    ward.lived(SafeModeEntered(reason="daily_loss"))

    resume(ward.settings, ward.access)

    assert ["database"] == [item.name for item in ward.degraded]


# Safe mode


def test_the_operator_leaves_safe_mode_and_is_told_what_it_was_for(ward: Ward) -> None:
    ward.lived(SafeModeEntered(reason="daily_loss"))

    told = resume(ward.settings, ward.access)

    assert [SafeModeEntered(reason="daily_loss"), SafeModeLeft(by="operator")] == ward.events
    assert "daily_loss" in told[0]


def test_leaving_safe_mode_outside_of_it_records_nothing_and_says_so(ward: Ward) -> None:
    ward.lived()

    assert ["Safe mode is off: there was nothing to leave."] == resume(ward.settings, ward.access)
    assert [] == ward.events


# Declaring


def test_each_difference_is_declared_and_shown_with_its_amount(ward: Ward) -> None:
    ward.lived()
    ward.held |= {"KRW": MILLION + 5, "BTC": Decimal("0.1"), "ETH": Decimal(2)}

    told = declared(ward)

    assert [transfer("BTC", "0.1"), transfer("ETH", "2"), transfer("KRW", "5")] == ward.events
    assert ["Declared BTC +0.1:", "Declared ETH +2:", "Declared KRW +5:"] == [line[: line.index(":") + 1] for line in told]
    assert {} == ward.findings().differences


def test_an_account_that_matches_leaves_nothing_to_declare(ward: Ward) -> None:
    ward.lived()

    assert ["The account matches the books: there was nothing to declare."] == declared(ward)
    assert ["BTC matches the books: there was nothing to declare."] == declared(ward, "BTC", "0.1")
    assert [] == ward.events


def test_one_difference_is_declared_and_the_others_stay(ward: Ward) -> None:
    ward.lived()
    ward.held |= {"KRW": MILLION + 5, "BTC": Decimal("0.1")}

    declared(ward, "BTC", "0.1")

    assert [transfer("BTC", "0.1")] == ward.events
    assert {"KRW": Decimal(5)} == ward.findings().differences


@pytest.mark.parametrize("amount", ["0.09999999", "0.10000001", "-0.1"])
def test_a_difference_that_is_not_the_amount_named_is_not_declared(ward: Ward, amount: str) -> None:
    ward.lived()
    ward.held["BTC"] = Decimal("0.1")

    with pytest.raises(UnsafeSetup, match=r"BTC differs by \+0.1 and not by"):
        declared(ward, "BTC", amount)
    assert [] == ward.events


def test_a_currency_that_is_not_compared_cannot_be_declared(ward: Ward) -> None:
    ward.lived()
    ward.held["DOGE"] = Decimal(5)

    with pytest.raises(UnsafeSetup, match="DOGE is not compared"):
        declared(ward, "DOGE", "5")


def unseen_sale(ward: Ward, error_name: str = "connect_failed") -> None:
    """The bot's sale of 10 BTC has reached nobody, and its owner sold them by hand; an hour and a second have passed."""
    ward.lived(
        *bought("10", "1000"),
        planned_sell(quantity="10"),
        IntentSending(identifier=SELL_ID),
        answered(Answer.UNKNOWN, SELL_ID, error_name=error_name),
    )
    ward.clock.at = NOON + timedelta(hours=1, seconds=2)


def test_an_order_that_the_venue_has_never_shown_ends_with_what_its_owner_declares(ward: Ward) -> None:
    unseen_sale(ward)

    told = declared(ward)

    assert [
        replace(closed(SELL_ID), closing=Closing.NEVER_ACCEPTED),
        transfer("BTC", "-10"),
        transfer("KRW", "10000"),
    ] == ward.events[-3:]
    assert [f"Ended order {SELL_ID}: the venue has never shown it.", "The bot owns 0 BTC now."] == [told[0], told[2]]
    assert ((), {}, {}) == (ward.findings().open_intents, ward.findings().differences, dict(ward.findings().state.positions))


@pytest.mark.parametrize("known", ["an hour", "duplicate", "listed"])
def test_an_order_that_may_yet_show_itself_is_not_declared_away(ward: Ward, known: str) -> None:
    unseen_sale(ward, DUPLICATE if known == "duplicate" else "connect_failed")
    if known == "an hour":
        ward.clock.at -= timedelta(seconds=1)
    if known == "listed":
        ward.listed = [at_venue(SELL_ID, executed="0")]
    recorded = ward.events

    with pytest.raises(UnsafeSetup, match=f"order {SELL_ID} has no end yet; let the bot run until it is settled, for an hour"):
        declared(ward)

    assert recorded == ward.events


def test_an_order_that_nobody_has_seen_stays_where_nothing_is_declared(ward: Ward) -> None:
    unseen_sale(ward)
    ward.held |= {"KRW": MILLION - 10_000, "BTC": Decimal(10)}
    recorded = ward.events

    assert ["The account matches the books: there was nothing to declare."] == declared(ward)
    assert recorded == ward.events


def beside_the_owners(ward: Ward, gone: str) -> None:
    """The bot has bought 10 BTC beside 3 of its owner's, and `gone` of them all have left."""
    ward.lived(*bought("10", "1000"), opened={"BTC": "3"})
    ward.held |= {"KRW": MILLION - 10_000, "BTC": Decimal(13) - Decimal(gone)}


def test_coins_that_left_are_not_declared_until_the_operator_says_whose_they_were(ward: Ward) -> None:
    beside_the_owners(ward, "2")
    recorded = ward.events

    with pytest.raises(UnsafeSetup, match="BTC -2: the bot owned 10 of it, and you 3; say whose left: --whose bot, or"):
        declared(ward)

    assert recorded == ward.events


@pytest.mark.parametrize(
    ("whose", "gone", "left"),
    [(Whose.BOT, "2", "8"), (Whose.BOT, "10", "0"), (Whose.BOT, "11", "0"), (Whose.MINE, "2", "10"), (Whose.MINE, "5", "8")],
)
def test_what_left_was_whose_the_operator_says(ward: Ward, whose: Whose, gone: str, left: str) -> None:
    beside_the_owners(ward, gone)

    told = declare(ward.settings, ward.access, note="sold by hand", whose=whose)

    assert replace(transfer("BTC", f"-{gone}", "sold by hand"), of_position=whose is Whose.BOT) == ward.events[-1]
    assert f"The bot owns {left} BTC now." == told[-1]
    assert Decimal(left) == sum(position.quantity for position in ward.findings().state.positions.values())
    assert {} == ward.findings().differences


def test_coins_that_came_in_and_coins_of_one_owner_need_no_such_word(ward: Ward) -> None:
    ward.lived(*bought("10", "1000"))
    ward.held |= {"KRW": MILLION - 10_000, "BTC": Decimal(8)}

    declared(ward)
    ward.held["BTC"] += 5
    declared(ward)

    assert [transfer("BTC", "-2"), transfer("BTC", "5")] == ward.events[-2:]


@pytest.mark.parametrize(("currency", "amount"), [(None, None), ("KRW", "5"), ("BTC", "0.1")])
def test_nothing_is_declared_that_an_open_order_may_explain(ward: Ward, currency: str | None, amount: str | None) -> None:
    ward.lived(replace(planned_buy(), protection=protection()), IntentSending(identifier=BUY_ID))
    ward.held |= {"KRW": MILLION + 5, "BTC": Decimal("0.1")}

    with pytest.raises(UnsafeSetup, match=f"order {BUY_ID} has no end yet"):
        declared(ward, currency, amount)
    assert 2 == len(ward.events)


def test_an_open_order_on_another_market_is_in_nobodys_way(ward: Ward) -> None:
    ward.lived(replace(planned_buy(), protection=protection()), IntentSending(identifier=BUY_ID))
    ward.held["ETH"] = Decimal(2)

    declared(ward, "ETH", "2")

    assert transfer("ETH", "2") == ward.events[-1]


@pytest.mark.parametrize(
    ("executed", "state"), [("0.5", VenueState.CLOSED), ("0", VenueState.OPEN), ("0", VenueState.UNKNOWN)], ids=str
)
def test_nothing_is_declared_while_the_venue_knows_more_of_our_orders_than_the_books(
    ward: Ward, executed: str, state: VenueState
) -> None:
    """A journal that was put back from an old copy does not know the order: it is settled, never explained away."""
    ward.lived()
    ward.held |= {"KRW": MILLION - 500, "BTC": Decimal("0.5")}
    ward.listed = [at_venue(executed=executed, state=state)]

    with pytest.raises(UnsafeSetup, match="is at the venue, and not so in the books"):
        declared(ward)
    assert [] == ward.events


def test_an_order_that_the_venue_executed_further_than_it_was_booked_is_not_declared_away(ward: Ward) -> None:
    ward.lived(*bought("0.5", "1000"))
    ward.held |= {"KRW": MILLION - 600, "BTC": Decimal("0.6")}
    ward.listed = [at_venue(executed="0.6")]

    with pytest.raises(UnsafeSetup, match="not so in the books"):
        declared(ward)


@pytest.mark.parametrize("identifier", [None, "another.KRW-BTC.20261120T12.entry.0.0", "demonstration.x"])
def test_orders_of_other_hands_explain_what_is_declared(ward: Ward, identifier: str | None) -> None:
    ward.lived(*bought("0.5", "1000"))
    ward.held |= {"KRW": MILLION - 600, "BTC": Decimal("0.6")}
    ward.listed = [at_venue(), at_venue(identifier, executed="0.1")]

    declared(ward)

    assert [transfer("BTC", "0.1"), transfer("KRW", "-100")] == ward.events[-2:]


def test_orders_that_ended_before_the_first_balances_are_in_those(ward: Ward) -> None:
    ward.lived()
    ward.held["KRW"] += 5
    ward.listed = [replace(at_venue(), created_at=NOON)]

    declared(ward)

    assert [transfer("KRW", "5")] == ward.events


def test_a_venue_that_does_not_answer_leaves_everything_undeclared(ward: Ward) -> None:
    ward.lived()
    ward.error = ExchangeUnavailable("accounts", "nobody answers")

    with pytest.raises(ExchangeUnavailable):
        declared(ward)
    assert [] == ward.events


# Adopting


def test_coins_that_were_there_at_the_first_start_are_adopted_at_the_price_of_now(ward: Ward) -> None:
    ward.lived(opened={"BTC": "20"})
    ward.held["BTC"] = Decimal(20)

    told = adopted(ward)

    [event] = ward.events
    assert isinstance(event, PositionAdopted)
    assert (BTC, Decimal(20), Decimal(1000), Decimal(1000)) == (event.market, event.quantity, event.cost_krw, event.mark_krw)
    [position] = ward.findings().state.positions.values()
    levels = position.levels
    assert (Decimal(20), Decimal(950), Decimal(1100)) == (position.quantity, levels.stop_krw, levels.target_krw)
    assert "Adopted 20 BTC at 1000 KRW each; no order was made." in told


def test_coins_that_came_in_later_are_declared_and_adopted(ward: Ward) -> None:
    ward.lived()
    ward.held["BTC"] = Decimal(20)

    told = adopted(ward, amount="15", cost="990")

    assert transfer("BTC", "20", "adopted") == ward.events[0]
    assert {} == ward.findings().differences
    [position] = ward.findings().state.positions.values()
    assert (Decimal(15), Decimal(990)) == (position.quantity, position.average_cost_krw)
    assert "Declared BTC +20, which had come in unexplained." == told[0]


def test_adopted_coins_join_what_is_held_at_a_common_cost(ward: Ward) -> None:
    ward.lived(*bought("10", "980"), opened={"BTC": "10"})
    ward.held |= {"KRW": MILLION - 9800, "BTC": Decimal(20)}

    adopted(ward, cost="1020")

    [position] = ward.findings().state.positions.values()
    assert (Decimal(20), Decimal(1000)) == (position.quantity, position.average_cost_krw)


def test_coins_that_the_owner_has_locked_are_left_to_him(ward: Ward) -> None:
    ward.lived(opened={"BTC": "30"})
    ward.held["BTC"], ward.locked["BTC"] = Decimal(20), Decimal(10)

    adopted(ward)

    assert Decimal(20) == ward.findings().state.positions[BTC].quantity


def test_where_nothing_is_the_owners_there_is_nothing_to_adopt(ward: Ward) -> None:
    ward.lived(*bought("0.5", "1000"))
    ward.held |= {"KRW": MILLION - 500, "BTC": Decimal("0.5")}

    assert ["The account holds no free BTC beyond what is the bot's: there was nothing to adopt."] == adopted(ward)
    assert 4 == len(ward.events)


@pytest.mark.parametrize(
    ("amount", "cost", "problem"),
    [
        ("20.00000001", None, "only 20 BTC are free"),
        ("4.99", None, "too little to be sold again"),
        (None, "1053", "would sell it at once"),
        (None, "909", "would sell it at once"),
    ],
)
def test_what_could_not_be_kept_is_not_adopted(ward: Ward, amount: str | None, cost: str | None, problem: str) -> None:
    ward.lived(opened={"BTC": "20"})
    ward.held["BTC"] = Decimal(20)

    with pytest.raises(UnsafeSetup, match=problem):
        adopted(ward, amount=amount, cost=cost)
    assert [] == ward.events


def test_coins_of_a_market_that_is_not_traded_are_not_adopted(ward: Ward) -> None:
    ward.lived(opened={"XRP": "500"})

    with pytest.raises(ConfigurationError, match="KRW-XRP is not one of MARKETS"):
        adopted(ward, market=Market("KRW-XRP"))


def test_nothing_is_adopted_while_coins_are_missing(ward: Ward) -> None:
    ward.lived(opened={"BTC": "20"})
    ward.held["BTC"] = Decimal(19)

    with pytest.raises(UnsafeSetup, match="BTC differs by -1; declare that first"):
        adopted(ward)


def test_nothing_is_adopted_while_an_order_on_the_market_is_open(ward: Ward) -> None:
    ward.lived(replace(planned_buy(), protection=protection()), IntentSending(identifier=BUY_ID), opened={"BTC": "20"})
    ward.held["BTC"] = Decimal(20)

    with pytest.raises(UnsafeSetup, match="has no end yet"):
        adopted(ward)
