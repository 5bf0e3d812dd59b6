"""How long a report of two years of hours takes, from the start of the process to its end."""

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "backtesting" / "run_backtest.py"
_RUNS = 7


def report_seconds(folder: Path, environment: Mapping[str, str], *options: str) -> float:
    """Give the median of several runs in `folder`, after one that leaves compiled code and the candles' file in the caches."""
    command = [sys.executable, str(_SCRIPT), "--market", "KRW-BTC", "--strategy", "volatility_breakout", "--timeframe", "60m"]
    seconds = []
    for _ in range(_RUNS + 1):
        started = time.perf_counter()
        subprocess.run([*command, *options], cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])
