"""Whole bots in a few words: the real stages over a venue in process, a journal in memory and a clock that moves when slept on.

Candles are closes of hours: `"1000 1000 940"` ends with the last closed hour; `"1000 1000 | 940 950"` goes on with the present
hour and those after it. `-` is an hour in which nothing traded. Before the first one lies a month of quiet hours around it, in
which every check of the analysis passes; after the last one the market trades at the last price for three days.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

import numpy as np

from dg_bot.adapters.memory import MemoryJournal
from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.cycle import Cycle, Halt, RiskClearance, Situation
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.cycle_report import CycleReport, Mode
from dg_bot.domain.decision import Action, Advice, Decision
from dg_bot.domain.events import (
    AccountOpened,
    Answer,
    Closing,
    Event,
    IntentAnswered,
    IntentClosed,
    IntentPlanned,
    IntentSending,
    Record,
    SafeModeEntered,
    TransferDeclared,
)
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import MINIMUM_NOTIONAL_KRW, Market
from dg_bot.domain.money import ZERO, plain
from dg_bot.domain.order import Fill, Role, Side
from dg_bot.domain.portfolio import Balance, Position, ProtectionPlan
from dg_bot.domain.screen import ScreenMode, ScreenResult
from dg_bot.execution.planner import PlannerLimits
from dg_bot.indicators.bars import Bars
from dg_bot.pipeline.account import Account
from dg_bot.pipeline.account_keeping import AccountKeeper
from dg_bot.pipeline.analysis_stage import AnalysisSettings, AnalysisStage
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.candle_collection import CandleCollector
from dg_bot.pipeline.challengers import Challengers
from dg_bot.pipeline.data_limits import DataLimits
from dg_bot.pipeline.data_stage import DataCollectionStage
from dg_bot.pipeline.execution_stage import ExecutionStage
from dg_bot.pipeline.guard import Guard, GuardReport
from dg_bot.pipeline.news_desk import NewsDesk
from dg_bot.pipeline.operator_hands import OperatorHands
from dg_bot.pipeline.order_desk import OrderDesk
from dg_bot.pipeline.order_sending import OrderSender
from dg_bot.pipeline.order_settlement import OrderSettlement
from dg_bot.pipeline.reconcile import Reconciler
from dg_bot.pipeline.risk_stage import RiskCheckStage
from dg_bot.pipeline.seller import Seller
from dg_bot.pipeline.state_summary import StateSummarizer
from dg_bot.pipeline.trading_pipeline import TradingPipeline
from dg_bot.ports import Approver, DecisionModel, Journal, LanguageModel, NewsFeed
from dg_bot.remembered import Remembered
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import RiskManager
from dg_bot.risk.state import RiskState
from dg_bot.simulator.ledger import Ledger, LedgerOrder, OrderState, Ticket, TicketKind
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue
from dg_bot.strategies.base import BarExits, Signals
from dg_bot.strategies.parameters import Parameters
from dg_bot.strategies.sma_cross import SmaCrossParameters
from tests.in_process_upbit import InProcessUpbit
from tests.memory_archive import MemoryCandleArchive
from tests.scenario.faulty_upbit import FaultyUpbit

BTC, ETH, XRP = Market("KRW-BTC"), Market("KRW-ETH"), Market("KRW-XRP")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAMESPACE = "test"
# The quiet month has no trend and no volume to speak of.
LENIENT = ValidatorLimits(minimum_adx=0.0, maximum_buy_rsi=100.0, minimum_sell_rsi=0.0)
_QUIET_HOURS = 800
_STEADY_HOURS = 72
_FEE = Decimal("0.0005")


class VirtualClock:
    """Exchange time that moves only when slept on or stepped."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.skew = 0.0
        self.slept: list[float] = []
        self._started = at

    def now(self) -> datetime:
        return self.at

    def skew_s(self) -> float:
        return self.skew

    def monotonic_s(self) -> float:
        return (self.at - self._started).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


