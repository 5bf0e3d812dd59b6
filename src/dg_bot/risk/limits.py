"""Every limit of risk, as one value; what cannot be meant is refused."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from dg_bot.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """Limits of the account; fractions are of equity unless their name says otherwise.

    The optional rules (ATR stop and target, trailing stop, staged profit, volatility sizing) are off where their value is None.
    Raises ConfigurationError naming the setting that is out of range.
    """

    daily_loss_fraction: Decimal = Decimal("0.10")
    weekly_loss_fraction: Decimal = Decimal("0.15")
    safe_mode_hours: int | None = None
    stop_loss_fraction: Decimal = Decimal("0.05")
    take_profit_fraction: Decimal = Decimal("0.10")
    atr_stop_multiple: Decimal | None = None
    atr_target_multiple: Decimal | None = None
    trailing_atr_multiple: Decimal | None = None
    stage_fraction: Decimal | None = None
    entry_interval: timedelta = timedelta(hours=4)
    max_entries_per_day: int = 5
    max_position_fraction: Decimal = Decimal("0.10")
    unscreened_position_fraction: Decimal = Decimal("0.02")
    max_positions: int = 7
    max_exposure_fraction: Decimal = Decimal("0.80")
    volatility_target_fraction: Decimal | None = None
    buy_fraction: Decimal = Decimal(1)
    sell_fraction: Decimal = Decimal(1)
    capital_krw: Decimal | None = None
    max_orders_per_hour: int = 10
    max_krw_per_day: Decimal = Decimal(5_000_000)
    max_clock_skew_s: float = 30.0

    def __post_init__(self) -> None:
        self._require_fractions()
        self._require_counts()
        if self.stop_loss_fraction * self.max_position_fraction >= self.daily_loss_fraction:
            raise ConfigurationError(
                "RISK_STOP_LOSS_FRACTION",
                f"{self.stop_loss_fraction} of a position of {self.max_position_fraction} of equity reaches "
                f"RISK_DAILY_LOSS_FRACTION {self.daily_loss_fraction}",
                "one position would trip the loss breaker before its stop; lower the stop or RISK_MAX_POSITION_FRACTION",
            )
        if self.weekly_loss_fraction < self.daily_loss_fraction:
            raise ConfigurationError(
                "RISK_WEEKLY_LOSS_FRACTION",
                f"{self.weekly_loss_fraction} is below RISK_DAILY_LOSS_FRACTION {self.daily_loss_fraction}",
                "a week must allow at least what a day allows",
            )
        if self.stage_fraction is not None and self.stage_fraction >= self.take_profit_fraction:
            raise ConfigurationError(
                "RISK_STAGED_PROFIT_FRACTION",
                f"{self.stage_fraction} is not below RISK_TAKE_PROFIT_FRACTION {self.take_profit_fraction}",
                "the first stage must come before the target",
            )

    def _require_fractions(self) -> None:
        below_one = {
            "RISK_DAILY_LOSS_FRACTION": self.daily_loss_fraction,
            "RISK_WEEKLY_LOSS_FRACTION": self.weekly_loss_fraction,
            "RISK_STOP_LOSS_FRACTION": self.stop_loss_fraction,
        }
        up_to_one = {
            "RISK_TAKE_PROFIT_FRACTION": self.take_profit_fraction,
            "RISK_MAX_POSITION_FRACTION": self.max_position_fraction,
            "RISK_UNSCREENED_POSITION_FRACTION": self.unscreened_position_fraction,
            "RISK_MAX_EXPOSURE_FRACTION": self.max_exposure_fraction,
            "RISK_BUY_FRACTION": self.buy_fraction,
            "RISK_SELL_FRACTION": self.sell_fraction,
            "RISK_STAGED_PROFIT_FRACTION": self.stage_fraction,
            "RISK_VOLATILITY_TARGET_FRACTION": self.volatility_target_fraction,
        }
        positive = {
            "RISK_ATR_STOP_MULTIPLE": self.atr_stop_multiple,
            "RISK_ATR_TARGET_MULTIPLE": self.atr_target_multiple,
            "RISK_TRAILING_ATR_MULTIPLE": self.trailing_atr_multiple,
            "RISK_CAPITAL_KRW": self.capital_krw,
            "RISK_MAX_KRW_PER_DAY": self.max_krw_per_day,
        }
        for name, value in below_one.items():
            if not (value.is_finite() and 0 < value < 1):
                raise ConfigurationError(
                    name, f"{value} is out of range", "give a fraction between 0 and 1, such as 0.05 for 5 %"
                )
        for name, value_or_none in up_to_one.items():
            if value_or_none is not None and not (value_or_none.is_finite() and 0 < value_or_none <= 1):
                raise ConfigurationError(name, f"{value_or_none} is out of range", "give a fraction above 0 and up to 1")
        for name, value_or_none in positive.items():
            if value_or_none is not None and not (value_or_none.is_finite() and value_or_none > 0):
                raise ConfigurationError(name, f"{value_or_none} is out of range", "give a number above 0")

    def _require_counts(self) -> None:
        counts = {
            "RISK_MAX_ENTRIES_PER_DAY": self.max_entries_per_day,
            "RISK_MAX_POSITIONS": self.max_positions,
            "RISK_MAX_ORDERS_PER_HOUR": self.max_orders_per_hour,
            "RISK_SAFE_MODE_HOURS": self.safe_mode_hours,
        }
        for name, count in counts.items():
            if count is not None and count < 1:
                raise ConfigurationError(name, f"{count} is out of range", "give a whole number of at least 1")
        if self.entry_interval < timedelta(0):
            raise ConfigurationError("RISK_ENTRY_INTERVAL_HOURS", "is negative", "give hours of at least 0")
        if not 0 < self.max_clock_skew_s <= 300:
            raise ConfigurationError(
                "RISK_MAX_CLOCK_SKEW_SECONDS", f"{self.max_clock_skew_s} is out of range", "give seconds above 0 and up to 300"
            )
