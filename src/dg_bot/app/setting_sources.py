"""Load the settings: the command line over the environment over `.env` and `.env.age` over defaults."""

import os
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from dg_bot.app.env_file import read_env_file, read_sealed_env_file, require_private
from dg_bot.app.setting_errors import setting_error
from dg_bot.app.setting_safety import require_safe
from dg_bot.app.settings import CONTAINER_NAMES, RESERVED_NAMES, Settings, known_names, secret_names
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import ConfigurationError

AGE_KEY = "ENV_AGE_KEY_FILE"
_CHECKED_PREFIXES = ("RISK_", "SCREEN_", "UPBIT_", "TELEGRAM_", "LLM_")


def load_settings(
    *, environment: Mapping[str, str] | None = None, env_file: Path = Path(".env"), overrides: Mapping[str, str] | None = None
) -> Settings:
    """Read settings: `overrides` (the command line) over the environment over `.env` over defaults; an empty one is not set.

    Beside `.env` may lie the same encrypted, `.env.age`, which the key in ENV_AGE_KEY_FILE opens.

    Raises ConfigurationError naming the variable and the remedy, UnsafeSetup for a setup that is refused. No message repeats a
    secret, or a text that could not be read.
    """
    process = os.environ if environment is None else environment
    written = read_env_file(env_file)
    sealed_file = env_file.with_name(f"{env_file.name}.age")
    sealed = read_sealed_env_file(sealed_file, {**_filled(written), **_filled(process)}.get(AGE_KEY), AGE_KEY)
    _require_known(written, f"in {env_file}")
    _require_known(sealed, f"in {sealed_file}")
    if both := written.keys() & sealed.keys():
        raise ConfigurationError(min(both), f"stands in {env_file} and in {sealed_file}", "keep one of them")
    _require_known((name for name in process if name.startswith(_CHECKED_PREFIXES)), "in the environment")
    chosen = _filled(overrides or {})
    if empty := [name for name in overrides or {} if name not in chosen]:
        raise ConfigurationError(empty[0], "is empty on the command line", "name a value, or leave the option out")
    written, sealed = _filled(written), _filled(sealed)
    given = {**written, **sealed, **_filled(process)}
    try:
        settings = Settings.model_validate(dict(_chosen({**given, **chosen})))
    except ValidationError as error:
        raise setting_error(error) from error
    # The demo needs no secrets, and takes a file that has some as it is.
    if settings.mode is not Mode.DEMO:
        if not written.keys().isdisjoint(secret_names()):
            require_private(env_file)
        for file in _secret_files(given):
            require_private(file)
    settings.risk_limits()
    if settings.telegram_bot_token is not None and settings.telegram_chat_id is None:
        raise ConfigurationError("TELEGRAM_CHAT_ID", "is missing, though TELEGRAM_BOT_TOKEN is set", "set both, or neither")
    require_safe(settings)
    if settings.telegram_bot_token is None and settings.telegram_user_ids:
        remedy = "set both, or leave TELEGRAM_USER_IDS out"
        raise ConfigurationError("TELEGRAM_BOT_TOKEN", "is missing, though TELEGRAM_USER_IDS is set", remedy)
    return settings


def _filled(values: Mapping[str, str]) -> dict[str, str]:
    """Leave out what is set to nothing, so that it hides no value of a weaker source."""
    return {name: value.strip() for name, value in values.items() if value.strip()}


def _require_known(given: Iterable[str], where: str) -> None:
    names = known_names() | RESERVED_NAMES | CONTAINER_NAMES | {AGE_KEY}
    in_files = {f"{name}_FILE" for name in secret_names() - CONTAINER_NAMES}
    for name in given:
        if name in names or name in in_files:
            continue
        nearest = get_close_matches(name.upper(), sorted(names), n=1, cutoff=0.0)
        raise ConfigurationError(name, f"is not a setting ({where})", f"did you mean {nearest[0]}?")


def _chosen(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give the value of each known setting that is set; a secret may come from NAME_FILE."""
    secrets = secret_names()
    for name in Settings.model_fields:
        key = name.upper()
        given = values.get(key)
        file = values.get(f"{key}_FILE")
        if file is not None and key in secrets:
            if given is not None:
                raise ConfigurationError(key, f"is set, and so is {key}_FILE", "keep one of them")
            given = _secret_from(file, key)
        if given is not None:
            yield name, given


def _secret_files(values: Mapping[str, str]) -> list[Path]:
    """Give the files that secrets which are read here come from."""
    names = (f"{name.upper()}_FILE" for name in Settings.model_fields if name.upper() in secret_names())
    return [Path(values[name]) for name in names if name in values]


def _secret_from(file: str, key: str) -> str:
    try:
        value = Path(file).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{key}_FILE", "names a file that cannot be read", "check its path and rights") from error
    if not value:
        raise ConfigurationError(f"{key}_FILE", "names an empty file", "write the secret into it")
    return value
