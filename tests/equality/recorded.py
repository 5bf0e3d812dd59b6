"""The recorded candles on which kernel and pipeline are held together."""

from datetime import UTC, datetime
from functools import cache

from dg_bot.adapters.candle_csv import read_candles
from dg_bot.backtesting.backtest import with_own_timeframe
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from tests.shared_data import shared

# The market under which each file trades; Bitfinex' dollars are traded as if they were won.
FILES = {
    "KRW-BTC_60m_2020-2023": "KRW-BTC",
    "KRW-ETH_60m_2022-2023": "KRW-ETH",
    "KRW-XRP_60m_201809-2023": "KRW-XRP",
    "KRW-DOGE_60m_2022-2023": "KRW-DOGE",
    "KRW-XRP_1m_202509": "KRW-XRP",
    "KRW-DOGE_1m_202509": "KRW-DOGE",
    "KRW-XRP_60m_202509": "KRW-XRP",
    "KRW-DOGE_60m_202509": "KRW-DOGE",
    "BFX-BTCUSD_1m_2014": "KRW-BTC",
}
TWO_YEARS = ("KRW-BTC_60m_2020-2023", "KRW-ETH_60m_2022-2023", "KRW-XRP_60m_201809-2023", "KRW-DOGE_60m_2022-2023")
FROM, TO = datetime(2022, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)


@cache
def recorded_candles(name: str) -> CandleSeries:
    """Read one file whole, or skip the test where it is not there."""
    file = shared(f"candles/{name}.csv.gz")
    return with_own_timeframe(read_candles(file, Market(FILES[name]), Timeframe(1)))


def two_years(name: str) -> CandleSeries:
    return recorded_candles(name).between(FROM, TO)
