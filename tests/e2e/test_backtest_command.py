"""`scripts/backtesting/run_backtest.py` as its user runs it."""

import json
import math
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dg_bot.adapters.journal_file import JournalFile
from dg_bot.analysis.features import WINDOW_BARS
from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.events import AlarmRaised, NewsJudged, NewsSeen
from dg_bot.domain.language_model import AnswerKind
from dg_bot.domain.news import NewsEntry
from tests.equality.both_ways import made_hours
from tests.model_files import linear_model, manifest_of, put
from tests.shared_data import shared

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "backtesting" / "run_backtest.py"


def run(folder: Path, *arguments: str, candles: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "CANDLE_DIR": str(folder / "candles") if candles is None else candles}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def made(folder: Path) -> Path:
    """Write 1,500 hours from 2023-01-01 in which every check of an entry passes now and then."""
    candles = made_hours(31, 1500)
    columns = (candles.opened_at, candles.open, candles.high, candles.low, candles.close, candles.volume)
    rows = (f"{from_epoch(second):%Y-%m-%dT%H:%M:%SZ},{','.join(map(repr, row))}" for second, *row in zip(*columns, strict=True))
    path = folder / "made.csv"
    path.write_text("\n".join(("timestamp,open,high,low,close,volume", *rows)) + "\n")
    return path


def written(folder: Path, *, name: str = "walk.csv") -> Path:
    """Write 400 hours that swing once in two days."""
    rows = ["timestamp,open,high,low,close,volume"]
    for hour in range(400):
        price = round(1000 + 50 * math.sin(hour * math.pi / 24))
        rows.append(f"2024-01-{1 + hour // 24:02d}T{hour % 24:02d}:00:00Z,{price},{price + 5},{price - 5},{price},10")
    path = folder / name
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_report_of_a_file_is_printed(tmp_path: Path) -> None:
    done = run(tmp_path, "--market", "KRW-XRP", "--strategy", "sma_cross", "--timeframe", "60m", "--data", str(written(tmp_path)))

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("sma_cross  KRW-XRP  60m\n2024-01-01 to 2024-01-17, 400 bars\n")


def test_terms_of_fills_can_be_given_and_stand_in_the_report(tmp_path: Path) -> None:
    quick = ("--strategy", "sma_cross", "--param", "short_period=2", "--param", "long_period=4")
    base = ("--market", "KRW-BTC", *quick, "--timeframe", "240m", "--data", str(made(tmp_path)))
    terms = ("--slippage-bps", "5", "--depth-krw", "2e7", "--impact", "0.01", "--participation", "0.1", "--capital-krw", "1e7")

    usual, dear = (json.loads(run(tmp_path, *base, *more, "--output", "json").stdout) for more in ((), (*terms, "--inside")))

    expected = {"slippage_fraction": 0.0005, "depth_krw": 2e7, "impact_fraction": 0.01, "participation_fraction": 0.1}
    assert {**expected, "capital_krw": 1e7}.items() <= dear["rules"].items()
    assert len(usual["round_trips"]) == len(dear["round_trips"]) > 0
    assert usual["round_trips"][0]["entry_price"] < dear["round_trips"][0]["entry_price"]


def test_the_screen_of_each_day_blocks_entries_in_both_engines(tmp_path: Path) -> None:
    base = ("--market", "KRW-BTC", "--strategy", "vwap_return", "--timeframe", "60m", "--data", str(made(tmp_path)))
    cycles = tmp_path / "cycles.jsonl"

    alone, kernel, pipeline = (
        json.loads(run(tmp_path, *base, "--output", "json", *more).stdout)
        for more in ((), ("--screen", "daily"), ("--screen", "daily", "--engine", "pipeline", "--cycles", str(cycles)))
    )
    gates = {gate["name"] for line in cycles.read_text().splitlines() for gate in json.loads(line)["gates"] if not gate["passed"]}

    # Of less than 180 days of history nothing is traded on.
    assert len(alone["round_trips"]) > 0
    assert [] == kernel["round_trips"] == pipeline["round_trips"]
    assert "screen.insufficient_history" in gates
    assert [None, 0, 0] == [report["screened"] and report["screened"]["passed"] for report in (alone, kernel, pipeline)]
    assert 0 < kernel["screened"]["days"] <= pipeline["screened"]["days"] <= 63


