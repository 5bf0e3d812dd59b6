"""What decides is broken; what checks it is broken: nothing is bought, and exits go on."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from dg_bot.adapters.openai_reply import Api
from dg_bot.adapters.rss import RssFeed
from dg_bot.analysis.features import NAMES, WINDOW_BARS
from dg_bot.analysis.quoted_text import WITHHELD
from dg_bot.app.decision_models import Advisers, decision_model, trained_model
from dg_bot.app.guarded_language_model import AskingLimits
from dg_bot.app.settings import Settings
from dg_bot.domain.cycle_report import CycleReport, Outcome
from dg_bot.domain.events import ModelAnswered, ModelAsked
from dg_bot.domain.gate import Gate
from dg_bot.domain.language_model import Purpose
from dg_bot.domain.market import MarketNotice
from dg_bot.domain.news import NewsItem
from dg_bot.models.onnx import RefusedFile
from dg_bot.pipeline import analysis_stage
from dg_bot.pipeline.data_limits import DataLimits
from tests.asking_bots import asking, judged_news
from tests.builders import BTC, NOON, PaperBot, paper_bot
from tests.feeds import ToldFeed, rss
from tests.injections import INJECTIONS
from tests.model_files import linear_model, manifest_of, put, trained
from tests.openai_server import MODEL, SILENCE, Asked, Manner, OpenAiServer, Served, envelope, opinion, refused, scores, served
from tests.unit.adapters.raw_server import RawServer, Request, answers, http, reset
from tests.unit.app.ward import Ward


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer() as running:
        yield running


def held_for(report: CycleReport) -> str:
    """Give the kind for which a cycle held, or how else it ended."""
    kind = next((str(gate.value) for gate in report.gates if gate.name == "model.answer"), "none")
    return kind if report.outcome is Outcome.HELD and report.orders == () else f"{report.outcome} {kind}"


def output_of(report: CycleReport) -> str:
    """Give the kind of a trained model's output."""
    return next((str(gate.value) for gate in report.gates if gate.name == "model.output"), "none")


def test_m01_a_silent_language_model_is_a_hold_within_its_deadline(server: OpenAiServer) -> None:
    """The cycle ends by the deadline, with a HOLD that names the silence."""
    server.replies_with(SILENCE)
    bot = paper_bot()
    asking(bot, server.url, deadline_s=0.3)

    assert "no_answer_in_time" == held_for(bot.run_cycle())


def test_m01_while_a_cycle_waits_for_the_language_model_the_guard_sells_at_the_stop(server: OpenAiServer) -> None:
    """Nothing is locked meanwhile: the guard ticks as ever, and the cycle finds out when it is answered."""
    was_asked, may_answer = threading.Event(), threading.Event()

    def late(_: Asked) -> Served:
        was_asked.set()
        may_answer.wait(60)
        return refused(503)

    server.canary = late
    bot = paper_bot("1000 1000 | 1000 940", holding="100 @ 1000")
    asking(bot, server.url, deadline_s=60.0)
    reports: list[CycleReport] = []
    cycle = threading.Thread(target=lambda: reports.append(bot.run_cycle()))
    cycle.start()
    assert was_asked.wait(60)
    bot.next_hour()
    bot.guard.tick()
    sold_while_waiting = (bot.placed(), cycle.is_alive())
    may_answer.set()
    cycle.join(60)

    assert (["sell KRW-BTC 100"], True) == sold_while_waiting
    assert ["provider_failed"] == [held_for(report) for report in reports]


