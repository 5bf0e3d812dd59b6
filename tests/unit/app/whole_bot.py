"""A `Bot` as entry points have it, over the venue in process that scenarios use."""

from collections.abc import Callable, Mapping
from pathlib import Path

from dg_bot.adapters.prometheus import Metrics
from dg_bot.app.bot import Bot
from dg_bot.app.database import Database
from dg_bot.app.guard_thread import GuardThread
from dg_bot.app.outbox import Outbox, Projection
from dg_bot.app.settings import Settings
from dg_bot.app.trial_counts import TrialCounts
from dg_bot.backtesting.luck import LuckLimits, LuckMeter
from dg_bot.domain.market import Market
from dg_bot.domain.screen import DriftlessPasses
from tests.builders import PaperBot

PERIOD_S = 30.0


class NoLuck:
    """Knows nothing and keeps nothing."""

    def load(self) -> Mapping[Market, DriftlessPasses]:
        return {}

    def save(self, known: Mapping[Market, DriftlessPasses]) -> None:
        raise AssertionError("nothing is due here")


def whole_bot(paper: PaperBot, *projections: Projection, **settings: object) -> Bot:
    """Give the bot around a scenario's parts; the status server takes any free port."""
    metrics = Metrics()
    return Bot(
        settings=Settings(health_port=0, **settings),  # type: ignore[arg-type]
        clock=paper.clock,
        market_data=paper.upbit,
        books=paper.books,
        pipeline=paper.pipeline,
        guard=paper.guard,
        reconciler=paper.reconciler,
        outboxes=(
            Outbox(
                projections=projections,
                metrics=metrics,
                end=lambda: paper.books.state.sequence,
                now=paper.clock.now,
                alarm=paper.books.alarm,
                note=lambda _behind: None,
            ),
        ),
        metrics=metrics,
        hands=paper.hands,
        luck=LuckMeter(store=NoLuck(), clock=paper.clock, limits=LuckLimits()),
        trials=TrialCounts(Path("unused"), read=dict),
        database=Database(url="postgresql://nobody@127.0.0.1:1/none", folder=Path("unused"), password_file=Path("unused")),
    )


def guard_over(paper: PaperBot) -> tuple[GuardThread, Callable[[str], float]]:
    """Give the guard on its thread, which a test ticks by hand, with a reader of its metrics."""
    bot = whole_bot(paper)
    return GuardThread(bot, period_s=PERIOD_S), lambda name: value(bot.metrics, name)


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """Give the value of one series, 0.0 where it is not there."""
    return metrics.registry.get_sample_value(name, labels) or 0.0
