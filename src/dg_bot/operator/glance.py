"""What a running bot knows of itself at one moment, for answers: all of it from memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from dg_bot.domain.cycle_report import CycleReport, Mode, PositionSummary, StateSummary
from dg_bot.domain.market import Market
from dg_bot.domain.screen import ScreenFailure
from dg_bot.execution.intent import Intent, IntentBook
from dg_bot.remembered import Remembered
from dg_bot.risk.operator_halt import OperatorHalt, operator_halt
from dg_bot.risk.state import RiskState, SafeMode


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    name: str
    is_well: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """The bot at `at`. `behind` names projections that wait, with the reason of the last attempt; `settings` has no secrets."""

    at: datetime
    mode: Mode
    version: str
    markets: tuple[Market, ...]
    remembered: Remembered
    checks: tuple[HealthCheck, ...]
    behind: Mapping[str, str]
    settings: Mapping[str, str]

    @property
    def state(self) -> RiskState:
        return self.remembered.state

    @property
    def intents(self) -> IntentBook:
        return self.remembered.intents

    @property
    def safe_mode(self) -> SafeMode | None:
        return self.state.safe_mode

    @property
    def halt(self) -> OperatorHalt | None:
        return operator_halt(self.state)

    @property
    def failing_screens(self) -> Mapping[Market, ScreenFailure]:
        return self.remembered.failing_screens

    @property
    def last_reports(self) -> Mapping[Market, CycleReport]:
        """Give the newest report of each market, of the last two days."""
        reports = sorted(self.remembered.reports.values(), key=lambda report: report.completed_at)
        return {report.market: report for report in reports}

    @property
    def newest_account(self) -> tuple[datetime, StateSummary] | None:
        """Give the newest reading of the account and its time; None where no cycle of two days has one."""
        read = [(report.completed_at, report.state) for report in self.last_reports.values() if report.state is not None]
        return max(read, key=lambda one: one[0], default=None)

    @property
    def positions(self) -> tuple[PositionSummary, ...]:
        """Give what is held now, dust left out, at the newest mark price that a cycle saw, or at its cost where none did."""
        return tuple(
            PositionSummary(
                market=position.market,
                quantity=position.quantity,
                average_cost_krw=position.average_cost_krw,
                mark_krw=self._mark(position.market) or position.average_cost_krw,
                stop_krw=position.levels.effective_stop_krw,
                target_krw=position.levels.target_krw,
            )
            for position in self.state.positions.values()
            if not position.is_dust
        )

    @property
    def ended_orders(self) -> tuple[Intent, ...]:
        """Give the orders of a week that have ended, newest first."""
        return tuple(intent for intent in [*self.intents.intents.values()][::-1] if intent.closing is not None)

    def _mark(self, market: Market) -> Decimal | None:
        seen = [
            (report.completed_at, position.mark_krw)
            for report in self.last_reports.values()
            if report.state is not None
            for position in report.state.positions
            if position.market == market
        ]
        return max(seen, default=(None, None))[1]