@dataclass
class Opinion:
    """A decision model that says what a test tells it to, and a strategy and a screen to go with it."""

    says: str = "hold"
    confidence: float = 0.9
    asked: int = 0
    trend_strength: float = 30.0
    stop_distance: float = 0.0
    bar_exits: BarExits = field(default_factory=BarExits)
    parameters: Parameters = field(default_factory=SmaCrossParameters)
    screen_gates_pass: bool = True
    name: str = "opinion"
    warm_up: int = 1
    error: Exception | None = None
    reason: str | None = None
    on_asked: Callable[[], None] = lambda: None

    def decide(self, situation: Situation) -> Advice:
        self.asked += 1
        self.on_asked()
        if self.error is not None:
            raise self.error
        reason = self.reason or f"told to {self.says}"
        return Advice(decision=Decision(action=Action(self.says), confidence=self.confidence, source=self.name, reason=reason))

    def signals(self, bars: Bars) -> Signals:
        none, flat = np.zeros(len(bars), dtype=np.bool_), np.zeros(len(bars))
        return Signals(
            entry=none,
            exit=none,
            confidence=flat,
            gates=(),
            stop_distance=flat + self.stop_distance,
            target_distance=flat,
            trend_strength=flat + self.trend_strength,
        )

    def evaluate(self, strategy_bars: CandleSeries, now: datetime, *, hourly: CandleSeries) -> ScreenResult:
        return ScreenResult(
            evaluated_at=now,
            days=730.0,
            round_trips=40,
            total_return=0.3,
            win_rate=0.6,
            profit_factor=2.0,
            payoff=2.0,
            sharpe=1.5,
            max_drawdown=0.1,
            gates=(Gate("total_return", 0.3, 0.03, self.screen_gates_pass),),
        )


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What differs between two test bots."""

    markets: tuple[Market, ...]
    limits: RiskLimits
    timeframe: Timeframe = HOUR
    data: DataLimits = field(default_factory=lambda: DataLimits(history=timedelta(hours=_QUIET_HOURS)))
    planner: PlannerLimits = field(default_factory=PlannerLimits)
    screen_mode: ScreenMode = ScreenMode.BLOCK
    allow_warned_markets: bool = False
    model: DecisionModel | None = None
    approver: Approver | None = None
    challengers: Sequence[DecisionModel] = ()
    validator: ValidatorLimits = LENIENT
    feeds: tuple[NewsFeed, ...] = ()
    judge: Callable[[Books], LanguageModel] | None = None


class SeamedJournal:
    """A journal whose appends go through the same seam as the calls of the venue, so that a bot can die at each of them."""

    def __init__(self, inner: Journal, upbit: FaultyUpbit) -> None:
        self._inner = inner
        self._upbit = upbit

    def append(self, event: Event) -> Record:
        written: Record = self._upbit.around(f"append {type(event).__name__}", lambda: self._inner.append(event))
        return written

    def records(self, after: int = 0) -> Iterator[Record]:
        return self._inner.records(after)

    def __len__(self) -> int:
        return len(self._inner)

    def snapshot(self) -> Remembered | None:
        return self._inner.snapshot()

    def compact(self, remembered: Remembered) -> None:
        self._upbit.around("compact", lambda: self._inner.compact(remembered))


class PaperBot:
    """A wired bot and its world; `restart` throws the bot away and makes it again from the journal that is left."""

    def __init__(self, setup: Setup, venue: Venue, clock: VirtualClock, journal: MemoryJournal) -> None:
        self.setup = setup
        self.venue = venue
        self.clock = clock
        self.memory: Journal = journal
        self.upbit = FaultyUpbit(InProcessUpbit(venue))
        self.journal: Journal = SeamedJournal(journal, self.upbit)
        self.archive = MemoryCandleArchive()
        self.opinion = Opinion()
        self.undeclared: dict[str, Decimal] = {}
        self.reports: list[CycleReport] = []
        self._wire()

    def restart(self) -> None:
        """Begin a new process: everything is rebuilt from the journal, and start-up runs."""
        self._wire()
        self.start_up()

    def rewire(self) -> None:
        """Begin a new process without its start-up."""
        self._wire()

    def start_up(self) -> GuardReport:
        self.reconciler.open_account()
        return self.guard.tick()

    def run_cycle(self, market: Market = BTC) -> CycleReport:
        """Read the news, and run the cycle of this hour."""
        if self.news is not None:
            self.news.gather()
        report = self.pipeline.run_cycle(Cycle(market=market, opened_at=HOUR.floor(self.clock.now())))
        self.reports.append(report)
        return report

    def next_hour(self, hours: int = 1) -> None:
        """Go to five seconds after the full hour."""
        self.clock.at = HOUR.floor(self.clock.at) + timedelta(hours=hours, seconds=5)

    def wait(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def account_only(self) -> None:
        """Let stage 1 look at the account and record what it sees, without selling anything."""
        self.clearance()

    def clearance(self, market: Market = BTC) -> RiskClearance | Halt:
        """Ask stage 1 alone."""
        return self.risk_stage.run(Cycle(market=market, opened_at=HOUR.floor(self.clock.now())))

    @property
    def state(self) -> RiskState:
        return self.books.state

    def position(self, market: Market = BTC) -> Position | None:
        return self.state.positions.get(market)

    def placed(self) -> list[str]:
        """Give the bot's orders that the venue holds, oldest first: `buy KRW-BTC 1000000`, `sell KRW-BTC 0.5`."""
        return [_words(order) for order in self.our_orders()]

    def our_orders(self) -> list[LedgerOrder]:
        orders = self.venue.ledger.orders(None, frozenset(OrderState))
        return [order for order in orders if (order.identifier or "").startswith(f"{NAMESPACE}.")]

    def events(self, kind: type[Event]) -> list[Event]:
        return [record.event for record in self.memory.records() if isinstance(record.event, kind)]

    def alarms(self) -> list[str]:
        return sorted(self.state.alarms)

    def declare(self, currency: str, amount: str, *, of_position: bool = False) -> None:
        """Do what the operator does to explain a balance."""
        moved = TransferDeclared(currency=currency, amount=Decimal(amount), note="test", of_position=of_position)
        self.books.record(moved)
        self.undeclared[currency] = self.undeclared.get(currency, ZERO) - Decimal(amount)

    def deposit(self, currency: str, amount: str) -> None:
        """Move money at the venue behind the bot's back; negative to take it out."""
        value = Decimal(amount)
        (self.venue.ledger.deposit if value > 0 else self.venue.ledger.withdraw)(currency, abs(value))
        self.undeclared[currency] = self.undeclared.get(currency, ZERO) + value

    def foreign_order(self, market: Market, side: Side, *, volume: str, price: str) -> LedgerOrder:
        """Place a limit order of the owner's own, without an identifier."""
        ticket = Ticket(market=market, side=side, kind=TicketKind.LIMIT, price=Decimal(price), volume=Decimal(volume))
        return self.venue.place(ticket)

    def _wire(self) -> None:
        setup, clock, upbit = self.setup, self.clock, self.upbit
        self.books = Books(journal=self.journal, clock=clock, on_record=lambda _record: None)
        risk = RiskManager(limits=setup.limits, markets=setup.markets)
        account = Account(books=self.books, exchange=upbit, market_data=upbit, clock=clock, markets=setup.markets)
        keeper = AccountKeeper(books=self.books, risk=risk, account=account)
        sender = OrderSender(books=self.books, exchange=upbit, clock=clock, on_acknowledged=lambda _seconds: None)
        settlement = OrderSettlement(books=self.books, exchange=upbit, risk=risk, clock=clock, sender=sender)
        self.desk = OrderDesk(books=self.books, risk=risk, clock=clock, namespace=NAMESPACE, sender=sender, settlement=settlement)
        self.reconciler = Reconciler(
            books=self.books,
            exchange=upbit,
            settlement=settlement,
            clock=clock,
            markets=setup.markets,
            namespace=NAMESPACE,
        )
        risk_stage = self.risk_stage = RiskCheckStage(
            books=self.books,
            account=account,
            keeper=keeper,
            reconciler=self.reconciler,
            risk=risk,
            clock=clock,
            bar_exits=self.opinion.bar_exits,
            timeframe=setup.timeframe,
        )
        seller = Seller(
            books=self.books,
            exchange=upbit,
            market_data=upbit,
            risk=risk,
            desk=self.desk,
            clock=clock,
            limits=setup.planner,
        )
        self.account = account
        self.hands = OperatorHands(
            books=self.books, account=account, reconciler=self.reconciler, seller=seller, desk=self.desk, clock=clock
        )
        self.news = self._news_desk() if setup.feeds else None
        self.pipeline = TradingPipeline(
            risk=risk_stage,
            data=DataCollectionStage(
                market_data=upbit,
                exchange=upbit,
                collector=CandleCollector(market_data=upbit, archive=self.archive, on_progress=lambda _market, _done, _of: None),
                clock=clock,
                timeframe=setup.timeframe,
                reference=BTC,
                limits=setup.data,
                allow_warned_markets=setup.allow_warned_markets,
                on_candles=lambda _count: None,
                news=self.news,
            ),
            analysis=AnalysisStage(
                strategy=self.opinion,
                screen=self.opinion,
                model=setup.model or self.opinion,
                limits=setup.limits,
                settings=AnalysisSettings(screen_mode=setup.screen_mode, minimum_confidence=0.7, validator=setup.validator),
            ),
            execution=ExecutionStage(
                books=self.books,
                risk_stage=risk_stage,
                risk=risk,
                desk=self.desk,
                seller=seller,
                market_data=upbit,
                clock=clock,
                limits=setup.planner,
                approver=setup.approver,
            ),
            books=self.books,
            summarizer=StateSummarizer(books=self.books, account=account, risk=risk, market_data=upbit, clock=clock),
            clock=clock,
            mode=Mode.PAPER,
            challengers=Challengers(setup.challengers, clock=clock, budget_s=20.0) if setup.challengers else None,
        )
        self.guard = Guard(
            books=self.books,
            account=account,
            keeper=keeper,
            reconciler=self.reconciler,
            risk=risk,
            seller=seller,
            desk=self.desk,
            clock=clock,
        )

    def _news_desk(self) -> NewsDesk:
        judge = self.setup.judge
        return NewsDesk(
            feeds=self.setup.feeds,
            judge=None if judge is None else judge(self.books),
            books=self.books,
            clock=self.clock,
            on_reading=lambda _source, _outcome: None,
            on_judged=lambda _kind: None,
        )


