"""How many commands a user may give in a while."""

from collections import deque

MOST = 20
WHILE_S = 60.0


class FloodGate:
    """Lets at most so many commands of a user through in a minute, and says once when it closes. For one thread at a time."""

    def __init__(self) -> None:
        self._passed: dict[int, deque[float]] = {}
        self._told: set[int] = set()

    def lets_in(self, user: int, now_s: float) -> bool:
        """Count one more command in, where there is room for it."""
        passed = self._passed.setdefault(user, deque())
        while passed and now_s - passed[0] >= WHILE_S:
            passed.popleft()
        if len(passed) >= MOST:
            return False
        passed.append(now_s)
        self._told.discard(user)
        return True

    def is_to_be_told(self, user: int) -> bool:
        """Tell whether this user has not heard yet that the gate is closed; it counts as told from then on."""
        is_first = user not in self._told
        self._told.add(user)
        return is_first
