"""Keep what marking the account shows: the openings of day and week, highest prices, safe mode."""

from datetime import datetime
from decimal import Decimal

from dg_bot.domain.calendar import seoul_day_start, seoul_week_start
from dg_bot.domain.events import HighestPriceRaised, Period, PeriodOpened, SafeModeEntered, SafeModeLeft
from dg_bot.domain.portfolio import Portfolio
from dg_bot.pipeline.account import AccountView
from dg_bot.pipeline.books import Books
from dg_bot.risk.loss_breaker import is_loss
from dg_bot.risk.manager import RiskManager


class AccountKeeper:
    """Records what stage 1 and the guard see of the account. Callers hold the books' lock."""

    def __init__(self, *, books: Books, risk: RiskManager) -> None:
        self._books = books
        self._risk = risk

    def account_for(self, view: AccountView, now: datetime) -> None:
        """Record what marking the account shows: a new day or week, a new highest price, the end or beginning of safe mode."""
        self._open_periods(view.booked_equity_krw, now)
        self._raise_highest(view.portfolio)
        if view.unexplained:
            amounts = ", ".join(f"{currency} {amount:+}" for currency, amount in view.unexplained.items())
            self._books.alarm("unexplained_balance", f"the venue differs from the books by {amounts}; declare it with the doctor")
        self._leave_safe_mode_by_timer(now)
        self._trip(view.booked_equity_krw)

    def _open_periods(self, equity_krw: Decimal, now: datetime) -> None:
        state = self._books.state
        day, week = seoul_day_start(now), seoul_week_start(now)
        if state.day is None or state.day.start < day:
            self._books.record(PeriodOpened(period=Period.DAY, start=day, equity_krw=equity_krw))
        if state.week is None or state.week.start < week:
            self._books.record(PeriodOpened(period=Period.WEEK, start=week, equity_krw=equity_krw))

    def _raise_highest(self, portfolio: Portfolio) -> None:
        for position in portfolio.open_positions:
            mark = portfolio.marks_krw[position.market]
            if position.levels.trailing_distance_krw is not None and mark > position.levels.highest_krw:
                self._books.record(HighestPriceRaised(market=position.market, price_krw=mark))

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
