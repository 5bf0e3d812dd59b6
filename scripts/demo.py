"""Show the bot at work: two hours of a made-up market from an empty folder, and the trades read back from its database."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.app.demo_tour import tour
from dg_bot.operator.terminal import terminal

ROOT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    sys.exit(tour(ROOT, terminal()))
