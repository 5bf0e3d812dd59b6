"""What a backtest may be told of its fills, over the terms of the bot."""

import argparse
from dataclasses import replace

from dg_bot.app import argument_types
from dg_bot.app.settings import Settings
from dg_bot.backtesting.trade_rules import COUNTED_IN_PARTS, TradeRules

_BPS = 10_000.0
_USUAL = TradeRules()


def add_fill_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser the options that `rules_of` needs."""
    amount = argument_types.amount
    parser.add_argument(
        "--slippage-bps", type=amount, default=_USUAL.slippage_fraction * _BPS, metavar="B", help="lost by each fill (default 2)"
    )
    parser.add_argument("--depth-krw", type=amount, default=0.0, metavar="D", help="what rests in the book within 1 %%")
    parser.add_argument(
        "--impact", type=amount, default=0.0, metavar="F", help="the fraction that an order as large as its bar would lose"
    )
    parser.add_argument(
        "--participation",
        type=amount,
        default=0.0,
        metavar="F",
        help="the part of what the bar before traded that an entry may be",
    )
    parser.add_argument(
        "--capital-krw",
        type=amount,
        default=COUNTED_IN_PARTS,
        metavar="K",
        help="the equity to begin with; with it minimums hold",
    )


def rules_of(options: argparse.Namespace, settings: Settings) -> TradeRules:
    """Give the bot's rules with the terms of the options; raises ImpossibleValue for terms that cannot be."""
    return replace(
        TradeRules.of(settings.risk_limits()),
        slippage_fraction=options.slippage_bps / _BPS,
        depth_krw=options.depth_krw,
        impact_fraction=options.impact,
        participation_fraction=options.participation,
        capital_krw=options.capital_krw,
    )
