"""Spoil an input: as text, as JSON, or by making one up; everything follows from the generator that is given."""

import json
import random
import string
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, -(2**63), 10**30, 10**400, 0.1, -0.0, 1e308, 5e-324, "", " ", "0", "-0", "+1", "-1",
    "1.", ".5",
    "1e", "1E-8", "1e400", "1E+999999999", "-1e-999", "NaN", "-Infinity", "infinity", "0x10", "1_000", "1,5", "９９", "²",
    "9" * 30, "9" * 5000,
    "0." + "0" * 60 + "1", [], {}, [[]], [{}], {"a": None}, [None], "null", "KRW-BTC", "KRW-", "krw-btc", "KRW-BTC ",
    "BTC-ETH", "KRW-" + "A" * 40,
    "bid", "ask", "wait", "done", "NONE", "2026-11-20T13:00:00", "2026-11-20T13:00:00Z", "2026-11-20T13:00:00+09:00",
    "2026-13-45T99:99:99",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-20", "20261120T13", "24:00", "2026-W47-5", "\x00",
    "\ud800", "\u202e",
    "한국어", "😀", "'; DROP TABLE trades;--", "../../etc/passwd", "%s%n", "{}", "\\", '"', "\r\n", "<html>",
)  # fmt: skip
_BYTES = bytes(range(256))
_TELLING = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"=",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"#",
    b"'",
    b"-",
    b".",
    b"e",
    b"9",
)
_NAMES = ("name", "error", "market", "at", "kind", "body", "schema_version", "checksum", "")


def spoil(data: bytes, rng: random.Random) -> bytes:
    """Give a neighbour of `data`: mostly as JSON with one thing changed where it is JSON, else as changed text."""
    choice = rng.random()
    if choice < 0.02:
        return invented(rng)
    if choice < 0.65:
        try:
            document = json.loads(data)
        except ValueError:
            pass
        else:
            for _ in range(rng.choice((1, 1, 1, 2, 4))):
                document = _spoilt_document(document, rng)
            data = json.dumps(document, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
            if rng.random() < 0.8:
                return data
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        data = rng.choice(_TEXT_CHANGES)(data, rng)
    return data


def invented(rng: random.Random) -> bytes:
    """Make an input that has nothing to do with any real one."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(200))
    if kind == 1:
        return "".join(rng.choices(string.printable, k=rng.randrange(200))).encode()
    if kind == 2:
        opening = rng.choice((b"[", b'{"a":', b"[{", b'"', b"-"))
        return opening * rng.choice((1, 10, 1000, 5000))
    return json.dumps(_value(rng, depth=4)).encode("utf-8", "surrogatepass")


def _value(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(8) if depth else 7
    if kind == 0:
        return [_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 1:
        return {rng.choice(_NAMES): _value(rng, depth - 1) for _ in range(rng.randrange(4))}
    return _odd_value(rng)


def _odd_value(rng: random.Random) -> Any:
    return deepcopy(rng.choice(ODD_VALUES))


def _spoilt_document(document: Any, rng: random.Random) -> Any:
    """Change one place of a JSON document, which is changed in place unless it is its root that is replaced."""
    places = list(_places(document))
    if not places or rng.random() < 0.01:
        return _odd_value(rng)
    holder, key = rng.choice(places)
    change = rng.randrange(10)
    if change < 5:
        holder[key] = _odd_value(rng)
    elif change == 5:
        del holder[key]
    elif change == 6:
        holder[key] = _neighbour(holder[key], rng)
    elif change == 7:
        holder[key] = [holder[key]]
    elif isinstance(holder, list):
        holder.insert(rng.randrange(len(holder) + 1), holder[key])
    else:
        holder[rng.choice(_NAMES)] = holder[key]
    return document


def _places(document: Any) -> Sequence[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        node = waiting.pop()
        keys: Sequence[Any] = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            found.append((node, key))
            waiting.append(node[key])
    return found


def _neighbour(value: Any, rng: random.Random) -> Any:
    """Give a value close to a real one."""
    if isinstance(value, bool) or value is None:
        return rng.choice((True, False, None, 0, 1))
    if isinstance(value, int | float):
        return rng.choice((-value, value + 1, value * 1000, str(value)))
    if isinstance(value, str) and value:
        place = rng.randrange(len(value))
        letter = rng.choice(string.printable)
        return rng.choice(
            (value[:place], value[place:], value[:place] + letter + value[place + 1 :], value * 2, f" {value}", value.swapcase())
        )
    return _odd_value(rng)


def _flip(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _remove(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.randrange(1, 20) :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    end = start + rng.randrange(1, 60)
    return data[:end] + data[start:]


def _insert(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.choice(_TELLING) + data[place:]


def _overwrite(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + bytes(rng.choices(_BYTES, k=rng.randrange(1, 5))) + data[place + 1 :]


def _odd(data: bytes, rng: random.Random) -> bytes:
    """Put an odd text where a word or a number stands."""
    place = rng.randrange(len(data) + 1)
    end = next((at for at in range(place, min(len(data), place + 40)) if data[at : at + 1] in b",:\"'= \n}]"), place)
    return data[:place] + str(rng.choice(ODD_VALUES)).encode("utf-8", "surrogatepass") + data[end:]


def _lines(data: bytes, rng: random.Random) -> bytes:
    """Swap, drop or repeat whole lines."""
    lines = data.splitlines(keepends=True)
    if len(lines) < 2:
        return data
    first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
    change = rng.randrange(3)
    if change == 0:
        lines[first], lines[second] = lines[second], lines[first]
    elif change == 1:
        del lines[first]
    else:
        lines.insert(second, lines[first])
    return b"".join(lines)


_TEXT_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip,
    _cut,
    _remove,
    _repeat,
    _insert,
    _overwrite,
    _odd,
    _odd,
    _lines,
)
