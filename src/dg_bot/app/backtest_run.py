"""A backtest as a command asks for it: which engine trades, and whether the screen has a say."""

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from dg_bot import __version__
from dg_bot.app.backtest_options import candles_of, is_simulated, source_of
from dg_bot.app.fill_options import rules_of
from dg_bot.app.screen_wiring import rule_screen
from dg_bot.app.settings import Settings
from dg_bot.app.strategy_choice import chosen_strategy
from dg_bot.backtesting.backtest import Trader, by_kernel, run_backtest
from dg_bot.backtesting.daily_screen import DailyScreen
from dg_bot.backtesting.replay import Replay
from dg_bot.backtesting.report import Provenance, Report
from dg_bot.backtesting.screen import trials_of
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.backtesting.worth import driftless_passes, worth
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.screen import DriftlessPasses
from dg_bot.errors import DataError
from dg_bot.strategies.base import Strategy

# Tells how many of how many are done, on a bar with that title.
Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
_DAILY = "daily"


def backtested(options: argparse.Namespace, settings: Settings, *, command: str, progress: Progress) -> Report:
    """Run the backtest that the options name; `command` is what makes the same report again.

    Raises ConfigurationError for options that do not go together, and DataError for candles and files that cannot be used.
    """
    strategy = chosen_strategy(settings, options.strategy, dict(options.param))
    rules = rules_of(options, settings)
    candles = candles_of(options, settings)
    trials = trials_of(options.trials)
    backtest = run_backtest(candles, options.timeframe, strategy, rules, _trader(options, settings, strategy, candles, progress))
    driftless = _driftless(options, candles, strategy, rules, progress) if options.walks else None
    return Report(
        backtest=backtest,
        worth=worth(backtest, trials=trials, driftless=driftless),
        provenance=Provenance(
            source=source_of(options, settings),
            version=__version__,
            command=command,
            is_simulated=is_simulated(options, settings),
        ),
    )


def write_report(file: Path, text: str) -> None:
    """Write a text; raises DataError where that cannot be."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(str(file), f"cannot be written ({error.strerror})") from error


def daily_screen(
    settings: Settings, strategy: Strategy, candles: CandleSeries, timeframe: Timeframe, *, trials: int
) -> DailyScreen:
    """Make the screen of a bot with these settings for a backtest; raises DataError for candles that make no hours."""
    if HOUR.seconds % candles.timeframe.seconds:
        raise DataError(f"{candles.market} {candles.timeframe}", "the screen looks at hours: give it candles of 60m or shorter")
    screen = rule_screen(settings, strategy, settings.risk_limits(), None, lambda _market: trials)
    return DailyScreen(screen, bars=candles.whole(timeframe), hours=candles.whole(HOUR))


def _trader(
    options: argparse.Namespace, settings: Settings, strategy: Strategy, candles: CandleSeries, progress: Progress
) -> Trader:
    screen = None
    if options.screen == _DAILY:
        screen = daily_screen(settings, strategy, candles, options.timeframe, trials=trials_of(options.trials))
    if options.engine == "pipeline":
        return _pipeline(options, settings, screen, progress)
    return partial(by_kernel, looks_inside=options.inside, screen=screen)


def _pipeline(options: argparse.Namespace, settings: Settings, screen: DailyScreen | None, progress: Progress) -> Trader:
    """Trade by the pipeline itself, and write what each of its cycles saw, where somebody wants it.

    With `options.news` what the bot's journal holds of news objects, at each hour as far as it was known.
    """
    # The stages take a while to load, and the kernel needs none of them.
    from dg_bot.app.news_reading import recorded_news  # noqa: PLC0415
    from dg_bot.backtesting.engine import run_pipeline  # noqa: PLC0415
    from dg_bot.operator.cycle_json import cycle_json  # noqa: PLC0415

    def trade(candles: CandleSeries, timeframe: Timeframe, strategy: Strategy, rules: TradeRules) -> Replay:
        with progress("bars") as on_progress:
            run = run_pipeline(
                candles,
                timeframe,
                strategy,
                rules=rules,
                limits=settings.risk_limits(),
                screen=screen,
                news=recorded_news(settings) if options.news else None,
                news_block_score=settings.news_block_score,
                on_progress=on_progress,
            )
        if options.cycles is not None:
            write_report(options.cycles, "".join(f"{cycle_json(report)}\n" for report in run.reports))
        return run.history

    return trade


def _driftless(
    options: argparse.Namespace, candles: CandleSeries, strategy: Strategy, rules: TradeRules, progress: Progress
) -> DriftlessPasses:
    """Measure how often the screen passes by luck."""
    with progress("markets without drift") as on_progress:
        return driftless_passes(
            candles,
            options.timeframe,
            strategy,
            rules,
            trials=trials_of(options.trials),
            walks=options.walks,
            on_progress=on_progress,
        )
