"""What the stages hand on: each value is the whole answer of one stage, and nothing else travels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from dg_bot.analysis.market_context import MarketContext
from dg_bot.domain.calendar import HOUR, hour_text, require_aware
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.cycle_report import OrderSummary, Stage
from dg_bot.domain.decision import Advice, Decision
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.news import NewsItem
from dg_bot.domain.order import Side
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Portfolio, Position, ProtectionPlan
from dg_bot.domain.screen import ScreenResult
from dg_bot.errors import ImpossibleValue
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.strategies.base import Signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One scheduled run on one market; `opened_at` is the hour by exchange time, `id` names both: `KRW-BTC/2026-11-20T13`."""

    market: Market
    opened_at: datetime
    id: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_aware("cycle", self.opened_at)
        if not HOUR.is_boundary(self.opened_at):
            raise ImpossibleValue("cycle", self.opened_at.isoformat(), "it must be a full hour")
        object.__setattr__(self, "id", f"{self.market}/{hour_text(self.opened_at)}")

    @property
    def hour(self) -> str:
        """The hour as it stands in identifiers: `20261120T13`."""
        return hour_text(self.opened_at).replace("-", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A stage stopped the cycle; an ordinary answer. `gates` are those that it had checked."""

    stage: Stage
    reason: str
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedExit:
    """Risk ends a position, or its first half, whatever anybody thinks."""

    position: Position
    reason: ExitReason


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskClearance:
    """Permission from stage 1: which sides, and for entries at most `max_notional_krw` before sizing."""

    portfolio: Portfolio
    allowed_sides: frozenset[Side]
    max_notional_krw: Decimal
    forced_exit: ForcedExit | None
    gates: tuple[Gate, ...]
    is_safe_mode: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSnapshot:
    """The market as stage 2 found it. Candles are closed ones only, newest last; `news` are those of the last 24 hours."""

    market: Market
    hourly: CandleSeries
    strategy_bars: CandleSeries
    reference_hourly: CandleSeries | None
    book: OrderBook
    mark_krw: Decimal
    tick_size_krw: Decimal
    rules: MarketRules
    notice: MarketNotice
    gates: tuple[Gate, ...]
    news: tuple[NewsItem, ...] = ()

    @property
    def news_scores(self) -> tuple[float, ...]:
        return tuple(item.score for item in self.news if item.score is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything a decision may look at: the snapshot, and what the stages have made of it so far.

    `signals` is None in a cycle that does not follow the close of a strategy bar. `entry_obstacle` says in words what stands
    against an entry already, whatever a model thinks; None where nothing does.
    """

    snapshot: MarketSnapshot
    signals: Signals | None
    indicators: Mapping[str, float]
    context: MarketContext
    position: Position | None
    screen: ScreenResult | None
    entry_obstacle: str | None
    is_safe_mode: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePlan:
    """Stage 3's answer, after screen, filters and validator.

    `forced_exit` marks a strategy's own exit, which is risk's; its decision is a SELL.
    `is_screen_advisory` tells that the screen only warns; an entry is a small fixed one then, whatever it found.
    `advice` is what the model proposed, before any check, and `situation` what it was shown; None where it was not asked.
    """

    decision: Decision
    indicators: Mapping[str, float]
    screen: ScreenResult | None
    protection: ProtectionPlan | None
    forced_exit: ForcedExit | None
    gates: tuple[Gate, ...]
    is_screen_advisory: bool = False
    advice: Advice | None = None
    situation: Situation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionReport:
    """What stage 4 did; slippage is the average price against the mark, positive when worse for us."""

    orders: tuple[OrderSummary, ...]
    slippage_bps: float | None
    gates: tuple[Gate, ...]
