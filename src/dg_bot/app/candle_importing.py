"""Take candles of another program into the archive of those that were collected by hand."""

from datetime import datetime, tzinfo
from pathlib import Path

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.foreign_candles import read_foreign_candles
from dg_bot.app.candle_collecting import Collection
from dg_bot.app.settings import Settings
from dg_bot.domain.calendar import ALL_TIME, Timeframe
from dg_bot.domain.market import Market


def import_candles(
    settings: Settings, file: Path, market: Market, timeframe: Timeframe, *, zone: tzinfo | None, now: datetime
) -> Collection:
    """Add the candles of a file that are not there yet, and give all that the archive has then; what is fresh came from it.

    `zone` is that of times which do not tell theirs. Raises DataError for a file that cannot be used, and as the archive does.
    """
    candles = read_foreign_candles(file, market, timeframe, zone=zone, now=now)
    archive = CandleFiles(settings.collected_folder, source=str(file))
    before = len(archive.load(market, timeframe, *ALL_TIME))
    archive.add(market, timeframe, candles)
    series = archive.load(market, timeframe, *ALL_TIME)
    return Collection(path=archive.path(market, timeframe), series=series, fresh=len(series) - before)
