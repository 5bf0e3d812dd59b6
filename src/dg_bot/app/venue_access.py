"""Ways to the venue: which client, signed by which key, on which clock."""

from collections.abc import Callable

import structlog

from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.silence_file import SilenceFile
from dg_bot.adapters.upbit_client import RequestObserver, UpbitClient
from dg_bot.adapters.upbit_limiter import UpbitLimiter
from dg_bot.adapters.upbit_signer import UpbitSigner
from dg_bot.app.settings import Settings
from dg_bot.errors import StateError
from dg_bot.pipeline.books import Books

_log = structlog.get_logger(__name__)

# The demo's venue takes any key.
_DEMO_KEY = "demo-key-of-the-simulator-that-takes-any"


def access_keys(settings: Settings) -> tuple[str, str]:
    """Give the access and the secret key to sign with; those of the demo where none are set."""
    if settings.upbit_access_key is None or settings.upbit_secret_key is None:
        return _DEMO_KEY, _DEMO_KEY
    return settings.upbit_access_key.get_secret_value(), settings.upbit_secret_key.get_secret_value()


def upbit_client(settings: Settings, *, base_url: str, clock: VenueClock, on_request: RequestObserver) -> UpbitClient:
    """Build the transport to a venue; a block that an earlier process met holds for this one."""
    access_key, secret_key = access_keys(settings)
    silences = SilenceFile(settings.state_folder / "silence.json", clock=SystemClock())
    return UpbitClient(
        base_url=base_url,
        signer=UpbitSigner(access_key=access_key, secret_key=secret_key),
        limiter=UpbitLimiter(clock=clock, silences=silences),
        clock=clock,
        on_request=on_request,
    )


def sharing_alarm(books: Books) -> Callable[[str], None]:
    """Give the listener that tells the operator of calls that are refused for the use that somebody else makes of the budget."""

    def tell(group: str) -> None:
        text = (
            f"the exchange says that there were too many calls of group {group}, but this bot made fewer than it allows: "
            "another program uses the same key, pocket or address, or the limit was lowered"
        )
        try:
            books.alarm("shared_budget", text)
        except StateError as error:
            _log.error("alarm_not_recorded", error=str(error))

    return tell
