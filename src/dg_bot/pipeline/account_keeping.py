"""Keep what marking the account shows: the openings of day and week, highest prices, safe mode."""

from datetime import datetime
from decimal import Decimal

from dg_bot.domain.calendar import seoul_day_start, seoul_week_start
from dg_bot.domain.events import HighestPriceRaised, Period, PeriodOpened, SafeModeEntered, SafeModeLeft
from dg_bot.domain.market import Market
from dg_bot.domain.portfolio import Portfolio
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.pipeline.account import Account, AccountView
from dg_bot.pipeline.books import Books
from dg_bot.risk.loss_breaker import is_loss
from dg_bot.risk.manager import RiskManager

# Two reads a second apart that differ by more than this do not show what a day began with.
_AGREEING_FRACTION = Decimal("0.01")


class AccountKeeper:
    """Records what stage 1 and the guard see of the account. Callers hold the books' lock."""

    def __init__(self, *, books: Books, risk: RiskManager, account: Account) -> None:
        self._books = books
        self._risk = risk
        self._account = account

    def account_for(self, view: AccountView, now: datetime) -> None:
        """Record what marking the account shows: a new day or week, a new highest price, the end or beginning of safe mode.

        What follows from a price is recorded only when a second look shows it too; where that fails, the next call tries again.
        """
        if view.unexplained:
            amounts = ", ".join(f"{currency} {amount:+f}" for currency, amount in view.unexplained.items())
            self._books.alarm("unexplained_balance", f"the venue differs from the books by {amounts}; declare it with the doctor")
        self._leave_safe_mode_by_timer(now)
        if not self._shows_news(view, now):
            return
        try:
            again = self._account.look_again() if view.portfolio.positions else view
        except (ExchangeUnavailable, AuthenticationFailed, DataError):
            return
        self._open_periods(view.booked_equity_krw, again.booked_equity_krw, now)
        self._raise_highest(view.portfolio, again.portfolio)
        self._trip(max(view.booked_equity_krw, again.booked_equity_krw))

    def _shows_news(self, view: AccountView, now: datetime) -> bool:
        state = self._books.state
        is_tripped = state.safe_mode is None and self._risk.loss_trip(state, view.booked_equity_krw) is not None
        return bool(is_tripped or self._begun_periods(now) or self._new_highest(view.portfolio))

    def _begun_periods(self, now: datetime) -> list[tuple[Period, datetime]]:
        """Give the day and the week of `now`, where they have not been opened yet."""
        state = self._books.state
        day, week = seoul_day_start(now), seoul_week_start(now)
        begun = [(Period.DAY, day)] if state.day is None or state.day.start < day else []
        return [*begun, (Period.WEEK, week)] if state.week is None or state.week.start < week else begun

    def _open_periods(self, first_krw: Decimal, second_krw: Decimal, now: datetime) -> None:
        if abs(second_krw - first_krw) > abs(first_krw) * _AGREEING_FRACTION:
            return
        for period, start in self._begun_periods(now):
            self._books.record(PeriodOpened(period=period, start=start, equity_krw=second_krw))

    def _new_highest(self, portfolio: Portfolio) -> dict[Market, Decimal]:
        """Give the marks above the highest price so far, where a trailing stop follows it."""
        positions = self._books.state.positions
        held = [positions[position.market] for position in portfolio.open_positions if position.market in positions]
        return {
            position.market: portfolio.marks_krw[position.market]
            for position in held
            if position.levels.trailing_distance_krw is not None
            and portfolio.marks_krw[position.market] > position.levels.highest_krw
        }

    def _raise_highest(self, first: Portfolio, second: Portfolio) -> None:
        """Raise a highest price to the lower of two reads."""
        earlier = self._new_highest(first)
        for market, mark in self._new_highest(second).items():
            if market in earlier:
                self._books.record(HighestPriceRaised(market=market, price_krw=min(mark, earlier[market])))

    def _leave_safe_mode_by_timer(self, now: datetime) -> None:
        hours = self._risk.limits.safe_mode_hours
        safe_mode = self._books.state.safe_mode
        if hours is None or safe_mode is None or not is_loss(safe_mode.reason):
            return
        if (now - safe_mode.since).total_seconds() >= hours * 3600:
            self._books.record(SafeModeLeft(by="timer"))

    def _trip(self, equity_krw: Decimal) -> None:
        trip = self._risk.loss_trip(self._books.state, equity_krw)
        if trip is not None and self._books.state.safe_mode is None:
            reason = f"{trip.reason}: lost {trip.measured:.4f} of the opening equity, limit {trip.limit}"
            self._books.record(SafeModeEntered(reason=reason))
