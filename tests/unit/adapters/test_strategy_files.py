"""A user's strategy file is run only where nobody else can write it, and what is wrong with it is told by file and line."""

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from dg_bot.adapters.strategy_files import find_strategy, load_strategy_file, strategy_names
from dg_bot.backtesting.strategy_checks import strategy_problem
from dg_bot.errors import ConfigurationError, DataError
from dg_bot.indicators.bars import Bars
from dg_bot.strategies.catalog import STRATEGY_NAMES
from tests.unit.indicators.columns import random_bars

TEMPLATE = files("dg_bot.strategies").joinpath("template.py").read_text(encoding="utf-8")
RULES = "        return rule_signals("


def written(folder: Path, text: str = TEMPLATE, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_template_is_a_strategy_named_as_its_file(tmp_path: Path) -> None:
    written(tmp_path)

    strategy = find_strategy("mine", {"period": "30"}, folder=tmp_path)

    assert ("mine", 31, None) == (strategy.name, strategy.warm_up, strategy_problem(strategy))
    assert strategy.signals(random_bars(5, 400)).entry.any()


def test_a_value_file_stands_over_the_class_and_a_parameter_over_both(tmp_path: Path) -> None:
    written(tmp_path)
    written(tmp_path, "period: 40\nvolume_multiple: 2\n", "mine.yaml")

    strategy = find_strategy("mine", {"volume_multiple": "3"}, folder=tmp_path)

    assert "OwnParameters(period=40, volume_multiple=3.0)" == repr(strategy.parameters)


def test_names_are_those_of_the_catalog_and_of_the_files(tmp_path: Path) -> None:
    for name in ("mine.py", "Other.py", "_helper.py", "grid.py", "notes.txt"):
        written(tmp_path, name=name)

    assert (*STRATEGY_NAMES, "mine") == strategy_names(tmp_path)
    assert STRATEGY_NAMES == strategy_names(None) == strategy_names(tmp_path / "nowhere")


def test_a_name_of_the_catalog_is_the_catalogs(tmp_path: Path) -> None:
    written(tmp_path, "raise SystemError\n", "grid.py")

    assert "grid" == find_strategy("grid", folder=tmp_path).name


def test_a_changed_file_is_read_anew_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = written(tmp_path)
    load_strategy_file(path)
    written(tmp_path, TEMPLATE.replace("period: int = 20", "period: int = 25"))

    assert 26 == load_strategy_file(path).warm_up
    assert [path] == list(tmp_path.iterdir())


def test_postponed_annotations_are_understood(tmp_path: Path) -> None:
    path = written(tmp_path, TEMPLATE.replace("from dataclasses", "from __future__ import annotations\n\nfrom dataclasses", 1))

    assert 11 == load_strategy_file(path, {"period": "10"}).warm_up


@pytest.mark.parametrize(
    ("name", "folder", "said"),
    [
        ("mine", None, "choose one of volatility_breakout, .*, or set STRATEGY_DIR to the folder of your own"),
        ("mime", "", r"'mime' is not a strategy; did you mean mine\? There are volatility_breakout, .*, mine; your own are"),
        ("../mine", "", "'../mine' is not a strategy"),
        ("mine", "nowhere", "'mine' is not a strategy; there are .*/nowhere, which is not there"),
    ],
)
def test_a_strategy_that_is_not_there_is_named_with_those_that_are(
    tmp_path: Path, name: str, folder: str | None, said: str
) -> None:
    written(tmp_path)

    with pytest.raises(ConfigurationError, match=said):
        find_strategy(name, folder=None if folder is None else tmp_path / folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "x = 1\n", "mine.py: there is no strategy in it: no class has a method signals"),
        (lambda text: text + text.replace("OwnStrategy", "Second"), "more than one strategy in it: OwnStrategy, Second"),
        (lambda text: text.replace("def warm_up", "def warmup"), "class OwnStrategy: it has no warm_up"),
        (lambda text: text.replace("signals(self, bars: Bars)", "signals(self)"), r"signals\(self\).* must take \(self, bars\)"),
        (lambda text: text.replace("(self, parameters: Own", "(self, values: Own"), r"__init__.* must take \(self, parameters\)"),
        (lambda text: text.replace("parameters: OwnParameters", "parameters"), "does not say which dataclass"),
        (lambda text: text.replace("frozen=True, ", ""), r"class OwnParameters: its parameters could change; write @dataclass"),
        (lambda text: text.replace("period: int = 20", "period: str = 'a'"), "mine.py line 27: TypeError: .*not supported"),
        (lambda text: text.replace("Path(__file__).stem", '"yours"'), "its strategy calls itself 'yours'; let name give 'mine'"),
        (lambda text: "import nothing_of_that_name\n" + text, "mine.py line 1: ModuleNotFoundError: No module named"),
        (lambda text: text.replace("class OwnStrategy:", "class OwnStrategy"), r"mine.py line 31: SyntaxError: expected ':'"),
        (lambda text: text + "\n\nraise SystemExit(3)\n", "mine.py line 58: SystemExit: 3"),
        (lambda text: text.replace("return Path(__file__).stem", "raise SystemExit(3)"), "mine.py line 39: SystemExit: 3"),
        (lambda text: text + "\n\nint('x')\n", "mine.py line 58: ValueError: invalid literal"),
        (lambda text: "\0", "mine.py.*: .*null bytes"),
    ],
)
def test_a_file_that_is_no_strategy_is_told_what_it_lacks(tmp_path: Path, change: Callable[[str], str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load_strategy_file(written(tmp_path, change(TEMPLATE)))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"perod": "5"}, r"mine.yaml: perod: there is no such parameter; did you mean period\?"),
        ({"period": "x"}, "'x' is not an integer"),
        ({"period": "1"}, "period: 1 is out of range; it must lie between 2 and 1000"),
    ],
)
def test_a_parameter_that_it_refuses_is_named(tmp_path: Path, values: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load_strategy_file(written(tmp_path), values)


def test_a_parameter_of_another_kind_cannot_be_given_as_text(tmp_path: Path) -> None:
    path = written(
        tmp_path, TEMPLATE.replace("volume_multiple: float = 1.2", 'volume_multiple: float = 1.2\n    word: str = "a"')
    )

    with pytest.raises(ConfigurationError, match="word: is declared as <class 'str'>; declare it as bool, int or float"):
        load_strategy_file(path, {"word": "b"})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return bars.clse", r"mine\.py line 55: AttributeError: 'Bars' object has no attribute 'clse'"),
        ("return None", "signals gave NoneType instead of Signals"),
        ("gates = 1 / 0", r"mine\.py line 55: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", r"mine\.py line 55: SystemExit: 3"),
        ("bars.close[0] = 1.0", "assignment destination is read-only"),
    ],
)
def test_what_breaks_at_work_is_told_by_its_line(tmp_path: Path, line: str, said: str) -> None:
    strategy = load_strategy_file(written(tmp_path, TEMPLATE.replace(RULES, f"        {line}\n{RULES}")))
    bars = random_bars(5, 60)
    bars.close.flags.writeable = False

    with pytest.raises(DataError, match=said):
        strategy.signals(bars)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("entry", np.zeros(59, bool), r"entry has the shape \(59,\) instead of \(60,\), one for each bar"),
        ("exit", np.zeros(60), "exit is float64 instead of an array of bool"),
        ("exit", [False] * 60, "exit is list instead of an array of bool"),
        ("stop_distance", np.zeros((60, 1)), r"stop_distance has the shape \(60, 1\)"),
        ("confidence", np.full(60, 70.0), "confidence is not between 0 and 1 on every bar"),
        ("confidence", np.full(60, np.nan), "confidence is not between 0 and 1 on every bar"),
        ("target_distance", np.full(60, -1.0), "target_distance is not a number from 0 up where there is a signal"),
        ("exit", np.ones(60, bool), "is an entry and an exit at once"),
    ],
)
def test_signals_that_do_not_fit_the_bars_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str, value: object, said: str
) -> None:
    bars = random_bars(5, 60)
    strategy = load_strategy_file(written(tmp_path), {"period": "5", "volume_multiple": "0"})
    signals = strategy.signals(bars)
    assert signals.entry.any()
    object.__setattr__(signals, column, value)

    class Given:
        def signals(self, _: Bars) -> object:
            return signals

    monkeypatch.setattr(strategy, "_strategy", Given())
    with pytest.raises(DataError, match=said):
        strategy.signals(bars)


@pytest.mark.parametrize("what", ["mine.py", "mine.yaml", ""])
def test_what_everybody_can_write_is_not_run(tmp_path: Path, what: str) -> None:
    path = written(tmp_path, "raise AssertionError('it ran')\n" if what != "mine.yaml" else TEMPLATE)
    written(tmp_path, "period: 30\n", "mine.yaml")
    (tmp_path / what).chmod(0o777)

    with pytest.raises(ConfigurationError, match="can be changed by every user of this machine; run: chmod o-w"):
        load_strategy_file(path)


def test_what_belongs_to_somebody_else_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "raise AssertionError('it ran')\n")
    if os.geteuid() == 0:
        os.chown(path, 4711, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 4711)

    with pytest.raises(ConfigurationError, match=r"belongs to user .*, and it would run with the rights of user"):
        load_strategy_file(path)


@pytest.mark.parametrize("name", ["Mine.py", "my-idea.py", "mine.txt", "1.py"])
def test_a_file_with_another_kind_of_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no name of a strategy file"):
        load_strategy_file(written(tmp_path, name=name))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"mine\.py: cannot be read \(No such file"):
        load_strategy_file(tmp_path / "mine.py")
