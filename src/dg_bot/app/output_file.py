"""The file that a command was told to write to."""

from pathlib import Path

from dg_bot.errors import DataError


def write_output(file: Path, text: str) -> None:
    """Write a text as UTF-8 over what is there; raises DataError where that cannot be."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(str(file), f"cannot be written ({error.strerror})") from error
