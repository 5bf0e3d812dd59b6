"""How much to buy: the smallest of Kelly, the cap, the volatility target and the headroom."""

from dataclasses import dataclass
from decimal import Decimal

from dg_bot.domain.gate import Gate
from dg_bot.domain.money import WON, ZERO, floor_to
from dg_bot.domain.screen import ScreenResult
from dg_bot.risk.limits import RiskLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySize:
    """Won to spend on an entry before fees, whole won; `ceiling_krw` is what it may be raised to for the venue's minimum."""

    notional_krw: Decimal
    ceiling_krw: Decimal
    gates: tuple[Gate, ...]


def entry_size(
    *,
    equity_krw: Decimal,
    headroom_krw: Decimal,
    screen: ScreenResult | None,
    is_screen_advisory: bool,
    stop_fraction: Decimal,
    limits: RiskLimits,
) -> EntrySize:
    """Size an entry.

    `headroom_krw` is what stage 1 left open of exposure, the day's cap and one position's cap; what is free after the fee is the
    planner's to see to. `stop_fraction` is the distance of the stop that will hold, over the price. Without a screen the cap
    decides; with one that only warns a fixed small fraction does, whatever it found; with one that must be passed half Kelly
    does, up to the cap.
    """
    cap = limits.max_position_fraction
    if screen is None:
        fraction = cap
    elif is_screen_advisory:
        fraction = min(cap, limits.unscreened_position_fraction)
    else:
        fraction = min(cap, screen.half_kelly_fraction)
    gates = [Gate("size_fraction", fraction, f"up to {cap}", fraction > ZERO)]
    if limits.volatility_target_fraction is not None:
        by_volatility = limits.volatility_target_fraction / stop_fraction
        gates.append(Gate("volatility_size_fraction", round(by_volatility, 6), f"up to {cap}", by_volatility > ZERO))
        fraction = min(fraction, by_volatility)
    capital = equity_krw if limits.capital_krw is None else min(equity_krw, limits.capital_krw)
    ceiling = min(capital * cap, headroom_krw)
    notional = min(capital * fraction * limits.buy_fraction, headroom_krw)
    return EntrySize(
        notional_krw=floor_to(max(notional, ZERO), WON), ceiling_krw=floor_to(max(ceiling, ZERO), WON), gates=tuple(gates)
    )
