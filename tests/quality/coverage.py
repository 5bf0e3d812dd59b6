"""Judge a coverage report: prints and writes how many branches of the named packages ran, and fails below their limits.

`make coverage` runs the suite first, which leaves the report that is read here.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results" / "coverage.json"
LIMITS = {"domain": 98.0, "risk": 98.0, "execution": 98.0, "pipeline": 98.0, "whole": 92.0}


def main(report: Path) -> int:
    """Print a line a package, then what did not run; gives 1 where a limit is missed."""
    files: Mapping[str, Any] = json.loads(report.read_text(encoding="utf-8"))["files"]
    figures = {name: _covered(files, name) for name in LIMITS}
    for name, percent in figures.items():
        print(f"{name:10} {percent:6.2f} % of branches, at least {LIMITS[name]:g} %")
    for path, file in sorted(files.items()):
        if any(f"/{name}/" in path for name in LIMITS):
            for line, target in file["missing_branches"]:
                print(f"    {path}:{line} never goes to {'its end' if target < 0 else target}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if all(percent >= LIMITS[name] for name, percent in figures.items()) else 1


def _covered(files: Mapping[str, Any], package: str) -> float:
    """Give the percentage of branches that ran in a package, or in all of them."""
    chosen = [file["summary"] for path, file in files.items() if package == "whole" or f"dg_bot/{package}/" in path]
    whole = sum(int(summary["num_branches"]) for summary in chosen)
    return round(100.0 * sum(int(summary["covered_branches"]) for summary in chosen) / whole, 2)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
