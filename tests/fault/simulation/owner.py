"""The owner of the account and operator of the bot: moves money, orders by hand, and explains it some hours later."""

from contextlib import suppress
from decimal import ROUND_DOWN, Decimal

from dg_bot.domain.events import SafeModeLeft, TransferDeclared
from dg_bot.domain.market import Market
from dg_bot.domain.money import QUANTITY_STEP, ZERO
from dg_bot.errors import BotError
from dg_bot.simulator.ledger import Ledger
from tests.fault.simulation.bot import SimulatedBot
from tests.fault.simulation.checker import Checker
from tests.fault.simulation.plan import Kind
from tests.fault.simulation.trouble import Trouble
from tests.fault.simulation.venue import SimulatedUpbit

_DECLARES_AFTER_S = 12 * 3600
_RESUMES_AFTER_S = 20 * 3600


class Owner:
    """Acts at most once an hour."""

    def __init__(
        self, *, trouble: Trouble, upbit: SimulatedUpbit, checker: Checker, ledger: Ledger, markets: tuple[Market, ...]
    ) -> None:
        self._trouble = trouble
        self._upbit = upbit
        self._checker = checker
        self._ledger = ledger
        self._markets = markets
        self._declares_s = self._resumes_s = 0.0

    def act(self, hour: int) -> None:
        """Do what the plan has for this hour, at the venue and behind the bot's back."""
        trouble, upbit = self._trouble, self._upbit
        market = self._markets[hour % len(self._markets)]
        amount = Decimal(hour % 7 + 1) * 50_000
        if trouble.is_due(Kind.DEPOSIT):
            upbit.owner_moves("KRW", amount)
        if trouble.is_due(Kind.WITHDRAWAL) and self._ledger.account("KRW").balance > amount:
            upbit.owner_moves("KRW", -amount)
        if trouble.is_due(Kind.COINS_IN):
            upbit.owner_moves(market.base, Decimal("1.5"))
        half = (self._ledger.account(market.base).balance / 2).quantize(QUANTITY_STEP, ROUND_DOWN)
        if trouble.is_due(Kind.COINS_OUT) and half > ZERO:
            upbit.owner_moves(market.base, -half)
        if trouble.is_due(Kind.FOREIGN_ORDER):
            upbit.owner_orders(market, krw=Decimal(200_000))

    def operate(self, bot: SimulatedBot, now_s: float) -> None:
        """Declare what has moved, and leave safe mode, now and then."""
        if any(self._checker.undeclared.values()) and now_s >= self._declares_s:
            self._declares_s = now_s + _DECLARES_AFTER_S
            self.declare(bot)
        if self._checker.safe_mode is not None and now_s >= self._resumes_s:
            self._resumes_s = now_s + _RESUMES_AFTER_S
            self._resume(bot)

    def declare(self, bot: SimulatedBot) -> None:
        """Explain every difference that the doctor shows; before the account was opened it shows none."""
        if bot.state.opened_balances is None:
            return
        for currency, amount in self._checker.undeclared.items():
            if amount != ZERO:
                with suppress(BotError):
                    bot.books.record(TransferDeclared(currency=currency, amount=amount, note="the owner's hand"))

    def _resume(self, bot: SimulatedBot) -> None:
        self._checker.operator_acts = True
        with suppress(BotError):
            bot.books.record(SafeModeLeft(by="operator"))
        self._checker.operator_acts = False
