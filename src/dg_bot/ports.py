"""Every port of the program; a docstring is the contract that each implementation is held to.

Reads raise ExchangeUnavailable (RateLimited among them), AuthenticationFailed or DataError, and nothing else.
Times are aware UTC.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from dg_bot.cycle import Situation
from dg_bot.domain.approval import Approval, EntryProposal
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.decision import Advice
from dg_bot.domain.events import Event, Record
from dg_bot.domain.language_model import ModelAnswer, ModelQuestion
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.news import FeedReading, NewsItem
from dg_bot.domain.order import VenueOrder
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.domain.screen import DriftlessPasses, ScreenResult
from dg_bot.domain.trials import Ranking, Trial, Values, Within
from dg_bot.remembered import Remembered
from dg_bot.risk.manager import RiskApproved


class Clock(Protocol):
    def now(self) -> datetime:
        """Give exchange time: local time plus the venue's offset."""
        ...

    def skew_s(self) -> float:
        """Give by how many seconds the venue is ahead of local time; negative where it is behind, 0.0 before it is measured."""
        ...

    def monotonic_s(self) -> float:
        """Give a time in seconds that never goes back, for durations and deadlines."""
        ...

    def sleep(self, seconds: float) -> None: ...


class MarketData(Protocol):
    def candles(self, market: Market, timeframe: Timeframe, before: datetime, count: int) -> list[Candle]:
        """Give up to `count` (at most 200) newest candles that open before `before`, in rising order.

        The last one may be unfinished; hours without a trade have no candle.
        """
        ...

    def order_book(self, market: Market) -> OrderBook: ...

    def last_prices(self, markets: Sequence[Market]) -> Mapping[Market, Decimal]:
        """Give the price in KRW of the last trade of each market; raises DataError when one is not listed."""
        ...

    def tick_size(self, market: Market, price_krw: Decimal) -> Decimal:
        """Give the venue's price step in KRW; where it does not tell, the published one at `price_krw` and this date."""
        ...

    def notices(self) -> Mapping[Market, MarketNotice]:
        """Give all listed KRW markets with the venue's flags on them."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue took the order."""

    venue_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The venue refused with a name that is definitive for this identifier's own first answer."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """The venue did not read the order, since it refuses the key; definitive as `Rejected` is, and true of the next order too."""

    name: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The venue has seen this identifier before: an order of that name may exist, and another can never be."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """No verdict: the order may exist, now or in a moment. `name` is the venue's, or what broke."""

    name: str


Submission = Accepted | Rejected | KeyRefused | Duplicate | Unclear


class Exchange(Protocol):
    def balances(self) -> Mapping[str, Balance]:
        """Give all balances by currency; currencies that are not held may be absent."""
        ...

    def rules(self, market: Market) -> MarketRules: ...

    def submit(self, approved: RiskApproved) -> Submission:
        """Send one order with exactly one request on the wire. Never raises for what the network or the venue does."""
        ...

    def find(self, identifier: str) -> VenueOrder | None:
        """Look an order up with its fills; None where the venue says that it knows no such order (yet)."""
        ...

    def list_orders(self, market: Market, since: datetime) -> Sequence[VenueOrder]:
        """List open orders and those closed since `since`, in any order, without their fills."""
        ...


class CandleArchive(Protocol):
    def load(self, market: Market, timeframe: Timeframe, start: datetime, end: datetime) -> CandleSeries:
        """Give the stored candles that open in [start, end); raises DataError naming file and row of a bad one."""
        ...

    def add(self, market: Market, timeframe: Timeframe, candles: Sequence[Candle]) -> None:
        """Store closed candles durably; one that is there already stays as it is."""
        ...

    def empty_ranges(self, market: Market, timeframe: Timeframe) -> Sequence[tuple[datetime, datetime]]:
        """Give the half-open ranges in which the venue was asked and had no candle."""
        ...

    def remember_empty(self, market: Market, timeframe: Timeframe, ranges: Sequence[tuple[datetime, datetime]]) -> None: ...


