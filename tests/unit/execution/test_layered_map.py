from hypothesis import given
from hypothesis import strategies as st

from dg_bot.execution.layered_map import LayeredMap

ENTRIES = st.lists(st.tuples(st.integers(min_value=0, max_value=20), st.integers()), max_size=60)


def _map_of(entries: list[tuple[int, int]]) -> LayeredMap[int, int]:
    built: LayeredMap[int, int] = LayeredMap()
    for key, value in entries:
        built = built.adding(key, value)
    return built


@given(entries=ENTRIES)
def test_it_answers_like_a_dict_that_was_given_the_same_entries(entries: list[tuple[int, int]]) -> None:
    built, expected = _map_of(entries), dict(entries)

    assert expected == dict(built.items())
    assert len(expected) == len(list(built.items()))
    assert [expected.get(key) for key in range(22)] == [built.get(key) for key in range(22)]


@given(entries=ENTRIES, key=st.integers(min_value=0, max_value=20), value=st.integers())
def test_adding_leaves_the_earlier_map_as_it_was(entries: list[tuple[int, int]], key: int, value: int) -> None:
    earlier = _map_of(entries)

    earlier.adding(key, value)

    assert dict(entries) == dict(earlier.items())


def test_ten_thousand_entries_lie_in_few_layers() -> None:
    assert len(_map_of([(key, key) for key in range(10_000)]).layers) <= 14
