"""Closed trades as a table for an accountant: CSV that a spreadsheet opens as it is, with Korean or English headings."""

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC
from decimal import Decimal

from dg_bot.domain.calendar import KST
from dg_bot.domain.money import plain
from dg_bot.domain.order import Side
from dg_bot.operator.closed_trades import ClosedTrade
from dg_bot.operator.phrasebook import Language

# Excel reads a file as UTF-8 where it begins with this.
_MARK = "\ufeff"
_TO_EIGHT_PLACES = Decimal("0.00000001")
_HEADINGS: Mapping[Language, tuple[str, ...]] = {
    Language.KOREAN: (
        "체결시각(KST)", "체결시각(UTC)", "마켓", "구분", "수량", "평균단가(원)", "거래금액(원)", "수수료(원)", "정산금액(원)",
        "취득가액(원)", "실현손익(원)", "주문 식별자", "거래소 주문번호",
    ),
    Language.ENGLISH: (
        "time_kst", "time_utc", "market", "side", "quantity", "average_price_krw", "total_krw", "fee_krw", "settled_krw",
        "cost_krw", "realised_profit_krw", "identifier", "venue_order_id",
    ),
}  # fmt: skip
_SIDES: Mapping[Language, Mapping[Side, str]] = {
    Language.KOREAN: {Side.BUY: "매수", Side.SELL: "매도"},
    Language.ENGLISH: {Side.BUY: "buy", Side.SELL: "sell"},
}


def trades_csv(trades: Iterable[ClosedTrade], language: Language) -> str:
    """Give the whole file, one row a trade in the order given; amounts are plain decimals without separators.

    Cost and profit are empty for a purchase; numbers of orders are never formulas. The average price is rounded to eight places.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_HEADINGS[language])
    for trade in trades:
        writer.writerow(_row(trade, language))
    return _MARK + text.getvalue()


def _row(trade: ClosedTrade, language: Language) -> tuple[str, ...]:
    return (
        f"{trade.at.astimezone(KST):%Y-%m-%d %H:%M:%S}",
        f"{trade.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        str(trade.market),
        _SIDES[language][trade.side],
        plain(trade.quantity),
        plain(trade.price_krw.quantize(_TO_EIGHT_PLACES)),
        plain(trade.funds_krw),
        plain(trade.fee_krw),
        plain(trade.settled_krw),
        _optional(trade.cost_krw),
        _optional(trade.profit_krw),
        _word(trade.identifier),
        _word(trade.venue_id or ""),
    )


def _word(text: str) -> str:
    """Mark what a spreadsheet would take for a formula as a text, by the sign that it knows for that."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _optional(amount: Decimal | None) -> str:
    return "" if amount is None else plain(amount)
