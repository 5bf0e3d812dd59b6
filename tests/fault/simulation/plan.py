"""What goes wrong in one run, drawn from its seed: each seed switches on a few kinds of fault out of all."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """One way in which the world misbehaves; its value is its name on the command line and in a trace."""

    REQUEST_LOST = "request_lost"
    REPLY_LOST = "reply_lost"
    SERVER_ERROR = "server_error"
    LANDS_LATER = "lands_later"
    HIDDEN = "hidden"
    PARTIAL_FILL = "partial_fill"
    NO_FILL = "no_fill"
    REFUSED = "refused"
    OWNER_RACES = "owner_races"
    NOT_FOUND = "not_found"
    FILLS_LATE = "fills_late"
    FILLS_MISSING = "fills_missing"
    FILLS_TWICE = "fills_twice"
    STILL_OPEN = "still_open"
    UNKNOWN_STATE = "unknown_state"
    NONE_LISTED = "none_listed"
    FIND_FAILS = "find_fails"
    LIST_FAILS = "list_fails"
    BALANCES_FAIL = "balances_fail"
    PRICES_FAIL = "prices_fail"
    BOOK_FAILS = "book_fails"
    RULES_FAIL = "rules_fail"
    GARBLED = "garbled"
    OUTAGE = "outage"
    PACKET_LOSS = "packet_loss"
    RATE_LIMITED = "rate_limited"
    KEY_REFUSED = "key_refused"
    WRONG_PRICE = "wrong_price"
    STALE_BOOK = "stale_book"
    EMPTY_BOOK = "empty_book"
    CANDLES_FAIL = "candles_fail"
    CANDLES_GARBLED = "candles_garbled"
    CANDLES_LATE = "candles_late"
    DISK_FULL = "disk_full"
    DEATH_BEFORE = "death_before"
    DEATH_AFTER = "death_after"
    LONG_ABSENCE = "long_absence"
    CLOCK_JUMP = "clock_jump"
    CLOCK_SKEW = "clock_skew"
    SLOW_MODEL = "slow_model"
    INTERLEAVED = "interleaved"
    SECOND_CYCLE = "second_cycle"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    COINS_IN = "coins_in"
    COINS_OUT = "coins_out"
    FOREIGN_ORDER = "foreign_order"
    ROWS_DOWN = "rows_down"
    MESSAGES_DOWN = "messages_down"


PRIVATE_READS = ("balances", "rules", "find", "list_orders")
MARKET_READS = ("last_prices", "order_book", "candles", "notices", "tick_size")
READS = (*PRIVATE_READS, *MARKET_READS)
OPERATIONS: dict[Kind, tuple[str, ...]] = {
    Kind.REQUEST_LOST: ("submit",),
    Kind.REPLY_LOST: ("submit",),
    Kind.SERVER_ERROR: ("submit",),
    Kind.LANDS_LATER: ("submit",),
    Kind.HIDDEN: ("submit",),
    Kind.PARTIAL_FILL: ("submit",),
    Kind.NO_FILL: ("submit",),
    Kind.REFUSED: ("submit",),
    Kind.OWNER_RACES: ("submit",),
    Kind.NOT_FOUND: ("find",),
    Kind.FILLS_LATE: ("find",),
    Kind.FILLS_MISSING: ("find",),
    Kind.FILLS_TWICE: ("find",),
    Kind.STILL_OPEN: ("find",),
    Kind.UNKNOWN_STATE: ("find",),
    Kind.FIND_FAILS: ("find",),
    Kind.NONE_LISTED: ("list_orders",),
    Kind.LIST_FAILS: ("list_orders",),
    Kind.BALANCES_FAIL: ("balances",),
    Kind.PRICES_FAIL: ("last_prices",),
    Kind.BOOK_FAILS: ("order_book",),
    Kind.RULES_FAIL: ("rules",),
    Kind.GARBLED: READS,
    Kind.OUTAGE: ("submit", *READS),
    Kind.PACKET_LOSS: ("submit", *READS),
    Kind.RATE_LIMITED: ("submit", *READS),
    Kind.KEY_REFUSED: ("submit", *PRIVATE_READS),
    Kind.WRONG_PRICE: ("last_prices",),
    Kind.STALE_BOOK: ("order_book",),
    Kind.EMPTY_BOOK: ("order_book",),
    Kind.CANDLES_FAIL: ("candles",),
    Kind.CANDLES_GARBLED: ("candles",),
    Kind.CANDLES_LATE: ("candles",),
    Kind.DISK_FULL: ("append",),
}
"""The calls of a port at which a kind can happen; a kind that is not here happens to the world, hour by hour."""

HOURLY = frozenset(
    {
        Kind.CLOCK_JUMP,
        Kind.CLOCK_SKEW,
        Kind.DEPOSIT,
        Kind.WITHDRAWAL,
        Kind.COINS_IN,
        Kind.COINS_OUT,
        Kind.FOREIGN_ORDER,
        Kind.LONG_ABSENCE,
    }
)
_WHOLE = frozenset({Kind.OUTAGE, Kind.KEY_REFUSED, Kind.DISK_FULL, Kind.ROWS_DOWN, Kind.MESSAGES_DOWN})
_DEATHS = (Kind.DEATH_BEFORE, Kind.DEATH_AFTER)
# Messages take longer to write than everything else to happen: few seeds have a messenger at all.
_QUIET_MESSENGERS = 0.75
_ORDER_PATH = (Kind.REQUEST_LOST, Kind.REPLY_LOST, Kind.SERVER_ERROR, Kind.LANDS_LATER, Kind.HIDDEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A kind with its rate for each chance it gets, and the hours in which it happens; without windows it always may."""

    kind: Kind
    rate: float
    windows: tuple[tuple[int, int], ...] = ()

    def is_on(self, hour: int) -> bool:
        return not self.windows or any(start <= hour < end for start, end in self.windows)

    def __str__(self) -> str:
        when = ", ".join(f"{start}-{end}" for start, end in self.windows)
        return f"{self.kind} at {self.rate:g}" + (f" in hours {when}" if when else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """The faults of one run."""

    faults: tuple[Fault, ...]

    def only(self, kinds: Iterable[Kind]) -> "FaultPlan":
        """Give the plan with nothing but these kinds; what remains happens as it would have happened."""
        kept = frozenset(kinds)
        return FaultPlan(faults=tuple(fault for fault in self.faults if fault.kind in kept))

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(fault.kind for fault in self.faults)


def drawn_plan(seed: int, hours: int) -> FaultPlan:
    """Draw the faults of a seed."""
    dice = random.Random(f"{seed}:plan")
    share = dice.choice((0.0, 0.1, 0.25, 0.5))
    chosen = {kind for kind in Kind if dice.random() < share}
    if share:
        chosen |= {dice.choice(_ORDER_PATH), dice.choice(_DEATHS)}
    if dice.random() < _QUIET_MESSENGERS:
        chosen.discard(Kind.MESSAGES_DOWN)
    return FaultPlan(faults=tuple(_drawn(kind, hours, dice) for kind in Kind if kind in chosen))


def _drawn(kind: Kind, hours: int, dice: random.Random) -> Fault:
    if kind in _DEATHS:
        return dice.choice((Fault(kind=kind, rate=0.001), _in_bursts(Fault(kind=kind, rate=0.03), hours, dice)))
    if kind in HOURLY:
        return Fault(kind=kind, rate=dice.choice((0.005, 0.02)))
    if kind in _WHOLE:
        return _in_bursts(Fault(kind=kind, rate=1.0), hours, dice)
    if kind is Kind.PACKET_LOSS:
        start = dice.randrange(max(1, hours))
        return Fault(kind=kind, rate=0.3, windows=((start, start + 24),))
    if kind is Kind.WRONG_PRICE:
        return Fault(kind=kind, rate=dice.choice((0.001, 0.01)))
    mild = Fault(kind=kind, rate=dice.choice((0.01, 0.05, 0.2)))
    return dice.choice((mild, _in_bursts(Fault(kind=kind, rate=dice.choice((0.3, 0.7))), hours, dice)))


def _in_bursts(fault: Fault, hours: int, dice: random.Random) -> Fault:
    """Let a fault happen in bursts of some hours, or in one that lasts for days."""
    if dice.random() < 0.2:
        start = dice.randrange(max(1, hours))
        return replace(fault, windows=((start, start + dice.choice((24, 72))),))
    count = 1 + hours // 90
    starts = sorted(dice.randrange(max(1, hours)) for _ in range(count))
    return replace(fault, windows=tuple((start, start + dice.randrange(1, 7)) for start in starts))
