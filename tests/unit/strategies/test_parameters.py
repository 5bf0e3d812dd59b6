from dataclasses import dataclass

import pytest

from dg_bot.errors import ConfigurationError
from dg_bot.strategies.breakout import BreakoutParameters
from dg_bot.strategies.catalog import make_strategy
from dg_bot.strategies.parameters import build_parameters, parse_lines, shipped_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    period: int = 20
    width: float = 2.0
    is_dynamic: bool = False


def test_the_file_of_a_strategy_holds_its_defaults_and_all_of_its_parameters() -> None:
    assert BreakoutParameters() == build_parameters(BreakoutParameters, "its file", shipped_values("volatility_breakout"))


def test_an_override_stands_over_the_file() -> None:
    strategy = make_strategy("volatility_breakout", {"trend_period": "80", "dynamic_range_multiple": "true"})

    assert BreakoutParameters(trend_period=80, dynamic_range_multiple=True) == strategy.parameters


def test_values_take_the_type_of_their_field() -> None:
    assert Knobs(period=5, width=3.0, is_dynamic=True) == build_parameters(
        Knobs, "knobs", {"period": "5", "width": "3", "is_dynamic": "true"}
    )


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"knobs: perod: there is no such parameter; did you mean period\?"):
        build_parameters(Knobs, "knobs", {"perod": "5"})


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        ("period", "5.5", "not an integer"),
        ("period", "", "not an integer"),
        ("width", "wide", "not a number"),
        ("width", "nan", "not finite"),
        ("width", "inf", "not finite"),
        ("is_dynamic", "yes", "not a switch"),
        ("is_dynamic", "True", "not a switch"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(key: str, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        build_parameters(Knobs, "knobs", {key: text})


def test_comments_and_empty_lines_are_skipped() -> None:
    assert parse_lines("f", "# a comment\n\nperiod: 5\n  # another\nwidth:  2.0  \n") == {"period": "5", "width": "2.0"}


@pytest.mark.parametrize(
    "line", ["period 5", "period:5", "period: 5 6", "- period: 5", "period: [5]  # x", "  period: 5", "Period: 5"]
)
def test_a_line_that_is_no_key_and_value_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(ConfigurationError, match="f line 2"):
        parse_lines("f", f"width: 2\n{line}\n")


def test_a_key_that_stands_there_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="f line 2: period stands there twice"):
        parse_lines("f", "period: 5\nperiod: 6\n")


@pytest.mark.parametrize(
    ("name", "just_outside", "limit"),
    [
        ("trend_period", 1, 2),
        ("trend_period", 1001, 1000),
        ("volume_multiple", 0.0, 0.01),
        ("squeeze_adx", 100.1, 100.0),
        ("fake_out_fraction", -0.01, 0.0),
        ("trend_ratio", 1.01, 1.0),
        ("stop_atr", 0.09, 0.1),
        ("time_out_bars", -1, 0),
        ("obv_slow_period", 5, 6),
        ("highest_range_multiple", 0.29, 0.3),
    ],
)
def test_a_parameter_is_refused_just_outside_its_range_only(name: str, just_outside: float, limit: float) -> None:
    assert limit == getattr(BreakoutParameters(**{name: limit}), name)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=name):
        BreakoutParameters(**{name: just_outside})  # type: ignore[arg-type]