def paper_bot(
    candles: str | Mapping[Market, str] = "1000 1000",
    *,
    holding: str | Mapping[Market, str] = "",
    says: str = "hold",
    krw: str = "10000000",
    foreign: Mapping[str, str] | None = None,
    safe_mode: bool = False,
    protection: ProtectionPlan | None = None,
    held_hours: float = 30.0,
    depth_krw: str = "30000000",
    levels: int = 30,
    at: datetime = NOON + timedelta(seconds=5),
    limits: RiskLimits | None = None,
    markets: Sequence[Market] | None = None,
    **settings: object,
) -> PaperBot:
    """Build a bot that has started; `holding` is `"100 @ 1000"`, bought `held_hours` ago out of `krw`, fee included.

    `foreign` is what the account held at the first start beside won. Further settings are those of Setup.
    """
    by_market = {BTC: candles} if isinstance(candles, str) else dict(candles)
    held = {BTC: holding} if isinstance(holding, str) else dict(holding)
    clock = VirtualClock(at)
    ledger = Ledger(krw=Decimal(krw))
    for currency, amount in (foreign or {}).items():
        ledger.deposit(currency, Decimal(amount))
    tapes = {market: _tape(market, text, HOUR.floor(at)) for market, text in by_market.items()}
    venue = Venue(ledger=ledger, tapes=tapes, now=clock.now, depth_krw=Decimal(depth_krw), levels=levels)
    journal = MemoryJournal(clock.now)
    clock.at = at - timedelta(hours=held_hours)
    journal.append(AccountOpened(balances=tuple(Balance(one.currency, one.balance, one.locked) for one in ledger.accounts())))
    for market, words in held.items():
        if words:
            _buy_earlier(journal, ledger, market, words, clock.now(), protection or _PROTECTION)
    clock.at = at
    if safe_mode:
        journal.append(SafeModeEntered(reason="told to"))
    setup = Setup(
        markets=tuple(markets or by_market),
        limits=limits or RiskLimits(),
        **settings,  # type: ignore[arg-type]
    )
    bot = PaperBot(setup, venue, clock, journal)
    bot.opinion.says = says
    for market, tape in tapes.items():
        bot.archive.add(market, HOUR, _before(tape, HOUR.floor(at) - timedelta(hours=60)))
    BUILT.append(bot)
    return bot


