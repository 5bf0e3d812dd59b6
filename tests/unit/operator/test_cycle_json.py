import json
from dataclasses import replace
from decimal import Decimal

import pytest

from dg_bot.domain.gate import Gate
from dg_bot.operator.cycle_json import cycle_json
from tests.unit.operator.reports import FAILED, HELD, REPORTS, SCREEN, STATE, TRADED

KEYS = [
    "cycle_id", "market", "mode", "outcome", "stage", "reason", "gates", "decision", "orders", "durations_ms", "state",
    "repeated", "opened_at", "completed_at", "mark_price", "slippage_bps", "indicators", "screen",
]  # fmt: skip


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_one_line_with_all_keys_in_order(name: str) -> None:
    line = cycle_json(REPORTS[name])

    assert (False, KEYS) == ("\n" in line, list(json.loads(line)))


def test_a_traded_cycle_is_told_in_full() -> None:
    document = json.loads(cycle_json(replace(TRADED, gates=TRADED.gates[1:2], screen=None)))

    expected = {
        "cycle_id": "KRW-BTC/2026-11-20T13",
        "market": "KRW-BTC",
        "mode": "demo",
        "outcome": "traded",
        "stage": "execution",
        "reason": "all gates of the breakout passed",
        "gates": [{"name": "risk.daily_loss", "value": "-0.0123", "limit": "-0.1", "passed": True}],
        "decision": {"action": "buy", "confidence": 0.8, "source": "rules", "reason": "all gates of the breakout passed"},
        "orders": [
            {
                "identifier": "dg.KRW-BTC.20261120T13.entry.0.0",
                "side": "buy",
                "kind": "market",
                "status": "executed",
                "executed_quantity": "0.00689655",
                "average_price": "145000000",
                "fee": "499.999875",
            }
        ],
        "durations_ms": {"risk_check": 3.25, "data_collection": 41.0, "analysis": 88.5, "execution": 61.0},
        "state": {
            "safe_mode": False,
            "safe_mode_reason": None,
            "daily_pnl_pct": 0.12,
            "weekly_pnl_pct": -0.4,
            "daily_trade_count": 1,
            "equity_krw": "10012345.67891",
            "free_krw": "9011845.12",
            "positions": [
                {
                    "market": "KRW-BTC",
                    "quantity": "0.00689655",
                    "average_cost": "145072500",
                    "mark_price": "145000000",
                    "stop": "137818875",
                    "target": "159579750",
                }
            ],
        },
        "repeated": False,
        "opened_at": "2026-11-20T13:00:00Z",
        "completed_at": "2026-11-20T13:00:07Z",
        "mark_price": "145000000",
        "slippage_bps": 3.4,
        "indicators": {"rsi": 64.25, "adx": None},
        "screen": None,
    }
    assert expected == document


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_null(number: float) -> None:
    report = replace(
        HELD,
        gates=(Gate("g", number, number, passed=False),),
        indicators={"rsi": number},
        durations_ms={"analysis": number},
        slippage_bps=number,
        screen=replace(SCREEN, sharpe=number, profit_factor=number),
    )

    document = json.loads(cycle_json(report), parse_constant=pytest.fail)

    gate, screen = document["gates"][0], document["screen"]
    assert [None] * 4 == [gate["value"], gate["limit"], screen["sharpe"], screen["profit_factor"]]
    assert [None] * 3 == [document["indicators"]["rsi"], document["durations_ms"]["analysis"], document["slippage_bps"]]


def test_money_keeps_its_last_decimal_and_has_no_exponent() -> None:
    report = replace(TRADED, state=replace(STATE, equity_krw=Decimal("1E+7"), free_krw=Decimal("0.00000001")))

    state = json.loads(cycle_json(report))["state"]

    assert ("10000000", "0.00000001") == (state["equity_krw"], state["free_krw"])


def test_what_a_failed_cycle_does_not_know_is_null() -> None:
    document = json.loads(cycle_json(FAILED))

    assert [None] * 4 == [document[key] for key in ("decision", "state", "mark_price", "screen")]


def test_korean_and_line_breaks_stay_inside_one_line() -> None:
    line = cycle_json(replace(FAILED, reason="손절\n다음"))

    assert (True, 1, "손절\n다음") == ("손절" in line, len(line.splitlines()), json.loads(line)["reason"])
