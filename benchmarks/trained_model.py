"""How long a trained model takes to be loaded and to answer: `python -m benchmarks.trained_model [FILE.onnx]`.

Without a file one is trained on a made-up market first, as large as `scripts/models/train.py` makes them.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

from dg_bot.analysis.features import latest_features
from dg_bot.backtesting.walks import driftless_walk
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market

BTC = Market("KRW-BTC")
LOADS, ANSWERS = 7, 5_000
_LOAD = """
import sys, time
from pathlib import Path
from dg_bot.models.artifact import load_artifact
from dg_bot.models.onnx_session import OnnxSession
started = time.perf_counter()
OnnxSession(load_artifact(Path(sys.argv[1])))
print(1000 * (time.perf_counter() - started))
"""


def hours() -> CandleSeries:
    """Give two years of hours."""
    bars = driftless_walk(1)
    columns = {name: array("d", getattr(bars, name).tobytes()) for name in ("open", "high", "low", "close", "volume")}
    return CandleSeries(market=BTC, timeframe=HOUR, opened_at=array("q", bars.opened_at.tobytes()), **columns)


def trained(folder: Path, candles: CandleSeries) -> Path:
    """Train a model of the usual size and write it down."""
    from dg_bot.app.model_training import TrainingPlan, train, write_model  # noqa: PLC0415 - needs the libraries of training
    from dg_bot.backtesting.model_trades import Thresholds  # noqa: PLC0415 - as above
    from dg_bot.models.boosting import Parameters  # noqa: PLC0415 - as above
    from dg_bot.models.dataset import Label  # noqa: PLC0415 - as above
    from dg_bot.models.splits import WalkLengths  # noqa: PLC0415 - as above

    plan = TrainingPlan(
        label=Label(horizon_hours=24, cost_fraction=0.0014),
        lengths=WalkLengths(train=600 * 24, test=90 * 24, embargo=169),
        parameters=Parameters(),
        thresholds=Thresholds(buy_at=0.005, sell_at=-0.005),
        confident=Thresholds(buy_at=0.005, sell_at=-0.005, confidence=0.7),
    )
    path = folder / "model.onnx"
    write_model(train([candles], plan, lambda _done, _of: None), path)
    return path


def load_ms(path: Path) -> float:
    """Give the median time that a fresh process takes to look a file over and load it, the runtime's own import with it."""
    command = [sys.executable, "-c", _LOAD, str(path)]
    return statistics.median(float(subprocess.check_output(command, text=True)) for _ in range(LOADS))


def answer_ms(path: Path, candles: CandleSeries) -> tuple[float, float]:
    """Give the 99th percentile of one prediction, and of all that a decision asks: features and the hours before as well."""
    from dg_bot.models.artifact import load_artifact  # noqa: PLC0415 - brings the runtime along
    from dg_bot.models.onnx_session import OnnxSession  # noqa: PLC0415 - as above

    session = OnnxSession(load_artifact(path))
    count = session.artifact.manifest.drift.same_outputs
    row = latest_features(candles, 1)
    return _p99(lambda: session.predict(row)), _p99(lambda: session.predict(latest_features(candles, count)))


def _p99(act: Callable[[], object]) -> float:
    times: list[float] = []
    for _ in range(ANSWERS):
        started = time.perf_counter()
        act()
        times.append(1000 * (time.perf_counter() - started))
    return statistics.quantiles(times, n=100)[-1]


def main(arguments: Sequence[str]) -> None:
    candles = hours()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(arguments[0]) if arguments else trained(Path(folder), candles)
        predict, decide = answer_ms(path, candles)
        print(json.dumps({"load_ms": load_ms(path), "predict_p99_ms": predict, "decide_p99_ms": decide}))


if __name__ == "__main__":
    main(sys.argv[1:])
