"""Report what is logged as an error to Sentry, in the words of the log and without anything that it has no business to know."""

import logging
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from sentry_sdk import Client
    from sentry_sdk.transport import Transport

    Document = dict[str, object]

_FAREWELL_S = 1.0
_WAITING_EVENTS = 50
_STEPS = 30
_DEEPEST = 12
# What the library adds of the machine: paths with the user's name in them, and the packages that are installed.
_NOT_TOLD = frozenset(["abs_path", "vars", "pre_context", "context_line", "post_context", "modules"])
_OWN_LOGGERS = ("sentry_sdk", "urllib3")
_KEYS_OF_LOG = frozenset(["event", "level", "logger", "at", "exc_info", "exception"])


class CrashReports(logging.Handler):
    """Sends each line that is logged at ERROR or above, with its traceback and the lines before it, between `with` and its end.

    Of a traceback go files, functions and line numbers: no local value and no source line. Every text has been through `clean`,
    and once more where the library hands an event to its transport; an event that cannot be cleaned is dropped. Nothing of the
    library's own is switched on: no integration, no trace, no session. Events wait in a queue of their own thread, the newest is
    dropped where it is full, and a server that does not answer costs a second at the end.
    """

    def __init__(
        self, *, dsn: str, release: str, environment: str, clean: Callable[[str], str], transport: "Transport | None" = None
    ) -> None:
        super().__init__(logging.INFO)
        self._clean = clean
        self._client = self._built(dsn, release, environment, transport)
        self._steps: deque[object] = deque(maxlen=_STEPS)

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        logging.getLogger().removeHandler(self)
        self._client.close(timeout=_FAREWELL_S)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line as one of the steps before an error, or send it."""
        if record.name.partition(".")[0] in _OWN_LOGGERS:
            return
        name, fields = _words(record)
        if record.levelno < logging.ERROR:
            step = {"category": record.name, "level": record.levelname.lower(), "message": name, "data": fields}
            self._steps.append(self._cleaned({"timestamp": record.created, **step}))
            return
        event: Document = {"level": _LEVELS[record.levelno >= logging.CRITICAL], "logger": record.name, "extra": fields}
        event |= {"message": name, "fingerprint": ["{{ default }}", name], **self._traceback(record)}
        self._client.capture_event(self._cleaned({**event, "breadcrumbs": {"values": list(self._steps)}}))  # type: ignore[arg-type]

    def _traceback(self, record: logging.LogRecord) -> "Document":
        """Give the exception of a line, outermost last, with what caused it."""
        from sentry_sdk.utils import exceptions_from_error_tuple  # noqa: PLC0415 - see _built

        found = record.exc_info or (record.msg.get("exc_info") if isinstance(record.msg, dict) else None)
        if isinstance(found, BaseException):
            found = (type(found), found, found.__traceback__)
        elif found and not isinstance(found, tuple):
            found = sys.exc_info()
        if not found or found[1] is None:
            return {}
        return {"exception": {"values": exceptions_from_error_tuple(found, client_options=self._client.options)}}

    def _built(self, dsn: str, release: str, environment: str, transport: "Transport | None") -> "Client":
        from sentry_sdk import Client  # noqa: PLC0415 - a quarter of a second, and most bots have no DSN

        def cleaned(document: object, _hint: object) -> object:
            return self._cleaned(document)

        return Client(
            dsn=dsn,
            release=release,
            environment=environment,
            server_name="bot",
            transport=transport,
            transport_queue_size=_WAITING_EVENTS,
            shutdown_timeout=_FAREWELL_S,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            send_client_reports=False,
            traces_sample_rate=0.0,
            propagate_traces=False,
            include_local_variables=False,
            include_source_context=False,
            max_request_body_size="never",
            enable_metrics=False,
            spotlight=False,
            before_send=cleaned,  # type: ignore[arg-type]
            before_breadcrumb=cleaned,  # type: ignore[arg-type]
        )

    def _cleaned(self, value: object, depth: int = _DEEPEST) -> object:
        """Give `value` as plain JSON with every text clean, keys included."""
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self._clean(value)
            case Mapping() if depth:
                kept = ((str(key), item) for key, item in value.items() if key not in _NOT_TOLD)
                return {self._clean(key): self._cleaned(item, depth - 1) for key, item in kept}
            case bytes() | bytearray():
                return self._clean(value.decode("utf-8", "backslashreplace"))
            case Sequence() if depth:
                return [self._cleaned(item, depth - 1) for item in value]
            case _:
                return self._clean(str(value))


_LEVELS = ("error", "fatal")


def _words(record: logging.LogRecord) -> "tuple[str, Document]":
    """Give the verb of a line and its keys and values."""
    if isinstance(record.msg, dict):
        return str(record.msg.get("event")), {key: item for key, item in record.msg.items() if key not in _KEYS_OF_LOG}
    return record.getMessage(), {}
