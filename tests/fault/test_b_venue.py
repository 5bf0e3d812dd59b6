"""Faults of the venue: it is away, it limits, it blocks, it refuses the key, it changes what it answers."""

import json
import socket
from datetime import UTC, timedelta
from decimal import Decimal
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
import stamina

from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.upbit_client import UpbitClient
from dg_bot.adapters.upbit_limiter import UpbitLimiter
from dg_bot.adapters.upbit_signer import UpbitSigner
from dg_bot.app.account_access import account_access
from dg_bot.app.guard_thread import GuardThread
from dg_bot.app.live_checks import LiveKey
from dg_bot.app.settings import Settings
from dg_bot.app.venue_access import upbit_client
from dg_bot.app.venue_contract import VenueContract
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import AlarmRaised, SafeModeLeft
from dg_bot.domain.order import MarketBuy
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable, RateLimited, UnsafeSetup
from dg_bot.ports import Rejected, Unclear
from dg_bot.simulator.faults import Action, Answer, AnswerAfter, Edit, FaultRule, SetHeader
from dg_bot.simulator.rest import UpbitServer
from tests.builders import BTC, ETH, NOON, XRP, PaperBot, paper_bot
from tests.fault.wired import ACCESS_KEY, SECRET_KEY, Wire, wired
from tests.unit.adapters.approval import approved
from tests.unit.adapters.raw_server import Request, http
from tests.unit.adapters.stepping_clock import SteppingClock
from tests.unit.adapters.upbit_bench import bench
from tests.unit.app.whole_bot import PERIOD_S, guard_over

ORDERS = "/v1/orders"
ENTRY = ["buy KRW-BTC 1000000"]
EXIT = ["sell KRW-BTC 100"]
ENTRY_ID = "test.KRW-BTC.20261120T12.entry.0.0"
SIGNED = ("/v1/accounts", "/v1/api_keys", "/v1/order", "/v1/orders*")


def holder(coming: str = "1000 1000 1000 1000 1000") -> PaperBot:
    """A bot that holds coins whose stop is at 950."""
    return paper_bot(f"1000 1000 | {coming}", holding="100 @ 1000")


def buyer() -> PaperBot:
    return paper_bot("1000 1000 | 1000 1000 1000", says="buy")


def error_body(name: object) -> str:
    return json.dumps({"error": {"name": name, "message": "no"}})


def refuse_key(wire: Wire, name: str) -> None:
    """Let the venue refuse the key wherever one is needed."""
    for path in SIGNED:
        wire.faults.add(FaultRule(action=Answer(401, error_body(name)), path=path))


def always(wire: Wire, action: Action, path: str = "/*") -> None:
    wire.faults.add(FaultRule(action=action, path=path))


def once(wire: Wire, action: Action, path: str = ORDERS, method: str = "POST") -> None:
    wire.faults.add(FaultRule(action=action, path=path, method=method, nth=1))


def ticks(paper: PaperBot, guard: GuardThread, minutes: int) -> None:
    for _ in range(int(minutes * 60 / PERIOD_S)):
        paper.wait(PERIOD_S)
        guard.tick()


def told(paper: PaperBot, kind: str) -> list[AlarmRaised]:
    return [event for event in paper.events(AlarmRaised) if isinstance(event, AlarmRaised) and event.kind == kind]


def key_of(wire: Wire) -> LiveKey:
    bot = wire.bot
    return LiveKey(exchange=wire.exchange, markets=(BTC,), books=bot.books, clock=bot.clock, metrics=Metrics())


def contract_of(wire: Wire) -> VenueContract:
    bot = wire.bot
    return VenueContract(
        market_data=wire.market_data, exchange=wire.exchange, markets=(XRP, BTC), books=bot.books, clock=bot.clock
    )


# B01: away


def test_b01_a_venue_that_is_away_for_131_minutes_costs_protection_that_is_counted_and_no_order() -> None:
    """While every endpoint answers 503 nothing is bought, the unwatched time is counted, and the first tick after it sells."""
    bot = holder("1000 1000 940 940")
    guard, metric = guard_over(bot)
    with wired(bot) as wire:
        always(wire, Answer(503, "closed"))

        ticks(bot, guard, 131)
        report = bot.run_cycle()
        asked = len(wire.paths())
        wire.faults.clear()
        ticks(bot, guard, 1)

        posted = wire.paths().index(f"POST {ORDERS}")
        assert "GET /v1/accounts" in wire.paths()[asked:posted]
    assert (Outcome.FAILED, EXIT) == (report.outcome, bot.placed())
    assert 131 * 60 == pytest.approx(metric("unprotected_seconds_total"), abs=1.0)
    assert 1 == len(told(bot, "unprotected"))
    assert asked <= 3 * (131 * 2 + 2)


