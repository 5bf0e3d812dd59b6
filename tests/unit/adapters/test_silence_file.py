from pathlib import Path

import pytest

from dg_bot.adapters.silence_file import SilenceFile
from dg_bot.adapters.state_file import write_state
from dg_bot.adapters.upbit_limiter import START_LIMITS, UNKNOWN_BLOCK_S, UpbitLimiter
from dg_bot.errors import RateLimited, StateError
from tests.unit.adapters.stepping_clock import SteppingClock


def silences(folder: Path, clock: SteppingClock) -> SilenceFile:
    return SilenceFile(folder / "silence.json", clock=clock)


def blocked(folder: Path, clock: SteppingClock, text: str = "blocked for 90 seconds", status: int = 418) -> None:
    """Let a process meet a block, and end."""
    limiter = UpbitLimiter(clock=clock, silences=silences(folder, clock))
    limiter.refused("GET /v1/accounts", "default", status=status, text=text)


@pytest.mark.parametrize(("passed_s", "is_silent"), [(0.0, True), (89.9, True), (90.0, False), (90.1, False)])
def test_a_block_holds_in_the_next_process_until_it_ends(tmp_path: Path, passed_s: float, is_silent: bool) -> None:
    clock = SteppingClock()
    blocked(tmp_path, clock)
    clock.step(passed_s)
    later = UpbitLimiter(clock=clock, silences=silences(tmp_path, clock))

    if is_silent:
        with pytest.raises(RateLimited):
            later.acquire("GET /v1/accounts", "default")
    else:
        later.acquire("GET /v1/accounts", "default")
    later.acquire("GET /v1/ticker", "ticker")


def test_a_block_is_kept_in_time_of_this_machine_whatever_the_venues_clock_says(tmp_path: Path) -> None:
    machine, venue = SteppingClock("2026-11-20T12:00:00"), SteppingClock("2022-05-09T13:00:00")
    limiter = UpbitLimiter(clock=venue, silences=silences(tmp_path, machine))

    limiter.refused("GET /v1/accounts", "default", status=418, text="blocked for 90 seconds")

    assert {"default": 90.0} == silences(tmp_path, machine).left_s()


def test_a_pause_of_a_second_is_not_kept(tmp_path: Path) -> None:
    blocked(tmp_path, SteppingClock(), "too many", status=429)

    assert not (tmp_path / "silence.json").exists()


def test_groups_are_kept_beside_each_other_and_the_longer_block_wins(tmp_path: Path) -> None:
    clock = SteppingClock()
    kept = silences(tmp_path, clock)
    kept.keep("default", 90.0)
    kept.keep("order", 30.0)
    kept.keep("default", 10.0)

    assert {"default": 90.0, "order": 30.0} == kept.left_s()
    clock.step(30.0)
    assert {"default": 60.0} == kept.left_s()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}'])
def test_a_file_that_cannot_be_read_blocks_every_group_for_a_block_of_unknown_length(tmp_path: Path, text: str) -> None:
    clock = SteppingClock()
    (tmp_path / "silence.json").write_text(text)
    limiter = UpbitLimiter(clock=clock, silences=silences(tmp_path, clock))

    for group in START_LIMITS:
        with pytest.raises(RateLimited):
            limiter.acquire("a call", group)
    clock.step(UNKNOWN_BLOCK_S)
    for group in START_LIMITS:
        limiter.acquire("a call", group)


@pytest.mark.parametrize("until", [7, "soon", "2026-11-20T12:00:00", None])
def test_what_is_no_time_is_not_believed(tmp_path: Path, until: object) -> None:
    write_state(tmp_path / "silence.json", {"silent_until": {"default": until}})

    with pytest.raises(StateError):
        silences(tmp_path, SteppingClock()).left_s()


def test_a_damaged_file_is_replaced_at_the_next_block(tmp_path: Path) -> None:
    clock = SteppingClock()
    (tmp_path / "silence.json").write_text("{")

    blocked(tmp_path, clock)

    assert {"default": 90.0} == silences(tmp_path, clock).left_s()


def test_a_block_that_cannot_be_written_holds_in_its_own_process(tmp_path: Path) -> None:
    clock = SteppingClock()
    (tmp_path / "silence.json").mkdir()
    limiter = UpbitLimiter(clock=clock, silences=silences(tmp_path, clock))
    clock.step(UNKNOWN_BLOCK_S)

    limiter.refused("GET /v1/accounts", "default", status=418, text="blocked for 90 seconds")

    with pytest.raises(RateLimited):
        limiter.acquire("GET /v1/accounts", "default")


def test_a_clock_that_was_set_back_blocks_for_no_more_than_a_day(tmp_path: Path) -> None:
    machine = SteppingClock("2026-11-20T12:00:00")
    blocked(tmp_path, machine)
    earlier = SteppingClock("2025-11-20T12:00:00")
    limiter = UpbitLimiter(clock=earlier, silences=silences(tmp_path, earlier))

    with pytest.raises(RateLimited):
        limiter.acquire("GET /v1/accounts", "default")
    earlier.step(86_400.0)

    limiter.acquire("GET /v1/accounts", "default")
