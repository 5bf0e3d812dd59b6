"""Challengers: models that see what the deciding one saw, and whose opinions are scored and nothing else."""

from collections.abc import Sequence

from dg_bot.cycle import Situation
from dg_bot.domain.decision import Action, Opinion
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
        consultation = advice.consultation
        kind = AnswerKind.USABLE if consultation is None else consultation.answer.kind
        return Opinion(
            model=model.name,
            action=advice.decision.action,
            confidence=advice.decision.confidence,
            problem="" if kind is AnswerKind.USABLE else kind.value,
            has_read=consultation is not None,
        )


def _failed(model: DecisionModel, problem: str) -> Opinion:
    return Opinion(model=model.name, action=Action.HOLD, confidence=0.0, problem=problem)
