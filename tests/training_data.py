"""Made-up hours to train on, and a small way to do it."""

from array import array

from dg_bot.backtesting.model_trades import Thresholds
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.indicators.bars import Bars
from dg_bot.models.boosting import Parameters
from dg_bot.models.dataset import Label
from dg_bot.models.splits import WalkLengths

BTC = Market("KRW-BTC")
DAY = Label(horizon_hours=24, cost_fraction=0.0014)
SMALL = Parameters(rounds=60, min_data_in_leaf=100, seed=1)
LENGTHS = WalkLengths(train=180 * 24, test=40 * 24, embargo=169)
THRESHOLDS = Thresholds(buy_at=0.005, sell_at=-0.005)


def series_of(bars: Bars, market: Market = BTC) -> CandleSeries:
    """Give hours as a series."""
    columns = {name: array("d", getattr(bars, name).tobytes()) for name in ("open", "high", "low", "close", "volume")}
    return CandleSeries(market=market, timeframe=HOUR, opened_at=array("q", bars.opened_at.tobytes()), **columns)
