"""`scripts/backtesting/import_candles.py`: from the file of another program to candles that a backtest finds."""

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from dg_bot.adapters.candle_manifest import read_manifest
from dg_bot.app.setting_sources import load_settings

ROOT = Path(__file__).resolve().parents[2]
THEIRS = "Date,Volume,Close,Open,High,Low\n" + "".join(f"2024-01-01 {9 + hour:02d}:00,2,105,100,110,90\n" for hour in range(4))


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CANDLE_DIR", "candles")
    main = runpy.run_path(str(ROOT / "scripts" / "backtesting" / "import_candles.py"))["main"]
    return lambda *words: int(main(["theirs.csv", "--market", "KRW-XRP", "--timeframe", "60m", *words]))


def test_a_file_of_another_program_becomes_candles_of_the_archive(
    tmp_path: Path, imported: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "theirs.csv").write_text(THEIRS)

    assert 0 == imported("--timezone", "Asia/Seoul")

    path = tmp_path / "candles" / "hourly" / "KRW-XRP_60m.csv"
    manifest = read_manifest(path)
    assert manifest is not None
    assert ("theirs.csv", 4) == (manifest.source, manifest.rows)
    assert "2024-01-01T00:00:00Z,100,110,90,105,2" == path.read_text().splitlines()[1]
    assert "4 candles from 2024-01-01T00:00:00Z to 2024-01-01T03:00:00Z" in capsys.readouterr().out
    assert 0 == imported("--timezone", "Asia/Seoul")
    assert "0 of them new" in capsys.readouterr().out


def test_a_zone_that_is_not_told_is_asked_for(
    tmp_path: Path, imported: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "theirs.csv").write_text(THEIRS)

    assert 1 == imported()

    assert "row 2, column Date: '2024-01-01 09:00' does not tell its zone: say --timezone UTC" in capsys.readouterr().err
    assert not load_settings().collected_folder.exists()


def test_a_file_of_other_markets_is_refused(
    tmp_path: Path, imported: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "theirs.csv").write_text("time,market,open,high,low,close,volume\n2024-01-01T00:00:00Z,KRW-ADA,1,1,1,1,1\n")

    assert 1 == imported()

    assert "theirs.csv: has no rows whose market is KRW-XRP" in capsys.readouterr().err
    assert not load_settings().collected_folder.exists()
