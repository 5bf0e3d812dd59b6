from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.instance_lock import claim_folder
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.doctor import Degraded, examine
from dg_bot.app.operator_acts import declare_differences, resume
from dg_bot.app.settings import Settings
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import (
    AccountOpened,
    Answer,
    CycleCompleted,
    Event,
    IntentSending,
    SafeModeEntered,
    SafeModeLeft,
    TransferDeclared,
)
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import AuthenticationFailed, BotError, DataError, ExchangeUnavailable, StateError
from dg_bot.risk import state as risk_state
from dg_bot.risk.state import RiskState
from tests.builders import protection
from tests.journal_records import BUY_ID, NOON, answered, closed, fill, planned_buy, report

MILLION = Decimal(1_000_000)
OPENED = AccountOpened(balances=(Balance("KRW", MILLION, Decimal(0)),))


class Ward:
    """A bot's folder as processes before have left it, and what its account holds now."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(mode=Mode.PAPER, data_dir=folder)
        self.held = {"KRW": MILLION}
        self.error: BotError | None = None

    def lived(self, *events: Event, rows: int | None = None) -> None:
        """Write what happened; `rows` is how far the database has followed, to the end where it is not said."""
        folder = self.settings.state_folder
        claim_folder(folder, Mode.PAPER, "dg")
        journal = JournalFile.open(folder / "journal.jsonl", lambda: NOON + timedelta(seconds=1))
        state = RiskState()
        for event in (OPENED, *events):
            record = journal.append(event)
            state = risk_state.after(state, record)
        RiskStateFile(folder / "risk_state.json").save(state, record)
        Cursors(folder / "cursors.json").move("database", len(journal) if rows is None else rows)
        journal.close()

    def balances(self) -> Mapping[str, Balance]:
        if self.error is not None:
            raise self.error
        return {name: Balance(name, amount, Decimal(0)) for name, amount in self.held.items()}

    @property
    def degraded(self) -> list[Degraded]:
        return list(examine(self.settings, self.balances).degraded)

    def kinds(self) -> list[type[Event]]:
        journal = JournalFile.open(self.settings.state_folder / "journal.jsonl", lambda: NOON)
        kinds = [type(record.event) for record in journal.records()]
        journal.close()
        return kinds


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path / "data")


def bought(quantity: str, price: str) -> tuple[Event, ...]:
    done = closed(fills=(fill("one", quantity, price=price),))
    return replace(planned_buy(), protection=protection()), IntentSending(identifier=BUY_ID), answered(Answer.ACCEPTED), done


def test_a_bot_whose_books_match_is_well(ward: Ward) -> None:
    ward.lived(*bought("0.5", "1000"), CycleCompleted(report=report()))
    ward.held = {"KRW": MILLION - 500, "BTC": Decimal("0.5")}

    findings = examine(ward.settings, ward.balances)

    assert (True, 6, {}) == (findings.is_well, findings.records, findings.differences)
    assert [report().cycle_id] == [last.cycle_id for last in findings.last_reports.values()]


def test_safe_mode_is_named_with_its_reason(ward: Ward) -> None:
    ward.lived(SafeModeEntered(reason="daily_loss: lost 0.1"))

    assert [Degraded("safe_mode", "daily_loss: lost 0.1")] == ward.degraded


def test_an_open_order_is_named_and_its_currencies_are_not_compared(ward: Ward) -> None:
    ward.lived(planned_buy(), IntentSending(identifier=BUY_ID))
    ward.held = {"KRW": MILLION - 50_000, "BTC": Decimal(50)}

    assert [Degraded("open_intent", f"{BUY_ID} is sending")] == ward.degraded


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("0", []),
        ("0.01", []),
        ("0.02", [Degraded("ledger", "KRW differs by +0.02")]),
        ("-7", [Degraded("ledger", "KRW differs by -7")]),
    ],
)
def test_what_the_account_holds_beyond_the_books_is_named(ward: Ward, amount: str, expected: list[Degraded]) -> None:
    ward.lived()
    ward.held["KRW"] += Decimal(amount)

    assert expected == ward.degraded


@pytest.mark.parametrize(
    "error",
    [
        ExchangeUnavailable("accounts", "nobody answers"),
        AuthenticationFailed("accounts", "no_key"),
        DataError("paper", "no account"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_account_that_cannot_be_read_is_named_and_not_compared(ward: Ward, error: BotError) -> None:
    ward.lived()
    ward.error = error

    findings = examine(ward.settings, ward.balances)

    assert (None, (Degraded("account", str(error)),)) == (findings.differences, findings.degraded)


@pytest.mark.parametrize(("place", "expected"), [(0, 3), (2, 1)])
def test_rows_that_lag_are_named(ward: Ward, place: int, expected: int) -> None:
    ward.lived(SafeModeEntered(reason="x"), SafeModeLeft(by="operator"), rows=place)

    assert [Degraded("database", f"{expected} records behind the journal")] == ward.degraded


def test_rows_that_were_never_written_lag_from_the_start(ward: Ward) -> None:
    ward.lived()
    (ward.settings.state_folder / "cursors.json").unlink()

    assert [Degraded("database", "1 records behind the journal")] == ward.degraded


def test_a_folder_in_which_nothing_ran_is_refused(ward: Ward) -> None:
    with pytest.raises(StateError, match="has not run yet"):
        examine(ward.settings, ward.balances)


def test_a_journal_that_was_cut_is_refused(ward: Ward) -> None:
    """Its chain is whole up to where it ends; only the state file knows that there was more."""
    ward.lived(SafeModeEntered(reason="daily_loss"))
    path = ward.settings.state_folder / "journal.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])

    with pytest.raises(StateError, match="the journal was lost or cut"):
        examine(ward.settings, ward.balances)


# What only the operator may do

Act = Callable[[Ward], None]
ACTS: dict[str, Act] = {
    "resume": lambda ward: resume(ward.settings),
    "declare": lambda ward: declare_differences(ward.settings, ward.balances, note="moved"),
}


def test_the_operator_leaves_safe_mode(ward: Ward) -> None:
    ward.lived(SafeModeEntered(reason="daily_loss"))

    resume(ward.settings)

    assert [AccountOpened, SafeModeEntered, SafeModeLeft] == ward.kinds()


def test_leaving_safe_mode_outside_of_it_records_nothing(ward: Ward) -> None:
    ward.lived()

    resume(ward.settings)

    assert [AccountOpened] == ward.kinds()


def test_the_operator_declares_each_currency_that_differs(ward: Ward) -> None:
    ward.lived()
    ward.held |= {"KRW": MILLION + 5, "BTC": Decimal("0.1"), "ETH": Decimal(2)}

    declare_differences(ward.settings, ward.balances, note="moved")

    assert [AccountOpened, TransferDeclared, TransferDeclared, TransferDeclared] == ward.kinds()
    assert {} == examine(ward.settings, ward.balances).differences


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_act_on_a_folder_in_which_nothing_ran_is_refused_and_leaves_none(ward: Ward, act: Act) -> None:
    with pytest.raises(StateError, match="has not run yet"):
        act(ward)

    assert not ward.settings.data_folder.exists()


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_an_act_on_a_journal_that_was_cut_is_refused_and_changes_nothing(ward: Ward, act: Act) -> None:
    ward.lived(SafeModeEntered(reason="daily_loss"), *bought("0.5", "1000"))
    path = ward.settings.state_folder / "journal.jsonl"
    cut = b"".join(path.read_bytes().splitlines(keepends=True)[:2])
    path.write_bytes(cut)
    state = (ward.settings.state_folder / "risk_state.json").read_bytes()

    with pytest.raises(StateError, match="the journal was lost or cut"):
        act(ward)

    assert (cut, state) == (path.read_bytes(), (ward.settings.state_folder / "risk_state.json").read_bytes())
