import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

from dg_bot.adapters import code_cache
from dg_bot.backtesting import compiled as machine_code
from dg_bot.backtesting import kernel
from dg_bot.backtesting.compiled import code_version, compiled
from dg_bot.backtesting.replay import Replay, replay
from dg_bot.backtesting.rolling import average_true_range
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.errors import ConfigurationError, InvariantViolated
from dg_bot.indicators.bars import Bars, Floats
from dg_bot.indicators.volatility import atr
from dg_bot.risk import exit_rules
from dg_bot.strategies.base import BarExits
from tests.unit.backtesting.bars import bars_from, signals_at
from tests.unit.indicators.columns import random_bars

ROOT = Path(__file__).resolve().parents[3]
EXITS = BarExits(
    fake_out_fraction=0.01, fake_out_bars=3, time_out_bars=24, time_out_fraction=0.02, trend_ratio=0.8, trend_floor=20.0
)
FREE = TradeRules(fee_fraction=0.0, slippage_fraction=0.0)
RULES = TradeRules(entry_gap_s=0, stop_atr=2.0, target_atr=6.0, trailing_atr=3.0, stage_fraction=0.03)

# What a process of its own trades: bought at 100, touching the stop at exactly 95.
TOUCH = """
import sys
from dg_bot.backtesting.replay import replay
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.strategies.base import BarExits
from tests.unit.backtesting.bars import bars_from, signals_at
import numpy as np
bars = bars_from("100 100 100,101,95,96 96")
rules = TradeRules(fee_fraction=0.0, slippage_fraction=0.0)
print(len(replay(bars, signals_at(bars, 0), BarExits(), rules, np.ones(4, dtype=np.bool_)).round_trips), "numba" in sys.modules)
"""


def touched(source: Path, cache: Path) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{source}:{ROOT}", "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run([sys.executable, "-c", TOUCH], env=environment, cwd=cache, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_rule_that_changes_changes_the_kernel(tmp_path: Path) -> None:
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__"))

    assert 1 == len(history(bars_from("100 100 100,101,95,96 96"), FREE, exits=BarExits()).round_trips)

    rules = source / "dg_bot" / "risk" / "exit_rules.py"
    rules.write_text(rules.read_text().replace("if price <= stop:", "if price < stop:"))

    assert "0 True" == touched(source, tmp_path)
    assert "0 False" == touched(source, tmp_path), "the second process finds what the first has made"
    assert {0o700} == {folder.stat().st_mode & 0o777 for folder in (tmp_path / "dg_bot").iterdir()}


def history(bars: Bars, rules: TradeRules, *, exits: BarExits = EXITS) -> Replay:
    trend = np.abs(np.sin(np.arange(len(bars)) / 9.0)) * 60.0
    signals = signals_at(bars, *range(0, len(bars) - 1, 5), sells=range(60, len(bars), 97), target=2500.0, trend=trend)
    return replay(bars, signals, exits, rules, np.ones(len(bars), dtype=np.bool_))


@pytest.mark.parametrize("rules", [RULES, replace(RULES, trailing_atr=0.0, closing_trail_atr=3.0, stage_fraction=0.0)])
def test_compiled_or_not_a_history_is_the_same(monkeypatch: pytest.MonkeyPatch, rules: TradeRules) -> None:
    bars = random_bars(3, 900)
    fast = history(bars, rules)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    plain = history(bars, rules)

    assert len(plain.round_trips) > 40
    np.testing.assert_allclose(plain.trips, fast.trips, rtol=1e-12)
    np.testing.assert_allclose(plain.curve.equity, fast.curve.equity, rtol=1e-12)


def test_the_rolling_average_true_range_is_the_indicators() -> None:
    bars = random_bars(4, 300)
    result = np.empty(300)

    compiled(average_true_range)(count=300, high=bars.high, low=bars.low, close=bars.close, period=14, result=result)

    np.testing.assert_allclose(result, atr(bars.high, bars.low, bars.close), rtol=1e-12)


def test_the_version_covers_every_function_class_and_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_version(kernel.trade)
    monkeypatch.setattr(kernel, "DAY_S", 86_401)
    assert before != code_version(kernel.trade)
    monkeypatch.undo()

    read = machine_code._source_of
    seen: list[str] = []

    def told(part: type) -> str:
        seen.append(part.__module__)
        return read(part)

    monkeypatch.setattr(machine_code, "_source_of", told)
    assert before == code_version(kernel.trade)
    assert {kernel.__name__, exit_rules.__name__, "dg_bot.backtesting.fill_model"} == set(seen)


def test_a_processor_of_the_same_name_that_can_do_less_has_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_version(kernel.trade)
    less = llvm.get_host_cpu_features()
    less[next(name for name, is_there in less.items() if is_there)] = False
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: less)

    assert before != code_version(kernel.trade)


def test_what_is_kept_is_given_back_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert code_cache.kept_code("v", "f") is None
    assert code_cache.keep_code("v", "f", b"code")
    assert b"code" == code_cache.kept_code("v", "f")

    path = tmp_path / "dg_bot" / "v" / "f.o"
    path.write_bytes(path.read_bytes()[:-1])
    assert code_cache.kept_code("v", "f") is None


def test_of_many_versions_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(code_cache, "_VERSIONS", 3)
    for age, version in enumerate(("newest", "newer", "old", "oldest"), start=1):
        assert code_cache.keep_code(version, "f", b"code")
        os.utime(tmp_path / "dg_bot" / version, (1_000 - age, 1_000 - age))

    assert code_cache.keep_code("added", "f", b"code")

    assert {"added", "newest", "newer"} == {path.name for path in (tmp_path / "dg_bot").iterdir()}


def test_a_place_that_cannot_be_written_keeps_nothing_and_stops_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert not code_cache.keep_code("v", "f", b"code")
    assert code_cache.kept_code("v", "f") is None


def makes_an_array(count: int, values: Floats) -> None:
    values[0] = np.ones(count).sum()


def test_what_does_more_than_calculate_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="it does more than calculate: it needs NRT"):
        compiled(makes_an_array)(count=1, values=np.zeros(1))


@pytest.mark.parametrize("column", [np.ones(3), np.frombuffer(b"12345678", dtype=np.int64), np.arange(9)[3:6]])
def test_the_place_of_a_column_is_found_without_asking_it(column: np.ndarray) -> None:
    assert column.ctypes.data == machine_code.place_of(column)


def test_columns_are_taken_in_one_piece_and_in_their_kind_only() -> None:
    columns = np.ones((30, 2))
    run = compiled(average_true_range)

    for wrong in (columns[:, 0], np.ones(30, dtype=np.float32)):
        with pytest.raises(InvariantViolated, match="compiled code takes columns of float64 in one piece"):
            run(count=30, high=wrong, low=wrong, close=wrong, period=14, result=np.empty(30))  # type: ignore[arg-type]
