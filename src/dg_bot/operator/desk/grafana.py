"""Write a dashboard as the JSON that Grafana's provisioning reads."""

import json
from collections.abc import Iterator, Mapping, Sequence

from dg_bot.operator.desk.panels import Dashboard, Kind, Panel, Query, Source, Unit

TAG = "dg_bot"
_SCHEMA = 39  # of Grafana 11; later ones read it and bring it up themselves
_COLUMNS = 24
_PLUGIN = {Source.ROWS: "grafana-postgresql-datasource", Source.METRICS: "prometheus", Source.LINES: "loki"}
_UNIT = {
    Unit.KRW: "currencyKRW",
    Unit.FRACTION: "percentunit",
    Unit.BPS: "suffix: bps",
    Unit.COUNT: "none",
    Unit.NUMBER: "short",
    Unit.SECONDS: "s",
    Unit.MILLISECONDS: "ms",
    Unit.DAYS: "d",
    Unit.TIME: "dateTimeAsIso",
    Unit.TEXT: "string",
}
_TYPE = {Kind.STAT: "stat", Kind.RANKING: "barchart", Kind.TABLE: "table", Kind.LOGS: "logs"}
_MARKETS = "SELECT DISTINCT symbol FROM prices ORDER BY symbol"
_SAFE_MODE = """SELECT entered_at AS time, coalesce(left_at, $__timeTo()) AS timeend, 'safe mode: ' || reason AS text
FROM safe_mode_periods WHERE entered_at <= $__timeTo() AND coalesce(left_at, $__timeTo()) >= $__timeFrom()"""

Json = Mapping[str, object]


def grafana_json(dashboard: Dashboard) -> str:
    """Write the whole file; equal dashboards are equal texts."""
    return json.dumps(_model(dashboard), indent=1, ensure_ascii=False) + "\n"


def _model(dashboard: Dashboard) -> Json:
    link = {"type": "dashboards", "tags": [TAG], "title": TAG, "asDropdown": True, "keepTime": True, "includeVars": True}
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": [TAG],
        "timezone": "Asia/Seoul",
        "schemaVersion": _SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-30d", "to": "now"},
        "links": [link],
        "annotations": {"list": [_safe_mode()]},
        "templating": {"list": [_market_variable()]},
        "panels": list(_placed(dashboard.panels)),
    }


def _safe_mode() -> Json:
    return {
        "name": "Safe mode",
        "enable": True,
        "iconColor": "orange",
        "datasource": _datasource(Source.ROWS),
        "target": {"refId": "Anno", "format": "table", "rawQuery": True, "editorMode": "code", "rawSql": _SAFE_MODE},
        "rawQuery": _SAFE_MODE,
    }


def _market_variable() -> Json:
    return {
        "name": "market",
        "label": "Market",
        "type": "query",
        "datasource": _datasource(Source.ROWS),
        "query": _MARKETS,
        "definition": _MARKETS,
        "refresh": 1,
        "multi": True,
        "includeAll": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "sort": 1,
    }


def _placed(panels: Sequence[Panel]) -> Iterator[Json]:
    """Lay the panels out in rows from left to right."""
    left = top = height = 0
    for number, panel in enumerate(panels, start=1):
        if left + panel.width > _COLUMNS:
            left, top, height = 0, top + height, 0
        place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
        yield {"id": number, "gridPos": place, **_panel(panel)}
        left, height = left + panel.width, max(height, panel.height)


def _panel(panel: Panel) -> Json:
    title = f"{panel.title}: $market" if panel.is_per_market else panel.title
    repeat = {"repeat": "market", "repeatDirection": "h", "maxPerRow": 2} if panel.is_per_market else {}
    return {
        "type": _TYPE.get(panel.kind, "timeseries"),
        "title": title,
        "description": panel.about,
        "datasource": _datasource(panel.queries[0].source),
        "targets": [_target(panel, query, chr(ord("A") + place)) for place, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": list(_overrides(panel))},
        "options": _options(panel),
        **repeat,
    }


def _target(panel: Panel, query: Query, reference: str) -> Json:
    common = {"refId": reference, "datasource": _datasource(query.source)}
    match query.source:
        case Source.ROWS:
            shape = "time_series" if panel.kind.is_in_time else "table"
            return {**common, "format": shape, "rawQuery": True, "editorMode": "code", "rawSql": query.text}
        case Source.METRICS:
            is_stat = panel.kind is Kind.STAT
            legend = query.legend or "__auto"
            return {**common, "expr": query.text, "legendFormat": legend, "range": not is_stat, "instant": is_stat}
        case Source.LINES:
            return {**common, "expr": query.text, "queryType": "range"}


def _datasource(source: Source) -> Json:
    return {"type": _PLUGIN[source], "uid": source.value}


def _defaults(panel: Panel) -> Json:
    defaults: dict[str, object] = {"unit": _UNIT[panel.unit], "noValue": "nothing in this time"}
    if panel.goes_below_zero:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": 0}]
        defaults |= {"thresholds": {"mode": "absolute", "steps": steps}, "color": {"mode": "thresholds"}}
    if panel.kind.is_in_time:
        defaults["custom"] = _drawing(panel.kind)
    return defaults


def _drawing(kind: Kind) -> Json:
    bars = {"drawStyle": "bars", "fillOpacity": 70, "barAlignment": 1}
    match kind:
        case Kind.BARS:
            return bars
        case Kind.STACKED:
            return {**bars, "stacking": {"mode": "normal", "group": "A"}}
        case Kind.POINTS:
            return {"drawStyle": "points", "pointSize": 7}
        case Kind.STEPS:
            return {"drawStyle": "line", "lineInterpolation": "stepAfter", "fillOpacity": 30}
        case _:
            return {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never", "spanNulls": 10_800_000}


def _overrides(panel: Panel) -> Iterator[Json]:
    for name, unit in panel.columns.items():
        yield _override(name, [{"id": "unit", "value": _UNIT[unit]}])
    for name, colour in zip(panel.marks, ("green", "orange"), strict=False):
        properties: Sequence[Json] = [
            {"id": "custom.drawStyle", "value": "points"},
            {"id": "custom.showPoints", "value": "always"},
            {"id": "custom.pointSize", "value": 9},
            {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}},
        ]
        yield _override(name, properties)


def _override(name: str, properties: Sequence[Json]) -> Json:
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def _options(panel: Panel) -> Json:
    match panel.kind:
        case Kind.STAT:
            # Without a pattern numbers are shown and nothing else; a metric brings its time along.
            shown = "/.*/" if panel.unit is Unit.TEXT else ""
            reduce = {"calcs": ["lastNotNull"], "fields": shown, "values": False}
            return {"reduceOptions": reduce, "colorMode": "value", "graphMode": "none", "textMode": "value"}
        case Kind.RANKING:
            return {"orientation": "horizontal", "legend": {"showLegend": False}, "showValue": "always"}
        case Kind.TABLE:
            return {"showHeader": True, "cellHeight": "sm"}
        case Kind.LOGS:
            return {"showTime": True, "sortOrder": "Descending", "wrapLogMessage": True, "enableLogDetails": True}
        case _:
            return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
