"""Settings from the environment and `.env`: every name known, every value checked, no secret ever shown."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from dotenv.parser import parse_stream
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from dg_bot.app.logs import LogFormat
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.market import Market
from dg_bot.errors import ConfigurationError, ImpossibleValue, UnsafeSetup
from dg_bot.operator.narrator import Verbosity
from dg_bot.operator.phrasebook import Language
from dg_bot.pipeline.analysis_stage import ScreenMode
from dg_bot.risk.limits import RiskLimits
from dg_bot.strategies.catalog import STRATEGY_NAMES

OFFICIAL_UPBIT = "https://api.upbit.com"
OFFICIAL_TELEGRAM = "https://api.telegram.org"
_CHECKED_PREFIXES = ("RISK_", "SCREEN_", "UPBIT_", "TELEGRAM_", "LLM_")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Names of the contract that nothing here reads yet; a file that has them is not wrong.
_RESERVED = frozenset(
    [
        "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "MODEL_PATH", "SCREEN_HONESTY", "DISCORD_WEBHOOK_URL", "SENTRY_DSN",
        "TELEGRAM_USER_IDS", "HEARTBEAT_URL",
    ]
)  # fmt: skip
_RESERVED_PREFIXES = ("LLM_", "CALL_BREAKER_")
_RESERVED_SECRETS = frozenset(["OPENAI_API_KEY", "SENTRY_DSN", "DISCORD_WEBHOOK_URL", "HEARTBEAT_URL"])


T = TypeVar("T")


def _yes(value: object) -> object:
    words = {"yes": True, "no": False}
    if isinstance(value, str):
        if value.lower() not in words:
            raise ValueError("say yes or no")
        return words[value.lower()]
    return value


def _parsed(parse: Callable[[str], T]) -> Callable[[object], object]:
    """Let pydantic report what a domain type refuses."""

    def read(value: object) -> object:
        try:
            return parse(value) if isinstance(value, str) else value
        except ImpossibleValue as error:
            raise ValueError(error.rule) from error

    return read


def _market_list(text: str) -> tuple[Market, ...]:
    return tuple(Market(code.strip()) for code in text.split(","))


def _known_strategy(name: str) -> str:
    if name not in STRATEGY_NAMES:
        raise ValueError(f"choose one of {', '.join(STRATEGY_NAMES)}")
    return name


YesNo = Annotated[bool, BeforeValidator(_yes)]
OneMarket = Annotated[Market, BeforeValidator(_parsed(Market))]
Markets = Annotated[tuple[Market, ...], BeforeValidator(_parsed(_market_list))]
StrategyName = Annotated[str, AfterValidator(_known_strategy)]
StrategyTimeframe = Annotated[Timeframe, BeforeValidator(_parsed(Timeframe.parse))]
_DEFAULTS = RiskLimits()


class Settings(BaseModel):
    """Everything in which two deployments differ; the environment's name of a field is the field's in capitals."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True)

    mode: Mode = Mode.DEMO
    markets: Markets = (Market("KRW-BTC"), Market("KRW-ETH"))
    reference_market: OneMarket = Market("KRW-BTC")
    data_dir: Path | None = None
    candle_dir: Path | None = None

    upbit_access_key: SecretStr | None = None
    upbit_secret_key: SecretStr | None = None
    upbit_base_url: str = OFFICIAL_UPBIT
    clock_from_venue: YesNo = False
    live_trading_confirmed: YesNo = False
    key_scope_confirmed: Literal["trade-only"] | None = None
    order_namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,12}$")] = "dg"
    paper_krw: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] = Decimal(10_000_000)

    decision_model: Literal["rules"] = "rules"
    strategy: StrategyName = "volatility_breakout"
    strategy_timeframe: StrategyTimeframe = Timeframe(240)
    screen_mode: ScreenMode = ScreenMode.BLOCK
    min_confidence: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)] = 0.70
    data_max_gap_hours: Annotated[int, Field(ge=0, le=24)] = 1
    data_allow_warned_markets: YesNo = False

    risk_daily_loss_fraction: Decimal = _DEFAULTS.daily_loss_fraction
    risk_weekly_loss_fraction: Decimal = _DEFAULTS.weekly_loss_fraction
    risk_safe_mode_hours: int | None = None
    risk_stop_loss_fraction: Decimal = _DEFAULTS.stop_loss_fraction
    risk_take_profit_fraction: Decimal = _DEFAULTS.take_profit_fraction
    risk_atr_stop_multiple: Decimal | None = None
    risk_atr_target_multiple: Decimal | None = None
    risk_trailing_atr_multiple: Decimal | None = None
    risk_staged_profit_fraction: Decimal | None = None
    risk_entry_interval_hours: Annotated[Decimal, Field(ge=0, le=168, allow_inf_nan=False)] = Decimal(4)
    risk_max_entries_per_day: int = _DEFAULTS.max_entries_per_day
    risk_max_position_fraction: Decimal = _DEFAULTS.max_position_fraction
    risk_unscreened_position_fraction: Decimal = _DEFAULTS.unscreened_position_fraction
    risk_max_positions: int = _DEFAULTS.max_positions
    risk_max_exposure_fraction: Decimal = _DEFAULTS.max_exposure_fraction
    risk_volatility_target_fraction: Decimal | None = None
    risk_buy_fraction: Decimal = _DEFAULTS.buy_fraction
    risk_sell_fraction: Decimal = _DEFAULTS.sell_fraction
    risk_capital_krw: Decimal | None = None
    risk_max_orders_per_hour: int = _DEFAULTS.max_orders_per_hour
    risk_max_krw_per_day: Decimal = _DEFAULTS.max_krw_per_day
    risk_max_clock_skew_seconds: float = _DEFAULTS.max_clock_skew_s

    database_url: SecretStr | None = None
    telegram_bot_token: SecretStr | None = None
    telegram_chat_id: str | None = None
    telegram_base_url: str = OFFICIAL_TELEGRAM
    telegram_verbosity: Verbosity = Verbosity.CHANGES
    bot_language: Language = Language.KOREAN
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: LogFormat = LogFormat.JSON
    health_host: str = "127.0.0.1"
    health_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    cycle_cron: str = "0 * * * *"
    guard_seconds: Annotated[float, Field(ge=1, le=60, allow_inf_nan=False)] = 30.0

    @field_validator("markets")
    @classmethod
    def _some_markets_once(cls, markets: tuple[Market, ...]) -> tuple[Market, ...]:
        if len(set(markets)) != len(markets):
            raise ValueError("a market stands there twice")
        return markets

    @field_validator("strategy_timeframe")
    @classmethod
    def _made_of_hours(cls, timeframe: Timeframe) -> Timeframe:
        if timeframe.minutes % 60:
            raise ValueError("must be made of hours: 60m, 240m or 1d")
        return timeframe

    @field_validator("clock_from_venue")
    @classmethod
    def _only_on_loopback(cls, follows: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
        if follows and not is_loopback(info.data.get("upbit_base_url", OFFICIAL_UPBIT)):
            raise ValueError("is for a simulator on this machine only: set UPBIT_BASE_URL to a loopback address")
        return follows

    @property
    def data_folder(self) -> Path:
        return self.data_dir or Path("data") / self.mode

    @property
    def state_folder(self) -> Path:
        return self.data_folder / "state"

    @property
    def candle_folder(self) -> Path:
        """Where candles are kept; those of a simulated venue never lie among real ones unless that is asked for."""
        if self.candle_dir is not None:
            return self.candle_dir
        is_simulated = self.mode is Mode.DEMO or is_loopback(self.upbit_base_url)
        return self.data_folder / "candles" if is_simulated else Path("backtest_data")

    def risk_limits(self) -> RiskLimits:
        """Build the limits; raises ConfigurationError for one that cannot be meant."""
        return RiskLimits(
            daily_loss_fraction=self.risk_daily_loss_fraction,
            weekly_loss_fraction=self.risk_weekly_loss_fraction,
            safe_mode_hours=self.risk_safe_mode_hours,
            stop_loss_fraction=self.risk_stop_loss_fraction,
            take_profit_fraction=self.risk_take_profit_fraction,
            atr_stop_multiple=self.risk_atr_stop_multiple,
            atr_target_multiple=self.risk_atr_target_multiple,
            trailing_atr_multiple=self.risk_trailing_atr_multiple,
            stage_fraction=self.risk_staged_profit_fraction,
            entry_interval=timedelta(hours=float(self.risk_entry_interval_hours)),
            max_entries_per_day=self.risk_max_entries_per_day,
            max_position_fraction=self.risk_max_position_fraction,
            unscreened_position_fraction=self.risk_unscreened_position_fraction,
            max_positions=self.risk_max_positions,
            max_exposure_fraction=self.risk_max_exposure_fraction,
            volatility_target_fraction=self.risk_volatility_target_fraction,
            buy_fraction=self.risk_buy_fraction,
            sell_fraction=self.risk_sell_fraction,
            capital_krw=self.risk_capital_krw,
            max_orders_per_hour=self.risk_max_orders_per_hour,
            max_krw_per_day=self.risk_max_krw_per_day,
            max_clock_skew_s=self.risk_max_clock_skew_seconds,
        )

    def public(self) -> dict[str, str]:
        """Give every setting as text, by its environment name; of secrets only whether they are set."""
        shown = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                text = "set"
            elif isinstance(value, tuple):
                text = ",".join(map(str, value))
            else:
                text = "" if value is None else str(value)
            shown[name.upper()] = text
        return shown

    def secrets(self) -> tuple[str, ...]:
        """Give the values that must never be shown."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))

    def require_safe(self) -> None:
        """Refuse a setup that must not trade; raises UnsafeSetup."""
        if self.upbit_base_url != OFFICIAL_UPBIT and not is_loopback(self.upbit_base_url):
            raise UnsafeSetup("UPBIT_BASE_URL", "is neither Upbit nor this machine", f"leave it out, or use {_LOOPBACK[0]}")
        if self.mode is not Mode.LIVE:
            return
        if self.upbit_access_key is None or self.upbit_secret_key is None:
            raise UnsafeSetup("UPBIT_ACCESS_KEY, UPBIT_SECRET_KEY", "are needed to trade live", "set both, or use --mode paper")
        if not self.live_trading_confirmed:
            raise UnsafeSetup("LIVE_TRADING_CONFIRMED", "is not yes", "set it to yes once you accept that real money is traded")
        if self.key_scope_confirmed is None:
            raise UnsafeSetup(
                "KEY_SCOPE_CONFIRMED",
                "is not trade-only",
                "make a key that can view and order but not withdraw, then set it to trade-only",
            )
        if self.screen_mode is ScreenMode.OFF:
            raise UnsafeSetup("SCREEN_MODE", "is off, which is not for live trading", "use block or warn")
        if self.telegram_base_url != OFFICIAL_TELEGRAM and not is_loopback(self.telegram_base_url):
            raise UnsafeSetup("TELEGRAM_BASE_URL", "is neither Telegram nor this machine", f"leave it out, or use {_LOOPBACK[0]}")


def is_loopback(url: str) -> bool:
    """Tell whether a URL points at this machine; what is no URL points nowhere."""
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False


def known_names() -> frozenset[str]:
    """Give the names of all settings."""
    return frozenset(name.upper() for name in Settings.model_fields)


def _secret_names() -> frozenset[str]:
    return frozenset(name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))


def load_settings(
    *, environment: Mapping[str, str] | None = None, env_file: Path = Path(".env"), overrides: Mapping[str, str] | None = None
) -> Settings:
    """Read settings: `overrides` (the command line) over the environment over `.env` over defaults; an empty one is not set.

    Raises ConfigurationError naming the variable and the remedy, UnsafeSetup for a setup that is refused. No message repeats a
    secret, or a text that could not be read.
    """
    process = os.environ if environment is None else environment
    written = _read_env_file(env_file)
    _require_known(written, f"in {env_file}")
    _require_known((name for name in process if name.startswith(_CHECKED_PREFIXES)), "in the environment")
    chosen = _filled(overrides or {})
    if empty := [name for name in overrides or {} if name not in chosen]:
        raise ConfigurationError(empty[0], "is empty on the command line", "name a value, or leave the option out")
    written = _filled(written)
    try:
        settings = Settings.model_validate(dict(_chosen({**written, **_filled(process), **chosen})))
    except ValidationError as error:
        raise _named(error) from error
    _require_private(settings, env_file, written)
    settings.risk_limits()
    if settings.telegram_bot_token is not None and settings.telegram_chat_id is None:
        raise ConfigurationError("TELEGRAM_CHAT_ID", "is missing, though TELEGRAM_BOT_TOKEN is set", "set both, or neither")
    settings.require_safe()
    return settings


def _read_env_file(path: Path) -> dict[str, str]:
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


def _filled(values: Mapping[str, str]) -> dict[str, str]:
    """Leave out what is set to nothing, so that it hides no value of a weaker source."""
    return {name: value.strip() for name, value in values.items() if value.strip()}


def _require_known(given: Iterable[str], where: str) -> None:
    names = known_names() | _RESERVED
    in_files = {f"{name}_FILE" for name in _secret_names() | _RESERVED_SECRETS}
    for name in given:
        if name in names or name in in_files or name.startswith(_RESERVED_PREFIXES):
            continue
        nearest = get_close_matches(name.upper(), sorted(names), n=1, cutoff=0.0)
        raise ConfigurationError(name, f"is not a setting ({where})", f"did you mean {nearest[0]}?")


def _chosen(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give the value of each known setting that is set; a secret may come from NAME_FILE."""
    secrets = _secret_names()
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


def _secret_from(file: str, key: str) -> str:
    try:
        value = Path(file).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{key}_FILE", "names a file that cannot be read", "check its path and rights") from error
    if not value:
        raise ConfigurationError(f"{key}_FILE", "names an empty file", "write the secret into it")
    return value


def _named(error: ValidationError) -> ConfigurationError:
    """Say which variable is wrong and why, without its value."""
    first = error.errors(include_input=False, include_url=False)[0]
    name = str(first["loc"][0]).upper() if first["loc"] else "settings"
    problem = str(first["msg"]).removeprefix("Value error, ")
    return ConfigurationError(name, f"is not usable: {problem}", "see .env.example")


def _require_private(settings: Settings, path: Path, written: Mapping[str, str]) -> None:
    """Refuse a live setup whose `.env` holds a secret that others on this machine can read."""
    if settings.mode is Mode.LIVE and not written.keys().isdisjoint(_secret_names() | _RESERVED_SECRETS):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise UnsafeSetup(str(path), f"holds secrets and has mode {mode:04o}", f"run: chmod 600 {path}")
