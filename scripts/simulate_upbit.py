"""Serve a simulated Upbit on this machine: recorded or generated markets, one account, Upbit's REST."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
import signal
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from dg_bot.app import argument_types
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import end_with
from dg_bot.domain.money import decimal_from_text
from dg_bot.errors import ConfigurationError, ImpossibleValue
from dg_bot.simulator.serve import ServeOptions, serving


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; gives 0 then, and 2 for options that cannot be used."""
    parser = _parser()
    values = parsed(parser, arguments)
    if len(values.tape) != len(values.market):
        parser.error(f"argument --market: {len(values.tape)} --tape need as many --market, there are {len(values.market)}")
    if len(set(values.market)) != len(values.market):
        parser.error("argument --market: a market is given twice")
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with serving(_options(values), host_time=datetime.now(UTC), monotonic=time.monotonic) as server:
            print(f"listening on {server.base_url}", flush=True)
            stopping.wait()
    except ConfigurationError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulate_upbit.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--port", type=int, required=True, help="port on the loopback address; 0 picks a free one")
    parser.add_argument("--tape", type=Path, action="append", default=[], metavar="FILE", help="candles of a --market")
    parser.add_argument(
        "--market", type=argument_types.market, action="append", default=[], metavar="M", help="market of a --tape, in order"
    )
    parser.add_argument("--at", type=_time, metavar="T", help="venue time at the start, ISO 8601 (no tape: now)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the generated market and of the uuids (default 0)")
    parser.add_argument("--krw", type=_amount, default=Decimal(10_000_000), help="money of the account (default 10000000)")
    parser.add_argument(
        "--depth-krw", type=_amount, default=Decimal(30_000_000), help="worth of the best level of the order book"
    )
    parser.add_argument("--access-key", metavar="A", help="with --secret-key: only this key is taken, signatures are verified")
    parser.add_argument("--secret-key", metavar="S")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="JSON list of faults")
    parser.add_argument("--wire-log", type=Path, metavar="FILE", help="write each request as a JSON line")
    return parser


def _options(values: argparse.Namespace) -> ServeOptions:
    return ServeOptions(
        port=values.port,
        tapes=dict(zip(values.market, values.tape, strict=True)),
        at=values.at,
        seed=values.seed,
        krw=values.krw,
        depth_krw=values.depth_krw,
        access_key=values.access_key,
        secret_key=values.secret_key,
        faults=values.faults,
        wire_log=values.wire_log,
    )


def _amount(text: str) -> Decimal:
    try:
        amount = decimal_from_text(text, "amount")
    except ImpossibleValue as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if amount <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above zero")
    return amount


def _time(text: str) -> datetime:
    """Read ISO 8601; a time without offset is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in ISO 8601") from error
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)


if __name__ == "__main__":
    end_with("simulate_upbit", main)
