"""Single faults of the true process: what is torn, what is told late, what hangs, what is full, and how it ends."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.app.exit_codes import ExitCode
from dg_bot.domain.order import Side
from tests.e2e.daemon_process import DaemonProcess
from tests.e2e.deaths_bench import AFTER_THE_FALL, ALIVE, KILLED, Life, Point, Yard, order_for
from tests.e2e.dying_bot import AFTER, BEFORE
from tests.e2e.market_bench import MarketBench, breakout, eventually
from tests.e2e.tape_bench import ROOT, WarmProgram
from tests.postgres import rows
from tests.telegram_server import CHAT, SILENCE, TOKEN, TelegramServer


@contextmanager
def daemon_of(bench: MarketBench, ill: str = "none") -> Iterator[DaemonProcess]:
    """Start the daemon in an interpreter of its own, with an ill."""
    order = json.dumps(order_for(ALIVE, bench.folder / "notes", ill))
    settings = bench.settings | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    with DaemonProcess(settings, bench.folder, str(ROOT / "tests" / "e2e" / "dying_bot.py"), order) as daemon:
        daemon.wait_for("daemon_running")
        yield daemon


def telegram_settings(server: TelegramServer) -> dict[str, str]:
    return {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_CHAT_ID": CHAT,
        "TELEGRAM_BASE_URL": server.url,
        "BOT_LANGUAGE": "en",
    }


def sides(life: Life) -> list[Side]:
    return [order.side for order in life.bench.orders]


def count_of(life: Life, table: str) -> int:
    return len(rows(life.bench.settings["DATABASE_URL"], f"TABLE {table}"))


def test_d04_death_after_the_record_and_before_the_row_leaves_the_row_to_the_next_start(yard: Yard) -> None:
    """The rows follow with the next start, from the journal."""
    with yard.life() as life:
        life.process("buy", Point("rows 1", BEFORE))
        before = count_of(life, "fills")
        life.process("again")

        assert (0, [], 1) == (before, life.settle().faults, life.tally.kills)
        assert 0 != count_of(life, "fills")


def test_d05_death_after_the_row_and_before_the_place_is_kept_writes_no_second_row(yard: Yard) -> None:
    """The same records are offered again, and the rows that are there already stay single."""
    with yard.life() as life:
        life.process("buy", Point("rows 1", AFTER))
        before = {table: count_of(life, table) for table in ("orders", "fills", "trades", "cycles")}
        life.process("again")
        after = {table: count_of(life, table) for table in before}

        assert (before, [], 1) == (after, life.settle().faults, life.tally.kills)
        assert 0 not in before.values()


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_d06_death_around_a_message_tells_it_again_rather_than_never(yard: Yard, when: str) -> None:
    """The message is told by the next start, a second time where it had gone out already; the order itself is not repeated."""
    with TelegramServer() as telegram, yard.life(settings=telegram_settings(telegram)) as life:
        life.process("buy", Point("message 2", when))
        life.process("again")
        titles = [message.text.splitlines()[0] for message in telegram.sent]

        assert (1 if when == BEFORE else 2) == titles.count("🟢 <b>KRW-BTC bought</b>")
        assert ([], [Side.BUY]) == (life.settle().faults, sides(life))


@pytest.mark.parametrize("name", ["rename risk_state.json 3", "rename cursors.json 1"])
def test_d07_death_in_the_middle_of_writing_a_file_leaves_the_old_one_and_no_litter(yard: Yard, name: str) -> None:
    """The file before it stands, what was half written is removed by the next start, and everything ends as it would have."""
    with yard.life() as life:
        life.process("buy", Point(name, BEFORE))
        folder = life.bench.folder / "data" / "state"
        litter = [path.name for path in folder.glob(".*.tmp")]
        life.process("again")

        assert (1, []) == (len(litter), list(folder.glob(".*.tmp")))
        assert ([], 1) == (life.settle().faults, life.tally.kills)


def test_d11_a_second_interrupt_inside_the_end_changes_nothing(yard: Yard) -> None:
    """The end goes on as it began, with exit code 0, and the next start finds everything as it was."""
    with TelegramServer() as telegram, yard.bench(**telegram_settings(telegram)) as bench:
        with bench.daemon() as daemon:
            daemon.run_cycle()
            daemon.wait_for("cycle_completed", outcome="traded")
            telegram.replies.extend([SILENCE] * 9)
            daemon.send(signal.SIGINT)
            eventually(lambda: bench.journal[-1]["kind"] == "stopped", "the record of the end")
            code = daemon.end(signal.SIGINT)
        kept = bench.journal
        with bench.daemon() as daemon:
            health = daemon.health()
            again = daemon.end()

        assert (0, 0, 200) == (code, again, health[0])
        assert [Side.BUY] == [order.side for order in bench.orders]
        assert kept == bench.journal[: len(kept)]


def crashes(life: Life, times: int) -> None:
    for _ in range(times):
        assert KILLED == life.process("crash", Point("append Started 1", AFTER)).exit_code


def test_d12_after_five_crashes_in_ten_minutes_the_sixth_start_waits_and_takes_no_new_risk(yard: Yard) -> None:
    """The sixth start waits for a guard period, blocks entries until an operator ends that, tells so once, and still sells."""
    with yard.life(is_daemon=True) as life:
        life.process("buy")
        life.falls()
        crashes(life, 5)
        sixth = life.process("sell")
        life.process("again")
        told = [alarm["kind"] for alarm in life.bench.recorded("alarm_raised")]

        assert ["5 starts within ten minutes did not end on purpose"] == [
            body["reason"] for body in life.bench.recorded("safe_mode_entered")
        ]
        assert (["crash_loop"], [Side.BUY, Side.SELL]) == (told, sides(life))
        assert sixth.first_tick_s is not None
        assert 1.0 <= sixth.first_tick_s  # the guard's period here


@pytest.mark.parametrize("is_daemon", [True, False])
def test_d12_fewer_crashes_and_those_of_single_cycles_count_for_nothing(yard: Yard, *, is_daemon: bool) -> None:
    """Four crashes of the daemon block nothing, nor do any number of single cycles that somebody ran and that died."""
    with yard.life(is_daemon=is_daemon) as life:
        crashes(life, 4 if is_daemon else 6)
        life.process("buy")

        assert ([], [Side.BUY]) == (life.settle().faults, sides(life))


@pytest.mark.parametrize("name", ["IntentPlanned", "IntentSending", "IntentAnswered", "IntentClosed"])
def test_d14_a_record_that_the_power_cut_took_is_made_up_for(yard: Yard, name: str) -> None:
    """What was not synced is gone, and nothing had been done on the strength of it; what the exchange knows is booked once."""
    with yard.life() as life:
        undisturbed = life.process("buy", Point(f"append {name} 1", BEFORE))
        place = sum(call == "sync" for call in undisturbed.calls) + 1
        life.process("again")
        assert [] == life.settle().faults
    with yard.life() as life:
        life.process("buy", Point(f"sync {place}", BEFORE))
        path = life.bench.folder / "data" / "state" / "journal.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:-1]))
        lost = json.loads(lines[-1])["kind"]
        life.process("again")
        life.falls()
        life.process("sell")

        assert name == "".join(word.title() for word in lost.split("_"))
        assert ([], 1) == (life.settle().faults, life.tally.kills)


def test_d17_a_screen_that_gets_no_memory_costs_its_cycle_and_nothing_else(yard: Yard) -> None:
    """The cycle fails, the guard goes on, and a start with enough memory runs the hour's cycle."""
    with yard.life(is_daemon=True, settings={"GUARD_SECONDS": "30"}) as life:
        starved = life.process("buy", ill="no memory")
        before = sides(life)
        life.process("again")

        assert (0, True, []) == (starved.exit_code, "MemoryError" in starved.log, before)
        assert starved.first_tick_s is not None
        assert ([], [Side.BUY]) == (life.settle().faults, sides(life))


