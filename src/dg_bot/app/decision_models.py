"""Build the decision model that the settings name, and whatever it asks."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib.resources import files

from dg_bot.adapters.openai_model import OpenAiModel, OpenAiProfile
from dg_bot.app.guarded_language_model import AskingLimits, GuardedLanguageModel
from dg_bot.app.settings import Settings
from dg_bot.domain.call_breaker import CallBreaker
from dg_bot.domain.model_prices import ModelPrices, read_prices
from dg_bot.errors import ConfigurationError
from dg_bot.models.ensemble import EnsembleModel
from dg_bot.models.llm import LlmModel
from dg_bot.models.rules import RulesModel
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock, DecisionModel, LanguageModel

RULES = "rules"


def decision_model(
    settings: Settings, language: LanguageModel | None, calibration: Callable[[], Mapping[str, float]] = dict
) -> DecisionModel:
    """Build the model that decides; `language` is who is asked where the settings name one, `calibration` gives Brier scores.

    Raises ConfigurationError where they do and there is none.
    """
    if settings.decision_model != "ensemble":
        return _model(settings.decision_model, settings, language)
    return EnsembleModel(
        members=[_model(name, settings, language) for name in settings.ensemble_members],
        agreement=settings.ensemble_agreement,
        calibration=calibration,
    )


def language_model(settings: Settings, books: Books, clock: Clock) -> LanguageModel | None:
    """Build the language model of the settings behind its budget, breaker and canary; None where none is asked.

    Raises ConfigurationError for a price table that cannot be read.
    """
    if not settings.asks_language_model:
        return None
    model = settings.openai_model or ""
    profile = OpenAiProfile(
        base_url=settings.openai_base_url,
        model=model,
        api=settings.llm_api,
        max_output_tokens=settings.llm_max_output_tokens,
        temperature=settings.llm_temperature,
        seed=settings.llm_seed,
    )
    key = None if settings.openai_api_key is None else settings.openai_api_key.get_secret_value()
    return GuardedLanguageModel(
        OpenAiModel(profile, api_key=key),
        model=model,
        limits=AskingLimits(
            deadline_s=settings.llm_deadline_s,
            daily_tokens=settings.llm_daily_tokens,
            daily_krw=settings.llm_daily_krw,
            max_output_tokens=settings.llm_max_output_tokens,
        ),
        prices=_prices(settings),
        breaker=CallBreaker(most_failures=settings.call_breaker_failures, pause=timedelta(seconds=settings.call_breaker_seconds)),
        books=books,
        clock=clock,
    )


def _model(name: str, settings: Settings, language: LanguageModel | None) -> DecisionModel:
    if name == RULES:
        return RulesModel()
    if language is None:
        raise ConfigurationError("DECISION_MODEL", "asks a language model, and there is none", "set OPENAI_MODEL")
    return LlmModel(language_model=language, stand_in=RulesModel() if settings.llm_fallback == RULES else None)


def _prices(settings: Settings) -> ModelPrices:
    """Read the operator's price table, or the one that comes with the program."""
    path = settings.llm_price_file
    try:
        text = (files("dg_bot.models") / "prices.yaml" if path is None else path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("LLM_PRICE_FILE", "names a file that cannot be read", "check its path and rights") from error
    return read_prices("prices.yaml" if path is None else "LLM_PRICE_FILE", text, settings.llm_krw_per_usd)