@pytest.mark.parametrize("manner", [Manner.DRIPPING_HEAD, Manner.DRIPPING_BODY])
def test_m01_a_dripping_server_cannot_stretch_the_deadline(server: OpenAiServer, manner: Manner) -> None:
    """What is not whole by the deadline is given up, and the call's thread ends with its connection."""
    server.replies_with(Served(body=b" " * 100_000, manner=manner))
    bot = paper_bot()
    asking(bot, server.url, deadline_s=0.3)

    report = bot.run_cycle()

    assert "no_answer_in_time" == held_for(report)
    for thread in [one for one in threading.enumerate() if one.name == "language-model"]:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("reply", "kind", "requests", "alarms"),
    [
        (refused(429, "rate_limit_exceeded"), "too_many_requests", 2, []),
        (refused(429, "insufficient_quota"), "no_quota", 1, ["language_model_no_quota"]),
        (refused(500), "provider_failed", 2, []),
        (refused(503), "provider_failed", 2, []),
        (refused(401, "invalid_api_key"), "key_refused", 1, ["language_model_key_refused"]),
        (refused(400), "request_refused", 1, []),
        (Served(status=302, headers={"Location": "http://127.0.0.1:9/"}), "redirected", 1, []),
    ],
)
def test_m02_a_provider_that_refuses_or_fails_is_asked_at_most_once_more(
    server: OpenAiServer, reply: Served, kind: str, requests: int, alarms: list[str]
) -> None:
    """The cycle holds and names the kind; what passes by itself gets one more try, a refused key sounds the alarm."""
    bot = paper_bot()
    asking(bot, server.url)
    server.replies_with(reply)

    report = bot.run_cycle()

    assert kind == held_for(report)
    assert requests == len(server.decisions)
    assert alarms == bot.alarms()


@pytest.mark.parametrize("api", list(Api))
def test_m03_an_answer_cut_by_the_token_limit_is_a_hold(server: OpenAiServer, api: Api) -> None:
    """Even where what is left of it could be read; the tokens are booked all the same."""
    document = envelope(opinion("BUY"), api)
    document |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    for choice in cast(list[dict[str, object]], document.get("choices", [])):
        choice["finish_reason"] = "length"
    server.replies_with(Served(body=json.dumps(document).encode()))
    bot = paper_bot()
    asking(bot, server.url, api=api)

    report = bot.run_cycle()

    assert "truncated" == held_for(report)
    assert 2 * 1200 == bot.books.remembered.spending.tokens


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"Here is my decision: {opinion('BUY')}", "prose"),
        (f"<think>The trend is up.</think>{opinion('BUY')}", "prose"),
        (f"```json\n{opinion('BUY')}\n```", "fenced"),
        (f"{opinion('BUY')}\nI hope this helps!", "prose"),
    ],
)
def test_m04_prose_or_thoughts_around_an_answer_make_it_a_hold(server: OpenAiServer, text: str, kind: str) -> None:
    """Nothing is searched for in a text: it is the agreed object from end to end, or no answer."""
    server.says(text)
    bot = paper_bot()
    asking(bot, server.url)

    assert kind == held_for(bot.run_cycle())


@pytest.mark.parametrize("field", ["action", "confidence", "reason"])
def test_m05_an_answer_without_a_needed_field_is_a_hold(server: OpenAiServer, field: str) -> None:
    """No field has a default."""
    whole = json.loads(opinion("BUY"))
    del whole[field]
    server.says(json.dumps(whole))
    bot = paper_bot()
    asking(bot, server.url)

    assert "missing_field" == held_for(bot.run_cycle())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (opinion("strong_buy"), "other_action"),
        (opinion("buy"), "other_action"),
        (opinion("BUY", 150), "confidence_out_of_range"),
        (opinion("BUY", 1.01), "confidence_out_of_range"),
        (opinion("BUY", "0.9"), "wrong_type"),
        (opinion("BUY", True), "wrong_type"),
        (opinion("BUY", market="KRW-ETH"), "extra_field"),
        (opinion("BUY", size_krw=5_000_000), "extra_field"),
    ],
)
def test_m06_an_answer_outside_its_choices_is_a_hold(server: OpenAiServer, text: str, kind: str) -> None:
    """Another action, a confidence in percent, a word about another market or a size: none of it is taken."""
    server.says(text)
    bot = paper_bot()
    asking(bot, server.url)

    assert kind == held_for(bot.run_cycle())


