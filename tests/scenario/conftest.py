"""After every scenario the venue's ledger has the last word."""

from collections.abc import Iterator

import pytest

from tests.builders import BUILT, assert_invariants


@pytest.fixture(autouse=True)
def the_ledger_has_the_last_word() -> Iterator[None]:
    BUILT.clear()
    yield
    for bot in BUILT:
        assert_invariants(bot)
