"""Open a file that age has encrypted, with the key file of its recipient."""

from pathlib import Path

import pyrage

from dg_bot.errors import ConfigurationError

_LARGEST_BYTES = 1_000_000


def decrypted(path: Path, *, key_file: Path, key_setting: str) -> bytes:
    """Give what `path` holds, opened by the first identity in `key_file` that fits, as `age-keygen` writes them.

    Binary and armoured files are both read. Raises ConfigurationError, which repeats nothing of either file; `key_setting` is the
    name under which the operator gave the key file.
    """
    identities = _identities(key_file, key_setting)
    try:
        sealed = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(str(path), "cannot be read", "check its path and rights") from error
    if len(sealed) > _LARGEST_BYTES:
        raise ConfigurationError(str(path), "is far too large for a file of settings", "encrypt the .env alone")
    try:
        opened: bytes = pyrage.decrypt(sealed, identities)
    except pyrage.DecryptError as error:
        problem = "cannot be opened: it is no whole age file, or is meant for another key"
        raise ConfigurationError(str(path), problem, f"encrypt it again for the key in {key_setting}") from error
    return opened


def _identities(key_file: Path, key_setting: str) -> list[pyrage.x25519.Identity]:
    try:
        lines = key_file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(key_setting, "names a file that cannot be read", "check its path and rights") from error
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        identities = [pyrage.x25519.Identity.from_str(key) for key in keys]
    except pyrage.IdentityError:
        identities = []
    if not identities:
        raise ConfigurationError(key_setting, "names a file without an age key", "make one: age-keygen -o FILE")
    return identities
