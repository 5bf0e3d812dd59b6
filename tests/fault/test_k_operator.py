"""Settings that cannot be meant, and what an operator does with money, orders, files and rows behind the bot's back."""

import ast
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.instance_lock import claim_folder
from dg_bot.adapters.memory import MemoryJournal
from dg_bot.adapters.postgres import PostgresStore
from dg_bot.app.audit import audit
from dg_bot.app.database import Database, Owner
from dg_bot.app.operator_acts import resume
from dg_bot.app.setting_sources import load_settings
from dg_bot.domain.cycle_report import Mode, Outcome
from dg_bot.domain.events import CycleCompleted, PositionAdopted, Record, SafeModeEntered, SafeModeLeft, Started
from dg_bot.domain.order import MarketBuy
from dg_bot.errors import ConfigurationError
from dg_bot.ports import Accepted, Submission
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import RiskApproved
from dg_bot.simulator.ledger import OrderState, Ticket, TicketKind
from tests.builders import BTC, BUILT, PaperBot, paper_bot, protection
from tests.fault.refused_start import CANARY, LIVE, Starter, starter
from tests.journal_records import NOON, bought, report
from tests.postgres import run_sql
from tests.scenario.faulty_upbit import priced
from tests.scenario.order_bots import closings
from tests.scenario.test_risk_limits import blocked_by, equity_after, loser
from tests.unit.app.ward import Ward

__all__ = ["starter"]

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("missing", ["UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY", "TELEGRAM_CHAT_ID"])
def test_k01_a_missing_setting_ends_the_start_by_its_name(starter: Starter, missing: str) -> None:
    """The start ends before any call and names what is missing; no value is repeated."""
    given = {**LIVE, "TELEGRAM_BOT_TOKEN": f"1:{CANARY}", "TELEGRAM_CHAT_ID": "1", missing: ""}

    refused = starter.refused(given)

    assert (True, True, False) == (refused.code in (2, 3), missing in refused.said, CANARY in refused.said)


@pytest.mark.parametrize("unconfirmed", ["LIVE_TRADING_CONFIRMED", "KEY_SCOPE_CONFIRMED"])
def test_k02_live_without_a_confirmation_is_refused(starter: Starter, unconfirmed: str) -> None:
    """Live trading starts only where both confirmations were written; otherwise nothing is asked and nothing sent."""
    refused = starter.refused({**LIVE, unconfirmed: ""})

    assert (3, True) == (refused.code, unconfirmed in refused.said)


@pytest.mark.parametrize(
    "name",
    ["RISK_DAILY_LOSS_FRACTION", "RISK_WEEKLY_LOSS_FRACTION", "RISK_STOP_LOSS_FRACTION", "RISK_TAKE_PROFIT_FRACTION",
     "RISK_MAX_POSITION_FRACTION", "RISK_MAX_EXPOSURE_FRACTION", "RISK_BUY_FRACTION", "MIN_CONFIDENCE"],
)  # fmt: skip
def test_k03_ten_where_a_tenth_was_meant_is_refused(starter: Starter, name: str) -> None:
    """A fraction above one is refused by its name."""
    refused = starter.refused({"MODE": "paper", name: "10"})

    assert (2, True) == (refused.code, name in refused.said)


def test_k03_the_absolute_limit_holds_whatever_the_fractions_say() -> None:
    """Even a bot that may put all of its money into one coin spends no more than the won of a day."""
    limits = RiskLimits(max_position_fraction=Decimal(1), max_exposure_fraction=Decimal(1), stop_loss_fraction=Decimal("0.05"))
    bot = paper_bot(says="buy", krw="100000000", limits=limits)

    bot.run_cycle()

    spent = sum(order.price or Decimal(0) for order in bot.our_orders())
    assert 0 < spent <= limits.max_krw_per_day == Decimal(5_000_000)


