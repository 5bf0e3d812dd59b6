"""What no deployment may be: setups that are refused before anything runs."""

from urllib.parse import urlsplit

from dg_bot.adapters.loopback import LOOPBACK, is_loopback
from dg_bot.app.settings import OFFICIAL_TELEGRAM, OFFICIAL_UPBIT, Settings
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.screen import ScreenMode
from dg_bot.errors import ConfigurationError, UnsafeSetup

# Providers that a live bot may ask beside servers on its own machine.
_LLM_HOSTS = ("api.openai.com", "generativelanguage.googleapis.com")
_DISCORD_HOSTS = ("discord.com", "discordapp.com")
_WITHOUT_MODEL = "set it, or DECISION_MODEL=rules without CHALLENGERS and NEWS_SENTIMENT"


def require_safe(settings: Settings) -> None:
    """Refuse a setup that must not trade; raises UnsafeSetup, and ConfigurationError where what it asks for is missing."""
    if settings.upbit_base_url != OFFICIAL_UPBIT and not is_loopback(settings.upbit_base_url):
        raise UnsafeSetup("UPBIT_BASE_URL", "is neither Upbit nor this machine", f"leave it out, or use {LOOPBACK[0]}")
    if settings.entry_approval_minutes and (settings.telegram_bot_token is None or not settings.telegram_user_ids):
        problem = "lets entries wait for a word that nobody can give"
        raise ConfigurationError("ENTRY_APPROVAL_MINUTES", problem, "set TELEGRAM_BOT_TOKEN and TELEGRAM_USER_IDS, or 0")
    _require_model_file(settings)
    _require_safe_language_model(settings)
    if settings.mode is Mode.LIVE:
        _require_safe_to_trade_live(settings)


def _require_safe_to_trade_live(settings: Settings) -> None:
    if settings.upbit_access_key is None or settings.upbit_secret_key is None:
        raise UnsafeSetup("UPBIT_ACCESS_KEY, UPBIT_SECRET_KEY", "are needed to trade live", "set both, or use --mode paper")
    if not settings.live_trading_confirmed:
        raise UnsafeSetup("LIVE_TRADING_CONFIRMED", "is not yes", "set it to yes once you accept that real money is traded")
    if settings.key_scope_confirmed is None:
        raise UnsafeSetup(
            "KEY_SCOPE_CONFIRMED",
            "is not trade-only",
            "make a key that can view and order but not withdraw, then set it to trade-only",
        )
    if settings.screen_mode is ScreenMode.OFF:
        raise UnsafeSetup("SCREEN_MODE", "is off, which is not for live trading", "use block or warn")
    if settings.discord_webhook_url is not None and not _is_discord(settings.discord_webhook_url.get_secret_value()):
        raise UnsafeSetup("DISCORD_WEBHOOK_URL", "is neither Discord's nor this machine's", "copy it from the channel's settings")
    if settings.telegram_base_url != OFFICIAL_TELEGRAM and not is_loopback(settings.telegram_base_url):
        raise UnsafeSetup("TELEGRAM_BASE_URL", "is neither Telegram nor this machine", f"leave it out, or use {LOOPBACK[0]}")


def _require_model_file(settings: Settings) -> None:
    """Refuse a model of a kind that can run code while it is loaded, and a trained model that nobody names."""
    if settings.model_path is not None and settings.model_path.suffix != ".onnx":
        problem = "is no .onnx file, and other kinds can run code when loaded"
        raise ConfigurationError("MODEL_PATH", problem, "export it to ONNX")
    if settings.model_path is None and settings.asks_trained_model:
        remedy = "set it to a file made by scripts/models/train.py, or DECISION_MODEL=rules without CHALLENGERS"
        raise ConfigurationError("MODEL_PATH", "is needed to ask a trained model", remedy)


def _require_safe_language_model(settings: Settings) -> None:
    """Refuse a language model that cannot be asked, or one whose key or questions anybody on the way could read."""
    if _may_hold_secret(settings.openai_base_url):
        raise UnsafeSetup(
            "OPENAI_BASE_URL",
            "holds a user, a password or a query, and is recorded as it stands",
            "give the address alone, and the key as OPENAI_API_KEY",
        )
    if not settings.asks_language_model:
        return
    if settings.openai_model is None and settings.asks_openai_model:
        raise ConfigurationError("OPENAI_MODEL", "is needed to ask a language model", _WITHOUT_MODEL)
    if is_loopback(settings.openai_base_url):
        return
    host = _https_host(settings.openai_base_url)
    if host is None or (settings.mode is Mode.LIVE and host not in _LLM_HOSTS):
        raise UnsafeSetup(
            "OPENAI_BASE_URL",
            "is no https address, or in live mode none of a known provider",
            f"leave it out, or use {LOOPBACK[0]}",
        )
    if settings.openai_api_key is None:
        raise ConfigurationError("OPENAI_API_KEY", "is needed to ask a language model", _WITHOUT_MODEL)


def _https_host(url: str) -> str | None:
    """Give the host of an https URL; None for anything else."""
    try:
        parts = urlsplit(url)
        return parts.hostname if parts.scheme == "https" else None
    except ValueError:
        return None


def _is_discord(url: str) -> bool:
    return is_loopback(url) or _https_host(url) in _DISCORD_HOSTS


def _may_hold_secret(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return True
    return "@" in parts.netloc or bool(parts.query or parts.fragment)
