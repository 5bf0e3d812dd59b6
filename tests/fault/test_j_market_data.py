"""Market data that is missing, early, twice, impossible, stale, edited, renamed or too new to be believed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from dg_bot.adapters import upbit_wire as wire
from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.analysis.validator import ValidatorLimits, entry_mask
from dg_bot.backtesting.performance import RoundTrip
from dg_bot.backtesting.replay import replay
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle
from dg_bot.domain.cycle_report import Outcome, Stage
from dg_bot.domain.market import Market, MarketNotice
from dg_bot.indicators.bars import Bars, Flags
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.strategies.base import Signals, Strategy
from dg_bot.strategies.breakout import BreakoutParameters, VolatilityBreakout
from tests.builders import BTC, PaperBot, paper_bot
from tests.fault.records import Office, assert_rows_are_the_journal
from tests.memory_archive import MemoryCandleArchive
from tests.postgres import rows
from tests.scenario.faulty_upbit import Call, Fault, aged, booked, garbled, priced, unavailable
from tests.unit.adapters.test_upbit_wire import candle_row, without
from tests.unit.indicators.columns import cut, random_bars

HELD = "100 @ 1000"


def reason(bot: PaperBot) -> str:
    return bot.reports[-1].reason


# J01: hours without trades


@pytest.mark.parametrize(("candles", "outcome"), [("1000 - 1000", Outcome.TRADED), ("1000 - - 1000", Outcome.HELD)])
def test_j01_a_recent_gap_of_more_than_an_hour_blocks_entries(candles: str, outcome: Outcome) -> None:
    """One missing hour among the last fifty is borne, two in a row are not."""
    bot = paper_bot(candles, says="buy")

    report = bot.run_cycle()

    assert outcome is report.outcome
    assert outcome is Outcome.TRADED or report.reason.startswith("data.recent_gap_hours: 2, limit 1")


def test_j01_a_gap_outside_the_last_fifty_candles_is_history() -> None:
    """What was missing long ago blocks nothing."""
    bot = paper_bot(" ".join(["1000", "-", "-", "-", *["1000", "999"] * 25]), says="buy")

    assert Outcome.TRADED is bot.run_cycle().outcome


def test_j01_a_gap_at_the_edge_of_the_last_fifty_candles_counts() -> None:
    """The oldest of the last fifty still has its gap before it."""
    bot = paper_bot(" ".join(["1000", "-", "-", "-", *["1000"] * 49]), says="buy")

    assert bot.run_cycle().reason.startswith("data.recent_gap_hours: 3")


def test_j01_a_gap_blocks_no_sale() -> None:
    """Data that is too thin to buy on is no reason to stay in."""
    bot = paper_bot("1000 - - 1000", holding=HELD, says="sell")

    bot.run_cycle()

    assert ["sell KRW-BTC 100"] == bot.placed()


# J02 to J04: candles that are early, out of order, twice or impossible


def test_j02_the_unfinished_candle_is_not_looked_at() -> None:
    """The candle of the present hour is dropped by exchange time, wherever it stands in the list."""
    bot = paper_bot("1000 1000 | 1500")
    bot.clock.at += timedelta(minutes=30)

    report = bot.run_cycle()

    assert 1000.0 == report.indicators["close"]


def shuffled(method: Call, *args: object) -> list[Candle]:
    page: list[Candle] = method(*args)
    return [*page[::2], *reversed(page[1::2])]


def doubled(method: Call, *args: object) -> list[Candle]:
    page: list[Candle] = method(*args)
    return [*page, *page[-3:]]


@pytest.mark.parametrize("fault", [shuffled, doubled])
def test_j03_candles_out_of_order_or_twice_are_sorted_and_counted_once(fault: Fault) -> None:
    """The cycle sees the same bars and decides the same as on a page in order."""
    troubled, untroubled = paper_bot("1000 1000 1010 1000", says="buy"), paper_bot("1000 1000 1010 1000", says="buy")
    for bot in (troubled, untroubled):
        bot.archive = MemoryCandleArchive()
        bot.rewire()
    troubled.upbit.always("candles", fault)

    assert untroubled.run_cycle().indicators == troubled.run_cycle().indicators
    assert untroubled.placed() == troubled.placed()
    series = [
        bot.archive.load(BTC, HOUR, bot.clock.now() - timedelta(days=60), bot.clock.now()) for bot in (troubled, untroubled)
    ]
    assert series[0] == series[1]


def answering(row: dict[str, object]) -> Fault:
    """Let the venue answer with this one candle, read as the adapter reads it."""
    return lambda _method, market, *_args: wire.candles([row], market)  # type: ignore[list-item]


_IMPOSSIBLE: dict[str, dict[str, object]] = {
    "price of zero": {"trade_price": 0},
    "negative price": {"opening_price": -100},
    "high below low": {"high_price": 80},
    "high below close": {"high_price": 104},
    "low above open": {"low_price": 101},
    "negative volume": {"candle_acc_trade_volume": -1},
}


@pytest.mark.parametrize("fields", _IMPOSSIBLE.values(), ids=_IMPOSSIBLE.keys())
def test_j04_a_batch_with_an_impossible_candle_is_refused_whole(fields: dict[str, object]) -> None:
    """Nothing of the page is stored, the cycle halts without an order, and the next one asks again."""
    bot = paper_bot("1000 1000 | 1000 1000", says="buy")
    bot.upbit.on("candles", answering(candle_row(**fields)))  # type: ignore[arg-type]

    report = bot.run_cycle()
    bot.next_hour()

    assert (Outcome.HALTED, 0) == (report.outcome, bot.upbit.calls("submit"))
    assert Outcome.TRADED is bot.run_cycle().outcome


# J05: a crash of minutes


def test_j05_a_stop_that_the_second_read_does_not_confirm_sells_nothing() -> None:
    """A single price of thirty percent less that is gone a second later is no reason to sell."""
    bot = paper_bot("1000 1000", holding=HELD)
    bot.upbit.on("last_prices", priced(BTC="700"))

    tick = bot.guard.tick()

    assert ((BTC, ExitReason.STOP_LOSS),) == tick.due
    assert [] == bot.placed()


def test_j05_a_crash_that_a_second_fresh_read_confirms_is_sold_once() -> None:
    """The stop asks again a second later, sells at what is there, and does not sell again when the price is back."""
    bot = paper_bot("1000 1000 | 700 1000", holding=HELD, depth_krw="300000")

    bot.guard.tick()
    bot.next_hour()
    bot.guard.tick()

    assert 1.0 == bot.clock.slept[0]
    assert ["sell KRW-BTC 100"] == bot.placed()


@pytest.mark.parametrize("candles", ["1000 1000 700 | 700", "1000 700 1000 | 1000"])
def test_j05_no_entry_follows_a_crash_whether_or_not_the_price_is_back(candles: str) -> None:
    """An hour of minus thirty percent among the last ones keeps the bot out, however sure the decision is."""
    bot = paper_bot(candles, says="buy")

    report = bot.run_cycle()

    assert (Outcome.HELD, 0) == (report.outcome, bot.upbit.calls("submit"))
    failed = {gate.name for gate in report.gates if not gate.passed}
    assert failed & {"validator.flash_crash", "filter.volatility_24h"}


def test_j05_a_last_trade_under_the_stop_with_a_bid_above_it_sells_nothing() -> None:
    """One trade far from the book is no market."""
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.upbit.on("order_book", booked(asks="961:100", bids="960:100"))

    bot.guard.tick()

    assert [] == bot.placed()


@pytest.mark.parametrize(("old_s", "is_sold"), [(60, False), (61, True), (7200, True)])
def test_j05_a_book_that_stands_still_does_not_hold_a_stop_back(old_s: float, is_sold: bool) -> None:
    """A bid above the stop counts for a minute; later the last trade decides alone."""
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.upbit.always("order_book", booked(asks="961:100", bids="960:100", old_s=old_s))

    bot.guard.tick()

    assert is_sold is bool(bot.placed())


def test_j05_an_unconfirmed_stop_halts_the_cycle_with_its_gate() -> None:
    """The cycle says why it did not sell, and decides nothing else."""
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.upbit.on("order_book", booked(asks="961:100", bids="960:100"))

    report = bot.run_cycle()

    assert (Outcome.HALTED, "execution.stop_confirmed: no, limit yes") == (report.outcome, report.reason)


# J06 to J08: the order book


def assert_no_entry(fault: Fault, gate: str) -> None:
    bot = paper_bot(says="buy")
    bot.upbit.always("order_book", fault)

    report = bot.run_cycle()

    assert (Outcome.HALTED, Stage.EXECUTION, 0) == (report.outcome, report.stage, bot.upbit.calls("submit"))
    assert report.reason.startswith(f"execution.{gate}")


def test_j06_an_empty_book_takes_no_entry() -> None:
    """Without an offer there is nothing to measure a price by."""
    assert_no_entry(booked(asks="", bids="999:100"), "book_depth")


def test_j06_a_crossed_book_halts_the_cycle() -> None:
    """A bid at the offer is a mistake of the feed, and nothing is bought on it."""
    bot = paper_bot(says="buy")
    bot.upbit.always("order_book", booked(asks="1000:10", bids="1000:10"))

    report = bot.run_cycle()

    assert (Outcome.HALTED, 0) == (report.outcome, bot.upbit.calls("submit"))


def test_j06_a_book_that_crosses_just_before_the_order_halts_the_cycle() -> None:
    """The book is read again right before the order, and has to be sound then too."""
    bot = paper_bot(says="buy")
    bot.upbit.on("order_book", booked(asks="1000:10", bids="1000:10"), first=2)

    report = bot.run_cycle()

    assert (Outcome.HALTED, Stage.EXECUTION, 0) == (report.outcome, report.stage, bot.upbit.calls("submit"))


@pytest.mark.parametrize("fault", [garbled, unavailable, booked(asks="941:100")], ids=["crossed", "unreadable", "no bids"])
def test_j06_without_a_usable_book_two_reads_of_the_last_trade_confirm_a_stop(fault: Fault) -> None:
    """A broken book keeps nobody in a falling position."""
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.upbit.always("order_book", fault)

    bot.guard.tick()

    assert ["sell KRW-BTC 100"] == bot.placed()


@pytest.mark.parametrize("age_s", [61, 600, -61], ids=["old", "ten minutes old", "from the future"])
def test_j07_a_book_with_a_stamp_of_another_time_takes_no_entry(age_s: float) -> None:
    """A book of more than a minute ago, or of a minute ahead, is not the present one."""
    assert_no_entry(aged(age_s), "book_age_s")


def test_j07_a_book_of_a_minute_ago_still_takes_an_entry() -> None:
    """Exactly a minute is within the limit."""
    bot = paper_bot(says="buy")
    bot.upbit.always("order_book", aged(60))

    assert Outcome.TRADED is bot.run_cycle().outcome


@pytest.mark.parametrize(
    ("asks", "gate"), [("1001:10", "book_depth"), ("1020:90000", "slippage")], ids=["too little on offer", "too dear"]
)
def test_j08_an_order_larger_than_the_visible_depth_is_not_sent(asks: str, gate: str) -> None:
    """What cannot be seen is not guessed: too little on offer, or only far away, is a refusal."""
    assert_no_entry(booked(asks=asks, bids="999:100"), gate)


# J09: the local archive


def filed(bot: PaperBot, folder: Path) -> CandleFiles:
    """Put the bot's candles into files."""
    archive = CandleFiles(folder)
    bot.archive = archive  # type: ignore[assignment]
    bot.rewire()
    return archive


