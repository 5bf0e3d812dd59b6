"""The console that all commands write to."""

import sys
from io import TextIOWrapper

from rich.console import Console


def terminal() -> Console:
    """Give the console of standard output: 80 columns where it is no terminal, a question mark for what it cannot show."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, width=None if sys.stdout.isatty() else 80)
