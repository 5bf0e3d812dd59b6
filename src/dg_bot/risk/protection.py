"""How an entry will be protected: risk's fractions beside the strategy's distances, the tighter of each."""

from decimal import Decimal

from dg_bot.domain.money import QUANTITY_STEP, decimal_from_float
from dg_bot.domain.portfolio import ProtectionPlan
from dg_bot.risk.limits import RiskLimits


def protection_plan(
    *, limits: RiskLimits, atr: float, stop_distance: float, target_distance: float, trend_strength: float
) -> ProtectionPlan:
    """Fix the protection of an entry; distances in KRW, 0.0 where the strategy sets none, `atr` in KRW.

    Raises ImpossibleValue where a distance that is needed is not a finite number.
    """
    return ProtectionPlan(
        stop_fraction=limits.stop_loss_fraction,
        target_fraction=limits.take_profit_fraction,
        stop_distance_krw=_tighter(_of_strategy(stop_distance), _of_atr(atr, limits.atr_stop_multiple)),
        target_distance_krw=_tighter(_of_strategy(target_distance), _of_atr(atr, limits.atr_target_multiple)),
        trailing_distance_krw=_of_atr(atr, limits.trailing_atr_multiple),
        stage_fraction=limits.stage_fraction,
        trend_strength=trend_strength,
    )


def _of_strategy(distance: float) -> Decimal | None:
    return None if distance == 0.0 else decimal_from_float(distance, QUANTITY_STEP)


def _of_atr(atr: float, multiple: Decimal | None) -> Decimal | None:
    return None if multiple is None else decimal_from_float(atr * float(multiple), QUANTITY_STEP)


def _tighter(*distances: Decimal | None) -> Decimal | None:
    return min((distance for distance in distances if distance is not None), default=None)
