"""Every text that the program can say, as templates: what is filled in at run time stands as `…`."""

import ast
from collections.abc import Iterator
from functools import cache

from tests.architecture.source import modules, tree

GAP = "…"


@cache
def program_texts() -> str:
    """Give all templates, one behind the other; a call's texts also joined as errors join theirs."""
    found = [text for module in modules() for node in ast.walk(tree(module)) for text in _texts(node)]
    return "\n".join(found)


def _texts(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr():
            yield _template(node)
        case ast.Call(args=[about, problem, *remedy]):
            yield f"{_template(about)}: {_template(problem)}; {_template(remedy[0]) if remedy else GAP}"


def _template(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_template(part) for part in parts)
        case _:
            return GAP
