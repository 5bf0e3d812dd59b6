"""What is known of each gate beside its outcome: the stage it stands in, and the unit of its figures."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from dg_bot.domain.cycle_report import Stage
from dg_bot.domain.gate import Gate


class Unit(Enum):
    """How a gate's figures are meant; a FRACTION is shown as percent."""

    FRACTION = auto()
    KRW = auto()
    HOURS = auto()
    SECONDS = auto()
    PLAIN = auto()


# The first word of a gate's name; every other one belongs to a rule of the analysis.
_STAGES: Mapping[str, Stage] = {"risk": Stage.RISK_CHECK, "data": Stage.DATA_COLLECTION, "execution": Stage.EXECUTION}
_SUFFIXES = {"_krw": Unit.KRW, "_fraction": Unit.FRACTION, "_hours": Unit.HOURS, "_s": Unit.SECONDS}
_UNITS: Mapping[str, Unit] = {
    "daily_loss": Unit.FRACTION,
    "weekly_loss": Unit.FRACTION,
    "exposure": Unit.FRACTION,
    "hours_since_entry": Unit.HOURS,
    "krw_today": Unit.KRW,
    "price_since_approval": Unit.FRACTION,
    "slippage": Unit.FRACTION,
    "slippage_warning": Unit.FRACTION,
    "dust": Unit.KRW,
    "sell_minimum": Unit.KRW,
    "confidence": Unit.FRACTION,
    "total_return": Unit.FRACTION,
    "win_rate": Unit.FRACTION,
    "max_drawdown": Unit.FRACTION,
    "deflated_sharpe": Unit.FRACTION,
    "volatility_24h": Unit.FRACTION,
    "volatility_level": Unit.FRACTION,
    "flash_crash": Unit.FRACTION,
    "prediction": Unit.FRACTION,
}


def bare(name: str) -> str:
    """Take the stage or the rule off a gate's name: `validator.rsi` becomes `rsi`."""
    prefix, dot, rest = name.partition(".")
    return rest if dot else prefix


def unit_of(name: str) -> Unit:
    """Give the unit of a gate's figures; unknown gates are judged by how their name ends."""
    known = _UNITS.get(bare(name))
    if known is not None:
        return known
    return next((unit for suffix, unit in _SUFFIXES.items() if name.endswith(suffix)), Unit.PLAIN)


def stage_of(gate: Gate) -> Stage:
    return _STAGES.get(gate.name.partition(".")[0], Stage.ANALYSIS)


def by_stage(gates: Sequence[Gate]) -> Mapping[Stage, tuple[Gate, ...]]:
    """Sort a report's gates into its four stages, all of which are there, in order."""
    return {stage: tuple(gate for gate in gates if stage_of(gate) is stage) for stage in Stage}
