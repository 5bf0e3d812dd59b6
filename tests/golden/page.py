"""docs/golden-trades.md: round trips of every strategy worked out step by step, from the rows of the candle file."""

from collections.abc import Iterator
from pathlib import Path

from dg_bot.backtesting.report import exit_word
from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.gate import shown
from dg_bot.strategies.catalog import STRATEGY_NAMES
from tests.golden.cases import NAME, plain_bars, replayed, signals, told
from tests.golden.plain_trade import Bar, Worked, worked

PAGE = Path(__file__).resolve().parents[2] / "docs" / "golden-trades.md"
_HEAD = f"""# Trades worked out by hand

Round trips of each strategy on KRW-BTC in 2022 and 2023, on four-hour bars with the default parameters and risk limits. Every
number is plain arithmetic on the rows of `{NAME}.csv.gz`. `tests/golden` holds the kernel to it for every round trip of
the two years, `tests/equality` the pipeline to the kernel. `python -m tests.golden` prints this page.

- A buy is decided at a close and fills at the next open × 1.0002, rounded up to the price step of the time, 1,000 won.
- The cost of a coin is that price × 1.0005. The stop is cost × 0.95, the target cost × 1.10, or the strategy's own distance from
  the cost where that is nearer.
- A sale fills at its level, at an open beyond it, or at the open after the close that decided it, × 0.9998 and rounded down to
  the step. Of that × 0.9995 is received.
"""


def page() -> str:
    """Write the whole page."""
    parts = [_HEAD, _totals(), *(_section(strategy, decided) for strategy, decided in chosen())]
    return "\n".join(parts)


def chosen() -> list[tuple[str, int]]:
    """Choose the first round trip of each strategy, and of the default one the first of each kind of end."""
    found: list[tuple[str, int]] = []
    places = {bar.second: number for number, bar in enumerate(plain_bars())}
    for strategy in STRATEGY_NAMES:
        seen: set[str] = set()
        for trip in replayed(strategy).round_trips:
            word = exit_word(trip.reason)
            if word not in seen and (strategy == "volatility_breakout" or not seen):
                found.append((strategy, places[trip.entered_at] - 1))
            seen.add(word)
    return found


def _totals() -> str:
    rows = ["| strategy | round trips | return |", "|---|---|---|"]
    for strategy in STRATEGY_NAMES:
        history = replayed(strategy)
        rows.append(f"| {strategy} | {len(history.round_trips)} | {history.curve.equity[-1] - 1.0:+.4%} |")
    return "\n".join(rows) + "\n"


def _section(strategy: str, decided: int) -> str:
    bars, said = plain_bars(), told(strategy)
    trade = worked(bars, decided, said)
    assert trade is not None  # chosen from those that ended
    lines = [f"## {strategy}, {_time(bars[decided + 1])}", ""]
    lines.append(f"Decided at the close of {_row(bars[decided])}:")
    lines += ["", *(f"- {_gate(strategy, decided, number)}" for number in range(len(signals(strategy).gates)))]
    if said.stop_distance[decided] > 0:
        lines.append(f"- stop {said.stop_distance[decided]:,.2f} and target {said.target_distance[decided]:,.2f} from the cost")
    elif said.target_distance[decided] > 0:
        lines.append(f"- target {said.target_distance[decided]:,.2f} above the cost")
    lines += ["", *_steps(bars, trade), ""]
    return "\n".join(lines)


def _steps(bars: list[Bar], trade: Worked) -> Iterator[str]:
    opening, last = bars[trade.decided + 1].open, bars[trade.ended]
    yield f"1. Bought at the next open: {opening:,.0f} × 1.0002 = {opening * 1.0002:,.1f}, on the step {trade.entry_price:,.0f}."
    levels = f"Stop {trade.stop:,.1f}, target {trade.target:,.1f}."
    yield f"2. Cost with the fee: {trade.entry_price:,.0f} × 1.0005 = {trade.cost:,.1f}. {levels}"
    yield f"3. {_end(bars, trade)} ({trade.reason})."
    yield f"4. Sold at {_base(bars, trade):,.1f} × 0.9998, on the step {trade.exit_price:,.0f}; the last bar was {_row(last)}."
    yield f"5. Received {trade.exit_price:,.0f} × 0.9995 = {trade.received:,.1f}, which is {trade.gain:+.4%} of the cost."


def _end(bars: list[Bar], trade: Worked) -> str:
    bar, before = bars[trade.ended], bars[trade.ended - 1]
    held = f"After {trade.ended - trade.decided} bars"
    if trade.reason == "stop_loss":
        return f"{held} the low {bar.low:,.0f} was at or under the stop"
    if trade.reason == "take_profit":
        return f"{held} the high {bar.high:,.0f} was at or above the target"
    return f"The close before, {before.close:,.0f}, is {before.close / trade.cost - 1.0:+.4%} of the cost, and decided the sale"


def _base(bars: list[Bar], trade: Worked) -> float:
    """Give the price that slippage is taken from."""
    opening = bars[trade.ended].open
    if trade.reason == "stop_loss":
        return min(opening, trade.stop)
    return max(opening, trade.target) if trade.reason == "take_profit" else opening


def _gate(strategy: str, decided: int, number: int) -> str:
    gate = signals(strategy).gates[number].at(decided)
    return f"{gate.name}: {shown(gate.value)}, limit {shown(gate.limit)}"


def _row(bar: Bar) -> str:
    return f"{_time(bar)} (open {bar.open:,.0f}, high {bar.high:,.0f}, low {bar.low:,.0f}, close {bar.close:,.0f})"


def _time(bar: Bar) -> str:
    return f"{from_epoch(bar.second):%Y-%m-%d %H:%M}"
