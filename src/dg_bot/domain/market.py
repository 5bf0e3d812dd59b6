"""A market, and the venue's rules for orders on it: tick bands by date, minimum notional, fees."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from operator import itemgetter

from dg_bot.domain.money import require_not_negative, require_positive
from dg_bot.errors import ImpossibleValue

_CODE = re.compile(r"KRW-[A-Z0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Market:
    """A KRW spot market in the venue's spelling, quote first: `KRW-BTC`."""

    code: str

    def __post_init__(self) -> None:
        if _CODE.fullmatch(self.code) is None:
            raise ImpossibleValue("market", self.code, "it must look like KRW-BTC")

    def __hash__(self) -> int:
        # A text keeps its hash, and markets are keys everywhere.
        return hash(self.code)

    @property
    def quote(self) -> str:
        return "KRW"

    @property
    def base(self) -> str:
        return self.code.removeprefix("KRW-")

    def __str__(self) -> str:
        return self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What the venue demands of an order on a market at this moment, but for its price step: see `tick_size`."""

    market: Market
    minimum_notional_krw: Decimal
    maximum_notional_krw: Decimal
    bid_fee_fraction: Decimal
    ask_fee_fraction: Decimal
    is_active: bool

    def __post_init__(self) -> None:
        require_positive("minimum notional", self.minimum_notional_krw)
        require_positive("maximum notional", self.maximum_notional_krw)
        for fee in (self.bid_fee_fraction, self.ask_fee_fraction):
            require_not_negative("fee", fee)
            if fee >= 1:
                raise ImpossibleValue("fee", fee, "it must be a fraction below one")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketNotice:
    """The venue's flags on a market: a formal warning, and the names of active cautions.

    `name` is what the venue calls the coin; like the cautions it is a stranger's text, and empty where there is none.
    """

    market: Market
    has_warning: bool
    cautions: tuple[str, ...] = ()
    name: str = ""

    @property
    def is_clear(self) -> bool:
        return not self.has_warning and not self.cautions


MINIMUM_NOTIONAL_KRW = Decimal(5000)
MAXIMUM_NOTIONAL_KRW = Decimal(1_000_000_000)
FEE_FRACTION = Decimal("0.0005")


def _table(rows: str) -> tuple[tuple[Decimal, Decimal], ...]:
    """Read 'lowest-price:tick' pairs, written with the highest price first; gives them rising."""
    pairs = (row.split(":") for row in reversed(rows.split()))
    return tuple((Decimal(floor), Decimal(tick)) for floor, tick in pairs)


_floor = itemgetter(0)


@dataclass(frozen=True, slots=True)
class _Exception:
    """A band of its own for some bases, from a moment on."""

    since: datetime
    bases: frozenset[str]
    floor: Decimal
    below: Decimal
    tick: Decimal


@dataclass(frozen=True, slots=True)
class _Period:
    """A tick policy from a moment on; rows are (lowest price, tick), rising."""

    since: datetime
    rows: tuple[tuple[Decimal, Decimal], ...]
    exceptions: tuple[_Exception, ...] = ()


_STABLE = frozenset({"USDT", "USDC"})
_COARSE_2024 = frozenset(
    ["ADA", "ALGO", "BLUR", "CELO", "ELF", "EOS", "GRS", "GRT", "ICX", "MANA", "MINA", "POL", "SAND", "SEI", "STG", "TRX"]
)
_LEAST = Decimal("1e-9")
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_2024_01_29 = datetime(2024, 1, 28, 15, tzinfo=UTC)
_2025_07_31 = datetime(2025, 7, 30, 16, tzinfo=UTC)

# docs.upbit.com market-info-trade-price-detail (v1.4.1, v1.4.5) and krw-market-info (2026-05-04); times are Seoul midnights,
# the last one the hour in which the hourly candles switch.
_PERIODS = (
    _Period(
        _2025_07_31,
        _table(
            "1000000:1000 500000:500 100000:100 50000:50 10000:10 5000:5 100:1 10:0.1 "
            "1:0.01 0.1:0.001 0.01:0.0001 0.001:0.00001 0.0001:0.000001 0.00001:0.0000001 0:0.00000001"
        ),
        (_Exception(_2025_07_31, _STABLE, Decimal(1000), Decimal(10000), Decimal("0.5")),),
    ),
    _Period(
        _2024_01_29,
        _table(
            "2000000:1000 1000000:500 500000:100 100000:50 10000:10 1000:1 100:0.1 "
            "10:0.01 1:0.001 0.1:0.0001 0.01:0.00001 0.001:0.000001 0.0001:0.0000001 0:0.00000001"
        ),
        (
            _Exception(datetime(2024, 10, 13, 15, tzinfo=UTC), _COARSE_2024, Decimal(100), Decimal(1000), Decimal(1)),
            _Exception(datetime(2025, 3, 20, 15, tzinfo=UTC), _STABLE, Decimal(1000), Decimal(10000), Decimal("0.5")),
        ),
    ),
    _Period(
        _FIRST,
        _table("2000000:1000 1000000:500 500000:100 100000:50 10000:10 1000:5 100:1 10:0.1 1:0.01 0.1:0.001 0:0.0001"),
    ),
)


def tick_size(market: Market, price: Decimal, at: datetime) -> Decimal:
    """Give the smallest price step of `market` at `price` by the policy in force at `at`.

    Raises ImpossibleValue for a price that is not above zero.
    """
    require_positive("price", price)
    period = next(period for period in _PERIODS if period.since <= at)
    for rule in period.exceptions:
        if market.base in rule.bases and rule.since <= at and rule.floor <= price < rule.below:
            return rule.tick
    return period.rows[bisect_right(period.rows, price, key=_floor) - 1][1]


@dataclass(frozen=True, slots=True)
class PriceStep:
    """A price step of a market, from a moment and from a price on."""

    since: datetime
    floor_krw: Decimal
    size_krw: Decimal


def price_steps(market: Market) -> tuple[PriceStep, ...]:
    """Give all steps of a market, the newest and highest first: the first that a moment and a price reach is `tick_size`."""
    moments = {period.since for period in _PERIODS} | {rule.since for period in _PERIODS for rule in period.exceptions}
    floors = {floor for period in _PERIODS for floor, _ in period.rows}
    edges = {edge for period in _PERIODS for rule in period.exceptions for edge in (rule.floor, rule.below)}
    return tuple(
        PriceStep(moment, floor, tick_size(market, max(floor, _LEAST), moment))
        for moment in sorted(moments, reverse=True)
        for floor in sorted(floors | edges, reverse=True)
    )


def published_rules(market: Market) -> MarketRules:
    """Give the published rules, for when the venue itself cannot be asked."""
    return MarketRules(
        market=market,
        minimum_notional_krw=MINIMUM_NOTIONAL_KRW,
        maximum_notional_krw=MAXIMUM_NOTIONAL_KRW,
        bid_fee_fraction=FEE_FRACTION,
        ask_fee_fraction=FEE_FRACTION,
        is_active=True,
    )
