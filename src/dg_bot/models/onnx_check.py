"""What a model file may hold, looked over byte by byte before a runtime sees it.

The file is read as protobuf by a reader that knows a part of the format and refuses the rest: a field that it does not know, one
that stands twice, a number that is too long. So nothing in it can mean one thing here and another to the runtime. What it knows
has no way to reach outside the file (external data), to bring code along (operators of one's own, functions) or to run for ever
(subgraphs, loops).

Source of the field numbers: the ONNX project's `onnx.proto3`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dg_bot.errors import DataError

_SOURCE = "model file"
_VARINT, _BLOB, _FIXED32 = 0, 2, 5
_LONGEST_VARINT = 10
# A tree ensemble has its numbers as hundreds of thousands of fields one after the other; these skip a run of them at once.
_RUNS: Mapping[int, re.Pattern[bytes]] = {
    7 << 3 | _FIXED32: re.compile(rb"(?:\x3d.{4})+", re.DOTALL),
    8 << 3 | _VARINT: re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])+", re.DOTALL),
}

ML = "ai.onnx.ml"
# What the trainers of this program write, and plain arithmetic.
OPERATORS: Mapping[str, frozenset[str]] = {
    "": frozenset(
        [
            "Abs", "Add", "Cast", "Clip", "Concat", "Div", "Gather", "Gemm", "Identity", "MatMul", "Max", "Min", "Mul", "Neg",
            "Relu", "Sigmoid", "Softmax", "Sub", "Tanh",
        ]
    ),
    ML: frozenset(["LinearClassifier", "LinearRegressor", "Scaler", "TreeEnsembleClassifier", "TreeEnsembleRegressor"]),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Field:
    """One field that a message may have: its name, how it may be written, and whether it may stand more than once."""

    name: str
    wires: tuple[int, ...] = (_BLOB,)
    repeated: bool = False


_NUMBERS = (_VARINT, _BLOB)
_MODEL = {
    1: _Field("ir_version", (_VARINT,)), 2: _Field("producer_name"), 3: _Field("producer_version"), 4: _Field("domain"),
    5: _Field("model_version", (_VARINT,)), 6: _Field("doc_string"), 7: _Field("graph"), 8: _Field("opset_import", repeated=True),
}  # fmt: skip
_OPSET = {1: _Field("domain"), 2: _Field("version", (_VARINT,))}
_GRAPH = {
    1: _Field("node", repeated=True), 2: _Field("name"), 5: _Field("initializer", repeated=True), 10: _Field("doc_string"),
    11: _Field("input", repeated=True), 12: _Field("output", repeated=True), 13: _Field("value_info", repeated=True),
}  # fmt: skip
_NODE = {
    1: _Field("input", repeated=True), 2: _Field("output", repeated=True), 3: _Field("name"), 4: _Field("op_type"),
    5: _Field("attribute", repeated=True), 6: _Field("doc_string"), 7: _Field("domain"),
}  # fmt: skip
_ATTRIBUTE = {
    1: _Field("name"), 2: _Field("f", (_FIXED32,)), 3: _Field("i", (_VARINT,)), 4: _Field("s"), 5: _Field("t"),
    7: _Field("floats", (_FIXED32, _BLOB), repeated=True), 8: _Field("ints", _NUMBERS, repeated=True),
    9: _Field("strings", repeated=True), 13: _Field("doc_string"), 20: _Field("type", (_VARINT,)),
}  # fmt: skip
_TENSOR = {
    1: _Field("dims", _NUMBERS, repeated=True), 2: _Field("data_type", (_VARINT,)),
    4: _Field("float_data", (_FIXED32, _BLOB), repeated=True), 5: _Field("int32_data", _NUMBERS, repeated=True),
    7: _Field("int64_data", _NUMBERS, repeated=True), 8: _Field("name"), 9: _Field("raw_data"), 12: _Field("doc_string"),
}  # fmt: skip
# Why the best known of those that are not above are not.
_KNOWN_DANGERS = {
    ("model", 14): "metadata, which can configure the runtime",
    ("model", 20): "training steps",
    ("model", 25): "functions of its own",
    ("graph", 15): "a sparse tensor",
    ("attribute", 6): "a subgraph",
    ("attribute", 11): "subgraphs",
    ("attribute", 10): "a list of tensors",
    ("attribute", 22): "a sparse tensor",
    ("attribute", 23): "sparse tensors",
    ("tensor", 13): "external data",
    ("tensor", 14): "external data",
}

_Message = dict[int, list[bytes]]


def require_self_contained(data: bytes) -> None:
    """Raise DataError unless `data` is an ONNX model of known operators that holds everything it needs in itself."""
    model = _read("model", data, _MODEL)
    if 7 not in model:
        raise DataError(_SOURCE, "holds no graph: it is no ONNX model, or cut")
    for opset in model.get(8, []):
        domain = _text(_read("opset", opset, _OPSET).get(1))
        if _plain(domain) not in OPERATORS:
            raise DataError(
                _SOURCE, f"uses operators of the domain {domain!r}, which only code beside the runtime could carry out"
            )
    graph = _read("graph", model[7][0], _GRAPH)
    for node in graph.get(1, []):
        _require_known_node(_read("node", node, _NODE))
    for tensor in graph.get(5, []):
        _read("tensor", tensor, _TENSOR)


def _require_known_node(node: _Message) -> None:
    domain, operator = _text(node.get(7)), _text(node.get(4))
    if operator not in OPERATORS.get(_plain(domain), frozenset()):
        raise DataError(
            _SOURCE, f"uses the operator {operator!r} of the domain {domain or 'ai.onnx'!r}, which is not among the known ones"
        )
    for attribute in node.get(5, []):
        for tensor in _read("attribute", attribute, _ATTRIBUTE).get(5, []):
            _read("tensor", tensor, _TENSOR)


def _plain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _read(kind: str, data: bytes, fields: Mapping[int, _Field]) -> _Message:
    """Give the values of a message by field number, as far as they are blobs; raises DataError for what has no place in it."""
    found: _Message = {}
    for number, wire, value in _values(data):
        field = fields.get(number)
        if field is None:
            told = _KNOWN_DANGERS.get((kind, number), f"field {number} of a {kind}, which this program does not know")
            raise DataError(_SOURCE, f"holds {told}")
        if wire not in field.wires:
            raise DataError(_SOURCE, f"has {field.name} of a {kind} in a form that it cannot have: it is damaged")
        values = found.setdefault(number, [])
        if values and not field.repeated:
            raise DataError(_SOURCE, f"has {field.name} of a {kind} twice")
        values.append(value)
    return found


def _values(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Give number, wire type and content of each field; a run of plain numbers counts as one."""
    place, end = 0, len(data)
    while place < end:
        key, after = _varint(data, place)
        number, wire = key >> 3, key & 7
        run = _RUNS.get(key)
        if run is not None and (skipped := run.match(data, place)):
            place, value = skipped.end(), b""
        elif wire == _VARINT:
            _, place = _varint(data, after)
            value = b""
        elif wire == _BLOB:
            length, start = _varint(data, after)
            place = start + length
            value = data[start:place]
        elif wire == _FIXED32:
            place, value = after + 4, b""
        else:
            raise DataError(_SOURCE, f"is no ONNX model, or damaged at byte {place} of a message")
        if place > end or number == 0:
            raise DataError(_SOURCE, "is cut, damaged, or no ONNX model")
        yield number, wire, value


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Give the number that begins at `place`, and where the next one does."""
    value = 0
    for count in range(_LONGEST_VARINT):
        if place + count >= len(data):
            raise DataError(_SOURCE, "is cut, damaged, or no ONNX model")
        byte = data[place + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, place + count + 1
    raise DataError(_SOURCE, "is damaged, or no ONNX model: a number in it does not end")


def _text(values: list[bytes] | None) -> str:
    return (values or [b""])[0].decode("utf-8", "backslashreplace")
