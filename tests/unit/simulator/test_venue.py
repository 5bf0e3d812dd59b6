from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market, MarketNotice, tick_size
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Side
from dg_bot.simulator.ledger import Ledger, LedgerOrder, OrderState, Ticket, TicketKind
from dg_bot.simulator.refusals import VenueRefusal
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")
START = datetime(2023, 6, 1, tzinfo=UTC)
ALL = frozenset(OrderState)


@dataclass
class HandClock:
    at: datetime

    def __call__(self) -> datetime:
        return self.at

    def turn(self, **delta: float) -> None:
        self.at += timedelta(**delta)


def tape_of(market: Market, *bars: str, start: datetime = START) -> Tape:
    candles = []
    for place, bar in enumerate(bars):
        open_, high, low, close = (Decimal(word) for word in bar.split())
        at = start + place * HOUR.length
        candles.append(Candle(opened_at=at, open=open_, high=high, low=low, close=close, volume=Decimal(36)))
    return Tape.of(market, HOUR, candles)


STEADY = "30000000 30000000 30000000 30000000"
DIP = "30000000 30300000 29400000 30000000"


def venue_at(
    *bars: str, minutes: float = 5, krw: str = "10000000", depth_krw: int = 30_000_000, spread_ticks: int = 1
) -> tuple[Venue, HandClock]:
    clock = HandClock(START + timedelta(minutes=minutes))
    tapes = {
        BTC: tape_of(BTC, *(bars or (STEADY, STEADY))),
        ETH: tape_of(ETH, "2000000 2100000 1900000 2050000", start=START + timedelta(hours=1)),
    }
    ledger = Ledger(krw=Decimal(krw))
    return Venue(ledger=ledger, tapes=tapes, now=clock, depth_krw=Decimal(depth_krw), spread_ticks=spread_ticks), clock


def buy_for(krw: str, identifier: str | None = None, market: Market = BTC) -> Ticket:
    return Ticket(market=market, side=Side.BUY, kind=TicketKind.PRICE, price=Decimal(krw), volume=None, identifier=identifier)


def limit(side: Side, volume: str, price: str) -> Ticket:
    return Ticket(market=BTC, side=side, kind=TicketKind.LIMIT, price=Decimal(price), volume=Decimal(volume))


def refusal(act: Callable[[], object]) -> VenueRefusal:
    with pytest.raises(VenueRefusal) as caught:
        act()
    return caught.value


def test_the_book_stands_around_the_price_of_the_tape() -> None:
    venue, _ = venue_at("30000500 30000500 30000500 30000500")

    book = venue.order_book(BTC)

    assert (Decimal(30_000_000), Decimal(30_001_000)) == (book.best_bid, book.best_ask)
    assert (len(book.asks), len(book.bids)) == (30, 30)


def test_the_spread_is_as_wide_as_stated() -> None:
    book = venue_at(spread_ticks=3)[0].order_book(BTC)

    assert (Decimal(30_000_000), Decimal(30_003_000)) == (book.best_bid, book.best_ask)


def test_levels_hold_the_stated_depth_and_grow_away_from_the_touch() -> None:
    book = venue_at()[0].order_book(BTC)

    for side in (book.asks, book.bids):
        worth = [level.price * level.size for level in side]
        assert Decimal(29_999_999) < worth[0] <= Decimal(30_000_000)
        assert all(nearer < farther for nearer, farther in pairwise(worth))


@pytest.mark.parametrize("price", ["100000", "99990", "1000", "995", "10", "0.1", "0.0003"])
def test_levels_cross_the_bands_on_the_venues_own_price_grid(price: str) -> None:
    venue, clock = venue_at(f"{price} {price} {price} {price}")

    book = venue.order_book(BTC)

    for level in (*book.asks, *book.bids):
        assert level.price % tick_size(BTC, level.price, clock.at) == ZERO
    for lower, higher in [*pairwise(book.asks), *pairwise(reversed(book.bids))]:
        assert higher.price - lower.price == tick_size(BTC, lower.price, clock.at)


def test_what_our_order_took_is_gone_within_the_second_and_back_in_the_next() -> None:
    venue, clock = venue_at(krw="1000000000")
    before = venue.order_book(BTC)

    order = venue.place(buy_for("40000000"))
    at_once = venue.order_book(BTC)
    clock.turn(milliseconds=999)
    same_second = venue.order_book(BTC)
    clock.turn(milliseconds=1)
    next_second = venue.order_book(BTC)

    assert [level.price for level in before.asks[:2]] == [trade.price for trade in order.trades]
    assert before.asks[1].price == at_once.best_ask
    assert before.asks[1].size - order.trades[1].volume == at_once.asks[0].size
    assert at_once.asks == same_second.asks
    assert before.asks == next_second.asks
    assert before.bids == at_once.bids