def test_j09_an_edited_candle_file_is_not_traded_on_and_holds_no_exit_back(tmp_path: Path) -> None:
    """A past figure that was changed by hand halts the cycle with its file's name; the stop sells all the same."""
    bot = paper_bot("1000 1000 | 1000 940", holding=HELD)
    filed(bot, tmp_path)
    assert Outcome.HELD is bot.run_cycle().outcome
    path = tmp_path / "hourly" / "KRW-BTC_60m.csv"
    text = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*text[:-20], text[-20].replace("\n", "1\n"), *text[-19:]]))
    filed(bot, tmp_path)
    bot.next_hour()
    bot.opinion.says = "buy"

    bot.guard.tick()
    bot.next_hour()
    report = bot.run_cycle()

    assert (Outcome.HALTED, ["sell KRW-BTC 100"]) == (report.outcome, bot.placed())
    assert "KRW-BTC_60m.csv: was edited since the bot wrote it" in report.reason


def test_j09_a_stale_candle_file_is_completed_before_anything_is_decided(tmp_path: Path) -> None:
    """Where the missing hours cannot be had there is no decision; once they are there the newest one counts."""
    bot = paper_bot(f"1000 1000 | {'1000 1001 ' * 10}", says="hold")
    filed(bot, tmp_path)
    bot.run_cycle()
    bot.next_hour(20)
    bot.opinion.says = "buy"
    bot.upbit.on("candles", unavailable)

    stale = bot.run_cycle()
    again = bot.run_cycle()

    assert (Outcome.FAILED, Outcome.TRADED) == (stale.outcome, again.outcome)
    assert ["2026-11-21T07:00Z"] == [gate.value for gate in again.gates if gate.name == "data.candle_age"]


