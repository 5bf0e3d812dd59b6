"""The pipeline over recorded candles: every hour has its cycle, every cycle its gates, and nothing is known too early."""

import gc
from datetime import timedelta
from functools import cache

import numpy as np
import pytest

from dg_bot.analysis.market_context import ContextHistory, market_context
from dg_bot.backtesting.engine import PipelineRun, run_pipeline
from dg_bot.backtesting.recorded_news import RecordedNews
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import HOUR, Timeframe, from_epoch, to_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.cycle_report import CycleReport, Outcome
from dg_bot.domain.decision import Action
from dg_bot.domain.events import NewsJudged, NewsSeen, Record
from dg_bot.domain.language_model import AnswerKind
from dg_bot.domain.news import NewsEntry
from dg_bot.errors import ConfigurationError, DataError
from dg_bot.indicators.bars import bars_of
from dg_bot.indicators.latest import snapshot
from dg_bot.risk.limits import RiskLimits
from dg_bot.strategies.catalog import make_strategy
from tests.equality.both_ways import made_hours

H4 = Timeframe(240)


def run(candles: CandleSeries, strategy: str = "vwap_return", timeframe: Timeframe = H4) -> PipelineRun:
    limits = RiskLimits()
    return run_pipeline(candles, timeframe, make_strategy(strategy), rules=TradeRules.of(limits), limits=limits)


@cache
def known() -> PipelineRun:
    return run(made_hours(31, 1500))


def test_garbage_is_collected_again_after_a_run_and_after_one_that_broke() -> None:
    told: list[bool] = []

    def tell(done: int, _of: int) -> None:
        told.append(gc.isenabled())
        if done == 200:
            raise KeyboardInterrupt

    limits = RiskLimits()
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(
            made_hours(31, 1500),
            H4,
            make_strategy("vwap_return"),
            rules=TradeRules.of(limits),
            limits=limits,
            is_hourly=False,
            on_progress=tell,
        )

    assert ([False, False], True) == (told, gc.isenabled())


def test_recorded_news_object_from_the_hour_at_which_they_were_known() -> None:
    """A score of -1 became known ten minutes before an entry: before it nothing shows of that, after a day nothing is left."""
    bought = [report for report in known().reports if report.decision and report.decision.action is Action.BUY]
    at = bought[2].opened_at - timedelta(minutes=10)
    seen = NewsSeen(source="s", entries=(NewsEntry(url="u", title="t"),))
    scored = NewsJudged(kind=AnswerKind.USABLE, scores={"u": -1.0}, unscored=())
    records = [Record(sequence=1, at=at, event=seen), Record(sequence=2, at=at, event=scored)]
    limits, strategy = RiskLimits(), make_strategy("vwap_return")

    result = run_pipeline(
        made_hours(31, 1500), H4, strategy, rules=TradeRules.of(limits), limits=limits, news=RecordedNews(records)
    )

    told = {report.opened_at: gate for report in result.reports for gate in report.gates if gate.name == "data.news"}
    now = reports_by_hour(result)[to_epoch(bought[2].opened_at)]
    before = [report for report in result.reports if report.opened_at < at]
    assert [report.decision for report in known().reports[: len(before)]] == [report.decision for report in before]
    assert {"0 known, 0 scored"} == {told[report.opened_at].value for report in before}
    assert "filter.news: -1, limit -0.5" == now.reason
    assert 24 == sum(gate.value == "1 known, 1 scored" for gate in told.values())


def reports_by_hour(result: PipelineRun) -> dict[int, CycleReport]:
    return {to_epoch(report.opened_at): report for report in result.reports}


def test_every_hour_that_has_a_candle_behind_it_has_its_cycle() -> None:
    candles = made_hours(31, 1500)

    hours = [to_epoch(report.opened_at) for report in known().reports]

    assert list(candles.opened_at[1:]) == hours


def test_a_report_tells_every_gate_of_its_cycle() -> None:
    bought = next(report for report in known().reports if report.decision and report.decision.action is Action.BUY)
    names = {gate.name for gate in bought.gates}

    assert Outcome.TRADED is bought.outcome
    assert {"risk.flat", "risk.hours_since_entry", "data.candle_age", "data.recent_gap_hours", "strategy.bar_closed"} <= names
    assert {"filter.regime", "filter.volatility_24h", "validator.rsi_contradiction", "validator.flash_crash"} <= names
    assert {"execution.size_fraction", "execution.book_depth"} <= names


def test_signals_count_only_in_the_cycle_right_after_their_bar() -> None:
    held = [report for report in known().reports if not H4.is_boundary(report.opened_at)]

    assert len(held) > 1000
    assert all(report.outcome is not Outcome.TRADED for report in held)


