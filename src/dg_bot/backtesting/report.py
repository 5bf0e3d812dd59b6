"""A backtest as data for other programs: one JSON object, or its round trips as CSV."""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import StringIO

from dg_bot.backtesting.backtest import Backtest
from dg_bot.backtesting.performance import RoundTrip
from dg_bot.domain.calendar import from_epoch
from dg_bot.risk.exit_rules import ExitReason

SCHEMA_VERSION = 1
_COLUMNS = (
    "entered_at", "exited_at", "market", "side", "entry_price", "exit_price",
    "quantity", "pnl", "pnl_fraction", "bars_held", "held_s", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What it takes to make a report again: where the candles came from, the program's version, and the command."""

    source: str
    version: str
    command: str


def json_report(backtest: Backtest, provenance: Provenance) -> str:
    """Write everything as one JSON object; fractions are fractions, times ISO 8601 in UTC, equity starts at 1.0."""
    return json.dumps(report_object(backtest, provenance), allow_nan=False, indent=2)


def report_object(backtest: Backtest, provenance: Provenance) -> Mapping[str, object]:
    """Give what the JSON report says, as JSON's own kinds of values."""
    figures = asdict(backtest.performance)
    fall = figures.pop("drawdown")
    return {
        "schema_version": SCHEMA_VERSION,
        "market": str(backtest.market),
        "strategy": backtest.strategy,
        "timeframe": str(backtest.timeframe),
        "first_bar": _time(backtest.curve.opened_at),
        "end": _time(backtest.curve.ends_at),
        "bars": backtest.bars,
        "missing_bars": backtest.missing_bars,
        "candles_sha256": backtest.candles_sha256,
        **asdict(provenance),
        "parameters": asdict(backtest.parameters),
        "rules": asdict(backtest.rules),
        "performance": {**figures, "max_drawdown": fall["deepest"], "max_drawdown_days": fall["longest_days"]},
        "buy_and_hold": backtest.buy_and_hold.total_return,
        "trades": asdict(backtest.trades),
        "months": [{"month": f"{month.year}-{month.month:02d}", "return": month.fraction} for month in backtest.months],
        "round_trips": [_trip(backtest, trip) for trip in backtest.round_trips],
    }


def csv_report(backtest: Backtest) -> str:
    """Write the round trips, one a row, under a header."""
    text = StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_trip(backtest, trip) for trip in backtest.round_trips)
    return text.getvalue()


def exit_word(reason: ExitReason) -> str:
    """Name what ended a round trip; without a reason of risk it was the strategy's own signal."""
    return "signal" if reason is ExitReason.NONE else reason.word


def _trip(backtest: Backtest, trip: RoundTrip) -> Mapping[str, object]:
    return {
        "entered_at": _time(trip.entered_at),
        "exited_at": _time(trip.exited_at),
        "market": str(backtest.market),
        "side": "long",
        "entry_price": trip.entry_price,
        "exit_price": trip.exit_price,
        "quantity": trip.quantity,
        "pnl": trip.pnl,
        "pnl_fraction": trip.pnl_fraction,
        "bars_held": trip.bars_held,
        "held_s": trip.held_s,
        "reason": exit_word(trip.reason),
    }


def _time(second: int) -> str:
    return f"{from_epoch(second):%Y-%m-%dT%H:%M:%SZ}"
