"""All that the program remembers of its account, folded from the journal: a value, so that a snapshot of it is simply kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from dg_bot.domain.commands_heard import CommandsHeard
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.events import (
    CycleCompleted,
    ModelAnswered,
    ModelAsked,
    PeriodOpened,
    PositionAdopted,
    Record,
    TransferDeclared,
)
from dg_bot.domain.gate import first_failure
from dg_bot.domain.market import Market
from dg_bot.domain.money import product
from dg_bot.domain.news_memory import NewsMemory
from dg_bot.domain.screen import ScreenFailure
from dg_bot.domain.spending import Spending
from dg_bot.domain.starts import Starts
from dg_bot.execution.intent import IntentBook
from dg_bot.risk import state as risk_state
from dg_bot.risk.state import RiskState

_REPORTS_KEPT = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """Risk state, orders, spending, news and the reports of two days after the record `sequence`; empty before the first.

    `invested_krw` is the equity with which the first period began, moved by declared won and adopted coins since.
    `failing_screens` has the markets whose screen failed when it was last run. `challenger_spending` is what models that are only
    scored asked of each language model, apart from `spending`.
    """

    state: RiskState = field(default_factory=RiskState)
    intents: IntentBook = field(default_factory=IntentBook)
    reports: Mapping[str, CycleReport] = field(default_factory=dict)
    starts: Starts = field(default_factory=Starts)
    spending: Spending = field(default_factory=Spending, metadata={"added": True})
    news: NewsMemory = field(default_factory=NewsMemory, metadata={"added": True})
    invested_krw: Decimal | None = None
    failing_screens: Mapping[Market, ScreenFailure] = field(default_factory=dict, metadata={"added": True})
    challenger_spending: Mapping[str, Spending] = field(default_factory=dict, metadata={"added": True})
    commands: CommandsHeard = field(default_factory=CommandsHeard, metadata={"added": True})

    @property
    def sequence(self) -> int:
        """The place in the journal up to which everything is in here."""
        return self.state.sequence

    def after(self, record: Record) -> "Remembered":
        """Fold one record in; raises InvariantViolated where it contradicts what is known."""
        state = risk_state.after(self.state, record)
        if isinstance(record.event, CycleCompleted):  # most records are; one tells nothing to any other fold
            report = record.event.report
            return replace(
                self,
                state=state,
                reports={**_recent(self.reports, record.at), report.cycle_id: report},
                failing_screens=_failing(self.failing_screens, report),
            )
        folded = replace(
            self,
            state=state,
            intents=self.intents.after(record),
            starts=self.starts.after(record),
            commands=self.commands.after(record),
            news=self.news.after(record),
        )
        match record.event:
            case ModelAsked(is_challenger=True, model=model) | ModelAnswered(is_challenger=True, model=model):
                spent = self.challenger_spending.get(model, Spending()).after(record)
                return replace(folded, challenger_spending={**self.challenger_spending, model: spent})
            case ModelAsked() | ModelAnswered():
                return replace(folded, spending=self.spending.after(record))
            case PeriodOpened(equity_krw=equity_krw) if self.invested_krw is None:
                return replace(folded, invested_krw=equity_krw)
            case TransferDeclared(currency="KRW", amount=amount) if self.invested_krw is not None:
                return replace(folded, invested_krw=self.invested_krw + amount)
            case PositionAdopted() as adopted if self.invested_krw is not None:
                worth_krw = product(adopted.quantity, adopted.mark_krw)
                return replace(folded, invested_krw=self.invested_krw + worth_krw)
            case _:
                return folded


def _recent(reports: Mapping[str, CycleReport], now: datetime) -> Mapping[str, CycleReport]:
    """Keep the reports of two days. A snapshot gives them back in the order of their names, not of their hours."""
    first = now - _REPORTS_KEPT
    return {cycle_id: report for cycle_id, report in reports.items() if report.opened_at >= first}


def _failing(known: Mapping[Market, ScreenFailure], report: CycleReport) -> Mapping[Market, ScreenFailure]:
    """Follow one cycle; one that did not run the screen tells nothing."""
    if report.screen is None:
        return known
    figure = first_failure(report.screen.gates)
    others = {market: failure for market, failure in known.items() if market != report.market}
    if figure is None:
        return others
    since = known[report.market].since if report.market in known else report.opened_at
    return {**others, report.market: ScreenFailure(since=since, figure=figure)}
