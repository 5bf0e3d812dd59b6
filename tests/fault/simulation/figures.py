"""What runs were made of, in figures."""

from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Figures:
    """What one run was made of."""

    seed: int
    hours: int = 0
    port_calls: int = 0
    faults: int = 0
    deaths: int = 0
    restarts: int = 0
    orders: int = 0
    requests: int = 0
    ambiguous_sends: int = 0
    unprotected_hours: float = 0.0
    crash_points: set[tuple[str, str]] = field(default_factory=set)
    digest: int = 0

    def add(self, other: "Figures") -> None:
        """Count another run in."""
        self.hours += other.hours
        self.port_calls += other.port_calls
        self.faults += other.faults
        self.deaths += other.deaths
        self.restarts += other.restarts
        self.orders += other.orders
        self.requests += other.requests
        self.ambiguous_sends += other.ambiguous_sends
        self.unprotected_hours += other.unprotected_hours
        self.crash_points |= other.crash_points
