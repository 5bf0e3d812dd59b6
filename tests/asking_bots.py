"""Whole bots that ask a language model behind a socket, each with its budget, breaker and canary."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from dg_bot.adapters.openai_model import OpenAiModel, OpenAiProfile
from dg_bot.adapters.openai_reply import Api
from dg_bot.app.guarded_language_model import AskingLimits, GuardedLanguageModel
from dg_bot.cycle import Situation
from dg_bot.domain.call_breaker import CallBreaker
from dg_bot.domain.decision import Advice
from dg_bot.domain.model_prices import ModelPrices, read_prices
from dg_bot.models.llm import LlmModel
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock, DecisionModel, NewsFeed
from tests.builders import PaperBot
from tests.openai_server import KEY, MODEL

PRICES: ModelPrices = read_prices("test", f"- {MODEL} 2026-01-01 1.00 4.00\n- dear 2026-01-01 30 60", Decimal(1500))


class AskingModel:
    """The decision model of a bot that may die: it is made anew with the books of each life."""

    name = "llm"

    def __init__(self, bot: PaperBot, make: Callable[[Books], DecisionModel]) -> None:
        self._bot = bot
        self._make = make
        self._made: tuple[Books, DecisionModel] | None = None
        self.seen: Callable[[Situation], Situation] = lambda situation: situation

    def decide(self, situation: Situation) -> Advice:
        if self._made is None or self._made[0] is not self._bot.books:
            self._made = self._bot.books, self._make(self._bot.books)
        return self._made[1].decide(self.seen(situation))


LIMITS = AskingLimits(deadline_s=5.0, daily_tokens=10_000_000, daily_krw=Decimal(1_000_000), max_output_tokens=1000)


def guarded_model(
    books: Books, clock: Clock, url: str, *, limits: AskingLimits = LIMITS, api: Api = Api.RESPONSES, failures: int = 5
) -> GuardedLanguageModel:
    """Give the language model at `url` behind its budget, breaker and canary."""
    return GuardedLanguageModel(
        OpenAiModel(OpenAiProfile(base_url=url, model=MODEL, api=api, max_output_tokens=1000), api_key=KEY),
        model=MODEL,
        limits=limits,
        prices=PRICES,
        breaker=CallBreaker(most_failures=failures, pause=timedelta(seconds=60)),
        books=books,
        clock=clock,
    )


def judged_news(bot: PaperBot, feeds: Sequence[NewsFeed], url: str, *, limits: AskingLimits = LIMITS) -> None:
    """Let a bot read these feeds, and have the server at `url` score them."""
    bot.setup = replace(bot.setup, feeds=tuple(feeds), judge=lambda books: guarded_model(books, bot.clock, url, limits=limits))
    bot.rewire()


def asking(
    bot: PaperBot,
    url: str,
    *,
    api: Api = Api.RESPONSES,
    deadline_s: float = 5.0,
    daily_tokens: int = 10_000_000,
    daily_krw: str = "1000000",
    failures: int = 5,
    stand_in: DecisionModel | None = None,
) -> AskingModel:
    """Let a bot ask the server at `url` for its decisions."""
    limits = AskingLimits(deadline_s=deadline_s, daily_tokens=daily_tokens, daily_krw=Decimal(daily_krw), max_output_tokens=1000)

    def make(books: Books) -> DecisionModel:
        guarded = guarded_model(books, bot.clock, url, limits=limits, api=api, failures=failures)
        return LlmModel(language_model=guarded, stand_in=stand_in)

    model = AskingModel(bot, make)
    bot.setup = replace(bot.setup, model=model)
    bot.rewire()
    return model