def test_j09_a_file_whose_newest_hour_the_venue_does_not_have_halts_the_cycle_as_stale() -> None:
    """A decision needs the hour that has just closed."""
    bot = paper_bot("1000 -", says="buy")

    report = bot.run_cycle()

    assert (Outcome.HALTED, Stage.DATA_COLLECTION) == (report.outcome, report.stage)
    assert "data.candle_age: 2026-11-20T10:00Z, limit 2026-11-20T11:00Z" == report.reason
    assert 0 == bot.upbit.calls("submit")


# J10 and J11: the venue's flags and fields


@pytest.mark.parametrize(
    "notice",
    [MarketNotice(market=BTC, has_warning=True), MarketNotice(market=BTC, has_warning=False, cautions=("PRICE_FLUCTUATIONS",))],
)
def test_j10_a_warning_on_a_market_blocks_entries_and_no_sale(notice: MarketNotice) -> None:
    """A formal warning and an active caution alike."""
    buyer, seller = paper_bot(says="buy"), paper_bot(holding=HELD, says="sell")
    for bot in (buyer, seller):
        bot.venue.set_notice(BTC, notice)
        bot.run_cycle()

    assert reason(buyer).startswith("data.market_warnings")
    assert ([], ["sell KRW-BTC 100"]) == (buyer.placed(), seller.placed())


