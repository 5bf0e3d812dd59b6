"""Find in a module the strategy that it defines, and build it from texts."""

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast, get_type_hints

from dg_bot.errors import ConfigurationError
from dg_bot.strategies.base import Strategy
from dg_bot.strategies.parameters import Parameters, build_parameters

GUIDE = "see docs/own-strategy.md"
_PROPERTIES = ("name", "warm_up", "bar_exits")


@dataclass(frozen=True, slots=True)
class StrategyKind:
    """A strategy's class and the class of its parameters."""

    strategy: type[Any]
    parameters: type[Parameters]

    def build(self, source: str, values: Mapping[str, str]) -> Strategy:
        """Build the strategy with parameters in texts; raises ConfigurationError as `build_parameters` does."""
        return cast(Strategy, self.strategy(build_parameters(self.parameters, source, values)))


def strategy_kind(module: ModuleType, source: str) -> StrategyKind:
    """Find the one class with `signals` that a module defines; its constructor names the class of its parameters.

    Raises ConfigurationError naming `source` where there is none, or more than one, or one of another form.
    """
    kinds: list[type[Any]] = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]
    found = [one for one in kinds if callable(getattr(one, "signals", None))]
    if not found:
        raise ConfigurationError(source, "there is no strategy in it: no class has a method signals(self, bars)", GUIDE)
    if len(found) > 1:
        names = ", ".join(one.__name__ for one in found)
        raise ConfigurationError(source, f"there is more than one strategy in it: {names}", "put each into a file of its own")
    strategy = found[0]
    where = f"{source}, class {strategy.__name__}"
    for name in _PROPERTIES:
        if not hasattr(strategy, name):
            raise ConfigurationError(where, f"it has no {name}", GUIDE)
    if len(inspect.signature(strategy.signals).parameters) != 2:
        raise ConfigurationError(where, f"signals{inspect.signature(strategy.signals)} must take (self, bars)", GUIDE)
    return StrategyKind(strategy, _parameters_of(strategy, where))


def _parameters_of(strategy: type[Any], where: str) -> type[Parameters]:
    signature = inspect.signature(strategy.__init__)
    names = list(signature.parameters)
    if len(names) != 2 or names[1] != "parameters":
        raise ConfigurationError(where, f"__init__{signature} must take (self, parameters)", GUIDE)
    kind = get_type_hints(strategy.__init__).get("parameters")
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise ConfigurationError(where, "__init__ does not say which dataclass its parameters are", GUIDE)
    # dataclass() keeps what it was called with there; the attribute is as old as the module, and not in the type stubs.
    if not cast(Any, kind).__dataclass_params__.frozen:
        raise ConfigurationError(
            f"{where}, class {kind.__name__}", "its parameters could change", "write @dataclass(frozen=True)"
        )
    return kind
