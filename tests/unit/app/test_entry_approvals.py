import threading
from collections.abc import Callable
from decimal import Decimal

import pytest

from dg_bot.app.entry_approvals import EntryApprovals, NobodyToAsk
from dg_bot.domain.approval import Approval, EntryProposal
from dg_bot.domain.conversation import Reply
from dg_bot.domain.decision import Action, Decision
from dg_bot.errors import StoreError
from dg_bot.operator.phrasebook import Language
from tests.builders import BTC

ANN, BEN = 1, 2
PROPOSAL = EntryProposal(
    cycle_id="KRW-BTC/2026-11-20T13",
    market=BTC,
    decision=Decision(action=Action.BUY, confidence=0.8, source="rules", reason="<all> gates passed"),
    mark_krw=Decimal(1000),
)


class Chat:
    """A messenger, and what happens once everybody has been asked."""

    def __init__(self, *, away: tuple[int, ...] = ()) -> None:
        self.away = away
        self.asked: list[tuple[int, Reply]] = []
        self.seconds = 0.0
        self.is_pointless = False
        self.then: Callable[[EntryApprovals], object] = lambda _approvals: None
        self.approvals = EntryApprovals(
            users=(ANN, BEN),
            language=Language.ENGLISH,
            minutes=5,
            messenger=self,
            monotonic_s=self._monotonic_s,
            is_pointless=lambda: self.is_pointless,
            new_code=lambda: "CODE",
        )

    def answer(self, chat: int, reply: Reply, *, over: int | None = None) -> None:
        if chat in self.away:
            raise StoreError("telegram", "away")
        self.asked.append((chat, reply))
        if chat == BEN:
            self.then(self.approvals)

    def _monotonic_s(self) -> float:
        """Let minutes pass with each look."""
        self.seconds += 200.0
        return self.seconds


@pytest.mark.parametrize(("is_approved", "expected"), [(True, Approval.APPROVED), (False, Approval.REJECTED)])
def test_the_first_word_counts_and_every_user_is_asked(is_approved: bool, expected: Approval) -> None:
    chat = Chat()
    words: list[bool] = []

    def say(approvals: EntryApprovals) -> None:
        words.extend(approvals.decide("CODE", is_approved=word) for word in (is_approved, not is_approved))

    chat.then = say

    assert (expected, [True, False]) == (chat.approvals.ask(PROPOSAL), words)
    assert [ANN, BEN] == [user for user, _ in chat.asked]


def test_a_word_from_another_thread_ends_the_waiting() -> None:
    chat = Chat()
    chat._monotonic_s = lambda: 0.0  # type: ignore[method-assign]
    chat.approvals._monotonic_s = lambda: 0.0
    chat.then = lambda approvals: threading.Thread(target=lambda: approvals.decide("CODE", is_approved=True)).start()

    assert Approval.APPROVED is chat.approvals.ask(PROPOSAL)


def test_the_question_names_market_price_and_reason_and_its_buttons_carry_the_code() -> None:
    chat = Chat()
    chat.approvals.ask(PROPOSAL)
    _, question = chat.asked[0]

    assert "🛒 <b>Buy KRW-BTC?</b>\nPrice ₩1,000\nBuy · confidence 80% · rules\nWhy: &lt;all&gt; gates passed" in question.text
    assert ["/approve CODE", "/reject CODE"] == [button.command for row in question.buttons for button in row]


def test_without_a_word_the_answer_is_no() -> None:
    assert Approval.NO_ANSWER is Chat().approvals.ask(PROPOSAL)


def test_a_question_that_has_lost_its_sense_is_withdrawn() -> None:
    chat = Chat()
    chat.is_pointless = True

    assert Approval.WITHDRAWN is chat.approvals.ask(PROPOSAL)


def test_one_user_who_is_away_leaves_the_others() -> None:
    chat = Chat(away=(ANN,))
    chat.then = lambda approvals: approvals.decide("CODE", is_approved=True)

    assert Approval.APPROVED is chat.approvals.ask(PROPOSAL)


def test_where_nobody_can_be_reached_nobody_is_waited_for() -> None:
    chat = Chat(away=(ANN, BEN))

    assert (Approval.NOT_ASKED, True) == (chat.approvals.ask(PROPOSAL), chat.seconds == 0.0)


@pytest.mark.parametrize("code", ["OTHER", "", "code"])
def test_another_code_decides_nothing(code: str) -> None:
    chat = Chat()
    chat.then = lambda approvals: approvals.decide(code, is_approved=True)

    assert Approval.NO_ANSWER is chat.approvals.ask(PROPOSAL)


def test_a_word_before_or_after_the_question_is_none() -> None:
    chat = Chat()
    before = chat.approvals.decide("CODE", is_approved=True)
    chat.approvals.ask(PROPOSAL)

    assert (False, False) == (before, chat.approvals.decide("CODE", is_approved=True))


def test_a_single_cycle_by_hand_asks_nobody() -> None:
    assert Approval.NOT_ASKED is NobodyToAsk().ask(PROPOSAL)
