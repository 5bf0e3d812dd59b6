"""Write a trained baseline as one ONNX model, its scaler inside, and hold it to its trainer before anybody may use it."""

from typing import TYPE_CHECKING

import numpy as np

from dg_bot.analysis.features import NAMES
from dg_bot.errors import DataError
from dg_bot.indicators.bars import Floats
from dg_bot.models.boosting import Baseline
from dg_bot.models.onnx_check import ML
from dg_bot.models.onnx_session import INPUT, OUTPUTS, OnnxSession

if TYPE_CHECKING:
    from lightgbm import Booster
    from onnx import NodeProto

LARGEST_DIFFERENCE = 1e-6
ROWS_COMPARED = 10_000
_OPSET, _ML_OPSET, _IR = 15, 1, 8


def exported(baseline: Baseline) -> bytes:
    """Give the model as a file's content; the same baseline gives the same bytes."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - a bot does without it

    scaler = helper.make_node(
        "Scaler", [INPUT], ["scaled"], domain=ML, offset=baseline.scaler.mean.tolist(), scale=baseline.scaler.inverse.tolist()
    )
    size = _tree_node(baseline.size, "TreeEnsembleRegressor", [OUTPUTS[0]])
    chance = _tree_node(baseline.chance, "TreeEnsembleClassifier", ["class", "chances"])
    second = helper.make_node("Gather", ["chances", "second"], [OUTPUTS[1]], axis=1)
    graph = helper.make_graph(
        [scaler, size, chance, second],
        "dg_bot baseline",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, len(NAMES)])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in OUTPUTS],
        [numpy_helper.from_array(np.array([1], dtype=np.int64), "second")],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(ML, _ML_OPSET)]
    data: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=_IR).SerializeToString(deterministic=True)
    return data


def largest_difference(baseline: Baseline, session: OnnxSession, seen: Floats, random: np.random.Generator) -> float:
    """Compare both outputs on 10,000 rows: half of them seen in training, half drawn from within and around their range.

    Raises DataError where they differ by more than 1e-6.
    """
    half = ROWS_COMPARED // 2
    low, high = seen.min(axis=0), seen.max(axis=0)
    drawn = random.uniform(low - 0.1 * (high - low), high + 0.1 * (high - low), (ROWS_COMPARED - half, seen.shape[1]))
    rows = np.concatenate([seen[random.integers(0, len(seen), half)], drawn])
    found = float(np.abs(baseline.predict(rows) - np.column_stack(session.predict(rows))).max())
    if not found <= LARGEST_DIFFERENCE:
        problem = f"the exported model differs from the trained one by {found:.3g}, {LARGEST_DIFFERENCE:g} is allowed"
        raise DataError("export", f"{problem}; nothing was written")
    return found


def _tree_node(trees: "Booster", operator: str, outputs: list[str]) -> "NodeProto":
    """Convert one ensemble, and take the one node out of the result that calculates."""
    import onnxmltools  # noqa: PLC0415 - a bot does without it
    from onnxmltools.convert.common.data_types import FloatTensorType  # noqa: PLC0415 - as above

    shape = [("scaled", FloatTensorType([None, len(NAMES)]))]
    options = {"zipmap": False} if operator.endswith("Classifier") else {}
    model = onnxmltools.convert_lightgbm(trees, initial_types=shape, target_opset=_OPSET, **options)
    found: list[NodeProto] = [one for one in model.graph.node if one.op_type == operator]
    (node,) = found
    del node.input[:], node.output[:]
    node.input.append("scaled")
    node.output.extend(outputs)
    return node
