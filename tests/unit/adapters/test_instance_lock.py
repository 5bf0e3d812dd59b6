"""One process a state folder, one mode a state folder."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dg_bot.adapters.instance_lock import InstanceLock, claim_folder, process_at_work
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import StateError, UnsafeSetup

HOLD = """
import sys
from pathlib import Path
from dg_bot.adapters.instance_lock import InstanceLock
from dg_bot.errors import UnsafeSetup
try:
    with InstanceLock(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
except UnsafeSetup as error:
    print(f"refused {error}", flush=True)
"""


def start(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def first_word(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().split(" ")[0].strip()


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with InstanceLock(tmp_path / "state"), start(tmp_path / "state") as other:
        line, _ = other.communicate("")

    assert line.startswith("refused DATA_DIR: ")
    assert f"in use by process {os.getpid()}; stop process {os.getpid()}" in line


def test_of_processes_that_start_together_one_gets_it(tmp_path: Path) -> None:
    processes = [start(tmp_path / "state") for _ in range(3)]

    words = sorted(first_word(process) for process in processes)

    for process in processes:
        process.communicate("")
    assert ["held", "refused", "refused"] == words


def test_a_killed_holder_does_not_lock_us_out(tmp_path: Path) -> None:
    with start(tmp_path / "state") as holder:
        assert "held" == first_word(holder)
        with pytest.raises(UnsafeSetup, match=f"process {holder.pid}"), InstanceLock(tmp_path / "state"):
            pass
        holder.kill()
        holder.wait()

    with InstanceLock(tmp_path / "state"):
        assert f"{os.getpid()}\n" == (tmp_path / "state" / "lock").read_text()


def test_who_is_at_work_on_a_folder_is_told_without_trying_its_lock(tmp_path: Path) -> None:
    assert process_at_work(tmp_path) is None
    with start(tmp_path) as holder:
        assert "held" == first_word(holder)
        assert holder.pid == process_at_work(tmp_path)
        holder.kill()
        holder.wait()
        assert process_at_work(tmp_path) is None
    # An act of the doctor held it a moment ago.
    with InstanceLock(tmp_path):
        assert process_at_work(tmp_path) is None


def test_the_same_process_is_refused_too_until_it_lets_go(tmp_path: Path) -> None:
    with InstanceLock(tmp_path), pytest.raises(UnsafeSetup), InstanceLock(tmp_path):
        pass

    with InstanceLock(tmp_path):
        pass


def test_folder_and_lock_are_for_the_owner_alone(tmp_path: Path) -> None:
    with InstanceLock(tmp_path / "state"):
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state", tmp_path / "state" / "lock")]

    assert [0o700, 0o600] == modes


def test_a_linked_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "target")

    with pytest.raises(StateError, match="symbolic link"), InstanceLock(tmp_path):
        pass


def test_a_disk_that_cannot_lock_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)

    with pytest.raises(StateError, match="No locks available"), InstanceLock(tmp_path):
        pass


def test_a_folder_keeps_its_mode(tmp_path: Path) -> None:
    claim_folder(tmp_path / "state", Mode.PAPER, "dg")
    claim_folder(tmp_path / "state", Mode.PAPER, "dg")

    with pytest.raises(UnsafeSetup, match="belongs to mode paper and this is mode live"):
        claim_folder(tmp_path / "state", Mode.LIVE, "dg")


def test_a_folder_keeps_its_namespace(tmp_path: Path) -> None:
    claim_folder(tmp_path / "state", Mode.LIVE, "dg")

    with pytest.raises(UnsafeSetup, match="belongs to namespace dg and this is other"):
        claim_folder(tmp_path / "state", Mode.LIVE, "other")


def test_a_damaged_mark_is_not_taken_for_a_fresh_folder(tmp_path: Path) -> None:
    claim_folder(tmp_path, Mode.LIVE, "dg")
    (tmp_path / "instance.json").write_bytes(b"")

    with pytest.raises(StateError, match="is empty"):
        claim_folder(tmp_path, Mode.LIVE, "dg")


def test_a_lost_mark_beside_a_journal_is_not_taken_for_a_fresh_folder(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(b"something")

    with pytest.raises(StateError, match="is lost"):
        claim_folder(tmp_path, Mode.LIVE, "dg")


def test_claiming_tidies_what_a_killed_write_left_and_tightens_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o755)
    (folder / ".cursors.json.x.tmp").touch()

    claim_folder(folder, Mode.DEMO, "dg")

    assert [folder / "instance.json"] == list(folder.iterdir())
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateError):
        claim_folder(tmp_path / "state", Mode.DEMO, "dg")
