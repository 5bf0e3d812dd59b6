"""Everything in which two deployments differ."""

from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from dg_bot.adapters.loopback import is_loopback
from dg_bot.adapters.openai_reply import Api
from dg_bot.analysis.filters import NEWS_BLOCK_SCORE
from dg_bot.app.challenger_names import ChallengerName
from dg_bot.app.log_format import LogFormat
from dg_bot.app.setting_types import (
    ChallengerNames,
    EnsembleMembers,
    Markets,
    NewsFeeds,
    OneMarket,
    StrategyTimeframe,
    UserIds,
    YesNo,
)
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.market import Market
from dg_bot.domain.screen import ScreenHonesty, ScreenMode
from dg_bot.errors import ConfigurationError
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.verbosity import Verbosity
from dg_bot.risk.limits import RiskLimits
from dg_bot.strategies.catalog import STRATEGY_NAMES

OFFICIAL_UPBIT = "https://api.upbit.com"
OFFICIAL_TELEGRAM = "https://api.telegram.org"
OFFICIAL_OPENAI = "https://api.openai.com/v1"
# Names of the contract that nothing here reads yet; a file that has them is not wrong.
RESERVED_NAMES = frozenset(["HEARTBEAT_URL"])
# What docker-compose reads from the same `.env`; the bot is told what it needs of it as DATABASE_URL.
CONTAINER_NAMES = frozenset(
    ["POSTGRES_PASSWORD", "DATABASE_PASSWORD", "GRAFANA_DATABASE_PASSWORD", "GRAFANA_PASSWORD", "BOT_UID"]
)
_CONTAINER_SECRETS = CONTAINER_NAMES - {"BOT_UID"}
_DEFAULTS = RiskLimits()


