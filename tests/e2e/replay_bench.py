"""A bench for replays: hours of a recorded tape traded over HTTP by the true parts, some of them under faults."""

import random
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from dg_bot.app.bootstrap import running_bot
from dg_bot.app.one_cycle import run_markets, start_up
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import Settings
from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.simulator.faults import Action, Answer, FaultPlan, FaultRule, Html, LoseReply, LoseRequest, Truncate
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.rest_limits import RateLimits
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue
from tests.e2e.tape_bench import (
    ACCESS_KEY,
    BTC,
    HISTORY,
    LEFT_TO_COLLECT,
    OPENING_KRW,
    SECRET_KEY,
    TapeText,
    live_settings,
    seed_archive,
)
from tests.openai_server import KEY, MODEL, Asked, OpenAiServer, Served, opinion, refused, served

_READS = ("/v1/accounts", "/v1/ticker", "/v1/orderbook", "/v1/orders/chance", "/v1/candles/minutes/60", "/v1/market/all")
OTHER_MODEL = "qwen3"
_BUSY = Answer(503, '{"error":{"name":"server_error","message":"later"}}')
_ILLS: tuple[Action, ...] = (LoseRequest(), LoseReply(), _BUSY, Html(), Truncate(20))


@dataclass(frozen=True, kw_only=True)
class RecordedHours:
    """What was recorded: the settings of the bot, whose folders hold it all, and the reports as they came."""

    settings: Settings
    reports: tuple[CycleReport, ...]


def seeded_faults(seed: int, count: int) -> FaultPlan:
    """Give `count` short failures of reads, and an order of which nobody is told."""
    chance = random.Random(seed)
    reads = [
        FaultRule(
            path=chance.choice(_READS),
            method="GET",
            nth=chance.randint(20, 20 + count * 12),
            count=1,
            action=chance.choice(_ILLS),
        )
        for _ in range(count)
    ]
    return FaultPlan([*reads, FaultRule(path="/v1/orders", method="POST", nth=1, count=1, action=LoseReply())])


def seeded_answers(seed: int) -> Callable[[Asked], Served]:
    """Give a stand-in for a language model: each question has its answer, of every action, and now and then of no use."""

    def answer(asked: Asked) -> Served:
        chance, model = random.Random(f"{seed} {asked.text}"), str(asked.body["model"])
        if chance.random() < 0.15:
            return chance.choice(
                [refused(500), served("Certainly! I would buy.", asked.api, model), served(None, asked.api, model)]
            )
        action = chance.choice(["BUY", "BUY", "BUY", "SELL", "HOLD"])
        return served(opinion(action, round(chance.uniform(0.6, 1.0), 2)), asked.api, model)

    return answer


def asking_settings(server: OpenAiServer, folder: Path) -> dict[str, str]:
    """Give the settings of a bot whose decisions come from the model behind `server`."""
    prices = folder / "prices.yaml"
    prices.write_text("".join(f"- {model} 2020-01-01 1.00 4.00\n" for model in (MODEL, OTHER_MODEL)), encoding="utf-8")
    return {
        "DECISION_MODEL": "llm",
        "CHALLENGERS": f"rules,ensemble,llm:{OTHER_MODEL}@2020-01-01",
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": KEY,
        "OPENAI_MODEL": MODEL,
        "LLM_PRICE_FILE": str(prices),
        "LLM_DAILY_KRW": "100000",
        "LLM_DAILY_TOKENS": "5000000",
    }


class ReplayBench:
    """A venue on the tape, and the folder of one bot that trades on it."""

    def __init__(self, *, folder: Path, text: TapeText, tape: Tape, database: str, faults: FaultPlan) -> None:
        self._folder = folder
        self._text = text
        self._now = from_epoch(text.hours[0])
        self._database = database
        self._venue = Venue(ledger=Ledger(krw=OPENING_KRW), tapes={BTC: tape}, now=lambda: self._now)
        limits = RateLimits(monotonic=self._seconds)
        self._server = UpbitServer(self._venue, access_key=ACCESS_KEY, secret_key=SECRET_KEY, faults=faults, limits=limits)

    def _seconds(self) -> float:
        return self._now.timestamp()

    @contextmanager
    def open(self) -> Iterator[None]:
        with self._server:
            yield

    def record(self, hours: Sequence[datetime], *, lives: int = 1, extra: Mapping[str, str] | None = None) -> RecordedHours:
        """Trade the given hours, in `lives` lives of the program, with a look of the guard before each."""
        candles = self._folder / "candles"
        seed_archive(candles, self._text, hours[0] - HISTORY, hours[0] - LEFT_TO_COLLECT)
        environment = live_settings(base_url=self._server.base_url, folder=self._folder, candles=candles, database=self._database)
        chosen = {**environment, "MARKETS": str(BTC), "SCREEN_MODE": "warn", **(extra or {})}
        settings = load_settings(environment=chosen, env_file=self._folder / "none")
        reports: list[CycleReport] = []
        size = -(-len(hours) // lives)
        for first in range(0, len(hours), size):
            self._live(settings, hours[first : first + size], reports)
        return RecordedHours(settings=settings, reports=tuple(reports))

    def _live(self, settings: Settings, hours: Sequence[datetime], reports: list[CycleReport]) -> None:
        self._now = hours[0] + timedelta(seconds=5)
        with running_bot(settings) as bot:
            for place, hour in enumerate(hours):
                self._now = hour + timedelta(seconds=5)
                bot.learn_time()
                if place == 0:
                    start_up(bot)
                else:
                    bot.guard.tick()
                run_markets(bot, settings.markets, reports.append)
            for outbox in bot.outboxes:
                outbox.flush()


def hours_from(first: datetime, count: int) -> list[datetime]:
    return [first + timedelta(hours=hour) for hour in range(count)]


@contextmanager
def no_network() -> Iterator[None]:
    """Let no connection be made."""

    def refuse(*_: object) -> None:
        raise AssertionError("a replay asks nobody")

    with patch.object(socket.socket, "connect", refuse):
        yield