def test_f06_an_entry_that_cannot_be_journalled_is_not_sent(yard: Yard) -> None:
    """No order leaves, the guard goes on, and with room on the disk the hour's cycle is made up for."""
    with yard.life(is_daemon=True) as life:
        full = life.process("buy", ill="no disk")
        before = sides(life)
        life.process("again")

        assert (0, []) == (full.exit_code, before)
        assert "was not written" in full.log
        assert ([], [Side.BUY]) == (life.settle().faults, sides(life))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing be written in a folder, not even by the superuser; skips the test where nobody may mount."""
    bound = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, text=True, check=False)
    if bound.returncode != 0:
        pytest.skip(f"only who may mount can make a folder read-only for everybody: {bound.stderr.strip()}")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_f05_a_start_in_a_read_only_folder_is_refused_and_sells_nothing_it_could_not_remember(
    yard: Yard, warm_program: WarmProgram
) -> None:
    """The start is refused with its own exit code and sends nothing; once the folder can be written, the stop is sold."""
    with yard.life() as life:
        life.process("buy")
        life.falls()
        with read_only(life.bench.folder / "data"):
            refused = life.bench.run(warm_program.run)
        before = sides(life)
        life.process("sell")

        assert (ExitCode.REFUSED, [Side.BUY]) == (refused.exit_code, before)
        assert "Read-only file system" in refused.log
        assert ([], [Side.BUY, Side.SELL]) == (life.settle().faults, sides(life))


def test_a_guard_that_hangs_ends_the_process_with_its_own_code(yard: Yard) -> None:
    with yard.bench() as bench, daemon_of(bench, "a guard that hangs") as daemon:
        daemon.wait_for("guard_stuck")
        code = daemon.exit_code()

    assert ExitCode.WATCHDOG == code


def test_a_process_that_was_stopped_for_longer_than_three_periods_goes_on(yard: Yard) -> None:
    with yard.bench() as bench, bench.daemon() as daemon:
        daemon.run_cycle()
        daemon.wait_for("cycle_completed", outcome="traded")
        daemon.send(signal.SIGSTOP)
        threading.Event().wait(4.0)
        bench.move_to(breakout() + AFTER_THE_FALL)
        daemon.send(signal.SIGCONT)
        daemon.wait_for("order_closed", times=2)
        code = daemon.end()

    assert (0, [Side.BUY, Side.SELL]) == (code, [order.side for order in bench.orders])


def test_a_database_that_stops_and_starts_under_the_daemon_gets_all_its_rows(yard: Yard, tmp_path: Path) -> None:
    server = EmbeddedPostgres(data_dir=tmp_path / "data", password_file=tmp_path / "password")
    dsn = server.start()
    pid_file = tmp_path / "data" / "cluster" / "postmaster.pid"
    with yard.bench(DATABASE_URL=dsn) as bench, daemon_of(bench, "impatience") as daemon:
        eventually(lambda: daemon.health()[1]["checks"]["outbox"]["detail"] == "all delivered", "the rows of the start")
        os.kill(int(pid_file.read_text(encoding="ascii").split()[0]), signal.SIGINT)
        eventually(lambda: not pid_file.exists(), "the end of the server")
        daemon.run_cycle()
        daemon.wait_for("cycle_completed", outcome="traded")
        daemon.wait_for("projection_behind", projection="database")
        again = server.start()
        daemon.wait_for("projection_caught_up", projection="database")
        code = daemon.end()
    kept = rows(dsn, "SELECT side FROM fills GROUP BY side")
    server.stop()

    assert (dsn, 0, [("buy",)]) == (again, code, kept)


def test_an_hour_that_passed_while_nobody_ran_is_made_up_for_once(yard: Yard) -> None:
    with yard.life(is_daemon=True) as life:
        bench = life.bench
        bench.move_to(breakout() - timedelta(minutes=5))
        crashes(life, 1)
        bench.move_to(breakout() + timedelta(minutes=5))
        with bench.daemon() as daemon:
            daemon.wait_for("cycle_completed", outcome="traded")
            first = daemon.end()
        with bench.daemon() as daemon:
            second = daemon.end()

        assert (0, 0, 1) == (first, second, len(bench.recorded("cycle_completed")))
        assert [Side.BUY] == sides(life)
