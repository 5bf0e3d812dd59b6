"""A slice of the campaign in every run of the suite; `make fuzz` fires a million."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.campaign import Tally, campaign, fire
from tests.fuzz.mutations import spoil
from tests.fuzz.targets import Target, scratch_folder, targets

SEED = 20261121
INPUTS = 20_000


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with scratch_folder() as made:
        yield Path(made)


def names() -> list[str]:
    with scratch_folder() as made:
        return [target.name for target in targets(Path(made))]


def chosen(name: str, folder: Path) -> tuple[Target, int]:
    """Give a parser, and its part of the slice."""
    all_targets = targets(folder)
    shares = sum(target.share for target in all_targets)
    target = next(target for target in all_targets if target.name == name)
    return target, INPUTS * target.share // shares


@pytest.mark.parametrize("name", names())
def test_nothing_but_its_declared_errors_leaves_a_parser(name: str, folder: Path) -> None:
    target, count = chosen(name, folder)

    tally = fire(target, count, random.Random(SEED))

    assert (0, []) == (tally.escaped, tally.escapes)
    assert count == tally.inputs > 0


@pytest.mark.parametrize("name", names())
def test_what_is_spoilt_was_good_before(name: str, folder: Path) -> None:
    """Otherwise a parser that refuses everything would pass: each has a seed that it takes."""
    target, _ = chosen(name, folder)

    taken = 0
    for seed in target.seeds:
        try:
            target.parse(seed, random.Random(0))
        except target.errors:
            continue
        taken += 1

    assert taken > 0


def test_the_same_seed_fires_the_same_inputs() -> None:
    first, second = (campaign(inputs=500, seed=7, processes=1) for _ in range(2))

    assert {name: tally.outcomes for name, tally in first.items()} == {name: tally.outcomes for name, tally in second.items()}
    assert sum(tally.inputs for tally in first.values()) >= 500


def test_an_undeclared_error_is_told_as_an_escape() -> None:
    def broken(data: bytes, rng: random.Random) -> object:
        raise KeyError(data[:1])

    tally = fire(Target(name="broken", share=1, errors=(), seeds=(b"{}",), parse=broken), 10, random.Random(1))

    assert 10 == tally.escaped
    assert {"escaped: KeyError": 10} == dict(tally.outcomes)
    assert all(told.startswith("KeyError") for told in tally.escapes)


def test_tallies_of_two_processes_add_up() -> None:
    tally, other = Tally(), Tally()
    tally.outcomes["accepted"], other.outcomes["accepted"], other.escaped = 2, 3, 1

    tally.add(other)

    assert (5, 1) == (tally.inputs, tally.escaped)


def test_a_spoilt_input_is_most_often_another_one() -> None:
    rng = random.Random(1)
    seed = b'[{"market": "KRW-BTC", "trade_price": 100.5}]'

    spoilt = [spoil(seed, rng) for _ in range(500)]

    assert len(set(spoilt)) > 300
