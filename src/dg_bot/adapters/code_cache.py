"""Machine code kept between processes, private to its owner, a folder for each version of what it was made of."""

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

from dg_bot.adapters.atomic_file import make_private_folder, open_private, write_atomically

_DIGEST_SIZE = hashlib.sha256().digest_size
# Some ten versions are in use at a time, one for each compiled function; each takes about 30 kB.
_VERSIONS = 64


def cache_folder() -> Path:
    """Give the place for what can be made again: XDG_CACHE_HOME/dg_bot, or .cache/dg_bot at home."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    return (Path(chosen) if chosen else Path.home() / ".cache") / "dg_bot"


def kept_code(version: str, name: str) -> bytes | None:
    """Give what `keep_code` kept; None where there is nothing, or nothing that is whole and this user's own."""
    try:
        with os.fdopen(open_private(_path(version, name), os.O_RDONLY), "rb") as file:
            content = file.read()
    except (OSError, RuntimeError):  # Path.home() raises the latter where nobody has a home
        return None
    digest, code = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    return code if hashlib.sha256(code).digest() == digest else None


def keep_code(version: str, name: str, code: bytes) -> bool:
    """Keep code for the next process and tell whether that could be done; the same from two processes at once does no harm.

    All but the newest 64 versions are removed. A process that still wants one of them makes it anew.
    """
    try:
        path = _path(version, name)
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        make_private_folder(path.parent.parent)
        make_private_folder(path.parent)
        write_atomically(path, hashlib.sha256(code).digest() + code)
    except (OSError, RuntimeError):
        return False
    _remove_old(path.parent.parent)
    return True


def _remove_old(folder: Path) -> None:
    """Remove all but the newest versions, as far as that goes: another process may be at it, too."""
    with suppress(OSError):
        versions = sorted(folder.iterdir(), key=lambda version: version.stat().st_mtime_ns)
        for old in versions[:-_VERSIONS]:
            shutil.rmtree(old, ignore_errors=True)


def _path(version: str, name: str) -> Path:
    return cache_folder() / version / f"{name}.o"
