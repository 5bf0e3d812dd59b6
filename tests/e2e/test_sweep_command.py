"""`scripts/backtesting/sweep.py` as its user runs it."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from dg_bot.domain.calendar import from_epoch
from tests.unit.backtesting.walks import hourly

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "backtesting" / "sweep.py"
MANY = ("--strategy", "ema_cross", "--grid", "short_period=2:21", "--grid", "long_period=32:51")


def command(folder: Path, *arguments: str) -> list[str]:
    return [
        sys.executable,
        str(SCRIPT),
        "--market",
        "KRW-XRP",
        "--timeframe",
        "60m",
        "--data",
        str(folder / "walk.csv"),
        *arguments,
    ]


def environment(dsn: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "DATABASE_URL": dsn}


def run(folder: Path, dsn: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *arguments), cwd=folder, env=environment(dsn), capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write 1,500 hours of a random walk."""
    rows = ["timestamp,open,high,low,close,volume"]
    candles = hourly(1500)
    columns = (candles.open, candles.high, candles.low, candles.close)
    for second, *prices in zip(candles.opened_at, *columns, strict=True):
        rows.append(f"{from_epoch(second):%Y-%m-%dT%H:%M:%SZ},{','.join(map(str, prices))},10")
    (tmp_path / "walk.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def kept(dsn: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM trials").fetchone()
    return int(row[0]) if row else 0


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_sweep_is_told_and_known_the_next_time(folder: Path, database: str) -> None:
    axes = ("--strategy", "sma_cross", "--grid", "short_period=4,8", "--grid", "long_period=6:12:3")
    first, second = (run(folder, database, *axes, "--min-trips", "1") for _ in range(2))

    assert (0, "") == (first.returncode, first.stderr)
    assert first.stdout.startswith("sma_cross  KRW-XRP  60m\n1,500 bars of ")
    for words in ("6 sets: 5 judged now, 0 known", "1 left out: long_period: it must be longer", "Best by sharpe"):
        assert words in first.stdout
    assert "6 sets: 0 judged now, 5 known from before" in second.stdout
    assert first.stdout.splitlines()[4:] == second.stdout.splitlines()[4:]


def test_a_search_walks_forward(folder: Path, database: str) -> None:
    axes = ("--strategy", "sma_cross", "--grid", "short_period=2:9", "--grid", "long_period=10:20", "--min-trips", "1")
    done = run(
        folder,
        database,
        *axes,
        "--optuna",
        "20",
        "--seed",
        "4",
        "--walk-forward",
        "30:10",
        "--embargo",
        "2",
        "--output",
        "html",
        "--file",
        "map.html",
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert f"written: {folder / 'map.html'}" == done.stdout.splitlines()[-1]
    assert "<h1>sma_cross KRW-XRP 60m</h1>" in (folder / "map.html").read_text(encoding="utf-8")
    for words in ("Walk-forward: chosen by sharpe", "tests joined: return", "(deflated Sharpe", "Mean sharpe by short_period"):
        assert words in done.stdout


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds child processes under /proc")
def test_a_killed_sweep_goes_on_where_it_was(folder: Path, database: str) -> None:
    process = subprocess.Popen(command(folder, *MANY), cwd=folder, env=environment(database), stdout=subprocess.DEVNULL)
    while not kept(database):
        assert process.poll() is None
    judges = children(process.pid)
    process.kill()
    process.wait()
    while any(Path(f"/proc/{judge}").exists() for judge in judges):
        pass
    before = kept(database)

    done = run(folder, database, *MANY)

    assert judges
    assert 0 < before < 400
    assert f"400 sets: {400 - before} judged now, {before} known from before" in done.stdout
    assert 400 == kept(database)


@pytest.mark.parametrize(
    ("code", "arguments", "said"),
    [
        (2, ["--strategy", "sma_cross", "--grid", "short_period=9:3"], "goes from 9 down to 3"),
        (2, ["--strategy", "sma_cross", "--grid", "short_perod=3:9"], "did you mean short_period?"),
        (2, ["--strategy", "grid", "--grid", "lines=2:9", "--output", "html"], "give both --output html and --file, or neither"),
        (2, ["--strategy", "grid", "--grid", "lines=2:9", "--objective", "luck"], "'luck' is none of sharpe, return, calmar"),
        (2, ["--strategy", "grid", "--grid", "lines=2:9", "--walk-forward", "90"], "'90' is not TRAIN:TEST in days"),
        (
            1,
            ["--strategy", "sma_cross", "--grid", "long_period=20:30", "--walk-forward", "90:30"],
            "1,500 bars are too few for one",
        ),
        (
            1,
            ["--strategy", "grid", "--grid", "lines=2:9", "--to", "2024-01-01"],
            "none of its candles lies between --from and --to",
        ),
    ],
)
def test_what_cannot_be_meant_is_named(folder: Path, code: int, arguments: list[str], said: str, database: str) -> None:
    done = run(folder, database, *arguments)

    assert (code, True) == (done.returncode, said in done.stderr), done.stderr
