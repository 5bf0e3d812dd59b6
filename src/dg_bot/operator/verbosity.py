"""How much an operator wants to be told."""

from enum import StrEnum


class Verbosity(StrEnum):
    """Which messages are sent.

    FULL: everything, four messages a cycle. CHANGES: trades, risk events, alarms, and a cycle whose outcome or first failing gate
    differs from the one before on that market. ALERTS: risk events, alarms, and a cycle that begins to fail.
    """

    FULL = "full"
    CHANGES = "changes"
    ALERTS = "alerts"
