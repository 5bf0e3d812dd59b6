"""What stage 2 demands of candles and of a market's fees."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLimits:
    """How much history is collected, how large a hole near its end may be, and what a round trip may cost in fees."""

    history: timedelta = timedelta(days=730)
    gap_window: int = 50
    max_gap_hours: int = 1
    max_round_trip_fee: Decimal = Decimal("0.005")
