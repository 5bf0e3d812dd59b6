import math

import pytest

from dg_bot.domain.decision import Action, Decision
from dg_bot.errors import ImpossibleValue


@pytest.mark.parametrize(
    ("confidence", "is_possible"), [(-1e-9, False), (0.0, True), (1.0, True), (1.0 + 1e-9, False), (70.0, False)]
)
def test_confidence_is_a_fraction(confidence: float, is_possible: bool) -> None:
    def decide() -> Decision:
        return Decision(action=Action.BUY, confidence=confidence, source="rules", reason="breakout")

    if is_possible:
        assert confidence == decide().confidence
    else:
        with pytest.raises(ImpossibleValue, match="confidence"):
            decide()


def test_a_confidence_that_is_no_number_is_refused() -> None:
    with pytest.raises(ImpossibleValue, match="confidence"):
        Decision(action=Action.BUY, confidence=math.nan, source="rules", reason="breakout")
