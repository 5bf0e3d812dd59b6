"""A backtest as a command asks for it: which engine trades, and whether the screen has a say."""

import argparse
import shlex
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from dg_bot import __version__
from dg_bot.app.backtest_options import candles_of, is_simulated, source_of
from dg_bot.app.fill_options import rules_of
from dg_bot.app.output_file import write_output
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
from dg_bot.errors import ConfigurationError, DataError, ModelFileRefused
from dg_bot.models.artifact import load_artifact
from dg_bot.ports import DecisionModel
from dg_bot.strategies.base import Strategy

# Tells how many of how many are done, on a bar with that title.
Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
_DAILY = "daily"
_DAY = timedelta(days=1)


def backtested(options: argparse.Namespace, settings: Settings, *, command: str, progress: Progress) -> Report:
    """Run the backtest that the options name; `command` is what makes the same report again.

    Raises ConfigurationError for options that do not go together, and DataError for candles and files that cannot be used.
    """
    strategy = chosen_strategy(settings, options.strategy, dict(options.param))
    rules = rules_of(options, settings)
    candles = candles_of(options, settings)
    trials = trials_of(options.trials)
    screen = daily_screen(settings, strategy, candles, options.timeframe, trials=trials) if options.screen == _DAILY else None
    trader = _trader(options, settings, screen, progress, known_from=candles.first_opened_at)
    backtest = run_backtest(candles, options.timeframe, strategy, rules, trader)
    driftless = _driftless(options, candles, strategy, rules, progress) if options.walks else None
    return Report(
        backtest=backtest,
        worth=worth(backtest, trials=trials, driftless=driftless, screened=None if screen is None else screen.screened),
        provenance=Provenance(
            source=source_of(options, settings),
            version=__version__,
            command=command,
            is_simulated=is_simulated(options, settings),
        ),
    )


def command_of(arguments: Sequence[str], settings: Settings) -> str:
    """Write the command that makes the same report, with the limits in which the bot is set up differently."""
    limits = {name: text for name, text in settings.public().items() if name.startswith("RISK_")}
    usual = Settings().public()
    changed = [f"{name}={shlex.quote(text)}" for name, text in limits.items() if text != usual[name]]
    return " ".join([*changed, "python", "scripts/backtesting/run_backtest.py", shlex.join(arguments)])


def daily_screen(
    settings: Settings, strategy: Strategy, candles: CandleSeries, timeframe: Timeframe, *, trials: int
) -> DailyScreen:
    """Make the screen of a bot with these settings for a backtest; raises DataError for candles that make no hours."""
    if HOUR.seconds % candles.timeframe.seconds:
        raise DataError(f"{candles.market} {candles.timeframe}", "the screen looks at hours: give it candles of 60m or shorter")
    screen = rule_screen(settings, strategy, settings.risk_limits(), None, lambda _market: trials)
    return DailyScreen(screen, bars=candles.whole(timeframe), hours=candles.whole(HOUR))


def _trader(
    options: argparse.Namespace,
    settings: Settings,
    screen: DailyScreen | None,
    progress: Progress,
    *,
    known_from: datetime | None,
) -> Trader:
    if options.engine == "pipeline":
        return _pipeline(options, settings, screen, progress, known_from=known_from)
    return partial(by_kernel, looks_inside=options.inside, screen=screen)


def _pipeline(
    options: argparse.Namespace,
    settings: Settings,
    screen: DailyScreen | None,
    progress: Progress,
    *,
    known_from: datetime | None,
) -> Trader:
    """Trade by the pipeline itself, and write what each of its cycles saw, where somebody wants it.

    With `options.news` what the bot's journal holds of news objects, at each hour as far as it was known; with `options.model` a
    trained model decides.
    """
    # The stages take a while to load, and the kernel needs none of them.
    from dg_bot.app.news_reading import recorded_news  # noqa: PLC0415
    from dg_bot.backtesting.engine import run_pipeline  # noqa: PLC0415
    from dg_bot.operator.cycle_json import cycle_json  # noqa: PLC0415

    model = None if options.model is None else _trained(options.model, settings, known_from)

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
                model=model,
                on_progress=on_progress,
            )
        if options.cycles is not None:
            write_output(options.cycles, "".join(f"{cycle_json(report)}\n" for report in run.reports))
        return run.history

    return trade


def _trained(path: Path, settings: Settings, known_from: datetime | None) -> DecisionModel:
    """Load a trained model that has not seen these candles; raises ConfigurationError where it has, or where it is refused."""
    from dg_bot.models.onnx import OnnxModel  # noqa: PLC0415 - few backtests need it, nor the runtime
    from dg_bot.models.onnx_session import OnnxSession  # noqa: PLC0415 - as above

    try:
        session = OnnxSession(load_artifact(path))
    except ModelFileRefused as error:
        raise ConfigurationError("--model", "is refused", error.problem) from error
    cutoff = session.artifact.manifest.cutoff
    if known_from is None or known_from < cutoff:
        day = (cutoff + _DAY).date()
        raise ConfigurationError("--model", f"was trained on hours up to {cutoff:%Y-%m-%d %H:%M}Z", f"begin later: --from {day}")
    buy_at, sell_at = settings.model_buy_return, settings.model_sell_return
    return OnnxModel(session=session, buy_at=buy_at, sell_at=sell_at, alarm=lambda _kind, _text: None)


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
