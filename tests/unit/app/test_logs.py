import io
import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import pytest
import structlog

from dg_bot.app.log_format import LogFormat
from dg_bot.app.logs import configure_logs, cycle_logging
from dg_bot.app.secrets import Redactor

CANARY = "canary-9f8e7d6c"


Output = Callable[..., io.StringIO]


@pytest.fixture
def logging_to(clean_logging: None) -> Output:
    def configure(
        level: str = "DEBUG", log_format: LogFormat = LogFormat.JSON, secrets: tuple[str, ...] = (CANARY,)
    ) -> io.StringIO:
        stream = io.StringIO()
        configure_logs(level=level, log_format=log_format, redactor=Redactor(secrets), stream=stream)
        return stream

    return configure


def only_line(stream: io.StringIO) -> dict[str, object]:
    (line,) = stream.getvalue().splitlines()
    document = json.loads(line)
    assert isinstance(document, dict)
    return document


def fail_with_secret() -> None:
    local = {"key": CANARY}
    raise ValueError("refused", local)


def test_an_event_is_one_json_line_with_level_time_and_logger(logging_to: Output) -> None:
    stream = logging_to()

    structlog.get_logger("dg_bot.pipeline").info("order_submitted", market="KRW-BTC", notional_krw=Decimal("50000"))

    line = only_line(stream)
    assert str(line.pop("at")).endswith("Z")
    expected = {
        "event": "order_submitted",
        "level": "info",
        "logger": "dg_bot.pipeline",
        "market": "KRW-BTC",
        "notional_krw": "50000",
    }
    assert expected == line


def test_the_cycle_id_is_on_every_line_inside_the_block_and_on_none_after(logging_to: Output) -> None:
    stream = logging_to()

    with cycle_logging("KRW-BTC/2026-11-20T13"):
        structlog.get_logger().info("inside")
        logging.getLogger("elsewhere").info("inside too")
    structlog.get_logger().info("after")

    ids = [json.loads(line).get("cycle_id") for line in stream.getvalue().splitlines()]
    assert ["KRW-BTC/2026-11-20T13", "KRW-BTC/2026-11-20T13", None] == ids


def test_korean_is_written_as_it_is(logging_to: Output) -> None:
    stream = logging_to()

    structlog.get_logger().info("alarm_raised", text="손절")

    assert "손절" in stream.getvalue()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_json_becomes_text(logging_to: Output, number: float) -> None:
    stream = logging_to()

    structlog.get_logger().info("measured", value=number)

    assert only_line(stream)["value"] == str(number)


class Holder:
    def __repr__(self) -> str:
        return f"Holder({CANARY})"


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        {"headers": {"Authorization": f"Bearer {CANARY}"}},
        {CANARY: 1},
        [("a", CANARY), {CANARY}],
        ValueError("refused", CANARY),
        CANARY.encode(),
        Holder(),
        [[[[[[[[[[CANARY]]]]]]]]]],
    ],
    ids=["text", "nested", "key", "sequence", "exception", "bytes", "object", "deep"],
)
@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_secret_is_in_no_value_of_an_event(logging_to: Output, log_format: LogFormat, value: object) -> None:
    stream = logging_to(log_format=log_format)

    structlog.get_logger().debug("seen", value=value)

    assert (False, True) == (CANARY in stream.getvalue(), "***" in stream.getvalue())


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_has_colours_unless_it_wants_none(no_color: str, clean_logging: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = Screen()
    configure_logs(level="DEBUG", log_format=LogFormat.CONSOLE, redactor=Redactor(()), stream=screen)

    logging.getLogger("x").warning("something")

    assert (no_color == "") == ("\x1b[" in screen.getvalue())


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_secret_is_in_no_traceback(logging_to: Output, log_format: LogFormat) -> None:
    stream = logging_to(log_format=log_format)

    try:
        fail_with_secret()
    except ValueError:
        structlog.get_logger().exception("cycle_failed")
        logging.getLogger("library").exception("it failed with %s", CANARY)

    assert (False, 2) == (CANARY in stream.getvalue(), stream.getvalue().count("fail_with_secret()"))


def test_a_secret_in_the_standard_librarys_arguments_and_extras_is_masked(logging_to: Output) -> None:
    stream = logging_to()

    logging.getLogger("library").warning("GET %s", f"/bot1:{CANARY}/getMe", extra={"token": CANARY})

    line = only_line(stream)
    assert ("GET /***", "***") == (line["event"], line["token"])


def test_a_line_that_cannot_be_formatted_is_lost_without_its_arguments(
    logging_to: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = logging_to()

    logging.getLogger("library").warning("%d", CANARY)

    assert ("log_line_lost", "") == (only_line(stream)["event"], capsys.readouterr().err)


def full_disk() -> TextIO:
    return Path("/dev/full").open("w", buffering=1)


def pipe_that_nobody_reads() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w", buffering=1)


def closed_file() -> TextIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("broken", [full_disk, pipe_that_nobody_reads, closed_file])
def test_a_log_that_takes_nothing_stops_nobody(clean_logging: None, broken: Callable[[], TextIO]) -> None:
    stream = broken()
    configure_logs(level="DEBUG", log_format=LogFormat.JSON, redactor=Redactor(()), stream=stream)

    structlog.get_logger().warning("order_sending", identifier="any")
    logging.getLogger("library").warning("%d", CANARY)

    with suppress(OSError):  # what it still holds cannot be written at its end either
        stream.close()
    assert logging.getLogger().handlers


@pytest.mark.parametrize("name", ["httpx", "httpcore", "httpcore.connection", "apscheduler.scheduler", "telegram.Bot"])
@pytest.mark.parametrize(("level", "lines"), [(logging.INFO, 0), (logging.WARNING, 1)])
def test_talkative_libraries_are_heard_from_warning_on_even_at_debug(
    logging_to: Output, name: str, level: int, lines: int
) -> None:
    stream = logging_to(level="DEBUG")

    logging.getLogger(name).log(level, "something")

    assert len(stream.getvalue().splitlines()) == lines


def test_the_level_holds_for_both_kinds_of_logger(logging_to: Output) -> None:
    stream = logging_to(level="warning")

    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger().warning("heard")

    assert "heard" == only_line(stream)["event"]


def test_an_uncaught_exception_is_one_clean_line(logging_to: Output) -> None:
    stream = logging_to()

    try:
        fail_with_secret()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)

    assert ("uncaught_exception", False) == (only_line(stream)["event"], CANARY in stream.getvalue())


def test_an_uncaught_exception_of_a_thread_is_one_clean_line(logging_to: Output) -> None:
    stream = logging_to()

    thread = threading.Thread(target=fail_with_secret, name="guard")
    thread.start()
    thread.join()

    assert ("guard", False) == (only_line(stream)["thread"], CANARY in stream.getvalue())


def test_a_warning_is_a_log_line(logging_to: Output) -> None:
    stream = logging_to()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(f"{CANARY} is old", UserWarning, stacklevel=1)
        logging.captureWarnings(capture=False)

    assert ("py.warnings", False) == (only_line(stream)["logger"], CANARY in stream.getvalue())


def test_secrets_too_short_to_hide_are_announced_at_the_start(logging_to: Output) -> None:
    stream = logging_to(secrets=("12345",))

    line = only_line(stream)
    assert ("secrets_too_short_to_redact", 1) == (line["event"], line["count"])
