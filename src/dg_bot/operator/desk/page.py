"""The desk as one page of HTML that needs nothing but itself: every dashboard's panels, drawn from the same queries."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import count
from string import Template

from dg_bot.adapters.postgres_tables import Table
from dg_bot.domain.calendar import KST
from dg_bot.operator.desk.page_data import Data, panel_data
from dg_bot.operator.desk.panels import Dashboard, Panel
from dg_bot.operator.desk.queries import Span, expanded
from dg_bot.operator.page_parts import asset, script_text

_WHOLE = 24

Ask = Callable[[str], Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One panel on the page, or one market of it, with what it draws; `width` is of 24 columns."""

    panel: Panel
    title: str
    width: int
    data: Data


def desk_page(dashboards: Sequence[Dashboard], span: Span, ask: Ask, *, source: str) -> str:
    """Write the whole page; `ask` runs a query, `source` says whose rows these are. What comes from outside is escaped."""
    drawn = [(dashboard, _cards(dashboard, span, ask)) for dashboard in dashboards]
    numbers = count()
    sections = "".join(_section(dashboard, cards, numbers) for dashboard, cards in drawn)
    links = "".join(f'<a href="#{one.uid}">{escape(one.title)}</a>' for one in dashboards)
    parts = {
        "title": "dg_bot: the desk",
        "span": f"{span.start.astimezone(KST):%Y-%m-%d %H:%M} to {span.end.astimezone(KST):%Y-%m-%d %H:%M} in Seoul",
        "source": escape(source),
        "links": links,
        "sections": sections,
        "data": script_text([card.data for _, cards in drawn for card in cards]),
        "range": script_text([span.start.timestamp(), span.end.timestamp()]),
        "style": asset("desk.css"),
        "script": asset("desk.js"),
    }
    return Template(asset("desk.html")).substitute(parts)


def _cards(dashboard: Dashboard, span: Span, ask: Ask) -> list[Card]:
    cards = []
    for panel in dashboard.panels:
        if not panel.is_of_rows:
            continue
        repeats = _repeats(panel, span.markets)
        width = _WHOLE if panel.is_per_market and len(repeats) == 1 else panel.width
        for markets, title in repeats.items():
            shown = Span(start=span.start, end=span.end, markets=markets)
            tables = [ask(expanded(query.text, shown)) for query in panel.queries]
            cards.append(Card(panel=panel, title=title, width=width, data=panel_data(panel, tables)))
    return cards


def _repeats(panel: Panel, markets: tuple[str, ...]) -> Mapping[tuple[str, ...], str]:
    if not panel.is_per_market:
        return {markets: panel.title}
    return {(market,): f"{panel.title}: {market}" for market in markets}


def _section(dashboard: Dashboard, cards: Sequence[Card], numbers: Iterator[int]) -> str:
    head = f'<h2>{escape(dashboard.title)}</h2><p class="quiet">{escape(dashboard.about)}</p>'
    grid = "".join(_card(card, next(numbers)) for card in cards)
    return f'<section id="{dashboard.uid}">{head}<div class="grid">{grid}</div></section>'


def _card(card: Card, number: int) -> str:
    panel = card.panel
    about = f'<p class="quiet">{escape(panel.about)}</p>'
    place = f'<div class="place" data-panel="{number}" style="--rows:{panel.height}"></div>'
    kind = f"card {panel.kind.value} w{card.width}"
    return f'<article class="{kind}"><h3>{escape(card.title)}</h3>{about}{place}</article>'
