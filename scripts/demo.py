"""Show the bot at work: two hours of a made-up market from an empty folder, and the trades read back from its database."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence

from dg_bot.app.command_line import parsed
from dg_bot.app.demo_picture import draw_tour
from dg_bot.app.demo_tour import WHAT_NEXT, tour
from dg_bot.app.exit_codes import end_with
from dg_bot.operator.terminal import terminal

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code of the first command of the tour that failed, else 0."""
    parser = argparse.ArgumentParser(
        description="Trade a made-up market for two hours and show what happened.", allow_abbrev=False
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw it as an SVG instead of showing it")
    file = parsed(parser, arguments).picture
    if file is not None:
        return draw_tour(ROOT, file)
    console = terminal()
    code = tour(ROOT, console)
    if code == 0:
        console.print(f"\n{WHAT_NEXT}", markup=False)
    return code


if __name__ == "__main__":
    end_with("demo", main)
