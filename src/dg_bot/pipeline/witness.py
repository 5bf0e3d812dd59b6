"""Ports that tell a witness what they answer: while a cycle runs it writes down, in a replay it answers in their place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol, TypeVar

from dg_bot import capsule
from dg_bot.capsule import HeardAnswer, HeardCandles
from dg_bot.domain.approval import Approval, EntryProposal
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.events import Event, Record
from dg_bot.domain.language_model import ModelAnswer, ModelQuestion
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.news import NewsItem
from dg_bot.domain.order import MarketBuy, VenueOrder
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.pipeline.candle_collection import CandleSource, CollectedCandles
from dg_bot.ports import Approver, Clock, Exchange, Journal, LanguageModel, MarketData, RecentNews, Submission
from dg_bot.remembered import Remembered
from dg_bot.risk.manager import RiskApproved

T = TypeVar("T")


class Witness(Protocol):
    def answer(self, port: str, about: str, ask: Callable[[], T]) -> T:
        """Give the answer of a port: that of `ask`, or the recorded one; raises as the port does."""
        ...

    def keep(self, record: Record) -> None:
        """See a record that was made durable."""
        ...


class WitnessedClock:
    def __init__(self, clock: Clock, witness: Witness) -> None:
        self._clock = clock
        self._witness = witness

    def now(self) -> datetime:
        return self._witness.answer(capsule.NOW, "", self._clock.now)

    def skew_s(self) -> float:
        return self._witness.answer(capsule.SKEW, "", self._clock.skew_s)

    def monotonic_s(self) -> float:
        return self._witness.answer(capsule.MONOTONIC, "", self._clock.monotonic_s)

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class WitnessedMarketData:
    def __init__(self, market_data: MarketData, witness: Witness) -> None:
        self._market_data = market_data
        self._witness = witness

    def candles(self, market: Market, timeframe: Timeframe, before: datetime, count: int) -> list[Candle]:
        """Ask without a witness: cycles read candles through the archive."""
        return self._market_data.candles(market, timeframe, before, count)

    def order_book(self, market: Market) -> OrderBook:
        return self._witness.answer(capsule.BOOK, str(market), lambda: self._market_data.order_book(market))

    def last_prices(self, markets: Sequence[Market]) -> Mapping[Market, Decimal]:
        about = ",".join(map(str, markets))
        return self._witness.answer(capsule.PRICES, about, lambda: self._market_data.last_prices(markets))

    def tick_size(self, market: Market, price_krw: Decimal) -> Decimal:
        return self._witness.answer(capsule.TICK, str(market), lambda: self._market_data.tick_size(market, price_krw))

    def notices(self) -> Mapping[Market, MarketNotice]:
        return self._witness.answer(capsule.NOTICES, "", self._market_data.notices)


class WitnessedExchange:
    def __init__(self, exchange: Exchange, witness: Witness) -> None:
        self._exchange = exchange
        self._witness = witness

    def balances(self) -> Mapping[str, Balance]:
        return self._witness.answer(capsule.BALANCES, "", self._exchange.balances)

    def rules(self, market: Market) -> MarketRules:
        return self._witness.answer(capsule.RULES, str(market), lambda: self._exchange.rules(market))

    def submit(self, approved: RiskApproved) -> Submission:
        return self._witness.answer(capsule.SUBMIT, _order_words(approved), lambda: self._exchange.submit(approved))

    def find(self, identifier: str) -> VenueOrder | None:
        return self._witness.answer(capsule.FIND, identifier, lambda: self._exchange.find(identifier))

    def list_orders(self, market: Market, since: datetime) -> Sequence[VenueOrder]:
        return self._witness.answer(capsule.ORDERS, str(market), lambda: tuple(self._exchange.list_orders(market, since)))


class WitnessedCandles:
    def __init__(self, candles: CandleSource, witness: Witness) -> None:
        self._candles = candles
        self._witness = witness

    def collect(self, market: Market, timeframe: Timeframe, start: datetime, end: datetime) -> CollectedCandles:
        about = f"{market} {timeframe}"
        heard = self._witness.answer(capsule.CANDLES, about, lambda: self._heard(market, timeframe, start, end))
        return CollectedCandles(series=heard.series, fetched=heard.fetched, is_final=heard.is_final)

    def _heard(self, market: Market, timeframe: Timeframe, start: datetime, end: datetime) -> HeardCandles:
        collected = self._candles.collect(market, timeframe, start, end)
        return HeardCandles(series=collected.series, fetched=collected.fetched, is_final=collected.is_final)


class WitnessedNews:
    def __init__(self, news: RecentNews, witness: Witness) -> None:
        self._news = news
        self._witness = witness

    def recent(self, now: datetime) -> tuple[NewsItem, ...]:
        return self._witness.answer(capsule.NEWS, "", lambda: self._news.recent(now))


class WitnessedApprover:
    def __init__(self, approver: Approver, witness: Witness) -> None:
        self._approver = approver
        self._witness = witness

    def ask(self, proposal: EntryProposal) -> Approval:
        return self._witness.answer(capsule.APPROVAL, proposal.cycle_id, lambda: self._approver.ask(proposal))


class WitnessedLanguageModel:
    def __init__(self, model: LanguageModel, witness: Witness, *, asker: str = "") -> None:
        """`asker` tells challengers' questions from the decision's own."""
        self._model = model
        self._witness = witness
        self._asker = asker

    def ask(self, question: ModelQuestion) -> ModelAnswer:
        about = asked_about(question, self._asker)
        return self._witness.answer(capsule.CONSULTATION, about, lambda: self._heard(question)).answer

    def _heard(self, question: ModelQuestion) -> HeardAnswer:
        answer = self._model.ask(question)
        return HeardAnswer(instructions=question.instructions, data=question.data, schema=question.schema, answer=answer)


class WitnessedJournal:
    def __init__(self, journal: Journal, witness: Witness) -> None:
        self._journal = journal
        self._witness = witness

    def append(self, event: Event) -> Record:
        record = self._journal.append(event)
        self._witness.keep(record)
        return record

    def records(self, after: int = 0) -> Iterator[Record]:
        return self._journal.records(after)

    def __len__(self) -> int:
        return len(self._journal)

    def snapshot(self) -> Remembered | None:
        return self._journal.snapshot()

    def compact(self, remembered: Remembered) -> None:
        self._journal.compact(remembered)


def asked_about(question: ModelQuestion, asker: str) -> str:
    """Name a question in a capsule."""
    return f"{asker} {question.purpose}".strip()


def _order_words(approved: RiskApproved) -> str:
    request = approved.request
    amount = request.notional_krw if isinstance(request, MarketBuy) else request.quantity
    return f"{approved.identifier} {request.side} {request.market} {amount}"