def test_j10_a_warning_blocks_nothing_where_the_operator_allows_it() -> None:
    """The policy is a setting, and its default is no."""
    bot = paper_bot(says="buy", allow_warned_markets=True)
    bot.venue.set_notice(BTC, MarketNotice(market=BTC, has_warning=True))

    assert Outcome.TRADED is bot.run_cycle().outcome


@pytest.mark.parametrize("field", list(candle_row()))
def test_j11_a_needed_field_that_is_gone_halts_the_cycle_and_is_named(field: str) -> None:
    """A candle without one of its figures is no candle with a zero in it."""
    bot = paper_bot(says="buy")
    bot.upbit.always("candles", answering(without(candle_row(), field)))  # type: ignore[arg-type]

    report = bot.run_cycle()

    assert (Outcome.HALTED, 0) == (report.outcome, bot.upbit.calls("submit"))
    assert f"field '{field}'" in report.reason


def test_j11_the_markets_list_without_its_flags_halts_the_cycle() -> None:
    """Without the flags nobody knows whether a market is under a warning."""
    bot = paper_bot(says="buy")
    bot.upbit.always("notices", lambda _method: wire.notices([{"market": "KRW-BTC", "korean_name": "비트코인"}]))

    assert (Outcome.HALTED, 0) == (bot.run_cycle().outcome, bot.upbit.calls("submit"))


def test_j11_fields_that_are_not_used_may_come_and_go() -> None:
    """A candle with a field more is the same candle."""
    more = candle_row(prev_closing_price=None, vwap="12")

    assert wire.candles([candle_row()], BTC) == wire.candles([more], BTC)


# J12: nothing looks ahead