def test_two_orders_within_a_second_do_not_get_the_same_liquidity() -> None:
    venue, _ = venue_at(krw="1000000000", depth_krw=1_000_000)

    first, second = venue.place(buy_for("1000000")), venue.place(buy_for("1000000"))

    assert first.trades[0].price < second.trades[0].price


def test_a_buy_and_a_sale_cost_the_spread_and_both_fees() -> None:
    venue, _ = venue_at()

    bought = venue.place(buy_for("1000000", "in"))
    sold = venue.place(
        Ticket(market=BTC, side=Side.SELL, kind=TicketKind.MARKET, price=None, volume=bought.executed_volume, identifier="out")
    )

    assert Decimal(30_001_000) == bought.trades[0].price
    assert Decimal(30_000_000) == sold.trades[0].price
    assert sold == venue.find(identifier="out")
    expected = Decimal(10_000_000) - bought.executed_funds - bought.paid_fee + sold.executed_funds - sold.paid_fee
    assert [("KRW", expected, ZERO)] == [(each.currency, each.balance, each.locked) for each in venue.accounts()]


def resting(venue: Venue, side: Side, price: str) -> LedgerOrder:
    order = venue.place(limit(side, "0.01", price))
    assert order.is_open
    return order


@pytest.mark.parametrize(
    ("price", "minutes", "is_filled"),
    [("29700000", 9, False), ("29700000", 10, False), ("29700000", 10.1, True), ("29401000", 20, True), ("29400000", 60, False)],
)
def test_a_resting_buy_fills_when_the_path_of_the_tape_goes_through_it(price: str, minutes: float, is_filled: bool) -> None:
    venue, clock = venue_at(DIP, STEADY, minutes=0)
    order = resting(venue, Side.BUY, price)

    clock.at = START + timedelta(minutes=minutes)

    assert is_filled is (venue.find(uuid=order.uuid).state is OrderState.DONE)
    assert (venue.orders(BTC, frozenset({OrderState.WAIT})) == ()) is is_filled
    assert (venue.account("KRW").locked == ZERO) is is_filled


def test_a_resting_sell_fills_once_the_best_bid_reaches_it() -> None:
    venue, clock = venue_at("30000000 30000000 29400000 29400000", "29400000 30000000 29400000 30000000", minutes=59)
    venue.place(buy_for("1000000"))
    order = resting(venue, Side.SELL, "29700000")

    clock.at = START + timedelta(minutes=89)
    early = venue.find(uuid=order.uuid)
    clock.at = START + timedelta(minutes=110)

    assert early.is_open
    assert venue.find(uuid=order.uuid).state is OrderState.DONE


def test_an_order_fills_in_a_dip_that_nobody_looked_at() -> None:
    venue, clock = venue_at(DIP, STEADY, minutes=0)
    order = resting(venue, Side.BUY, "29500000")

    clock.turn(minutes=90)

    assert Decimal(30_000_000) == venue.ticker(BTC).price
    assert [Decimal(29_500_000)] == [trade.price for trade in venue.find(uuid=order.uuid).trades]


def test_an_order_does_not_fill_in_a_dip_before_its_time() -> None:
    venue, clock = venue_at(DIP, STEADY, minutes=50)
    order = resting(venue, Side.BUY, "29500000")

    clock.turn(minutes=60)

    assert venue.find(uuid=order.uuid).is_open


def test_a_venue_over_a_restored_ledger_goes_on_where_the_first_one_stopped() -> None:
    venue, clock = venue_at(DIP, STEADY, minutes=0)
    order = resting(venue, Side.BUY, "29500000")
    clock.turn(minutes=90)

    again = Venue(ledger=Ledger.restored(venue.ledger.to_json()), tapes={BTC: tape_of(BTC, DIP, STEADY)}, now=clock)

    assert again.find(uuid=order.uuid).state is OrderState.DONE


def test_a_limit_price_is_judged_by_the_step_of_its_own_band() -> None:
    venue, _ = venue_at("100000 100000 100000 100000")

    assert venue.place(limit(Side.BUY, "1", "90050")).is_open
    assert refusal(lambda: venue.place(limit(Side.BUY, "1", "90005"))).name == "invalid_price_bid"


