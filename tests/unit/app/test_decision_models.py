from datetime import date
from pathlib import Path

import pytest

from dg_bot.app.challenger_wiring import Challenger, challengers, named_challengers
from dg_bot.app.decision_models import Advisers, decision_model, language_model, trained_model
from dg_bot.app.settings import Settings
from dg_bot.domain.decision import OutputKind, Prediction
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, ModelQuestion
from dg_bot.errors import ConfigurationError
from dg_bot.models.ensemble import EnsembleModel
from dg_bot.models.llm import LlmModel
from dg_bot.models.onnx import OnnxModel, RefusedFile
from dg_bot.models.rules import RulesModel
from tests.builders import paper_bot
from tests.model_files import linear_model, put
from tests.situations import situation


class Away:
    def ask(self, question: ModelQuestion) -> ModelAnswer:
        return ModelAnswer(kind=AnswerKind.UNREACHABLE)


def settings(**given: object) -> Settings:
    return Settings.model_validate({"openai_model": "m", "openai_base_url": "http://127.0.0.1:1/v1", **given})


@pytest.mark.parametrize(("name", "kind"), [("rules", RulesModel), ("llm", LlmModel), ("ensemble", EnsembleModel)])
def test_the_settings_name_who_decides(name: str, kind: type) -> None:
    model = decision_model(settings(decision_model=name), Advisers(language=Away()), dict)

    assert (kind, name) == (type(model), model.name)


def test_nothing_is_asked_where_nobody_asks_a_language_model() -> None:
    bot = paper_bot()

    assert language_model(settings(), bot.books, bot.clock) is None
    assert language_model(settings(decision_model="llm"), bot.books, bot.clock) is not None


@pytest.mark.parametrize("name", ["llm", "onnx"])
def test_a_model_that_asks_needs_somebody_to_ask(name: str) -> None:
    with pytest.raises(ConfigurationError, match="DECISION_MODEL"):
        decision_model(settings(decision_model=name), Advisers(), dict)


def test_a_trained_model_is_loaded_where_it_takes_part(tmp_path: Path) -> None:
    path = put(tmp_path, linear_model(0.01, 0.8))
    chosen = settings(decision_model="onnx", model_path=path)

    loaded = trained_model(chosen)

    assert trained_model(settings(model_path=path)) is None
    assert (OnnxModel, "onnx") == (type(model := decision_model(chosen, Advisers(trained=loaded))), model.name)


def test_a_refused_file_holds_and_the_others_of_an_ensemble_go_on(tmp_path: Path) -> None:
    chosen = settings(decision_model="ensemble", ensemble_members="rules,onnx", model_path=tmp_path / "gone.onnx")
    refused = trained_model(chosen)

    assert isinstance(refused, RefusedFile)
    advice = decision_model(chosen, Advisers(trained=refused)).decide(situation())

    assert "gone.onnx is not there; check MODEL_PATH" in refused.text
    assert [("rules", "hold"), ("onnx", "hold")] == [(vote.model, vote.action) for vote in advice.votes]
    assert Prediction(kind=OutputKind.NO_FILE) == advice.prediction


@pytest.mark.parametrize(("fallback", "source"), [("hold", "llm"), ("rules", "rules")])
def test_the_fallback_decides_while_the_language_model_is_away(fallback: str, source: str) -> None:
    model = decision_model(settings(decision_model="llm", llm_fallback=fallback), Advisers(language=Away()), dict)

    assert source == model.decide(situation()).decision.source


def test_challengers_are_models_of_their_own_and_nobody_stands_in_for_one() -> None:
    chosen = settings(challengers="ensemble,llm,onnx", llm_fallback="rules")
    models = challengers(chosen, lambda _one: Advisers(language=Away(), trained=RefusedFile("model.onnx is not there")))

    assert ["ensemble", "llm", "onnx"] == [model.name for model in models]
    assert ["ensemble", "llm", "onnx"] == [model.decide(situation()).decision.source for model in models]


def test_there_may_be_any_number_of_challengers_of_a_kind() -> None:
    chosen = settings(challengers="llm:gpt-5@2025-05-31, llm:qwen3, onnx:models/new.onnx, onnx:old.onnx, llm")
    seen: dict[str, tuple[object, object]] = {}

    def advisers_of(one: Challenger) -> Advisers:
        seen[one.label] = one.settings.openai_model, one.settings.model_file
        return Advisers(language=Away(), trained=RefusedFile("it is not there"))

    models = challengers(chosen, advisers_of)

    here = Path.cwd()
    assert {
        "llm:gpt-5": ("gpt-5", None),
        "llm:qwen3": ("qwen3", None),
        "onnx:models/new.onnx": ("m", here / "models" / "new.onnx"),
        "onnx:old.onnx": ("m", here / "old.onnx"),
        "llm": ("m", None),
    } == seen
    assert list(seen) == [model.name for model in models]
    assert [date(2025, 5, 31), None, None] == [chosen.cutoff_of(name) for name in ("llm:gpt-5", "llm:qwen3", "llm")]


def test_the_budget_is_parted_only_where_a_challenger_asks() -> None:
    bot = paper_bot()

    asking, quiet = named_challengers(settings(challengers="ensemble,onnx", ensemble_members="rules,llm"))

    assert language_model(asking.settings, bot.books, bot.clock, is_challenger=True) is not None
    assert language_model(quiet.settings, bot.books, bot.clock, is_challenger=True) is None


def test_a_price_table_of_ones_own_is_read_at_the_start(tmp_path: Path) -> None:
    bot, table = paper_bot(), tmp_path / "prices.yaml"
    for text in (None, "- m 2026-01-01 dear"):
        if text is not None:
            table.write_text(text)
        with pytest.raises(ConfigurationError, match="LLM_PRICE_FILE"):
            language_model(settings(decision_model="llm", llm_price_file=table), bot.books, bot.clock)
