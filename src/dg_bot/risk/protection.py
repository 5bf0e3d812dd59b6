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
    stops = [stop_distance] if stop_distance > 0.0 else []
    targets = [target_distance] if target_distance > 0.0 else []
    if limits.atr_stop_multiple is not None:
        stops.append(atr * float(limits.atr_stop_multiple))
    if limits.atr_target_multiple is not None:
        targets.append(atr * float(limits.atr_target_multiple))
    return ProtectionPlan(
        stop_fraction=limits.stop_loss_fraction,
        target_fraction=limits.take_profit_fraction,
        stop_distance_krw=_distance(min(stops)) if stops else None,
        target_distance_krw=_distance(min(targets)) if targets else None,
        trailing_distance_krw=(
            None if limits.trailing_atr_multiple is None else _distance(atr * float(limits.trailing_atr_multiple))
        ),
        stage_fraction=limits.stage_fraction,
        trend_strength=trend_strength,
    )


def _distance(krw: float) -> Decimal:
    return decimal_from_float(krw, QUANTITY_STEP)