@pytest.mark.parametrize("value", ["nan", "-0.1", "0", "inf", "-inf", "1e", "0,1"])
@pytest.mark.parametrize("name", ["RISK_DAILY_LOSS_FRACTION", "RISK_MAX_KRW_PER_DAY", "RISK_MAX_POSITIONS"])
def test_k04_a_limit_that_limits_nothing_is_refused(starter: Starter, name: str, value: str) -> None:
    """Limits are finite and above zero, or there is no start."""
    refused = starter.refused({"MODE": "paper", name: value})

    assert (2, True) == (refused.code, name in refused.said)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("RISK_STOP_LOS_FRACTION=0.03", "did you mean RISK_STOP_LOSS_FRACTION?"),
        ("RISK_MAX_POSITIONS=3\nRISK_MAX_POSITIONS=4", "RISK_MAX_POSITIONS: stands twice"),
    ],
)
def test_k05_a_misspelt_or_repeated_setting_is_refused(starter: Starter, file: str, words: str) -> None:
    """A name that is no setting ends the start with the nearest one that is; so does one that is given twice."""
    refused = starter.refused({"MODE": "paper"}, file=file)

    assert (2, True) == (refused.code, words in refused.said)


def test_k06_a_stop_wider_than_the_loss_limit_is_refused(starter: Starter) -> None:
    """A stop that one position could carry beyond the loss limit of the day is refused."""
    refused = starter.refused({"MODE": "paper", "RISK_STOP_LOSS_FRACTION": "0.5", "RISK_MAX_POSITION_FRACTION": "0.5"})

    assert (2, True, True) == (refused.code, "RISK_STOP_LOSS_FRACTION" in refused.said, "lower the stop" in refused.said)


@pytest.mark.parametrize(("word", "code"), [("", 3), ("yes", 2), ("withdraw", 2), ("Trade-only", 2)])
def test_k07_only_the_written_word_that_the_key_cannot_withdraw_is_taken(starter: Starter, word: str, code: int) -> None:
    """The exchange does not tell what a key may do, so the operator has to have looked and to have said so, word by word."""
    refused = starter.refused({**LIVE, "KEY_SCOPE_CONFIRMED": word})

    assert (code, True) == (refused.code, "KEY_SCOPE_CONFIRMED" in refused.said)


def test_k07_no_path_of_the_program_moves_money_out() -> None:
    """The program knows the addresses that it needs to look and to order, and none by which money could leave."""
    sources = [*(ROOT / "src").rglob("*.py"), *ROOT.glob("*.py"), *(ROOT / "scripts").rglob("*.py")]
    paths = {
        node.value
        for source in sources
        if "simulator" not in source.parts
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("/v1/")
    }

    roots = {path.split("/")[2].split("?")[0] for path in paths}
    assert {"accounts", "api_keys", "candles", "market", "order", "orderbook", "orders", "ticker"} == roots - {""}


@pytest.mark.parametrize(
    "file",
    [
        b"\xef\xbb\xbfMODE=paper\r\nRISK_MAX_POSITIONS=3\r\n",
        b"  MODE = paper \n RISK_MAX_POSITIONS = '3' \n",
        b'export MODE="paper"\nRISK_MAX_POSITIONS=3 # three\n',
    ],
    ids=["byte-order mark and CRLF", "spaces and quotes", "export and a comment"],
)
def test_k09_a_file_of_settings_may_come_from_any_editor(tmp_path: Path, file: bytes) -> None:
    """Spaces, quotes, byte-order marks and line ends of any editor mean nothing."""
    (tmp_path / ".env").write_bytes(file)

    read = load_settings(environment={}, env_file=tmp_path / ".env")

    assert (Mode.PAPER, 3) == (read.mode, read.risk_max_positions)


@pytest.mark.parametrize("file", [b"MODE paper\n", b"MODE=paper\xff\n", b"\xff\xfeM\x00O\x00"])
def test_k09_a_line_or_file_that_cannot_be_read_is_named(starter: Starter, file: bytes) -> None:
    """What cannot be read is refused by file and line, and never skipped."""
    refused = starter.refused({}, file=file)

    assert (2, True) == (refused.code, ".env" in refused.said)


def test_k10_a_rehearsal_on_the_folder_of_the_live_bot_is_refused(starter: Starter) -> None:
    """A folder remembers its mode; a bot of another mode touches nothing in it."""
    claim_folder(starter.folder / "data" / "state", Mode.LIVE, "dg")

    refused = starter.refused({"MODE": "paper", "DATA_DIR": "data"})

    assert (3, True) == (refused.code, "belongs to mode live and this is mode paper" in refused.said)


