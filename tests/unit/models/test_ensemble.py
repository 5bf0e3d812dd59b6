from dataclasses import dataclass

from dg_bot.cycle import Situation
from dg_bot.domain.decision import Action, Advice, Consultation, Decision, Vote
from dg_bot.domain.language_model import AnswerKind, ModelAnswer
from dg_bot.errors import DecisionError
from dg_bot.models.ensemble import EnsembleModel
from tests.situations import situation


@dataclass(frozen=True)
class Member:
    """One voice; `answer` is how a language model answered, None for a model of another kind.

    `decided_by` is who stood in for it.
    """

    name: str
    says: str
    answer: AnswerKind | None = None
    decided_by: str | None = None

    def decide(self, situation: Situation) -> Advice:
        if self.says == "breaks":
            raise DecisionError(self.name, "no usable output")
        decision = Decision(action=Action(self.says), confidence=0.8, source=self.decided_by or self.name, reason="so it says")
        if self.answer is None:
            return Advice(decision=decision)
        answer = ModelAnswer(kind=self.answer)
        consultation = Consultation(prompt_version="1", prompt="p", answer=answer, suspicious_texts=0)
        return Advice(decision=decision, consultation=consultation)


def advice(*members: Member, calibration: dict[str, float] | None = None) -> Advice:
    ensemble = EnsembleModel(members=members, agreement=0.66, calibration=lambda: calibration or {})
    return ensemble.decide(situation())


def test_two_that_agree_act_and_their_votes_are_kept() -> None:
    given = advice(Member("rules", "buy"), Member("llm", "buy", AnswerKind.USABLE))

    assert (Action.BUY, "ensemble") == (given.decision.action, given.decision.source)
    assert [("rules", Action.BUY), ("llm", Action.BUY)] == [(vote.model, vote.action) for vote in given.votes]
    assert given.consultation is not None


def test_two_that_do_not_agree_hold() -> None:
    given = advice(Member("rules", "buy"), Member("llm", "sell"))

    assert Action.HOLD is given.decision.action
    assert "50% for" in given.decision.reason


def test_a_member_without_a_usable_answer_says_hold() -> None:
    for broken in (Member("llm", "hold", AnswerKind.PROSE), Member("llm", "breaks")):
        assert Action.HOLD is advice(Member("rules", "buy"), broken).decision.action


def test_a_member_that_was_not_asked_has_no_voice() -> None:
    given = advice(Member("rules", "sell"), Member("llm", "hold", AnswerKind.NOT_ASKED))

    assert Action.SELL is given.decision.action
    assert (Vote(model="rules", action=Action.SELL, confidence=0.8, weight=0.5),) == given.votes


def test_who_stands_in_for_an_absent_member_has_one_voice_under_its_own_name() -> None:
    absent = Member("llm", "buy", AnswerKind.UNREACHABLE, decided_by="rules")

    for members in ((Member("rules", "buy"), absent), (absent, Member("rules", "buy")), (absent,)):
        given = advice(*members)
        assert [("rules", Action.BUY)] == [(vote.model, vote.action) for vote in given.votes]
        assert Action.BUY is given.decision.action


def test_measured_calibration_gives_the_weights() -> None:
    given = advice(Member("rules", "buy"), Member("llm", "hold"), calibration={"rules": 0.05, "llm": 0.24})

    assert Action.BUY is given.decision.action
