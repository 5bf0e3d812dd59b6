"""Train the baseline model for DECISION_MODEL=onnx from hourly candles, and report what it was worth out of sample."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence

from rich.console import Console

from dg_bot.analysis.features import WINDOW_BARS
from dg_bot.analysis.scoring import HORIZON, ROUND_TRIP_COST
from dg_bot.app import argument_types
from dg_bot.app.backtest_options import candles_of, source_of
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.model_training import TrainingPlan, train, write_model
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import Settings
from dg_bot.backtesting.model_trades import Thresholds
from dg_bot.errors import BotError, ConfigurationError
from dg_bot.models.artifact import manifest_path
from dg_bot.models.boosting import Parameters
from dg_bot.models.dataset import Label
from dg_bot.models.splits import WalkLengths
from dg_bot.operator.progress_bar import progress_bar
from dg_bot.operator.training_text import training_text

_HOURS_A_DAY = 24


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 where a model was written, 1 for candles that do not serve, 2 for options or missing libraries."""
    try:
        options = parsed(_parser(), arguments)
        if options.output.suffix != ".onnx":
            raise ConfigurationError("--output", f"{options.output} is no .onnx file", "let its name end in .onnx")
        settings = load_settings()
        asked = _asked(options)
        series = [candles_of(one, settings) for one in asked]
        with progress_bar("trainings", Console(stderr=True)) as on_progress:
            trained = train(series, _plan(options, settings), on_progress)
        print(training_text(trained.report), end="\n\n")
        for source in dict.fromkeys(source_of(one, settings) for one in asked):
            print(f"candles of {source}")
        artifact = write_model(trained, options.output)
    except BotError as error:
        return refusal("train", error)
    print(f"{options.output} ({artifact.sha256[:12]}) and {manifest_path(options.output)} are written; to use them:")
    print(f"MODEL_PATH={options.output.absolute()}")
    return ExitCode.DONE


def _plan(options: argparse.Namespace, settings: Settings) -> TrainingPlan:
    buy_at, sell_at = settings.model_buy_return, settings.model_sell_return
    return TrainingPlan(
        label=Label(horizon_hours=options.horizon, cost_fraction=options.cost),
        lengths=WalkLengths(
            train=options.train_days * _HOURS_A_DAY, test=options.test_days * _HOURS_A_DAY, embargo=options.embargo
        ),
        parameters=Parameters(rounds=options.rounds, seed=options.seed),
        thresholds=Thresholds(buy_at=buy_at, sell_at=sell_at),
        confident=Thresholds(buy_at=buy_at, sell_at=sell_at, confidence=settings.min_confidence),
    )


def _asked(options: argparse.Namespace) -> list[argparse.Namespace]:
    """Name the candles of each market: those of its file where files are given, else the collected ones."""
    files = options.data or [None] * len(options.market)
    if len(files) != len(options.market):
        raise ConfigurationError("--data", f"{len(files)} files for {len(options.market)} markets", "give one for each --market")
    given = {"start": options.start, "end": options.end}
    return [argparse.Namespace(market=market, data=file, **given) for market, file in zip(options.market, files, strict=True)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--market", type=argument_types.market, action="append", required=True, help="once or more: KRW-BTC")
    parser.add_argument(
        "--data", type=Path, action="append", metavar="FILE", help="hours, .csv or .csv.gz, one a market (default: the collected)"
    )
    parser.add_argument("--from", type=argument_types.day, dest="start", metavar="D", help="first day, YYYY-MM-DD in UTC")
    parser.add_argument("--to", type=argument_types.day, dest="end", metavar="D", help="the day after the last one")
    parser.add_argument(
        "--output", type=Path, default=Path("data/models/baseline.onnx"), metavar="FILE.onnx", help="(default %(default)s)"
    )
    horizon = int(HORIZON.total_seconds()) // 3600
    parser.add_argument(
        "--horizon", type=argument_types.count, default=horizon, help="hours that the label looks ahead (default %(default)s)"
    )
    parser.add_argument(
        "--cost", type=argument_types.amount, default=ROUND_TRIP_COST, help="of a round trip, a fraction (default %(default)s)"
    )
    parser.add_argument(
        "--train-days", type=argument_types.count, default=730, help="of each window, and of the model (default %(default)s)"
    )
    parser.add_argument("--test-days", type=argument_types.count, default=90, help="of each window (default %(default)s)")
    parser.add_argument(
        "--embargo", type=argument_types.whole, default=WINDOW_BARS, help="hours beside the horizon (default %(default)s)"
    )
    defaults = Parameters()
    parser.add_argument(
        "--rounds", type=argument_types.count, default=defaults.rounds, help="trees of each kind (default %(default)s)"
    )
    parser.add_argument("--seed", type=argument_types.whole, default=defaults.seed, help="(default %(default)s)")
    return parser


if __name__ == "__main__":
    end_with("train", main)
