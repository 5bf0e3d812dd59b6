"""`docs/own-strategy.md`, followed word by word from an empty folder to a backtest of one's own idea."""

import re
import runpy
import shlex
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.domain.calendar import HOUR
from dg_bot.domain.market import Market
from dg_bot.simulator.generated import BITCOIN, generated_candles
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "own-strategy.md").read_text(encoding="utf-8")
BTC = Market("KRW-BTC")
FIRST = datetime(2025, 6, 1, tzinfo=UTC)
NOW = FIRST + timedelta(hours=1500)


def run(line: str) -> None:
    """Do what a line of the page says, in the working directory and in this process."""
    words = shlex.split(line)
    match words:
        case ["echo", text, ">>", file]:
            with Path(file).open("a", encoding="utf-8") as opened:
                opened.write(f"{text}\n")
        case ["python", script, *arguments]:
            assert 0 == runpy.run_path(str(ROOT / script))["main"](arguments), line
        case _:
            pytest.fail(f"the page has a line of another kind: {line}")


@pytest.mark.usefixtures("clean_logging")
def test_the_page_leads_from_nothing_to_a_backtest_of_ones_own_idea(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = Tape.of(BTC, HOUR, generated_candles(BITCOIN, seed=8, start=FIRST, end=NOW + timedelta(hours=1)))
    monkeypatch.chdir(tmp_path)
    said: list[str] = []

    with UpbitServer(Venue(ledger=Ledger(krw=Decimal(0)), tapes={BTC: tape}, now=lambda: NOW)) as server:
        for name, value in {"UPBIT_BASE_URL": server.base_url, "CLOCK_FROM_VENUE": "yes", "CANDLE_DIR": "backtest_data"}.items():
            monkeypatch.setenv(name, value)
        for language, block in re.findall(r"```(sh|python)\n(.*?)```", PAGE, re.DOTALL):
            if language == "python":
                (tmp_path / "my_strategies" / "buy_the_dip.py").write_text(block, encoding="utf-8")
                continue
            for line in block.splitlines():
                run(line)
                out, err = capsys.readouterr()
                assert "" == err, line
                said.append(out)

    assert 8 == len(said)
    assert "my_idea is sound: period 20, volume_multiple 1.2; warm-up 21 bars\n" == said[2]
    assert "1,500 candles from 2025-06-01" in said[3]
    assert said[5].startswith("my_idea  KRW-BTC")
    assert said[6].startswith("buy_the_dip is sound: trend_period 100, oversold 40.0, hot 65.0;")
    assert said[7].startswith("buy_the_dip  KRW-BTC")
