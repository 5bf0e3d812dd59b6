"""Hold kernel and pipeline together on every bar of every recorded file, and write down what was compared."""

import argparse
import json
import sys
from pathlib import Path

import pytest

from dg_bot.backtesting.screen import ScreenThresholds
from dg_bot.domain.calendar import Timeframe
from dg_bot.strategies.catalog import STRATEGY_NAMES
from tests.equality.both_ways import both_ways, difference
from tests.equality.recorded import FILES, recorded_candles

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results" / "equality.json"
_TIMEFRAMES = ("60m", "240m", "1d")


def main() -> int:
    """Give 0 where the two never differ, 1 where they do or a file is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.equality", description=__doc__)
    parser.add_argument("--file", action="append", choices=list(FILES), help="one file (default: all)")
    parser.add_argument("--timeframe", action="append", choices=_TIMEFRAMES, help="bars (default: all three)")
    parser.add_argument("--screen", action="store_true", help="let the screen, made once a day, block entries")
    options = parser.parse_args()
    rows = []
    for name in options.file or FILES:
        try:
            candles = recorded_candles(name)
        except pytest.skip.Exception as missing:
            sys.stderr.write(f"{missing}\n")
            return 1
        for timeframe in options.timeframe or _TIMEFRAMES:
            for strategy in STRATEGY_NAMES:
                thresholds = ScreenThresholds() if options.screen else None
                both = both_ways(candles, Timeframe.parse(timeframe), strategy, thresholds=thresholds)
                row = {
                    "file": name,
                    "timeframe": timeframe,
                    "strategy": strategy,
                    "bars": len(both.kernel.bars),
                    "round_trips": len(both.kernel.round_trips),
                    "difference": difference(both, candles.market),
                }
                rows.append(row)
                sys.stdout.write(f"{json.dumps(row)}\n")
                sys.stdout.flush()
    if options.file is None and options.timeframe is None and not options.screen:
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row["difference"] is None for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
