from datetime import date
from decimal import Decimal
from importlib.resources import files

import pytest

from dg_bot.domain.model_prices import ModelPrices, is_edition_of, read_prices
from dg_bot.errors import ConfigurationError

DAY = date(2026, 11, 20)
TABLE = """
# name, since, in, out
- small 2026-01-01 0.25 2.00
- small 2026-10-01 0.50 3.00
- large 2026-01-01 10 30
"""
PRICES = read_prices("prices", TABLE, Decimal(1500))


def cost(model: str, on: date = DAY, read: int = 1_000_000, written: int = 0, prices: ModelPrices = PRICES) -> Decimal:
    return prices.cost_krw(model, on, input_tokens=read, output_tokens=written)


def test_a_call_costs_what_its_tokens_do_in_won() -> None:
    assert Decimal(750) == cost("small")
    assert Decimal("7.5") == cost("small", read=1000, written=1500)


@pytest.mark.parametrize(
    ("on", "won"), [(date(2025, 1, 1), 375), (date(2026, 9, 30), 375), (date(2026, 10, 1), 750), (date(2027, 1, 1), 750)]
)
def test_the_price_of_the_day_holds(on: date, won: int) -> None:
    assert Decimal(won) == cost("small", on)


def test_a_cost_is_rounded_up_to_the_hundredth() -> None:
    assert Decimal("0.01") == cost("small", read=1)


@pytest.mark.parametrize("model", ["unknown", "small-mini", "smaller", "sma", ""])
def test_a_model_that_is_not_in_the_table_costs_what_the_dearest_does(model: str) -> None:
    assert cost("large", written=1000) == cost(model, written=1000)


@pytest.mark.parametrize(
    ("model", "name", "is_one"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o-2024-08-06", "gpt-4o", True),
        ("gpt-3.5-turbo-0125", "gpt-3.5-turbo", True),
        ("models/gemini-2.5-flash", "gemini-2.5-flash", True),
        ("gemini-2.5-flash-001", "gemini-2.5-flash", True),
        ("gpt-4o-mini", "gpt-4o", False),
        ("gpt-4-32k", "gpt-4", False),
        ("gpt-4", "gpt-4o", False),
        ("llama3.1:8b", "llama3.1:8b", True),
        ("llama3.1:70b", "llama3.1:8b", False),
    ],
)
def test_editions_of_a_model_go_by_its_name(model: str, name: str, is_one: bool) -> None:
    assert is_one is is_edition_of(model, name)


@pytest.mark.parametrize(
    "text", ["", "# nothing", "- small 2026-01-01 0.25", "small 2026-01-01 1 2", "- small 2026-02-30 1 2", "- a 2026-01-01 -1 2"]
)
def test_a_table_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_prices("prices", text, Decimal(1500))


def test_the_table_that_comes_with_the_program_is_one() -> None:
    text = (files("dg_bot.models") / "prices.yaml").read_text(encoding="utf-8")

    shipped = read_prices("prices.yaml", text, Decimal(1500))

    assert Decimal(375) == cost("gpt-5-mini-2025-08-07", prices=shipped)
    assert cost("gpt-5-pro", prices=shipped) == cost("something-new", prices=shipped)
