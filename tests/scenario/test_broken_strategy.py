"""A user's strategy that breaks while it trades stops entries, and neither exits nor the process."""

from importlib.resources import files
from pathlib import Path

import pytest

from dg_bot.adapters.strategy_files import load_strategy_file
from dg_bot.domain.cycle_report import Outcome
from tests.builders import PaperBot, paper_bot

TEMPLATE = files("dg_bot.strategies").joinpath("template.py").read_text(encoding="utf-8")


def broken(bot: PaperBot, folder: Path, monkeypatch: pytest.MonkeyPatch) -> PaperBot:
    path = folder / "mine.py"
    path.write_text(TEMPLATE.replace("        return rule_signals(", "        gates = 1 / 0\n        return rule_signals("))
    monkeypatch.setattr(bot.opinion, "signals", load_strategy_file(path).signals)
    bot.rewire()
    return bot


def test_the_cycle_halts_with_the_line_that_broke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bot = broken(paper_bot(candles="100 100 101"), tmp_path, monkeypatch)

    report = bot.run_cycle()

    assert (Outcome.HALTED, f"data: {tmp_path}/mine.py line 55: ZeroDivisionError: division by zero") == (
        report.outcome,
        report.reason,
    )
    assert [] == bot.placed()


def test_a_stop_loss_still_sells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bot = broken(paper_bot(candles="1000 1000 940", holding="100 @ 1000"), tmp_path, monkeypatch)

    report = bot.run_cycle()

    assert (Outcome.TRADED, ["sell KRW-BTC 100"]) == (report.outcome, bot.placed())
