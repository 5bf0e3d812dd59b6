"""What each strategy did on KRW-BTC in 2022 and 2023, on four-hour bars, and what its signals said there."""

from functools import cache

from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.backtesting.backtest import by_kernel, hours_of
from dg_bot.backtesting.replay import Replay
from dg_bot.backtesting.tradable import in_time
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import Timeframe
from dg_bot.indicators.bars import bars_of
from dg_bot.strategies.base import Signals
from dg_bot.strategies.catalog import make_strategy
from tests.equality.recorded import FROM, TO, two_years
from tests.golden.plain_trade import Bar, Told, four_hour_bars
from tests.shared_data import shared

NAME = "KRW-BTC_60m_2020-2023"
H4 = Timeframe(240)


@cache
def plain_bars() -> list[Bar]:
    return four_hour_bars(shared(f"candles/{NAME}.csv.gz"), FROM, TO)


@cache
def replayed(strategy: str) -> Replay:
    return by_kernel(two_years(NAME), H4, make_strategy(strategy), TradeRules())


@cache
def signals(strategy: str) -> Signals:
    """Give the signals that a bot sees, with their gates."""
    candles = two_years(NAME)
    bars = bars_of(candles.whole(H4))
    return in_time(make_strategy(strategy).signals(bars), bars, hours_of(candles), ValidatorLimits())


def told(strategy: str) -> Told:
    seen, exits = signals(strategy), make_strategy(strategy).bar_exits
    return Told(
        stop_distance=seen.stop_distance.tolist(),
        target_distance=seen.target_distance.tolist(),
        adx=seen.trend_strength.tolist(),
        sells=seen.exit.tolist(),
        fake_out_bars=exits.fake_out_bars,
        time_out_bars=exits.time_out_bars,
        trend_ratio=exits.trend_ratio,
    )
