"""Ways to the venue: which client, signed by which key, on which clock; and the balances alone, for the doctor."""

from collections.abc import Iterator
from contextlib import contextmanager

from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.paper_exchange import stored_balances as paper_balances
from dg_bot.adapters.upbit_client import RequestObserver, UpbitClient
from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.adapters.upbit_limiter import UpbitLimiter
from dg_bot.adapters.upbit_reads import UpbitReads
from dg_bot.adapters.upbit_signer import UpbitSigner
from dg_bot.app.demo_venue import stored_balances as demo_balances
from dg_bot.app.doctor import Balances
from dg_bot.app.settings import Settings
from dg_bot.domain.cycle_report import Mode

# The demo's venue takes any key.
_DEMO_KEY = "demo-key-of-the-simulator-that-takes-any"


def access_keys(settings: Settings) -> tuple[str, str]:
    """Give the access and the secret key to sign with; those of the demo where none are set."""
    if settings.upbit_access_key is None or settings.upbit_secret_key is None:
        return _DEMO_KEY, _DEMO_KEY
    return settings.upbit_access_key.get_secret_value(), settings.upbit_secret_key.get_secret_value()


def upbit_client(settings: Settings, *, base_url: str, clock: VenueClock, on_request: RequestObserver) -> UpbitClient:
    """Build the transport to a venue."""
    access_key, secret_key = access_keys(settings)
    return UpbitClient(
        base_url=base_url,
        signer=UpbitSigner(access_key=access_key, secret_key=secret_key),
        limiter=UpbitLimiter(clock=clock),
        clock=clock,
        on_request=on_request,
    )


@contextmanager
def account_balances(settings: Settings) -> Iterator[Balances]:
    """Give a way to read the account's balances; the demo's and the paper's lie in their own files."""
    if settings.mode is Mode.LIVE:
        clock = VenueClock(local=SystemClock(), follow=settings.clock_from_venue)
        client = upbit_client(
            settings, base_url=settings.upbit_base_url, clock=clock, on_request=lambda _group, _status, _seconds: None
        )
        reads = UpbitReads(client=client, clock=clock)
        try:
            yield UpbitExchange(client=client, reads=reads, clock=clock, access_key=access_keys(settings)[0]).balances
        finally:
            client.close()
    elif settings.mode is Mode.PAPER:
        yield lambda: paper_balances(settings.data_folder / "paper_account.json")
    else:
        yield lambda: demo_balances(settings.data_folder / "venue.json")
