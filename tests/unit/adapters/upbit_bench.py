"""A client of ours against a server of the test, with what it reported."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.upbit_client import UpbitClient
from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.adapters.upbit_limiter import UpbitLimiter
from dg_bot.adapters.upbit_market_data import UpbitMarketData
from dg_bot.adapters.upbit_reads import UpbitReads
from dg_bot.adapters.upbit_signer import Params
from dg_bot.ports import Clock
from tests.unit.adapters.raw_server import Behaviour, RawServer

PATIENT_S = 20.0
TINY_S = 0.3
AUTHORIZATION = "Bearer token-of-the-test"


class PlainSigner:
    """Signs nothing: what is signed has tests of its own."""

    def authorization(self, params: Params | None) -> str:
        return AUTHORIZATION


@dataclass
class Bench:
    server: RawServer
    client: UpbitClient
    clock: VenueClock
    reported: list[tuple[str, int | None]] = field(default_factory=list)

    @property
    def market_data(self) -> UpbitMarketData:
        return UpbitMarketData(reads=UpbitReads(client=self.client, clock=self.clock), clock=self.clock)

    @property
    def exchange(self) -> UpbitExchange:
        reads = UpbitReads(client=self.client, clock=self.clock)
        return UpbitExchange(client=self.client, reads=reads, clock=self.clock, access_key="ours")

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.server.requests]


@contextmanager
def bench(
    behaviour: Behaviour, *, deadline_s: float = PATIENT_S, follow: bool = False, local: Clock | None = None
) -> Iterator[Bench]:
    """Serve with `behaviour`, and give a client of it that waits for `deadline_s` at most; its pauses pass on `local`."""
    clock = VenueClock(local=local or SystemClock(), follow=follow)
    reported: list[tuple[str, int | None]] = []
    with RawServer(behaviour) as server:
        client = UpbitClient(
            base_url=server.url,
            signer=PlainSigner(),
            limiter=UpbitLimiter(clock=clock),
            clock=clock,
            on_request=lambda group, status, _: reported.append((group, status)),
            deadline_s=deadline_s,
        )
        try:
            yield Bench(server, client, clock, reported)
        finally:
            client.close()
