"""One W1 in a process of its own: `python -m benchmarks.cold ours|floor FILE`."""

import sys

import numpy as np


def main(who: str, file: str) -> None:
    """Read the bars and print the figures, importing no more than that takes."""
    kept = np.load(file)
    columns = {name: kept[name] for name in ("opened_at", "open", "high", "low", "close", "volume")}
    if who == "floor":
        from benchmarks.floors import breakout  # noqa: PLC0415

        print(breakout(*columns.values()))
        return
    from benchmarks.squeeze_breakout import RULES, SqueezeBreakout, SqueezeParameters  # noqa: PLC0415
    from dg_bot.backtesting.replay import replay  # noqa: PLC0415
    from dg_bot.backtesting.signal_pass import signals_of  # noqa: PLC0415
    from dg_bot.indicators.bars import Bars  # noqa: PLC0415

    strategy = SqueezeBreakout(SqueezeParameters())
    bars = Bars(**columns, seconds=3600)
    print(replay(bars, signals_of(strategy, bars), strategy.bar_exits, RULES, np.ones(len(bars), dtype=np.bool_)).performance)


if __name__ == "__main__":
    main(*sys.argv[1:])
