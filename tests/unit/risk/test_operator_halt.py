import pytest

from dg_bot.risk.loss_breaker import is_loss
from dg_bot.risk.operator_halt import OperatorHalt, operator_halt
from dg_bot.risk.state import RiskState, SafeMode
from tests.builders import NOON


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (OperatorHalt.PAUSED.reason("Telegram 1"), OperatorHalt.PAUSED),
        (OperatorHalt.STOPPED.reason("Telegram 1; before: daily_loss: lost 0.1"), OperatorHalt.STOPPED),
        ("daily_loss: lost 0.1; before: paused: Telegram 1", None),
        ("pausedly", None),
    ],
)
def test_only_an_operators_safe_mode_is_a_halt(reason: str, expected: OperatorHalt | None) -> None:
    assert expected is operator_halt(RiskState(safe_mode=SafeMode(reason, NOON)))


def test_without_safe_mode_nobody_has_halted() -> None:
    assert operator_halt(RiskState()) is None


@pytest.mark.parametrize("halt", OperatorHalt)
def test_an_operators_halt_is_never_a_loss_whose_timer_may_end_it(halt: OperatorHalt) -> None:
    assert not is_loss(halt.reason("Telegram 1; before: daily_loss: lost 0.1"))
