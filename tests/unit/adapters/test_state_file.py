"""A state file is read as it was written, or refused with a remedy; it never turns into a default."""

import errno
import json
import os
import random
from pathlib import Path

import pytest

from dg_bot.adapters.state_file import Cursors, read_state, write_state
from dg_bot.errors import ImpossibleValue, StateError

BODY = {
    "daily_pnl": "-12500.50",
    "safe_mode": False,
    "safe_mode_reason": "손실 한도",
    "positions": [{"market": "KRW-BTC", "quantity": "0.5"}],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "state" / "risk_state.json"
    write_state(file, BODY)
    return file


def test_what_was_written_is_read(path: Path) -> None:
    assert BODY == read_state(path)


def test_a_person_can_read_it(path: Path) -> None:
    content = json.loads(path.read_text())

    assert (1, "-12500.50", "손실 한도") == (content["schema_version"], content["daily_pnl"], content["safe_mode_reason"])
    assert "손실 한도" in path.read_text()


def test_no_file_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path / "risk_state.json") is None


def test_an_empty_file_is_refused(path: Path) -> None:
    path.write_bytes(b"")

    with pytest.raises(StateError, match=r"risk_state\.json: is empty; move it away") as raised:
        read_state(path)
    assert (str(path), "is empty") == (raised.value.path, raised.value.problem)


def test_a_file_cut_anywhere_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(len(whole) - 2):
        path.write_bytes(whole[:size])
        with pytest.raises(StateError):
            read_state(path)


def test_every_flipped_digit_is_seen(path: Path) -> None:
    whole = path.read_bytes()
    for place, byte in enumerate(whole):
        if chr(byte).isdigit():
            path.write_bytes(whole[:place] + (b"1" if byte != ord("1") else b"2") + whole[place + 1 :])
            with pytest.raises(StateError):
                read_state(path)


def test_a_flipped_bit_is_seen_or_changes_nothing(path: Path) -> None:
    whole, chance = path.read_bytes(), random.Random(7)
    for _ in range(300):
        place = chance.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << chance.randrange(8))]) + whole[place + 1 :])
        try:
            found = read_state(path)
        except StateError:
            continue
        assert found == BODY


@pytest.mark.parametrize("version", [0, 2, 1.0, True, "1", None])
def test_another_version_is_refused(path: Path, version: object) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "schema_version": version}))

    with pytest.raises(StateError, match="this program reads 1"):
        read_state(path)


@pytest.mark.parametrize(
    "text", ["[]", "null", "5", '{"schema_version": 1}', '{"schema_version": 1, "a": NaN, "checksum": ""}', "[" * 9999]
)
def test_other_json_is_refused(path: Path, text: str) -> None:
    path.write_text(text)

    with pytest.raises(StateError):
        read_state(path)


def test_a_link_is_not_followed(path: Path) -> None:
    other = path.with_name("link.json")
    other.symlink_to(path)

    with pytest.raises(StateError, match="symbolic link"):
        read_state(other)


@pytest.mark.parametrize("body", [{"a": float("nan")}, {"a": object()}, {"checksum": "x"}, {"schema_version": 2}])
def test_what_could_not_be_read_back_is_not_written(path: Path, body: dict[str, object]) -> None:
    with pytest.raises(StateError, match="cannot be written"):
        write_state(path, body)
    assert BODY == read_state(path)


def test_half_of_a_surrogate_pair_does_not_spoil_the_file(path: Path) -> None:
    write_state(path, {"safe_mode_reason": "\ud83d broken"})

    assert {"safe_mode_reason": "? broken"} == read_state(path)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS])
def test_a_failed_write_keeps_the_old_state(path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(StateError, match=os.strerror(code)):
        write_state(path, {"safe_mode": True})
    assert BODY == read_state(path)


def test_a_cursor_starts_at_zero_and_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "cursors.json"
    cursors = Cursors(path)

    assert 0 == cursors.get("database")
    cursors.move("database", 7)
    cursors.move("telegram", 3)

    again = Cursors(path)
    assert {"database": 7, "telegram": 3} == again.all()
    assert 7 == again.get("database")


@pytest.mark.parametrize(("sequence", "is_taken"), [(6, False), (7, True), (8, True)])
def test_a_cursor_never_goes_back(tmp_path: Path, sequence: int, is_taken: bool) -> None:
    cursors = Cursors(tmp_path / "cursors.json")
    cursors.move("database", 7)

    if is_taken:
        cursors.move("database", sequence)
        assert sequence == cursors.get("database")
    else:
        with pytest.raises(ImpossibleValue, match="already at 7"):
            cursors.move("database", sequence)


def test_a_cursor_that_could_not_be_kept_has_not_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cursors = Cursors(tmp_path / "cursors.json")
    cursors.move("database", 7)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StateError, match="No space"):
            cursors.move("database", 8)

    assert (7, 7) == (cursors.get("database"), Cursors(tmp_path / "cursors.json").get("database"))


@pytest.mark.parametrize("cursors", [None, [], {"database": -1}, {"database": "7"}, {"database": True}])
def test_cursors_that_are_no_positions_are_refused(tmp_path: Path, cursors: object) -> None:
    write_state(tmp_path / "cursors.json", {"cursors": cursors})

    with pytest.raises(StateError, match="positions"):
        Cursors(tmp_path / "cursors.json")