def test_k10_a_rehearsal_on_the_database_of_the_live_bot_writes_nothing(database: str) -> None:
    """A database remembers whose rows it holds; those of a bot of another mode are not mixed in."""
    started = Started(mode=Mode.LIVE, version="1", settings={"MODE": "live", "ORDER_NAMESPACE": "dg"})
    with closing(PostgresStore(database)) as live:
        live.project([Record(sequence=1, at=NOON, event=started)])
    rehearsal = Database(url=database, folder=Path("none"), password_file=Path("none"), owner=Owner(Mode.PAPER, "dg"))

    with pytest.raises(ConfigurationError, match="holds the rows of a bot in mode live"):
        rehearsal.store()
    rehearsal.close()


def test_k11_a_folder_that_was_emptied_to_begin_anew_buys_nothing() -> None:
    """Where the exchange knows orders of ours and the journal none, the bot is in safe mode until its operator has looked."""
    bot = paper_bot("1000 1000 | 1000 1000", says="buy")
    bot.run_cycle()
    emptied = paper_bot("1000 1000 | 1000 1000", says="buy")
    emptied.journal = emptied.memory = MemoryJournal(bot.clock.now)
    emptied.upbit, emptied.venue, emptied.clock = bot.upbit, bot.venue, bot.clock

    emptied.restart()
    emptied.next_hour()
    said = blocked_by(emptied)
    _forget(bot, emptied)

    assert "risk.safe_mode: the journal is new, but the venue knows orders" in (said or "")


def _forget(*bots: PaperBot) -> None:
    """Take bots out of the checks after the test: their ledger and journal are not of one life."""
    for bot in bots:
        BUILT.remove(bot)


def test_k12_coins_that_were_there_at_the_first_start_are_explained_and_not_owned() -> None:
    """Coins from before the first start are the owner's: not counted, not sold, and no cause for an alarm."""
    bot = paper_bot(foreign={"BTC": "3"}, says="sell")

    report = bot.run_cycle()

    assert ([], Outcome.HELD) == (bot.placed(), report.outcome)
    assert [] == bot.alarms()


def test_k12_coins_that_the_owner_gave_to_the_bot_are_watched_and_sold() -> None:
    """Once adopted, the owner's coins are sold at the stop like any other, and what he kept stays his."""
    bot = paper_bot("1000 1000 | 940", foreign={"BTC": "300"})
    bot.books.record(
        PositionAdopted(
            market=BTC, quantity=Decimal(100), cost_krw=Decimal(1000), mark_krw=Decimal(1000), protection=protection()
        )
    )
    bot.restart()

    assert ["sell KRW-BTC 100"] == bot.placed()
    assert Decimal(200) == bot.venue.ledger.account("BTC").total


@pytest.mark.parametrize("amount", ["2000000", "-2000000"])
def test_k13_a_transfer_that_is_declared_on_the_next_day_is_neither_a_gain_nor_a_loss(amount: str) -> None:
    """Won that came or went count for neither the day nor the week, however late they are declared."""
    bot = paper_bot()
    bot.run_cycle()
    bot.deposit("KRW", amount)
    bot.run_cycle()
    bot.clock.at = datetime(2026, 11, 20, 16, 0, 5, tzinfo=UTC)
    bot.run_cycle()

    bot.declare("KRW", amount)
    bot.next_hour()
    report = bot.run_cycle()

    assert report.state is not None
    assert (Decimal(0), Decimal(0)) == (report.state.daily_pnl_fraction, report.state.weekly_pnl_fraction)
    assert bot.state.safe_mode is None


def test_k13_a_withdrawal_blocks_entries_until_it_is_declared_and_trips_nothing() -> None:
    """Won that are gone block entries and raise one alarm until the operator has declared them."""
    bot = paper_bot(says="buy")
    bot.run_cycle()
    bot.opinion.says = "sell"
    bot.next_hour()
    bot.run_cycle()
    bot.deposit("KRW", "-3000000")
    bot.next_hour(5)

    assert "risk.unexplained_balance: KRW -3000000" in (blocked_by(bot) or "")
    assert ["unexplained_balance"] == bot.alarms()
    assert bot.state.safe_mode is None

    bot.declare("KRW", "-3000000")
    bot.next_hour()

    assert blocked_by(bot) is None


