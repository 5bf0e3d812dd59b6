"""The thread that listens: it survives what Telegram does, and says what only a person can mend."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from dg_bot.adapters.clock import SystemClock
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.adapters.telegram_updates import AskedToWait, PolledElsewhere, TokenRefused
from dg_bot.app.telegram_threads import TelegramListener, Workers
from dg_bot.app.telegram_wiring import listener
from dg_bot.domain.conversation import Inbound
from dg_bot.errors import InvariantViolated, StoreError
from tests.builders import paper_bot
from tests.telegram_server import CHAT, TOKEN
from tests.unit.app.whole_bot import value, whole_bot

AWAY = StoreError("listen to telegram", "NetworkError")
CONTRADICTION = InvariantViolated("I1", "two truths")


class Script:
    """Updates and desk in one: each poll gives or raises the next thing, and the last one ends the thread."""

    def __init__(self, *steps: Exception | Sequence[Inbound]) -> None:
        self.steps = list(steps)
        self.polls: list[bool] = []
        self.taken: list[tuple[int, bool]] = []
        self.defects: list[Exception] = []
        self.has_begun = 0
        self.listener: TelegramListener | None = None

    def show_menu(self, menus: object) -> None:
        raise AWAY

    def poll(self, *, is_patient: bool = True) -> Sequence[Inbound]:
        self.polls.append(is_patient)
        step = self.steps.pop(0)
        if not self.steps:
            assert self.listener is not None
            self.listener._stop.set()
        if isinstance(step, Exception):
            raise step
        return step

    def begin(self) -> None:
        self.has_begun += 1

    def take(self, batch: Sequence[Inbound], *, may_be_old: bool) -> None:
        self.taken.append((len(batch), may_be_old))
        if self.defects:
            raise self.defects.pop(0)

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        pass


class Run:
    def __init__(self, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
        self.metrics = Metrics()
        self.alarms: list[str] = []
        self.contradictions: list[InvariantViolated] = []
        self.pauses: list[float] = []
        self.listener = script.listener = TelegramListener(
            updates=script,  # type: ignore[arg-type]
            desk=script,  # type: ignore[arg-type]
            metrics=self.metrics,
            alarm=lambda kind, text: self.alarms.append(f"{kind}: {text}"),
            on_contradiction=self.contradictions.append,
        )
        monkeypatch.setattr(self.listener._stop, "wait", self.pauses.append)
        self.listener._run()


def test_an_outage_is_waited_out_ever_longer_and_what_waited_meanwhile_may_be_old(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script((), *[AWAY] * 8, (), ())

    run = Run(script, monkeypatch)

    assert [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] == run.pauses
    assert [(0, True), (0, True), (0, False)] == script.taken
    assert (1, [], "", 1.0) == (
        script.has_begun,
        run.alarms,
        run.listener.trouble,
        value(run.metrics, "bot_errors_total", kind="telegram"),
    )
    assert [False, True, *[False] * 8, True] == script.polls


@pytest.mark.parametrize(("error", "pause_s"), [(PolledElsewhere(), 30.0), (TokenRefused(), 3600.0)])
def test_what_only_a_person_can_mend_is_an_alarm_and_tried_seldom(
    monkeypatch: pytest.MonkeyPatch, error: StoreError, pause_s: float
) -> None:
    run = Run(Script(error), monkeypatch)

    assert ([f"telegram_commands: commands are not heard: {error.cause}"], [pause_s]) == (run.alarms, run.pauses)
    assert error.cause == run.listener.trouble


def test_a_pause_that_telegram_asks_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Script(AskedToWait(17.0), ()), monkeypatch)

    assert ([17.0], []) == (run.pauses, run.alarms)


def test_a_defect_in_one_message_does_not_make_the_bot_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script((), (), ())
    script.defects.append(ZeroDivisionError("of a secret"))

    run = Run(script, monkeypatch)

    assert (3, 1.0) == (len(script.taken), value(run.metrics, "bot_errors_total", kind="ZeroDivisionError"))


def test_a_defect_in_one_message_costs_none_that_came_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram counts all of them as read: what is behind is taken now, or never."""
    together = [
        Inbound(number=number, user=1, is_bot=False, chat=1, is_private=True, sent_at=None, text="/stop") for number in (1, 2, 3)
    ]
    script = Script(together, ())
    script.defects += [ZeroDivisionError(), ZeroDivisionError()]

    run = Run(script, monkeypatch)

    assert ([(3, True), (3, True), (3, True), (0, False)], 2.0) == (
        script.taken, value(run.metrics, "bot_errors_total", kind="ZeroDivisionError"),
    )  # fmt: skip


def test_a_defect_that_does_not_go_away_ends_with_its_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script((), ())
    script.defects += [ZeroDivisionError()] * 2

    run = Run(script, monkeypatch)

    assert (2, 2.0) == (len(script.taken), value(run.metrics, "bot_errors_total", kind="ZeroDivisionError"))


def test_a_contradiction_ends_the_listening_and_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script((), ())
    script.defects.append(CONTRADICTION)

    run = Run(script, monkeypatch)

    assert ([CONTRADICTION], 1) == (run.contradictions, len(script.taken))


def test_workers_survive_a_defect_and_take_no_more_than_they_can_hold() -> None:
    contradictions: list[InvariantViolated] = []
    metrics = Metrics()
    workers = Workers(contradictions.append, metrics)
    gate, ended = threading.Event(), threading.Event()

    def fail(error: Exception) -> Callable[[], None]:
        def act() -> None:
            raise error

        return act

    assert workers.hand(fail(ZeroDivisionError()))
    assert workers.hand(fail(CONTRADICTION))

    def wait() -> None:
        gate.wait()

    taken = [workers.hand(wait) for _ in range(40)]
    gate.set()
    while not workers.hand(ended.set):
        pass

    assert ended.wait(10)
    assert (True, False) == (taken[0], taken[-1])
    assert ([CONTRADICTION], 1.0) == (contradictions, value(metrics, "bot_errors_total", kind="ZeroDivisionError"))


@pytest.mark.parametrize(("token", "warned"), [(None, []), (SecretStr(TOKEN), ["commands_not_heard"])])
def test_a_daemon_that_hears_nobody_though_it_has_a_token_says_so(token: SecretStr | None, warned: list[str]) -> None:
    bot = whole_bot(paper_bot(), telegram_bot_token=token, telegram_chat_id=CHAT)
    notifier = TelegramNotifier(token=TOKEN, chat_id=CHAT, clock=SystemClock())

    with capture_logs() as logged:
        heard = listener(replace(bot, telegram=notifier), checks=dict, begin_cycle=lambda: False, on_contradiction=lambda _: None)
    notifier.close()

    assert (None, warned) == (heard, [line["event"] for line in logged])
