"""A capsule: everything that one cycle saw and decided, enough to compute it again offline.

A cycle sees the world through its ports alone. What each of them answered, in order, together with what was remembered at the
start and the settings, is everything that its decision rests on; what it wrote into the journal is everything that it decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.language_model import ModelAnswer
from dg_bot.domain.market import Market
from dg_bot.domain.screen import Honesty
from dg_bot.errors import BotError
from dg_bot.remembered import Remembered

# Names of ports in capsules; they are read back years later, and do not follow the names of classes.
NOW, MONOTONIC, SKEW = "clock.now", "clock.monotonic", "clock.skew"
CANDLES, SCREEN_INPUT = "candles.collect", "screen.input"
BOOK, PRICES, TICK, NOTICES = "market.order_book", "market.last_prices", "market.tick_size", "market.notices"
BALANCES, RULES, SUBMIT, FIND, ORDERS = (
    "exchange.balances",
    "exchange.rules",
    "exchange.submit",
    "exchange.find",
    "exchange.list_orders",
)
CONSULTATION, CALIBRATION = "model.ask", "model.calibration"
# Who asks, where it is not the model that decides.
CHALLENGER = "challenger"
NEWS = "news.recent"
APPROVAL = "operator.approval"
OWN_RECORD, OTHER_RECORD = "journal.own", "journal.other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One answer of a port to a question `about` something; of `value` and `error` the one that came."""

    port: str
    about: str
    value: object = None
    error: BotError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardCandles:
    """What the collection of closed hours gave."""

    series: CandleSeries
    fetched: int
    is_final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardScreenInput:
    """From which hours the verdict of the screen was made, and when; `honesty` has what was known of trials and luck then."""

    evaluated_at: datetime
    hourly: CandleSeries
    honesty: Honesty | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardAnswer:
    """What a language model was asked, and its raw answer with its usage."""

    instructions: str
    data: str
    schema: str
    answer: ModelAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOver:
    """What a process knew from earlier cycles that is in no journal.

    `differences` are the unexplained balances that it had seen twice already; `knows_dollar` whether the venue lists KRW-USDT.
    """

    differences: Mapping[str, Decimal] = field(default_factory=dict)
    knows_dollar: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capsule:
    """One cycle on one market. `before` is what was remembered when it began, without the reports of other cycles.

    `program` names the versions that computed it, the hash of the sources among them; `settings` has no secrets in it.
    """

    cycle_id: str
    market: Market
    opened_at: datetime
    program: Mapping[str, str]
    settings: Mapping[str, str]
    before: Remembered
    carried: CarriedOver
    heard: tuple[Heard, ...]
