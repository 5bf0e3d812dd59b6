"""Write Grafana's dashboards anew from the desk's panels, into monitoring/grafana/dashboards."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence

from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with
from dg_bot.operator.desk.dashboards import dashboards
from dg_bot.operator.desk.grafana import grafana_json

FOLDER = Path(__file__).resolve().parents[1] / "monitoring" / "grafana" / "dashboards"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write one file a dashboard; gives 0."""
    parsed(argparse.ArgumentParser(description=__doc__, allow_abbrev=False), arguments)
    for dashboard in dashboards():
        (FOLDER / f"{dashboard.uid.removeprefix('dg-')}.json").write_text(grafana_json(dashboard), encoding="utf-8")
    return ExitCode.DONE


if __name__ == "__main__":
    end_with("dashboards", main)
