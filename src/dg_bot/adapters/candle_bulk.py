"""Read candle rows in bulk where all of them are as they are usually written."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dg_bot.adapters.decimal_columns import Places, read_decimals, read_times
from dg_bot.domain.calendar import Timeframe

# More than the won, and the coins of any market, that were ever traded in a day.
LARGEST_NUMBER = 1e18
_COLUMNS = 6
_PLAIN = b"0123456789.,:TZ-\n"
_TIME_LENGTH = len("2026-11-20T00:00:00Z")
_LONGEST_VALUE = 18
_PIECE = 1 << 19


@dataclass(frozen=True, slots=True)
class CandleTable:
    """Rows that passed every check: epoch seconds `(n,) int64`, and open, high, low, close, volume `(5, n) float64`."""

    times: NDArray[np.int64]
    figures: NDArray[np.float64]


def read_in_bulk(body: bytes, width: int, timeframe: Timeframe) -> CandleTable | None:
    """Read rows in bulk; None where anything is unusual, for the careful reader to accept or to name."""
    parts = []
    for piece in _pieces(body):
        part = _read(piece, width)
        if part is None:
            return None
        parts.append(part)
    if not parts:
        return None
    times = np.concatenate([part.times for part in parts])
    figures = np.concatenate([part.figures for part in parts], axis=1)
    open_, high, low, close, volume = figures
    are_sound = (
        not np.any(times % timeframe.seconds)
        and np.all(np.diff(times) > 0)
        and np.all(figures <= LARGEST_NUMBER)
        and np.all(low > 0)
        and np.all(low <= np.minimum(open_, close))
        and np.all(np.maximum(open_, close) <= high)
        and np.all(volume >= 0)
    )
    return CandleTable(times, figures) if are_sound else None


def _pieces(body: bytes) -> Iterator[bytes]:
    """Cut rows into pieces that a processor's cache holds, each without its last line end."""
    start = 0
    while start < len(body):
        end = body.find(b"\n", start + _PIECE)
        end = len(body) if end < 0 else end
        yield body[start:end]
        start = end + 1


def _read(body: bytes, width: int) -> CandleTable | None:
    if not body or body.translate(None, _PLAIN):
        return None
    cells = _cells(body, width)
    if cells is None:
        return None
    text, starts, dots, ends = cells
    times = read_times(text, starts[:, 0])
    columns = [read_decimals(text, starts[:, column], dots[:, column], ends[:, column]) for column in range(1, 6)]
    found = [column for column in columns if column is not None]
    return None if times is None or len(found) < len(columns) else CandleTable(times, np.array(found))


def _cells(body: bytes, width: int) -> tuple[bytes, Places, Places, Places] | None:
    """Cut rows into cells: their text, and the starts, dots and ends of the cells, each `(rows, width)`.

    A cell without a dot has it at its end. None where anything is unusual.
    """
    text = body + b"\n"
    codes = np.frombuffer(text, np.uint8)
    marks = np.flatnonzero((codes == ord(",")) | (codes == ord("\n")) | (codes == ord(".")))
    is_dot = codes[marks] == ord(".")
    closing = np.flatnonzero(~is_dot)
    if len(closing) % width or np.any(is_dot[1:] & is_dot[:-1]):
        return None
    ends = marks[closing]
    dots = np.where(is_dot[closing - 1], marks[closing - 1], ends).reshape(-1, width)
    starts = np.concatenate([[0], ends[:-1] + 1]).reshape(-1, width)
    ends = ends.reshape(-1, width)
    # A time has six letters besides its digits; where no more are there, the other cells are digits.
    letters = np.count_nonzero(codes > ord("9")) + np.count_nonzero(codes == ord("-"))
    are_usual = (
        np.all(codes[ends[:, -1]] == ord("\n"))
        and np.all(codes[ends[:, :-1]] == ord(","))
        and np.all(ends[:, 0] - starts[:, 0] == _TIME_LENGTH)
        and letters == 6 * len(ends)
        and not (width > _COLUMNS and np.any(_is_no_value(starts[:, -1], dots[:, -1], ends[:, -1])))
    )
    return (text, starts, dots, ends) if are_usual else None


def _is_no_value(starts: Places, dots: Places, ends: Places) -> NDArray[np.bool_]:
    """Tell which cells are neither empty nor a number that is surely not too large."""
    lengths = ends - starts
    is_none: NDArray[np.bool_] = ((lengths == 1) & (dots == starts)) | (lengths > _LONGEST_VALUE)
    return is_none
