"""Find the tests that are named for a fault, with what their docstrings say the program does."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("tests/fault", "tests/e2e")
_NAME = re.compile(r"test_([a-hjkms]\d\d)_\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTest:
    """One test function; `path` is relative to the checkout, `outcome` the first line of its docstring."""

    fault: str
    path: str
    name: str
    outcome: str


def named_tests() -> list[NamedTest]:
    """Give all of them by fault and name."""
    files = (file for folder in _FOLDERS for file in sorted((ROOT / folder).rglob("test_*.py")))
    return sorted((test for file in files for test in _of(file)), key=lambda test: (test.fault, test.path, test.name))


def _of(file: Path) -> Iterator[NamedTest]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and (match := _NAME.fullmatch(node.name)):
            outcome = (ast.get_docstring(node) or "").split("\n", maxsplit=1)[0]
            yield NamedTest(fault=match[1].upper(), path=str(file.relative_to(ROOT)), name=node.name, outcome=outcome)