class Settings(BaseModel):
    """Everything in which two deployments differ; the environment's name of a field is the field's in capitals."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True)

    mode: Mode = Mode.DEMO
    markets: Markets = (Market("KRW-BTC"), Market("KRW-ETH"))
    reference_market: OneMarket = Market("KRW-BTC")
    data_dir: Path | None = None
    candle_dir: Path | None = None
    capsule_days: Annotated[int, Field(ge=2, le=36_500)] | None = None

    upbit_access_key: SecretStr | None = None
    upbit_secret_key: SecretStr | None = None
    upbit_base_url: str = OFFICIAL_UPBIT
    clock_from_venue: YesNo = False
    live_trading_confirmed: YesNo = False
    key_scope_confirmed: Literal["trade-only"] | None = None
    order_namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,12}$")] = "dg"
    paper_krw: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] = Decimal(10_000_000)

    decision_model: Literal["rules", "onnx", "llm", "ensemble"] = "rules"
    model_path: Path | None = None
    model_buy_return: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] = 0.005
    model_sell_return: Annotated[float, Field(gt=-1, lt=0, allow_inf_nan=False)] = -0.005
    strategy_dir: Path | None = None
    strategy: str = "volatility_breakout"
    strategy_timeframe: StrategyTimeframe = Timeframe(240)
    screen_mode: ScreenMode = ScreenMode.BLOCK
    screen_honesty: ScreenHonesty = ScreenHonesty.OFF
    min_confidence: Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)] = 0.70
    data_max_gap_hours: Annotated[int, Field(ge=0, le=24)] = 1
    data_allow_warned_markets: YesNo = False

    ensemble_members: EnsembleMembers = ("rules", "llm")
    ensemble_agreement: Annotated[float, Field(gt=0.5, le=1.0, allow_inf_nan=False)] = 0.66
    challengers: ChallengerNames = ()
    challenger_seconds: Annotated[float, Field(ge=1, le=60, allow_inf_nan=False)] = 20.0
    openai_api_key: SecretStr | None = None
    openai_base_url: str = OFFICIAL_OPENAI
    openai_model: str | None = None
    llm_api: Api = Api.RESPONSES
    llm_deadline_s: Annotated[float, Field(ge=1, le=60, allow_inf_nan=False)] = 20.0
    llm_max_output_tokens: Annotated[int, Field(ge=200, le=32_000)] = 2000
    llm_temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    llm_seed: int | None = None
    llm_daily_tokens: Annotated[int, Field(ge=0)] = 500_000
    llm_daily_krw: Annotated[Decimal, Field(ge=0, allow_inf_nan=False)] = Decimal(2000)
    llm_krw_per_usd: Annotated[Decimal, Field(gt=0, allow_inf_nan=False)] = Decimal(1500)
    llm_challenger_share: Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)] = Decimal("0.5")
    llm_price_file: Path | None = None
    llm_cutoff: date | None = None
    llm_fallback: Literal["hold", "rules"] = "hold"
    call_breaker_failures: Annotated[int, Field(ge=1, le=100)] = 5
    call_breaker_seconds: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] = 60.0

    news_feeds: NewsFeeds = ()
    news_sentiment: YesNo = False
    news_block_score: Annotated[float, Field(gt=-1, lt=0, allow_inf_nan=False)] = NEWS_BLOCK_SCORE

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
    telegram_user_ids: UserIds = ()
    entry_approval_minutes: Annotated[int, Field(ge=0, le=10)] = 0
    discord_webhook_url: SecretStr | None = None
    telegram_base_url: str = OFFICIAL_TELEGRAM
    telegram_verbosity: Verbosity = Verbosity.CHANGES
    bot_language: Language = Language.KOREAN
    sentry_dsn: SecretStr | None = None
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

    @field_validator("strategy")
    @classmethod
    def _a_strategy_there_may_be(cls, name: str, info: ValidationInfo) -> str:
        if name not in STRATEGY_NAMES and info.data.get("strategy_dir") is None:
            raise ValueError(f"choose one of {', '.join(STRATEGY_NAMES)}, or set STRATEGY_DIR to the folder of your own")
        return name

    @field_validator("strategy_timeframe")
    @classmethod
    def _made_of_hours(cls, timeframe: Timeframe) -> Timeframe:
        if timeframe.minutes % 60:
            raise ValueError("must be made of hours: 60m, 240m or 1d")
        return timeframe

    @field_validator("challengers")
    @classmethod
    def _nobody_scored_twice(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        champion = info.data.get("decision_model")
        voters = info.data.get("ensemble_members", ()) if champion == "ensemble" else ()
        if known := set(names) & {champion, *voters}:
            raise ValueError(f"{', '.join(sorted(known))} decides or votes already, and is scored as that")
        return names

    @field_validator("clock_from_venue")
    @classmethod
    def _only_on_loopback(cls, follows: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
        if follows and not is_loopback(info.data.get("upbit_base_url", OFFICIAL_UPBIT)):
            raise ValueError("is for a simulator on this machine only: set UPBIT_BASE_URL to a loopback address")
        return follows

    @field_validator("sentry_dsn")
    @classmethod
    def _a_dsn_that_nobody_on_the_way_can_read(cls, dsn: SecretStr | None) -> SecretStr | None:
        if dsn is not None and not _is_dsn(dsn.get_secret_value()):
            raise ValueError("it looks like https://KEY@HOST/NUMBER, and is https or on this machine")
        return dsn

    @field_validator("cycle_cron")
    @classmethod
    def _a_cron_that_comes(cls, expression: str) -> str:
        from dg_bot.app.venue_cron import cycle_cron  # noqa: PLC0415 - brings the scheduler along, which a backtest needs not

        try:
            cycle_cron(expression)
        except ConfigurationError as error:
            raise ValueError(error.problem) from error
        return expression

    @property
    def data_folder(self) -> Path:
        """The whole path of the bot's folder; a relative DATA_DIR begins where `.env` is looked for, in the working directory."""
        return (self.data_dir or Path("data") / self.mode).absolute()

    @property
    def state_folder(self) -> Path:
        return self.data_folder / "state"

    @property
    def capsule_folder(self) -> Path:
        return self.state_folder / "capsules"

    @property
    def strategy_folder(self) -> Path | None:
        """Where the user's own strategies lie; None where there are none, for they are code and run with the bot's rights."""
        return None if self.strategy_dir is None else self.strategy_dir.absolute()

    @property
    def candle_folder(self) -> Path:
        """Where candles are kept; those of a simulated venue never lie among real ones unless that is asked for."""
        return self._candle_folder(is_simulated=self.has_simulated_candles)

    @property
    def collected_folder(self) -> Path:
        """Where a collection by hand goes: in any mode it asks the venue of UPBIT_BASE_URL, and never the demo's."""
        return self._candle_folder(is_simulated=is_loopback(self.upbit_base_url))

    def _candle_folder(self, *, is_simulated: bool) -> Path:
        if self.candle_dir is not None:
            return self.candle_dir.absolute()
        return self.data_folder / "candles" if is_simulated else Path("backtest_data").absolute()

    @property
    def candle_source(self) -> str:
        """Where the bot's own candles come from: the demo's venue has another address at each start."""
        return "demo" if self.mode is Mode.DEMO else self.upbit_base_url

    @property
    def has_simulated_candles(self) -> bool:
        """Tell whether the venue and its candles are made up; a folder that was chosen may hold anything."""
        return self.candle_dir is None and (self.mode is Mode.DEMO or is_loopback(self.upbit_base_url))

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
        secrets = tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))
        # A webhook's address is its secret, and so is the end of its path, wherever that may stand alone.
        webhook = () if self.discord_webhook_url is None else (self.discord_webhook_url.get_secret_value().rpartition("/")[2],)
        return secrets + webhook

    @property
    def asks_language_model(self) -> bool:
        """Tell whether the model that decides asks one, a challenger does, or news are to be scored."""
        return self._takes_part("llm", self.decision_model) or self.challengers_ask_language_model or self.scores_news

    @property
    def decides_by_language_model(self) -> bool:
        return self._takes_part("llm", self.decision_model)

    @property
    def challengers_ask_language_model(self) -> bool:
        return self._takes_part("llm", *self.challengers) or any(name.startswith("llm:") for name in self.challengers)

    def cutoff_of(self, model: str) -> date | None:
        """Give until when the language model has read that is scored under this name."""
        own = {name.label: name.cutoff for name in map(ChallengerName.parse, self.challengers) if name.other is not None}
        return own.get(model) if ":" in model else self.llm_cutoff

    @property
    def scores_news(self) -> bool:
        return self.news_sentiment and bool(self.news_feeds)

    @property
    def model_file(self) -> Path | None:
        """The whole path of the trained model that decides or challenges; None where none does."""
        return self.model_path.absolute() if self.model_path is not None and self.asks_trained_model else None

    @property
    def asks_trained_model(self) -> bool:
        return self._takes_part("onnx", self.decision_model, *self.challengers)

    @property
    def asks_openai_model(self) -> bool:
        """Tell whether OPENAI_MODEL is asked; a challenger may name another model, and leave that one out."""
        return self._takes_part("llm", self.decision_model, *self.challengers) or self.scores_news

    def _takes_part(self, kind: str, *models: str) -> bool:
        """Tell whether one of `models` is of that kind, or an ensemble that has one."""
        return kind in models or ("ensemble" in models and kind in self.ensemble_members)


def _is_dsn(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_readable = bool(parts.username and parts.hostname) and parts.path.rpartition("/")[2].isdecimal() and parts.port != 0
    except ValueError:
        return False
    return is_readable and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(text)))


def known_names() -> frozenset[str]:
    """Give the names of all settings."""
    return frozenset(name.upper() for name in Settings.model_fields)


@cache
def secret_names() -> frozenset[str]:
    """Give the names of the settings whose values must never be shown, the reserved ones among them."""
    read = (name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation))
    return RESERVED_NAMES.union(_CONTAINER_SECRETS, read)
