"""Train a model, judge its kind out of sample, and write it down where it may be used."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from dg_bot import __version__
from dg_bot.adapters.atomic_file import cause_of, write_atomically
from dg_bot.analysis.features import SCHEMA
from dg_bot.backtesting.model_report import TrainingReport
from dg_bot.backtesting.model_trades import MarketResult, Thresholds, figures_of, held, traded
from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.errors import DataError, ModelFileRefused
from dg_bot.indicators.bars import Floats
from dg_bot.models.artifact import Artifact, load_artifact, manifest_path
from dg_bot.models.boosting import Baseline, Parameters, require_training_libraries, train_baseline
from dg_bot.models.dataset import Dataset, Label, dataset_of
from dg_bot.models.judging import OutOfSample, Predict, Skill, longest_run, out_of_sample, skill
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
from dg_bot.models.onnx_export import exported, largest_difference
from dg_bot.models.onnx_session import OnnxSession
from dg_bot.models.splits import Split, WalkLengths, last_training, walk

_KIND = "lightgbm baseline"
_LIBRARIES = ("lightgbm", "onnx", "onnxmltools", "onnxruntime", "numpy")
# A model is stuck that says the same for a day, and for twice as long as it ever did out of sample.
_FEWEST_SAME = 24
_MOST_SAME = 1000
_RANGE_MARGIN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What is to be learnt, how, and how it is judged; `thresholds` are those that the bot decides by."""

    label: Label
    lengths: WalkLengths
    parameters: Parameters
    thresholds: Thresholds
    confident: Thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model that was held to its trainer, and what its kind was worth out of sample."""

    artifact: Artifact
    report: TrainingReport


def train(series: Sequence[CandleSeries], plan: TrainingPlan, on_progress: Callable[[int, int], None]) -> TrainedModel:
    """Judge the kind of model window by window, then train the one that is to be used on the newest stretch of that length.

    `on_progress` is told how many of all trainings are done. Raises ConfigurationError where a library is missing, DataError
    where the candles are too few, the model learnt nothing, or the exported one is not the trained one.
    """
    require_training_libraries()
    rows = dataset_of(series, plan.label)
    splits = walk(rows, plan.lengths)
    trainings = _Trainings(plan.parameters, len(splits) + 1, on_progress)
    predictions = out_of_sample(rows, splits, trainings.predictor)
    last = rows.chosen(last_training(rows, plan.lengths))
    baseline = trainings.baseline(last)
    worth = skill(predictions)
    results = tuple(_result(predictions, market, plan) for market in rows.markets)
    if (np.ptp(baseline.predict(last.features), axis=0) == 0.0).all():
        raise DataError("training", "the model says the same to everything: it learnt nothing; give more candles")
    data = exported(baseline)
    manifest = _manifest(data, series, last, plan, splits, predictions, worth, results)
    artifact, difference = _held_to_trainer(baseline, data, manifest, last.features)
    tests = predictions.rows.known_at
    report = TrainingReport(
        manifest=manifest,
        thresholds=plan.thresholds,
        confidence=plan.confident.confidence,
        first=from_epoch(int(tests[0])),
        last=from_epoch(int(tests[-1])),
        skill=worth,
        results=results,
        largest_difference=difference,
    )
    return TrainedModel(artifact=artifact, report=report)


def write_model(trained: TrainedModel, path: Path) -> Artifact:
    """Write model and manifest, keep an earlier model beside them under its hash, and read all back; raises DataError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _keep_earlier(path)
        write_atomically(path, trained.artifact.model)
        write_atomically(manifest_path(path), manifest_text(trained.artifact.manifest).encode())
    except OSError as error:
        raise DataError(str(path), f"cannot be written ({cause_of(error)})") from error
    return load_artifact(path)


def _keep_earlier(path: Path) -> None:
    """Keep what is there for replays, which look for a model by its hash among the files beside the present one."""
    try:
        earlier = load_artifact(path)
    except ModelFileRefused:
        return
    kept = path.with_name(f"{path.stem}-{earlier.manifest_sha256[:12]}.onnx")
    manifest_path(path).rename(manifest_path(kept))
    path.rename(kept)


