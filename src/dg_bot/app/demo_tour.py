"""The demo: run the main job twice as a user would, then read back what it left in PostgreSQL."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from dg_bot.adapters.postgres import TradeRow
from dg_bot.app.database import Database
from dg_bot.app.settings import known_names
from dg_bot.operator.cycle_text import trades_table

_FOLDER = Path("data") / "tour"
_MARKET = "KRW-BTC"
WHAT_NEXT = """What next
  . .venv/bin/activate                    use the Python that was just installed
  python main.py --mode demo              the next hour, in a demo of your own
  python main.py --mode paper             real prices, no orders, no key
  python scheduler_main.py --mode paper   every hour, with the guard in between
  python scripts/doctor.py --mode paper   is all well?
  docs/user-guide.md                      from here to your own keys"""


def shown_cycle(root: Path, folder: Path) -> int:
    """Run `main.py` on this process's own terminal; gives its exit code."""
    return subprocess.run(_command(root), cwd=folder, env=_environment(folder), check=False).returncode  # noqa: S603 - our own


def captured_cycle(root: Path, folder: Path, *, columns: int) -> tuple[int, str]:
    """Run `main.py` as on a terminal of so many columns; gives its exit code and what it wrote, colours among it."""
    environment = {**_environment(folder), "FORCE_COLOR": "1", "COLUMNS": str(columns)}
    ended = subprocess.run(_command(root), cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own
    return ended.returncode, ended.stdout


def tour(root: Path, console: Console, cycle: Callable[[Path, Path], int] = shown_cycle) -> int:
    """Run the tour in a folder that is made anew each time; gives the exit code of the first command that failed, else 0."""
    folder = root / _FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    console.print("[bold]A made-up market, an empty account of 10,000,000 KRW, two hours.[/]")
    console.print("Upbit's protocol on loopback, a PostgreSQL of its own; no server, no key.\n")
    for title in ("The first hour: two years of candles are collected, a breakout comes.", "One hour later."):
        console.rule(title, characters="=", style="bold")
        console.print(f"$ python main.py --mode demo --market {_MARKET}\n", markup=False)
        code = cycle(root, folder)
        if code != 0:
            return code
    console.rule("The trades, read back from PostgreSQL", characters="=", style="bold")
    console.print(trades_table(_stored_trades(folder)))
    return 0


def _command(root: Path) -> list[str]:
    return [sys.executable, str(root / "main.py"), "--mode", "demo", "--market", _MARKET]


def _environment(folder: Path) -> Mapping[str, str]:
    """Give this process's environment without the bot's settings; away from any `.env` too, the tour shows the defaults."""
    kept = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in known_names()}
    return {**kept, "DATA_DIR": str(folder)}


def _stored_trades(folder: Path) -> list[TradeRow]:
    database = Database(url=None, folder=folder / "postgres", password_file=folder / "state" / "postgres_password")
    try:
        return list(reversed(database.store().latest_trades(20)))
    finally:
        database.close()
