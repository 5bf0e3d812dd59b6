"""`scripts/backtesting/collect_candles.py` as its user runs it, and as a power cut ends it."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from dg_bot.domain.calendar import HOUR
from dg_bot.domain.market import Market
from dg_bot.simulator.generated import BITCOIN, generated_candles
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue
from tests.e2e.market_bench import eventually

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "backtesting" / "collect_candles.py"
BTC = Market("KRW-BTC")
FIRST = datetime(2026, 7, 1, tzinfo=UTC)
HOURS = 2700
PAGES = 14


def started(folder: Path, base_url: str) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "UPBIT_BASE_URL": base_url,
        "CLOCK_FROM_VENUE": "yes",
        "CANDLE_DIR": str(folder / "candles"),
    }
    command = [sys.executable, str(SCRIPT), "--market", "KRW-BTC", "--timeframe", "60m", "--from", "2026-07-01"]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_collection_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    candles = generated_candles(BITCOIN, seed=5, start=FIRST, end=FIRST + timedelta(hours=HOURS + 1))
    venue = Venue(
        ledger=Ledger(krw=Decimal(0)), tapes={BTC: Tape.of(BTC, HOUR, candles)}, now=lambda: FIRST + timedelta(hours=HOURS)
    )
    file = tmp_path / "candles" / "hourly" / "KRW-BTC_60m.csv"

    def asked() -> int:
        return len(server.wire_log.matching("GET", "/v1/candles/minutes/60"))

    with UpbitServer(venue) as server:
        with started(tmp_path, server.base_url) as first:
            eventually(lambda: asked() >= 4, "four pages are asked for")
            first.send_signal(signal.SIGKILL)
        kept = len(file.read_text().splitlines()) - 1
        at_death = asked()
        with started(tmp_path, server.base_url) as again:
            said, told = again.communicate()
        at_end = asked()
        with started(tmp_path, server.base_url) as third:
            said_last, _ = third.communicate()

    assert (-signal.SIGKILL, 0, 0, "") == (first.returncode, again.returncode, third.returncode, told)
    assert 600 <= kept < HOURS
    assert at_end - at_death == -(-(HOURS - kept) // 200)
    assert at_end - at_death < PAGES
    assert f"{HOURS:,} candles" in said
    assert f"{HOURS - kept:,} of them new" in said
    assert (at_end, True) == (asked(), "0 of them new" in said_last)
    assert [HOURS + 1, HOURS + 1] == [len(lines) for lines in (file.read_text().splitlines(), set(file.read_text().splitlines()))]
