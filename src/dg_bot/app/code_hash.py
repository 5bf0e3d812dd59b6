"""Which program this is: the hash of its sources, and the versions of what its figures depend on."""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from dg_bot import __version__
from dg_bot.adapters.strategy_files import FileStrategy
from dg_bot.strategies.base import Strategy

_SOURCES = (".py", ".sql", ".yaml")
_FIGURES = ("numpy", "TA-Lib")


@cache
def code_sha256(*own: Path) -> str:
    """Hash every source file of the package, by its name and content, in the order of names; then the user's `own`."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in (*sorted(path for path in package.rglob("*") if path.suffix in _SOURCES), *own):
        content = path.read_bytes()
        name = path.name if path in own else path.relative_to(package).as_posix()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def own_files(strategy: Strategy) -> tuple[Path, ...]:
    """Give the file of a strategy of the user's own; the bot's own strategies are part of the package."""
    return (strategy.path,) if isinstance(strategy, FileStrategy) else ()


@cache
def program(*own: Path) -> Mapping[str, str]:
    """Name what a decision is computed by."""
    libraries = {name.lower(): version(name) for name in _FIGURES}
    return {
        "version": __version__,
        "code_sha256": code_sha256(*own),
        "python": platform.python_version(),
        "machine": platform.machine(),
        **libraries,
    }
