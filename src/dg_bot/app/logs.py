"""Set logging up once: one event a line on standard error, the cycle id on each, no secret on any.

Events of structlog and of the standard library (httpx, telegram, apscheduler, warnings, uncaught exceptions) go through the same
processors, of which the last before rendering is the redaction.
"""

import logging
import math
import os
import sys
import threading
from collections.abc import Mapping, Sequence, Set
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from dg_bot.app.log_format import LogFormat
from dg_bot.app.secrets import Redactor

_DEEPEST = 8
_QUIET = ("alembic", "httpx", "httpcore", "apscheduler", "telegram", "asyncio")


class Redaction:
    """The processor that turns an event into plain values and cleans each text in it, keys included."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {self._redactor.clean(str(key)): self._plain(value, _DEEPEST) for key, value in event.items()}

    def _plain(self, value: object, depth: int) -> object:
        """Give `value` as JSON can hold it; what is not JSON becomes its text, so that nothing is rendered unseen."""
        match value:
            case None | bool() | int():
                return value
            case float():
                return value if math.isfinite(value) else str(value)
            case str():
                return self._redactor.clean(value)
            case Mapping() if depth:
                return {self._redactor.clean(str(key)): self._plain(item, depth - 1) for key, item in value.items()}
            case bytes() | bytearray():
                return self._redactor.clean(value.decode("utf-8", "backslashreplace"))
            case Sequence() | Set() if depth:
                return [self._plain(item, depth - 1) for item in value]
            case BaseException():
                return self._redactor.clean(f"{type(value).__name__}: {value}")
            case _:
                return self._redactor.clean(str(value))


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the base class's
        """Say that a line was lost, where even that can be written: no caller ends for a log that nothing can be written to.

        The default would print the record's arguments, secrets among them.
        """
        with suppress(OSError, ValueError):  # a full disk, a pipe that nobody reads, a file that is closed
            self.stream.write(f'{{"event": "log_line_lost", "logger": "{record.name}", "line": {record.lineno}}}\n')


def configure_logs(*, level: str, log_format: LogFormat, redactor: Redactor, stream: TextIO | None = None) -> None:
    """Route every log line of the process to `stream` (standard error where not given) from `level` on.

    Call once, before anything logs. Libraries that put URLs into their logs are held at WARNING whatever `level` says.
    """
    output = stream if stream is not None else sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    handler = _Handler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,
                Redaction(redactor),
                _renderer(log_format, output),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.captureWarnings(capture=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    if redactor.ignored:
        structlog.get_logger(__name__).warning("secrets_too_short_to_redact", count=redactor.ignored)


def cycle_logging(cycle_id: str) -> AbstractContextManager[None]:
    """Bind `cycle_id` to every line logged inside the block, by this thread or task."""
    return structlog.contextvars.bound_contextvars(cycle_id=cycle_id)


def _renderer(log_format: LogFormat, stream: TextIO) -> Processor:
    if log_format is LogFormat.JSON:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    colors = stream.isatty() and not os.environ.get("NO_COLOR")
    # The traceback is text by now; a prettier formatter would read local variables, and secrets with them.
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        structlog.get_logger(__name__).warning("interrupted")
        return
    structlog.get_logger(__name__).critical("uncaught_exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or issubclass(args.exc_type, SystemExit):
        return
    name = args.thread.name if args.thread is not None else "?"
    structlog.get_logger(__name__).critical(
        "uncaught_exception", thread=name, exc_info=(args.exc_type, args.exc_value, args.exc_traceback)
    )
