"""Strategies that a user wrote, one Python file each, from a folder that was chosen for them.

A file is code and runs with all the rights of the bot. So it is looked for in that folder only, and neither file nor folder may
be writable for everybody or belong to somebody else.
"""

import os
import re
import stat
import sys
import traceback
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from dg_bot.adapters.atomic_file import cause_of
from dg_bot.errors import BotError, ConfigurationError, DataError
from dg_bot.indicators.bars import Bars
from dg_bot.strategies.base import BarExits, Signals, Strategy
from dg_bot.strategies.catalog import STRATEGY_NAMES, make_strategy
from dg_bot.strategies.discovery import strategy_kind
from dg_bot.strategies.parameters import Parameters, parse_lines
from dg_bot.strategies.signal_shape import shape_problem

NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def strategy_names(folder: Path | None) -> tuple[str, ...]:
    """Give the names of the catalog, and behind them those of the files in a folder."""
    if folder is None or not folder.is_dir():
        return STRATEGY_NAMES
    own = sorted(path.stem for path in folder.glob("*.py") if NAME.fullmatch(path.stem))
    return (*STRATEGY_NAMES, *(name for name in own if name not in STRATEGY_NAMES))


def find_strategy(name: str, overrides: Mapping[str, str] | None = None, *, folder: Path | None) -> Strategy:
    """Build a strategy of the catalog, or else the one in `folder`/`name`.py with `overrides` over the `name`.yaml beside it.

    Raises ConfigurationError for a name that neither has, for a file that is unsafe, breaks or has no strategy in it, and for
    parameters that it refuses.
    """
    if name in STRATEGY_NAMES:
        return make_strategy(name, overrides)
    if folder is None or NAME.fullmatch(name) is None or not (folder / f"{name}.py").exists():
        raise _unknown(name, folder)
    return load_strategy_file(folder / f"{name}.py", overrides)


def load_strategy_file(path: Path, overrides: Mapping[str, str] | None = None) -> "FileStrategy":
    """Run a strategy file and build what it defines; raises ConfigurationError as `find_strategy` does."""
    if NAME.fullmatch(path.stem) is None or path.suffix != ".py":
        raise ConfigurationError(str(path), "is no name of a strategy file", "use a-z, 0-9 and _, and .py at the end")
    kind = strategy_kind(_module(path), str(path))
    values_path = path.with_suffix(".yaml")
    values = parse_lines(str(values_path), _safe_text(values_path)) if values_path.exists() else {}
    try:
        strategy = kind.build(values_path.name, {**values, **(overrides or {})})
        told = strategy.name
    except BotError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigurationError(_place(path, error), _words(error), "mend the file") from error
    if told != path.stem:
        raise ConfigurationError(
            str(path), f"its strategy calls itself {told!r}", f"let name give {path.stem!r}, or rename the file"
        )
    return FileStrategy(strategy, path)


class FileStrategy:
    """A strategy from a file: each call's signals are looked over, and what breaks in it is told by its line."""

    def __init__(self, strategy: Strategy, path: Path) -> None:
        self._strategy = strategy
        self.path = path

    @property
    def name(self) -> str:
        return self._strategy.name

    @property
    def parameters(self) -> Parameters:
        return self._strategy.parameters

    @property
    def warm_up(self) -> int:
        return self._strategy.warm_up

    @property
    def bar_exits(self) -> BarExits:
        return self._strategy.bar_exits

    def signals(self, bars: Bars) -> Signals:
        """Give the signals of the file; raises DataError where it breaks or they do not fit the bars."""
        try:
            signals = self._strategy.signals(bars)
        except BotError:
            raise
        # An exit is no way out of the thread that it happens to run on: that of the cycles would end without a word.
        except (Exception, SystemExit) as error:
            raise DataError(_place(self.path, error), _words(error)) from error
        if problem := shape_problem(signals, len(bars)):
            raise DataError(str(self.path), problem)
        return signals


class _CheckedSource(SourceLoader):
    """Runs the very bytes that were looked over, and keeps no compiled copy beside them."""

    def __init__(self, path: Path, source: bytes) -> None:
        self._path = path
        self._source = source

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 - importlib's signature
        return str(self._path)

    def get_data(self, path: str | bytes) -> bytes:  # noqa: ARG002 - importlib's signature
        return self._source


def _module(path: Path) -> ModuleType:
    """Import a file under a name of its own, so that its classes find their module; a second time gives it anew."""
    name = f"dg_bot_own_strategies.{path.stem}"
    loader = _CheckedSource(path, _safe_bytes(path))
    spec = spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ConfigurationError(str(path), "cannot be imported", "give a Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ConfigurationError(_place(path, error), _words(error), "mend the file") from error
    return module


def _safe_text(path: Path) -> str:
    try:
        return _safe_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(str(path), "is not UTF-8 text", "save it as UTF-8") from error


def _safe_bytes(path: Path) -> bytes:
    """Read a file that nobody else can change, out of a folder of which the same holds; raises ConfigurationError."""
    try:
        _require_ours(path.parent, path.parent.stat())
        with path.open("rb") as file:
            _require_ours(path, os.fstat(file.fileno()))
            return file.read()
    except OSError as error:
        raise ConfigurationError(str(path), f"cannot be read ({cause_of(error)})", "check its path and rights") from error


def _require_ours(path: Path, status: os.stat_result) -> None:
    # What root owns only root changes, and an image's files are root's.
    if status.st_uid not in (os.geteuid(), 0):
        problem = f"belongs to user {status.st_uid}, and it would run with the rights of user {os.geteuid()}"
        raise ConfigurationError(str(path), problem, f"make it yours: chown {os.geteuid()} {path}")
    if status.st_mode & stat.S_IWOTH:
        raise ConfigurationError(str(path), "can be changed by every user of this machine", f"run: chmod o-w {path}")


def _unknown(name: str, folder: Path | None) -> ConfigurationError:
    if folder is None:
        remedy = f"choose one of {', '.join(STRATEGY_NAMES)}, or set STRATEGY_DIR to the folder of your own"
    else:
        names = strategy_names(folder)
        nearest = get_close_matches(name, names, n=1)
        near = f"did you mean {nearest[0]}? There are" if nearest else "there are"
        missing = "" if folder.is_dir() else ", which is not there"
        remedy = f"{near} {', '.join(names)}; your own are looked for in {folder}{missing}"
    return ConfigurationError("STRATEGY", f"{name!r} is not a strategy", remedy)


def _place(path: Path, error: BaseException) -> str:
    """Name the file, and the last of its lines that the error came through."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path} line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path} line {lines[-1]}" if lines else str(path)


def _words(error: BaseException) -> str:
    """Write an error as the last line of its traceback."""
    return traceback.format_exception_only(error)[-1].strip()
