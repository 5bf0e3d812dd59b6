"""Every strategy by its name."""

from collections.abc import Callable, Mapping

from dg_bot.errors import ConfigurationError
from dg_bot.strategies.base import Strategy
from dg_bot.strategies.bollinger_reentry import BollingerReentry, BollingerReentryParameters
from dg_bot.strategies.breakout import BreakoutParameters, VolatilityBreakout
from dg_bot.strategies.ema_cross import EmaCross, EmaCrossParameters
from dg_bot.strategies.grid import Grid, GridParameters
from dg_bot.strategies.macd_cross import MacdCross, MacdCrossParameters
from dg_bot.strategies.parameters import load_parameters
from dg_bot.strategies.rsi_reversal import RsiReversal, RsiReversalParameters
from dg_bot.strategies.sma_cross import SmaCross, SmaCrossParameters
from dg_bot.strategies.volume_profile import VolumeProfile, VolumeProfileParameters
from dg_bot.strategies.vwap_return import VwapReturn, VwapReturnParameters

Overrides = Mapping[str, str]

_MAKERS: Mapping[str, Callable[[str, Overrides], Strategy]] = {
    "volatility_breakout": lambda name, given: VolatilityBreakout(load_parameters(BreakoutParameters, name, given)),
    "sma_cross": lambda name, given: SmaCross(load_parameters(SmaCrossParameters, name, given)),
    "ema_cross": lambda name, given: EmaCross(load_parameters(EmaCrossParameters, name, given)),
    "macd_cross": lambda name, given: MacdCross(load_parameters(MacdCrossParameters, name, given)),
    "rsi_reversal": lambda name, given: RsiReversal(load_parameters(RsiReversalParameters, name, given)),
    "bollinger_reentry": lambda name, given: BollingerReentry(load_parameters(BollingerReentryParameters, name, given)),
    "vwap_return": lambda name, given: VwapReturn(load_parameters(VwapReturnParameters, name, given)),
    "volume_profile": lambda name, given: VolumeProfile(load_parameters(VolumeProfileParameters, name, given)),
    "grid": lambda name, given: Grid(load_parameters(GridParameters, name, given)),
}
STRATEGY_NAMES = tuple(_MAKERS)


def make_strategy(name: str, overrides: Overrides | None = None) -> Strategy:
    """Build a strategy from its parameter file with `overrides` (texts by parameter) over it.

    Raises ConfigurationError for a name that is not in the catalog, and for parameters as `load_parameters` does.
    """
    maker = _MAKERS.get(name)
    if maker is None:
        raise ConfigurationError("STRATEGY", f"{name!r} is not a strategy", f"choose one of {', '.join(STRATEGY_NAMES)}")
    return maker(name, overrides or {})
