import io
import json
from datetime import UTC, datetime

from dg_bot.simulator.wire_log import WireEntry, WireLog

AT = datetime(2023, 5, 1, 9, tzinfo=UTC)


def _received(log: WireLog, path: str = "/v1/orders", identifier: str | None = "bot.1") -> int:
    return log.received(at=AT, method="POST", path=path, query="", body="{}", identifier=identifier)


def test_requests_are_numbered_in_order_of_arrival() -> None:
    log = WireLog()

    assert [_received(log) for _ in range(3)] == [1, 2, 3]


def test_an_entry_has_no_status_until_it_is_answered() -> None:
    log = WireLog()
    first, second = _received(log), _received(log)

    log.settled(second, 201)

    assert {first: None, second: 201} == {entry.sequence: entry.status for entry in log.entries}


def test_entries_are_found_by_method_and_exact_path() -> None:
    log = WireLog()
    _received(log, "/v1/orders/test")
    _received(log, "/v1/orders")

    assert [entry.path for entry in log.matching("POST", "/v1/orders")] == ["/v1/orders"]


def test_a_settled_entry_is_written_as_one_json_line() -> None:
    file = io.StringIO()
    log = WireLog(file)
    sequence = _received(log)

    log.settled(sequence, None)

    assert file.getvalue().endswith("\n")
    assert json.loads(file.getvalue()) == {
        "sequence": 1,
        "at": "2023-05-01T09:00:00+00:00",
        "method": "POST",
        "path": "/v1/orders",
        "query": "",
        "body": "{}",
        "identifier": "bot.1",
        "status": None,
    }


def test_an_entry_has_no_place_for_the_authorization() -> None:
    assert not [name for name in WireEntry.__slots__ if "auth" in name or "header" in name]
