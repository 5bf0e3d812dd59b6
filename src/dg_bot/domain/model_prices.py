"""What language models cost: a dated table of prices, of which one that is not in it is taken for the dearest."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from dg_bot.domain.money import WON
from dg_bot.errors import ConfigurationError

_MILLION = Decimal(1_000_000)
_ROW = re.compile(r"- (\S+) (\d{4}-\d\d-\d\d) (\d{1,6}(?:\.\d{1,6})?) (\d{1,6}(?:\.\d{1,6})?)", re.ASCII)
# What a provider puts after the name of a model to tell its editions apart: a date, or a number.
_EDITION = re.compile(r"-\d{2,8}(?:-\d\d)*(?:-preview)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Dollars for a million tokens read and written, from `since` on."""

    model: str
    since: date
    input_usd: Decimal
    output_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrices:
    """All known prices, and what a dollar costs in won."""

    prices: tuple[Price, ...]
    krw_per_usd: Decimal

    def cost_krw(self, model: str, on: date, *, input_tokens: int, output_tokens: int) -> Decimal:
        """Give what a call costs in won, rounded up to the hundredth, by the newest price of that day.

        A model that is not in the table costs what the dearest one does.
        """
        named = [price for price in self.prices if is_edition_of(model, price.model)]
        price = _newest(named, on) if named else self._dearest(on)
        usd = (price.input_usd * input_tokens + price.output_usd * output_tokens) / _MILLION
        cost = usd * self.krw_per_usd
        step = WON / 100
        return cost.quantize(step) if cost == cost.quantize(step) else (cost // step + 1) * step

    def _dearest(self, on: date) -> Price:
        models = {price.model for price in self.prices}
        current = [_newest([price for price in self.prices if price.model == model], on) for model in sorted(models)]
        dearest_in = max(price.input_usd for price in current)
        dearest_out = max(price.output_usd for price in current)
        return Price(model="", since=on, input_usd=dearest_in, output_usd=dearest_out)


def read_prices(source: str, text: str, krw_per_usd: Decimal) -> ModelPrices:
    """Read a YAML list of `- model since dollars-in dollars-out`; raises ConfigurationError naming the line it cannot read."""
    prices = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        prices.append(_price(f"{source} line {number}", content))
    if not prices:
        raise ConfigurationError(source, "names no price", "write one '- model 2026-01-31 0.25 2.00' a line")
    return ModelPrices(prices=tuple(prices), krw_per_usd=krw_per_usd)


def is_edition_of(model: str, name: str) -> bool:
    """Tell whether `model` is `name` itself or an edition of it: `gpt-4o-2024-08-06` is one of `gpt-4o`, `gpt-4o-mini` is not."""
    bare = model.rsplit("/", maxsplit=1)[-1]
    named = name.rsplit("/", maxsplit=1)[-1]
    return bare.startswith(named) and (bare == named or _EDITION.fullmatch(bare[len(named) :]) is not None)


def _price(where: str, line: str) -> Price:
    match = _ROW.fullmatch(line)
    try:
        if match is None:
            raise ValueError(line)
        model, since, input_usd, output_usd = match.groups()
        return Price(model=model, since=date.fromisoformat(since), input_usd=Decimal(input_usd), output_usd=Decimal(output_usd))
    except ValueError as error:
        raise ConfigurationError(where, "is no price", "write '- model 2026-01-31 0.25 2.00'") from error


def _newest(prices: list[Price], on: date) -> Price:
    """Give the price in force on that day; before the first, the first."""
    started = [price for price in prices if price.since <= on]
    return max(started, key=lambda price: price.since) if started else min(prices, key=lambda price: price.since)
