"""After every fault, too, the venue's ledger has the last word."""

from tests.scenario.conftest import the_ledger_has_the_last_word

__all__ = ["the_ledger_has_the_last_word"]