def test_cancelling_works_by_uuid_and_by_identifier() -> None:
    venue, _ = venue_at()
    first = resting(venue, Side.BUY, "29000000")
    second = venue.place(buy_for("5000", "gone"))

    assert venue.cancel(uuid=first.uuid).state is OrderState.CANCEL
    assert refusal(lambda: venue.cancel(identifier="gone")).name == "order_not_found"
    assert refusal(lambda: venue.cancel(identifier="nobody")).name == "order_not_found"
    assert venue.orders(None, ALL) == (venue.find(uuid=first.uuid), second)


def test_a_test_order_leaves_the_book_and_the_accounts_alone() -> None:
    venue, _ = venue_at()
    before = (venue.accounts(), venue.order_book(BTC))

    venue.test(buy_for("1000000", "one"))

    assert before == (venue.accounts(), venue.order_book(BTC))
    assert venue.place(buy_for("1000000", "one")).executed_volume > ZERO


def test_an_unknown_or_not_yet_listed_market_is_not_found_by_quotation_calls() -> None:
    venue, clock = venue_at()
    asked: list[Callable[[Market], object]] = [
        venue.order_book,
        venue.ticker,
        venue.tick_size,
        lambda market: venue.candles(market, HOUR, clock.at, 1),
        lambda market: venue.trades(market, clock.at, 1),
    ]

    for ask in asked:
        for market in (Market("KRW-XXXX"), ETH):
            said = refusal(lambda ask=ask, market=market: ask(market))  # type: ignore[misc]
            assert (said.status, said.name, said.message) == (404, 404, "Code not found")
    assert venue.markets() == (BTC,)
    clock.turn(hours=1)
    assert venue.markets() == (BTC, ETH)


def test_an_order_on_an_unknown_market_is_malformed_and_has_used_its_identifier_up() -> None:
    venue, _ = venue_at()

    assert refusal(lambda: venue.place(buy_for("5000", "one", Market("KRW-XXXX")))).name == "validation_error"
    assert refusal(lambda: venue.place(buy_for("5000", "one"))).name == "duplicated_identifier"


def test_a_market_offline_takes_no_orders_and_still_quotes() -> None:
    venue, _ = venue_at()

    venue.set_offline(BTC, True)

    said = refusal(lambda: venue.place(buy_for("5000", "one")))
    assert (said.status, said.name) == (403, "market_offline")
    assert refusal(lambda: venue.test(buy_for("5000", "two"))).name == "market_offline"
    assert venue.rules(BTC).is_active is False
    assert venue.ticker(BTC).price == Decimal(30_000_000)
    venue.set_offline(BTC, False)
    assert refusal(lambda: venue.place(buy_for("5000", "one"))).name == "duplicated_identifier"
    assert venue.place(buy_for("5000", "two")).executed_volume > ZERO


def test_notices_cover_every_listed_market() -> None:
    venue, clock = venue_at()
    flagged = MarketNotice(market=BTC, has_warning=True, cautions=("PRICE_FLUCTUATIONS",))
    venue.set_notice(BTC, flagged)
    clock.turn(hours=1)

    assert {BTC: flagged, ETH: MarketNotice(market=ETH, has_warning=False)} == venue.notices()


def test_the_ticker_the_newest_candle_and_the_newest_trade_agree() -> None:
    venue, clock = venue_at(DIP, minutes=33.3)
    soon = clock.at + timedelta(seconds=1)

    ticker, (candle,), (trade,) = venue.ticker(BTC), venue.candles(BTC, HOUR, soon, 1), venue.trades(BTC, soon, 1)

    assert ticker.price == candle.close == trade.price
    assert ticker.traded_at == candle.last_trade_at == trade.at
    assert ticker.day.volume == candle.volume
    assert ticker.last_volume == trade.volume


def test_rules_come_from_the_ledger() -> None:
    rules = venue_at()[0].rules(BTC)

    assert (Decimal(5000), Decimal("0.0005"), True) == (
        rules.minimum_notional_krw,
        rules.bid_fee_fraction,
        rules.is_active,
    )


def test_many_threads_spend_no_won_twice() -> None:
    venue, _ = venue_at(krw="100050", depth_krw=1_000_000_000)

    def spend(number: int) -> bool:
        try:
            venue.place(buy_for("5000", f"id-{number % 30}"))
        except VenueRefusal:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(spend, range(60)))

    orders = venue.orders(BTC, ALL)
    assert sum(taken) == len(orders)
    assert Decimal(100_050) == venue.account("KRW").total + sum((order.executed_funds + order.paid_fee for order in orders), ZERO)
    assert venue.account("KRW").balance >= ZERO
    assert len({order.identifier for order in orders}) == len(orders)
