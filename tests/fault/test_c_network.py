"""Faults of the line: names that do not resolve, connections that break, drip or stall, and peers that are not the venue."""

import gzip
import random
import socket
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import stamina

from dg_bot.adapters import deadline_network
from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.upbit_client import UpbitClient
from dg_bot.adapters.upbit_limiter import UpbitLimiter
from dg_bot.adapters.upbit_reads import ATTEMPTS
from dg_bot.app.guard_thread import GuardThread
from dg_bot.domain.cycle_report import Outcome
from dg_bot.errors import ExchangeUnavailable
from dg_bot.ports import Submission, Unclear
from dg_bot.risk.manager import RiskApproved
from dg_bot.simulator.faults import Big, FaultRule, Html, LoseReply, Redirect
from tests.builders import BTC, ETH, PaperBot, paper_bot
from tests.fault.certificates import authority
from tests.fault.proxy import PLAIN, Manner, Proxy
from tests.fault.wired import PATIENT_S, TINY_S, wired
from tests.scenario.faulty_upbit import Call, Fault
from tests.scenario.order_bots import ENTRY, ENTRY_ID, EXIT, buyer, stopped
from tests.unit.adapters.raw_server import RawServer, Request, answers, http, reply_json
from tests.unit.adapters.upbit_bench import bench
from tests.unit.app.whole_bot import PERIOD_S, guard_over

ORDERS = "/v1/orders"
BODY = {"market": "KRW-BTC", "side": "bid", "ord_type": "price", "price": "5000", "identifier": "ns.1"}
POST = b"POST /v1/orders "
ACCOUNTS = b"GET /v1/accounts"


def tick(paper: PaperBot, guard: GuardThread, times: int = 1) -> None:
    for _ in range(times):
        paper.wait(PERIOD_S)
        guard.tick()


def unguarded_by(manner: Manner, *, deadline_s: float = PATIENT_S) -> None:
    """Hold a position over its stop while the account is read in this manner: it is told and counted, and sold afterwards."""
    bot = stopped()
    guard, metric = guard_over(bot)
    with wired(bot, deadline_s=deadline_s) as wire:
        wire.proxy.behave(manner)
        tick(bot, guard)
        assert [] == bot.placed()
        wire.proxy.behave(PLAIN)
        tick(bot, guard)

    assert (PERIOD_S, ["unprotected"], EXIT) == (metric("unprotected_seconds_total"), bot.alarms(), bot.placed())


# C01


