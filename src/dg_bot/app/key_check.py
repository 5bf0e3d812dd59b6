"""Look whether a key can trade before anything depends on it: the account, an order that is only tested, and its last day."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.adapters.upbit_reads import UpbitReads
from dg_bot.app.live_checks import remedy_of
from dg_bot.app.settings import Settings
from dg_bot.app.venue_access import access_keys, upbit_client
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.ports import Accepted, KeyRefused, Rejected

_BUDGET_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: the key of the text that tells it, and what is put into that. `is_fatal` ends the checks."""

    text: str
    fields: dict[str, str]
    is_fatal: bool = False


def check_key(settings: Settings) -> Iterator[Finding]:
    """Tell what the venue says to the key of these settings, step by step, up to the first refusal; nothing is ordered."""
    try:
        with _exchange(settings) as (exchange, clock):
            won = exchange.balances().get("KRW")
            yield Finding("key.account", {"krw": f"{ZERO if won is None else won.total:,.0f}"})
            for market in settings.markets:
                finding = _tested(exchange, market)
                yield finding
                if finding.is_fatal:
                    return
            expires_at = exchange.key_expires_at()
            if expires_at is None:
                yield Finding("key.no_expiry", {})
            else:
                days = max(0, (expires_at - clock.now()) // timedelta(days=1))
                yield Finding("key.expiry", {"days": str(days), "date": f"{expires_at:%Y-%m-%d}"})
    except AuthenticationFailed as error:
        yield Finding("key.refused", {"name": error.name, "remedy": remedy_of(error.name)}, is_fatal=True)
    except (ExchangeUnavailable, DataError) as error:
        yield Finding("key.unknown", {"reason": str(error)}, is_fatal=True)


def _tested(exchange: UpbitExchange, market: Market) -> Finding:
    match exchange.test_order(market):
        case Accepted():
            return Finding("key.order", {"market": str(market)})
        case Rejected(name=name):
            # The key is good: this one order would be refused, for want of won most often.
            return Finding("key.order_refused", {"market": str(market), "name": name})
        case KeyRefused(name=name):
            return Finding("key.refused", {"name": name, "remedy": remedy_of(name)}, is_fatal=True)
        case _:
            return Finding("key.order_unclear", {"market": str(market)})


@contextmanager
def _exchange(settings: Settings) -> Iterator[tuple[UpbitExchange, VenueClock]]:
    clock = VenueClock(local=SystemClock(), follow=settings.clock_from_venue)
    client = upbit_client(
        settings, base_url=settings.upbit_base_url, clock=clock, on_request=lambda _group, _status, _seconds: None
    )
    try:
        reads = UpbitReads(client=client, clock=clock, budget_s=_BUDGET_S)
        yield UpbitExchange(client=client, reads=reads, clock=clock, access_key=access_keys(settings)[0]), clock
    finally:
        client.close()
