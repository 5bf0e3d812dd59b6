"""`scripts/doctor.py`: what it says of a live bot's folder and account, how it ends, and that looking changes nothing."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.instance_lock import InstanceLock, claim_folder
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.adapters.state_file import Cursors
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import AccountOpened, CycleCompleted, Event, IntentSending, SafeModeEntered
from dg_bot.domain.portfolio import Balance
from dg_bot.risk.state import RiskState
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue
from tests.builders import protection
from tests.e2e.tape_bench import (
    ACCESS_KEY,
    BTC,
    OPENING_KRW,
    ROOT,
    SECRET_KEY,
    Document,
    Ended,
    WarmProgram,
    live_settings,
)
from tests.e2e.warm_main import Run
from tests.journal_records import BUY_ID, NOON, bought, planned_buy, report
from tests.postgres import rows

KEYS = [
    "ok",
    "mode",
    "data_dir",
    "safe_mode",
    "positions",
    "open_intents",
    "ledger",
    "failing_screens",
    "cursors",
    "degraded",
    "journal",
]


class Practice:
    """A live bot's folder as it was left, its account at a simulated venue, and the doctor to ask about both."""

    def __init__(self, folder: Path, program: WarmProgram, *, begins: datetime = NOON) -> None:
        price = Decimal(1000)
        self.begins = begins
        candle = Candle(opened_at=begins, open=price, high=price, low=price, close=price, volume=Decimal(1))
        self.venue = Venue(
            ledger=Ledger(krw=OPENING_KRW), tapes={BTC: Tape.of(BTC, HOUR, [candle])}, now=lambda: begins + timedelta(minutes=1)
        )
        self.server = UpbitServer(self.venue, access_key=ACCESS_KEY, secret_key=SECRET_KEY)
        self.folder = folder / "bot"
        self.folder.mkdir()
        self.state = self.folder / "data" / "state"
        self.settings = live_settings(
            base_url=self.server.base_url,
            folder=self.folder,
            candles=self.folder / "candles",
            database="postgresql://nobody@127.0.0.1:1/none",
        )
        self._outputs = folder
        self._program = program

    def lived(self, *events: Event) -> None:
        """Write what happened after the account was opened; the rows have followed."""
        claim_folder(self.state, Mode.LIVE, "dg")
        with closing(JournalFile.open(self.state / "journal.jsonl", lambda: self.begins)) as journal:
            opened = AccountOpened(balances=(Balance("KRW", OPENING_KRW, Decimal(0)),))
            for event in (opened, *events):
                journal.append(event)
            Cursors(self.state / "cursors.json").move("database", len(journal))

    def bought(self) -> None:
        """Let the bot hold half a coin that the account holds too."""
        self.lived(
            *bought("0.5", "20000", fee="5"),
            CycleCompleted(report=report()),
        )
        self.venue.ledger.withdraw("KRW", Decimal(10_005))
        self.venue.ledger.deposit("BTC", Decimal("0.5"))

    def ask(self, *arguments: str, **settings: str) -> Ended:
        out, log = self._outputs / "out", self._outputs / "log"
        code = self._program.run(
            Run(
                arguments=list(arguments),
                environment={**self.settings, **settings},
                folder=str(self.folder),
                stdout=str(out),
                stderr=str(log),
            )
        )
        return Ended(exit_code=code, out=out.read_text(encoding="utf-8"), log=log.read_text(encoding="utf-8"))

    def told(self) -> tuple[int, Document]:
        ended = self.ask("--json")
        return ended.exit_code, ended.report

    def names(self) -> list[str]:
        return [item["name"] for item in self.told()[1]["degraded"]]

    def prints(self) -> dict[str, str]:
        """Give the hash of every file there is."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def practice(tmp_path: Path, warm_doctor: WarmProgram) -> Iterator[Practice]:
    practice = Practice(tmp_path, warm_doctor)
    with practice.server:
        yield practice


def test_all_is_well_is_zero_and_the_object_has_the_promised_keys(practice: Practice) -> None:
    practice.bought()

    code, told = practice.told()

    assert (0, KEYS, "live") == (code, list(told), told["mode"])
    assert str(practice.folder / "data") == told["data_dir"]
    assert {"active": False, "reason": None, "since": None} == told["safe_mode"]
    [position] = told["positions"]
    assert {"market", "quantity", "average_cost", "stop", "target"} <= position.keys()
    assert ("KRW-BTC", "0.5", "20010", "19009.5", "22011") == tuple(
        position[name] for name in ("market", "quantity", "average_cost", "stop", "target")
    )
    assert ([], {"matches": True, "differences": []}, []) == (told["open_intents"], told["ledger"], told["degraded"])
    assert ({"database": 6}, {"records": 6, "ok": True}) == (told["cursors"], told["journal"])


def test_a_person_reads_the_same_in_one_screen_without_colour(practice: Practice) -> None:
    practice.bought()

    ended = practice.ask()

    assert (0, "") == (ended.exit_code, ended.log)
    assert "\x1b" not in ended.out
    assert ["All is well."] == ended.out.splitlines()[-1:]
    assert "  KRW-BTC  0.5 at 20,010 KRW, stop 19,010, target 22,011" in ended.out.splitlines()


def test_the_command_itself_ends_as_it_says(practice: Practice) -> None:
    practice.lived(SafeModeEntered(reason="weekly_loss: too much"))

    command = [sys.executable, str(ROOT / "scripts" / "doctor.py"), "--json"]
    done = subprocess.run(command, cwd=practice.folder, env=practice.settings, capture_output=True, text=True, check=False)

    assert (1, "", 1) == (done.returncode, done.stderr, len(done.stdout.splitlines()))
    assert {"active": True, "reason": "weekly_loss: too much", "since": "2026-11-20T12:00:00+00:00"} == json.loads(done.stdout)[
        "safe_mode"
    ]


def deposit(practice: Practice) -> None:
    practice.lived()
    practice.venue.ledger.deposit("BTC", Decimal("0.00000001"))


def lag(practice: Practice) -> None:
    practice.lived()
    (practice.state / "cursors.json").unlink()


def lose_the_venue(practice: Practice) -> None:
    practice.lived()
    practice.server.stop()


Trouble = Callable[[Practice], None]
TROUBLES: dict[str, Trouble] = {
    "safe_mode": lambda practice: practice.lived(SafeModeEntered(reason="daily_loss")),
    "open_intent": lambda practice: practice.lived(
        replace(planned_buy(), protection=protection()), IntentSending(identifier=BUY_ID)
    ),
    "ledger": deposit,
    "database": lag,
    "account": lose_the_venue,
}


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_is_one_and_named_with_what_to_do(practice: Practice, name: str) -> None:
    TROUBLES[name](practice)

    code, told = practice.told()
    shown = practice.ask()

    assert (1, False, [name]) == (code, told["ok"], [item["name"] for item in told["degraded"]])
    line = next(place for place, line in enumerate(shown.out.splitlines()) if line.startswith(f"{name}: "))
    assert shown.out.splitlines()[line + 1].startswith("  ")


def test_an_open_order_is_told_with_its_state(practice: Practice) -> None:
    TROUBLES["open_intent"](practice)

    [intent] = practice.told()[1]["open_intents"]

    assert (BUY_ID, "KRW-BTC", "buy", "sending", 1) == tuple(
        intent[name] for name in ("identifier", "market", "side", "state", "sends")
    )


def alter(practice: Practice) -> None:
    practice.lived(SafeModeEntered(reason="daily_loss"))
    path = practice.state / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"daily_loss", b"daily_lass"))


def garble_cursors(practice: Practice) -> None:
    practice.lived()
    (practice.state / "cursors.json").write_text("{}", encoding="ascii")


UNREADABLE: dict[str, tuple[Trouble, str]] = {
    "nothing ran": (lambda _: None, "this bot has not run yet"),
    "altered": (alter, "record 2"),
    "cursors": (garble_cursors, "cursors.json"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_state_that_cannot_be_read_is_three_and_says_what_to_do(practice: Practice, name: str) -> None:
    spoil, said = UNREADABLE[name]
    spoil(practice)

    ended = practice.ask("--json")

    assert (3, "", True) == (ended.exit_code, ended.out, said in ended.log)
    assert 1 == len(ended.log.splitlines())


def test_the_journal_alone_can_be_verified(practice: Practice) -> None:
    nothing = practice.ask("--verify")
    practice.lived(SafeModeEntered(reason="daily_loss"))
    whole = practice.ask("--verify")
    path = practice.state / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"daily_loss", b"daily_lass"))
    altered = practice.ask("--verify")

    assert [3, 0, 3] == [ended.exit_code for ended in (nothing, whole, altered)]
    assert "this bot has not run yet" in nothing.log
    assert "record 2 " in altered.out


def test_a_journal_of_whole_records_that_lost_its_last_ones_is_not_verified(practice: Practice) -> None:
    """The chain is whole up to the cut; what is made from the journal knows that it went on."""
    practice.lived(SafeModeEntered(reason="daily_loss"))
    path = practice.state / "journal.jsonl"
    last = list(read_journal(path))[-1]
    RiskStateFile(practice.state / "risk_state.json").save(RiskState(), last)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])

    ended = practice.ask("--verify")

    assert (3, "") == (ended.exit_code, ended.out)
    assert "ends at record 1, but risk_state.json knows record 2" in ended.log


def test_a_followed_venue_of_another_day_gives_the_day_of_an_act(tmp_path: Path, warm_doctor: WarmProgram) -> None:
    """A simulated venue may be at any date; its orders are asked for by its time, and the record carries that."""
    practice = Practice(tmp_path, warm_doctor, begins=datetime(2024, 1, 5, tzinfo=UTC))
    with practice.server:
        practice.lived()
        practice.venue.ledger.deposit("KRW", Decimal(500))
        ended = practice.ask("--declare", "mine")

    last = list(read_journal(practice.state / "journal.jsonl"))[-1]
    assert ended.out.startswith("Declared KRW +500: ")
    assert "2024-01-05" == f"{last.at:%Y-%m-%d}"


def test_k16_the_doctor_names_the_rows_that_are_not_what_the_journal_says(practice: Practice, database: str) -> None:
    """The audit ends with exit code 1 and a line for each such row, and with 0 where there is none."""
    practice.settings["DATABASE_URL"] = database
    practice.lived()
    whole = practice.ask("--audit")
    (practice.state / "journal.jsonl").unlink()
    (practice.state / "cursors.json").unlink()
    practice.bought()
    missing = practice.ask("--audit")

    assert (0, ["every row is what the journal says"]) == (whole.exit_code, whole.out.splitlines())
    assert (1, True) == (missing.exit_code, f"trades {BUY_ID}: the row is missing" in missing.out.splitlines())
    assert [(0,)] == rows(database, "SELECT count(*) FROM trades")


def test_an_audit_without_its_database_is_one_and_says_why(practice: Practice) -> None:
    practice.lived()

    ended = practice.ask("--audit")

    assert (1, "") == (ended.exit_code, ended.out)
    assert "was not taken" in ended.log


@pytest.mark.parametrize("name", [*TROUBLES, *UNREADABLE])
def test_looking_changes_nothing(practice: Practice, name: str) -> None:
    (TROUBLES.get(name) or UNREADABLE[name][0])(practice)
    before = practice.prints()

    practice.ask()
    practice.ask("--json")
    practice.ask("--verify")

    assert before == practice.prints()


def test_leaving_safe_mode_mends_that_and_all_is_well_at_once(practice: Practice, database: str) -> None:
    TROUBLES["safe_mode"](practice)
    practice.settings["DATABASE_URL"] = database

    ended = practice.ask("--resume", "--json")

    assert (0, {"active": False, "reason": None, "since": None}) == (ended.exit_code, ended.report["safe_mode"])
    assert "Left safe mode, which was entered for: daily_loss." in ended.log


def test_declaring_a_transfer_mends_that_and_all_is_well_at_once(practice: Practice, database: str) -> None:
    deposit(practice)
    practice.settings["DATABASE_URL"] = database

    ended = practice.ask("--declare", "moved it myself")

    assert (0, "All is well.") == (ended.exit_code, ended.out.splitlines()[-1])
    assert "Declared BTC +0.00000001: 0.00000001 BTC more than in the books" in ended.out.splitlines()[0]


def test_an_act_whose_row_waits_for_the_database_says_so(practice: Practice) -> None:
    TROUBLES["safe_mode"](practice)

    ended = practice.ask("--resume", "--json")

    assert (1, ["database"]) == (ended.exit_code, [item["name"] for item in ended.report["degraded"]])


def test_exactly_one_amount_can_be_declared(practice: Practice) -> None:
    deposit(practice)
    practice.venue.ledger.deposit("KRW", Decimal(500))

    refused = practice.ask("--declare", "mine", "--currency", "KRW", "--amount", "501")
    taken = practice.ask("--declare", "mine", "--currency", "KRW", "--amount", "500", "--json")

    assert (3, True) == (refused.exit_code, "KRW differs by +500 and not by 501" in refused.log)
    assert ["BTC"] == [item["currency"] for item in taken.report["ledger"]["differences"]]


def test_k12_coins_of_the_operators_become_the_bots_by_adoption(practice: Practice, database: str) -> None:
    """The doctor gives coins of the owner to the bot at a cost that he names, with levels around it, and says so."""
    practice.lived()
    practice.settings["DATABASE_URL"] = database
    practice.venue.ledger.deposit("BTC", Decimal(20))

    ended = practice.ask("--adopt", "KRW-BTC", "--cost", "990", "--json")

    [position] = ended.report["positions"]
    assert (0, "20", "990", "940.5", "1089") == (
        ended.exit_code,
        *(position[name] for name in ("quantity", "average_cost", "stop", "target")),
    )
    assert "Adopted 20 BTC at 990 KRW each; no order was made." in ended.log
    assert [("position adopted: 20 BTC at 990 KRW",)] == rows(
        database, "SELECT message FROM system_logs ORDER BY journal_sequence DESC LIMIT 1"
    )


@pytest.mark.parametrize("act", [("--resume",), ("--declare", "note"), ("--adopt", "KRW-BTC")], ids=lambda act: act[0])
def test_where_there_is_nothing_to_do_that_is_said(practice: Practice, act: tuple[str, ...]) -> None:
    practice.lived()
    before = practice.prints()

    ended = practice.ask(*act)

    assert (0, True) == (ended.exit_code, "there was nothing to" in ended.out)
    assert before.keys() <= practice.prints().keys()
    assert before[str(practice.state / "journal.jsonl")] == practice.prints()[str(practice.state / "journal.jsonl")]


def test_a_folder_of_another_mode_is_refused_by_its_name(practice: Practice) -> None:
    practice.lived()

    ended = practice.ask("--mode", "paper")

    assert (3, "") == (ended.exit_code, ended.out)
    assert "belongs to mode live and this is mode paper" in ended.log


@pytest.mark.parametrize(
    "arguments",
    [
        ("--declare",),
        ("--resume", "--declare", "note"),
        ("--frobnicate",),
        ("--declare", "note", "--currency", "BTC"),
        ("--declare", "note", "--amount", "0.1"),
        ("--amount", "0.1"),
        ("--cost", "1000"),
        ("--adopt", "BTC"),
        ("--adopt", "KRW-BTC", "--amount", "-1"),
        ("--adopt", "KRW-BTC", "--amount", "0"),
        ("--adopt", "KRW-BTC", "--cost", "nan"),
        ("--adopt", "KRW-BTC", "--currency", "BTC"),
        ("--adopt", "KRW-BTC", "--whose", "bot"),
        ("--declare", "note", "--whose", "yours"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_meant_is_two_and_changes_nothing(practice: Practice, arguments: tuple[str, ...]) -> None:
    deposit(practice)
    before = practice.prints()

    ended = practice.ask(*arguments)

    assert (2, "", before) == (ended.exit_code, ended.out, practice.prints())


@pytest.mark.parametrize("act", [("--resume",), ("--declare", "note"), ("--adopt", "KRW-BTC")], ids=lambda act: act[0])
def test_acts_are_refused_while_a_process_holds_the_folder_and_looking_is_not(practice: Practice, act: tuple[str, ...]) -> None:
    TROUBLES["safe_mode"](practice)
    with InstanceLock(practice.state):
        before = practice.prints()
        acted, looked = practice.ask(*act), practice.ask()
        after = practice.prints()

    assert (3, 1, before) == (acted.exit_code, looked.exit_code, after)
    assert f"is in use by process {os.getpid()}" in acted.log


def test_no_secret_is_shown(practice: Practice) -> None:
    lose_the_venue(practice)

    said = [practice.ask(), practice.ask("--json")]

    assert [] == [ended for ended in said if SECRET_KEY in ended.out + ended.log or ACCESS_KEY in ended.out + ended.log]


def test_settings_that_cannot_be_used_are_two(practice: Practice) -> None:
    ended = practice.ask(RISK_DAILY_LOSS_FRACTION="much")

    assert (2, True) == (ended.exit_code, "RISK_DAILY_LOSS_FRACTION" in ended.log)
