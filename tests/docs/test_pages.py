"""The pages for people: both languages say the same, links lead somewhere, and quoted texts are the program's."""

import re
from functools import cache
from pathlib import Path

import pytest

from dg_bot.app.setting_sources import AGE_KEY
from dg_bot.app.settings import CONTAINER_NAMES, RESERVED_NAMES, known_names, secret_names
from tests.architecture.source import PACKAGE, ROOT
from tests.docs.program_texts import program_texts

# Neither is a translation: the one explains a page that a command writes, the other gives each English word a Korean one.
NO_TWINS = {ROOT / "docs/reliability.ko.md", ROOT / "docs/glossary.ko.md"}
TWINS = sorted({*ROOT.glob("*.ko.md"), *ROOT.glob("docs/*.ko.md")} - NO_TWINS)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@cache
def package_source() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))


def outline(page: str) -> dict[str, list[str]]:
    """Give what both languages of a page share: levels of headings, code blocks, and the width of each row of a table.

    What a command writes between two marks stands in one of them.
    """
    page = re.sub(r"<!-- (\w+): begin -->.*?<!-- \1: end -->", "", page, flags=re.DOTALL)
    prose = re.sub(r"^ *```.*?^ *```$", "", page, flags=re.DOTALL | re.MULTILINE)
    return {
        "headings": re.findall(r"^#+", prose, re.MULTILINE),
        "code": re.findall(r"^ *```.*?^ *```$", page, re.DOTALL | re.MULTILINE),
        "rows": [str(row.replace("\\|", "").count("|")) for row in re.findall(r"^\|.*$", prose, re.MULTILINE)],
    }


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_the_korean_page_has_the_headings_code_and_tables_of_the_english_one(twin: Path) -> None:
    original = twin.with_name(twin.name.replace(".ko.md", ".md"))

    assert outline(original.read_text(encoding="utf-8")) == outline(twin.read_text(encoding="utf-8"))


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_each_of_two_twins_names_the_other(twin: Path) -> None:
    original = twin.with_name(twin.name.replace(".ko.md", ".md"))

    assert f"한국어: [{twin.name}]({twin.name})" in original.read_text(encoding="utf-8")
    assert f"English: [{original.name}]({original.name})" in twin.read_text(encoding="utf-8")


def test_the_korean_glossary_explains_words_that_the_english_one_has() -> None:
    words, explained = (
        re.findall(r"^\| (.*?) \|", (ROOT / "docs" / name).read_text(encoding="utf-8"), re.MULTILINE)
        for name in ("glossary.md", "glossary.ko.md")
    )

    assert len(explained) > 90
    assert [] == [word for word in explained[1:] if word not in words]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_into_the_project_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))

    assert [] == [link for link in links if "://" not in link and not (page.parent / link).exists()]


def test_decisions_are_numbered_without_a_gap_or_a_double() -> None:
    paths = sorted((ROOT / "docs/adr").glob("*.md"))
    titles = [path.read_text(encoding="utf-8").partition("\n")[0] for path in paths]

    assert [f"{number:04}-" for number in range(1, len(paths) + 1)] == [path.name[:5] for path in paths]
    assert [f"# {number}. " for number in range(1, len(paths) + 1)] == [title[: title.index(" ", 2) + 1] for title in titles]


@pytest.mark.parametrize("page", ["architecture.md", "architecture.ko.md"])
def test_the_layers_that_are_drawn_are_all_that_there_are(page: str) -> None:
    drawing = (ROOT / "docs" / page).read_text(encoding="utf-8").split("```")[1]
    parts = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}

    assert [] == sorted(part for part in parts if not part.startswith("_") and part not in re.findall(r"\w+", drawing))


def test_every_text_that_is_explained_is_one_that_the_program_says() -> None:
    english, korean = (
        [text for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for text in re.findall(r"`([^`]+)`", row)]
        for page in (
            (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("troubleshooting.md", "troubleshooting.ko.md")
        )
    )

    assert english == korean
    assert len(english) > 120
    assert [] == [text for text in english if text not in program_texts()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_names_a_script_that_there_is_and_options_that_it_has(page: Path) -> None:
    unfolded = page.read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"python ((?:scripts/[a-z_/]+|main|scheduler_main)\.py)([^\n`|]*)", unfolded)

    assert [] == [name for name, _ in commands if not (ROOT / name).is_file()]
    assert [] == [
        f"{name} {option}"
        for name, rest in commands
        for option in re.findall(r"--[a-z-]+", rest.partition("  ")[0])
        if f'"{option}"' not in (ROOT / name).read_text(encoding="utf-8") + package_source()
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_name_that_looks_like_a_setting_is_one(page: Path) -> None:
    settings = known_names() | RESERVED_NAMES | CONTAINER_NAMES | {AGE_KEY} | {f"{name}_FILE" for name in secret_names()}
    families = {name.partition("_")[0] for name in settings} - {"CYCLE"}
    named = set(re.findall(r"^ *([A-Z]+_[A-Z_]+)=|`([A-Z]+_[A-Z_]+[A-Z])[`=]", page.read_text(encoding="utf-8"), re.MULTILINE))

    assert [] == [name for pair in named for name in pair if name.partition("_")[0] in families and name not in settings]


@pytest.mark.parametrize("name", ["monitoring.md", "monitoring.ko.md"])
def test_every_alert_is_explained(name: str) -> None:
    rules = (ROOT / "monitoring" / "prometheus" / "rules.yml").read_text(encoding="utf-8")
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")

    explained = re.findall(r"^\| `?(\w+)`? \|", page, re.MULTILINE)
    assert [] == [alert for alert in re.findall(r"alert: (\w+)", rules) if alert not in explained]
