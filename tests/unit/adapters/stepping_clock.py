"""A clock that moves when it is slept on or stepped, and remembers the sleeps."""

from datetime import UTC, datetime, timedelta


class SteppingClock:
    def __init__(self, at: str = "2026-11-20T13:00:00") -> None:
        self.at = datetime.fromisoformat(at).replace(tzinfo=UTC)
        self.monotonic = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def skew_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        return self.monotonic

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.step(seconds)

    def step(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.monotonic += seconds
