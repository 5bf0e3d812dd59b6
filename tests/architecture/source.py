"""The project's own files as its architecture tests read them: paths below the root, and Python as syntax trees."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "dg_bot"
_TEXT_FOLDERS = ("src", "tests", "scripts", "docs", "benchmarks", "monitoring", "deploy", ".ci")
# Secrets of whoever works here, and what a run leaves behind.
_NOT_OURS = (".env", ".coverage")
_TEXT_SUFFIXES = {
    ".py",
    ".sql",
    ".yaml",
    ".yml",
    ".toml",
    ".ini",
    ".md",
    ".txt",
    ".json",
    ".example",
    ".sh",
    ".service",
    ".mako",
    "",
}


def modules(*folders: str) -> list[str]:
    """Give the Python files of the package as paths below it, of these folders or of all."""
    found = (path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
    return sorted(name for name in found if not folders or name.split("/", maxsplit=1)[0] in folders)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def tree(module: str) -> ast.Module:
    """Parse a module of the package, named by its path below it."""
    return parsed(PACKAGE / module)


def entry_points() -> list[Path]:
    """Give the scripts that a person starts."""
    folders = (ROOT / "scripts", ROOT / "benchmarks")
    return [*ROOT.glob("*.py"), *(path for folder in folders for path in sorted(folder.rglob("*.py")))]


def text_files() -> Iterator[Path]:
    """Give every text file that belongs to the project."""
    for path in ROOT.iterdir():
        if (
            path.is_file()
            and (path.suffix in _TEXT_SUFFIXES or path.name.startswith("Dockerfile"))
            and path.name not in _NOT_OURS
        ):
            yield path
    for folder in _TEXT_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in _TEXT_SUFFIXES and "__pycache__" not in path.parts:
                yield path


def dotted(node: ast.expr) -> str:
    """Write a name as it stands in the source, `time.monotonic`; nothing for any other expression."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            before = dotted(value)
            return f"{before}.{name}" if before else name
        case _:
            return ""
