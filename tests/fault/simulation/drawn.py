"""The world of a run as its seed draws it: markets, limits, protection, and what is wanted in each hour."""

import random
from datetime import timedelta
from decimal import Decimal

from dg_bot.domain.calendar import HOUR
from dg_bot.domain.decision import Action
from dg_bot.domain.market import Market
from dg_bot.domain.portfolio import ProtectionPlan
from dg_bot.risk.limits import RiskLimits
from tests.builders import _quiet
from tests.fault.simulation.clock import START
from tests.fault.simulation.listing import Listing
from tests.fault.simulation.prices import PricePath
from tests.memory_archive import MemoryCandleArchive

_COINS = (("KRW-BTC", "142000000", "1000"), ("KRW-XRP", "812", "1"), ("KRW-SHIB", "0.0143", "0.00001"))
# Jumps of the clock may lead beyond the last hour.
_SPARE_HOURS = 12


def quiet_archive(listings: tuple[Listing, ...]) -> MemoryCandleArchive:
    """Give a month of quiet hours before the start."""
    archive = MemoryCandleArchive()
    for listing in listings:
        archive.add(listing.market, HOUR, _quiet(listing.path.prices[0], START))
    return archive


def drawn_listings(dice: random.Random, hours: int) -> tuple[Listing, ...]:
    count = dice.choice((1, 1, 2, 3))
    depth = Decimal(dice.choice((400_000, 3_000_000, 30_000_000)))
    seconds = (hours + _SPARE_HOURS) * 3600
    return tuple(
        Listing(
            Market(code),
            PricePath(dice, first=Decimal(first), tick=Decimal(tick), seconds=seconds),
            Decimal(tick),
            depth,
        )
        for code, first, tick in dice.sample(_COINS, count)
    )


def drawn_limits(dice: random.Random) -> RiskLimits:
    stage = dice.choice((None, Decimal("0.02")))
    return RiskLimits(
        entry_interval=timedelta(hours=dice.choice((0, 1, 4))),
        max_entries_per_day=dice.choice((3, 50)),
        max_krw_per_day=Decimal(dice.choice((2_500_000, 10**9))),
        max_orders_per_hour=dice.choice((4, 100)),
        max_exposure_fraction=dice.choice((Decimal("0.15"), Decimal("0.8"))),
        safe_mode_hours=dice.choice((None, 6)),
        sell_fraction=dice.choice((Decimal(1), Decimal("0.5"))),
        stop_loss_fraction=Decimal("0.03"),
        take_profit_fraction=Decimal("0.05"),
        stage_fraction=stage,
    )


def drawn_protection(dice: random.Random, limits: RiskLimits) -> ProtectionPlan:
    """Give the protection of every entry; its trailing distance is a fraction of the price here."""
    return ProtectionPlan(
        stop_fraction=limits.stop_loss_fraction,
        target_fraction=limits.take_profit_fraction,
        trailing_distance_krw=dice.choice((None, Decimal("0.02"))),
        stage_fraction=limits.stage_fraction,
        trend_strength=30.0,
    )


def drawn_split(dice: random.Random) -> Decimal:
    return Decimal(dice.choice((300_000, 3_000_000)))


def drawn_opinions(dice: random.Random, markets: tuple[Market, ...], hours: int, *, is_eager: bool) -> dict[Market, list[Action]]:
    """Draw what is wanted in each hour; where real checks object to most of it, more is wanted."""
    buy, sell = (0.8, 0.1) if is_eager else dice.choice(((0.05, 0.02), (0.2, 0.05), (0.5, 0.2)))
    return {
        market: dice.choices((Action.BUY, Action.SELL, Action.HOLD), (buy, sell, 1 - buy - sell), k=hours) for market in markets
    }
