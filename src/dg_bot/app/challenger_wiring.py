"""Build the models that are only scored, each as if it were the one that decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dg_bot.app.challenger_names import ChallengerName
from dg_bot.app.decision_models import Advisers, decision_model
from dg_bot.app.settings import Settings
from dg_bot.cycle import Situation
from dg_bot.domain.decision import Advice
from dg_bot.ports import DecisionModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenger:
    """One of them by the name of its scores; `settings` are those under which it would decide.

    `has_own_file` tells that its trained model is another one than that of MODEL_PATH.
    """

    label: str
    settings: Settings
    has_own_file: bool


def named_challengers(settings: Settings) -> list[Challenger]:
    """Give the challengers of the settings in turn; nobody stands in for one, since it is scored by itself."""
    return [_named(settings, ChallengerName.parse(text)) for text in settings.challengers]


def challengers(
    settings: Settings,
    advisers_of: Callable[[Challenger], Advisers],
    calibration: Callable[[], Mapping[str, float]] = dict,
) -> list[DecisionModel]:
    """Build the challengers, each with advisers of its own; raises ConfigurationError as `decision_model` does."""
    return [
        LabelledModel(decision_model(one.settings, advisers_of(one), calibration), one.label)
        for one in named_challengers(settings)
    ]


class LabelledModel:
    """A decision model under another name: there may be several of its kind."""

    def __init__(self, model: DecisionModel, label: str) -> None:
        self._model = model
        self._label = label

    @property
    def name(self) -> str:
        return self._label

    def decide(self, situation: Situation) -> Advice:
        """Decide as the model does; raises what that raises."""
        return self._model.decide(situation)


def _named(settings: Settings, name: ChallengerName) -> Challenger:
    own: dict[str, object] = {"decision_model": name.kind, "llm_fallback": "hold"}
    if name.other is not None and name.kind == "llm":
        own["openai_model"] = name.other
    if name.other is not None and name.kind == "onnx":
        own["model_path"] = Path(name.other)
    is_file = name.kind == "onnx" and name.other is not None
    return Challenger(label=name.label, settings=settings.model_copy(update=own), has_own_file=is_file)