class Peeking(VolatilityBreakout):
    """The default strategy, spoilt: it buys where the next bar will close higher."""

    def signals(self, bars: Bars) -> Signals:
        honest = super().signals(bars)
        rises = np.append(np.diff(bars.close) > 0, [False])
        return replace(honest, entry=np.asarray(rises, dtype=np.bool_))


def traded(strategy: Strategy, bars: Bars) -> tuple[Flags, Flags, tuple[RoundTrip, ...]]:
    """Trade as the screen does, with the validator's checks on candles: where it would enter and leave, and its trades."""
    signals = strategy.signals(bars)
    mask = entry_mask(bars, ValidatorLimits(), bars)
    trips = replay(bars, signals, strategy.bar_exits, TradeRules(), mask).round_trips
    return signals.entry & mask, signals.exit, trips


def knows_only_the_past(strategy: Strategy, bars: Bars) -> Iterator[bool]:
    """Cut the bars at many places and tell whether the past is the same as with all that came after."""
    entries, exits, trips = traded(strategy, bars)
    for end in np.random.default_rng(12).integers(300, len(bars), 25):
        part_entries, part_exits, part_trips = traded(strategy, cut(bars, int(end)))
        ended = tuple(trip for trip in trips if trip.exited_at <= int(bars.opened_at[end - 1]))
        yield ended == part_trips and bool(np.all(entries[:end] == part_entries) and np.all(exits[:end] == part_exits))


def test_j12_the_screen_decides_and_trades_the_same_past_wherever_its_data_ends() -> None:
    """Bars that come later change no entry, no exit and no trade that was over before them."""
    bars = random_bars(31, 2000, seconds=3600)
    strategy = VolatilityBreakout(BreakoutParameters())

    assert 10 < len(traded(strategy, bars)[2])
    assert {True} == set(knows_only_the_past(strategy, bars))


def test_j12_a_strategy_that_reads_one_row_ahead_is_found_out() -> None:
    """The same check fails for a strategy that was spoilt on purpose, so that one would fail the build."""
    assert False in set(knows_only_the_past(Peeking(BreakoutParameters()), random_bars(31, 2000, seconds=3600)))


# J13: a market that was just listed


def since(bot: PaperBot, *, hours: int) -> Fault:
    """Let the market have been listed so many hours ago."""
    listed_at = HOUR.floor(bot.clock.now()) - timedelta(hours=hours)

    def act(method: Call, *args: object) -> list[Candle]:
        page: list[Candle] = method(*args)
        return [candle for candle in page if candle.opened_at >= listed_at]

    return act


def test_j13_a_market_with_too_little_history_is_held_until_it_is_warm() -> None:
    """Where the indicators have too few bars nothing is bought, and the report says what is missing."""
    bot = paper_bot(says="buy")
    bot.archive = MemoryCandleArchive()
    bot.rewire()
    bot.upbit.always("candles", since(bot, hours=12))

    report = bot.run_cycle()

    assert (Outcome.HELD, 0) == (report.outcome, bot.upbit.calls("submit"))
    assert any(gate.value is None and not gate.passed for gate in report.gates)


# J14: a coin at a ten-thousandth of a won


def test_j14_a_coin_at_a_ten_thousandth_of_a_won_is_booked_and_recorded_exactly(database: str, tmp_path: Path) -> None:
    """Quantities of thirteen digits and prices of seven decimals go through order, fill, journal and row unrounded."""
    tiny = Market("KRW-BTT")
    bot = paper_bot({tiny: "0.0001 0.0001 | 0.0001 0.00009"}, says="buy", markets=(tiny,))
    bot.run_cycle(tiny)
    bot.next_hour()
    bot.guard.tick()
    office = Office(bot, tmp_path, dsn=database)

    assert {} == office.flush()
    office.close()

    [bought, sold] = bot.our_orders()
    assert bought.executed_volume == sold.executed_volume > Decimal(10) ** 9
    assert [(bought.executed_volume,), (sold.executed_volume,)] == rows(database, "SELECT amount FROM trades ORDER BY created_at")
    assert_rows_are_the_journal(bot, database)
