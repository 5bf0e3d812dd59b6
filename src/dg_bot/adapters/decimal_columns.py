"""Read very many plain decimals and times at once, each exactly as reading it alone would.

Digits are taken eight at a time, as bytes of one 64-bit word (Lemire, "Number parsing at a gigabyte per second", 2021). A
decimal of at most 2^53 without its dot, divided by a power of ten up to 10^22, is the nearest double: both are exact, and
division rounds once.
"""

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
Places = NDArray[np.int64]
Words = NDArray[np.uint64]

_WORD = 8
_LONGEST = 2 * _WORD
_ZEROS = np.uint64(0x3030303030303030)
_EVERY = np.uint64(0xFFFFFFFFFFFFFFFF)
_PAIRS = np.uint64(0x000000FF000000FF)
_EXACT = np.uint64(1 << 53)
_TENS = 10 ** np.arange(_LONGEST + 1, dtype=np.uint64)
_TIME_LETTERS = np.frombuffer(b"0000-00-00T00:00:00Z", np.uint8)
_TIME_DIGITS = np.equal(_TIME_LETTERS, ord("0"))


def read_decimals(body: bytes, starts: Places, dots: Places, ends: Places) -> NDArray[np.float64] | None:
    """Read cells `[start, end)` of ASCII digits as the nearest doubles; a dot lies at `dot`, or nowhere where that is the end.

    Every cell must begin 16 bytes or more after the beginning of `body`. Gives None where a cell has no digit at all.
    """
    whole_digits, part_digits = dots - starts, np.maximum(ends - dots - 1, 0)
    if np.any(whole_digits + part_digits == 0):
        return None
    whole, part = _integers(body, dots, whole_digits), _integers(body, ends, part_digits)
    is_short = (whole_digits + part_digits <= 18) & (whole_digits <= _LONGEST) & (part_digits <= _LONGEST)
    tens = _TENS[np.minimum(part_digits, _LONGEST)]
    digits = whole * tens + part
    numbers: NDArray[np.float64] = digits.astype(np.float64) / tens.astype(np.float64)
    for place in np.flatnonzero(~(is_short & (digits <= _EXACT))):
        numbers[place] = float(body[starts[place] : ends[place]])
    return numbers


def read_times(body: bytes, starts: Places) -> NDArray[np.int64] | None:
    """Read cells of the form 2026-11-20T00:00:00Z as epoch seconds; None where one has another form, or is no time."""
    codes = np.lib.stride_tricks.sliding_window_view(np.frombuffer(body, np.uint8), len(_TIME_LETTERS))[starts]
    digits = codes - np.uint8(ord("0"))
    if np.any(digits[:, _TIME_DIGITS] > 9) or np.any(codes[:, ~_TIME_DIGITS] != _TIME_LETTERS[~_TIME_DIGITS]):
        return None
    year = _number(digits, 0) * 100 + _number(digits, 2)
    month, day, hour, minute, second = (_number(digits, place) for place in (5, 8, 11, 14, 17))
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    first = months.astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[D]").astype(np.int64) - first
    is_time = (
        (year > 0) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= length) & (hour < 24) & (minute < 60) & (second < 60)
    )
    return (first + day - 1) * 86_400 + hour * 3600 + minute * 60 + second if is_time.all() else None


def _number(digits: Codes, place: int) -> NDArray[np.int64]:
    return digits[:, place].astype(np.int64) * 10 + digits[:, place + 1]


def _integers(body: bytes, ends: Places, counts: Places) -> Words:
    """Read the last `counts` digits before each end, 16 at most."""
    words = np.ndarray((len(body) - _WORD + 1,), "<u8", body, strides=(1,))
    numbers = _word_of_digits(words[ends - _WORD], np.minimum(counts, _WORD))
    if np.any(counts > _WORD):
        higher = _word_of_digits(words[ends - _LONGEST], np.clip(counts - _WORD, 0, _WORD))
        numbers += higher * np.uint64(10**_WORD)
    return numbers


def _word_of_digits(words: Words, counts: Places) -> Words:
    """Read the last `counts` of eight digits; the first of them is the lowest byte."""
    before = (_WORD * (_WORD - counts)).astype(np.uint64)
    kept = np.where(counts > 0, _EVERY << before, np.uint64(0))
    digits = (words & kept) - (_ZEROS & kept)
    pairs = digits * np.uint64(10) + (digits >> np.uint64(8))
    high = (pairs & _PAIRS) * np.uint64(0x000F424000000064)
    low = ((pairs >> np.uint64(16)) & _PAIRS) * np.uint64(0x0000271000000001)
    return (high + low) >> np.uint64(32)
