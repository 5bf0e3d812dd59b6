"""Build the decision model that the settings name, and whatever it asks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.resources import files

from dg_bot.adapters.openai_model import OpenAiModel, OpenAiProfile
from dg_bot.app.guarded_language_model import AskingLimits, GuardedLanguageModel
from dg_bot.app.settings import Settings
from dg_bot.domain.call_breaker import CallBreaker
from dg_bot.domain.model_prices import ModelPrices, read_prices
from dg_bot.errors import ConfigurationError, ModelFileRefused
from dg_bot.models.artifact import load_artifact
from dg_bot.models.ensemble import EnsembleModel
from dg_bot.models.llm import LlmModel
from dg_bot.models.onnx import AbsentOnnxModel, Alarm, OnnxModel, RefusedFile
from dg_bot.models.onnx_session import OnnxSession
from dg_bot.models.rules import RulesModel
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock, DecisionModel, LanguageModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisers:
    """Whom a decision model may ask: a language model, a trained one (or why its file was refused); None where none is named.

    `alarm` tells the operator something, under a name that groups repeats.
    """

    language: LanguageModel | None = None
    trained: OnnxSession | RefusedFile | None = None
    alarm: Alarm = lambda _kind, _text: None


def decision_model(
    settings: Settings, advisers: Advisers, calibration: Callable[[], Mapping[str, float]] = dict
) -> DecisionModel:
    """Build the model that decides; `advisers` are whom it asks where the settings name one, `calibration` gives Brier scores.

    Raises ConfigurationError where they do and there is none.
    """
    if settings.decision_model != "ensemble":
        return _model(settings.decision_model, settings, advisers)
    return EnsembleModel(
        members=[_model(name, settings, advisers) for name in settings.ensemble_members],
        agreement=settings.ensemble_agreement,
        calibration=calibration,
    )


def language_model(settings: Settings, books: Books, clock: Clock, *, is_challenger: bool = False) -> LanguageModel | None:
    """Build the language model of the settings behind its budget, breaker and canary; None where none is asked.

    Challengers have one of their own, so that nothing of theirs is in the way of a decision: not their share of the budget, nor
    a question that goes on, nor a breaker that is open. The `settings` of one are those under which it would decide. Raises
    ConfigurationError for a price table that cannot be read.
    """
    if not (settings.decides_by_language_model if is_challenger else settings.asks_language_model):
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
        limits=_asking_limits(settings, is_challenger=is_challenger),
        prices=_prices(settings),
        breaker=CallBreaker(most_failures=settings.call_breaker_failures, pause=timedelta(seconds=settings.call_breaker_seconds)),
        books=books,
        clock=clock,
        is_challenger=is_challenger,
    )


def _asking_limits(settings: Settings, *, is_challenger: bool) -> AskingLimits:
    """Part the day's budget between decisions and challengers; whoever has spent his part leaves the other's alone."""
    share = settings.llm_challenger_share if settings.challengers_ask_language_model else Decimal(0)
    share = share if is_challenger else 1 - share
    return AskingLimits(
        deadline_s=min(settings.llm_deadline_s, settings.challenger_seconds) if is_challenger else settings.llm_deadline_s,
        daily_tokens=int(settings.llm_daily_tokens * share),
        daily_krw=settings.llm_daily_krw * share,
        max_output_tokens=settings.llm_max_output_tokens,
    )


def trained_model(settings: Settings) -> OnnxSession | RefusedFile | None:
    """Load the trained model of the settings, or give why its file is refused; None where none takes part.

    A refused file is no reason to leave positions unwatched: it holds, and nobody buys.
    """
    if settings.model_file is None:
        return None
    try:
        return OnnxSession(load_artifact(settings.model_file))
    except ModelFileRefused as refused:
        return RefusedFile(refused.problem)


def _model(name: str, settings: Settings, advisers: Advisers) -> DecisionModel:
    match name:
        case "rules":
            return RulesModel()
        case "onnx":
            return _trained(settings, advisers)
        case _:
            return _asking(settings, advisers)


def _trained(settings: Settings, advisers: Advisers) -> DecisionModel:
    match advisers.trained:
        case None:
            raise ConfigurationError("DECISION_MODEL", "asks a trained model, and there is none", "set MODEL_PATH")
        case RefusedFile() as refused:
            return AbsentOnnxModel(refused)
        case session:
            buy_at, sell_at = settings.model_buy_return, settings.model_sell_return
            return OnnxModel(session=session, buy_at=buy_at, sell_at=sell_at, alarm=advisers.alarm)


def _asking(settings: Settings, advisers: Advisers) -> DecisionModel:
    if advisers.language is None:
        raise ConfigurationError("DECISION_MODEL", "asks a language model, and there is none", "set OPENAI_MODEL")
    return LlmModel(language_model=advisers.language, stand_in=RulesModel() if settings.llm_fallback == "rules" else None)


def _prices(settings: Settings) -> ModelPrices:
    """Read the operator's price table, or the one that comes with the program."""
    path = settings.llm_price_file
    try:
        text = (files("dg_bot.models") / "prices.yaml" if path is None else path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("LLM_PRICE_FILE", "names a file that cannot be read", "check its path and rights") from error
    return read_prices("prices.yaml" if path is None else "LLM_PRICE_FILE", text, settings.llm_krw_per_usd)