def test_b01_an_order_under_way_is_settled_before_anything_new_after_the_venue_is_back() -> None:
    """An order whose answer was lost to the outage stays unresolved through it, and is asked about before anything new."""
    bot = buyer()
    guard, _ = guard_over(bot)
    with wired(bot) as wire:
        once(wire, AnswerAfter(503, "closed"))
        always(wire, Answer(503, "closed"), "/v1/order")
        bot.run_cycle()
        always(wire, Answer(503, "closed"))
        ticks(bot, guard, 131)
        during = bot.run_cycle()
        wire.faults.clear()

        bot.wait(PERIOD_S)
        guard.tick()

        assert [ENTRY_ID] == wire.posts()
    position = bot.position()
    assert (Outcome.FAILED, ENTRY) == (during.outcome, bot.placed())
    assert position is not None
    assert bot.our_orders()[0].executed_volume == position.quantity


# B02: one market closed


def test_b02_a_market_that_is_offline_gets_no_entry_while_others_trade() -> None:
    """A market that takes no orders is not entered, the order test says why, and the other markets trade on."""
    bot = paper_bot({BTC: "1000 1000 | 1000", ETH: "500 500 | 500"}, says="buy")
    bot.venue.set_offline(BTC, True)
    with wired(bot) as wire:
        tested = wire.exchange.test_order(BTC)

        closed, open_ = bot.run_cycle(BTC), bot.run_cycle(ETH)

    assert isinstance(tested, Rejected)
    assert ("market_offline", Outcome.HELD, Outcome.TRADED) == (tested.name, closed.outcome, open_.outcome)
    assert "data.market_active: no, limit yes" == closed.reason
    assert ["buy KRW-ETH 1000000"] == bot.placed()


# B03-B06: limits


def test_b03_an_order_that_met_429_is_asked_about_before_the_same_identifier_goes_again() -> None:
    """An order refused for too many calls is looked up first, and only then goes again under the same identifier."""
    bot = buyer()
    with wired(bot) as wire:
        once(wire, Answer(429, "Too many API requests."))

        report = bot.run_cycle()

        first, second = wire.log.matching("POST", ORDERS)
        between = wire.paths()[first.sequence : second.sequence - 1]
        assert [ENTRY_ID, ENTRY_ID] == wire.posts()
        assert "GET /v1/order" in between
        assert second.at - first.at >= timedelta(seconds=1)
    assert (Outcome.TRADED, ENTRY) == (report.outcome, bot.placed())


def live(folder: Path, url: str) -> Settings:
    settings = {
        "mode": "live",
        "data_dir": folder,
        "upbit_base_url": url,
        "upbit_access_key": ACCESS_KEY,
        "upbit_secret_key": SECRET_KEY,
        "live_trading_confirmed": "yes",
        "key_scope_confirmed": "trade-only",
    }
    return Settings(**settings)  # type: ignore[arg-type]


def started(settings: Settings) -> UpbitClient:
    """Build the transport as a new process does."""
    clock = VenueClock(local=SystemClock(), follow=False)
    return upbit_client(settings, base_url=settings.upbit_base_url, clock=clock, on_request=lambda *_: None)


def test_b04_a_block_holds_for_the_next_process_and_for_the_doctor(tmp_path: Path) -> None:
    """A block of the venue is kept in the state folder: neither a restarted bot nor the doctor calls before it ends."""
    bot = paper_bot()
    with UpbitServer(bot.venue, access_key=ACCESS_KEY, secret_key=SECRET_KEY) as server:
        settings = live(tmp_path, server.base_url)
        server.faults.add(FaultRule(action=Answer(418, "blocked for 90 seconds"), path="/v1/accounts", nth=1))
        first = started(settings)
        with pytest.raises(RateLimited):
            first.call("GET", "/v1/accounts")
        first.close()

        again = started(settings)
        with pytest.raises(RateLimited) as caught:
            again.call("GET", "/v1/orders/chance", params={"market": "KRW-BTC"})
        other = again.call("GET", "/v1/ticker", params={"markets": "KRW-BTC"})
        again.close()
        with account_access(settings) as account, pytest.raises(RateLimited):
            account.balances()

    assert timedelta(seconds=80) < caught.value.silent_until - SystemClock().now() <= timedelta(seconds=90)
    assert 200 == other.status
    assert ["/v1/accounts", "/v1/ticker"] == [entry.path for entry in server.wire_log.entries]


