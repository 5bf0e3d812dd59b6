"""What every page of HTML is made of: files that come with it, data that its scripts read, plotly."""

import json
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path


def script_text(content: object) -> str:
    """Write JSON that cannot end the script element that holds it."""
    return json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def asset(name: str) -> str:
    return files("dg_bot.operator").joinpath("page", name).read_text(encoding="utf-8")


def plotly_script() -> str:
    """Give plotly's own script; the package is not imported, which would take longer than the whole report."""
    path = distribution("plotly").locate_file("plotly/package_data/plotly.min.js")
    return Path(str(path)).read_text(encoding="utf-8")
