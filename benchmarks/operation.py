"""Times the bot at work: cold start, cycle, restart, reports, a trained model; and the memory that the daemon holds."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import trained_model
from benchmarks.journal_year import HOURS, restart_seconds, write
from benchmarks.report_start import report_seconds
from benchmarks.venue import SteppedVenue, fill_archive
from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.events import CycleCompleted

ROOT = Path(__file__).resolve().parents[1]
COLD_RUNS = 7
CYCLES = 100
_DEADLINE_S = 60.0
_ASK_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure, its unit, what is aimed at, and the figure over the aim."""

    name: str
    value: float
    unit: str
    aim: float

    @property
    def ratio(self) -> float:
        return self.value / self.aim


def measured_operation(folder: Path) -> list[Measured]:
    """Measure all of this module, in folders below `folder`."""
    with ExitStack() as stack:
        return [
            *cold_start(folder / "cold", stack),
            *daemon(folder / "daemon", stack),
            *restarts(folder / "year"),
            *reports(folder / "reports"),
            *trained_models(folder),
        ]


def cold_start(folder: Path, stack: ExitStack) -> list[Measured]:
    """Time `main.py --mode demo` from process start to exit, with the database running and the archive filled."""
    environment = {"DATA_DIR": str(folder), "MARKETS": "KRW-BTC"}
    fill_archive(SteppedVenue(), folder / "candles")
    _run(environment)
    server = EmbeddedPostgres(data_dir=folder / "postgres", password_file=folder / "state" / "postgres_password")
    server.start()
    stack.callback(server.stop)
    seconds = [_run(environment) for _ in range(COLD_RUNS)]
    return [Measured("cold main.py cycle, median of process start to exit", statistics.median(seconds), "s", 4.0)]


def daemon(folder: Path, stack: ExitStack) -> list[Measured]:
    """Run the daemon for a hundred cycles over HTTP on loopback; its memory afterwards, and what each cycle took."""
    venue = SteppedVenue()
    stack.enter_context(venue.serving())
    fill_archive(venue, folder / "candles")
    environment = {
        "MODE": "live",
        "UPBIT_BASE_URL": venue.base_url,
        "UPBIT_ACCESS_KEY": "benchmark-access-key-benchmark-access-key",
        "UPBIT_SECRET_KEY": "benchmark-secret-key-benchmark-secret-key",
        "LIVE_TRADING_CONFIRMED": "yes",
        "KEY_SCOPE_CONFIRMED": "trade-only",
        "CLOCK_FROM_VENUE": "yes",
        "DATA_DIR": str(folder),
        "CANDLE_DIR": str(folder / "candles"),
        "MARKETS": "KRW-BTC,KRW-ETH",
        "HEALTH_PORT": "0",
        "CYCLE_CRON": "59 23 31 12 *",
    }
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "scheduler_main.py")],
        cwd=folder,
        env={**_bare(), **environment},
        stdout=subprocess.DEVNULL,
        stderr=stack.enter_context((folder / "log").open("w")),
    )
    stack.callback(process.kill)
    journal = folder / "state" / "journal.jsonl"
    _wait(lambda: journal.exists() and b'"account_opened"' in journal.read_bytes())
    for number in range(1, CYCLES + 1):
        _wait(partial(_has_reports, journal, 2 * number), partial(process.send_signal, signal.SIGUSR1))
        venue.step()
    memory = _resident_mib(process.pid)
    process.send_signal(signal.SIGTERM)
    process.wait(_DEADLINE_S)
    reports = [report for report in _reports(journal) if report.screen is not None]
    cycle_ms = statistics.median(sum(report.durations_ms.values()) for report in reports)
    return [
        Measured(f"cycle with screen, over loopback HTTP, median of {len(reports)}", cycle_ms, "ms", 150.0),
        Measured(f"daemon's resident memory after {CYCLES} cycles on two markets", memory, "MiB", 350.0),
    ]


def restarts(folder: Path) -> list[Measured]:
    """Open a journal of a year on two markets, as a start does: with its snapshot, and with every record read."""
    write(folder / "journal.jsonl", HOURS)
    seconds = restart_seconds(folder / "journal.jsonl", HOURS)
    for snapshot in folder.glob("snapshot-*"):
        snapshot.unlink()
    return [
        Measured("restart after a year of journal", seconds, "s", 5.0),
        Measured("the same without a snapshot, every record read", restart_seconds(folder / "journal.jsonl", HOURS), "s", 10.0),
    ]


def reports(folder: Path) -> list[Measured]:
    """Time `run_backtest.py` over two years of hours, as text and as a page."""
    fill_archive(SteppedVenue(), folder / "candles")
    environment = {**_bare(), "CANDLE_DIR": str(folder / "candles")}
    text = report_seconds(folder, environment)
    page = report_seconds(folder, environment, "--output", "html", "--file", "report.html")
    return [
        Measured("text report of a backtest over two years of hours, process start to exit", text, "s", 1.5),
        Measured("the same as a page of HTML", page, "s", 3.0),
    ]


def trained_models(folder: Path) -> list[Measured]:
    """Load a model of the usual size, and ask it."""
    candles = trained_model.hours()
    path = trained_model.trained(folder, candles)
    predict_ms, decide_ms = trained_model.answer_ms(path, candles)
    return [
        Measured(
            "trained model looked over and loaded in a fresh process, the runtime's import with it",
            trained_model.load_ms(path),
            "ms",
            300.0,
        ),
        Measured(f"one prediction of it, 99th percentile of {trained_model.ANSWERS:,}", predict_ms, "ms", 1.0),
        Measured("all that a decision asks of it: features, and the hours before as well", decide_ms, "ms", 10.0),
    ]


def _run(environment: Mapping[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "--mode", "demo"],
        cwd=environment["DATA_DIR"],
        env={**_bare(), **environment},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


def _bare() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def _reports(journal: Path) -> list[CycleReport]:
    return [record.event.report for record in read_journal(journal) if isinstance(record.event, CycleCompleted)]


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def _has_reports(journal: Path, count: int) -> bool:
    return len(_reports(journal)) >= count


def _wait(is_done: Callable[[], bool], ask: Callable[[], None] = lambda: None) -> None:
    """Wait for something, asking for it again every half second: an hour's cycle runs once however often it is asked for."""
    give_up_at = time.monotonic() + _DEADLINE_S
    ask_at = 0.0
    while not is_done():
        if time.monotonic() >= ask_at:
            ask()
            ask_at = time.monotonic() + _ASK_AGAIN_S
        if time.monotonic() > give_up_at:
            raise TimeoutError("the daemon did not get there")
        time.sleep(0.02)