def test_b05_a_budget_that_the_venue_lowers_is_followed_at_once() -> None:
    """When the venue says that nothing is left of this second, the next call waits for a new one."""
    bot = holder()
    with wired(bot) as wire:
        always(wire, SetHeader("Remaining-Req", "group=default; min=1800; sec=0"), "/v1/accounts")

        for _ in range(4):
            bot.guard.tick()

        seen = wire.log.matching("GET", "/v1/accounts")
    assert len(seen) >= 4
    assert all(later.at - earlier.at >= timedelta(seconds=1) for earlier, later in pairwise(seen))


def test_b06_a_budget_that_another_program_uses_up_is_named_as_the_cause() -> None:
    """Calls that are refused though the bot made few raise an alarm that names another user of the key or the address."""
    bot = holder()
    with wired(bot) as wire:
        neighbour = UpbitClient(
            base_url=wire.server.base_url,
            signer=UpbitSigner(access_key=ACCESS_KEY, secret_key=SECRET_KEY),
            limiter=UpbitLimiter(clock=bot.clock),
            clock=VenueClock(local=bot.clock, follow=False),
            on_request=lambda *_: None,
        )
        for _ in range(30):
            neighbour.call("GET", "/v1/accounts")
        neighbour.close()

        with pytest.raises(RateLimited):
            bot.guard.tick()
        at = bot.clock.now()
        bot.wait(PERIOD_S)
        bot.guard.tick()

        refused, *later = wire.log.matching("GET", "/v1/accounts")[30:]
    assert (429, {200}) == (refused.status, {entry.status for entry in later})
    assert later[0].at - at >= timedelta(seconds=1)
    (alarm,) = told(bot, "shared_budget")
    assert "another program uses the same key" in alarm.text


def test_b06_an_order_refused_for_somebody_elses_calls_is_placed_once() -> None:
    """An order that met another program's 429 is looked up and goes again under its identifier; the alarm names the cause."""
    bot = buyer()
    with wired(bot) as wire:
        once(wire, Answer(429, "Too many API requests."))

        bot.run_cycle()

        assert [ENTRY_ID, ENTRY_ID] == wire.posts()
    assert (ENTRY, 1) == (bot.placed(), len(told(bot, "shared_budget")))


# B07-B09: the key


def refused_key_while_holding(name: str, remedy: str) -> None:
    bot = holder("1000 1000 1000 940 940")
    guard, metric = guard_over(bot)
    with wired(bot) as wire:
        refuse_key(wire, name)
        ticks(bot, guard, 179)
        wire.faults.clear()
        ticks(bot, guard, 2)

    alarms = told(bot, "unprotected_key_refused")
    assert 3 == len(alarms)
    assert all("NOT WATCHED" in alarm.text and remedy in alarm.text for alarm in alarms)
    assert 179 * 60 == pytest.approx(metric("unprotected_seconds_total"), abs=1.0)
    assert EXIT == bot.placed()


def test_b07_a_key_that_expires_while_something_is_held_is_told_every_hour_until_it_is_mended() -> None:
    """An expired key leaves the position unwatched and counted, says so every hour, and is used again as soon as it works."""
    refused_key_while_holding("expired_access_key", "make a new one")


def test_b07_a_start_with_an_expired_key_goes_on_where_something_is_held() -> None:
    """With coins to watch a refused key leaves the process running and its alarm sounding; with nothing held it ends."""
    holding, empty = holder(), paper_bot()
    with wired(holding) as wire:
        refuse_key(wire, "expired_access_key")
        key_of(wire).require_usable()
    with wired(empty) as wire:
        refuse_key(wire, "expired_access_key")
        with pytest.raises(UnsafeSetup) as caught:
            key_of(wire).require_usable()

    assert 1 == len(told(holding, "unprotected_key_refused"))
    assert "expired_access_key" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("jwt_verification", "check UPBIT_SECRET_KEY"),
        ("invalid_access_key", "check UPBIT_ACCESS_KEY"),
        ("no_authorization_ip", "add it at the exchange"),
        ("out_of_scope", "make a key"),
    ],
)
def test_a_start_with_a_refused_key_says_what_to_mend(name: str, remedy: str) -> None:
    """Each name of the refusal ends a start that has nothing to watch with the remedy that belongs to it."""
    with wired(paper_bot()) as wire:
        refuse_key(wire, name)
        with pytest.raises(UnsafeSetup, match=remedy):
            key_of(wire).require_usable()