def test_m07_a_changed_form_of_answers_is_found_by_the_canary(server: OpenAiServer) -> None:
    """The first question of a day has a known answer; until it comes back, nothing is decided, and an alarm tells."""
    server.says(opinion("BUY"))
    server.canary = lambda asked: served(opinion("BUY", 1.0), asked.api)
    bot = paper_bot()
    asking(bot, server.url)

    failed = held_for(bot.run_cycle())
    asked_meanwhile = len(server.decisions)
    server.canary = lambda asked: served(opinion("HOLD", 0.5), asked.api)
    bot.next_hour()
    passed = held_for(bot.run_cycle())

    assert ("canary_failed", 0, ["language_model_contract"]) == (failed, asked_meanwhile, bot.alarms())
    assert "traded usable" == passed


def test_m07_another_model_behind_the_name_is_no_answer(server: OpenAiServer) -> None:
    """A model of another name is never taken; another edition of the same is taken after one HOLD and an alarm."""
    bot = paper_bot()
    asking(bot, server.url)
    kinds: list[str] = []
    for model in (MODEL, f"{MODEL}-2026-11-01", f"{MODEL}-2026-11-01", "cheaper-model", f"{MODEL}-mini"):
        server.replies_with(served(opinion("HOLD"), model=model))
        server.canary = server.answer
        kinds.append(held_for(bot.run_cycle()))
        bot.next_hour()

    assert ["usable", "changed_model", "usable", "other_model", "other_model"] == kinds
    assert ["language_model_changed", "language_model_other_model"] == bot.alarms()


def test_m08_the_budget_of_a_day_outlives_a_restart_and_ends_at_midnight_in_seoul(server: OpenAiServer) -> None:
    """Beyond it nothing is asked and the cycle holds, with one alarm; the next day begins a new one."""
    bot = paper_bot(at=NOON + timedelta(hours=4, seconds=5))
    asking(bot, server.url, daily_tokens=14_000)
    kinds: list[str] = []
    while "over_budget" not in kinds and len(kinds) < 10:
        kinds.append(held_for(bot.run_cycle()))
        bot.next_hour()
    asked = len(server.decisions)
    bot.restart()
    kinds.append(held_for(bot.run_cycle()))
    asked_after = len(server.decisions)
    bot.next_hour(16)

    assert ["usable", "over_budget", "over_budget"] == sorted(set(kinds), reverse=True) + kinds[-1:]
    assert asked == asked_after
    assert ["language_model_budget"] == bot.alarms()
    assert "usable" == held_for(bot.run_cycle())


