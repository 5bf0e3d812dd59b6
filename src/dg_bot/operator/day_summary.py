"""The day in one message: how many cycles, what was traded, and why the others were not."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from dg_bot.domain.calendar import KST, seoul_day_start
from dg_bot.domain.cycle_report import CycleReport, Outcome, StateSummary
from dg_bot.domain.market import Market
from dg_bot.operator import figures
from dg_bot.operator.phrasebook import Phrasebook, joined


@dataclass(frozen=True, slots=True)
class Why:
    """How many cycles ended for one reason, and the newest one's words."""

    cycles: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The cycles that ended on one day, Asia/Seoul; `whys` by market and by the gate that stopped them, or the whole reason."""

    start: datetime
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    whys: Mapping[tuple[Market, str], Why] = field(default_factory=dict)
    state: StateSummary | None = None

    @classmethod
    def of(cls, at: datetime) -> "Day":
        return cls(start=seoul_day_start(at))

    def after(self, report: CycleReport) -> "Day":
        """Count one more cycle in."""
        gate = report.stopping_gate
        key = report.market, report.reason if gate is None else gate.name
        earlier = self.whys.get(key)
        why = Why(1 if earlier is None else earlier.cycles + 1, report.reason)
        return replace(
            self,
            outcomes={**self.outcomes, report.outcome: self.outcomes.get(report.outcome, 0) + 1},
            whys={**self.whys, key: why},
            state=report.state or self.state,
        )


def day_summary(day: Day, book: Phrasebook) -> str:
    """Tell the day: counts, the gain, and for each market its reasons, the most frequent first, in the words of the report."""
    cycles = sum(day.outcomes.values())
    lines = [
        book.say("day.title", date=f"{day.start.astimezone(KST):%Y-%m-%d}"),
        book.say("day.cycles", cycles=str(cycles)),
        *(f"{book.word('outcome', outcome)} {count}" for outcome, count in sorted(day.outcomes.items())),
    ]
    if day.state is not None:
        lines += [
            book.say("portfolio.equity", equity=figures.won(day.state.equity_krw)),
            book.say(
                "portfolio.pnl",
                day=figures.signed_percent(day.state.daily_pnl_fraction),
                week=figures.signed_percent(day.state.weekly_pnl_fraction),
            ),
        ]
    for market in sorted({market for market, _ in day.whys}):
        lines.append(book.say("day.market", market=str(market)))
        whys = sorted((why for (one, _), why in day.whys.items() if one == market), key=lambda why: -why.cycles)
        lines += [book.say("day.why", cycles=str(why.cycles), reason=why.reason) for why in whys]
    return joined(lines)