def test_b07_the_end_of_a_key_is_told_30_7_and_1_days_before() -> None:
    """The operator hears of the key's end thirty, seven and one days before it, once each however often the bot starts."""
    bot = holder()
    ends = bot.clock.now() + timedelta(days=40)
    days_left = []
    with wired(bot) as wire:
        always(wire, Edit({"expire_at": ends.isoformat()}), "/v1/api_keys")
        for _ in range(42):
            known = len(bot.events(AlarmRaised))
            for _process in range(2):
                key_of(wire).watch_expiry()
            if len(bot.events(AlarmRaised)) > known:
                days_left.append((ends - bot.clock.now()).days)
            bot.wait(24 * 3600)

    assert [30, 7, 1, 0, -1] == days_left
    assert ["api_key_expires_in_1_days", "api_key_expires_in_30_days", "api_key_expires_in_7_days"] == bot.alarms()


def test_b08_a_changed_address_while_something_is_held_is_told_every_hour_with_what_to_do() -> None:
    """A key that is refused for the machine's address says which list the address is missing from, every hour."""
    refused_key_while_holding("no_authorization_ip", "address is not on the key's list")


def test_a_key_of_another_pocket_is_refused_whatever_is_held_for_an_exit_would_sell_its_coins() -> None:
    """What is bought in one pocket is known there by its name; where nobody knows it the coins are not the bot's."""
    bot, elsewhere = paper_bot(says="buy"), paper_bot()
    with wired(bot) as wire:
        bot.run_cycle()
        key_of(wire).require_usable()
    with wired(elsewhere) as wire:
        key = LiveKey(exchange=wire.exchange, markets=(BTC,), books=bot.books, clock=bot.clock, metrics=Metrics())
        with pytest.raises(UnsafeSetup, match=f"is of another account or pocket: nobody knows order {ENTRY_ID} of this bot"):
            key.require_usable()
    assert (ENTRY, {BTC}) == (bot.placed(), set(bot.state.positions))


def test_a_pocket_that_holds_what_the_books_say_is_the_bots_though_its_last_order_is_forgotten() -> None:
    """What is held has to be watched: a venue that shows an order of long ago no more does not keep the bot from it."""
    bot = paper_bot(says="buy")
    with wired(bot) as wire:
        bot.run_cycle()
        always(wire, Answer(404, error_body("order_not_found")), "/v1/order")
        always(wire, Answer(200, "[]"), "/v1/orders/closed")
        key_of(wire).require_usable()
        bot.deposit("BTC", "0.1")
        with pytest.raises(UnsafeSetup, match="is of another account or pocket"):
            key_of(wire).require_usable()


def test_b09_a_key_that_may_not_order_is_found_at_the_start() -> None:
    """A key that reads but may not order is found by a test order, and the program does not start."""
    bot = paper_bot()
    with wired(bot) as wire:
        always(wire, Answer(403, error_body("out_of_scope")), "/v1/orders/test")

        with pytest.raises(UnsafeSetup) as caught:
            key_of(wire).require_usable()

    assert "may not place orders" in str(caught.value)


def test_b09_a_key_that_may_not_see_orders_is_found_at_the_start() -> None:
    """A key that may not look orders up is refused at the start: no order could ever be settled."""
    bot = paper_bot()
    with wired(bot) as wire:
        always(wire, Answer(403, error_body("out_of_scope")), "/v1/order")

        with pytest.raises(UnsafeSetup):
            key_of(wire).require_usable()


def test_b09_a_key_that_may_not_order_any_more_ends_entries_and_keeps_the_watch_at_a_start() -> None:
    """With something held the process starts in safe mode: it buys nothing and goes on watching."""
    bot = holder("940 940")
    with wired(bot) as wire:
        once(wire, Answer(403, error_body("out_of_scope")), "/v1/orders/test")

        key_of(wire).require_usable()
        bot.guard.tick()

    assert bot.state.safe_mode is not None
    assert "may not place orders (out_of_scope)" in bot.state.safe_mode.reason
    assert EXIT == bot.placed()


