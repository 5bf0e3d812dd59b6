"""The `.env` file, plain or encrypted by age: what is written in it, under rights that keep its secrets."""

import os
import stat
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from dg_bot.errors import ConfigurationError, UnsafeSetup

# Where engines mount secrets: only whoever started the container can put a file there, and nobody else is inside with us.
MOUNTED_SECRETS = Path("/run/secrets")


def read_env_file(path: Path) -> dict[str, str]:
    """Read `KEY=value` lines; a byte-order mark, CRLF, quotes and spaces are fine, a repeated key or a stray line is not.

    Nothing where there is no file. Raises ConfigurationError.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(str(path), "cannot be read as UTF-8 text", "mend the file or its rights") from error
    return env_values(data, path)


def read_sealed_env_file(path: Path, key_file: str | None, key_setting: str) -> dict[str, str]:
    """Read the `KEY=value` lines of a file that age has encrypted; nothing where there is neither the file nor a key for it.

    Raises ConfigurationError where one of both is missing, for a start without its settings would be a start of something else,
    and UnsafeSetup where others can read the key.
    """
    if not path.exists():
        if key_file is not None:
            raise ConfigurationError(key_setting, f"is set, and there is no {path}", "put the file there, or leave the key out")
        return {}
    if key_file is None:
        raise ConfigurationError(key_setting, f"is not set, and there is a {path}", "name the key file, or move that file away")
    from dg_bot.adapters.age_file import decrypted  # noqa: PLC0415 - a library that few starts need

    data = decrypted(path, key_file=Path(key_file), key_setting=key_setting)
    require_private(Path(key_file))
    return env_values(data, path)


def env_values(data: bytes, path: Path) -> dict[str, str]:
    """Read the `KEY=value` lines in `data`; raises ConfigurationError, which names `path` and repeats no value."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
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


def require_private(path: Path, *, mounted: Path = MOUNTED_SECRETS) -> None:
    """Raise UnsafeSetup for a file with secrets that others on this machine can read or have written.

    What an engine has mounted as a secret, below `mounted`, may be readable inside its container, and not writable.
    """
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if path.absolute().is_relative_to(mounted):
        if mode & 0o022:
            raise UnsafeSetup(str(path), f"holds secrets and has mode {mode:04o}", "take the right to write from all others")
        return
    if mode & 0o077:
        raise UnsafeSetup(str(path), f"holds secrets and has mode {mode:04o}", f"run: chmod 600 {path}")
    if status.st_uid not in (0, os.geteuid()):
        raise UnsafeSetup(str(path), "holds secrets and belongs to another user", f"run: chown $(id -un) {path}")
