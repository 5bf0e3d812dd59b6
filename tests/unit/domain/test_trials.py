"""What a set of parameters is ranked by, and the stretches that it is judged on."""

import pytest

from dg_bot.domain.trials import Objective, Ranking, Stretch, Trial, TrialFigures
from dg_bot.errors import ImpossibleValue

SHOWN = TrialFigures(round_trips=12, total_return=0.3, sharpe=1.5, calmar=None, max_drawdown=0.0)


@pytest.mark.parametrize(("objective", "figure"), [(Objective.SHARPE, 1.5), (Objective.RETURN, 0.3), (Objective.CALMAR, None)])
def test_an_objective_names_the_figure_that_is_to_be_high(objective: Objective, figure: float | None) -> None:
    assert figure == SHOWN.value(objective)


@pytest.mark.parametrize(("fewest_trips", "figure"), [(12, 1.5), (13, None)])
def test_a_set_that_traded_too_little_is_not_ranked(fewest_trips: int, figure: float | None) -> None:
    trial = Trial(values={}, figures=(SHOWN,))

    assert figure == Ranking(objective=Objective.SHARPE, within={}, fewest_trips=fewest_trips).figure(trial)


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 5), (6, 5)])
def test_a_stretch_holds_a_bar(start: int, stop: int) -> None:
    with pytest.raises(ImpossibleValue, match="it must hold a bar"):
        Stretch(start, stop)