BUILT: list[PaperBot] = []
"""The bots of the running test, for the checks after it."""

_PROTECTION = ProtectionPlan(stop_fraction=Decimal("0.05"), target_fraction=Decimal("0.10"), trend_strength=30.0)


def protection(**levels: str) -> ProtectionPlan:
    """Write a protection in decimals: `protection(stage_fraction="0.05")`."""
    decimals = {name: Decimal(value) for name, value in levels.items()}
    return replace(_PROTECTION, **decimals)  # type: ignore[arg-type]


def _buy_earlier(journal: MemoryJournal, ledger: Ledger, market: Market, words: str, at: datetime, plan: ProtectionPlan) -> None:
    quantity, cost = (Decimal(word) for word in words.split(" @ "))
    hour = HOUR.floor(at)
    identifier = f"{NAMESPACE}.{market}.{hour:%Y%m%dT%H}.entry.0.0"
    funds = quantity * cost / (1 + _FEE)
    funds = funds.quantize(Decimal("0.00000001"))
    fee = quantity * cost - funds
    ledger.withdraw("KRW", funds + fee)
    ledger.deposit(market.base, quantity)
    fill = Fill(trade_id=f"earlier-{market}", price=funds / quantity, quantity=quantity, funds_krw=funds, at=at)
    events = (
        IntentPlanned(
            identifier=identifier,
            market=market,
            cycle_id=f"{market}/{hour:%Y-%m-%dT%H}",
            role=Role.ENTRY,
            leg=0,
            attempt=0,
            side=Side.BUY,
            notional_krw=funds,
            quantity=None,
            reference_krw=cost,
            minimum_notional_krw=MINIMUM_NOTIONAL_KRW,
            reason="earlier",
            decision_digest="0",
            protection=plan,
        ),
        IntentSending(identifier=identifier),
        IntentAnswered(identifier=identifier, answer=Answer.ACCEPTED, venue_id="earlier"),
        IntentClosed(
            identifier=identifier,
            closing=Closing.EXECUTED,
            executed_quantity=quantity,
            funds_krw=funds,
            paid_fee_krw=fee,
            fills=(fill,),
        ),
    )
    for event in events:
        journal.append(event)