def test_m08_what_was_asked_and_never_answered_counts_with_the_most_that_it_can_have_cost(server: OpenAiServer) -> None:
    """A lost answer is not a free one: it is booked at its worst until the day ends."""
    server.replies_with(SILENCE)
    bot = paper_bot()
    asking(bot, server.url, deadline_s=0.3)

    bot.run_cycle()

    canary, decision = [event for event in bot.events(ModelAsked) if isinstance(event, ModelAsked)]
    assert (1200 + decision.most_tokens) == bot.books.remembered.spending.tokens
    assert canary.most_tokens > 1200


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What strangers say to a bot: a headline, a coin's name and a venue's notice."""

    title: str
    name: str
    caution: str


def bought_by_a_hijacked_model(server: OpenAiServer, outside: Outside) -> CycleReport:
    """Run one cycle in which the model answers BUY with all confidence, whatever it is shown."""
    server.says(opinion("BUY", 1.0))
    bot = paper_bot(allow_warned_markets=True)
    notice = MarketNotice(market=BTC, has_warning=False, cautions=(outside.caution,), name=outside.name)
    bot.venue.set_notice(BTC, notice)
    model = asking(bot, server.url)
    news = (NewsItem(known_at=NOON, source="somewhere", title=outside.title),)
    model.seen = lambda situation: replace(situation, snapshot=replace(situation.snapshot, news=news))
    return bot.run_cycle()


@pytest.fixture(scope="module")
def bought_in_peace() -> CycleReport:
    with OpenAiServer() as server:
        return bought_by_a_hijacked_model(server, Outside(title="Bitcoin rises", name="Bitcoin", caution="PRICE_FLUCTUATIONS"))


@pytest.mark.parametrize("text", INJECTIONS)
def test_m15_a_text_that_gives_orders_changes_no_size_limit_mode_or_market(
    server: OpenAiServer, bought_in_peace: CycleReport, text: str
) -> None:
    """It is withheld from the prompt and counted; even a model that says BUY to everything buys what it would have without."""
    report = bought_by_a_hijacked_model(server, Outside(title=text, name=text, caution=text))

    def unmoved(one: CycleReport) -> CycleReport:
        ours = [gate for gate in one.gates if gate.name not in ("model.suspicious_texts", "data.market_warnings")]
        return replace(one, gates=tuple(ours), durations_ms={})

    assert unmoved(bought_in_peace) == unmoved(report)
    assert Gate("model.suspicious_texts", 3, None, passed=True) in report.gates
    shown = server.decisions[-1].text
    assert 3 == shown.count(WITHHELD)
    assert text not in shown


def after_the_news(server: OpenAiServer, *headlines: str) -> tuple[PaperBot, CycleReport]:
    """Run one cycle of a bot whose news and decisions come from a model that says the best of everything."""
    server.says(opinion("BUY", 1.0))
    server.sentiment = lambda asked: served(scores(asked, 1.0), asked.api)
    bot = paper_bot()
    asking(bot, server.url)
    pages = [answers(http(200, rss(*headlines[start::2]))) for start in range(2)]
    with RawServer(pages[0]) as one, RawServer(pages[1]) as other:
        judged_news(bot, [RssFeed(one.url), RssFeed(other.url)], server.url)
        return bot, bot.run_cycle()


def test_m15_headlines_that_give_orders_come_through_a_feed_and_change_nothing(server: OpenAiServer) -> None:
    """None of them is shown to a model or scored; size, limits, market and mode are those of a day without them."""
    calm, peace = after_the_news(server, "Fed holds rates; risk assets mixed")
    asked_in_peace = [asked.headlines for asked in server.about_news]
    server.asked.clear()
    flooded, report = after_the_news(server, *INJECTIONS, "Fed holds rates; risk assets mixed")

    def unmoved(one: CycleReport) -> CycleReport:
        ours = [gate for gate in one.gates if gate.name not in ("model.suspicious_texts", "data.news")]
        return replace(one, gates=tuple(ours), durations_ms={})

    assert unmoved(peace) == unmoved(report)
    assert ["buy KRW-BTC 1000000"] == calm.placed() == flooded.placed()
    assert [["Fed holds rates; risk assets mixed"]] == asked_in_peace == [asked.headlines for asked in server.about_news]
    # Two of them are the same words, spaced in another way.
    assert Gate("data.news", f"{len(INJECTIONS) - 1 + 1} known, 1 scored", None, passed=True) in report.gates
    assert not any(text in asked.text for text in INJECTIONS for asked in server.asked)


def test_m15_headlines_that_frighten_a_model_hold_up_entries_and_never_an_exit(server: OpenAiServer) -> None:
    """The worst that news can do is that nothing is bought for a day: the stop sells as ever."""
    server.sentiment = lambda asked: served(scores(asked, -1.0), asked.api)
    buyer, holder = paper_bot(says="buy"), paper_bot("1000 1000 | 1000 940", holding="100 @ 1000", says="buy")
    reports = []
    for bot in (buyer, holder):
        judged_news(bot, [ToldFeed(["Everything is over"])], server.url)
        reports.append(bot.run_cycle())
        bot.next_hour()
        bot.guard.tick()

    assert "filter.news: -1, limit -0.5" == reports[0].reason
    assert ([], ["sell KRW-BTC 100"]) == (buyer.placed(), holder.placed())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The news are good", "prose"),
        ('{"scores": []}', "other_items"),
        ('{"scores": [{"item": 1, "score": -2}]}', "score_out_of_range"),
        ('{"scores": [{"item": 1, "score": NaN}]}', "no_number"),
        ('{"scores": [{"item": 1, "score": -1}], "action": "SELL"}', "extra_field"),
        (None, "malformed_reply"),
    ],
)
def test_m06_a_score_outside_its_form_is_none(server: OpenAiServer, text: str | None, kind: str) -> None:
    """News without a usable score have no say: the entry goes on, and the kind is with the record of the answer."""
    server.sentiment = lambda asked: served(text, asked.api)
    bot = paper_bot(says="buy")
    judged_news(bot, [ToldFeed(["Everything is over"])], server.url)

    bot.run_cycle()

    last = bot.events(ModelAnswered)[-1]
    assert isinstance(last, ModelAnswered)
    assert (Purpose.SENTIMENT, kind) == (last.purpose, last.answer.kind)
    assert ["buy KRW-BTC 1000000"] == bot.placed()


def test_m07_news_are_not_scored_while_the_canary_fails(server: OpenAiServer) -> None:
    """The form of answers is checked before the first question of the day, whatever that is about."""
    server.canary = lambda asked: served("ok", asked.api)
    bot = paper_bot(says="buy")
    judged_news(bot, [ToldFeed(["Everything is over"])], server.url)

    bot.run_cycle()

    assert ([], ["language_model_contract"]) == (server.about_news, bot.alarms())
    assert ["buy KRW-BTC 1000000"] == bot.placed()


def test_m08_questions_about_news_are_paid_out_of_the_budget_of_the_day(server: OpenAiServer) -> None:
    """What they cost is booked like a decision's; beyond the budget nothing is asked, and news stay without a score."""
    limits = AskingLimits(deadline_s=5.0, daily_tokens=4000, daily_krw=Decimal(1_000_000), max_output_tokens=1000)
    bot = paper_bot("1000 1000 | 1000 1000 1000")
    feed = ToldFeed(["one"])
    judged_news(bot, [feed], server.url, limits=limits)
    for number in range(3):
        feed.titles = [f"headline {number}"]
        bot.run_cycle()
        bot.next_hour()

    assert 1 == len(server.about_news)
    assert 2 * 1200 == bot.books.remembered.spending.tokens
    assert ["language_model_budget"] == bot.alarms()


