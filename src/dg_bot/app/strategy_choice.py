"""Strategies by name for whoever trades or tests: the bot's own as they are, a user's file once it has passed its check."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from dg_bot.adapters.atomic_file import cause_of
from dg_bot.adapters.strategy_files import NAME, FileStrategy, find_strategy
from dg_bot.app.settings import Settings
from dg_bot.backtesting.strategy_checks import strategy_problem
from dg_bot.errors import ConfigurationError, DataError
from dg_bot.strategies.base import Strategy
from dg_bot.strategies.catalog import STRATEGY_NAMES

_MEND = "mend the file, then run scripts/backtesting/check_strategy.py on it"


def chosen_strategy(settings: Settings, name: str, overrides: Mapping[str, str] | None = None) -> Strategy:
    """Build the strategy; raises ConfigurationError as `find_strategy` does, and for a file that does not pass its check."""
    strategy = find_strategy(name, overrides, folder=settings.strategy_folder)
    if isinstance(strategy, FileStrategy):
        require_sound(strategy)
    return strategy


def require_sound(strategy: FileStrategy) -> None:
    """Raise ConfigurationError for a strategy that knows later bars, or does not keep to its form otherwise."""
    try:
        problem = strategy_problem(strategy)
    except DataError as error:
        raise ConfigurationError(error.source, error.problem, _MEND) from error
    if problem is not None:
        raise ConfigurationError(str(strategy.path), problem, _MEND)


def begin_strategy(settings: Settings, name: str) -> Path:
    """Write the template as a new file of STRATEGY_DIR and give its path; raises ConfigurationError."""
    folder = settings.strategy_folder
    if folder is None:
        raise ConfigurationError(
            "STRATEGY_DIR", "is not set", "name a folder for your strategies in .env: STRATEGY_DIR=my_strategies"
        )
    if NAME.fullmatch(name) is None or name in STRATEGY_NAMES:
        problem = "is one of the bot's own" if name in STRATEGY_NAMES else "is no name of a strategy"
        raise ConfigurationError(repr(name), problem, "use another one, of a-z, 0-9 and _")
    path = folder / f"{name}.py"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(files("dg_bot.strategies").joinpath("template.py").read_bytes())
    except FileExistsError as error:
        raise ConfigurationError(str(path), "is there already", "use another name") from error
    except OSError as error:
        raise ConfigurationError(
            str(path), f"cannot be written ({cause_of(error)})", "check the folder and its rights"
        ) from error
    return path
