"""How a line of the log is written."""

from enum import StrEnum


class LogFormat(StrEnum):
    JSON = "json"
    CONSOLE = "console"
