"""The moments of 2022 and 2023 at which the program is run on the tape, each with the reason for its choice."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TRADED = "traded"


@dataclass(frozen=True, kw_only=True)
class Instant:
    """A moment of venue time, why it was chosen, and how the cycle ends where the screen only warns.

    `ends` is "traded", or the name of the gate that keeps the cycle from trading. `is_cold` asks for an interpreter of its own.
    """

    at: datetime
    why: str
    ends: str
    is_cold: bool = False

    @property
    def hour(self) -> datetime:
        return self.at.replace(minute=0, second=0, microsecond=0)

    @property
    def name(self) -> str:
        return f"{self.at:%Y%m%dT%H%M%S}"


def _at(text: str, why: str, ends: str = "?", *, is_cold: bool = False) -> Instant:
    """Take an hour for five seconds past it, when the bot's cycles begin."""
    at = datetime.fromisoformat(f"{text}{'' if ':' in text else ':00:05'}").replace(tzinfo=UTC)
    return Instant(at=at, why=why, ends=ends, is_cold=is_cold)

BREAKOUTS = (
    _at("2022-02-28T20", "strongest day of the month, from 48 to 53 million", TRADED, is_cold=True),
    _at("2022-03-09T08", "the jump on the order on digital assets", TRADED),
    _at("2022-03-20T00", "a breakout in a quiet weekend", TRADED),
    _at("2022-03-22T08", "the spring rally begins", TRADED),
    _at("2022-07-18T04", "first breakout of the summer after the crash of June", TRADED, is_cold=True),
    _at("2022-08-03T20", "a breakout late in a slow rally", TRADED),
    _at("2022-08-10T16", "the inflation figures of July", TRADED),
    _at("2022-10-04T08", "a breakout in the quietest autumn of the tape", TRADED),
    _at("2022-10-17T12", "a breakout that leads nowhere", TRADED),
    _at("2022-10-24T00", "two bars after a breakout, still one", TRADED),
    _at("2022-11-04T12", "the last breakout before FTX fell", TRADED, is_cold=True),
    _at("2023-01-29T04", "the January rally goes on", TRADED),
    _at("2023-02-14T20", "a jump on the inflation figures", TRADED),
    _at("2023-02-20T12", "a breakout close to the top of February", TRADED),
    _at("2023-03-01T08", "a breakout that failed within days", TRADED),
    _at("2023-04-10T00", "the first bar of the day above 30,000 dollars", TRADED),
    _at("2023-06-29T08", "a breakout inside a narrow range", TRADED),
    _at("2023-08-14T16", "a breakout in the calmest August", TRADED),
    _at("2023-10-01T08", "October begins", TRADED),
    _at("2023-10-16T04", "hours before the false news of an approved fund", TRADED, is_cold=True),
    _at("2023-10-29T16:25:00", "a breakout, by a cycle that begins late in its hour", TRADED),
    _at("2023-11-24T12", "a breakout at the year's high", TRADED),
    _at("2023-12-01T04", "the December rally begins", TRADED),
    _at("2023-12-20T16", "a breakout before Christmas", TRADED),
)
CRASHES = (
    _at("2022-05-09T12", "Luna: the peg breaks"),
    _at("2022-05-10T00", "Luna: the morning after"),
    _at("2022-05-11T16", "Luna: free fall"),
    _at("2022-05-12T08", "Luna: the lowest bars", is_cold=True),
    _at("2022-05-12T15", "Luna: between two bars"),
    _at("2022-05-13T04", "Luna: the rebound"),
    _at("2022-11-08T20", "FTX: the sale that was none"),
    _at("2022-11-09T00", "FTX: day two begins"),
    _at("2022-11-09T16", "FTX: the sale is called off"),
    _at("2022-11-10T00", "FTX: the lowest bars"),
    _at("2022-11-10T16", "FTX: the rebound on inflation figures"),
)
REFUSED = (
    _at("2022-06-06T04", "a breakout in a bear market"),
    _at("2023-05-05T16", "a new high that the RSI does not share"),
    _at("2023-05-06T00", "a breakout without trend and volume"),
    _at("2023-10-24T00", "a breakout when the market is wildest"),
    _at("2023-10-23T20", "a breakout that is overbought"),
)
QUIET = (
    _at("2022-10-09T04", "a weekend without movement"),
    _at("2022-12-24T12", "Christmas"),
    _at("2023-07-22T08", "the quietest July"),
    _at("2023-09-03T17", "a quiet hour between two bars"),
)
GAPS = (
    _at("2022-02-13T20", "first hour after a gap of two: the newest candle is old"),
    _at("2022-02-13T21", "an hour later: fresh candle, fresh gap"),
    _at("2022-02-15T12", "a breakout 42 candles after a gap of two"),
    _at("2022-02-15T20", "a breakout 48 candles after a gap of two"),
    _at("2022-05-23T18", "first hour after a gap of one: the newest candle is old"),
    _at("2022-05-23T20", "two hours after a gap of one, which is allowed"),
    _at("2022-06-30T19:59:56", "inside a gap of three that ends while the cycle waits for its candle"),
    _at("2022-06-30T20", "first hour after a gap of three", is_cold=True),
    _at("2022-07-01T00", "first bar after a gap of three"),
    _at("2022-09-30T19", "first hour after a gap of one"),
    _at("2022-12-31T20", "first hour after a gap of two, on New Year's Eve"),
    _at("2023-03-31T21", "first hour after a gap of three"),
    _at("2023-04-23T22", "first hour after a gap of four"),
    _at("2023-04-24T00", "first bar after a gap of four"),
    _at("2023-04-25T23", "49 candles after a gap of four: the last hour that it counts"),
    _at("2023-04-26T00", "50 candles after a gap of four: a breakout that it no longer blocks"),
    _at("2023-08-08T21", "first hour after a gap of three"),
    _at("2023-12-03T21", "first hour after a gap of five, the longest"),
    _at("2023-12-04T00", "first bar after a gap of five; the bar before it has no candle at all"),
    _at("2023-12-31T22", "an hour after the tape's last gap"),
)
INSTANTS = (*BREAKOUTS, *CRASHES, *REFUSED, *QUIET, *GAPS)
