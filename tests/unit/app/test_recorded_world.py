"""The world of a capsule: answers in order, the records of others in their place, and nothing that was never heard."""

from datetime import timedelta
from decimal import Decimal

import pytest

from dg_bot.app.recorded_world import LapsedClock, RecordedWorld, SilentVenue
from dg_bot.capsule import BALANCES, NOW, OTHER_RECORD, OWN_RECORD, PRICES, Capsule, CarriedOver, Heard
from dg_bot.domain.events import AlarmRaised, Event, Record, SafeModeEntered
from dg_bot.errors import ExchangeUnavailable
from dg_bot.pipeline.witness import WitnessedClock, WitnessedExchange, WitnessedMarketData
from dg_bot.ports import Rejected
from dg_bot.remembered import Remembered
from tests.builders import BTC, NOON

SAFE_MODE = SafeModeEntered(reason="the guard saw a loss")


def world(*heard: Heard) -> RecordedWorld:
    return RecordedWorld(
        Capsule(
            cycle_id="KRW-BTC/2026-11-20T12",
            market=BTC,
            opened_at=NOON,
            program={"code_sha256": "0"},
            settings={},
            before=Remembered(),
            carried=CarriedOver(),
            heard=heard,
        )
    )


def price(won: int) -> Heard:
    return Heard(port=PRICES, about="KRW-BTC", value={BTC: Decimal(won)})


def recorded(port: str, event: Event, seconds: int) -> Heard:
    return Heard(port=port, about="", value=Record(sequence=1, at=NOON + timedelta(seconds=seconds), event=event))


def prices(one: RecordedWorld, count: int) -> list[int]:
    market_data = WitnessedMarketData(SilentVenue(), one)
    return [int(market_data.last_prices([BTC])[BTC]) for _ in range(count)]


def test_answers_come_in_order_and_the_last_one_again_where_more_is_asked() -> None:
    assert [1, 2, 2] == prices(world(price(1), price(2)), 3)


def test_an_error_is_raised_as_it_was() -> None:
    one = world(Heard(port=BALANCES, about="", error=ExchangeUnavailable("accounts", "timeout")))

    with pytest.raises(ExchangeUnavailable, match="accounts: the exchange is unavailable"):
        WitnessedExchange(SilentVenue(), one).balances()


def test_what_was_never_heard_is_not_invented() -> None:
    with pytest.raises(ExchangeUnavailable, match="the capsule does not hold last prices"):
        prices(world(), 1)


def test_an_order_that_was_not_sent_then_is_refused() -> None:
    assert isinstance(SilentVenue().submit(), Rejected)


def test_what_another_thread_recorded_is_known_from_its_place_on_and_is_not_the_cycles_own() -> None:
    one = world(price(1), recorded(OTHER_RECORD, SAFE_MODE, 7), price(2))
    books = one.books()

    seen = []
    for _ in range(2):
        prices(one, 1)
        seen.append(books.state.safe_mode)

    assert seen[0] is None
    assert seen[1] is not None
    assert ("the guard saw a loss", NOON + timedelta(seconds=7)) == (seen[1].reason, seen[1].since)
    assert [] == one.events


def test_own_records_get_the_times_at_which_they_were_made() -> None:
    alarm = AlarmRaised(kind="x", text="y")
    one = world(recorded(OWN_RECORD, alarm, 3), recorded(OWN_RECORD, alarm, 9))
    books = one.books()

    times = [books.record(alarm).at for _ in range(3)]

    assert [NOON + timedelta(seconds=second) for second in (3, 9, 0)] == times
    assert [alarm] * 3 == one.events


def test_time_after_the_last_recorded_moment_goes_on_by_what_is_slept() -> None:
    one = world(Heard(port=NOW, about="", value=NOON + timedelta(seconds=5)))
    clock = WitnessedClock(LapsedClock(one), one)

    first = clock.now()
    clock.sleep(2.0)

    assert [NOON + timedelta(seconds=second) for second in (5, 7)] == [first, clock.now()]
