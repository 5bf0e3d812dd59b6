"""A collection by hand against the simulated venue: what is asked, what is kept, and what is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.candle_manifest import read_manifest
from dg_bot.app.candle_collecting import Collection, collect_candles
from dg_bot.app.settings import Settings
from dg_bot.domain.calendar import DAY, HOUR, Timeframe
from dg_bot.domain.market import Market
from dg_bot.errors import ConfigurationError
from dg_bot.simulator.generated import BITCOIN, generated_candles
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue

BTC = Market("KRW-BTC")
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


class Bench:
    """A venue whose clock stands until it is moved, and the settings of someone who collects from it."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        tape = Tape.of(BTC, HOUR, generated_candles(BITCOIN, seed=3, start=FIRST, end=FIRST + timedelta(days=30)))
        self.server = UpbitServer(Venue(ledger=Ledger(krw=Decimal(0)), tapes={BTC: tape}, now=lambda: self.now))
        self.settings = Settings(upbit_base_url=self.server.base_url, clock_from_venue=True, data_dir=folder / "data")

    def collect(
        self, timeframe: Timeframe = HOUR, *, start: datetime | None = None, end: datetime | None = None, market: Market = BTC
    ) -> Collection:
        return collect_candles(
            self.settings, market, timeframe, start=start, end=end, on_progress=lambda _market, _done, _of: None
        )

    @property
    def asked(self) -> int:
        return sum(1 for entry in self.server.wire_log.entries if entry.path.startswith("/v1/candles/"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    with bench.server:
        yield bench


@pytest.mark.parametrize(
    ("timeframe", "place", "count"),
    [(HOUR, "hourly/KRW-BTC_60m.csv", 12), (Timeframe(240), "minute/KRW-BTC_240m.csv", 3), (DAY, "daily/KRW-BTC_1d.csv", 0)],
)
def test_closed_candles_go_to_the_place_of_their_timeframe(bench: Bench, timeframe: Timeframe, place: str, count: int) -> None:
    collection = bench.collect(timeframe, start=datetime(2026, 11, 19, tzinfo=UTC))

    days = 24 * 60 // timeframe.minutes
    assert bench.settings.data_folder / "candles" / place == collection.path
    assert (days + count, days + count) == (len(collection.series), collection.fresh)


def test_a_manifest_tells_where_the_candles_came_from(bench: Bench) -> None:
    collection = bench.collect(start=FIRST, end=datetime(2026, 11, 3, tzinfo=UTC))

    manifest = read_manifest(collection.path)
    assert manifest is not None
    assert (bench.server.base_url, 48, FIRST) == (manifest.source, manifest.rows, manifest.first)


def test_a_collection_brought_up_to_date_asks_for_the_new_candles_only(bench: Bench) -> None:
    bench.collect(start=FIRST)
    asked = bench.asked
    bench.now += timedelta(hours=2)

    collection = bench.collect()

    assert (FIRST, 2, 1) == (collection.series.first_opened_at, collection.fresh, bench.asked - asked)


def test_years_before_a_market_was_listed_cost_a_few_questions(bench: Bench) -> None:
    collection = bench.collect(start=datetime(2017, 10, 1, tzinfo=UTC))

    assert FIRST == collection.series.first_opened_at
    assert bench.asked < 20


@pytest.mark.parametrize(
    ("start", "market", "problem"),
    [
        (None, BTC, "--from: is needed: there are no 60m candles of KRW-BTC yet; name the first day"),
        (NOW + timedelta(days=1), BTC, "--from: no 60m candle lies between it and 2026-11-20T12:00Z; begin earlier"),
        (FIRST, Market("KRW-BTT"), "--market: the venue has no KRW-BTT; did you mean KRW-BTC?"),
    ],
)
def test_what_cannot_be_meant_is_refused(bench: Bench, start: datetime | None, market: Market, problem: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        bench.collect(start=start, market=market)

    assert problem == str(raised.value)
    assert 0 == bench.asked


def test_candles_of_the_real_venue_go_to_backtest_data_in_any_mode() -> None:
    settings = Settings()

    assert (Path("backtest_data").absolute(), Path("data/demo/candles").absolute()) == (
        settings.collected_folder,
        settings.candle_folder,
    )
