from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dg_bot.adapters.json_fields import (
    Json,
    Record,
    flag_of,
    list_of,
    milliseconds_of,
    number_of,
    optional_text_of,
    parse_json,
    records_of,
    text_of,
    time_of,
    utc_time_of,
)
from dg_bot.errors import MalformedReply


def test_numbers_of_a_document_are_exact() -> None:
    assert parse_json(b'{"a": 0.1, "b": 12345678901234567890, "c": 1e-8}') == {
        "a": Decimal("0.1"),
        "b": 12345678901234567890,
        "c": Decimal("1E-8"),
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 1e99999999999999999999}',
        b"null",
    ],
)
def test_a_body_that_is_no_json_is_no_document(body: bytes) -> None:
    assert parse_json(body) is None


@pytest.mark.parametrize("value", [Decimal("0.00000001"), "0.00000001", "1E-8", "1e-8", "+.00000001"])
def test_all_ways_to_write_a_number_give_the_same_amount(value: Json) -> None:
    assert Decimal("0.00000001") == number_of("test", {"amount": value}, "amount")


@pytest.mark.parametrize(
    "value",
    ["", "one", "1,000", "1_000", " 1", "１", "NaN", "Infinity", "0x1", "1e9999", "1E+29", "1E-29", "1" * 29, True, [], {}, None],
)
def test_what_is_no_amount_is_refused_by_its_field(value: Json) -> None:
    with pytest.raises(MalformedReply) as caught:
        number_of("test", {"amount": value}, "amount")
    assert caught.value.field == "amount"


@pytest.mark.parametrize("value", ["1E+28", "1E-28", "1" * 28])
def test_an_amount_of_the_most_digits_is_taken(value: str) -> None:
    assert Decimal(value) == number_of("test", {"amount": value}, "amount")


def test_a_time_with_an_offset_becomes_utc() -> None:
    assert datetime(2021, 10, 26, 13, 46, tzinfo=UTC) == time_of("test", {"at": "2021-10-26T22:46:00+09:00"}, "at")


def test_a_time_that_is_utc_by_its_name_needs_no_offset() -> None:
    assert datetime(2021, 2, 21, 4, 3, tzinfo=UTC) == utc_time_of("test", {"at": "2021-02-21T04:03:00"}, "at")


@pytest.mark.parametrize("value", ["2021-10-26T22:46:00", "yesterday", "0001-01-01T00:00:00+09:00", 1613880297302, None])
def test_what_is_no_moment_is_refused(value: Json) -> None:
    with pytest.raises(MalformedReply):
        time_of("test", {"at": value}, "at")


def test_milliseconds_are_counted_exactly() -> None:
    assert datetime(2021, 2, 21, 4, 4, 57, 302_000, tzinfo=UTC) == milliseconds_of("test", {"at": 1613880297302}, "at")


def test_milliseconds_beyond_the_calendar_are_refused() -> None:
    with pytest.raises(MalformedReply):
        milliseconds_of("test", {"at": 10**20}, "at")


@pytest.mark.parametrize("value", ["", 1, True, None])
def test_what_is_no_text_is_refused(value: Json) -> None:
    with pytest.raises(MalformedReply):
        text_of("test", {"name": value}, "name")


def test_a_text_that_may_be_absent_is_none_where_it_is() -> None:
    rows: list[Record] = [{}, {"id": None}, {"id": "x"}]

    assert [None, None, "x"] == [optional_text_of("test", row, "id") for row in rows]


def test_a_flag_is_true_or_false_and_nothing_else() -> None:
    assert flag_of("test", {"warning": True}, "warning")
    with pytest.raises(MalformedReply):
        flag_of("test", {"warning": "false"}, "warning")


def test_lists_and_their_records_are_what_they_say() -> None:
    assert records_of("test", [{"a": 1}]) == [{"a": 1}]
    others: list[Json] = [{"a": 1}, [1], None, "x"]
    for document in others:
        with pytest.raises(MalformedReply):
            records_of("test", document)
    with pytest.raises(MalformedReply):
        list_of("test", {"a": {}}, "a")
