"""Which program this is: the hash of its sources, and the versions of what its figures depend on."""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from dg_bot import __version__

_SOURCES = (".py", ".sql", ".yaml")
_FIGURES = ("numpy", "TA-Lib")


@cache
def code_sha256() -> str:
    """Hash every source file of the package, by its name and content, in the order of names."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*") if path.suffix in _SOURCES):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def program() -> Mapping[str, str]:
    """Name what a decision is computed by."""
    libraries = {name.lower(): version(name) for name in _FIGURES}
    return {
        "version": __version__,
        "code_sha256": code_sha256(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        **libraries,
    }
