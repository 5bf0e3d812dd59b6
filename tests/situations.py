"""What a decision model is shown, in a few words: a quiet market of which a test names what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dg_bot.analysis.market_context import MarketContext, Regime
from dg_bot.cycle import MarketSnapshot, Situation
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market, MarketNotice, published_rules
from dg_bot.domain.order_book import Level, OrderBook

BTC = Market("KRW-BTC")
AT = datetime(2026, 11, 20, 13, tzinfo=UTC)
PRICE = Decimal(100_000_000)


def situation(**fields: object) -> Situation:
    """Make one at 13:00 with 48 hours of candles, no position, no screen and no obstacle; `fields` are those of Situation."""
    quiet = Situation(
        snapshot=snapshot(),
        signals=None,
        indicators={"rsi": 51.25, "adx": 23.456789},
        context=MarketContext(
            reference=None,
            return_24h=0.0123,
            crash_drop=0.001,
            rsi_divergence=None,
            regime=Regime.SIDEWAYS,
            volatility_24h=0.004,
            volatility_limit=0.02,
        ),
        position=None,
        screen=None,
        entry_obstacle=None,
        is_safe_mode=False,
    )
    return replace(quiet, **fields)  # type: ignore[arg-type]


def snapshot(**fields: object) -> MarketSnapshot:
    """Make a snapshot of KRW-BTC; `fields` are those of MarketSnapshot."""
    hourly = CandleSeries.from_candles(BTC, HOUR, _hours(48))
    quiet = MarketSnapshot(
        market=BTC,
        hourly=hourly,
        strategy_bars=hourly.resampled(Timeframe(240)).closed_by(AT),
        reference_hourly=None,
        book=OrderBook(
            market=BTC,
            at=AT,
            asks=(Level(PRICE + 1000, Decimal("0.5")), Level(PRICE + 2000, Decimal("1.5"))),
            bids=(Level(PRICE - 1000, Decimal("0.25")),),
        ),
        mark_krw=PRICE,
        tick_size_krw=Decimal(1000),
        rules=published_rules(BTC),
        notice=MarketNotice(market=BTC, has_warning=False),
        gates=(),
    )
    return replace(quiet, **fields)  # type: ignore[arg-type]


def _hours(count: int) -> list[Candle]:
    hours = []
    for back in range(count, 0, -1):
        close = PRICE - 10_000 * (back % 5)
        bar = Candle(
            opened_at=AT - timedelta(hours=back),
            open=PRICE,
            high=PRICE + 5_000,
            low=close - 5_000,
            close=close,
            volume=Decimal(10 + back % 3),
        )
        hours.append(bar)
    return hours