def test_a_screen_without_hours_is_refused(tmp_path: Path) -> None:
    days = tmp_path / "days.csv"
    rows = [f"2024-{1 + day // 28:02d}-{1 + day % 28:02d}T00:00:00Z,100,110,90,100,1" for day in range(28)]
    days.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]) + "\n")

    base = ("--market", "KRW-BTC", "--strategy", "sma_cross", "--param", "short_period=2", "--param", "long_period=4")
    done = run(tmp_path, *base, "--timeframe", "1d", "--data", str(days), "--screen", "daily")

    assert (1, True) == (done.returncode, "the screen looks at hours" in done.stderr)


def test_parameters_and_days_change_what_is_tested(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    base = ("--market", "KRW-BTC", "--strategy", "sma_cross", "--timeframe", "60m", "--data", str(made(tmp_path)))
    out = ("--output", "json", "--file", str(file))

    done = run(
        tmp_path,
        *base,
        *out,
        "--from",
        "2023-01-03",
        "--to",
        "2023-03-01",
        "--param",
        "short_period=2",
        "--param",
        "long_period=5",
    )

    report = json.loads(file.read_text())
    assert (0, f"{file}: {len(report['round_trips'])} round trips\n") == (done.returncode, done.stdout)
    assert (1368, "2023-01-03T00:00:00Z") == (report["bars"], report["first_bar"])
    assert report["round_trips"]


def test_the_pipeline_makes_the_same_round_trips_as_the_kernel_and_tells_each_cycle(tmp_path: Path) -> None:
    cycles = tmp_path / "cycles.jsonl"
    base = ("--market", "KRW-BTC", "--strategy", "vwap_return", "--data", str(made(tmp_path)), "--output", "json")

    fast = json.loads(run(tmp_path, *base).stdout)
    true = json.loads(run(tmp_path, *base, "--engine", "pipeline", "--cycles", str(cycles)).stdout)

    told = [json.loads(line) for line in cycles.read_text().splitlines()]
    trips = [
        [(trip["entered_at"], trip["exited_at"], trip["reason"]) for trip in report["round_trips"]] for report in (fast, true)
    ]
    assert trips[0] == trips[1]
    assert len(trips[0]) > 3
    assert (1499, "KRW-BTC/2023-01-01T01") == (len(told), told[0]["cycle_id"])
    assert all(one["gates"] for one in told)


def test_news_come_from_the_journal_of_the_bot(tmp_path: Path) -> None:
    """Where there is none, or none of its records is about news, that is said instead of a report without them."""
    base = ("--market", "KRW-BTC", "--strategy", "vwap_return", "--data", str(made(tmp_path)), "--engine", "pipeline", "--news")
    without = run(tmp_path, *base)
    state = tmp_path / "data" / "demo" / "state"
    state.mkdir(parents=True)
    journal = JournalFile.open(state / "journal.jsonl", lambda: datetime(2023, 2, 1, tzinfo=UTC))
    journal.append(AlarmRaised(kind="k", text="t"))
    silent = run(tmp_path, *base)
    journal.append(NewsSeen(source="s", entries=(NewsEntry(url="u", title="t"),)))
    journal.append(NewsJudged(kind=AnswerKind.USABLE, scores={"u": 0.5}, unscored=()))
    journal.close()
    told = run(tmp_path, *base, "--cycles", "cycles.jsonl")

    assert [(3, True), (1, True)] == [
        (without.returncode, "this bot has not run yet" in without.stderr),
        (silent.returncode, "its journal holds no news" in silent.stderr),
    ]
    assert (0, "") == (told.returncode, told.stderr)
    gates = [gate for line in (tmp_path / "cycles.jsonl").read_text().splitlines() for gate in json.loads(line)["gates"]]
    assert 24 == sum(gate["value"] == "1 known, 1 scored" for gate in gates if gate["name"] == "data.news")


def test_a_trained_model_decides_on_hours_that_it_was_not_trained_on(tmp_path: Path) -> None:
    data, buys = str(made(tmp_path)), linear_model(0.01, 0.9)
    base = (
        "--market",
        "KRW-BTC",
        "--strategy",
        "vwap_return",
        "--data",
        data,
        "--engine",
        "pipeline",
        "--cycles",
        "cycles.jsonl",
    )
    before = manifest_of(buys.SerializeToString()).model_copy(update={"cutoff": datetime(2023, 1, 1, tzinfo=UTC)})
    old, young = put(tmp_path, buys, before, name="old.onnx"), put(tmp_path, buys, name="young.onnx")

    told = run(tmp_path, *base, "--model", str(old))
    knows, gone = (run(tmp_path, *base, "--model", str(path)) for path in (young, tmp_path / "gone.onnx"))

    assert (0, "") == (told.returncode, told.stderr)
    gates = [gate for line in (tmp_path / "cycles.jsonl").read_text().splitlines() for gate in json.loads(line)["gates"]]
    kinds = Counter(gate["value"] for gate in gates if gate["name"] == "model.output")
    assert {"warming_up", "usable"} == set(kinds)
    assert WINDOW_BARS - 1 == kinds["warming_up"]
    assert [(2, True), (2, True)] == [
        (knows.returncode, "was trained on hours up to 2026-01-01 00:00Z; begin later: --from 2026-01-02" in knows.stderr),
        (gone.returncode, "--model: is refused; gone.onnx is not there" in gone.stderr),
    ]


def test_cycles_are_told_by_the_pipeline_only(tmp_path: Path) -> None:
    done = run(tmp_path, "--market", "KRW-XRP", "--strategy", "sma_cross", "--cycles", "cycles.jsonl")

    assert (2, True) == (done.returncode, "goes with --engine pipeline" in done.stderr)


def test_data_goes_to_standard_output_where_no_file_is_named(tmp_path: Path) -> None:
    base = ("--market", "KRW-XRP", "--strategy", "sma_cross", "--timeframe", "60m", "--data", str(written(tmp_path)))

    as_json, as_csv = (run(tmp_path, *base, "--output", output) for output in ("json", "csv"))

    assert (0, "", 0, "") == (as_json.returncode, as_json.stderr, as_csv.returncode, as_csv.stderr)
    assert len(json.loads(as_json.stdout)["round_trips"]) == len(as_csv.stdout.splitlines()) - 1


def test_the_report_names_the_command_that_makes_it_again(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    base = ("--market", "KRW-XRP", "--strategy", "sma_cross", "--timeframe", "60m", "--data", str(written(tmp_path)))
    (tmp_path / ".env").write_text("RISK_STOP_LOSS_FRACTION=0.03\n")

    done = run(tmp_path, *base, "--file", str(file))

    command = f"python scripts/backtesting/run_backtest.py {' '.join(base)} --file {file}\n"
    assert (0, "") == (done.returncode, done.stderr)
    assert f"command RISK_STOP_LOSS_FRACTION=0.03 {command}" in file.read_text()


def test_a_report_that_cannot_be_written_is_told_before_anything_is_computed(tmp_path: Path) -> None:
    done = run(tmp_path, "--market", "KRW-XRP", "--strategy", "sma_cross", "--file", str(tmp_path))

    said = f"argument --file: {tmp_path} is a folder; name a file in it"
    assert (2, f"run_backtest.py: error: {said}") == (done.returncode, done.stderr.splitlines()[-1])


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    """As with `| head`: the pipe is closed before the report comes."""
    reading, writing = os.pipe()
    os.close(reading)
    words = ("--market", "KRW-XRP", "--strategy", "sma_cross", "--data", str(written(tmp_path)), "--output", "json")

    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words], cwd=tmp_path, env={}, stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)

    assert (1, b"") == (done.returncode, done.stderr)


