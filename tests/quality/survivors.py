"""Why a mutant that no test noticed may live; the first rule that fits its name and its change explains it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A reason, and the mutants it holds for: patterns of the mutant's name, and of `before → after`."""

    reason: str
    name: str
    change: str


RULES: tuple[Rule, ...] = ()


def reason_of(name: str, before: str, after: str) -> str | None:
    """Give the reason why this survivor is bearable; None where nobody has given one."""
    change = f"{before} → {after}"
    return next((rule.reason for rule in RULES if re.search(rule.name, name) and re.search(rule.change, change)), None)
