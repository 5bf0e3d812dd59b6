"""Challengers: models that see what the deciding one saw, and whose opinions are scored and nothing else."""

from collections.abc import Sequence

from dg_bot.cycle import Situation
from dg_bot.domain.decision import Action, Advice, Opinion, OutputKind
from dg_bot.domain.language_model import AnswerKind
from dg_bot.errors import InvariantViolated, StateError
from dg_bot.ports import Clock, DecisionModel

OUT_OF_TIME = "out_of_time"


class Challengers:
    """Hears one model after the other; whatever one of them does, the answer is an opinion.

    After `budget_s` seconds no further one is asked, so that the next market waits that long and as long as one question takes.
    """

    def __init__(self, models: Sequence[DecisionModel], *, clock: Clock, budget_s: float) -> None:
        self._models = models
        self._clock = clock
        self._budget_s = budget_s

    def opinions(self, situation: Situation) -> tuple[Opinion, ...]:
        """Give what each of them wants; raises StateError where the journal takes no record, and InvariantViolated."""
        ends_s = self._clock.monotonic_s() + self._budget_s
        return tuple(self._opinion(model, situation, ends_s) for model in self._models)

    def _opinion(self, model: DecisionModel, situation: Situation, ends_s: float) -> Opinion:
        if self._clock.monotonic_s() >= ends_s:
            return _failed(model, OUT_OF_TIME)
        try:
            advice = model.decide(situation)
        except (StateError, InvariantViolated):
            raise
        except Exception as error:  # noqa: BLE001 - a defect of a model that is only scored must not end a cycle that is over
            return _failed(model, type(error).__name__)
        return Opinion(
            model=model.name,
            action=advice.decision.action,
            confidence=advice.decision.confidence,
            problem=_problem(advice),
            has_read=advice.consultation is not None,
        )


def _problem(advice: Advice) -> str:
    """Name the kind of an answer or an output that is not usable."""
    answer = AnswerKind.USABLE if advice.consultation is None else advice.consultation.answer.kind
    output = OutputKind.USABLE if advice.prediction is None else advice.prediction.kind
    return next((kind.value for kind in (answer, output) if kind not in (AnswerKind.USABLE, OutputKind.USABLE)), "")


def _failed(model: DecisionModel, problem: str) -> Opinion:
    return Opinion(model=model.name, action=Action.HOLD, confidence=0.0, problem=problem)
