"""A backtest as data for other programs: one JSON object, or its round trips as CSV."""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict
from io import StringIO

from dg_bot.backtesting.backtest import Backtest
from dg_bot.backtesting.performance import RoundTrip
from dg_bot.domain.calendar import from_epoch
from dg_bot.risk.exit_rules import ExitReason

SCHEMA_VERSION = 1
_COLUMNS = (
    "entered_at", "exited_at", "market", "side", "entry_price", "exit_price",
    "quantity", "pnl", "pnl_fraction", "bars_held", "reason",
)  # fmt: skip


def json_report(backtest: Backtest) -> str:
    """Write everything as one JSON object; fractions are fractions, times ISO 8601 in UTC, equity starts at 1.0."""
    figures = asdict(backtest.performance)
    fall = figures.pop("drawdown")
    content = {
        "schema_version": SCHEMA_VERSION,
        "market": str(backtest.market),
        "strategy": backtest.strategy,
        "timeframe": str(backtest.timeframe),
        "first_bar": _time(backtest.curve.opened_at),
        "end": _time(backtest.curve.closed_at[-1]),
        "bars": backtest.bars,
        "missing_bars": backtest.missing_bars,
        "rules": asdict(backtest.rules),
        "performance": {**figures, "max_drawdown": fall["deepest"], "max_drawdown_days": fall["longest_days"]},
        "buy_and_hold": backtest.buy_and_hold,
        "trades": asdict(backtest.trades),
        "months": [{"month": f"{month.year}-{month.month:02d}", "return": month.fraction} for month in backtest.months],
        "round_trips": [_trip(backtest, trip) for trip in backtest.round_trips],
    }
    return json.dumps(content, allow_nan=False, indent=2)


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
        "reason": exit_word(trip.reason),
    }


def _time(second: int) -> str:
    return f"{from_epoch(second):%Y-%m-%dT%H:%M:%SZ}"