class DecisionModel(Protocol):
    @property
    def name(self) -> str: ...

    def decide(self, situation: Situation) -> Advice:
        """Choose BUY, SELL or HOLD for the market of the situation; raises DecisionError where there is no usable answer."""
        ...


class NewsFeed(Protocol):
    @property
    def source(self) -> str:
        """Whose news these are: the name of the server that the operator chose."""
        ...

    def read(self, deadline_s: float) -> FeedReading:
        """Give what the feed lists now, waiting no longer than `deadline_s`; never raises for what the other side does."""
        ...


class RecentNews(Protocol):
    def recent(self, now: datetime) -> tuple[NewsItem, ...]:
        """Give the news that became known in the 24 hours before `now`, oldest first, each with the score that it had by then."""
        ...


class LanguageModel(Protocol):
    def ask(self, question: ModelQuestion) -> ModelAnswer:
        """Give whatever comes of a question within the deadline; never raises for what the provider or the network does.

        An answer is USABLE only where the question's `judge` says so of its text. Raises StateError where what was asked could
        not be recorded.
        """
        ...


class Approver(Protocol):
    def ask(self, proposal: EntryProposal) -> Approval:
        """Ask for a word on an entry and wait for it; never raises. Anything but APPROVED means that nothing is bought."""
        ...


class StrategyScreen(Protocol):
    def evaluate(self, strategy_bars: CandleSeries, now: datetime, *, hourly: CandleSeries) -> ScreenResult:
        """Run the strategy over up to two years of closed bars and hold its figures against the thresholds.

        `hourly` are the hours that the bars are made of, for what can be seen in hours only.
        """
        ...


class LuckStore(Protocol):
    def load(self) -> Mapping[Market, DriftlessPasses]:
        """Give what was kept; nothing where it cannot be trusted, for then it is measured again."""
        ...

    def save(self, known: Mapping[Market, DriftlessPasses]) -> None:
        """Keep all figures in place of those before, durably; raises StateError."""
        ...


class Journal(Protocol):
    def append(self, event: Event) -> Record:
        """Write one event and return only when it is durable; raises StateError when it is not, and then holds nothing of it."""
        ...

    def records(self, after: int = 0) -> Iterator[Record]:
        """Give the records with a sequence above `after`, in order; raises StateError naming one that cannot be read."""
        ...

    def __len__(self) -> int:
        """Give the sequence of the last record; 0 before the first."""
        ...

    def snapshot(self) -> Remembered | None:
        """Give the newest snapshot that belongs to these records; None where a fold has to begin at the first one."""
        ...

    def compact(self, remembered: Remembered) -> None:
        """Where enough has come together, keep `remembered`, the fold of all records up to its own, and close what is before it.

        No record is thrown away, and appending goes on meanwhile. Raises StateError; what was kept before is kept then.
        """
        ...


class Notifier(Protocol):
    def send(self, text: str) -> None:
        """Deliver one message; raises StoreError when it could not be delivered."""
        ...


class TrialBook(Protocol):
    """The trials of one study, kept for good. Every method raises StoreError while the store is away."""

    def known(self, sets: Sequence[Values]) -> list[Trial | None]:
        """Give for each set its trial, None where it was not tried yet."""
        ...

    def add(self, trials: Sequence[Trial]) -> None:
        """Keep trials durably, all or none of them; one that is known already is left as it is."""
        ...

    def best(self, ranking: Ranking, limit: int) -> list[Trial]:
        """Give the best trials in order; what cannot be measured ranks last, and equal ones by their parameters."""
        ...

    def share_below(self, ranking: Ranking, value: float) -> float:
        """Give the part of the trials in question whose figure is below `value`; half of those that equal it count as below."""
        ...

    def each(self, within: Within) -> Iterator[Trial]:
        """Give the trials within, in the order of their parameters, without holding them in memory at once."""
        ...

    def tried_on_these_bars(self) -> int:
        """Count the sets that were ever tried of this strategy on these bars, under whatever rules and stretches."""
        ...
