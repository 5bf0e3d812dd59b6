"""A sweep as one page of HTML that needs nothing but itself: the map of its figures above, the report below."""

from html import escape
from io import StringIO
from string import Template

from rich.console import Console

from dg_bot.backtesting.heat_map import HeatMap
from dg_bot.operator.page_parts import asset, plotly_script, script_text
from dg_bot.operator.sweep_text import SweepResult, print_sweep


def sweep_page(result: SweepResult) -> str:
    """Write the whole page; whatever comes from outside is escaped."""
    study = result.study
    written = StringIO()
    print_sweep(result, Console(file=written, width=100, highlight=False))
    parts = {
        "title": escape(f"{study.strategy} {study.market} {study.timeframe}"),
        "objective": result.ranking.objective.value,
        "report": escape(written.getvalue()),
        "chart": script_text(None if result.map is None else _chart(result.map)),
        "style": asset("page.css"),
        "plotly": plotly_script(),
    }
    return Template(asset("sweep.html")).substitute(parts)


def _chart(chart: HeatMap) -> object:
    """Draw every cell of the map in the colour of its figure; what is not known stays empty."""
    return {
        "data": [
            {
                "type": "heatmap",
                "x": [str(value) for value in chart.column_values],
                "y": [str(value) for value in chart.row_values],
                "z": chart.cells,
                "colorscale": "Viridis",
                "hovertemplate": f"{chart.column} %{{x}}, {chart.row} %{{y}}: %{{z:.3f}}<extra></extra>",
            }
        ],
        "layout": {
            "margin": {"l": 60, "r": 10, "t": 10, "b": 50},
            "xaxis": {"title": {"text": chart.column}, "type": "category"},
            "yaxis": {"title": {"text": chart.row}, "type": "category"},
        },
    }
