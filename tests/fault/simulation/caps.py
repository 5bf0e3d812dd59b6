"""I8: what everything that was sent may cost at worst, against the limits of a day, an hour, a position and the exposure."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from dg_bot.domain.calendar import seoul_day_start
from dg_bot.domain.events import IntentClosed, IntentPlanned
from dg_bot.domain.money import ZERO, product
from dg_bot.risk.limits import RiskLimits
from tests.fault.simulation.violation import Violation

# The price may move by a jump between the account that a size was made for and the moment of sending.
_SLACK = Decimal("1.3")
_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class _Spend:
    sent_at: datetime
    krw: Decimal
    cycle_id: str


class Caps:
    """Counts entries from the moment in which they are sent, by what was planned, and from their end on by what was spent."""

    def __init__(self, limits: RiskLimits) -> None:
        self._limits = limits
        self._spends: dict[str, _Spend] = {}
        self._recent: deque[str] = deque()
        self._shown_holdings: Sequence[tuple[Decimal, Decimal]] | None = None
        self._shown_krw = ZERO
        self._look: tuple[str, Decimal | None, Decimal] | None = None

    def shown(self, holdings: Sequence[tuple[Decimal, Decimal]] | None, krw: Decimal) -> None:
        """Note quantity and price of all that is held, as the bot has just been shown it; None where it cannot know them."""
        self._shown_holdings, self._shown_krw = holdings, krw

    def sending(self, plan: IntentPlanned, at: datetime) -> None:
        """Count an entry that is being sent, once however often it is."""
        if plan.identifier in self._spends:
            return
        self._spends[plan.identifier] = _Spend(at, plan.notional_krw or ZERO, plan.cycle_id)
        self._recent.append(plan.identifier)
        while self._spends[self._recent[0]].sent_at < at - timedelta(days=2):
            self._recent.popleft()

    def closed(self, event: IntentClosed) -> None:
        """Count what was spent in place of what was planned."""
        if event.identifier in self._spends:
            self._spends[event.identifier].krw = event.funds_krw

    def check(self, plan: IntentPlanned, open_plans: Iterable[IntentPlanned], now: datetime) -> None:
        """Hold the worst case of everything sent against the caps; `open_plans` are the orders without an end."""
        limits, start = self._limits, seoul_day_start(now)
        recent = [self._spends[name] for name in self._recent]
        today = sum((spend.krw for spend in recent if spend.sent_at >= start), ZERO)
        if today > limits.max_krw_per_day:
            raise Violation("I8", f"{today} KRW may be spent today, limit {limits.max_krw_per_day}")
        orders = sum(1 for spend in recent if spend.sent_at > now - _HOUR)
        if orders > limits.max_orders_per_hour:
            raise Violation("I8", f"{orders} entry orders within an hour, limit {limits.max_orders_per_hour}")
        worth, krw = self._looked_at(plan)
        if worth is None:
            return
        in_cycle = sum((spend.krw for spend in recent if spend.cycle_id == plan.cycle_id), ZERO)
        if in_cycle > (worth + krw) * limits.max_position_fraction * _SLACK:
            raise Violation("I8", f"{in_cycle} KRW in cycle {plan.cycle_id}, of an equity of {worth + krw}")
        elsewhere = (other.notional_krw or ZERO for other in open_plans if other.cycle_id != plan.cycle_id)
        exposed = worth + in_cycle + sum(elsewhere, ZERO)
        if exposed > (worth + krw) * limits.max_exposure_fraction * _SLACK:
            raise Violation("I8", f"{exposed} KRW are exposed, of an equity of {worth + krw}")

    def _looked_at(self, plan: IntentPlanned) -> tuple[Decimal | None, Decimal]:
        """Give worth and won as the bot was shown them before the first order of an entry."""
        if self._look is None or self._look[0] != plan.cycle_id:
            shown = self._shown_holdings
            worth = None if shown is None else sum((product(quantity, price) for quantity, price in shown), ZERO)
            self._look = (plan.cycle_id, worth, self._shown_krw)
        return self._look[1:]
