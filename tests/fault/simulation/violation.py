"""What ends a run: an invariant that is broken."""


class Violation(BaseException):
    """An invariant is broken; no handler of the program may swallow this."""

    def __init__(self, invariant: str, evidence: str) -> None:
        super().__init__(f"{invariant}: {evidence}")
        self.invariant = invariant
