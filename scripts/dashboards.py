"""Write Grafana's dashboards anew from the desk's panels, into monitoring/grafana/dashboards."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.operator.desk.dashboards import dashboards
from dg_bot.operator.desk.grafana import grafana_json

FOLDER = Path(__file__).resolve().parents[1] / "monitoring" / "grafana" / "dashboards"


def main() -> None:
    """Write one file a dashboard."""
    for dashboard in dashboards():
        (FOLDER / f"{dashboard.uid.removeprefix('dg-')}.json").write_text(grafana_json(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
