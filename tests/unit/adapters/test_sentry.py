"""What reaches Sentry, read from the envelopes that its own library hands to a transport which keeps them."""

import io
import json
import logging
import socket
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
import sentry_sdk
import structlog
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from dg_bot.adapters.sentry import CrashReports
from dg_bot.app.log_format import LogFormat
from dg_bot.app.logs import configure_logs
from dg_bot.app.secrets import Redactor

DSN = "https://canarypublickey@sentry.example/42"
CANARY = "canary-7d1f-of-a-secret"
TOKEN = "123456:AAnobodyToldUsThisToken_0123456789abcd"
PASSWORD = "canary-of-a-password"
SECRETS = (CANARY, f"postgresql://bot:{PASSWORD}@db/x", DSN)


class Kept(Transport):
    """Keeps every envelope instead of sending it."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)

    @property
    def text(self) -> str:
        return "".join(envelope.serialize().decode() for envelope in self.envelopes)

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(json.dumps(envelope.get_event(), default=str)) for envelope in self.envelopes]


def reports(kept: Transport | None = None, *, dsn: str = DSN, clean: Callable[[str], str] | None = None) -> CrashReports:
    cleaner = clean or Redactor(SECRETS).clean
    return CrashReports(dsn=dsn, release="dg_bot@0", environment="live", clean=cleaner, transport=kept)


@pytest.fixture
def kept(clean_logging: None) -> Iterator[Kept]:
    configure_logs(level="DEBUG", log_format=LogFormat.JSON, redactor=Redactor(SECRETS))
    transport = Kept()
    with reports(transport):
        yield transport


def fail_with_everything_in_scope() -> None:
    """Fail as a request does whose secrets stand in local values, in source lines and in the error itself."""
    secret_key = CANARY
    headers = {"Authorization": f"Bearer {secret_key}", "nested": [{"deep": CANARY.encode()}]}
    url = f"https://api.telegram.org/bot{TOKEN}/sendMessage"
    try:
        raise ConnectionError(f"GET {url} with {headers}")
    except ConnectionError as error:
        error.add_note(f"key {CANARY}")
        raise RuntimeError("a canary-in-a-source-line", CANARY, f"password {PASSWORD}") from error


def test_an_error_is_reported_with_its_traceback_and_without_any_secret(kept: Kept) -> None:
    log = structlog.get_logger("dg_bot.pipeline")
    log.info("request_sent", url=f"https://api.telegram.org/bot{TOKEN}/getMe", key=CANARY)
    logging.getLogger("library").warning("password %s", PASSWORD)
    try:
        fail_with_everything_in_scope()
    except RuntimeError:
        log.exception("request_failed", secret_key=CANARY, details={"headers": [CANARY], CANARY: 1}, price=Decimal("1.5"))

    (event,) = kept.events
    for secret in (CANARY, TOKEN, TOKEN.partition(":")[2], PASSWORD, DSN, 'canary-in-a-source-line", CANARY'):
        assert secret not in kept.text
    assert ("request_failed", "error", "dg_bot.pipeline", "bot", "live", "dg_bot@0") == tuple(
        event[name] for name in ("message", "level", "logger", "server_name", "environment", "release")
    )
    for absent in ("vars", "context_line", "pre_context", "abs_path", "modules", "argv", "user", "request"):
        assert f'"{absent}"' not in kept.text
    assert "fail_with_everything_in_scope" in kept.text
    assert ["request_sent", "password ***"] == [step["message"] for step in event["breadcrumbs"]["values"]]  # type: ignore[index]
    assert "1.5" == event["extra"]["price"]  # type: ignore[index]


@pytest.mark.parametrize("how", ["a true", "the exception", "the three of it", "none"])
def test_whatever_a_line_carries_of_its_exception_is_found(kept: Kept, how: str) -> None:
    try:
        raise ValueError("wrong")
    except ValueError as error:
        given = {"a true": True, "the exception": error, "the three of it": (ValueError, error, None), "none": None}[how]
        structlog.get_logger().error("it_failed", exc_info=given)

    assert (how != "none") is ('"type":"ValueError"' in kept.text)


def test_a_crash_of_a_thread_is_reported_and_what_is_well_is_not(kept: Kept) -> None:
    structlog.get_logger().info("well")
    logging.getLogger("library").warning("not so well")
    assert [] == kept.events

    structlog.get_logger().critical("uncaught_exception", exc_info=(ValueError, ValueError("wrong"), None))

    assert [("uncaught_exception", "fatal")] == [(event["message"], event["level"]) for event in kept.events]


def test_an_event_that_cannot_be_cleaned_is_dropped_where_the_library_would_send_it(clean_logging: None) -> None:
    """The second look is not the first one again: it has to keep back what slipped past that."""
    calls: list[str] = []

    def clean(text: str) -> str:
        calls.append(text)
        if text == "bot":
            raise ValueError("cannot be cleaned")
        return text

    kept = Kept()
    with reports(kept, clean=clean):
        logging.getLogger("library").error("wrong")

    assert ([], True) == (kept.envelopes, "bot" in calls)


def test_nothing_of_the_librarys_own_is_switched_on(kept: Kept) -> None:
    assert not sentry_sdk.get_client().is_active()
    assert [] == [name for name in logging.getLogger().handlers if "sentry_sdk" in type(name).__module__]


def test_after_its_end_nothing_is_reported(clean_logging: None) -> None:
    kept = Kept()
    with reports(kept):
        pass
    logging.getLogger("library").error("wrong")

    assert [] == kept.events


@pytest.mark.parametrize("server", ["nobody listens", "it never answers"])
def test_a_server_that_is_dead_holds_nobody_up(clean_logging: None, server: str) -> None:
    """Were each error to wait for it, these two hundred would take longer than any test may."""
    lines = io.StringIO()
    configure_logs(level="DEBUG", log_format=LogFormat.JSON, redactor=Redactor(SECRETS), stream=lines)
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        if server == "nobody listens":
            door.close()
        with reports(dsn=f"http://key@127.0.0.1:{port}/1"):
            for number in range(200):
                logging.getLogger("library").error("wrong %s", number)

    assert 200 == lines.getvalue().count('"event": "wrong')
