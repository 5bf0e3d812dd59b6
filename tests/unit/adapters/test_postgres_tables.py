from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dg_bot.adapters.postgres_tables import Table, reading
from dg_bot.errors import ConfigurationError, StoreError


def test_a_table_has_its_columns_and_rows_in_order(empty_database: str) -> None:
    with reading(empty_database) as reader:
        found = reader.table("SELECT '2026-11-20T12:00Z'::timestamptz AS time, 1.50 AS \"Value\", NULL AS none")

    assert (
        Table(columns=("time", "Value", "none"), rows=[(datetime(2026, 11, 20, 12, tzinfo=UTC), Decimal("1.50"), None)]) == found
    )


def test_nothing_can_be_changed_and_the_next_query_is_answered(empty_database: str) -> None:
    with reading(empty_database) as reader:
        with pytest.raises(StoreError, match="read"):
            reader.table("CREATE TABLE mine (id int)")

        assert [(1,)] == reader.table("SELECT 1").rows


def test_a_query_that_the_server_refuses_names_its_words(empty_database: str) -> None:
    with reading(empty_database) as reader, pytest.raises(StoreError, match="nowhere"):
        reader.table("SELECT nowhere")


def test_a_database_that_is_away_and_an_address_of_no_use_are_told_apart() -> None:
    with pytest.raises(StoreError), reading("postgresql://nobody@127.0.0.1:1/none"):
        pass
    with pytest.raises(ConfigurationError), reading("not an address"):
        pass