def test_days_without_candles_are_told_beside_those_with_some(tmp_path: Path) -> None:
    done = run(tmp_path, "--market", "KRW-XRP", "--strategy", "grid", "--data", str(written(tmp_path)), "--from", "2030-01-01")

    assert 1 == done.returncode
    assert "none of its candles lies between --from and --to: they go from 2024-01-01 to 2024-01-17" in done.stderr


def test_the_archive_of_the_bot_serves_where_no_file_is_given(tmp_path: Path) -> None:
    (tmp_path / "candles" / "hourly").mkdir(parents=True)
    written(tmp_path / "candles" / "hourly", name="KRW-XRP_60m.csv")

    done = run(tmp_path, "--market", "KRW-XRP", "--strategy", "ema_cross", "--timeframe", "60m")

    assert (0, True) == (done.returncode, "400 bars" in done.stdout)
    assert f"candles of {tmp_path / 'candles'}\n" in done.stdout


def test_candles_of_the_demo_are_named_as_made_up(tmp_path: Path) -> None:
    """Without a mode and a folder that is what there is after the demo: its figures say nothing of a real market."""
    folder = tmp_path / "data" / "demo" / "candles"
    (folder / "hourly").mkdir(parents=True)
    written(folder / "hourly", name="KRW-XRP_60m.csv")

    done = run(tmp_path, "--market", "KRW-XRP", "--strategy", "ema_cross", "--timeframe", "60m", candles="")

    assert (0, True) == (done.returncode, f"candles of {folder} (a simulated market)\n" in done.stdout)
    assert done.stdout.splitlines()[1].endswith(" bars, a simulated market")