def test_an_entry_fills_at_the_next_open_on_the_price_step_and_a_tenth_of_equity_is_spent() -> None:
    candles = made_hours(31, 1500)
    bars = candles.resampled(H4)
    trip = known().history.round_trips[0]
    place = bars.opened_at.index(trip.entered_at)

    assert trip.entry_price == np.ceil(bars.open[place] * 1.0002 / 1000.0) * 1000.0
    assert trip.quantity * trip.entry_price == pytest.approx(0.1, abs=1e-6)


def test_the_curve_ends_with_what_the_round_trips_gained() -> None:
    result = run(made_hours(5, 700))

    flat = [report for report in result.reports if report.state is not None and not report.state.positions]
    assert flat[-1].opened_at == result.reports[-1].opened_at
    assert result.history.curve.equity[-1] - 1.0 == pytest.approx(sum(trip.pnl for trip in result.history.round_trips))


def test_what_is_known_at_a_close_is_what_is_measured_afresh_from_the_candles_until_then() -> None:
    candles = made_hours(31, 1500)
    by_hour = reports_by_hour(known())
    history = ContextHistory(bars_of(candles), bars_of(candles.resampled(H4)))
    for second in np.random.default_rng(3).choice(candles.opened_at[1000:], 12):
        now = from_epoch(int(second))
        hourly = candles.closed_by(now)
        bars = hourly.resampled(H4).closed_by(now)
        fresh = market_context(hourly=hourly, strategy_bars=bars, reference_hourly=None)
        told = by_hour[int(second)].indicators

        assert told == pytest.approx({**told, **snapshot(bars_of(bars)).as_mapping()}, rel=1e-9)
        recalled = history.at(len(hourly) - 1, len(bars) - 1)
        assert fresh.regime is recalled.regime
        for name in ("return_24h", "crash_drop", "rsi_divergence", "volatility_24h", "volatility_limit"):
            assert pytest.approx(getattr(fresh, name), rel=1e-9) == getattr(recalled, name)


def test_the_past_of_a_longer_history_is_the_whole_of_a_shorter_one() -> None:
    shorter = run(made_hours(31, 1500).between(from_epoch(0), known().reports[900].opened_at))

    cycles = len(shorter.reports)
    assert cycles > 890
    # As text, since a NaN in a gate is not equal to itself.
    assert list(map(repr, known().reports[:cycles])) == list(map(repr, shorter.reports))


def test_an_hour_without_a_candle_behind_it_halts_and_is_told_of() -> None:
    candles = made_hours(31, 300, absent=[200])
    by_hour = reports_by_hour(run(candles))
    after = by_hour[candles.opened_at[199] + 2 * HOUR.seconds]

    assert Outcome.HALTED is after.outcome
    assert after.reason.startswith("data.candle_age")


def test_no_entry_is_sent_while_nothing_trades() -> None:
    candles = made_hours(31, 1500)
    trip = known().history.round_trips[2]
    entered = candles.opened_at.index(trip.entered_at)
    silent = run(made_hours(31, 1500, absent=range(entered, entered + 4)))
    report = reports_by_hour(silent)[trip.entered_at]

    assert Outcome.HELD is report.outcome
    assert "data.market_active" in report.reason


def test_bars_that_are_no_whole_hours_are_refused() -> None:
    with pytest.raises(DataError, match="60m or longer"):
        run(made_hours(1, 50), timeframe=Timeframe(30))


@pytest.mark.parametrize(
    ("term", "rules"),
    [
        ("depth_krw", TradeRules(depth_krw=1e8)),
        ("impact_fraction", TradeRules(impact_fraction=0.1)),
        ("participation_fraction", TradeRules(participation_fraction=0.1)),
        ("closing_trail_atr", TradeRules(closing_trail_atr=2.0)),
    ],
)
def test_a_term_that_only_the_kernel_knows_is_refused(term: str, rules: TradeRules) -> None:
    with pytest.raises(ConfigurationError, match=term):
        run_pipeline(made_hours(1, 50), H4, make_strategy("sma_cross"), rules=rules, limits=RiskLimits())


def test_whoever_waits_is_told_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    limits = RiskLimits()
    candles = made_hours(31, 1300)

    run_pipeline(
        candles,
        H4,
        make_strategy("sma_cross"),
        rules=TradeRules.of(limits),
        limits=limits,
        is_hourly=False,
        on_progress=lambda done, of: told.append((done, of)),
    )

    bars = len(candles.whole(H4))
    assert [(done, bars) for done in range(100, bars, 100)] == told