def test_b09_an_order_refused_for_the_key_ends_entries_until_the_operator_has_mended_it() -> None:
    """The first order that the key may not place puts the bot into safe mode; no further entry is tried before a resume."""
    bot = buyer()
    with wired(bot) as wire:
        always(wire, Answer(403, error_body("out_of_scope")), ORDERS)

        bot.run_cycle()
        bot.next_hour()
        refused = bot.run_cycle()

        assert [ENTRY_ID] == wire.posts()
        wire.faults.clear()
        bot.books.record(SafeModeLeft(by="operator"))
        bot.next_hour()
        bot.run_cycle()
    assert (Outcome.HALTED, ENTRY) == (refused.outcome, bot.placed())


def test_b09_an_exit_refused_for_the_key_is_told_at_once_and_tried_until_it_goes() -> None:
    """A sale that the key may not make puts the bot into safe mode and is tried again, ever more slowly, until the key may."""
    bot = holder("940 940")
    with wired(bot) as wire:
        always(wire, Answer(403, error_body("out_of_scope")), ORDERS)
        for _ in range(20):
            bot.guard.tick()
            bot.wait(PERIOD_S)
        assert bot.state.safe_mode is not None
        tried = len(wire.posts())
        wire.faults.clear()
        bot.wait(300)

        bot.guard.tick()

    assert (True, EXIT) == (2 <= tried < 20, bot.placed())


# B10-B12: odd answers


def test_b10_a_nonce_that_was_used_proves_nothing_and_the_next_request_has_its_own() -> None:
    """A refusal for a used nonce is no verdict on the order: it is looked up, and goes again with a fresh signature."""
    bot = buyer()
    with wired(bot) as wire:
        once(wire, Answer(401, error_body("nonce_used")))

        bot.run_cycle()

        assert [ENTRY_ID, ENTRY_ID] == wire.posts()
        tokens = {row for request in wire.proxy.requests for row in request.split(b"\r\n") if row.startswith(b"Authorization")}
        assert len(tokens) == len([request for request in wire.proxy.requests if b"\r\nAuthorization" in request])
    assert ENTRY == bot.placed()


def test_b10_an_order_that_landed_before_its_nonce_was_refused_is_adopted() -> None:
    """Where the request was served before its copy was refused the order is adopted, and nothing is sent again."""
    bot = buyer()
    with wired(bot) as wire:
        once(wire, AnswerAfter(401, error_body("nonce_used")))

        bot.run_cycle()

        assert [ENTRY_ID] == wire.posts()
    assert ENTRY == bot.placed()


ODD_ERRORS = [
    b"",
    b"null",
    b"no",
    b"[]",
    b"{}",
    b'{"error": null}',
    b'{"error": "x"}',
    b'{"error": []}',
    b'{"error": {}}',
    b'{"error": {"name": null}}',
    b'{"error": {"name": 404}}',
    b'{"error": {"name": true}}',
    b'{"error": {"name": ""}}',
    b'{"error": {"name": 1.5}}',
    b'{"error": {"name": ["out_of_scope"]}}',
    b'{"error": {"name": {"name": "x"}}}',
    b'{"error": {"name": "never_heard_of", "message": 7}}',
    b'{"error": {"name": "\\ud800"}}',
    b'\xff\xfe{"error"',
    b"[" * 5000,
    b'{"error": {"name": ' + b"9" * 5000 + b"}}",
    b"<html>sign in</html>",
]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500, 503])
def test_b11_an_error_without_a_usable_name_is_no_verdict_and_breaks_nothing(status: int) -> None:
    """Whatever stands where the error's name should be, a read raises a declared error and an order has no verdict."""
    order = approved(MarketBuy(market=BTC, notional_krw=Decimal(50000)), "ns.1")
    present = [b""]

    def answer(peer: socket.socket, request: Request, gone: Event) -> None:
        peer.sendall(http(status, present[0]))

    with bench(answer, local=SteppingClock()) as it, stamina.set_testing(True, attempts=2, cap=True):
        exchange = it.exchange
        for body in ODD_ERRORS:
            present[0] = body
            with pytest.raises((ExchangeUnavailable, AuthenticationFailed, DataError)):
                exchange.balances()
            verdict = exchange.submit(order)

            assert isinstance(verdict, Unclear), (status, body, verdict)


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("body", [error_body(404), "gone", ""])
@pytest.mark.parametrize(
    "endpoint",
    [
        "/v1/market/all",
        "/v1/ticker",
        "/v1/orderbook",
        "/v1/candles/minutes/60",
        "/v1/accounts",
        "/v1/orders/chance",
        "/v1/order",
        "/v1/orders/open",
        "/v1/orders/closed",
    ],
)
def test_b12_an_endpoint_that_is_gone_ends_entries_and_is_named(endpoint: str, body: str, status: int) -> None:
    """An endpoint that the venue has retired is found at the first look and puts the bot into safe mode, by name."""
    bot = buyer()
    with wired(bot) as wire:
        always(wire, Answer(status, body), endpoint)

        contract_of(wire).check()
        report = bot.run_cycle()

    assert bot.state.safe_mode is not None
    assert f"GET {endpoint}" in bot.state.safe_mode.reason
    assert (True, []) == (report.outcome in (Outcome.HALTED, Outcome.FAILED), bot.placed())


