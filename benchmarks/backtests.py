"""Times the workloads of a backtest beside the least they could take and beside peers, in interleaved rounds of one run."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.peers import Peers
from benchmarks.squeeze_breakout import RULES, SqueezeBreakout, SqueezeParameters
from benchmarks.walks import volatile_walk
from dg_bot.backtesting.performance import Performance
from dg_bot.backtesting.replay import replay
from dg_bot.backtesting.signal_pass import signals_of
from dg_bot.backtesting.sma_sweep import SmaSweep
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.indicators.bars import Bars, Floats
from dg_bot.strategies.base import Strategy
from dg_bot.strategies.sma_cross import SmaCross, SmaCrossParameters

ROOT = Path(__file__).resolve().parents[1]
HOURS, MINUTES, MARKETS = 17_520, 1_051_200, 100
W1 = SqueezeBreakout(SqueezeParameters())
W2 = SmaCross(SmaCrossParameters(short_period=9, long_period=21))
# W2 knows neither levels nor slippage.
ALL_IN = TradeRules(
    position_fraction=1.0,
    slippage_fraction=0.0,
    stop_fraction=0.999,
    target_fraction=1e9,
    entry_gap_s=0,
    entries_per_day=1_000_000,
)
PAIRS = [(short, long) for short in range(2, 102) for long in range(102, 202)]
Contender = Callable[[], float]
NO_PEERS: Mapping[str, Callable[[str], float]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Medians in milliseconds, of the product, of the least it could take, and of peers; `aim_ms` where there is one.

    `memory_mb` is the peak of a process less what it held before it had the bars, which are in it.
    """

    ours_ms: float
    floor_ms: float | None
    aim_ms: float | None
    peers: Mapping[str, float] = field(default_factory=dict)
    memory_mb: float | None = None


def measured_backtests(peers: Peers) -> dict[str, Workload]:
    """Measure all workloads of this module; a peer that could not be installed has no figures."""
    hours, minutes = volatile_walk(1, HOURS), volatile_walk(2, MINUTES, seconds=60)
    many = [volatile_walk(seed, HOURS) for seed in range(100, 100 + MARKETS)]
    from benchmarks import floors  # noqa: PLC0415 - a child that measures memory has no need of numba

    def floor(bars: Bars) -> object:
        return floors.breakout(bars.opened_at, bars.open, bars.high, bars.low, bars.close, bars.volume)

    with peers.asked_about(hours) as on_hours:
        return {
            "W1": _rounds(
                "W1", 31, 0.5, partial(run, W1, RULES, hours), partial(floor, hours), on_hours,
                numpy=partial(floors.breakout_in_numpy, hours),
            ),
            "W1x100": _rounds("W1x100", 7, 25.0, partial(run_many, many), lambda: [floor(bars) for bars in many]),
            "W1_1M": _million(minutes, partial(floor, minutes), peers),
            "W2": _rounds(
                "W2", 31, None, partial(run, W2, ALL_IN, hours),
                lambda: floors.crossover(hours.opened_at, hours.open, hours.close), on_hours,
            ),
            "W3": _rounds("W3", 11, 100.0, partial(run_sweep, hours), partial(floors.sweep, hours, PAIRS)),
            "W1_cold": _cold(hours, peers),
            "pipeline_17520": _pipeline(hours),
        }  # fmt: skip


def run(strategy: Strategy, rules: TradeRules, bars: Bars) -> Performance:
    """Backtest as the product does, from bars to all figures."""
    everywhere = np.ones(len(bars), dtype=np.bool_)
    return replay(bars, signals_of(strategy, bars), strategy.bar_exits, rules, everywhere).performance


def run_many(markets: list[Bars]) -> list[Performance]:
    """Backtest W1 on many markets; compiled code lets go of the interpreter, so threads share the cores."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(partial(run, W1, RULES), markets))


def run_sweep(bars: Bars) -> Floats:
    """Sweep as the product does, from bars to the figures of all pairs."""
    everywhere = np.ones(len(bars), dtype=np.bool_)
    return SmaSweep(bars, everywhere, everywhere, ALL_IN, None).figures(PAIRS, 0, len(bars))


def _million(bars: Bars, floor: Callable[[], object], peers: Peers) -> Workload:
    with peers.asked_about(bars, only="vectorbt") as asked:
        return _rounds("W1_1M", 5, 30.0, partial(run, W1, RULES, bars), floor, asked)


def _rounds(
    name: str,
    rounds: int,
    aim_ms: float | None,
    ours: Callable[[], object],
    floor: Callable[[], object],
    peers: Mapping[str, Callable[[str], float]] = NO_PEERS,
    **others: Callable[[], object],
) -> Workload:
    """Let everyone run once unmeasured, then in turn; slow contenders are asked in every tenth round only."""
    contenders: dict[str, Contender] = {"ours": partial(_timed, ours), "floor": partial(_timed, floor)}
    contenders |= {other: partial(_timed, call) for other, call in others.items()}
    contenders |= {peer: partial(ask, name) for peer, ask in peers.items()}
    first = {contender: call() for contender, call in contenders.items()}
    taken: dict[str, list[float]] = {contender: [] for contender in contenders}
    for number in range(rounds):
        for contender, call in contenders.items():
            if contender in ("ours", "floor") or number % 10 == 0 or first[contender] < 20.0:
                taken[contender].append(call())
    medians = {contender: statistics.median(times) for contender, times in taken.items()}
    return Workload(
        ours_ms=medians.pop("ours"), floor_ms=medians.pop("floor"), aim_ms=aim_ms, peers=medians, memory_mb=_memory(name)
    )


def _pipeline(bars: Bars) -> Workload:
    """Time the stages themselves; nobody else drives them, and nothing less would be the same."""
    from benchmarks.pipeline_hours import pipeline_over  # noqa: PLC0415 - no other workload loads the stages

    taken = [_timed(partial(pipeline_over, bars)) for _ in range(3)]
    return Workload(ours_ms=statistics.median(taken), floor_ms=None, aim_ms=4000.0)


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1000.0 * (time.perf_counter() - started)


def _cold(bars: Bars, peers: Peers) -> Workload:
    """Time whole processes, from their start to the figures of W1, their code kept from an earlier one."""
    with peers.saved(bars) as file:
        contenders: dict[str, list[str]] = {
            name: [sys.executable, "-m", "benchmarks.cold", name, str(file)] for name in ("ours", "floor")
        }
        contenders |= {peer: [*command, "--once"] for peer, command in peers.commands(file).items()}
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        for number in range(6):
            for name, command in contenders.items():
                if number < 3 or name in ("ours", "floor"):
                    taken[name].append(_timed(partial(subprocess.run, command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)))
    medians = {name: statistics.median(times[1:]) for name, times in taken.items()}
    return Workload(ours_ms=medians.pop("ours"), floor_ms=medians.pop("floor"), aim_ms=600.0, peers=medians)


def _memory(name: str) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", name]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout)
