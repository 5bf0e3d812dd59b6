import pytest

from dg_bot.backtesting.parameter_grid import MOST_SETS, Axis, ParameterGrid, every_set, random_sets
from dg_bot.errors import ConfigurationError


def grid(*axes: str) -> ParameterGrid:
    return ParameterGrid(tuple(Axis.parse(text) for text in axes))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("period=3:6", ["3", "4", "5", "6"]),
        ("period=10:30:10", ["10", "20", "30"]),
        ("period=10:29:10", ["10", "20"]),
        ("width=0.1:0.3:0.1", ["0.1", "0.2", "0.3"]),
        ("period=7:7", ["7"]),
        ("flag=true,false", ["true", "false"]),
        ("period=5, 10,20", ["5", "10", "20"]),
    ],
)
def test_a_range_or_a_list_names_its_values(text: str, values: list[str]) -> None:
    assert tuple(values) == Axis.parse(text).values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("period", "is not name=low:high"),
        ("=3:30", "is not name=low:high"),
        ("period=", "is not name=low:high"),
        ("period=30:3", "goes from 30 down to 3; write the lower bound first"),
        ("period=3:x", "has a bound that is no number"),
        ("period=3:inf", "has a bound that is not finite"),
        ("period=3:30:0", "has a step of 0, which must be above zero"),
        ("period=1:2:3:4", "has more than low, high and step"),
        ("period=1:20001", "has 20,001 values, more than 10,000"),
        ("period=3,,5", "has an empty value"),
        ("period=3,4,3", "has a value twice"),
    ],
)
def test_a_range_that_cannot_be_meant_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--grid: .*{said}"):
        Axis.parse(text)


def test_all_combinations_are_there_once() -> None:
    sets = [tuple(one.items()) for one in every_set(grid("a=1:2", "b=7,8,9"))]

    assert 6 == len(set(sets))
    assert [(("a", "1"), ("b", "7")), (("a", "1"), ("b", "8"))] == sets[:2]


@pytest.mark.parametrize(("high", "is_refused"), [(MOST_SETS // 100, False), (MOST_SETS // 100 + 1, True)])
def test_more_sets_than_anybody_means_are_to_be_drawn(high: int, is_refused: bool) -> None:
    axes = grid(f"a=1:{high}", "b=1:100")

    if is_refused:
        with pytest.raises(ConfigurationError, match=r"100,100 sets are more than 100,000; .* drawn with --random"):
            every_set(axes)
    else:
        assert {"a": "1", "b": "1"} == next(every_set(axes))


def test_the_seed_decides_what_is_drawn() -> None:
    axes = grid("a=1:10000", "b=1:10000", "c=1:1000")
    drawn = list(random_sets(axes, 50, seed=1))

    assert drawn == list(random_sets(axes, 50, seed=1))
    assert drawn != list(random_sets(axes, 50, seed=2))
    assert 50 == len({tuple(one.items()) for one in drawn})


def test_no_more_is_drawn_than_there_is() -> None:
    assert 4 == len(list(random_sets(grid("a=1:2", "b=1:2"), 9, seed=1)))


def test_a_parameter_has_one_range() -> None:
    with pytest.raises(ConfigurationError, match="--grid: a is given twice"):
        grid("a=1:2", "a=3:4")


def test_what_nobody_can_count_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="makes more than"):
        grid(*(f"{name}=1:10000" for name in "abcd"))
