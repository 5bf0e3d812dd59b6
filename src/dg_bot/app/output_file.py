"""The file that a command was told to write to."""

import os
from pathlib import Path

from dg_bot.errors import DataError


def write_output(file: Path, text: str) -> None:
    """Write a text as UTF-8 over what is there, into a new file for its owner alone; raises DataError where that cannot be."""
    try:
        with open(file, "w", encoding="utf-8", opener=_private) as output:
            output.write(text)
    except OSError as error:
        raise DataError(str(file), f"cannot be written ({error.strerror})") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
