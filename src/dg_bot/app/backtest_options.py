"""What every command over recorded candles is told: market, strategy, bars, days, where the candles are."""

import argparse
from pathlib import Path

from dg_bot.adapters.candle_csv import read_candles
from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.app import argument_types
from dg_bot.app.settings import Settings
from dg_bot.backtesting.backtest import with_own_timeframe
from dg_bot.domain.calendar import ALL_TIME, HOUR, Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.errors import DataError
from dg_bot.strategies.catalog import STRATEGY_NAMES


def add_backtest_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser the options that `candles_of` and the strategy need."""
    parser.add_argument("--market", type=argument_types.market, required=True, help="for example KRW-BTC")
    parser.add_argument("--strategy", required=True, metavar="S", help=f"{', '.join(STRATEGY_NAMES)}, or a file of STRATEGY_DIR")
    parser.add_argument(
        "--timeframe", type=argument_types.timeframe, default=Timeframe(240), help="bars of the strategy (default 240m)"
    )
    parser.add_argument("--data", type=Path, metavar="FILE", help=".csv or .csv.gz (default: the collected hours)")
    parser.add_argument("--from", type=argument_types.day, dest="start", metavar="D", help="first day, YYYY-MM-DD in UTC")
    parser.add_argument("--to", type=argument_types.day, dest="end", metavar="D", help="the day after the last one")
    parser.add_argument(
        "--param", type=argument_types.parameter, action="append", default=[], metavar="K=V", help="a strategy parameter"
    )


def candles_of(options: argparse.Namespace, settings: Settings) -> CandleSeries:
    """Read the candles that the options name; raises DataError for a file that cannot be used, and where there are none."""
    start, end = options.start or ALL_TIME[0], options.end or ALL_TIME[1]
    if options.data is None:
        candles = CandleFiles(_folder(options, settings)).load(options.market, HOUR, *ALL_TIME)
    else:
        candles = with_own_timeframe(read_candles(options.data, options.market, Timeframe(1)))
    source, first, last = source_of(options, settings), candles.first_opened_at, candles.last_opened_at
    if first is None or last is None:
        collect = f"python scripts/backtesting/collect_candles.py --market {options.market} --timeframe {HOUR} --from 2022-01-01"
        raise DataError(
            source, f"there are no candles of {options.market}; collect them: {collect}; or give --data a file of them"
        )
    chosen = candles.between(start, end)
    if not len(chosen):
        raise DataError(
            source, f"none of its candles lies between --from and --to: they go from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        )
    return chosen


def source_of(options: argparse.Namespace, settings: Settings) -> str:
    """Name the candles that were used, and say so where they are no real market's."""
    if options.data is not None:
        return str(options.data)
    return f"{_folder(options, settings)}{' (a simulated market)' if is_simulated(options, settings) else ''}"


def is_simulated(options: argparse.Namespace, settings: Settings) -> bool:
    """Tell whether the candles that the options name are of a simulated market, as far as the program knows."""
    is_own = options.data is None and _folder(options, settings) == settings.candle_folder
    return is_own and settings.has_simulated_candles


def _folder(options: argparse.Namespace, settings: Settings) -> Path:
    """Give the folder of the candles that were collected by hand, or the bot's own where there are none of the market."""
    collected = settings.collected_folder
    return collected if CandleFiles(collected).has(options.market, HOUR) else settings.candle_folder
