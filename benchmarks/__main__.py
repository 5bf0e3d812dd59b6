"""Measure backtests and the bot at work; prints tables, and writes the figures as JSON beside this file."""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.backtests import Workload, measured_backtests
from benchmarks.operation import Measured, measured_operation
from benchmarks.peers import installed_peers

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    console = Console(highlight=False)
    with installed_peers() as peers:
        workloads = measured_backtests(peers)
        console.print(backtest_table(workloads))
        if peers.absence is not None:
            console.print(f"peers were not installed: {peers.absence}", markup=False)
    written = {name: _as_json(workload, peers.absence) for name, workload in workloads.items()}
    (ROOT / "benchmarks" / "latest.json").write_text(json.dumps(written, indent=1) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        figures = measured_operation(Path(folder))
    console.print(operation_table(figures))
    operation = ROOT / "benchmarks" / "operation.json"
    operation.write_text(json.dumps([{**asdict(figure), "ratio": round(figure.ratio, 3)} for figure in figures], indent=1) + "\n")
    return 0


def backtest_table(workloads: Mapping[str, Workload]) -> Table:
    """Show milliseconds, and how many times the product's each peer takes."""
    table = Table(box=None)
    for title in ("workload", "ours ms", "aim ms", "floor ms", "ours / floor", "memory MB", "others ms (times ours)"):
        table.add_column(title, justify="left" if title in ("workload", "others ms (times ours)") else "right")
    for name, one in workloads.items():
        others = ", ".join(f"{peer} {ms:,.1f} ({ms / one.ours_ms:,.0f}×)" for peer, ms in one.peers.items())
        table.add_row(
            name, f"{one.ours_ms:,.3f}", _or_dash(one.aim_ms, "g"), _or_dash(one.floor_ms, ",.3f"),
            _or_dash(one.ours_ms / one.floor_ms if one.floor_ms else None, ".2f"), _or_dash(one.memory_mb, ",.0f"), others,
        )  # fmt: skip
    return table


def operation_table(figures: Sequence[Measured]) -> Table:
    """Show each figure beside what is aimed at."""
    table = Table(box=None)
    for title in ("what", "measured", "aim", "ratio"):
        table.add_column(title, justify="left" if title == "what" else "right")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:,.2f} {figure.unit}", f"{figure.aim:g} {figure.unit}", f"{figure.ratio:.2f}")
    return table


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _as_json(workload: Workload, absence: str | None) -> Mapping[str, object]:
    content: dict[str, object] = {
        "ours_ms": round(workload.ours_ms, 4),
        "floor_ms": workload.floor_ms and round(workload.floor_ms, 4),
        "peers": {name: round(ms, 3) for name, ms in workload.peers.items()},
        "memory_mb": workload.memory_mb and round(workload.memory_mb, 1),
    }
    return content if absence is None else {**content, "peers_absent": absence}


if __name__ == "__main__":
    sys.exit(main())
