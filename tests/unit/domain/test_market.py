import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.market import Market, MarketNotice, MarketRules, price_steps, published_rules, tick_size
from dg_bot.errors import ImpossibleValue
from tests.shared_data import shared

INSTANT = timedelta(microseconds=1)
PRICE_STEP = Decimal("0.000000001")
SECOND_POLICY = datetime(2024, 1, 28, 15, tzinfo=UTC)
THIRD_POLICY = datetime(2025, 7, 30, 16, tzinfo=UTC)
COARSE_COINS = datetime(2024, 10, 13, 15, tzinfo=UTC)
STABLE_COINS = datetime(2025, 3, 20, 15, tzinfo=UTC)

# Lowest price of a band and its tick, by the policy in force at that moment.
BANDS = {
    datetime(2023, 6, 1, tzinfo=UTC): (
        "2000000:1000 1000000:500 500000:100 100000:50 10000:10 1000:5 100:1 10:0.1 1:0.01 0.1:0.001 0:0.0001"
    ),
    datetime(2024, 6, 1, tzinfo=UTC): (
        "2000000:1000 1000000:500 500000:100 100000:50 10000:10 1000:1 100:0.1 10:0.01 1:0.001 0.1:0.0001 "
        "0.01:0.00001 0.001:0.000001 0.0001:0.0000001 0:0.00000001"
    ),
    datetime(2026, 6, 1, tzinfo=UTC): (
        "1000000:1000 500000:500 100000:100 50000:50 10000:10 5000:5 100:1 10:0.1 1:0.01 0.1:0.001 0.01:0.0001 "
        "0.001:0.00001 0.0001:0.000001 0.00001:0.0000001 0:0.00000001"
    ),
}


def edges() -> list[tuple[datetime, Decimal, Decimal]]:
    """Give each band of each policy just under its floor, at it and just over it, with the tick that holds there."""
    found = []
    for at, rows in BANDS.items():
        pairs = [(Decimal(floor), Decimal(tick)) for floor, tick in (row.split(":") for row in rows.split())]
        for (floor, tick), (_, tick_below) in pairwise(pairs):
            found += [(at, floor - PRICE_STEP, tick_below), (at, floor, tick), (at, floor + PRICE_STEP, tick)]
        found.append((at, PRICE_STEP, pairs[-1][1]))
    return found


@pytest.mark.parametrize("code", ["KRW-BTC", "KRW-1INCH", "KRW-A", "KRW-ABCDEFGHIJ"])
def test_a_market_is_named_as_the_venue_names_it(code: str) -> None:
    market = Market(code)

    assert (code, "KRW", code[4:]) == (str(market), market.quote, market.base)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "KRW-",
        "KRW-ABCDEFGHIJK",
        "BTC-KRW",
        "BTC-ETH",
        "USDT-BTC",
        "krw-btc",
        "KRW-btc",
        "KRW-BTC\n",
        " KRW-BTC",
        "KRW BTC",
        "KRW-BTC/../../x",
        "KRW-BTC'; DROP TABLE trades;--",
        "KRW-\u0661",
        "KRW-\uff22\uff34\uff23",
    ],
)
def test_nothing_else_is_a_market(code: str) -> None:
    with pytest.raises(ImpossibleValue, match=r"market: .* it must look like KRW-BTC"):
        Market(code)


@pytest.mark.parametrize(("at", "price", "tick"), edges())
def test_the_tick_of_every_band_just_under_at_and_over_its_floor(at: datetime, price: Decimal, tick: Decimal) -> None:
    assert tick == tick_size(Market("KRW-BTC"), price, at)


@pytest.mark.parametrize(
    ("market", "price", "switch", "before", "after"),
    [
        ("KRW-BTC", "1500", SECOND_POLICY, "5", "1"),
        ("KRW-BTC", "150", SECOND_POLICY, "1", "0.1"),
        ("KRW-BTC", "0.05", SECOND_POLICY, "0.0001", "0.00001"),
        ("KRW-BTC", "1500000", THIRD_POLICY, "500", "1000"),
        ("KRW-BTC", "700000", THIRD_POLICY, "100", "500"),
        ("KRW-BTC", "150", THIRD_POLICY, "0.1", "1"),
        ("KRW-ADA", "500", COARSE_COINS, "0.1", "1"),
        ("KRW-TRX", "999.9", COARSE_COINS, "0.1", "1"),
        ("KRW-BTC", "500", COARSE_COINS, "0.1", "0.1"),
        ("KRW-USDT", "1400", STABLE_COINS, "1", "0.5"),
        ("KRW-USDC", "1400", STABLE_COINS, "1", "0.5"),
        ("KRW-BTC", "1400", STABLE_COINS, "1", "1"),
        ("KRW-USDT", "1400", THIRD_POLICY, "0.5", "0.5"),
        ("KRW-ADA", "500", THIRD_POLICY, "1", "1"),
    ],
)
def test_a_policy_holds_from_its_own_moment_on(market: str, price: str, switch: datetime, before: str, after: str) -> None:
    ticks = [tick_size(Market(market), Decimal(price), at) for at in (switch - INSTANT, switch, switch + INSTANT)]

    assert [Decimal(before), Decimal(after), Decimal(after)] == ticks