@pytest.mark.parametrize(("endpoint", "field"), [("/v1/ticker", "trade_price"), ("/v1/orders/closed", "uuid")])
def test_b12_an_answer_of_another_shape_ends_entries_and_is_named(endpoint: str, field: str) -> None:
    """An endpoint that lacks a field which this program reads counts as gone."""
    bot = buyer()
    bot.run_cycle()
    with wired(bot) as wire:
        always(wire, Edit({}, (field,)), endpoint)

        contract_of(wire).check()

    assert bot.state.safe_mode is not None
    assert (True, True) == (endpoint in bot.state.safe_mode.reason, field in bot.state.safe_mode.reason)


def test_b12_a_value_that_cannot_be_is_left_to_the_checks_of_data() -> None:
    """A price that cannot be true is no sign of another venue: the look goes on, and no safe mode begins."""
    bot = buyer()
    with wired(bot) as wire:
        once(wire, Edit({"trade_price": -1}), "/v1/ticker", "GET")

        contract_of(wire).check()

        assert "GET /v1/orders/closed" in wire.paths()
    assert bot.state.safe_mode is None


def test_b12_a_venue_that_keeps_its_word_is_looked_at_once() -> None:
    """A venue that answers everything as expected is asked once in the life of a process, and entries go on."""
    bot = buyer()
    with wired(bot) as wire:
        contract = contract_of(wire)
        contract.check()
        asked = len(wire.paths())
        contract.check()

        assert (9, 9) == (asked, len(wire.paths()))
        report = bot.run_cycle()
    assert (None, Outcome.TRADED) == (bot.state.safe_mode, report.outcome)


def test_b12_a_venue_that_is_away_at_the_start_is_looked_at_again_later() -> None:
    """An outage at the start proves nothing about the endpoints: they are looked at again when the venue answers."""
    bot = buyer()
    with wired(bot) as wire:
        contract = contract_of(wire)
        always(wire, Answer(503, "closed"))
        contract.check()
        wire.faults.clear()
        always(wire, Answer(410, "gone"), "/v1/orders/open")
        assert bot.state.safe_mode is None

        contract.check()

    assert bot.state.safe_mode is not None


# E05: the venue's clock


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=400)])
def test_e05_a_wrong_date_header_in_the_first_answer_moves_no_clock(off: timedelta, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first answer whose date is far from this machine's time is not believed, and blocks entries until the next."""
    bot = buyer()
    with wired(bot) as wire:
        monkeypatch.setattr(bot.clock, "skew_s", wire.clock.skew_s)
        date = format_datetime((NOON + off).astimezone(UTC), usegmt=True)
        once(wire, SetHeader("Date", date), "/v1/market/all", "GET")
        wire.market_data.notices()
        machine = bot.clock.now()

        assert machine == wire.clock.now()
        assert abs(wire.clock.skew_s()) > 30.0
        wire.market_data.notices()
        assert abs(wire.clock.skew_s()) < 2.0


def test_e05_a_wrong_date_header_that_stays_lets_nothing_be_bought(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the venue's date is far from this machine's time nothing is bought; what is held can still be sold."""
    bot = paper_bot({BTC: "1000 1000 | 940", ETH: "500 500 | 500"}, holding="100 @ 1000", says="buy")
    with wired(bot) as wire:
        monkeypatch.setattr(bot.clock, "skew_s", wire.clock.skew_s)
        always(wire, SetHeader("Date", format_datetime(NOON + timedelta(hours=1), usegmt=True)))

        bot.guard.tick()
        report = bot.run_cycle(ETH)

    assert EXIT == bot.placed()
    assert "clock_skew" in (report.reason or "")
