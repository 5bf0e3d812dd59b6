"""The memory of one workload in a process of its own: `python -m benchmarks.memory W1` prints megabytes."""

import sys
from pathlib import Path

from benchmarks.backtests import ALL_IN, HOURS, MARKETS, MINUTES, W1, W2, run, run_many, run_sweep
from benchmarks.squeeze_breakout import RULES
from benchmarks.walks import volatile_walk
from dg_bot.indicators.bars import Bars


def main(name: str) -> None:
    """Let the code be loaded by a small run first, so that what is counted is the bars and what is made of them."""
    for strategy in (W1, W2):
        run(strategy, RULES, volatile_walk(1, 200))
    if name == "W3":
        run_sweep(volatile_walk(1, 200))
    before = _status("VmRSS")
    held = _bars(name)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here: making the bars takes more than trading them
    if name == "W1x100":
        run_many(held)
    elif name == "W3":
        run_sweep(held[0])
    else:
        run(W2 if name == "W2" else W1, ALL_IN if name == "W2" else RULES, held[0])
    print(_status("VmHWM") - before)


def _bars(name: str) -> list[Bars]:
    match name:
        case "W1x100":
            return [volatile_walk(seed, HOURS) for seed in range(100, 100 + MARKETS)]
        case "W1_1M":
            return [volatile_walk(2, MINUTES, seconds=60)]
        case _:
            return [volatile_walk(1, HOURS)]


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6


if __name__ == "__main__":
    main(sys.argv[1])
