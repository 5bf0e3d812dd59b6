"""Write settings as a `.env` file: whole or not at all, for its owner alone, and only where it reads back as it was meant."""

import re
from collections.abc import Mapping
from pathlib import Path

from dg_bot.adapters.atomic_file import cause_of, write_atomically
from dg_bot.app.env_file import env_values
from dg_bot.errors import ConfigurationError

_PLAIN = re.compile(r"[A-Za-z0-9_./:@,+=%-]*")
_HEAD = "# Written by scripts/setup.py; .env.example lists and explains every setting.\n"


def env_text(values: Mapping[str, str]) -> str:
    """Give the file's text; raises ConfigurationError, which names the setting, for a value that such a file cannot hold."""
    return _HEAD + "".join(f"{name}={_quoted(name, value)}\n" for name, value in values.items())


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Put the file in place; raises ConfigurationError."""
    data = env_text(values).encode()
    if env_values(data, path) != dict(values):
        raise ConfigurationError(str(path), "would not read back as it was meant", "report this as a defect")
    try:
        write_atomically(path, data)
    except OSError as error:
        raise ConfigurationError(str(path), f"cannot be written ({cause_of(error)})", "check the folder's rights") from error


def _quoted(name: str, value: str) -> str:
    """Give a value as it is, or in single quotes, between which neither this program nor docker-compose changes anything."""
    if _PLAIN.fullmatch(value):
        return value
    if not value.isprintable() or "'" in value or "\\" in value:
        raise ConfigurationError(name, "holds a quote, a backslash or what cannot be printed", "choose another value")
    return f"'{value}'"
