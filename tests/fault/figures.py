"""The figures of reliability: what was measured last, the command that measures it again, and what it does not cover."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.fault.named_tests import ROOT

RESULTS = ROOT / "docs" / "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure: which fields of a result file tell it (none: all its numbers), and what it says nothing about."""

    name: str
    file: str
    command: str
    not_covered: str
    fields: tuple[str, ...] = ()


FIGURES = (
    Figure(
        name="simulated months with faults at every port",
        file="simulation.json",
        command="make simulate SEEDS=1000 HOURS=720",
        not_covered="threads (the simulation has one), sockets, disks and the database; the guard ticks every 10 minutes there",
    ),
    Figure(
        name="deaths of the real process",
        file="real_deaths.json",
        command="make simulate-real",
        not_covered="power cuts (the page cache survives SIGKILL), other file systems, other machines",
    ),
    Figure(
        name="mutation score of risk, execution, journal and reconciliation",
        file="mutation.json",
        command="make mutate",
        not_covered="mutants not judged yet; module constants and decorated functions; adapters of the venue, messages, wiring",
        fields=("score", "mutants", "judged", "not_judged", "killed", "survived", "explained", "caught_by_types"),
    ),
    Figure(
        name="branch coverage",
        file="coverage.json",
        command="make coverage",
        not_covered="what runs in child processes or as machine code only; a line that was run is not a line that was checked",
        fields=("whole", "domain", "risk", "execution", "pipeline"),
    ),
    Figure(
        name="inputs fired at the parsers",
        file="fuzz.json",
        command="make fuzz",
        not_covered="no coverage guides the inputs; what libraries parse (HTTP, TLS, Telegram's answers, SQL) is not fired at",
        fields=("inputs", "escapes", "seconds", "seed"),
    ),
)


def figures_table() -> str:
    """Write the figures as a table; one that was never measured here says so."""
    rows = [f"| {figure.name} | {_measured(figure)} | `{figure.command}` | {figure.not_covered} |" for figure in FIGURES]
    return "\n".join(["| figure | measured | command | not covered |", "|---|---|---|---|", *rows]) + "\n"


def _measured(figure: Figure) -> str:
    path = RESULTS / figure.file
    if not path.exists():
        return "not measured yet"
    found: Mapping[str, object] = json.loads(path.read_text(encoding="utf-8"))
    names = figure.fields or tuple(name for name, value in found.items() if isinstance(value, int | float))
    return "<br>".join(_told(name, found.get(name)) for name in names)


def _told(name: str, value: object) -> str:
    words = name.replace("_", " ")
    return f"{words} {value:,}" if isinstance(value, int | float) else f"{words} {value}"


def commands() -> Iterator[str]:
    """Give the targets of the Makefile that the figures name."""
    for figure in FIGURES:
        yield figure.command.split()[1]
