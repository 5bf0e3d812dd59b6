"""onnxruntime, all of it that is used: one session over bytes that were looked over, on one thread of the processor."""

import numpy as np
from numpy.typing import NDArray

from dg_bot.errors import DecisionError, ModelFileRefused
from dg_bot.indicators.bars import Floats
from dg_bot.models.artifact import Artifact

INPUT = "features"
OUTPUTS = ("return", "probability")
_ERRORS_ONLY = 3


class OnnxSession:
    """A loaded model. `predict` may be called from one thread at a time."""

    def __init__(self, artifact: Artifact) -> None:
        """Load it; raises ModelFileRefused where the runtime does not take it, or its inputs and outputs are other ones."""
        import onnxruntime  # noqa: PLC0415 - takes a fifth of a second and 50 MB, and who trades by rules needs none of it

        self.artifact = artifact
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # As it was exported and held to its trainer; what an optimizer makes of it may round differently.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = _ERRORS_ONLY
        # The very form that was looked over; the runtime would take a second one by a mark in the bytes.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            self._session = onnxruntime.InferenceSession(artifact.model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            problem = f"is not taken by the runtime ({type(error).__name__}: {str(error)[:200]})"
            raise ModelFileRefused(artifact.name, problem, "train one with scripts/models/train.py") from error
        shapes = {one.name: (one.type, one.shape) for one in self._session.get_inputs()}
        wanted = {INPUT: ("tensor(float)", [None, len(artifact.manifest.features.names)])}
        outputs = tuple(one.name for one in self._session.get_outputs())
        if shapes != wanted or outputs != OUTPUTS:
            problem = f"has the inputs {list(shapes)} and outputs {list(outputs)} in forms that are not those of a decision model"
            raise ModelFileRefused(artifact.name, problem, "train one with scripts/models/train.py")

    def predict(self, rows: Floats) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        """Give what the model puts out for `rows` `(n, features)`, as it comes: return after costs, and probability of a gain.

        Raises DecisionError where the runtime breaks off.
        """
        try:
            expected, probability = self._session.run(list(OUTPUTS), {INPUT: rows.astype(np.float32)})
        except Exception as error:
            raise DecisionError("onnx", f"the runtime broke off ({type(error).__name__})") from error
        return np.asarray(expected), np.asarray(probability)