def resting(bot: PaperBot) -> Callable[..., Submission]:
    """Let an order wait in the book instead of being filled at once."""

    def place(_method: object, approved: RiskApproved) -> Submission:
        assert isinstance(approved.request, MarketBuy)
        ticket = Ticket(
            market=BTC, side=approved.request.side, kind=TicketKind.LIMIT, price=Decimal(900),
            volume=Decimal(100), identifier=approved.identifier,
        )  # fmt: skip
        return Accepted(bot.venue.place(ticket).uuid)

    return place


def test_k14_an_order_that_the_owner_cancels_in_the_app_is_closed_and_not_sent_again() -> None:
    """An order of ours that the owner cancels ends as not executed; its cycle sends no other in its place."""
    bot = paper_bot("1000 1000 | 1000 1000", says="buy")
    bot.upbit.on("submit", resting(bot))
    looked: list[None] = []

    def cancel_meanwhile(method: Callable[[str], object], identifier: str) -> object:
        looked.append(None)
        if len(looked) == 3:
            bot.venue.cancel(identifier=identifier)
        return method(identifier)

    bot.upbit.always("find", cancel_meanwhile)

    bot.run_cycle()
    again = bot.run_cycle()

    [order] = bot.our_orders()
    assert (OrderState.CANCEL, ["not_executed"], 1) == (order.state, closings(bot), bot.upbit.calls("submit"))
    assert (True, None, {}) == (again.repeated, bot.position(), bot.state.open_plans)


def test_k15_safe_mode_that_is_left_while_its_cause_lasts_begins_again() -> None:
    """Ending safe mode while the loss is still there lets nothing through: the next look enters it again."""
    bot = loser("1000")
    bot.upbit.always("last_prices", priced(BTC=equity_after(bot, "0.11")))
    bot.account_only()
    bot.books.record(SafeModeLeft(by="operator"))

    bot.account_only()

    assert bot.state.safe_mode is not None
    assert bot.state.safe_mode.reason.startswith("daily_loss: lost 0.11")


EDITS = {
    "UPDATE trades SET price = price + 1": "trades demo.KRW-BTC.20261120T12.entry.0.0: price is 1001, the journal says 1000",
    "UPDATE trades SET amount = 0.6": "trades demo.KRW-BTC.20261120T12.entry.0.0: amount is 0.6, the journal says 0.5",
    "UPDATE orders SET status = 'cancelled'": (
        "orders demo.KRW-BTC.20261120T12.entry.0.0: status is cancelled, the journal says filled"
    ),
    "DELETE FROM fills": "fills one: the row is missing",
    "UPDATE fills SET trade_id = 'two'": "fills two: the bot never wrote this row",
    "UPDATE cycles SET outcome = 'held'": "cycles KRW-BTC/2026-11-20T12: outcome is held, the journal says traded",
    "UPDATE portfolio_snapshots SET total_value_krw = 5": (
        "portfolio_snapshots KRW-BTC/2026-11-20T12: total_value_krw is 5, the journal says 1000000"
    ),
    "UPDATE ai_decisions SET decision = 'sell'": "ai_decisions KRW-BTC/2026-11-20T12: decision is sell, the journal says buy",
}


@pytest.mark.parametrize("edit", EDITS)
def test_k16_a_row_that_was_edited_by_hand_is_named_by_the_audit(tmp_path: Path, database: str, edit: str) -> None:
    """The audit makes all rows anew from the journal and names each that differs, is missing or was never written."""
    ward = Ward(tmp_path / "data", database=database)
    ward.lived(SafeModeEntered(reason="x"), *bought("0.5", "1000"), CycleCompleted(report=report()), rows=0)
    resume(ward.settings, ward.access)
    untouched = audit(ward.settings)
    run_sql(database, edit)

    assert [] == untouched
    assert EDITS[edit] in audit(ward.settings)
