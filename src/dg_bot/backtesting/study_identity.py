"""What a study is made of: the candles by their hash, the program by that of its sources, the rules of trading."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import dg_bot
from dg_bot.backtesting.set_judging import Ground
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.trials import Study, Values
from dg_bot.strategies.parameters import Parameters

# What a set's figures depend on: price steps stand in domain, the checks of candles in pipeline.
_JUDGING = ("analysis", "backtesting", "domain", "indicators", "pipeline", "risk", "strategies")


def study_of(candles: CandleSeries, strategy: str, timeframe: Timeframe, ground: Ground, source: Path | None) -> Study:
    """Give the study of sets that are judged on this ground, made of these candles; `source` is the file of a user's strategy."""
    return Study(
        market=candles.market,
        strategy=strategy,
        timeframe=timeframe,
        data_sha256=candles.sha256(),
        program_sha256=program_sha256(source),
        rules=asdict(ground.rules),
        stretches=ground.stretches,
    )


def values_of(parameters: Parameters) -> Values:
    """Give a strategy's parameters by name, in the order of the names."""
    return {name: getattr(parameters, name) for name in sorted(parameters.__dataclass_fields__)}


def program_sha256(source: Path | None) -> str:
    """Hash the sources that decide what a trial shows: other sources may show something else."""
    digest = hashlib.sha256()
    for path in (*_sources(), *([] if source is None else [source])):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    root = Path(dg_bot.__file__).parent
    for package in _JUDGING:
        yield from sorted((root / package).glob("*.py"))
