"""Trade 500 hours of the tape over HTTP under faults, cut the network, compute every cycle again: `make replay-500`."""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.adapters.migrations import migrate
from dg_bot.app.log_format import LogFormat
from dg_bot.app.logs import configure_logs
from dg_bot.app.replay import Replayed, Replayer, Verdict
from dg_bot.app.replay_report import line
from dg_bot.app.secrets import Redactor
from dg_bot.domain.cycle_report import CycleReport
from tests.e2e.replay_bench import (
    RecordedHours,
    ReplayBench,
    asking_settings,
    hours_from,
    no_network,
    seeded_answers,
    seeded_faults,
)
from tests.e2e.tape_bench import ROOT, tape, tape_text
from tests.openai_server import OpenAiServer
from tests.shared_data import ROOT as SHARED

_TAPE = SHARED / "candles" / "KRW-BTC_60m_2020-2023.csv.gz"
_RESULT = ROOT / "docs" / "results" / "replay.json"
_FIRST = datetime(2022, 2, 20, tzinfo=UTC)
_SEED = 20220220
_LIVES = 8
# Hours, not bars of four: a question, and now and then an order, in each.
_STRATEGY = {"STRATEGY": "grid", "STRATEGY_TIMEFRAME": "60m"}
_MOST_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Give 0 where orders were sent and every cycle came out the same within the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=500)
    cycles = parser.parse_args(arguments).cycles
    if not _TAPE.exists():
        print(f"the recorded candles are not here: {_TAPE}")
        return 0
    configure_logs(level="ERROR", log_format=LogFormat.JSON, redactor=Redactor(()))
    with tempfile.TemporaryDirectory() as name:
        recorded, asked = _recorded(Path(name), cycles)
        started, worked = time.perf_counter(), time.process_time()
        with no_network():
            found = list(Replayer(recorded.settings, {}).replay(None))
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
    times = {"replay_s": round(seconds, 1), "replay_cpu_s": round(cpu, 1)}
    result = {**_result(recorded.reports, found), "questions": asked, **times}
    for one in found:
        if one.verdict is not Verdict.SAME:
            print(line(one))
    print(json.dumps(result, indent=2))
    if cycles >= 500:
        _RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if result["orders"] and result["same"] == cycles and seconds <= _MOST_S else 1


def _recorded(folder: Path, cycles: int) -> tuple[RecordedHours, int]:
    """Give what was recorded, and how often the language model was asked."""
    server = EmbeddedPostgres(data_dir=folder / "postgres", password_file=folder / "password")
    dsn = server.start()
    try:
        migrate(dsn)
        bot = folder / "bot"
        bot.mkdir()
        bench = ReplayBench(
            folder=bot, text=tape_text(_TAPE), tape=tape(_TAPE), database=dsn, faults=seeded_faults(_SEED, cycles // 10)
        )
        with bench.open(), OpenAiServer() as model:
            model.answer = seeded_answers(_SEED)
            chosen = {**asking_settings(model, folder), **_STRATEGY}
            recorded = bench.record(hours_from(_FIRST, cycles), lives=_LIVES, extra=chosen)
            return recorded, len(model.decisions)
    finally:
        server.stop()


def _result(reports: Sequence[CycleReport], found: Sequence[Replayed]) -> dict[str, object]:
    return {
        "tape": _TAPE.name,
        "first_hour": f"{_FIRST:%Y-%m-%dT%H}",
        "seed": _SEED,
        "cycles": len(reports),
        "faults": len(reports) // 10 + 1,
        "outcomes": dict(sorted(Counter(str(report.outcome) for report in reports).items())),
        "orders": sum(len(report.orders) for report in reports),
        **{str(verdict): sum(one.verdict is verdict for one in found) for verdict in Verdict},
    }


if __name__ == "__main__":
    sys.exit(main())