def _tape(market: Market, text: str, now: datetime) -> Tape:
    past, _, future = text.partition("|")
    closed, coming = past.split(), future.split()
    first = Decimal(next(word for word in closed if word != "-"))
    start = now - timedelta(hours=len(closed))
    candles = list(_quiet(first, start))
    words = [*closed, *coming]
    last = next(word for word in reversed(words) if word != "-")
    for place, word in enumerate([*words, *[last] * _STEADY_HOURS]):
        if word != "-":
            price = Decimal(word)
            opened = start + timedelta(hours=place)
            candles.append(Candle(opened_at=opened, open=price, high=price, low=price, close=price, volume=Decimal(3600)))
    return Tape.of(market, HOUR, candles)


@cache
def _quiet(price: Decimal, end: datetime) -> tuple[Candle, ...]:
    """Make the hours before `end`: a hum a little below `price` that dies down, so that nothing is a new high or a wild day."""
    candles = []
    for back in range(_QUIET_HOURS, 0, -1):
        sign = 1 if back % 2 else -1
        swing = (Decimal("0.002") + Decimal("0.000005") * back) * sign
        close = (price * (Decimal("0.99") + swing)).quantize(Decimal("0.00000001"))
        opened = end - timedelta(hours=back)
        candles.append(Candle(opened_at=opened, open=close, high=close, low=close, close=close, volume=Decimal(3600)))
    return tuple(candles)


