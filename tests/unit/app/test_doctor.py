import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console

from dg_bot.adapters.instance_lock import note_records
from dg_bot.app.doctor import Degraded, examine
from dg_bot.app.doctor_report import findings_json, print_findings
from dg_bot.app.outbox_notes import OutboxNotes
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import CycleCompleted, IntentSending, SafeModeEntered, SafeModeLeft
from dg_bot.domain.gate import Gate
from dg_bot.errors import AuthenticationFailed, BotError, DataError, ExchangeUnavailable, StateError, UnsafeSetup
from tests.journal_records import BUY_ID, bought, planned_buy, report
from tests.unit.app.ward import MILLION, Ward
from tests.unit.operator.reports import SCREEN


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    return Ward(tmp_path / "data")


def test_a_bot_whose_books_match_is_well(ward: Ward) -> None:
    ward.lived(*bought("0.5", "1000"), CycleCompleted(report=report()))
    ward.held = {"KRW": MILLION - 500, "BTC": Decimal("0.5")}

    findings = examine(ward.settings, ward.balances)

    assert (True, 6, {}) == (findings.is_well, findings.records, findings.differences)
    assert [report().cycle_id] == [last.cycle_id for last in findings.last_reports.values()]


def test_rows_that_are_behind_are_named_with_their_cause(ward: Ward) -> None:
    ward.lived(rows=0)
    OutboxNotes(ward.settings.state_folder).note("outbox", {"database": "it does not start", "messages": "nobody asks"})

    assert [Degraded("database", "1 records behind the journal: it does not start")] == ward.degraded


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
        ("0.02", ["ledger"]),
        ("-0.02", ["ledger"]),
    ],
)
def test_what_the_account_holds_beyond_the_books_is_named(ward: Ward, amount: str, expected: list[str]) -> None:
    ward.lived()
    ward.held["KRW"] += Decimal(amount)

    assert expected == [item.name for item in ward.degraded]


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
    with pytest.raises(StateError, match=r"has not run yet; .* python main.py --mode paper"):
        examine(ward.settings, ward.balances)


@pytest.mark.parametrize("kept", ["risk_state.json", "instance.json"])
def test_a_journal_that_was_lost_is_not_taken_for_a_bot_that_never_ran(ward: Ward, kept: str) -> None:
    ward.lived(SafeModeEntered(reason="daily_loss"))
    note_records(ward.settings.state_folder, 2)
    for path in ward.settings.state_folder.iterdir():
        if path.name not in (kept, "instance.json"):
            path.unlink()

    with pytest.raises(StateError, match="the journal was lost or cut"):
        examine(ward.settings, ward.balances)


def test_a_journal_that_was_cut_is_refused(ward: Ward) -> None:
    """Its chain is whole up to where it ends; only the state file knows that there was more."""
    ward.lived(SafeModeEntered(reason="daily_loss"))
    path = ward.settings.state_folder / "journal.jsonl"
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])

    with pytest.raises(StateError, match="the journal was lost or cut"):
        examine(ward.settings, ward.balances)


@pytest.mark.parametrize(
    ("currency", "amount", "meaning"),
    [
        ("KRW", "50000", "50000 KRW more than in the books: paid in, or from a sale that the bot did not make"),
        ("KRW", "-7", "7 KRW less than in the books: taken out, or spent on a purchase that the bot did not make"),
        ("BTC", "0.1", "0.1 BTC more than in the books: sent in or bought by hand; the bot neither counts nor sells it"),
        ("BTC", "-0.1", "0.1 BTC less than in the books: sent away or sold by hand; what the bot owned of it may be gone"),
    ],
)
def test_each_difference_is_told_with_amount_and_meaning(ward: Ward, currency: str, amount: str, meaning: str) -> None:
    ward.lived(opened={"BTC": "1"})
    ward.held |= {"BTC": Decimal(1)}
    ward.held[currency] += Decimal(amount)

    assert [Degraded("ledger", f"{currency} differs by {Decimal(amount):+}, {meaning}")] == ward.degraded
    assert f'"currency": "{currency}", "amount": "{amount}", "meaning": "{meaning}"' in findings_json(ward.findings())


def test_a_folder_of_another_mode_is_refused_and_not_shown_under_a_wrong_name(ward: Ward) -> None:
    ward.lived()
    live = ward.settings.model_copy(update={"mode": Mode.LIVE})

    with pytest.raises(UnsafeSetup, match="belongs to mode paper and this is mode live"):
        examine(live, ward.balances)


def test_a_folder_whose_mark_is_lost_is_refused(ward: Ward) -> None:
    ward.lived()
    (ward.settings.state_folder / "instance.json").unlink()

    with pytest.raises(StateError, match="is lost, though a journal is beside it"):
        examine(ward.settings, ward.balances)


def test_the_whole_path_of_the_folder_is_told(ward: Ward) -> None:
    ward.lived()

    assert f'"data_dir": "{ward.settings.data_folder}"' in findings_json(ward.findings())


def test_a_failing_screen_is_told_with_its_days_and_figure_and_is_no_defect(ward: Ward) -> None:
    first = report()
    days_later = replace(first, opened_at=first.opened_at + timedelta(days=12, hours=3))
    failing = replace(SCREEN, gates=(Gate("sharpe", 0.5, 0.8, passed=False),))
    ward.lived(*(CycleCompleted(report=replace(one, screen=failing)) for one in (first, days_later)))

    findings = examine(ward.settings, ward.balances)

    (told,) = json.loads(findings_json(findings))["failing_screens"]
    assert ("KRW-BTC", 12, "sharpe: 0.5, limit 0.8") == (told["market"], told["days"], told["figure"])
    assert findings.is_well
    console = Console(record=True, width=200)
    print_findings(findings, console)
    assert "screen       KRW-BTC has failed for 12 days: sharpe: 0.5, limit 0.8" in console.export_text()


@pytest.mark.parametrize(
    ("telegram", "is_told"),
    [
        ({}, False),
        ({"telegram_bot_token": SecretStr("1:x"), "telegram_chat_id": "1"}, True),
        ({"telegram_bot_token": SecretStr("1:x"), "telegram_chat_id": "1", "telegram_user_ids": (1,)}, False),
    ],
    ids=["no Telegram", "nobody may command", "somebody may"],
)
def test_a_bot_that_writes_to_telegram_and_hears_nobody_there_says_so(
    tmp_path: Path, telegram: dict[str, object], *, is_told: bool
) -> None:
    ward = Ward(tmp_path / "data", **telegram)  # type: ignore[arg-type]
    ward.lived()
    console = Console(record=True, width=200)

    print_findings(ward.findings(), console)

    assert is_told == ("commands     nobody is heard: TELEGRAM_USER_IDS names nobody" in console.export_text())


@pytest.mark.parametrize("is_watched", [True, False])
def test_a_position_that_no_process_watches_is_named_with_what_to_start(ward: Ward, *, is_watched: bool) -> None:
    ward.lived(*bought("50", "1000"))
    console = Console(record=True, width=200)

    print_findings(replace(examine(ward.settings, ward.balances), is_watched=is_watched), console)

    unwatched = "  nobody watches this until the daemon runs: python scheduler_main.py --mode paper"
    assert (not is_watched) == (unwatched in console.export_text().splitlines())


def test_no_process_is_at_work_on_the_folder_of_a_bot_that_has_ended(ward: Ward) -> None:
    ward.lived()

    assert not examine(ward.settings, ward.balances).is_watched