def test_c01_orders_in_flight_survive_an_hour_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two orders whose answers were lost stay unresolved through an hour of dead DNS, and both are adopted when it returns."""
    bot = paper_bot({BTC: "1000 1000 | 1000 1000", ETH: "500 500 | 500 500"}, says="buy")
    guard, _ = guard_over(bot)
    resolve = socket.getaddrinfo
    dead = [False]

    def lookup(*args: Any, **more: Any) -> Any:
        if dead[0]:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve(*args, **more)

    monkeypatch.setattr(deadline_network, "getaddrinfo", lookup)
    with wired(bot, host="localhost") as wire:
        wire.faults.add(FaultRule(action=LoseReply(), path=ORDERS, method="POST"))

        def then_names_die(method: Call, approved: RiskApproved) -> Submission:
            answer: Submission = method(approved)
            dead[0] = True
            wire.proxy.hang_up()
            return answer

        bot.upbit.always("submit", then_names_die)
        bot.run_cycle(BTC)
        dead[0] = False
        bot.run_cycle(ETH)
        tick(bot, guard, times=120)
        assert 2 == len(bot.books.intents.open_intents())
        dead[0] = False

        tick(bot, guard)

        assert 2 == len(wire.posts())
    assert () == bot.books.intents.open_intents()
    assert [BTC, ETH] == [order.market for order in bot.our_orders()]
    assert {BTC, ETH} == set(bot.state.positions)


# C02-C04: connections that break, drip and stall


def test_c02_a_read_whose_answer_is_reset_in_the_middle_is_asked_again() -> None:
    """A read that is cut off inside its answer is repeated, and the tick goes on as if nothing had been."""
    bot = stopped()
    with wired(bot) as wire:
        wire.proxy.behave(Manner(bytes_passed=200, resets=True, only=ACCOUNTS, times=2))

        bot.guard.tick()

    assert EXIT == bot.placed()


@pytest.mark.parametrize("resets", [True, False])
def test_c02_a_read_that_is_always_cut_off_is_given_up_after_three_attempts(resets: bool) -> None:
    """A read that never comes through whole is given up after three attempts, told, counted, and done at the next tick."""
    bot = stopped()
    with wired(bot) as wire:
        wire.proxy.behave(Manner(bytes_passed=200, resets=resets, only=ACCOUNTS))
        with pytest.raises(ExchangeUnavailable):
            bot.guard.tick()
        assert 3 == len(wire.log.matching("GET", "/v1/accounts"))

    unguarded_by(Manner(bytes_passed=200, resets=resets, only=ACCOUNTS))


def test_c03_an_answer_that_drips_ends_at_the_deadline_of_the_whole_call() -> None:
    """An answer that comes byte by byte never outlives the deadline of its call, though no single byte is late."""
    unguarded_by(Manner(drip_s=0.02, only=ACCOUNTS), deadline_s=TINY_S)


def test_c03_an_order_whose_answer_drips_is_looked_up() -> None:
    """An order whose answer drips has no verdict: it is looked up and adopted, and sent once."""
    bot = buyer()
    with wired(bot, deadline_s=TINY_S) as wire:
        wire.proxy.behave(Manner(drip_s=0.02, only=POST))

        report = bot.run_cycle()

        assert [ENTRY_ID] == wire.posts()
    assert (Outcome.TRADED, ENTRY) == (report.outcome, bot.placed())


def test_c04_a_connection_that_opens_and_is_silent_ends_at_the_deadline() -> None:
    """A call that nobody answers ends at its deadline, and the tick with it."""
    unguarded_by(Manner(stalls=True, only=ACCOUNTS), deadline_s=TINY_S)


def test_c04_an_order_that_nobody_answers_goes_again_under_its_identifier_only_after_it_was_looked_up() -> None:
    """An order that is swallowed in silence is looked up through the settle time, and then goes again under the same name."""
    bot = buyer()
    with wired(bot, deadline_s=TINY_S) as wire:
        wire.proxy.behave(Manner(stalls=True, only=POST, times=1))

        report = bot.run_cycle()

        sent = [request for request in wire.proxy.requests if request.startswith(POST)]
        looked = wire.paths().index("GET /v1/order") < wire.paths().index(f"POST {ORDERS}")
        assert (2, [ENTRY_ID], True) == (len(sent), wire.posts(), looked)
    assert (Outcome.TRADED, ENTRY) == (report.outcome, bot.placed())


# C05: connections that the other side has closed


def test_c05_an_order_after_the_peer_closed_the_kept_connection_goes_out_once_on_a_new_one() -> None:
    """An order never travels on a connection that served a read before, so that a dead one cannot swallow it."""

    def answer_and_close(peer: socket.socket, request: Request, gone: Event) -> None:
        peer.sendall(reply_json({"uuid": "v"}))
        peer.shutdown(socket.SHUT_RDWR)

    with bench(answer_and_close) as it:
        it.client.call("GET", "/v1/accounts")
        it.client.call("POST", ORDERS, body=BODY)

    assert ["GET", "POST"] == [request.method for request in it.server.requests]
    assert [1, 2] == [request.connection for request in it.server.requests]


def test_c05_connections_that_close_after_every_answer_change_nothing() -> None:
    """A venue that closes each connection after its answer is traded on as ever, with one request for each order."""
    bot = buyer()
    with wired(bot) as wire:
        wire.proxy.behave(Manner(hangs_up=True))

        report = bot.run_cycle()

        assert [ENTRY_ID] == wire.posts()
    assert (Outcome.TRADED, ENTRY) == (report.outcome, bot.placed())


@pytest.mark.parametrize("times", [1, 2])
def test_c05_an_order_whose_connection_closes_before_it_is_served_is_not_sent_again_in_silence(times: int) -> None:
    """A connection that closes under an order leaves it without a verdict; each further request follows a look-up."""
    bot = buyer()
    with wired(bot) as wire:
        wire.proxy.behave(Manner(drops=True, only=POST, times=times))

        report = bot.run_cycle()

        verbs = [request.split(b"?")[0].split(b" HTTP")[0] for request in wire.proxy.requests]
        orders = [place for place, verb in enumerate(verbs) if verb == POST.rstrip()]
        assert times + 1 == len(orders)
        assert all(b"GET /v1/order" in verbs[a:b] for a, b in pairwise(orders))
    assert (Outcome.TRADED, ENTRY) == (report.outcome, bot.placed())


def test_c05_an_order_whose_connection_closes_after_it_was_served_is_adopted() -> None:
    """A connection that closes instead of an answer leaves an order that is looked up, adopted and not sent again."""
    bot = buyer()
    with wired(bot) as wire:
        wire.proxy.behave(Manner(bytes_passed=0, only=POST))

        report = bot.run_cycle()

        assert [ENTRY_ID] == wire.posts()
    assert (Outcome.TRADED, ENTRY) == (report.outcome, bot.placed())


# C06-C09: peers that are not the venue, and answers that are not its own


def client_of(url: str) -> UpbitClient:
    clock = VenueClock(local=SystemClock(), follow=False)
    return UpbitClient(
        base_url=url,
        signer=None,
        limiter=UpbitLimiter(clock=clock),
        clock=clock,
        on_request=lambda *_: None,
        deadline_s=PATIENT_S,
    )


@pytest.mark.parametrize("fault", ["nobody vouches for it", "it has ended", "it names another address"])
def test_c06_a_certificate_that_is_not_the_venues_is_refused(fault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A certificate of a stranger, of another name, or one that has ended by this machine's clock ends the call."""
    trusted, stranger = authority(tmp_path, "trusted"), authority(tmp_path, "stranger")
    monkeypatch.setattr("certifi.where", lambda: str(trusted.certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger.certificate))
    contexts = {
        "nobody vouches for it": lambda: stranger.server("own"),
        "it has ended": lambda: trusted.server("old", days=-1),
        "it names another address": lambda: trusted.server("other", address="127.0.0.2"),
    }
    with RawServer(answers(reply_json([]))) as venue:
        with Proxy(venue.url, tls=trusted.server("good")) as line:
            good = client_of(line.url)
            assert 200 == good.call("GET", "/v1/market/all").status
            good.close()
        with Proxy(venue.url, tls=contexts[fault]()) as line:
            client = client_of(line.url)
            with pytest.raises(ExchangeUnavailable) as caught:
                client.call("GET", "/v1/market/all")
            client.close()
            assert [] == line.requests

    assert ("certificate_refused", 1) == (caught.value.cause, len(venue.requests))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/accounts"), ("POST", ORDERS)])
