"""A training from candles to a file that decides, and what is told of it."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from scripts.models import train as script

from dg_bot.app.decision_models import Advisers, decision_model, trained_model
from dg_bot.app.model_training import TrainedModel, TrainingPlan, train, write_model
from dg_bot.app.settings import Settings
from dg_bot.backtesting.walks import driftless_walk
from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.decision import OutputKind
from dg_bot.domain.market import Market
from dg_bot.errors import ConfigurationError, DataError
from dg_bot.models.artifact import load_artifact, manifest_path
from dg_bot.models.splits import WalkLengths
from dg_bot.operator.training_text import training_text
from tests.situations import situation, snapshot
from tests.training_data import BTC, DAY, SMALL, THRESHOLDS, series_of

HOURS = series_of(driftless_walk(6, days=120))
PLAN = TrainingPlan(
    label=DAY,
    lengths=WalkLengths(train=60 * 24, test=20 * 24, embargo=24),
    parameters=replace(SMALL, rounds=25),
    thresholds=THRESHOLDS,
    confident=replace(THRESHOLDS, confidence=0.7),
)


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    progress: list[tuple[int, int]] = []
    made = train([HOURS], PLAN, lambda done, of: progress.append((done, of)))
    assert [(1, 3), (2, 3), (3, 3)] == progress
    return made


def test_a_written_model_is_read_back_and_decides(trained: TrainedModel, tmp_path: Path) -> None:
    path = tmp_path / "models" / "btc.onnx"
    written = write_model(trained, path)
    settings = Settings(decision_model="onnx", model_path=path)
    model = decision_model(settings, Advisers(trained=trained_model(settings)))

    advice = model.decide(situation(snapshot=snapshot(hourly=HOURS, market=BTC)))

    assert (trained.artifact.sha256, trained.artifact.manifest) == (written.sha256, written.manifest)
    assert advice.prediction is not None
    assert ("onnx", OutputKind.USABLE) == (advice.decision.source, advice.prediction.kind)


def test_the_manifest_tells_what_the_model_was_made_of(trained: TrainedModel) -> None:
    manifest = trained.artifact.manifest
    (data,) = manifest.data

    assert ("KRW-BTC", len(HOURS), HOURS.sha256()) == (data.market, data.rows, data.sha256)
    assert (HOURS.first_opened_at, HOURS.last_opened_at) == (data.first, data.last)
    assert (2, 60 * 24, 20 * 24, 24, 24) == tuple(manifest.split.model_dump().values())
    assert (24, 0.0014) == (manifest.label.horizon_hours, manifest.label.cost_fraction)
    assert manifest.drift.same_outputs >= 24
    assert all(low < high for low, high in zip(manifest.features.low, manifest.features.high, strict=True))
    assert {"lightgbm", "onnx", "onnxmltools", "onnxruntime", "numpy", "dg_bot"} == set(manifest.libraries)
    assert {"brier", "usual_brier", "brier_gain", "KRW-BTC_model_return", "KRW-BTC_held_return"} <= set(manifest.metrics)
    assert HOURS.last_opened_at is not None
    assert 0 <= (manifest.cutoff - HOURS.last_opened_at).total_seconds() <= 3600


def test_the_same_candles_and_seed_give_the_same_file(trained: TrainedModel) -> None:
    assert trained.artifact == train([HOURS], PLAN, lambda _done, _of: None).artifact


def test_an_earlier_model_is_kept_beside_the_new_one(trained: TrainedModel, tmp_path: Path) -> None:
    path = tmp_path / "btc.onnx"
    first = write_model(trained, path)
    other = trained.artifact.manifest.model_copy(update={"kind": "another"})
    write_model(replace(trained, artifact=replace(trained.artifact, manifest=other)), path)

    kept = [load_artifact(one) for one in tmp_path.glob("btc-*.onnx")]

    assert ["another", first.manifest.kind] == [load_artifact(path).manifest.kind, *(one.manifest.kind for one in kept)]
    assert [first.manifest_sha256] == [one.manifest_sha256 for one in kept]


def test_the_report_says_what_was_found_and_what_it_means(trained: TrainedModel) -> None:
    text = training_text(trained.report)

    assert f"candles      KRW-BTC 2022-01-01 to 2022-04-30, 2,880 hours, {HOURS.sha256()[:12]}" in text
    assert "walk-forward 2 windows: train 60 days, leave out 24 h (purge) and 24 h (embargo), test 20 days" in text
    assert "No skill is shown" in text
    for name in ("KRW-BTC model at +0.5%/-0.5%", "KRW-BTC and confidence 0.7", "KRW-BTC buy and hold", "KRW-BTC do nothing"):
        assert name in text
    skilled = replace(trained.report.skill, brier_gain=replace(trained.report.skill.brier_gain, value=0.01, error=0.001))
    assert "Better than usual" in training_text(replace(trained.report, skill=skilled))


def test_a_model_that_learnt_nothing_is_not_written() -> None:
    with pytest.raises(DataError, match="it learnt nothing"):
        train([HOURS], replace(PLAN, parameters=replace(SMALL, rounds=1, min_data_in_leaf=5000)), lambda _done, _of: None)


def test_a_folder_that_takes_no_file_is_told(trained: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("no folder")

    with pytest.raises(DataError, match="cannot be written"):
        write_model(trained, tmp_path / "models" / "btc.onnx")


def csv(path: Path, series: CandleSeries) -> Path:
    rows = zip(series.opened_at, series.open, series.high, series.low, series.close, series.volume, strict=True)
    times = (f"{from_epoch(second):%Y-%m-%dT%H:%M:%SZ}," for second in series.opened_at)
    lines = [time + ",".join(repr(value) for value in row[1:]) for time, row in zip(times, rows, strict=True)]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *lines, ""]), encoding="ascii")
    return path


def test_the_script_trains_from_files_and_says_how_to_use_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ether = series_of(driftless_walk(7, days=120), Market("KRW-ETH"))
    files = [csv(tmp_path / "btc.csv", HOURS), csv(tmp_path / "eth.csv", ether)]
    lengths = ["--train-days", "60", "--test-days", "20", "--embargo", "24", "--rounds", "5"]
    data = ["--market", "KRW-BTC", "--data", str(files[0]), "--market", "KRW-ETH", "--data", str(files[1])]

    code = script.main([*data, *lengths, "--output", "models/two.onnx"])

    said = capsys.readouterr().out
    manifest = json.loads(manifest_path(tmp_path / "models" / "two.onnx").read_text(encoding="utf-8"))
    assert (0, True) == (code, f"MODEL_PATH={tmp_path / 'models' / 'two.onnx'}" in said)
    assert ["KRW-BTC", "KRW-ETH"] == [data["market"] for data in manifest["data"]]
    assert "KRW-ETH buy and hold" in said
    assert all(f"candles of {file}\n" in said for file in files)


def test_the_script_says_of_candles_of_the_demo_that_their_market_is_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    hourly = tmp_path / "data/demo/candles/hourly"
    hourly.mkdir(parents=True)
    csv(hourly / "KRW-BTC_60m.csv", series_of(driftless_walk(6, days=240)))

    code = script.main(["--market", "KRW-BTC", "--train-days", "180", "--test-days", "30", "--rounds", "5"])

    assert 0 == code
    assert f"candles of {hourly.parent} (a simulated market)\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["--market", "KRW-BTC"], 1, "there are no candles of KRW-BTC; collect them"),
        (["--market", "KRW-BTC", "--market", "KRW-ETH", "--data", "x.csv"], 2, "1 files for 2 markets; give one for each"),
        (["--market", "KRW-BTC", "--data", "x.csv"], 1, "x.csv"),
        (["--market", "KRW-BTC", "--output", "model.pkl"], 2, "let its name end in .onnx"),
    ],
)
def test_what_cannot_be_trained_from_is_told(
    arguments: list[str],
    code: int,
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert (code, True) == (script.main(arguments), problem in capsys.readouterr().err)


def test_without_the_extra_the_remedy_is_told_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)

    with pytest.raises(ConfigurationError, match="make train"):
        train([HOURS], PLAN, lambda _done, _of: None)
