"""The `.env` file: what is written in it, under rights that keep its secrets."""

import os
import stat
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from dg_bot.errors import ConfigurationError, UnsafeSetup


def read_env_file(path: Path) -> dict[str, str]:
    """Read `KEY=value` lines; a byte-order mark, CRLF, quotes and spaces are fine, a repeated key or a stray line is not."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(path), "cannot be read as UTF-8 text", "mend the file or its rights") from error
    values: dict[str, str] = {}
    for binding in parse_stream(StringIO(text.replace("\r\n", "\n"))):
        if binding.error or (binding.key is not None and binding.value is None):
            line = binding.original.line
            raise ConfigurationError(f"{path} line {line}", "is not KEY=value", "mend or remove the line")
        if binding.key is None:
            continue
        if binding.key in values:
            raise ConfigurationError(binding.key, f"stands twice in {path}", "keep one of them")
        values[binding.key] = binding.value or ""
    return values


def require_private(path: Path) -> None:
    """Raise UnsafeSetup for a file with secrets that others on this machine can read or have written."""
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise UnsafeSetup(str(path), f"holds secrets and has mode {mode:04o}", f"run: chmod 600 {path}")
    if status.st_uid not in (0, os.geteuid()):
        raise UnsafeSetup(str(path), "holds secrets and belongs to another user", f"run: chown $(id -un) {path}")