@pytest.mark.parametrize(
    ("code", "arguments", "said"),
    [
        (2, ["--strategy", "sma"], "'sma' is not a strategy; choose one of volatility_breakout, sma_cross"),
        (2, ["--strategy", "grid", "--param", "lines"], "'lines' is not key=value"),
        (2, ["--strategy", "grid", "--param", "line=3"], "did you mean lines?"),
        (2, ["--strategy", "grid", "--timeframe", "2h"], "must be one of 1m, 3m"),
        (2, ["--strategy", "grid", "--from", "January"], "'January' is not a day as YYYY-MM-DD"),
        (2, ["--strategy", "grid", "--output", "html"], "--file: is needed with --output html"),
        (2, ["--strategy", "grid", "--slippage-bps", "-1"], "'-1' is not a number of at least 0"),
        (2, ["--strategy", "grid", "--inside", "--engine", "pipeline"], "--inside: goes with --engine kernel"),
        (2, ["--strategy", "grid", "--news"], "--news: goes with --engine pipeline"),
        (2, ["--strategy", "grid", "--model", "m.onnx"], "--model: goes with --engine pipeline"),
        (1, ["--strategy", "grid", "--data", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (
            1,
            ["--strategy", "grid"],
            "there are no candles of KRW-XRP; collect them: python scripts/backtesting/collect_candles.py",
        ),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, code: int, arguments: list[str], said: str) -> None:
    done = run(tmp_path, "--market", "KRW-XRP", *arguments)

    assert (code, "") == (done.returncode, done.stdout)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_two_years_of_a_real_market_are_reported(tmp_path: Path) -> None:
    file = shared("candles/KRW-BTC_60m_2020-2023.csv.gz")

    done = run(
        tmp_path,
        "--market",
        "KRW-BTC",
        "--strategy",
        "volatility_breakout",
        "--data",
        str(file),
        "--from",
        "2022-01-01",
        "--to",
        "2024-01-01",
        "--trials",
        "11",
        "--walks",
        "3",
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert "2022-01-01 to 2024-01-01, 4,379 bars, 1 missing" in done.stdout
    assert "above the luck of 20 trials" in done.stdout
    assert " of 3 (" in done.stdout


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "backtesting" / "check_candles.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_files_are_checked_and_the_exit_code_tells(tmp_path: Path) -> None:
    good, cut = written(tmp_path), tmp_path / "cut.csv"
    cut.write_text(good.read_text()[:-20])

    sound, mixed = check(tmp_path, str(good)), check(tmp_path, "--json", str(good), str(cut), "none.csv")

    assert (0, "", True) == (sound.returncode, sound.stderr, "sound" in sound.stdout)
    assert (1, "") == (mixed.returncode, mixed.stderr)
    assert [True, False, False] == [json.loads(line)["ok"] for line in mixed.stdout.splitlines()]
    assert 2 == check(tmp_path).returncode
