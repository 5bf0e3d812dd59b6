"""The demo as a picture: its two hours on a terminal, with the tables of gates cut down to what decided."""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from dg_bot.app.demo_tour import captured_cycle, tour

_COLUMNS = 80
_THEME = TerminalTheme(
    (22, 27, 34),
    (214, 220, 228),
    [
        (72, 79, 88),
        (255, 123, 114),
        (86, 211, 100),
        (227, 179, 65),
        (121, 192, 255),
        (210, 168, 255),
        (86, 212, 221),
        (214, 220, 228),
    ],
)
_ROW = re.compile(r"  (?:pass|FAIL) |( {30})|       gate ")
_KEPT_ROW = re.compile(r"  (pass strategy\.|FAIL )")
# Without rich's own style sheet, which would fetch a font from elsewhere.
_SVG = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def draw_tour(root: Path, file: Path) -> int:
    """Run the tour and draw it as an SVG; gives its exit code, and leaves the file as it is where that is not 0."""
    console = Console(record=True, width=_COLUMNS, file=StringIO(), force_terminal=True, color_system="standard", highlight=False)

    def cycle(root: Path, folder: Path) -> int:
        code, output = captured_cycle(root, folder, columns=_COLUMNS)
        for line in excerpt(output):
            console.print(line)
        return code

    code = tour(root, console, cycle)
    if code == 0:
        picture = console.export_svg(title="make demo", theme=_THEME, code_format=_SVG, unique_id="demo")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(picture, encoding="utf-8")
    return code


def excerpt(output: str) -> Iterator[Text]:
    """Leave out the gates that passed, but for those of the strategy, and what only their tables need: heads, empty lines."""
    is_kept = is_cut = False
    for text in map(Text.from_ansi, output.splitlines()):
        if row := _ROW.match(text.plain):
            is_continued = row[1] is not None and is_kept
            is_kept = is_continued or _KEPT_ROW.match(text.plain) is not None
        is_left_out = not is_kept if row else is_cut and not text.plain.strip()
        is_cut = is_left_out
        if not is_left_out:
            text.rstrip()
            yield text
