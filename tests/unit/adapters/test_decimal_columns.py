"""Many numbers at once are what each of them is alone, to the last bit."""

from datetime import datetime
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dg_bot.adapters.decimal_columns import read_decimals, read_times

PAD = b",,,,,,,,,,,,,,,,"

digits = st.text("0123456789", max_size=20)
decimals = st.one_of(digits.filter(bool), st.tuples(digits, digits).filter(any).map(".".join))


def read(cells: list[str]) -> list[float] | None:
    """Lay cells out as in a file, and read them."""
    body = PAD + ",".join(cells).encode() + b"\n"
    starts = np.array(list(accumulate((len(cell) + 1 for cell in cells[:-1]), initial=len(PAD))))
    ends = starts + [len(cell) for cell in cells]
    dots = starts + [cell.index(".") if "." in cell else len(cell) for cell in cells]
    numbers = read_decimals(body, starts, dots, ends)
    return None if numbers is None else numbers.tolist()


@settings(max_examples=400, deadline=None, database=None)
@given(st.lists(decimals, min_size=1, max_size=8))
@example(
    ["0.00000001", "9007199254740993", "9007199254740992", "90071992547409.93", "1234567890.12345678", "99999999999999999999"]
)
@example([".5", "5.", "0.1", "0.3", "00012.5000", "0.30000000000000004", "123456789012345.678", "0.000000000000000000000001"])
def test_decimals_are_the_nearest_doubles(cells: list[str]) -> None:
    assert [float(cell) for cell in cells] == read(cells)


@pytest.mark.parametrize("cells", [[""], ["."], ["1", "", "2"], ["1", "."]])
def test_a_cell_without_a_digit_is_left_to_others(cells: list[str]) -> None:
    assert read(cells) is None


def times(cells: list[str]) -> list[int] | None:
    body = "".join(cells).encode() + b"Z" * 20
    seconds = read_times(body, np.arange(len(cells)) * 20)
    return None if seconds is None else seconds.tolist()


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)), min_size=1, max_size=5))  # noqa: DTZ001
def test_times_are_what_the_calendar_says(moments: list[datetime]) -> None:
    cells = [f"{moment.isoformat(timespec='seconds')}Z" for moment in moments]

    assert [int(datetime.fromisoformat(cell).timestamp()) for cell in cells] == times(cells)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-11-31T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+",
        "2026-01-01T0a:00:00Z",
        "2026-01-01T0/:00:00Z",
    ],
)
def test_what_is_no_time_is_left_to_others(cell: str) -> None:
    assert times(["2026-01-01T00:00:00Z", cell]) is None
    assert times(["2024-02-29T23:59:59Z", "2000-02-29T00:00:00Z"]) == [1709251199, 951782400]
