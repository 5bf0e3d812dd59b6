"""Safe modes that an operator begins: paused, in which cycles may still sell, and stopped, in which the guard alone acts."""

from enum import StrEnum

from dg_bot.risk.state import RiskState


class OperatorHalt(StrEnum):
    """The first word of the reason of such a safe mode."""

    PAUSED = "paused"
    STOPPED = "stopped"

    def reason(self, by: str) -> str:
        return f"{self.value}: {by}"


def operator_halt(state: RiskState) -> OperatorHalt | None:
    """Tell whether the operator has begun the safe mode that holds, and which; None where a rule has, or none holds."""
    if state.safe_mode is None:
        return None
    word = state.safe_mode.reason.partition(":")[0]
    return next((halt for halt in OperatorHalt if halt == word), None)
