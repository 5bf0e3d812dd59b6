"""The report of one cycle: everything that log, message, metric and row are rendered from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from dg_bot.domain.decision import Decision, Vote
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.order import Side
from dg_bot.domain.screen import ScreenResult


class Mode(StrEnum):
    DEMO = "demo"
    PAPER = "paper"
    LIVE = "live"


class Stage(StrEnum):
    RISK_CHECK = "risk_check"
    DATA_COLLECTION = "data_collection"
    ANALYSIS = "analysis"
    EXECUTION = "execution"


class Outcome(StrEnum):
    """How a cycle ended: with a fill, with a plan to hold, with a reasoned stop, or with an error."""

    TRADED = "traded"
    HELD = "held"
    HALTED = "halted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSummary:
    """One order of a cycle as it stood when the cycle ended; `status` is how it closed, or its intent's state until then."""

    identifier: str
    side: Side
    kind: str
    status: str
    executed_quantity: Decimal
    average_price_krw: Decimal | None
    fee_krw: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionSummary:
    market: Market
    quantity: Decimal
    average_cost_krw: Decimal
    mark_krw: Decimal
    stop_krw: Decimal
    target_krw: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSummary:
    """The account when the cycle ended; `*_pnl_fraction` are of the equity at the start of that day and week."""

    equity_krw: Decimal
    free_krw: Decimal
    daily_pnl_fraction: Decimal
    weekly_pnl_fraction: Decimal
    daily_trade_count: int
    safe_mode: bool
    safe_mode_reason: str | None
    positions: tuple[PositionSummary, ...]
    usdt_krw: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleReport:
    """What one cycle on one market saw, decided and did.

    `stage` is the stage that ended it; `reason` says in words why, naming the first gate that did not pass.
    `proposed` is what the model wanted before anything objected, `votes` what the members of an ensemble did.
    `indicators` holds the latest values of the strategy's timeframe by name. `state` is None only where the account could not
    be read. `repeated` marks a report that was recorded earlier and is returned again.
    """

    cycle_id: str
    market: Market
    mode: Mode
    opened_at: datetime
    completed_at: datetime
    outcome: Outcome
    stage: Stage
    reason: str
    gates: tuple[Gate, ...] = ()
    decision: Decision | None = None
    proposed: Decision | None = field(default=None, metadata={"added": True})
    votes: tuple[Vote, ...] = field(default=(), metadata={"added": True})
    orders: tuple[OrderSummary, ...] = ()
    slippage_bps: float | None = None
    durations_ms: Mapping[str, float] = field(default_factory=dict)
    indicators: Mapping[str, float] = field(default_factory=dict)
    mark_krw: Decimal | None = None
    screen: ScreenResult | None = None
    state: StateSummary | None = None
    repeated: bool = False

    @property
    def stopping_gate(self) -> Gate | None:
        """Give the one gate that kept the cycle from an order, which the reason names; None where it was none.

        Other gates may have failed as well. The first in the list need not be the one: with a position held, no entry passes
        risk, and what a sale did not pass comes later.
        """
        name = self.reason.partition(":")[0]
        return next((gate for gate in self.gates if not gate.passed and gate.name == name), None)
