import re
from decimal import Decimal
from io import StringIO

from rich.console import Console

from dg_bot.domain.cycle_report import Mode
from dg_bot.operator.desk_text import print_guard, print_unwatched
from dg_bot.pipeline.guard import GuardReport
from tests.builders import BTC, ETH, PaperBot, paper_bot
from tests.scenario.faulty_upbit import reply_lost, unavailable

HELD = "100 @ 100"


def shown(report: GuardReport) -> list[str]:
    out = StringIO()
    print_guard(report, Console(file=out, highlight=False, width=80))
    return [line for line in out.getvalue().splitlines() if line]


def told(bot: PaperBot) -> list[str]:
    out = StringIO()
    print_unwatched(bot.state, Mode.LIVE, Console(file=out, highlight=False, width=80))
    return [line for line in out.getvalue().splitlines() if line]


def test_nothing_is_said_where_nothing_was_due() -> None:
    assert [] == shown(paper_bot("100 100", holding=HELD).start_up())


def test_a_sale_is_told_with_its_rule_order_and_proceeds() -> None:
    report = paper_bot("100 100 120", holding=HELD).start_up()

    assert [
        "Guard: KRW-BTC reached its take profit",
        "       test.KRW-BTC.20261120T12.exit.0.0: sold 100 for 12,000 KRW",
    ] == shown(report)


def test_each_market_is_told_with_its_own_orders() -> None:
    bot = paper_bot({BTC: "100 100 94", ETH: "100 100 120"}, holding={BTC: HELD, ETH: HELD})

    markets = [re.findall("KRW-BTC|KRW-ETH", line)[0] for line in shown(bot.start_up())]

    assert ["KRW-BTC", "KRW-BTC", "KRW-ETH", "KRW-ETH"] == markets


def test_a_sale_that_the_venue_refused_is_not_called_sold() -> None:
    bot = paper_bot("100 100 94", holding=HELD)
    bot.venue.set_offline(BTC, is_offline=True)

    assert ["Guard: KRW-BTC reached its stop loss", "       test.KRW-BTC.20261120T12.exit.0.0: not sold, rejected"] == shown(
        bot.start_up()
    )


def test_a_sale_without_an_end_is_told_as_such() -> None:
    bot = paper_bot("100 100 94", holding=HELD)
    bot.upbit.always("submit", reply_lost)
    bot.upbit.always("find", unavailable)

    assert "       test.KRW-BTC.20261120T12.exit.0.0: no end yet, unknown" in shown(bot.start_up())


def test_a_stop_that_did_not_hold_at_the_second_look_is_told_as_such() -> None:
    bot = paper_bot("100 100 94", holding=HELD)
    bot.upbit.on("last_prices", lambda *_: {BTC: Decimal(100)}, first=2)

    assert [
        "Guard: KRW-BTC reached its stop loss",
        "       nothing was sold; the daemon looks again at its next tick",
    ] == shown(bot.start_up())


def test_what_nobody_watches_is_named() -> None:
    bot = paper_bot({BTC: "100 100", ETH: "100 100"}, holding={BTC: HELD, ETH: HELD})

    expected = ["Nobody watches KRW-BTC, KRW-ETH until the daemon runs:", "python scheduler_main.py --mode live"]
    assert expected == told(bot)


def test_an_empty_hand_needs_nobody() -> None:
    assert [] == told(paper_bot("100 100"))
