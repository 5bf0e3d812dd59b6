"""The moments of 2022 and 2023 at which the program is run on the tape, each with the reason for its choice."""

from dataclasses import dataclass
from datetime import UTC, datetime

TRADED = "traded"
_STALE = "data.candle_age"
_GAP = "data.recent_gap_hours"
_TREND = "strategy.trend"
_NO_BAR = "strategy.bar_closed"


@dataclass(frozen=True, kw_only=True)
class Instant:
    """A moment of venue time, why it was chosen, and how its cycle ends where the screen only warns.

    `ends` is "traded", or the first gate that does not pass. `is_cold` asks for a `python main.py` of its own.
    """

    at: datetime
    why: str
    ends: str
    is_cold: bool = False

    @property
    def name(self) -> str:
        return f"{self.at:%Y-%m-%dT%H%M%S}"


def _at(text: str, why: str, ends: str, *, is_cold: bool = False) -> Instant:
    """Take an hour for five seconds past it, when the bot's cycles begin."""
    at = datetime.fromisoformat(text if ":" in text else f"{text}:00:05").replace(tzinfo=UTC)
    return Instant(at=at, why=why, ends=ends, is_cold=is_cold)


_BREAKOUTS = (
    _at("2022-02-28T20", "8 % in a day, and every gate passes by both alternatives", TRADED, is_cold=True),
    _at("2022-03-09T08", "7.6 % in a day, with the RSI just below its limit", TRADED),
    _at("2022-03-20T00", "a breakout on less than the usual volume, at the lowest confidence that may trade", TRADED),
    _at("2022-07-18T04", "the first after the crash of June; a screen that fails by the last digits shown", TRADED, is_cold=True),
    _at("2022-08-03T20", "a third of the usual volume: the on-balance volume alone confirms", TRADED),
    _at("2022-08-10T16", "four times the usual volume", TRADED),
    _at("2022-10-04T08", "out of a market without trend, ADX 14", TRADED),
    _at("2022-10-17T12", "a breakout in a sideways regime", TRADED),
    _at("2022-11-04T12", "four days before FTX fell", TRADED),
    _at("2023-01-29T04", "two weeks into the rally of January; the screen fails on its return alone", TRADED),
    _at("2023-02-20T12", "a breakout inside a trend, ADX 35", TRADED),
    _at("2023-04-10T00", "the lowest ADX here, 12, and the highest confidence", TRADED),
    _at("2023-06-29T08", "a breakout on three quarters of the usual volume", TRADED),
    _at("2023-08-14T16", "out of a calm August, with every gate passed by both alternatives", TRADED),
    _at("2023-10-01T08", "a breakout in a strong trend, ADX 44", TRADED),
    _at("2023-10-16T04", "two hours before its target is reached in a jump", TRADED, is_cold=True),
    _at("2023-10-29T16:25:00", "a cycle that begins late in its hour is still that hour's", TRADED),
    _at("2023-12-20T16", "the last of the two years that is bought", TRADED),
)
_CRASHES = (
    _at("2022-05-09T12", "Luna: the first day", _TREND),
    _at("2022-05-10T00", "Luna: 8.4 % down in a day, RSI 12", _TREND),
    _at("2022-05-11T16", "Luna: 5.1 % below the high of three hours", _TREND),
    _at("2022-05-12T08", "Luna: the day of the lowest prices", _TREND, is_cold=True),
    _at("2022-05-12T15", "Luna: an hour between two bars", _NO_BAR),
    _at("2022-05-13T04", "Luna: the rebound", _TREND),
    _at("2022-11-08T20", "FTX: 8.5 % below the high of three hours", _TREND),
    _at("2022-11-09T16", "FTX: 10 % down in a day, again", _TREND),
    _at("2022-11-10T00", "FTX: 14 % down in a day, RSI 9", _TREND),
    _at("2022-11-10T16", "FTX: the rebound", _TREND),
)
_REFUSED = (
    _at("2022-06-06T04", "a breakout below the long mean, on three times the usual volume", "filter.regime"),
    _at("2023-05-05T16", "a new high that the RSI does not share, by a fifth of a point", "validator.rsi_divergence"),
    _at("2023-05-06T00", "a breakout without trend and without volume", "validator.fake_out"),
    _at("2023-10-23T20", "a breakout that is overbought", "validator.rsi_contradiction"),
    _at("2023-10-24T00", "9.5 % up in a day, far above the usual volatility", "filter.volatility_24h"),
)
_QUIET = (
    _at("2022-10-09T04", "a quiet Sunday", _TREND),
    _at("2022-12-24T12", "Christmas Eve, 0.2 % in a day", _TREND),
    _at("2023-07-22T08", "a quiet July, the close just below its mean", _TREND),
    _at("2023-09-03T17", "a quiet hour between two bars", _NO_BAR),
)
_GAPS = (
    _at("2022-02-13T20", "first hour after a gap of two: the newest candle is old", _STALE),
    _at("2022-02-13T21", "an hour later: the candle is new, the gap is fresh", _GAP),
    _at("2022-02-15T12", "a breakout 40 candles after a gap of two", _GAP),
    _at("2022-02-15T20", "a breakout 48 candles after a gap of two", _GAP, is_cold=True),
    _at("2022-05-23T18", "first hour after a gap of one", _STALE),
    _at("2022-05-23T20", "first bar after a gap of one, which is allowed", _TREND),
    _at("2022-06-30T19:59:58", "inside a gap of three that ends while the cycle waits for its candle", _STALE),
    _at("2022-06-30T20", "first hour after a gap of three, at the end of a bar", _STALE, is_cold=True),
    _at("2022-09-30T19", "first hour after a gap of one", _STALE),
    _at("2023-04-23T22", "first hour after a gap of four", _STALE),
    _at("2023-04-24T00", "first bar after a gap of four", _GAP),
    _at("2023-04-25T23", "49 candles after a gap of four: the last hour at which it counts", _GAP),
    _at("2023-04-26T00", "50 candles after a gap of four: a breakout that it blocks no longer", "validator.rsi_divergence"),
    _at("2023-12-03T21", "first hour after a gap of five, the longest", _STALE),
    _at("2023-12-04T00", "first bar after a gap of five; the bar before it has no candle at all", _GAP),
    _at("2023-12-31T22", "an hour after the last gap of the tape", _GAP),
)
INSTANTS = (*_BREAKOUTS, *_CRASHES, *_REFUSED, *_QUIET, *_GAPS)
