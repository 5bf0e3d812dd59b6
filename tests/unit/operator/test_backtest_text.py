from io import StringIO

from rich.console import Console

from dg_bot.backtesting.backtest import Backtest
from dg_bot.backtesting.daily_screen import ScreenedDays
from dg_bot.backtesting.report import Provenance
from dg_bot.backtesting.worth import worth
from dg_bot.operator.backtest_rows import worth_rows
from dg_bot.operator.backtest_text import print_backtest
from tests.unit.backtesting.walks import MADE, grid_test, idle_test, reported


def text_of(backtest: Backtest, made: Provenance = MADE) -> str:
    written = StringIO()
    print_backtest(reported(backtest, made), Console(file=written, width=80, highlight=False))
    return written.getvalue()


def test_the_text_fits_a_terminal_and_names_the_essentials() -> None:
    text = text_of(grid_test())

    assert max(map(len, text.splitlines())) <= 80
    for word in ("grid  KRW-BTC  60m", "buy and hold", "maximum drawdown", "Best round trips", "Worst round trips", "Sharpe"):
        assert word in text


def test_the_settings_stand_under_the_figures() -> None:
    text = " ".join(text_of(grid_test()).split())

    assert "position 10.00% of equity an entry mean_period 200" in text
    assert "slippage 2 bps of each fill" in text
    assert f"their SHA-256 {grid_test().candles_sha256} version dg_bot 1.2 command python run_backtest.py" in text


def test_a_command_can_be_copied_in_one_line() -> None:
    command = "python run_backtest.py " + "--param k=v " * 20

    assert f"command {command}\n" in text_of(idle_test(), Provenance(source="-", version="1", command=command))


def test_a_backtest_without_a_trade_can_be_shown() -> None:
    idle = idle_test()

    assert ((), "–") == (idle.round_trips, text_of(idle).split("average holding")[1].split()[0])
    assert max(map(len, text_of(idle).splitlines())) <= 80


def test_what_the_figures_are_worth_stands_beside_them() -> None:
    text = " ".join(text_of(idle_test()).split())

    assert "true Sharpe above zero 0% sure above the luck of 9 trials 0% sure passes markets without drift not measured" in text
    assert "thresholds of the screen missed: insufficient history, round trips, total return, win rate, profit factor" in text


def test_the_days_that_the_screen_let_pass_are_told_where_it_had_a_say() -> None:
    judged = worth(idle_test(), trials=9, screened=ScreenedDays(days=1212, passed=3))

    assert ("entries let pass by the screen", "on 3 of 1,212 days") in worth_rows(judged)
    assert "let pass" not in text_of(idle_test())
