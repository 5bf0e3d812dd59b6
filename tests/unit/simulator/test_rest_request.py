from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from dg_bot.simulator.rest_request import BadParameter, Parameters, Request

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


def _post(body: str, content_type: str = "application/json") -> Request:
    return Request(method="POST", path="/v1/orders", body=body, content_type=content_type)


def _to(raw: str) -> datetime | None:
    query = f"market=KRW-BTC&to={raw}"
    request = Request(method="GET", path="/v1/candles/days", query=query)
    return Parameters(request.pairs(), raw_query=query).encoded_time("to")


def test_a_post_signs_its_body_in_the_order_it_has() -> None:
    assert _post('{"market":"KRW-BTC","side":"bid","price":"5000"}').signed_text() == "market=KRW-BTC&side=bid&price=5000"


def test_a_query_is_signed_with_its_escapes_undone() -> None:
    request = Request(method="GET", path="/v1/orders/uuids", query="uuids%5B%5D=a%3A1&uuids%5B%5D=b%2C2")

    assert request.signed_text() == "uuids[]=a:1&uuids[]=b,2"


@pytest.mark.parametrize(
    ("body", "content_type"), [("uuid=a-b", "application/x-www-form-urlencoded"), ('{"uuid": "a-b"}', "application/json")]
)
def test_a_read_without_a_query_may_have_its_parameters_in_a_body(body: str, content_type: str) -> None:
    request = Request(method="DELETE", path="/v1/order", body=body, content_type=content_type)

    assert (Parameters(request.pairs()).optional("uuid"), request.signed_text()) == ("a-b", "uuid=a-b")


def test_a_form_has_no_parameters_in_a_post() -> None:
    assert _post("market=KRW-BTC", "application/x-www-form-urlencoded").pairs() == []


@pytest.mark.parametrize(
    ("body", "identifier"), [('{"identifier":"a"}', "a"), ("{", None), ("[]", None), ("", None), ("{}", None)]
)
def test_the_identifier_of_a_request_is_read_where_it_can_be(body: str, identifier: str | None) -> None:
    assert identifier == _post(body).identifier


@pytest.mark.parametrize("body", ["{", "[]", '{"a": {"b": 1}}', '{"a": NaN}'])
def test_a_body_that_is_no_flat_object_is_refused(body: str) -> None:
    with pytest.raises(BadParameter):
        _post(body).pairs()


@pytest.mark.parametrize("query", ["states[]=done&states[]=cancel", "states=done&states=cancel", "states=done,cancel"])
def test_a_list_has_three_spellings(query: str) -> None:
    assert Parameters(Request(method="GET", path="/", query=query).pairs()).many("states") == ("done", "cancel")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T09:00:00Z",
        "2026-11-20T18:00:00+09:00",
        "2026-11-20 09:00:00",
        "2026-11-20T09:00:00",
        "2026-11-20T04:00:00-05:00",
    ],
)
def test_a_time_is_read_in_every_documented_spelling(text: str) -> None:
    assert _to(quote(text, safe="")) == NINE


def test_a_time_may_be_milliseconds() -> None:
    assert Parameters([("start_time", "1795165200123")]).time("start_time") == NINE + timedelta(milliseconds=123)


def test_a_space_may_be_a_plus() -> None:
    assert _to("2026-11-20+09%3A00%3A00") == NINE


BARE_COLON_OR_PLUS = ["2026-11-20T09:00:00Z", "2026-11-20T18%3A00%3A00+09%3A00", "2026-11-20T18%3A00%3A00%2B09:00"]
NO_TIMES = ["yesterday", "2026-13-01T00%3A00%3A00Z", "2026-11-20", "1"]


@pytest.mark.parametrize("raw", BARE_COLON_OR_PLUS + NO_TIMES)
def test_what_is_no_time_or_not_escaped_is_refused(raw: str) -> None:
    with pytest.raises(BadParameter):
        _to(raw)


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("200", 200), ("199", 199)])
def test_a_count_inside_its_limits_is_read(text: str, value: int) -> None:
    assert value == Parameters([("count", text)]).whole("count", default=1, least=1, most=200)


@pytest.mark.parametrize("text", ["0", "201", "-1", "1.0", "x", "9999999999"])
def test_a_count_outside_its_limits_is_refused(text: str) -> None:
    with pytest.raises(BadParameter):
        Parameters([("count", text)]).whole("count", default=1, least=1, most=200)


def test_the_authorization_is_not_shown() -> None:
    assert "hidden" not in repr(Request(method="GET", path="/", authorization="Bearer hidden"))