class _Trainings:
    """Counts the trainings as they are done."""

    def __init__(self, parameters: Parameters, count: int, on_progress: Callable[[int, int], None]) -> None:
        self._parameters = parameters
        self._count = count
        self._done = 0
        self._on_progress = on_progress

    def baseline(self, rows: Dataset) -> Baseline:
        trained = train_baseline(rows, self._parameters)
        self._done += 1
        self._on_progress(self._done, self._count)
        return trained

    def predictor(self, rows: Dataset) -> Predict:
        return self.baseline(rows).predict


def _result(predictions: OutOfSample, market: str, plan: TrainingPlan) -> MarketResult:
    return MarketResult(
        market=market,
        model=traded(predictions, market, plan.thresholds),
        confident=traded(predictions, market, plan.confident),
        held=held(predictions, market),
    )


def _held_to_trainer(baseline: Baseline, data: bytes, manifest: Manifest, seen: Floats) -> tuple[Artifact, float]:
    """Load what was exported, and compare it with what was trained."""
    text = manifest_text(manifest).encode()
    artifact = Artifact(name="model.onnx", model=data, manifest=manifest, manifest_sha256=hashlib.sha256(text).hexdigest())
    return artifact, largest_difference(baseline, OnnxSession(artifact), seen, np.random.default_rng(manifest.seed))


def _manifest(
    data: bytes,
    series: Sequence[CandleSeries],
    trained_on: Dataset,
    plan: TrainingPlan,
    splits: Sequence[Split],
    predictions: OutOfSample,
    worth: Skill,
    results: Sequence[MarketResult],
) -> Manifest:
    """Write down what the model is and how it came to be; cut up, this list would only hand the same values around."""
    same = min(_MOST_SAME, max(_FEWEST_SAME, 2 * longest_run(predictions) + 1))
    lengths, label = plan.lengths, plan.label
    return Manifest(
        schema_version=SCHEMA_VERSION,
        kind=_KIND,
        file=FileFacts(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data)),
        features=FeatureFacts(
            schema_sha256=SCHEMA.sha256,
            names=SCHEMA.names,
            window_bars=SCHEMA.window_bars,
            bar_minutes=SCHEMA.bar_minutes,
            formulas=SCHEMA.formulas,
            low=tuple(trained_on.features.min(axis=0).tolist()),
            high=tuple(trained_on.features.max(axis=0).tolist()),
        ),
        label=LabelFacts(horizon_hours=label.horizon_hours, cost_fraction=label.cost_fraction),
        data=tuple(_data_facts(one) for one in series),
        cutoff=from_epoch(int(trained_on.known_at[-1]) + label.horizon_s),
        split=SplitFacts(
            windows=len(splits),
            train_hours=lengths.train,
            test_hours=lengths.test,
            purge_hours=label.horizon_hours,
            embargo_hours=lengths.embargo,
        ),
        drift=DriftFacts(same_outputs=same, range_margin=_RANGE_MARGIN),
        seed=plan.parameters.seed,
        parameters=dict(plan.parameters.facts()),
        metrics={**_skill_figures(worth), **_trade_figures(results)},
        libraries={"dg_bot": __version__, **{name: version(name) for name in _LIBRARIES}},
    )


def _skill_figures(worth: Skill) -> dict[str, float | None]:
    return {
        "rows": float(worth.rows),
        "correlation": worth.correlation,
        "brier": worth.brier,
        "usual_brier": worth.usual_brier,
        "brier_gain": worth.brier_gain.value,
        "brier_gain_error": worth.brier_gain.error,
        "error_gain": worth.error_gain.value,
        "error_gain_error": worth.error_gain.error,
    }


def _trade_figures(results: Sequence[MarketResult]) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for result in results:
        figures |= figures_of(f"{result.market}_model", result.model)
        figures |= figures_of(f"{result.market}_held", result.held)
    return figures


def _data_facts(series: CandleSeries) -> DataFacts:
    first, last = series.first_opened_at, series.last_opened_at
    if first is None or last is None:
        raise DataError("training", f"there are no candles of {series.market}")
    return DataFacts(market=str(series.market), rows=len(series), first=first, last=last, sha256=series.sha256())
