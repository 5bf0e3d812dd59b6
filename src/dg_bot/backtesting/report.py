"""A backtest as data for other programs: one JSON object, or its round trips as CSV."""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import StringIO

from dg_bot.backtesting.backtest import Backtest
from dg_bot.backtesting.performance import RoundTrip
from dg_bot.backtesting.worth import Worth
from dg_bot.domain.calendar import from_epoch, to_epoch
from dg_bot.domain.gate import Gate
from dg_bot.domain.screen import Honesty
from dg_bot.risk.exit_rules import ExitReason

SCHEMA_VERSION = 1
_COLUMNS = (
    "entered_at", "exited_at", "market", "side", "entry_price", "exit_price",
    "quantity", "pnl", "pnl_fraction", "bars_held", "held_s", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What it takes to make a report again: where the candles came from, the program's version, and the command.

    `is_simulated` says that the candles are of a made-up market.
    """

    source: str
    version: str
    command: str
    is_simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A backtest, what its figures are worth, and how it is made again."""

    backtest: Backtest
    worth: Worth
    provenance: Provenance


def json_report(report: Report) -> str:
    """Write everything as one JSON object; fractions are fractions, times ISO 8601 in UTC, amounts are in KRW.

    They are those of an equity that begins with `opening_equity`.
    """
    return json.dumps(report_object(report), allow_nan=False, indent=2)


def report_object(report: Report) -> Mapping[str, object]:
    """Give what the JSON report says, as JSON's own kinds of values."""
    backtest = report.backtest
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
        **asdict(report.provenance),
        "opening_equity": backtest.curve.opening,
        "parameters": asdict(backtest.parameters),
        "rules": asdict(backtest.rules),
        "performance": {**figures, "max_drawdown": fall["deepest"], "max_drawdown_days": fall["longest_days"]},
        "buy_and_hold": backtest.buy_and_hold.total_return,
        "trades": asdict(backtest.trades),
        "months": [{"month": f"{month.year}-{month.month:02d}", "return": month.fraction} for month in backtest.months],
        "honesty": _honesty(report.worth.honesty),
        "screen": [_gate(gate) for gate in report.worth.gates],
        "screened": None if report.worth.screened is None else asdict(report.worth.screened),
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


def _honesty(honesty: Honesty) -> Mapping[str, object]:
    content = asdict(honesty)
    if honesty.driftless is not None:
        measured_on = _time(to_epoch(honesty.driftless.measured_on))
        content["driftless"] = {**content["driftless"], "measured_on": measured_on, "fraction": honesty.driftless.fraction}
    return content


def _gate(gate: Gate) -> Mapping[str, object]:
    return {"name": gate.name, "value": gate.value, "limit": gate.limit, "passed": gate.passed}


def _time(second: int) -> str:
    return f"{from_epoch(second):%Y-%m-%dT%H:%M:%SZ}"
