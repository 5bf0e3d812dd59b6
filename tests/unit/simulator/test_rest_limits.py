import pytest

from dg_bot.simulator.rest_limits import FIRST_BLOCK_S, UPBIT_PER_SECOND, Admitted, Blocked, RateLimits, Throttled


class _Seconds:
    """A monotonic clock that stands where it is put."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def _use_up(limits: RateLimits, group: str) -> None:
    for _ in range(UPBIT_PER_SECOND[group]):
        assert isinstance(limits.admit(group, has_origin=False), Admitted)


@pytest.mark.parametrize(("group", "limit"), [("order", 12), ("order-test", 8), ("default", 30), ("candles", 10), ("ticker", 10)])
def test_a_group_takes_its_limit_and_not_one_more(group: str, limit: int) -> None:
    limits = RateLimits(monotonic=_Seconds())

    verdicts = [limits.admit(group, has_origin=False) for _ in range(limit + 1)]

    assert [*(Admitted(remaining=left) for left in reversed(range(limit))), Throttled()] == verdicts


def test_the_next_second_starts_with_a_full_allowance() -> None:
    clock = _Seconds()
    limits = RateLimits(monotonic=clock)
    _use_up(limits, "order")
    limits.admit("order", has_origin=False)

    clock.at += 1

    assert Admitted(remaining=11) == limits.admit("order", has_origin=False)


def test_groups_do_not_share_their_allowance() -> None:
    limits = RateLimits(monotonic=_Seconds())
    _use_up(limits, "order")

    assert Admitted(remaining=29) == limits.admit("default", has_origin=False)


def test_going_on_after_a_refusal_blocks_and_each_block_is_twice_as_long() -> None:
    clock = _Seconds()
    limits = RateLimits(monotonic=clock)
    blocks = []
    for _ in range(3):
        _use_up(limits, "order")
        assert Throttled() == limits.admit("order", has_origin=False)
        verdict = limits.admit("order", has_origin=False)
        blocks.append(verdict)
        clock.at += verdict.seconds if isinstance(verdict, Blocked) else 0

    assert [Blocked(seconds=FIRST_BLOCK_S << power) for power in range(3)] == blocks


def test_a_block_ends_at_its_time_and_not_before() -> None:
    clock = _Seconds()
    limits = RateLimits(monotonic=clock)
    _use_up(limits, "order")
    limits.admit("order", has_origin=False)
    limits.admit("order", has_origin=False)

    clock.at += FIRST_BLOCK_S - 0.001
    just_before = limits.admit("order", has_origin=False)
    clock.at += 0.001
    at_its_end = limits.admit("order", has_origin=False)

    assert (Blocked(seconds=1), Admitted(remaining=11)) == (just_before, at_its_end)


def test_an_origin_header_leaves_one_request_in_ten_seconds_over_all_groups() -> None:
    clock = _Seconds()
    limits = RateLimits(monotonic=clock)

    first = limits.admit("ticker", has_origin=True)
    second = limits.admit("candles", has_origin=True)
    clock.at += 10
    third = limits.admit("candles", has_origin=True)

    assert (Admitted(remaining=0), Throttled(), Admitted(remaining=0)) == (first, second, third)


def test_the_header_tells_group_a_constant_and_what_is_left() -> None:
    limits = RateLimits(monotonic=_Seconds())

    assert limits.header("default", limits.admit("default", has_origin=False)) == "group=default; min=1800; sec=29"
    assert limits.header("order", Throttled()) == "group=order; min=720; sec=0"
