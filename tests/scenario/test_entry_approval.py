"""Where entries wait for an operator's word: nothing is bought without it, nothing is held meanwhile, and no exit ever waits."""

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest

from dg_bot.domain.approval import Approval, EntryProposal
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import SafeModeEntered
from tests.builders import BTC, ETH, PaperBot, paper_bot
from tests.scenario.faulty_upbit import priced

HELD = "100 @ 1000"


class Word:
    """An approver that says one thing, after something has happened."""

    def __init__(self, word: Approval = Approval.APPROVED) -> None:
        self.word = word
        self.asked: list[EntryProposal] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def ask(self, proposal: EntryProposal) -> Approval:
        self.asked.append(proposal)
        self.meanwhile()
        return self.word


def waiting_bot(word: Word, **settings: object) -> PaperBot:
    return paper_bot(approver=word, **settings)  # type: ignore[arg-type]


def test_an_approved_entry_is_bought() -> None:
    word = Word()
    bot = waiting_bot(word, says="buy")

    report = bot.run_cycle()

    assert (Outcome.TRADED, ["buy KRW-BTC 1000000"]) == (report.outcome, bot.placed())
    assert [(BTC, Decimal(1000), "told to buy")] == [(one.market, one.mark_krw, one.decision.reason) for one in word.asked]


@pytest.mark.parametrize("word", [one for one in Approval if one is not Approval.APPROVED])
def test_anything_but_an_approval_buys_nothing_and_the_report_says_why(word: Approval) -> None:
    bot = waiting_bot(Word(word), says="buy")

    report = bot.run_cycle()

    assert (Outcome.HALTED, f"execution.approval: {word}, limit approved") == (report.outcome, report.reason)
    assert [] == bot.placed()


def test_no_exit_is_asked_about() -> None:
    word = Word(Approval.REJECTED)
    stopped = waiting_bot(word, candles="1000 1000 | 940", holding=HELD)
    stopped.run_cycle()
    decided = waiting_bot(word, holding=HELD, says="sell")
    decided.run_cycle()
    watched = waiting_bot(word, candles="1000 1000 | 940", holding=HELD)
    watched.guard.tick()

    assert [["sell KRW-BTC 100"]] * 3 == [bot.placed() for bot in (stopped, decided, watched)]
    assert [] == word.asked


def test_a_hold_is_not_asked_about() -> None:
    word = Word()
    waiting_bot(word).run_cycle()

    assert [] == word.asked


@pytest.mark.parametrize(("price", "is_bought"), [("1009", True), ("1010", True), ("1011", False), ("995", True), ("989", False)])
def test_the_price_is_judged_anew_after_the_word(price: str, is_bought: bool) -> None:
    word = Word()
    bot = waiting_bot(word, says="buy")
    word.meanwhile = lambda: bot.upbit.always("last_prices", priced(BTC=price))

    report = bot.run_cycle()

    assert is_bought is bool(bot.placed())
    assert is_bought is (report.outcome is Outcome.TRADED)
    assert is_bought or report.reason.startswith("execution.price_since_approval")


def test_the_limits_of_risk_are_asked_anew_after_the_word() -> None:
    word = Word()
    bot = waiting_bot(word, says="buy")
    word.meanwhile = lambda: bot.books.record(SafeModeEntered(reason="paused: Telegram 1"))

    report = bot.run_cycle()

    assert ([], "execution.safe_mode: paused: Telegram 1, limit off") == (bot.placed(), report.reason)


def test_an_hour_that_ended_meanwhile_buys_nothing() -> None:
    word = Word()
    bot = waiting_bot(word, says="buy")
    word.meanwhile = bot.next_hour

    report = bot.run_cycle()

    assert ([], True) == (bot.placed(), report.reason.startswith("execution.cycle_hour"))


def test_the_account_is_free_while_an_entry_waits_and_the_guard_sells() -> None:
    word = Word()
    bot = waiting_bot(
        word, candles={BTC: "1000 1000", ETH: "1000 1000 | 940"}, holding={ETH: HELD}, says="buy", markets=(BTC, ETH)
    )

    def tick_on_another_thread() -> None:
        thread = threading.Thread(target=bot.guard.tick)
        thread.start()
        thread.join()

    word.meanwhile = tick_on_another_thread
    bot.run_cycle(BTC)

    assert ["sell KRW-ETH 100", "buy KRW-BTC"] == [bot.placed()[0], bot.placed()[1].rpartition(" ")[0]]
