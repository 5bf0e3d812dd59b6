"""Fixtures of the tests that run the bot's programs on a market written for them."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.domain.calendar import HOUR
from tests.e2e.deaths_bench import DyingProgram, Yard
from tests.e2e.market_bench import MarketBench, history
from tests.e2e.tape_bench import BTC, WarmProgram

MakeBench = Callable[..., MarketBench]


@pytest.fixture(scope="session")
def seeded_candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an archive that has collected all candles before the breakout."""
    folder = tmp_path_factory.mktemp("seeded") / "candles"
    CandleFiles(folder).add(BTC, HOUR, history())
    return folder


@pytest.fixture
def market_bench(seeded_candles: Path, database: str, tmp_path: Path) -> Iterator[MakeBench]:
    """Give a way to make a bench: `market_bench("1.0", "0.9")` names what the hours from the breakout's on close at."""
    made: list[MarketBench] = []

    def make(*coming: str, at: datetime | None = None, database: str = database) -> MarketBench:
        folder = tmp_path / f"bot{len(made)}"
        candles = tmp_path / f"candles{len(made)}"
        folder.mkdir()
        shutil.copytree(seeded_candles, candles)
        made.append(MarketBench(folder=folder, candles=candles, database=database, coming=coming or ("1.0",), at=at))
        return made[-1]

    yield make
    for bench in made:
        bench.go_away()


@pytest.fixture(scope="session")
def warm_program() -> Iterator[WarmProgram]:
    """Give the process that forks a ready `main.py`."""
    program = WarmProgram()
    yield program
    program.close()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder that all processes of this session share."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if own.name.startswith("popen-") else own) / "programs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def warm_doctor() -> Iterator[WarmProgram]:
    """Give the process that forks a ready doctor."""
    program = WarmProgram("doctor")
    yield program
    program.close()


@pytest.fixture(scope="session")
def yard(migrated_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """Give a place for bots that are killed."""
    with DyingProgram() as program:
        yield Yard(migrated_server, tmp_path_factory.mktemp("yard"), program)
