"""Small model files made by hand: what they put out is known, and each test says how they differ from a good one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dg_bot.analysis.features import NAMES, SCHEMA
from dg_bot.models.artifact import load_artifact, manifest_path
from dg_bot.models.manifest import (
    SCHEMA_VERSION,
    DataFacts,
    DriftFacts,
    FeatureFacts,
    FileFacts,
    LabelFacts,
    Manifest,
    SplitFacts,
    manifest_text,
)
from dg_bot.models.onnx import OnnxModel
from dg_bot.models.onnx_session import INPUT, OUTPUTS, OnnxSession
from tests.builders import PaperBot

_OPSETS = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 1)]


def linear_model(expected: float, probability: float, *, per_hour: float = 1e-5, **weights: float) -> onnx.ModelProto:
    """Make a model that expects `expected` in every market, and a little more with each hour of the day.

    `weights` are by the name of a feature. The probability is always the same.
    """
    slopes = {"hour": per_hour, **weights}
    column = np.array([[slopes.get(name, 0.0)] for name in NAMES], dtype=np.float32)
    nodes = [
        helper.make_node("MatMul", [INPUT, "slopes"], ["sloped"]),
        helper.make_node("Add", ["sloped", "level"], [OUTPUTS[0]]),
        helper.make_node("Mul", ["sloped", "nothing"], ["flat"]),
        helper.make_node("Add", ["flat", "chance"], [OUTPUTS[1]]),
    ]
    constants = {"level": expected, "nothing": 0.0, "chance": probability}
    tensors = [numpy_helper.from_array(np.array([[value]], dtype=np.float32), name) for name, value in constants.items()]
    return whole_model(nodes, [numpy_helper.from_array(column, "slopes"), *tensors])


def whole_model(nodes: list[onnx.NodeProto], tensors: list[onnx.TensorProto]) -> onnx.ModelProto:
    """Put nodes and tensors together to a model with the agreed input and outputs."""
    shapes = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in OUTPUTS}
    given = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, len(NAMES)])
    graph = helper.make_graph(nodes, "test", [given], list(shapes.values()), tensors)
    return helper.make_model(graph, opset_imports=_OPSETS, ir_version=8)


def manifest_of(model: bytes, *, same_outputs: int = 24, largest: float = 1e9, markets: Sequence[str] = ("KRW-BTC",)) -> Manifest:
    """Write down what is true of such a model: trained on nothing real, and at home between -`largest` and `largest`."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Manifest(
        schema_version=SCHEMA_VERSION,
        kind="linear",
        file=FileFacts(sha256=sha256(model).hexdigest(), size_bytes=len(model)),
        features=FeatureFacts(
            schema_sha256=SCHEMA.sha256,
            names=SCHEMA.names,
            window_bars=SCHEMA.window_bars,
            bar_minutes=SCHEMA.bar_minutes,
            formulas=SCHEMA.formulas,
            low=(-largest,) * len(NAMES),
            high=(largest,) * len(NAMES),
        ),
        label=LabelFacts(horizon_hours=24, cost_fraction=0.0014),
        data=tuple(DataFacts(market=market, rows=1, first=at, last=at, sha256="0" * 64) for market in markets),
        cutoff=at,
        split=SplitFacts(windows=1, train_hours=1, test_hours=1, purge_hours=24, embargo_hours=0),
        drift=DriftFacts(same_outputs=same_outputs, range_margin=0.5),
        seed=1,
        parameters={},
        metrics={},
        libraries={},
    )


def put(folder: Path, model: onnx.ModelProto | bytes, manifest: Manifest | None = None, *, name: str = "model.onnx") -> Path:
    """Write a model and its manifest into a folder; the manifest is true of the model unless another one is given."""
    data = model if isinstance(model, bytes) else model.SerializeToString()
    path = folder / name
    path.write_bytes(data)
    manifest_path(path).write_text(manifest_text(manifest or manifest_of(data)), encoding="utf-8")
    return path


def trained(bot: PaperBot, path: Path) -> OnnxModel:
    """Let a bot decide by a model file."""

    def alarm(kind: str, text: str) -> None:
        bot.books.alarm(kind, text)

    model = OnnxModel(session=OnnxSession(load_artifact(path)), buy_at=0.005, sell_at=-0.005, alarm=alarm)
    bot.setup = replace(bot.setup, model=model)
    bot.rewire()
    return model
