"""What only an operator may do to the books, while no process runs on them: leave safe mode, declare a transfer."""

from collections.abc import Iterator
from contextlib import contextmanager

from dg_bot.adapters.clock import SystemClock
from dg_bot.adapters.instance_lock import InstanceLock, claim_folder
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.app.doctor import Balances, existing_journal
from dg_bot.app.settings import Settings
from dg_bot.domain.events import Record, SafeModeLeft, TransferDeclared
from dg_bot.pipeline.account import unexplained_differences
from dg_bot.pipeline.books import Books


def resume(settings: Settings) -> None:
    """Leave safe mode; raises UnsafeSetup while a process runs on the folder, StateError where it is unreadable."""
    with _books(settings) as books:
        if books.state.safe_mode is not None:
            books.record(SafeModeLeft(by="operator"))


def declare_differences(settings: Settings, balances: Balances, *, note: str) -> None:
    """Accept what the account holds beyond or short of the books as the operator's doing; raises as `resume` and reads."""
    with _books(settings) as books:
        for currency, amount in unexplained_differences(books.state, balances(), settings.markets).items():
            books.record(TransferDeclared(currency=currency, amount=amount, note=note))


@contextmanager
def _books(settings: Settings) -> Iterator[Books]:
    clock = SystemClock()
    path = existing_journal(settings)
    with InstanceLock(settings.state_folder):
        claim_folder(settings.state_folder, settings.mode, settings.order_namespace)
        journal = JournalFile.open(path, clock.now)
        state_file = RiskStateFile(settings.state_folder / "risk_state.json")

        def on_record(record: Record) -> None:
            state_file.save(books.state, record)

        try:
            state_file.require_not_ahead_of(len(journal))
            books = Books(journal=journal, clock=clock, on_record=on_record)
            yield books
        finally:
            journal.close()