def test_m16_feeds_that_are_down_for_72_hours_change_no_order() -> None:
    """Refused, cut off or a sign-in page: the orders are those of a bot that reads no news, and an alarm tells of each feed."""
    hours = "1000 1000 | " + "1000 1010 990 1000 " * 18
    page = http(200, b"<html><body>Sign in</body></html>", Content_Type="text/html")
    with RawServer(answers(page)) as proxy, RawServer(lambda peer, _request, _gone: reset(peer)) as broken:
        feeds = (RssFeed("http://127.0.0.1:1/rss"), RssFeed(proxy.url), RssFeed(broken.url.replace("127.0.0.1", "localhost")))
        blind, without = paper_bot(hours, feeds=feeds), paper_bot(hours)
        for bot in (blind, without):
            for hour in range(72):
                bot.opinion.says = "sell" if hour % 9 == 8 else "buy"
                bot.run_cycle()
                bot.guard.tick()
                bot.next_hour()

    assert 72 == len(proxy.requests) == len(broken.requests)
    assert 10 == len(without.placed())
    assert without.placed() == blind.placed()
    assert ["news_feed_127.0.0.1", "news_feed_localhost"] == [kind for kind in blind.alarms() if kind.startswith("news")]


def test_m16_while_a_feed_hangs_the_guard_sells_at_the_stop() -> None:
    """News are read outside the account's lock: nothing waits for them but the cycle that they come before."""
    was_asked, may_answer = threading.Event(), threading.Event()

    def late(peer: socket.socket, _request: Request, _gone: threading.Event) -> None:
        was_asked.set()
        may_answer.wait(60)
        reset(peer)

    with RawServer(late) as server:
        bot = paper_bot("1000 1000 | 1000 940", holding="100 @ 1000", feeds=(RssFeed(server.url),))
        assert bot.news is not None
        reading = threading.Thread(target=bot.news.gather)
        reading.start()
        assert was_asked.wait(60)
        bot.next_hour()
        bot.guard.tick()
        sold_while_waiting = bot.placed()
        may_answer.set()
        reading.join(60)

    assert ["sell KRW-BTC 100"] == sold_while_waiting
    assert not reading.is_alive()


