"""The time for which a messenger is left alone: it asked for a pause, or refused us."""

from dg_bot.errors import StoreError
from dg_bot.ports import Clock


class MessengerPause:
    """Refuses deliveries to `messenger` with the cause of a pause until that is over; begins without one."""

    def __init__(self, messenger: str, clock: Clock) -> None:
        self._messenger = messenger
        self._clock = clock
        self._until: tuple[float, str] | None = None

    def require_over(self) -> None:
        """Raise StoreError with the cause while the pause lasts."""
        if self._until is None:
            return
        until_s, cause = self._until
        if self._clock.monotonic_s() < until_s:
            raise StoreError(self._messenger, cause)
        self._until = None

    def begin(self, pause_s: float, cause: str) -> StoreError:
        """Begin a pause, and give the error that tells of it."""
        self._until = (self._clock.monotonic_s() + pause_s, cause)
        return StoreError(self._messenger, cause)
