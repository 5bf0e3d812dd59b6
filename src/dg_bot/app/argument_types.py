"""How words of a command line become values; each raises ArgumentTypeError that says why one cannot be meant."""

import argparse
import math
from datetime import UTC, datetime
from pathlib import Path

from dg_bot.domain.calendar import KST, Timeframe
from dg_bot.domain.market import Market
from dg_bot.domain.trials import Objective
from dg_bot.errors import ImpossibleValue


def market(text: str) -> Market:
    """Read 'KRW-BTC'."""
    try:
        return Market(text)
    except ImpossibleValue as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def timeframe(text: str) -> Timeframe:
    """Read '60m', '240m', '1d'."""
    try:
        return Timeframe.parse(text)
    except ImpossibleValue as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def day(text: str) -> datetime:
    """Read a day as YYYY-MM-DD: its start in UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day as YYYY-MM-DD") from error


def seoul_day(text: str) -> datetime:
    """Read a day as YYYY-MM-DD: its 00:00 in Asia/Seoul."""
    return day(text).replace(tzinfo=KST)


def parameter(text: str) -> tuple[str, str]:
    """Read 'name=value' of a strategy."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not key=value")
    return name, value


def count(text: str) -> int:
    """Read a whole number of at least one."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def whole(text: str) -> int:
    """Read a whole number of at least zero."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def amount(text: str) -> float:
    """Read a number of at least zero."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return number


def train_and_test(text: str) -> tuple[int, int]:
    """Read 'TRAIN:TEST', both whole days of at least one."""
    train, colon, test = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} is not TRAIN:TEST in days, such as 365:90")
    return count(train), count(test)


def objective(text: str) -> Objective:
    """Read what the best of many sets is best in."""
    try:
        return Objective(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(Objective)}") from error


def new_file(text: str) -> Path:
    """Read the path of a file that will be written, so that nobody learns of a misspelt folder when all the work is done."""
    path = Path(text)
    if not text:
        raise argparse.ArgumentTypeError("it is empty; name a file")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}; make it first")
    return path
