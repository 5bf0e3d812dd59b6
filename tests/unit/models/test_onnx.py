"""What a trained model's output becomes: BUY, SELL, HOLD, or a HOLD that names why the output is none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from dg_bot.analysis.features import NAMES, WINDOW_BARS
from dg_bot.backtesting.walks import driftless_walk
from dg_bot.cycle import Situation
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.decision import Action, Advice, OutputKind
from dg_bot.domain.market import Market
from dg_bot.models.artifact import load_artifact
from dg_bot.models.onnx import AbsentOnnxModel, OnnxModel, RefusedFile
from dg_bot.models.onnx_session import INPUT, OUTPUTS, OnnxSession
from tests.model_files import linear_model, manifest_of, put, whole_model
from tests.situations import BTC, situation, snapshot
from tests.training_data import series_of

HOURS = series_of(driftless_walk(5, days=20))


def seen(hours: CandleSeries = HOURS, market: Market = BTC) -> Situation:
    return situation(snapshot=snapshot(hourly=hours, market=market))


class Bench:
    """A model over a file, and the alarms that it raised."""

    def __init__(self, folder: Path, model: onnx.ModelProto, **manifest: object) -> None:
        data = model.SerializeToString()
        path = put(folder, data, manifest_of(data, **manifest))  # type: ignore[arg-type]
        self.alarms: list[tuple[str, str]] = []
        self.model = OnnxModel(
            session=OnnxSession(load_artifact(path)),
            buy_at=0.005,
            sell_at=-0.005,
            alarm=lambda kind, text: self.alarms.append((kind, text)),
        )

    def decide(self, hours: CandleSeries = HOURS, market: Market = BTC) -> Advice:
        return self.model.decide(seen(hours, market))


def kind_of(advice: Advice) -> OutputKind:
    """Give the kind of an output, and see to it that one which is none holds."""
    assert advice.prediction is not None
    if advice.prediction.kind is not OutputKind.USABLE:
        assert (Action.HOLD, 0.0, None) == (
            advice.decision.action,
            advice.decision.confidence,
            advice.prediction.return_fraction,
        )
        assert f"no usable prediction: {advice.prediction.kind}: " in advice.decision.reason
    return advice.prediction.kind


@pytest.mark.parametrize(
    ("expected", "probability", "action", "confidence"),
    [
        (0.0051, 0.8, Action.BUY, 0.8),
        (0.0049, 0.8, Action.HOLD, 0.0),
        (-0.0049, 0.25, Action.HOLD, 0.0),
        (-0.0051, 0.25, Action.SELL, 0.75),
        (0.2, 0.0, Action.BUY, 0.0),
        (-0.2, 0.0, Action.SELL, 1.0),
    ],
)
def test_the_expected_return_decides_and_the_probability_is_the_confidence(
    tmp_path: Path, expected: float, probability: float, action: Action, confidence: float
) -> None:
    bench = Bench(tmp_path, linear_model(expected, probability, per_hour=1e-8))

    advice = bench.decide()

    assert OutputKind.USABLE is kind_of(advice)
    assert (action, "onnx") == (advice.decision.action, advice.decision.source)
    assert confidence == pytest.approx(advice.decision.confidence)
    assert advice.prediction is not None
    assert expected == pytest.approx(advice.prediction.return_fraction, abs=1e-6)
    assert [] == bench.alarms


def test_the_reason_tells_what_was_expected_and_demanded(tmp_path: Path) -> None:
    advice = Bench(tmp_path, linear_model(0.01, 0.75, per_hour=1e-9)).decide()

    assert (
        "+1.000% expected over 24 h after costs, a gain with 0.750; buys from +0.500%, sells from -0.500% on"
        == advice.decision.reason
    )


def test_the_newest_hour_is_what_the_model_is_asked_about(tmp_path: Path) -> None:
    bench = Bench(tmp_path, linear_model(0.0, 0.5, per_hour=0.001))

    told = [bench.decide(HOURS._slice(0, len(HOURS) - back)).prediction for back in range(24)]

    hours = [round(1000 * (one.return_fraction or 0.0)) for one in told if one is not None]
    assert list(range(23, -1, -1)) == hours


def test_a_market_that_it_was_not_trained_on_is_none_of_its_business(tmp_path: Path) -> None:
    advice = Bench(tmp_path, linear_model(0.01, 0.8), markets=("KRW-ETH", "KRW-XRP")).decide()

    assert OutputKind.OTHER_MARKET is kind_of(advice)
    assert "trained on KRW-ETH, KRW-XRP, not on KRW-BTC" in advice.decision.reason


@pytest.mark.parametrize(("hours", "kind"), [(0, "warming_up"), (WINDOW_BARS - 1, "warming_up"), (WINDOW_BARS, "usable")])
def test_before_the_window_is_full_nothing_is_asked(tmp_path: Path, hours: int, kind: str) -> None:
    bench = Bench(tmp_path, linear_model(0.01, 0.8))

    assert kind == kind_of(bench.decide(HOURS.tail(hours)))
    assert [] == bench.alarms


@pytest.mark.parametrize(("scale", "kind"), [(0.99, "outside_training"), (1.01, "usable")])
def test_a_feature_far_outside_of_what_it_was_trained_on_is_drift(tmp_path: Path, scale: float, kind: str) -> None:
    """The hour 23 lies at the edge of a range of ±L widened by half of its width where L is 11.5."""
    bench = Bench(tmp_path, linear_model(0.01, 0.8), largest=11.5 * scale)

    assert kind == kind_of(bench.decide())
    assert [name for name, _ in bench.alarms] == ([] if kind == "usable" else ["model_drift"])


def test_the_same_output_for_as_many_hours_as_the_manifest_says_is_drift(tmp_path: Path) -> None:
    stuck = linear_model(0.01, 0.8, per_hour=0.0)

    kinds = [kind_of(Bench(tmp_path, stuck, same_outputs=24).decide(HOURS.tail(WINDOW_BARS + extra))) for extra in (22, 23, 200)]

    assert ["usable", "same_output", "same_output"] == kinds
    alarmed = Bench(tmp_path, stuck, same_outputs=24)
    alarmed.decide()
    told = "model.onnx on KRW-BTC: puts out the same for 24 hours in a row; it holds"
    assert [("model_drift", f"{told}: train a new one, or choose another DECISION_MODEL")] == alarmed.alarms


def test_one_other_answer_among_them_is_no_drift(tmp_path: Path) -> None:
    """The hour of the day differs once in 24 hours from what it is in 23 of them."""
    hours = NAMES.index("hour")
    column = np.zeros((len(NAMES), 1), dtype=np.float32)
    column[hours] = 1.0
    constants = {"last": 22.0, "scale": 1e-4, "level": 0.01, "none": 0.0, "half": 0.5}
    tensors = [numpy_helper.from_array(np.array([[value]], dtype=np.float32), name) for name, value in constants.items()]
    nodes = [
        helper.make_node("MatMul", [INPUT, "pick"], ["hour"]),
        helper.make_node("Sub", ["hour", "last"], ["behind"]),
        helper.make_node("Relu", ["behind"], ["is_last"]),
        helper.make_node("Mul", ["is_last", "scale"], ["little"]),
        helper.make_node("Add", ["little", "level"], [OUTPUTS[0]]),
        helper.make_node("Mul", ["is_last", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "half"], [OUTPUTS[1]]),
    ]
    model = whole_model(nodes, [numpy_helper.from_array(column, "pick"), *tensors])

    assert "usable" == kind_of(Bench(tmp_path, model, same_outputs=24).decide(HOURS._slice(0, len(HOURS) - 5)))
    assert "same_output" == kind_of(Bench(tmp_path, model, same_outputs=12).decide(HOURS._slice(0, len(HOURS) - 5)))


@pytest.mark.parametrize(
    ("expected", "probability", "kind"),
    [
        (np.nan, 0.5, "not_finite"),
        (np.inf, 0.5, "not_finite"),
        (-np.inf, 0.5, "not_finite"),
        (0.01, np.nan, "not_finite"),
        (0.01, 1.01, "out_of_range"),
        (0.01, -0.01, "out_of_range"),
        (-1.5, 0.5, "out_of_range"),
    ],
)
def test_numbers_that_are_none_are_no_decision(tmp_path: Path, expected: float, probability: float, kind: str) -> None:
    bench = Bench(tmp_path, linear_model(expected, probability))

    assert kind == kind_of(bench.decide())
    assert ["model_output"] == [name for name, _ in bench.alarms]


def test_an_output_of_another_shape_is_no_decision(tmp_path: Path) -> None:
    model = linear_model(0.01, 0.8)
    wide = numpy_helper.from_array(np.zeros((1, 2), dtype=np.float32), "nothing")
    model.graph.initializer[2].CopyFrom(wide)
    bench = Bench(tmp_path, model)

    assert "wrong_shape" == kind_of(bench.decide())
    assert ["model_output"] == [name for name, _ in bench.alarms]


def test_what_the_runtime_breaks_off_is_no_decision(tmp_path: Path) -> None:
    """A look into a table of five rows by the hour of the day."""
    model = linear_model(0.01, 0.8, per_hour=1.0)
    table = numpy_helper.from_array(np.zeros((5, 1), dtype=np.float32), "table")
    looked_up = [helper.make_node("Cast", ["sloped"], ["row"], to=7), helper.make_node("Gather", ["table", "row"], ["found"])]
    bench = Bench(tmp_path, whole_model([*model.graph.node, *looked_up], [*model.graph.initializer, table]))

    assert "broke" == kind_of(bench.decide())
    assert ["model_output"] == [name for name, _ in bench.alarms]


def test_where_the_file_was_refused_nobody_decides() -> None:
    advice = AbsentOnnxModel(RefusedFile("model.onnx is not there; check MODEL_PATH")).decide(seen())

    assert "no_file" == kind_of(advice)
    assert "model.onnx is not there; check MODEL_PATH" in advice.decision.reason


def test_the_same_situation_gives_the_same_advice(tmp_path: Path) -> None:
    bench = Bench(tmp_path, linear_model(0.003, 0.6, move_24=0.3))
    other = replace(HOURS, market=BTC)

    assert bench.decide() == bench.decide(other) == Bench(tmp_path, linear_model(0.003, 0.6, move_24=0.3)).decide()
