"""The file answers as its trainer does, or it is not written."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from dg_bot.analysis.features import NAMES
from dg_bot.backtesting.walks import driftless_walk
from dg_bot.errors import DataError
from dg_bot.models.artifact import load_artifact
from dg_bot.models.boosting import Baseline, Scaler, train_baseline
from dg_bot.models.dataset import dataset_of
from dg_bot.models.onnx_export import LARGEST_DIFFERENCE, ROWS_COMPARED, exported, largest_difference
from dg_bot.models.onnx_session import OnnxSession
from tests.model_files import put
from tests.training_data import DAY, SMALL, series_of

ROWS = dataset_of([series_of(driftless_walk(3, days=120))], DAY)


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return train_baseline(ROWS, SMALL)


def session_of(baseline: Baseline, folder: Path) -> OnnxSession:
    return OnnxSession(load_artifact(put(folder, exported(baseline))))


def test_the_file_answers_as_its_trainer_on_ten_thousand_rows(baseline: Baseline, tmp_path: Path) -> None:
    session = session_of(baseline, tmp_path)

    found = largest_difference(baseline, session, ROWS.features, np.random.default_rng(5))

    assert (10_000, 1e-6) == (ROWS_COMPARED, LARGEST_DIFFERENCE)
    assert 0.0 < found <= 1e-6
    answers = np.column_stack(session.predict(ROWS.features))
    assert (len(ROWS), 2) == answers.shape
    assert len(np.unique(answers[:, 0])) > 50


def test_values_at_the_very_edge_of_a_split_go_the_same_way(baseline: Baseline, tmp_path: Path) -> None:
    """Rows on the thresholds and right beside them, as near as float32 can be."""
    thresholds = np.unique(
        np.concatenate([
            np.array(line.partition("=")[2].split(), dtype=np.float32)
            for trees in (baseline.size, baseline.chance)
            for line in trees.model_to_string().split("\n")
            if line.startswith("threshold=")
        ])
    )  # fmt: skip
    plain = replace(
        baseline, scaler=Scaler(mean=np.zeros(len(NAMES), dtype=np.float32), inverse=np.ones(len(NAMES), dtype=np.float32))
    )
    edges = np.concatenate(
        [thresholds, np.nextafter(thresholds, np.float32(np.inf)), np.nextafter(thresholds, np.float32(-np.inf))]
    )
    rows = np.repeat(edges.astype(np.float64)[:, np.newaxis], len(NAMES), axis=1)

    answers = np.column_stack(session_of(plain, tmp_path).predict(rows))

    assert np.abs(plain.predict(rows) - answers).max() <= 1e-6


def test_the_same_model_gives_the_same_file(baseline: Baseline) -> None:
    assert sha256(exported(baseline)).hexdigest() == sha256(exported(train_baseline(ROWS, SMALL))).hexdigest()


def test_a_file_that_answers_otherwise_is_refused(baseline: Baseline, tmp_path: Path) -> None:
    shifted = replace(baseline, scaler=replace(baseline.scaler, mean=baseline.scaler.mean + np.float32(0.01)))

    with pytest.raises(DataError, match="1e-06 is allowed; nothing was written"):
        largest_difference(baseline, session_of(shifted, tmp_path), ROWS.features, np.random.default_rng(5))
