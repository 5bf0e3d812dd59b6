"""Rules about the source as a whole that no single test of behaviour can see; each gives every place that breaks it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT, dotted, entry_points, modules, parsed, text_files, tree

# Where anything at all may be caught and is not raised again, and why.
BROAD_HANDLERS = {
    "app/scheduler.py": "whatever broke one hour, the next one runs",
    "app/guard_thread.py": "whatever ends the guard is kept for the daemon, which ends the process",
    "app/recorded_cycles.py": "whatever befalls a record of a cycle that is over, the next market has its own",
    "adapters/strategy_files.py": "what a user's file raises is told by its line, as an error of ours",
    "app/telegram_threads.py": "a defect in one command must not make the bot deaf to others",
    "app/outbox.py": "a defect in one rendering must not silence the others",
    "adapters/feed_text.py": "whatever a feed does to the library is one more feed that cannot be read",
    "adapters/openai_model.py": "what breaks in the library is one more answer that cannot be used",
    "models/onnx_session.py": "whatever the runtime raises over a file is one more reason to refuse it, over rows to hold",
    "pipeline/analysis_stage.py": "a check that raises is a failed check",
    "pipeline/challengers.py": "a model that is only scored ends no cycle that is over",
}
# Where an amount in won becomes a float, and why.
DOORS_OUT_OF_MONEY = {
    "risk/manager.py": "the exit rules take floats",
    "risk/state.py": "so do the levels that they are held against",
    "simulator/generated.py": "a made-up price is drawn from floats",
    "adapters/prometheus.py": "metrics are floats",
    "analysis/prompt.py": "a language model is shown a gain as a ratio",
    "backtesting/engine.py": "figures of a backtest are floats",
    "backtesting/journal_trips.py": "figures of a backtest are floats",
    "backtesting/replay.py": "the compiled loop takes the steps of prices as floats",
    "app/scoring.py": "what an opinion was worth is a ratio",
}
# What may write to standard error, and why.
PRINTERS = {"app/exit_codes.py": "the last words of a command that ends"}
CLOCKS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.datetime.now",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.sleep",
    "asyncio.sleep",
}
VENUE_WORDS = {"bid", "ask", "ord_type", "wait", "watch", "done", "cancel"}
RULES = ("domain", "indicators", "strategies", "analysis", "risk", "execution", "models", "operator", "backtesting", "pipeline")
OUTER_WORLD = {"random", "uuid", "secrets", "socket", "subprocess", "asyncio", "time", "requests", "httpx", "httpcore"}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    """Give every node of the package with its module."""
    for module in modules():
        for node in ast.walk(tree(module)):
            yield module, node


def calls() -> Iterator[tuple[str, ast.Call]]:
    for module, node in nodes():
        if isinstance(node, ast.Call):
            yield module, node


def place(module: str, node: ast.AST) -> str:
    return f"{module}:{getattr(node, 'lineno', 0)}"


def imported(module: str) -> set[str]:
    """Give the top-level packages that a module imports."""
    names = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".", maxsplit=1)[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".", maxsplit=1)[0])
    return names


def is_broad(node: ast.AST) -> bool:
    """Tell whether a handler catches anything at all and does not raise it again."""
    if not isinstance(node, ast.ExceptHandler):
        return False
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type] if node.type else []
    is_any = node.type is None or not {"Exception", "BaseException"}.isdisjoint(map(dotted, kinds))
    last = node.body[-1]
    return is_any and not (isinstance(last, ast.Raise) and last.exc is None)


def test_imports_go_down_only() -> None:
    run = "import sys; from importlinter.cli import lint_imports_command; sys.argv[1:] = ['--no-cache']; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", run], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_anything_at_all_is_caught_at_named_boundaries_only() -> None:
    assert set(BROAD_HANDLERS) == {module for module, node in nodes() if is_broad(node)}


def test_only_adapters_the_app_and_the_simulated_venue_read_a_clock() -> None:
    reading = {
        f"{module} {dotted(node)}" for module, node in nodes() if isinstance(node, ast.Attribute) and dotted(node) in CLOCKS
    }

    # The simulator is a venue of its own: its limits run on the machine's clock unless they are given another.
    assert {"simulator/rest.py time.monotonic"} == {one for one in reading if not one.startswith(("adapters/", "app/"))}


def test_rules_draw_no_lots_and_reach_nothing_outside() -> None:
    assert {} == {module: found for module in modules(*RULES) if (found := imported(module) & OUTER_WORLD)}


def test_nothing_is_printed_in_passing() -> None:
    printing = [(module, call) for module, call in calls() if dotted(call.func) == "print"]
    apart = [place(module, call) for module, call in printing if {"file"} != {keyword.arg for keyword in call.keywords}]

    assert set(PRINTERS) == {module for module, _ in printing}
    assert [] == apart


def test_won_become_a_float_at_named_doors_only() -> None:
    turned = {
        module
        for module, call in calls()
        if dotted(call.func) == "float"
        for argument in call.args
        for part in ast.walk(argument)
        if isinstance(part, ast.expr) and dotted(part).endswith("_krw")
    }

    assert set(DOORS_OUT_OF_MONEY) == turned


def test_no_money_is_made_of_a_float_literal() -> None:
    """`Decimal(0.1)` is 0.1000000000000000055…; the one door inwards is `decimal_from_float`."""
    made = [
        place(module, call)
        for module, call in calls()
        if dotted(call.func) == "Decimal.from_float"
        or (
            dotted(call.func) == "Decimal"
            and any(isinstance(one, ast.Constant) and isinstance(one.value, float) for one in call.args)
        )
    ]

    assert [] == made


def test_the_words_of_the_venue_stay_at_its_border() -> None:
    assert [] == [
        place(module, node)
        for module, node in nodes()
        if isinstance(node, ast.Constant)
        and node.value in VENUE_WORDS
        and module not in {"adapters/upbit_wire.py", "operator/commands.py"}  # an operator says cancel too
        and not module.startswith("simulator/")
    ]


@pytest.mark.parametrize(
    "port",
    [node for node in tree("ports.py").body if isinstance(node, ast.ClassDef) and "Protocol" in map(dotted, node.bases)],
    ids=lambda port: port.name,
)
def test_a_port_has_one_to_six_methods(port: ast.ClassDef) -> None:
    assert 1 <= sum(isinstance(node, ast.FunctionDef) for node in port.body) <= 6


def test_an_approval_is_made_in_one_place() -> None:
    assert {"risk/manager.py"} == {module for module, call in calls() if dotted(call.func).endswith("RiskApproved")}


def test_every_module_says_in_one_sentence_what_it_is_for() -> None:
    said = {module: ast.get_docstring(tree(module)) or "" for module in modules()}
    said |= {path.name: ast.get_docstring(parsed(path)) or "" for path in entry_points()}
    first = {name: text.split("\n", maxsplit=1)[0] for name, text in said.items()}

    assert [] == [name for name, line in first.items() if not line.endswith(".") or ". " in line]


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    places = re.compile(r"(?<![\w.~-])/(?:[w]ork|[r]oot|[h]ome|[U]sers)/[\w.]+")
    hosts = re.compile(r"[p]ypi\.org|[p]ythonhosted\.org|[i]ndex-url|[a]rtifactory", re.IGNORECASE)

    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in text_files()
        for pattern in (places, hosts)
        if (match := pattern.search(path.read_text(encoding="utf-8", errors="replace")))
    ]

    assert [] == found
