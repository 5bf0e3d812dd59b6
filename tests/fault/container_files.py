"""The container's files as its tests read them: instructions, what reaches the engine, and the services of compose files."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.source import ROOT

# A parsed YAML document; its shape is what the tests are about.
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Instruction:
    word: str
    text: str

    @property
    def listed(self) -> list[str]:
        """Give the arguments of an instruction in its JSON form."""
        values: list[str] = json.loads(self.text[self.text.index("[") :])
        return values


def instructions(stage: int = -1) -> list[Instruction]:
    """Give the instructions of one stage of the Dockerfile, the last one where none is named."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ").splitlines()
    stages: list[list[Instruction]] = [[]]
    for line in filter(str.strip, lines):
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append(Instruction(word, rest.strip()))
    return stages[stage]


def image_environment() -> dict[str, str]:
    """Give what ENV sets in the image."""
    words = (word.partition("=") for one in instructions() if one.word == "ENV" for word in one.text.split())
    return {name: value for name, _, value in words}


def reaches_the_engine(path: str) -> bool:
    """Tell whether a file of the project is sent along with a build, by the rules of .dockerignore: the last one that fits."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#") and _fits(path, line.removeprefix("!")):
            sent = line.startswith("!")
    return sent


def _fits(path: str, pattern: str) -> bool:
    """Tell whether a pattern fits a path or a folder above it."""
    parts = path.split("/")
    heads = ["/".join(parts[: number + 1]) for number in range(len(parts))]
    anywhere = pattern.removeprefix("**/")
    if anywhere != pattern:
        return any(fnmatch(part, anywhere) for part in parts)
    return any("/" not in head.removeprefix(pattern) and fnmatch(head, pattern) for head in heads)


def copy_steps(folder: Path) -> None:
    """Do in `folder` what the COPY instructions of the last stage do in the image, with what reaches the engine alone."""
    for one in instructions():
        if one.word == "COPY" and not one.text.startswith("--from"):
            *sources, target = one.text.split()
            for source in sources:
                _copy(ROOT / source, folder / target if (ROOT / source).is_dir() else folder / target / source)


def _copy(source: Path, target: Path) -> None:
    for path in [source] if source.is_file() else sorted(source.rglob("*")):
        if path.is_file() and reaches_the_engine(path.relative_to(ROOT).as_posix()):
            place = target if path == source else target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def composed(name: str) -> Document:
    document: Document = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return document


def services() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give each service of both compose files, as the files put together make it."""
    base = composed("docker-compose.yml")["services"]
    more = composed("docker-compose.full-stack.yml")["services"]
    for name in sorted({*base, *more}):
        yield name, {**base.get(name, {}), **more.get(name, {})}
