from dataclasses import replace

import pytest

from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.errors import ImpossibleValue


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("position_fraction", 0.0),
        ("position_fraction", 1.001),
        ("stop_fraction", 0.0),
        ("stop_fraction", 1.0),
        ("target_fraction", 0.0),
        ("fee_fraction", -0.0001),
        ("fee_fraction", 0.1),
        ("slippage_fraction", 0.1),
        ("trailing_atr", -1.0),
        ("stage_fraction", float("nan")),
        ("entry_gap_s", -1),
        ("entries_per_day", 0),
    ],
)
def test_rules_that_cannot_be_are_refused(name: str, value: float) -> None:
    with pytest.raises(ImpossibleValue):
        replace(TradeRules(), **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [("position_fraction", 1.0), ("stop_fraction", 0.001), ("fee_fraction", 0.0), ("entry_gap_s", 0), ("entries_per_day", 1)],
)
def test_rules_at_their_edge_stand(name: str, value: float) -> None:
    assert value == getattr(replace(TradeRules(), **{name: value}), name)  # type: ignore[arg-type]