@pytest.mark.parametrize(
    ("market", "price", "at", "tick"),
    [
        ("KRW-ADA", "99.999999999", COARSE_COINS, "0.01"),
        ("KRW-ADA", "100", COARSE_COINS, "1"),
        ("KRW-ADA", "999.999999999", COARSE_COINS, "1"),
        ("KRW-ADA", "1000", COARSE_COINS, "1"),
        ("KRW-USDT", "999.999999999", THIRD_POLICY, "1"),
        ("KRW-USDT", "1000", THIRD_POLICY, "0.5"),
        ("KRW-USDT", "9999.999999999", THIRD_POLICY, "0.5"),
        ("KRW-USDT", "10000", THIRD_POLICY, "10"),
    ],
)
def test_an_exception_holds_in_its_own_band_only(market: str, price: str, at: datetime, tick: str) -> None:
    assert Decimal(tick) == tick_size(Market(market), Decimal(price), at)


def test_the_ticks_are_those_of_the_recorded_policies() -> None:
    policies = json.loads(shared("upbit-api/krw_tick_sizes.json").read_text())["periods"]
    for policy in policies:
        since = datetime.fromisoformat(policy.get("from", "2018-01-01T00:00:00Z"))
        for index, (floor, tick) in enumerate(policy["table"]):
            for price in (Decimal(floor) + PRICE_STEP, *([Decimal(floor)] if Decimal(floor) else [])):
                assert Decimal(tick) == tick_size(Market("KRW-BTC"), price, since)
            if Decimal(floor):
                below = Decimal(policy["table"][index + 1][1])
                assert below == tick_size(Market("KRW-BTC"), Decimal(floor) - PRICE_STEP, since)


def test_the_exceptions_are_those_of_the_recorded_policies() -> None:
    policies = json.loads(shared("upbit-api/krw_tick_sizes.json").read_text())["periods"]
    for policy in policies:
        for rule in policy.get("exceptions", []):
            from_seoul_midnight = datetime.fromisoformat(f"{rule['from']}T00:00+09:00") if "from" in rule else None
            since = from_seoul_midnight or datetime.fromisoformat(policy["from"])
            for base in rule["bases"]:
                for price in (Decimal(rule["min"]), Decimal(rule["below"]) - PRICE_STEP):
                    assert Decimal(rule["tick"]) == tick_size(Market(f"KRW-{base}"), price, since)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_a_price_that_is_not_above_zero_has_no_tick(price: str) -> None:
    with pytest.raises(ImpossibleValue, match="price: "):
        tick_size(Market("KRW-BTC"), Decimal(price), THIRD_POLICY)


@given(
    price=st.decimals(min_value=PRICE_STEP, max_value=10**9, places=9),
    at=st.timedeltas(timedelta(0), timedelta(days=3650)).map(lambda since: datetime(2018, 1, 1, tzinfo=UTC) + since),
    base=st.sampled_from(["BTC", "ADA", "USDT"]),
)
def test_a_tick_is_never_more_than_one_part_in_a_hundred_of_the_price_above_one_won(
    price: Decimal, at: datetime, base: str
) -> None:
    tick = tick_size(Market(f"KRW-{base}"), price, at)

    assert tick > 0
    assert price < 1 or tick * 100 <= price


def test_the_published_rules_are_for_when_the_venue_cannot_be_asked() -> None:
    rules = published_rules(Market("KRW-BTC"))

    assert (
        MarketRules(
            market=Market("KRW-BTC"),
            minimum_notional_krw=Decimal(5000),
            maximum_notional_krw=Decimal(1_000_000_000),
            bid_fee_fraction=Decimal("0.0005"),
            ask_fee_fraction=Decimal("0.0005"),
            is_active=True,
        )
        == rules
    )


@pytest.mark.parametrize(
    ("fee", "is_possible"), [("-0.0001", False), ("0", True), ("0.9999", True), ("1", False), ("NaN", False)]
)
def test_a_fee_is_a_fraction_below_one(fee: str, is_possible: bool) -> None:
    def rules() -> MarketRules:
        return MarketRules(
            market=Market("KRW-BTC"),
            minimum_notional_krw=Decimal(5000),
            maximum_notional_krw=Decimal(10**9),
            bid_fee_fraction=Decimal(fee),
            ask_fee_fraction=Decimal("0.0005"),
            is_active=True,
        )

    if is_possible:
        assert Decimal(fee) == rules().bid_fee_fraction
    else:
        with pytest.raises(ImpossibleValue, match="fee: "):
            rules()


def test_a_market_is_clear_without_a_warning_and_without_a_caution() -> None:
    btc = Market("KRW-BTC")

    assert MarketNotice(market=btc, has_warning=False).is_clear
    assert not MarketNotice(market=btc, has_warning=True).is_clear
    assert not MarketNotice(market=btc, has_warning=False, cautions=("PRICE_FLUCTUATIONS",)).is_clear


@pytest.mark.parametrize("code", ["KRW-BTC", "KRW-ADA", "KRW-USDT"])
def test_the_steps_of_a_market_are_its_tick_sizes_at_every_moment_and_price(code: str) -> None:
    market = Market(code)
    steps = price_steps(market)
    moments = {step.since + shift for step in steps for shift in (timedelta(0), timedelta(seconds=-1))}
    prices = {step.floor_krw + shift for step in steps for shift in (Decimal(0), Decimal("1e-8"), Decimal("-1e-8"))}
    for at in moments:
        for price in prices:
            if price > 0 and at >= datetime(1970, 1, 1, tzinfo=UTC):
                found = next(step.size_krw for step in steps if step.since <= at and step.floor_krw <= price)
                assert found == tick_size(market, price, at), (at, price)