def test_m16_a_provider_that_is_away_for_a_day_leaves_the_decision_to_nobody_or_to_the_rules() -> None:
    """By LLM_FALLBACK the cycles hold, or the rule strategy decides alone; exits go on, and the breaker spares the provider."""
    nowhere = "http://127.0.0.1:1/v1"
    alone = paper_bot("1000 1000 | " + "1000 " * 26 + "940", holding="100 @ 1000")
    asking(alone, nowhere)
    stood_in = paper_bot("1000 1000", says="buy")
    asking(stood_in, nowhere, stand_in=stood_in.opinion)
    kinds = set()
    for _ in range(24):
        kinds.add(held_for(alone.run_cycle()))
        alone.next_hour()
    alone.next_hour(3)
    alone.guard.tick()
    stood_in.run_cycle()

    assert {"unreachable"} == kinds
    assert ["sell KRW-BTC 100"] == alone.placed()
    assert ["buy KRW-BTC 1000000"] == stood_in.placed()
    assert "language_model_breaker" in alone.alarms()


def test_m16_hours_of_garbage_and_refusals_cost_no_guard_tick_and_no_exit(server: OpenAiServer) -> None:
    """Whatever the provider sends, hour after hour, the cycle ends with a HOLD and the guard sells at the stop."""
    garbage = [
        Served(body=b"<html><body>Sign in</body></html>", content_type="text/html"),
        refused(503),
        Served(body=b"{", manner=Manner.CUT),
        Served(body=bytes(range(256)) * 40),
        refused(401),
        Served(body=b"\x1f\x8b" * 40, headers={"Content-Encoding": "gzip"}),
        Served(body=b"[" * 200_000),
        Served(body=b" " * 600_000),
        served(None),
        served("nothing but words"),
    ]
    bot = paper_bot("1000 1000 | " + "1000 " * 10 + "940", holding="100 @ 1000")
    asking(bot, server.url, failures=100)
    outcomes = []
    for reply in garbage:
        server.replies_with(reply)
        outcomes.append((held_for(bot.run_cycle()), bot.guard.tick() is not None))
        bot.next_hour()
    bot.guard.tick()

    kinds = "no_json_reply provider_failed connection_lost no_json_reply key_refused encoded no_json_reply too_large"
    assert [(kind, True) for kind in [*kinds.split(), "malformed_reply", "prose"]] == outcomes
    assert ["sell KRW-BTC 100"] == bot.placed()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def test_m09_a_missing_or_cut_model_file_is_told_at_the_start_and_holds(tmp_path: Path) -> None:
    """The bot starts, for positions are to be watched: nobody decides, the doctor names the file, and the stop is sold."""
    spoilt: dict[str, Callable[[Path], object]] = {
        "model.onnx is not there": Path.unlink,
        "model.onnx is not the file that model.json is of": cut,
        "model.json is not there": lambda path: path.with_suffix(".json").unlink(),
        "model.json is no manifest of a model": lambda path: cut(path.with_suffix(".json")),
    }
    for number, (problem, spoil) in enumerate(spoilt.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = put(folder, linear_model(0.01, 0.9))
        spoil(path)
        assert problem in held_by_a_refused_file(path)
        ward = Ward(folder / "data", decision_model="onnx", model_path=path)
        ward.lived()
        assert [problem in told.reason for told in ward.degraded if told.name == "model_file"] == [True]


def held_by_a_refused_file(path: Path) -> str:
    """Let a bot that holds something decide by a file that is refused, and give for what reason it held."""
    settings = Settings(decision_model="onnx", model_path=path)
    trained_by = trained_model(settings)
    assert isinstance(trained_by, RefusedFile)
    bot = paper_bot("1000 1000 | 1000 940", holding="100 @ 1000")
    bot.setup = replace(bot.setup, model=decision_model(settings, Advisers(trained=trained_by)))
    bot.rewire()
    report = bot.run_cycle()
    assert ("no_file", Outcome.HELD, []) == (output_of(report), report.outcome, bot.placed())
    assert report.proposed is not None
    assert trained_by.text in report.proposed.reason
    bot.next_hour()
    bot.guard.tick()
    assert ["sell KRW-BTC 100"] == bot.placed()
    return trained_by.text


def test_m10_numbers_that_are_none_buy_nothing_and_sell_nothing(tmp_path: Path) -> None:
    """NaN, infinity and a column too many are each a HOLD with an alarm; the stop is sold all the same."""
    sums = linear_model(0.01, 0.8)
    sums.graph.initializer[2].CopyFrom(numpy_helper.from_array(np.zeros((1, 2), dtype=np.float32), "nothing"))
    broken = {"not_finite": linear_model(float("nan"), 0.8), "wrong_shape": sums, "out_of_range": linear_model(0.01, 1.5)}
    kinds = []
    for model in (*broken.values(), linear_model(float("-inf"), 0.2)):
        bot = paper_bot("1000 1000 | 1000 940", holding="100 @ 1000")
        trained(bot, put(tmp_path, model))
        report = bot.run_cycle()
        kinds.append(output_of(report))
        assert (Outcome.HELD, ["model_output"]) == (report.outcome, bot.alarms())
        bot.next_hour()
        bot.guard.tick()
        assert ["sell KRW-BTC 100"] == bot.placed()

    assert [*broken, "not_finite"] == kinds


def test_m11_a_model_that_always_says_the_same_decides_nothing_and_sounds_the_alarm(tmp_path: Path) -> None:
    """It says BUY with all confidence, as it has to each of the last 24 hours: nothing is bought."""
    bot, stuck = paper_bot("1000 1000 | 1000 1000"), linear_model(0.01, 0.9, per_hour=0.0)
    trained(bot, put(tmp_path, stuck))

    report = bot.run_cycle()

    assert ("same_output", Outcome.HELD, ["model_drift"]) == (output_of(report), report.outcome, bot.alarms())
    assert "model.output: same_output, limit usable" == report.reason
    trained(bot, put(tmp_path, linear_model(0.01, 0.9)))
    bot.next_hour()
    assert (Outcome.TRADED, ["buy KRW-BTC 1000000"]) == (bot.run_cycle().outcome, bot.placed())


def test_m11_a_market_that_left_the_range_of_the_training_is_not_guessed_at(tmp_path: Path) -> None:
    """What a model says of a market such as it never saw is no evidence: it holds, with an alarm that names the feature."""
    bot, calm = paper_bot("1000 1000 " + "990 " * 5 + "500"), linear_model(0.01, 0.9)
    trained(bot, put(tmp_path, calm, manifest_of(calm.SerializeToString(), largest=20.0)))
    assert "usable" == output_of(bot.run_cycle())
    manifest = manifest_of(calm.SerializeToString(), largest=20.0)
    low, high = (tuple(edge if name == "move_1" else far for name in NAMES) for edge, far in ((-0.1, -20.0), (0.1, 20.0)))
    calmer = manifest.features.model_copy(update={"low": low, "high": high})
    never_fell = manifest.model_copy(update={"features": calmer})
    later = paper_bot("1000 1000 " + "990 " * 5 + "500")
    trained(later, put(tmp_path, calm, never_fell))

    report = later.run_cycle()

    assert ("outside_training", ["model_drift"]) == (output_of(report), later.alarms())
    assert report.proposed is not None
    assert "move_1 is -0.494949" in report.proposed.reason


def test_m12_features_of_a_warm_up_are_shown_to_no_model(tmp_path: Path) -> None:
    """With too few hours the model is not asked at all, however sure it would be."""
    bot = paper_bot("1000 1000", data=DataLimits(history=timedelta(hours=WINDOW_BARS - 1)))
    trained(bot, put(tmp_path, linear_model(0.01, 0.9)))

    report = bot.run_cycle()

    assert ("warming_up", Outcome.HELD, []) == (output_of(report), report.outcome, bot.placed())


def external_data(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    model.graph.initializer[0].external_data.add(key="location", value="/etc/hostname")


def own_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.example"


def sparse_external_tensor(model: onnx.ModelProto) -> None:
    values = model.graph.sparse_initializer.add().values
    values.name = "slopes"
    values.data_location = onnx.TensorProto.EXTERNAL
    values.external_data.add(key="location", value="/etc/hostname")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (external_data, "holds external data"),
        (own_operator, "of the domain 'com.example'"),
        (sparse_external_tensor, "holds a sparse tensor"),
    ],
)
def test_m13_a_model_that_reaches_outside_its_file_never_comes_to_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[onnx.ModelProto], None], problem: str
) -> None:
    """Though its manifest vouches for it: what needs other files or code of its own is refused by its form; nobody decides."""
    model = linear_model(0.01, 0.9)
    change(model)
    path = put(tmp_path, model)
    monkeypatch.setattr(onnxruntime, "InferenceSession", None)

    assert problem in held_by_a_refused_file(path)