def _before(tape: Tape, end: datetime) -> list[Candle]:
    return [candle for candle in tape._candles if candle.opened_at < end]


def _words(order: LedgerOrder) -> str:
    amount = order.price if order.side is Side.BUY else order.volume
    return f"{order.side} {order.market} {plain(amount or ZERO)}"


def assert_invariants(bot: PaperBot) -> None:
    """Hold journal and books against the venue's own truth."""
    _assert_one_order_a_leg(bot)
    _assert_fills_agree(bot)
    _assert_balances_agree(bot)
    _assert_one_reason_a_cycle(bot)
    rebuilt = Books(journal=bot.memory, clock=bot.clock, on_record=lambda _record: None)
    assert rebuilt.state == bot.books.state or bot.books.state.sequence < rebuilt.state.sequence
    for position in rebuilt.state.positions.values():
        assert position.quantity <= rebuilt.state.expected_total(position.market.base)


def _assert_one_reason_a_cycle(bot: PaperBot) -> None:
    """A cycle without an order says why in the words of one gate that failed, if its stage stopped it by a gate."""
    for report in bot.books.last_reports:
        gate = report.stopping_gate
        assert gate is None or gate.words == report.reason, report.reason


def _assert_one_order_a_leg(bot: PaperBot) -> None:
    """I1, I2: one order a leg, and none without an intent that was durable before it."""
    orders = bot.our_orders()
    legs = [order.identifier.rsplit(".", 1)[0] for order in orders if order.identifier]
    assert len(legs) == len(set(legs)), f"more than one order for a leg: {legs}"
    sent: dict[str, Record] = {}
    for record in bot.memory.records():
        if isinstance(record.event, IntentSending):
            sent.setdefault(record.event.identifier, record)
    for order in orders:
        assert order.identifier in sent, f"{order.identifier} was never durable"
        assert sent[order.identifier].at <= order.created_at


def _assert_fills_agree(bot: PaperBot) -> None:
    """I4: what was booked is what was executed, exactly."""
    by_identifier = {order.identifier: order for order in bot.our_orders()}
    for event in bot.events(IntentClosed):
        assert isinstance(event, IntentClosed)
        order = by_identifier.get(event.identifier)
        if order is None:
            assert event.executed_quantity == ZERO or event.fills[0].trade_id.startswith("earlier")
            continue
        expected = (order.executed_volume, order.executed_funds, order.paid_fee, tuple(trade.uuid for trade in order.trades))
        booked = (event.executed_quantity, event.funds_krw, event.paid_fee_krw, tuple(fill.trade_id for fill in event.fills))
        assert expected == booked, event.identifier


def _assert_balances_agree(bot: PaperBot) -> None:
    """I5, I6: what the books expect is what is there, but for what the owner moved and has not declared."""
    books = Books(journal=bot.memory, clock=bot.clock, on_record=lambda _record: None)
    state = books.state
    open_orders = [order for order in bot.our_orders() if order.identifier in state.open_plans]
    unsettled = {order.market.base for order in open_orders} | ({"KRW"} if open_orders else set())
    for currency in ({"KRW"} | {market.base for market in bot.setup.markets}) - unsettled:
        expected = state.expected_total(currency) + bot.undeclared.get(currency, ZERO)
        assert expected == bot.venue.ledger.account(currency).total, currency
