"""Runs the workloads in peers' engines; it is executed by the Python of a throw-away environment and knows nothing of the bot.

Called with a file of bars and a peer's name, it says "ready", then answers each line that names a workload with the milliseconds
that one run took. With `--once` it runs W1 and ends.
"""

import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
FEE, SLIPPAGE = 0.0005, 0.0002
Table = Any


def indicators(table: Table) -> tuple[Any, Any]:
    """Give W1's entries and its average true range."""
    close, high, low, volume = table.Close, table.High, table.Low, table.Volume
    mean = close.rolling(20).mean()
    width = 4.0 * close.rolling(20).std(ddof=0) / mean
    before = close.shift(1)
    reach = np.maximum(high, before) - np.minimum(low, before)
    narrow = (width <= width.rolling(120).median()).shift(1, fill_value=False)
    entries = narrow & (close > high.rolling(20).max().shift(1)) & (volume > 1.5 * volume.rolling(20).mean())
    return entries, reach.ewm(alpha=1 / 14, adjust=False).mean()


def vectorbt_runs(table: Table) -> dict[str, Any]:
    import vectorbt as vbt  # noqa: PLC0415

    def figures(portfolio: Any) -> None:
        portfolio.total_return(), portfolio.sharpe_ratio(), portfolio.sortino_ratio(), portfolio.calmar_ratio()
        portfolio.max_drawdown(), portfolio.trades.win_rate(), portfolio.trades.profit_factor(), portfolio.trades.count()

    def breakout() -> None:
        entries, _ = indicators(table)
        # It has no stop by the true range: this one trails by a constant fraction.
        figures(
            vbt.Portfolio.from_signals(
                table.Close, entries.shift(1, fill_value=False), False, open=table.Open, high=table.High, low=table.Low,
                price=table.Open, fees=FEE, slippage=SLIPPAGE, sl_stop=0.05, sl_trail=True, tp_stop=0.10, freq="1h",
            )
        )  # fmt: skip

    def crossover() -> None:
        short, long = vbt.MA.run(table.Close, 9), vbt.MA.run(table.Close, 21)
        entries, exits = short.ma_crossed_above(long), short.ma_crossed_below(long)
        figures(
            vbt.Portfolio.from_signals(
                table.Close, entries.shift(1, fill_value=False), exits.shift(1, fill_value=False), price=table.Open, fees=FEE,
                freq="1h",
            )
        )  # fmt: skip

    return {"W1": breakout, "W1_1M": breakout, "W2": crossover}


def backtesting_runs(table: Table) -> dict[str, Any]:
    from backtesting import Backtest, Strategy  # noqa: PLC0415
    from backtesting.lib import crossover as crosses  # noqa: PLC0415

    class Breakout(Strategy):  # type: ignore[misc] # of a package without types
        def init(self) -> None:
            entries, reach = indicators(table)
            self.entries = self.I(lambda: entries.to_numpy().astype(float))
            self.reach = self.I(reach.to_numpy)

        def next(self) -> None:
            if self.position:
                trade = self.trades[-1]
                highest = self.data.High[trade.entry_bar :].max()
                trade.sl = max(trade.entry_price * 0.95, highest - 3.0 * self.reach[-1])
            elif self.entries[-1]:
                price = self.data.Close[-1]
                self.buy(sl=price * 0.95, tp=price * 1.10)

    class Cross(Strategy):  # type: ignore[misc] # of a package without types
        def init(self) -> None:
            self.short = self.I(lambda: table.Close.rolling(9).mean().to_numpy())
            self.long = self.I(lambda: table.Close.rolling(21).mean().to_numpy())

        def next(self) -> None:
            if crosses(self.short, self.long):
                self.buy()
            elif crosses(self.long, self.short):
                self.position.close()

    def run(strategy: Any) -> None:
        Backtest(table, strategy, cash=1e12, commission=FEE).run()

    return {"W1": lambda: run(Breakout), "W2": lambda: run(Cross)}


def main() -> None:
    kept = np.load(sys.argv[1])
    names = ("Open", "High", "Low", "Close", "Volume")
    table = pd.DataFrame({name: kept[name.lower()] for name in names}, index=pd.to_datetime(kept["opened_at"], unit="s"))
    runs = {"vectorbt": vectorbt_runs, "backtesting.py": backtesting_runs}[sys.argv[2]](table)
    if "backtesting" in sys.argv[2]:
        import backtesting  # noqa: PLC0415

        backtesting.backtesting._tqdm = lambda given, **_: given
    if sys.argv[3:] == ["--once"]:
        runs["W1"]()
        return
    print("ready", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        runs[line.strip()]()
        print(1000.0 * (time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
