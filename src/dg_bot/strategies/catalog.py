"""Every strategy of the bot's own by its name."""

from collections.abc import Mapping
from importlib import import_module

from dg_bot.errors import ConfigurationError
from dg_bot.strategies.base import Strategy
from dg_bot.strategies.discovery import strategy_kind
from dg_bot.strategies.parameters import shipped_values

Overrides = Mapping[str, str]

# Imported when one is asked for: what only reads settings need not wait for TA-Lib.
_MODULES: Mapping[str, str] = {
    "volatility_breakout": "breakout",
    "sma_cross": "sma_cross",
    "ema_cross": "ema_cross",
    "macd_cross": "macd_cross",
    "rsi_reversal": "rsi_reversal",
    "bollinger_reentry": "bollinger_reentry",
    "vwap_return": "vwap_return",
    "volume_profile": "volume_profile",
    "grid": "grid",
}
STRATEGY_NAMES = tuple(_MODULES)


def make_strategy(name: str, overrides: Overrides | None = None) -> Strategy:
    """Build a strategy from its parameter file with `overrides` (texts by parameter) over it.

    Raises ConfigurationError for a name that is not in the catalog, and for parameters as `build_parameters` does.
    """
    if name not in _MODULES:
        raise ConfigurationError("STRATEGY", f"{name!r} is not a strategy", f"choose one of {', '.join(STRATEGY_NAMES)}")
    kind = strategy_kind(import_module(f"dg_bot.strategies.{_MODULES[name]}"), name)
    return kind.build(f"{name}.yaml", {**shipped_values(name), **(overrides or {})})
