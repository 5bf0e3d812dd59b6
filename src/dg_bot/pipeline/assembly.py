"""Put the stages together: one account's pipeline and guard over its ports, the same for every mode and for a replay."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dg_bot.capsule import CarriedOver
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.market import Market
from dg_bot.execution.planner import PlannerLimits
from dg_bot.pipeline.account import Account
from dg_bot.pipeline.account_keeping import AccountKeeper
from dg_bot.pipeline.analysis_stage import AnalysisStage
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.candle_collection import BarMaker, CandleSource, closed_bars
from dg_bot.pipeline.challengers import Challengers
from dg_bot.pipeline.data_limits import DataLimits
from dg_bot.pipeline.data_stage import DataCollectionStage
from dg_bot.pipeline.execution_stage import ExecutionStage
from dg_bot.pipeline.guard import Guard
from dg_bot.pipeline.operator_hands import OperatorHands
from dg_bot.pipeline.order_desk import OrderDesk
from dg_bot.pipeline.order_sending import OrderSender
from dg_bot.pipeline.order_settlement import OrderSettlement
from dg_bot.pipeline.reconcile import Reconciler
from dg_bot.pipeline.risk_stage import RiskCheckStage
from dg_bot.pipeline.seller import Seller
from dg_bot.pipeline.state_summary import StateSummarizer
from dg_bot.pipeline.trading_pipeline import TradingPipeline
from dg_bot.ports import Approver, Clock, DecisionModel, Exchange, MarketData, RecentNews
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import RiskManager
from dg_bot.strategies.base import BarExits


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingRules:
    """What is traded, and within which limits; `challenger_seconds` is what hearing all challengers of a cycle may take."""

    mode: Mode
    markets: tuple[Market, ...]
    reference: Market
    namespace: str
    timeframe: Timeframe
    bar_exits: BarExits
    limits: RiskLimits
    data: DataLimits
    allow_warned_markets: bool
    planner: PlannerLimits
    challenger_seconds: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingPorts:
    """The edges that trading touches; `prompt_data` and `exchange` ask as long as an exit can wait, and no longer."""

    clock: Clock
    market_data: MarketData
    prompt_data: MarketData
    exchange: Exchange
    candles: CandleSource
    on_candles: Callable[[int], None]
    on_acknowledged: Callable[[float], None]
    make_bars: BarMaker = closed_bars
    news: RecentNews | None = None
    approver: Approver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trading:
    """The parts that are used from outside; the pipeline and the guard share everything below them."""

    pipeline: TradingPipeline
    guard: Guard
    reconciler: Reconciler
    account: Account
    summarizer: StateSummarizer
    hands: OperatorHands


def assembled(
    books: Books,
    *,
    rules: TradingRules,
    ports: TradingPorts,
    analysis: AnalysisStage,
    challengers: Sequence[DecisionModel] = (),
    carried: CarriedOver | None = None,
) -> Trading:
    """Build the trading parts, each after those it stands on; cut up, this list would only hand a dozen values around.

    `challengers` are models that are only scored. `carried` is what an earlier process knew, where its cycle is computed again.
    """
    known = carried or CarriedOver()
    clock, prompt_data, exchange = ports.clock, ports.prompt_data, ports.exchange
    risk = RiskManager(limits=rules.limits, markets=rules.markets)
    account = Account(
        books=books,
        exchange=exchange,
        market_data=prompt_data,
        clock=clock,
        markets=rules.markets,
        known_differences=known.differences,
    )
    keeper = AccountKeeper(books=books, risk=risk, account=account)
    sender = OrderSender(books=books, exchange=exchange, clock=clock, on_acknowledged=ports.on_acknowledged)
    settlement = OrderSettlement(books=books, exchange=exchange, risk=risk, clock=clock, sender=sender)
    desk = OrderDesk(books=books, risk=risk, clock=clock, namespace=rules.namespace, sender=sender, settlement=settlement)
    reconciler = Reconciler(
        books=books,
        exchange=exchange,
        settlement=settlement,
        clock=clock,
        markets=rules.markets,
        namespace=rules.namespace,
    )
    risk_stage = RiskCheckStage(
        books=books,
        account=account,
        keeper=keeper,
        reconciler=reconciler,
        risk=risk,
        clock=clock,
        bar_exits=rules.bar_exits,
        timeframe=rules.timeframe,
    )
    seller = Seller(
        books=books, exchange=exchange, market_data=prompt_data, risk=risk, desk=desk, clock=clock, limits=rules.planner
    )
    summarizer = StateSummarizer(
        books=books, account=account, risk=risk, market_data=prompt_data, clock=clock, knows_dollar=known.knows_dollar
    )
    pipeline = TradingPipeline(
        risk=risk_stage,
        data=DataCollectionStage(
            market_data=ports.market_data,
            exchange=exchange,
            collector=ports.candles,
            clock=clock,
            timeframe=rules.timeframe,
            reference=rules.reference,
            limits=rules.data,
            allow_warned_markets=rules.allow_warned_markets,
            on_candles=ports.on_candles,
            make_bars=ports.make_bars,
            news=ports.news,
        ),
        analysis=analysis,
        execution=ExecutionStage(
            books=books,
            risk_stage=risk_stage,
            risk=risk,
            desk=desk,
            seller=seller,
            market_data=prompt_data,
            clock=clock,
            limits=rules.planner,
            approver=ports.approver,
        ),
        books=books,
        summarizer=summarizer,
        clock=clock,
        mode=rules.mode,
        challengers=Challengers(challengers, clock=clock, budget_s=rules.challenger_seconds) if challengers else None,
    )
    guard = Guard(
        books=books, account=account, keeper=keeper, reconciler=reconciler, risk=risk, seller=seller, desk=desk, clock=clock
    )
    hands = OperatorHands(books=books, account=account, reconciler=reconciler, seller=seller, desk=desk, clock=clock)
    return Trading(pipeline=pipeline, guard=guard, reconciler=reconciler, account=account, summarizer=summarizer, hands=hands)
