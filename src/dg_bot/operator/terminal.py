"""The console that all commands write to."""

import sys
from io import TextIOWrapper

from rich.console import Console


def terminal(*, at_least: int = 0) -> Console:
    """Give the console of standard output: 80 columns where it is no terminal, a question mark for what it cannot show.

    A narrower terminal than `at_least` columns breaks the lines itself, so that no figure of a table is cut off.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 80)
    return console if console.width >= at_least else Console(highlight=False, width=at_least)
