"""The decision model that asks a trained model file, and holds whenever what comes out is no prediction."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dg_bot.analysis.features import WINDOW_BARS, latest_features
from dg_bot.cycle import Situation
from dg_bot.domain.decision import ONNX, Action, Advice, Decision, OutputKind, Prediction
from dg_bot.errors import DecisionError
from dg_bot.indicators.bars import Floats
from dg_bot.models.onnx_session import OnnxSession

# Tells the operator something under a name that groups repeats.
Alarm = Callable[[str, str], None]
_ALARMS = {
    OutputKind.OUTSIDE_TRAINING: "model_drift",
    OutputKind.SAME_OUTPUT: "model_drift",
    OutputKind.BROKE: "model_output",
    OutputKind.WRONG_SHAPE: "model_output",
    OutputKind.NOT_FINITE: "model_output",
    OutputKind.OUT_OF_RANGE: "model_output",
}


class _Unusable(Exception):
    """The model's answer is none."""

    def __init__(self, kind: OutputKind, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


class OnnxModel:
    """BUY where the expected return after costs is `buy_at` or more, SELL where it is `sell_at` or less, both fractions.

    The confidence of a BUY is the model's probability that the return will earn its costs, that of a SELL that it will not. The
    model is asked again of the hours before this one, as many as its manifest names: where it answers the same to all of them, it
    is stuck. That needs no memory, and comes out the same in a replay.
    """

    def __init__(self, *, session: OnnxSession, buy_at: float, sell_at: float, alarm: Alarm) -> None:
        self._session = session
        self._buy_at = buy_at
        self._sell_at = sell_at
        self._alarm = alarm
        self._manifest = session.artifact.manifest
        low, high = np.array(self._manifest.features.low), np.array(self._manifest.features.high)
        margin = self._manifest.drift.range_margin * (high - low)
        self._lowest, self._highest = low - margin, high + margin

    @property
    def name(self) -> str:
        return ONNX

    def decide(self, situation: Situation) -> Advice:
        """Predict and decide; what is no prediction is a HOLD that names its kind, with an alarm where the model is to blame."""
        try:
            expected, probability = self._predicted(situation)
        except _Unusable as answer:
            if answer.kind in _ALARMS:
                told = f"{self._session.artifact.name} on {situation.snapshot.market}: {answer.text}; it holds"
                self._alarm(_ALARMS[answer.kind], f"{told}: train a new one, or choose another DECISION_MODEL")
            return _hold(answer.kind, answer.text)
        action, confidence = Action.HOLD, 0.0
        if expected >= self._buy_at:
            action, confidence = Action.BUY, probability
        elif expected <= self._sell_at:
            action, confidence = Action.SELL, 1.0 - probability
        hours = self._manifest.label.horizon_hours
        reason = f"{expected:+.3%} expected over {hours} h after costs, a gain with {probability:.3f}; "
        limits = f"buys from {self._buy_at:+.3%}, sells from {self._sell_at:+.3%} on"
        return Advice(
            decision=Decision(action=action, confidence=confidence, source=ONNX, reason=reason + limits),
            prediction=Prediction(kind=OutputKind.USABLE, return_fraction=expected),
        )

    def _predicted(self, situation: Situation) -> tuple[float, float]:
        """Give the expected return after costs and the probability of a gain; raises _Unusable."""
        market, names = situation.snapshot.market, self._manifest.features.names
        if market not in self._manifest.markets:
            trained = ", ".join(sorted(map(str, self._manifest.markets)))
            raise _Unusable(OutputKind.OTHER_MARKET, f"trained on {trained}, not on {market}")
        rows = latest_features(situation.snapshot.hourly, self._manifest.drift.same_outputs)
        if not len(rows):
            raise _Unusable(OutputKind.WARMING_UP, "there are no candles")
        newest = rows[-1]
        if unknown := [name for name, value in zip(names, newest, strict=True) if not np.isfinite(value)]:
            raise _Unusable(OutputKind.WARMING_UP, f"{unknown[0]} cannot be measured; {WINDOW_BARS} hours are needed")
        if far := np.flatnonzero((newest < self._lowest) | (newest > self._highest)).tolist():
            told = f"{names[far[0]]} is {newest[far[0]]:.6g}, far outside of what it was trained on"
            raise _Unusable(OutputKind.OUTSIDE_TRAINING, told)
        return self._answered(rows[np.isfinite(rows).all(axis=1)])

    def _answered(self, rows: Floats) -> tuple[float, float]:
        """Ask about the newest hour, and again about those before it; raises _Unusable."""
        try:
            outputs = self._session.predict(rows)
        except DecisionError as error:
            raise _Unusable(OutputKind.BROKE, error.problem) from error
        for output in outputs:
            if output.shape != (len(rows), 1) or output.dtype != np.float32:
                told = f"put out {output.dtype} {output.shape}, float32 {(len(rows), 1)} is agreed"
                raise _Unusable(OutputKind.WRONG_SHAPE, told)
        answers = np.column_stack(outputs).astype(np.float64)
        expected, probability = answers[-1].tolist()
        if not np.isfinite(answers[-1]).all():
            raise _Unusable(OutputKind.NOT_FINITE, f"put out {expected} and {probability}")
        if not (expected > -1.0 and 0.0 <= probability <= 1.0):
            raise _Unusable(OutputKind.OUT_OF_RANGE, f"put out a return of {expected:g} and a probability of {probability:g}")
        if len(answers) >= self._manifest.drift.same_outputs and (answers == answers[-1]).all():
            raise _Unusable(OutputKind.SAME_OUTPUT, f"puts out the same for {len(answers)} hours in a row")
        return expected, probability


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """Why a model's file is not used, in words with the remedy."""

    text: str


class AbsentOnnxModel:
    """Stands where the model's file was refused: it holds, and says why."""

    def __init__(self, refused: RefusedFile) -> None:
        self._refused = refused

    @property
    def name(self) -> str:
        return ONNX

    def decide(self, situation: Situation) -> Advice:  # noqa: ARG002 - the port's signature
        return _hold(OutputKind.NO_FILE, self._refused.text)


def _hold(kind: OutputKind, text: str) -> Advice:
    decision = Decision(action=Action.HOLD, confidence=0.0, source=ONNX, reason=f"no usable prediction: {kind}: {text}")
    return Advice(decision=decision, prediction=Prediction(kind=kind))