def test_c07_a_redirect_of_a_signed_request_is_not_followed(status: int, method: str, path: str) -> None:
    """A signed request that is sent on to another host goes nowhere: the signature stays with the venue."""
    with RawServer(answers(reply_json([]))) as elsewhere:
        moved = http(status, b"{}", Location=f"{elsewhere.url}/v1/accounts")
        with bench(answers(moved)) as it, pytest.raises(ExchangeUnavailable) as caught:
            it.client.call(method, path, body=BODY if method == "POST" else None)

    assert f"redirected_{status}" == caught.value.cause
    assert (0, 1) == (elsewhere.connections, len(it.server.requests))


def test_c07_an_order_that_is_redirected_is_looked_up_before_it_goes_again() -> None:
    """A redirected order has no verdict: it is looked up at the venue, and goes again there under the same identifier."""
    bot = buyer()
    with RawServer(answers(reply_json({"uuid": "stolen"}, 201))) as elsewhere, wired(bot) as wire:
        wire.faults.add(FaultRule(action=Redirect(f"{elsewhere.url}{ORDERS}"), path=ORDERS, method="POST", nth=1))

        bot.run_cycle()

        assert [ENTRY_ID, ENTRY_ID] == wire.posts()
    assert (0, ENTRY) == (elsewhere.connections, bot.placed())


def test_c08_a_page_of_html_is_an_outage() -> None:
    """A portal's page in place of answers is an outage: nothing is traded, the position counts as unwatched, and time stays."""
    bot = paper_bot("1000 1000 | 940 940 940", holding="100 @ 1000", says="sell")
    guard, metric = guard_over(bot)
    with wired(bot) as wire:
        wire.faults.add(FaultRule(action=Html(), path="/*"))
        tick(bot, guard)
        report = bot.run_cycle()
        assert ([], 0.0) == (bot.placed(), wire.clock.skew_s())
        wire.faults.clear()
        tick(bot, guard)

    assert (Outcome.FAILED, PERIOD_S, EXIT) == (report.outcome, metric("unprotected_seconds_total"), bot.placed())


def test_c08_a_page_of_html_in_place_of_the_answer_to_an_order_is_no_verdict() -> None:
    """A page with status 200 says nothing about an order: it is looked up, and goes again under the same identifier."""
    bot = buyer()
    with wired(bot) as wire:
        wire.faults.add(FaultRule(action=Html(), path=ORDERS, method="POST", nth=1))

        bot.run_cycle()

        assert [ENTRY_ID, ENTRY_ID] == wire.posts()
    assert ENTRY == bot.placed()