@pytest.mark.parametrize("which", ["model.onnx", "model.json"])
@pytest.mark.parametrize("is_hard", [False, True])
def test_m13_a_link_in_the_place_of_a_model_is_not_followed(tmp_path: Path, which: str, is_hard: bool) -> None:
    """Neither the model nor its manifest may be a link of either kind, wherever it leads."""
    path = put(tmp_path, linear_model(0.01, 0.9))
    elsewhere = (tmp_path / which).rename(tmp_path / "elsewhere")
    if is_hard:
        (tmp_path / which).hardlink_to(elsewhere)
    else:
        (tmp_path / which).symlink_to(elsewhere)

    assert f"{which} is a link" in held_by_a_refused_file(path)


def test_m14_a_validator_that_raises_is_never_taken_for_one_without_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is a failed check: the cycle holds and names it; the stop is watched and the next hour decides again."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    buyer, holder = paper_bot("1000 1000 | 1000 1000", says="buy"), paper_bot("1000 1000 | 1000 940", holding="100 @ 1000")
    holder.opinion.says = "sell"
    reasons = []
    with monkeypatch.context() as patch:
        patch.setattr(analysis_stage, "validate", broken)
        for bot in (buyer, holder):
            report = bot.run_cycle()
            assert (Outcome.HELD, []) == (report.outcome, bot.placed())
            reasons.append(report.reason)
            bot.next_hour()
        holder.guard.tick()
    buyer.run_cycle()

    assert 2 * ["validator.completed: ZeroDivisionError: a defect, limit no error"] == reasons
    assert ["sell KRW-BTC 100"] == holder.placed()
    assert ["buy KRW-BTC 1000000"] == buyer.placed()
