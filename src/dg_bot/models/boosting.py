"""The baseline: two ensembles of trees over scaled features, one for the size of the return and one for the chance of a gain."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dg_bot.errors import ConfigurationError, ImpossibleValue
from dg_bot.indicators.bars import Floats
from dg_bot.models.dataset import Dataset

if TYPE_CHECKING:
    from lightgbm import Booster

Float32s = NDArray[np.float32]
_LARGEST_SEED = 1 << 31
_REMEDY = "run it by make train, or install them: pip install 'dg-bot[train]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Few leaves, a month of hours in each at least, and a small part of what every tree has learnt: returns are mostly noise.

    A month of hours is some thirty labels of a day that do not overlap. Nothing of this was chosen by looking at a test.
    """

    rounds: int = 150
    learning_rate: float = 0.03
    num_leaves: int = 7
    min_data_in_leaf: int = 720
    lambda_l2: float = 10.0
    feature_fraction: float = 0.7
    bagging_fraction: float = 0.7
    seed: int = 7

    def __post_init__(self) -> None:
        if not 0 <= self.seed < _LARGEST_SEED:
            raise ImpossibleValue("seed", self.seed, f"it must be below {_LARGEST_SEED}")

    def facts(self) -> Mapping[str, float | int | str]:
        return {"library": "lightgbm", **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaler:
    """Less the mean, over the deviation, of each feature; calculated in float32, as the exported model does."""

    mean: Float32s
    inverse: Float32s

    @classmethod
    def of(cls, features: Floats) -> "Scaler":
        deviation = features.std(axis=0)
        safe = np.where(deviation > 0.0, deviation, 1.0)
        return cls(mean=features.mean(axis=0).astype(np.float32), inverse=(1.0 / safe).astype(np.float32))

    def scaled(self, features: Floats) -> Floats:
        """Give float64 columns whose values float32 has as well."""
        return ((features.astype(np.float32) - self.mean) * self.inverse).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A trained model, as its trainer holds it."""

    scaler: Scaler
    size: "Booster"
    chance: "Booster"

    def predict(self, features: Floats) -> Floats:
        """Give return after costs and probability of a gain, `(n, 2)`."""
        scaled = self.scaler.scaled(features)
        outputs = [np.asarray(trees.predict(scaled, num_threads=1)) for trees in (self.size, self.chance)]
        return np.column_stack(outputs).astype(np.float64)


def require_training_libraries() -> None:
    """Raise ConfigurationError naming the remedy unless everything that training needs is installed."""
    try:
        import lightgbm  # noqa: F401, PLC0415 - a bot does without it
        import onnx  # noqa: F401, PLC0415 - as above
        import onnxmltools  # noqa: F401, PLC0415 - as above
    except ImportError as error:
        raise ConfigurationError(str(error.name), "is not installed, and training needs it", _REMEDY) from error


def train_baseline(rows: Dataset, parameters: Parameters) -> Baseline:
    """Train both ensembles; the same rows and parameters give the same model, to the last bit on the same machine."""
    scaler = Scaler.of(rows.features)
    scaled = scaler.scaled(rows.features)
    size = _trees(scaled, rows.net, "regression", parameters)
    chance = _trees(scaled, rows.gains.astype(np.float64), "binary", parameters)
    return Baseline(scaler=scaler, size=size, chance=chance)


def _trees(scaled: Floats, wanted: Floats, objective: str, parameters: Parameters) -> "Booster":
    import lightgbm  # noqa: PLC0415 - a bot does without it

    settings = {
        "objective": objective,
        "learning_rate": parameters.learning_rate,
        "num_leaves": parameters.num_leaves,
        "min_data_in_leaf": parameters.min_data_in_leaf,
        "lambda_l2": parameters.lambda_l2,
        "feature_fraction": parameters.feature_fraction,
        "bagging_fraction": parameters.bagging_fraction,
        "bagging_freq": 1,
        "seed": parameters.seed,
        # One thread: sums come in one order, and two of them on two busy cores wait for each other more than they work.
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    booster = lightgbm.train(settings, lightgbm.Dataset(scaled, wanted), num_boost_round=parameters.rounds)
    return lightgbm.Booster(model_str=_float32_thresholds(booster.model_to_string()))


def _float32_thresholds(text: str) -> str:
    """Round the threshold of each split down to float32, which sends every float32 value the way it went before.

    An exported model holds its thresholds in float32; rounded to the nearest one, some would send a value the other way. The line
    of sizes, which would be wrong then, may be absent.
    """
    lines = [line for line in text.split("\n") if not line.startswith("tree_sizes=")]
    return "\n".join(_rounded_down(line) if line.startswith("threshold=") else line for line in lines)


def _rounded_down(line: str) -> str:
    name, _, numbers = line.partition("=")
    exact = np.array(numbers.split(), dtype=np.float64)
    near = exact.astype(np.float32)
    down = np.where(near.astype(np.float64) > exact, np.nextafter(near, np.float32(-np.inf)), near)
    return f"{name}={' '.join(repr(float(value)) for value in down)}"
