"""The charts of a backtest as plotly's own figures; colours are named by the page's variables, which differ by light and dark."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dg_bot.backtesting.backtest import Backtest
from dg_bot.backtesting.performance import EquityCurve, RoundTrip
from dg_bot.backtesting.report import exit_word
from dg_bot.indicators.bars import Floats
from dg_bot.operator.figures import signed_percent

# As many points as a wide screen has pixels; a line of more draws the same picture.
DRAWN = 2000
_BINS = 40

Chart = Mapping[str, object]


def charts(backtest: Backtest) -> Mapping[str, Chart]:
    """Give each chart by the name of its place on the page."""
    results = [trip.pnl_fraction for trip in backtest.round_trips]
    return {
        "price": _price(backtest),
        "equity": _equity(backtest),
        "drawdown": _drawdown(backtest.curve),
        **({"distribution": _distribution(results)} if results else {}),
    }


def drawn_places(values: Floats, most: int = DRAWN) -> NDArray[np.int64]:
    """Choose at most `most` places, rising: of each of equally long stretches the first, the lowest, the highest and the last.

    So no peak and no trough is lost. All places where there are no more than `most`.
    """
    if len(values) <= most:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), most // 4 + 1).astype(np.int64)
    places: set[int] = set()
    for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        stretch = values[first:end]
        places.update((first, first + int(stretch.argmin()), first + int(stretch.argmax()), end - 1))
    return np.array(sorted(places), dtype=np.int64)


def bins(values: Sequence[float]) -> tuple[Floats, NDArray[np.int64]]:
    """Count at least one value in about forty stretches of a round width, one edge at zero: edges `(n + 1,)`, counts `(n,)`."""
    low, high = min(0.0, *values), max(0.0, *values)
    rough = max((high - low) / _BINS, 1e-6)
    step = 10.0 ** math.floor(math.log10(rough))
    width = next(step * factor for factor in (1.0, 2.0, 5.0, 10.0) if step * factor >= rough)
    edges: Floats = np.arange(math.floor(low / width), math.floor(high / width) + 2, dtype=np.float64) * width
    counts, _ = np.histogram(values, edges)
    return edges, counts.astype(np.int64)


def _price(backtest: Backtest) -> Chart:
    closes = np.frombuffer(backtest.prices.close)
    places = drawn_places(closes)
    ends = backtest.curve.closed_at[places]
    winners = [trip for trip in backtest.round_trips if trip.pnl > 0.0]
    losers = [trip for trip in backtest.round_trips if trip.pnl <= 0.0]
    traces = [
        {**_line("close", ends, closes[places], "price", digits=8), "showlegend": False},
        _marks("bought", [(trip.entered_at, trip.entry_price, "") for trip in backtest.round_trips], "triangle-up", "accent"),
        _marks("sold at a gain", [_exit(trip) for trip in winners], "triangle-down", "gain"),
        _marks("sold at a loss", [_exit(trip) for trip in losers], "triangle-down", "loss"),
    ]
    return {"data": traces, "layout": {"xaxis": _whole(backtest.curve), "yaxis": {"tickformat": "~s"}}}


def _equity(backtest: Backtest) -> Chart:
    held, traded = backtest.buy_and_hold, backtest.curve
    traces = [
        _line("buy and hold", *_drawn(held, held.equity / held.opening), "price"),
        _line(backtest.strategy, *_drawn(traded, traded.equity / traded.opening), "accent", width=2),
    ]
    return {"data": traces, "layout": {"xaxis": _whole(traded), "yaxis": {"tickformat": ".3~r"}}}


def _drawdown(curve: EquityCurve) -> Chart:
    fall = curve.equity / np.maximum(np.maximum.accumulate(curve.equity), curve.opening) - 1.0
    line = {**_line("drawdown", *_drawn(curve, fall), "loss"), "fill": "tozeroy", "fillcolor": "var(--loss-soft)"}
    shown = [min(1.05 * float(fall.min()), -0.001), 0.0]
    return {"data": [line], "layout": {"xaxis": _whole(curve), "yaxis": {"tickformat": ".2~%", "range": shown}}}


def _distribution(results: Sequence[float]) -> Chart:
    edges, counts = bins(results)
    middles = (edges[:-1] + edges[1:]) / 2
    texts = [
        f"{signed_percent(low, 3)} to {signed_percent(high, 3)}: {count}"
        for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    ]
    bars = {
        "type": "bar",
        "name": "round trips",
        "x": _rounded(middles),
        "y": counts.tolist(),
        "width": float(edges[1] - edges[0]) * 0.94,
        "marker": {"color": ["var(--gain)" if middle > 0.0 else "var(--loss)" for middle in middles.tolist()]},
        "text": texts,
        "textposition": "none",
        "hoverinfo": "text",
    }
    return {"data": [bars], "layout": {"xaxis": {"type": "linear", "tickformat": "+.2~%"}, "yaxis": {"title": "round trips"}}}


def _whole(curve: EquityCurve) -> Chart:
    """Show all of the time, the same on each chart."""
    return {"range": [curve.opened_at * 1000, curve.ends_at * 1000]}


def _drawn(curve: EquityCurve, values: Floats) -> tuple[NDArray[np.int64], Floats]:
    places = drawn_places(values)
    return curve.closed_at[places], values[places]


def _line(name: str, seconds: NDArray[np.int64], values: Floats, colour: str, *, width: float = 1.2, digits: int = 6) -> Chart:
    line = {"color": f"var(--{colour})", "width": width}
    x, y = (seconds * 1000).tolist(), _rounded(values, digits)
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line}


def _marks(name: str, points: Sequence[tuple[int, float, str]], symbol: str, colour: str) -> Chart:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [second * 1000 for second, _, _ in points],
        "y": [price for _, price, _ in points],
        "text": [text for _, _, text in points],
        "marker": {"symbol": symbol, "size": 7, "color": f"var(--{colour})", "line": {"width": 1, "color": "var(--surface)"}},
    }


def _exit(trip: RoundTrip) -> tuple[int, float, str]:
    return trip.exited_at, trip.exit_price, f"{signed_percent(trip.pnl_fraction)} by {exit_word(trip.reason).replace('_', ' ')}"


def _rounded(values: Floats, digits: int = 6) -> list[float]:
    return [float(f"{value:.{digits}g}") for value in values.tolist()]
