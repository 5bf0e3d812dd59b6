"""A language model in the wrong hands says BUY to everything: screen, validator, limits and caps do not listen to it."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.domain.cycle_report import CycleReport, Outcome
from dg_bot.domain.screen import ScreenMode
from dg_bot.risk.limits import RiskLimits
from tests.asking_bots import asking
from tests.builders import PaperBot, paper_bot
from tests.openai_server import OpenAiServer, opinion


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer() as running:
        running.says(opinion("BUY", 1.0))
        yield running


def gate_values(report: CycleReport, name: str) -> list[object]:
    return [gate.value for gate in report.gates if gate.name == name]


def hours(bot: PaperBot, count: int) -> list[CycleReport]:
    reports = []
    for _ in range(count):
        reports.append(bot.run_cycle())
        bot.next_hour()
    return reports


def test_the_validator_turns_its_buy_into_a_hold(server: OpenAiServer) -> None:
    bot = paper_bot(validator=ValidatorLimits())
    asking(bot, server.url)

    report = bot.run_cycle()

    assert (Outcome.HELD, []) == (report.outcome, bot.placed())
    assert report.reason.startswith("validator.")


def test_a_failed_screen_blocks_it_and_spares_the_question(server: OpenAiServer) -> None:
    bot = paper_bot()
    bot.opinion.screen_gates_pass = False
    asking(bot, server.url)

    report = bot.run_cycle()

    assert (Outcome.HELD, []) == (report.outcome, bot.placed())
    assert ["not_asked"] == gate_values(report, "model.answer")
    assert "screen.total_return" in report.reason
    assert [] == server.asked


def test_while_the_screen_only_warns_the_size_is_the_small_fixed_one(server: OpenAiServer) -> None:
    bot = paper_bot(screen_mode=ScreenMode.WARN)
    bot.opinion.screen_gates_pass = False
    asking(bot, server.url)

    bot.run_cycle()

    assert ["buy KRW-BTC 200000"] == bot.placed()


def test_in_safe_mode_it_is_not_even_asked(server: OpenAiServer) -> None:
    bot = paper_bot(holding="100 @ 1000", safe_mode=True)
    asking(bot, server.url)

    report = bot.run_cycle()

    assert (Outcome.HELD, [], []) == (report.outcome, bot.placed(), server.asked)
    assert "not asked: in safe mode no language model is asked" == report.reason


def test_a_day_of_it_stays_within_position_frequency_and_daily_caps(server: OpenAiServer) -> None:
    limits = RiskLimits(max_krw_per_day=Decimal(1_500_000))
    bot = paper_bot("1000 1000 | " + "1000 " * 26, limits=limits)
    asking(bot, server.url)

    hours(bot, 24)

    spent = sum((Decimal(order.rsplit(" ", 1)[1]) for order in bot.placed()), Decimal(0))
    equity = Decimal(10_000_000)
    position = bot.position()
    assert position is not None
    assert position.quantity * Decimal(1000) <= equity * limits.max_position_fraction
    assert spent <= limits.max_krw_per_day
    assert len(bot.placed()) <= limits.max_entries_per_day


def test_a_sell_of_what_is_not_held_sells_nothing(server: OpenAiServer) -> None:
    server.says(opinion("SELL", 1.0))
    bot = paper_bot()
    asking(bot, server.url)

    report = bot.run_cycle()

    assert (Outcome.HELD, []) == (report.outcome, bot.placed())


def test_what_is_held_is_asked_about_even_where_no_entry_is_possible(server: OpenAiServer) -> None:
    server.says(opinion("SELL", 0.9))
    bot = paper_bot(holding="100 @ 1000")
    bot.opinion.screen_gates_pass = False
    asking(bot, server.url)

    bot.run_cycle()

    assert ["sell KRW-BTC 100"] == bot.placed()
