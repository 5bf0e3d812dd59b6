"""The account at the end of a cycle, for the report."""

from decimal import Decimal

from dg_bot.domain.cycle_report import PositionSummary, StateSummary
from dg_bot.domain.market import Market
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.pipeline.account import Account
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock, MarketData
from dg_bot.risk.manager import RiskManager

_DOLLAR = Market("KRW-USDT")


class StateSummarizer:
    """Reads the account once more after a cycle; a report without it is better than no report."""

    def __init__(
        self,
        *,
        books: Books,
        account: Account,
        risk: RiskManager,
        market_data: MarketData,
        clock: Clock,
        knows_dollar: bool | None = None,
    ) -> None:
        """`knows_dollar` tells whether the venue lists KRW-USDT; None where nobody has looked yet."""
        self._books = books
        self._account = account
        self._risk = risk
        self._market_data = market_data
        self._clock = clock
        self._knows_dollar = knows_dollar

    @property
    def knows_dollar(self) -> bool | None:
        return self._knows_dollar

    def summary(self, market: Market) -> StateSummary | None:
        """Give the state as it is now; None where the account cannot be read."""
        try:
            view = self._account.view(market)
        except (ExchangeUnavailable, AuthenticationFailed, DataError):
            return None
        state, portfolio = self._books.state, view.portfolio
        daily, weekly = self._risk.pnl_fractions(state, view.booked_equity_krw)
        return StateSummary(
            equity_krw=portfolio.equity_krw,
            free_krw=portfolio.krw.free,
            daily_pnl_fraction=daily,
            weekly_pnl_fraction=weekly,
            daily_trade_count=state.entries_filled_on_day_of(self._clock.now()),
            safe_mode=state.safe_mode is not None,
            safe_mode_reason=None if state.safe_mode is None else state.safe_mode.reason,
            positions=tuple(
                PositionSummary(
                    market=position.market,
                    quantity=position.quantity,
                    average_cost_krw=position.average_cost_krw,
                    mark_krw=portfolio.marks_krw[position.market],
                    stop_krw=position.levels.effective_stop_krw,
                    target_krw=position.levels.target_krw,
                )
                for position in portfolio.positions
            ),
            usdt_krw=self._dollar(),
        )

    def _dollar(self) -> Decimal | None:
        try:
            if self._knows_dollar is None:
                self._knows_dollar = _DOLLAR in self._market_data.notices()
            return self._market_data.last_prices([_DOLLAR])[_DOLLAR] if self._knows_dollar else None
        except (ExchangeUnavailable, AuthenticationFailed, DataError):
            return None
