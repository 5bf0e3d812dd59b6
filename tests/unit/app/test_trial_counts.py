from collections.abc import Mapping
from pathlib import Path
from threading import Event

import pytest

from dg_bot.app.trial_counts import TrialCounts
from dg_bot.domain.market import Market
from dg_bot.errors import StoreError

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")


def away() -> Mapping[Market, int]:
    raise StoreError("count_sets_tried", "nobody answers")


def test_before_anything_was_swept_the_strategies_on_offer_count(tmp_path: Path) -> None:
    assert 9 == TrialCounts(tmp_path / "trials.json", read=dict).on(BTC)


def test_what_was_swept_on_a_market_counts_there_and_after_a_restart(tmp_path: Path) -> None:
    counts = TrialCounts(tmp_path / "trials.json", read=lambda: {BTC: 100})
    counts.learn()

    assert [109, 9] == [counts.on(BTC), counts.on(ETH)]
    assert 109 == TrialCounts(tmp_path / "trials.json", read=away).on(BTC)


def test_nothing_that_was_tried_is_taken_back(tmp_path: Path) -> None:
    TrialCounts(tmp_path / "trials.json", read=lambda: {BTC: 100}).learn()
    emptied = TrialCounts(tmp_path / "trials.json", read=lambda: {ETH: 3})
    emptied.learn()

    assert [109, 12] == [emptied.on(BTC), emptied.on(ETH)]


def test_a_database_that_is_away_changes_nothing(tmp_path: Path) -> None:
    counts = TrialCounts(tmp_path / "trials.json", read=away)

    with pytest.raises(StoreError):
        counts.learn()
    assert 9 == counts.on(BTC)


def test_the_first_verdict_knows_what_was_swept_before_the_start(tmp_path: Path) -> None:
    asked: list[str] = []

    def tried() -> Mapping[Market, int]:
        asked.append("asked")
        return {BTC: 100}

    counts = TrialCounts(tmp_path / "trials.json", read=tried)
    counts.learn_once(30.0)
    counts.learn_once(30.0)

    assert (109, ["asked"]) == (counts.on(BTC), asked)


def test_a_database_that_hangs_or_is_away_holds_up_no_cycle_for_long(tmp_path: Path) -> None:
    hanging = Event()

    def silent() -> Mapping[Market, int]:
        hanging.wait()
        return {BTC: 100}

    counts = TrialCounts(tmp_path / "trials.json", read=silent)
    counts.learn_once(0.01)
    before = counts.on(BTC)
    hanging.set()

    TrialCounts(tmp_path / "other.json", read=away).learn_once(30.0)
    assert 9 == before