def test_c09_an_answer_of_fifty_megabytes_is_cut_off() -> None:
    """An answer beyond any that the venue gives is cut off at the limit, and counts as none."""
    bot = stopped()
    guard, metric = guard_over(bot)
    with wired(bot) as wire:
        wire.faults.add(FaultRule(action=Big(50), path="/v1/accounts", nth=1, count=3))
        tick(bot, guard)
        assert [] == bot.placed()
        tick(bot, guard)

    assert (PERIOD_S, EXIT) == (metric("unprotected_seconds_total"), bot.placed())


def test_c09_a_compressed_answer_is_never_unpacked() -> None:
    """No answer is decompressed, so that a small one cannot grow: it was not asked for, and counts as none."""
    bomb = gzip.compress(b'["' + b"x" * 50_000_000 + b'"]')
    packed = http(200, bomb, Content_Type="application/json", Content_Encoding="gzip")
    with bench(answers(packed)) as it, stamina.set_testing(True, attempts=1):
        with pytest.raises(ExchangeUnavailable):
            it.exchange.balances()
        reply = it.client.call("GET", "/v1/accounts")

    assert (None, True) == (reply.document, len(reply.text) <= len(bomb))
    assert {"identity"} == {request.headers["accept-encoding"] for request in it.server.requests}


# C10, C11: slow and lossy for long


def slow(bot: PaperBot, seconds: float) -> None:
    """Let each call of the venue take so long."""

    def around(operation: str, call: Callable[[], Any]) -> Any:
        if not operation.startswith("append "):
            bot.wait(seconds)
        return call()

    bot.upbit.around = around


def test_c10_when_every_call_takes_eight_seconds_the_guard_still_sells_and_is_not_taken_for_stuck() -> None:
    """With every call at its deadline a due stop is sold within the time after which a guard counts as stuck."""
    bot = stopped()
    slow(bot, 8.0)
    began = bot.clock.now()

    bot.guard.tick()

    assert EXIT == bot.placed()
    assert bot.our_orders()[0].created_at - began <= timedelta(seconds=90)
    assert bot.clock.now() - began < timedelta(minutes=3)


def test_c10_when_every_call_takes_eight_seconds_the_cycle_looks_at_risk_first_and_ends_inside_its_hour() -> None:
    """A slow cycle sells what is due before it collects anything, and one that buys ends well before the next begins."""
    holding, buying = stopped(), buyer()
    for bot in (holding, buying):
        slow(bot, 8.0)
        began_s = bot.clock.monotonic_s()
        bot.run_cycle()
        assert bot.clock.monotonic_s() - began_s < 600.0

    assert (EXIT, ENTRY) == (holding.placed(), buying.placed())
    assert "candles" not in holding.upbit.log


def lossy(line: random.Random, share: float) -> tuple[Fault, Fault]:
    """Lose so many of the requests and of the answers; gives the fault of reads and that of orders."""

    def read(method: Call, *args: Any) -> Any:
        for _ in range(ATTEMPTS):
            if line.random() < share:
                continue
            answer = method(*args)
            if line.random() >= share:
                return answer
        raise ExchangeUnavailable("read", "lost on the way")

    def order(method: Call, approved: RiskApproved) -> Submission:
        if line.random() < share:
            return Unclear("lost on the way there")
        answer: Submission = method(approved)
        return Unclear("lost on the way back") if line.random() < share else answer

    return read, order


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_c11_a_day_with_thirty_percent_loss_both_ways_costs_time_and_nothing_else(seed: int) -> None:
    """Through a day in which a third of requests and of answers are lost every invariant holds, and all is settled after."""
    hours = "1000 1010 940 930 950 960 905 900 910 990 940 1000 1000 950 900 960 910 1000 1000 940 890 900 990 940 1000"
    bot = paper_bot({BTC: f"1000 1000 | {hours}", ETH: f"1000 1000 | {' '.join(reversed(hours.split()))}"}, says="buy")
    guard, _ = guard_over(bot)
    read, order = lossy(random.Random(seed), 0.3)
    for operation in ("balances", "rules", "find", "list_orders", "candles", "order_book", "last_prices", "notices"):
        bot.upbit.always(operation, read)
    bot.upbit.always("submit", order)

    for _ in range(24):
        for market in (BTC, ETH):
            bot.run_cycle(market)
        for _ in range(20):
            bot.wait(120)
            guard.tick()
        bot.next_hour()
    bot.upbit.heal()
    for _ in range(12):
        tick(bot, guard)

    assert () == bot.books.intents.open_intents()
    assert len(bot.placed()) >= 2
    assert Decimal(0) <= bot.venue.account("KRW").balance
