"""What a replay found, for people and for programs."""

import json
from collections import Counter
from dataclasses import asdict

from dg_bot.app.replay import Replayed, Verdict


def line(one: Replayed) -> str:
    """Say of one cycle how it came out."""
    if one.problem:
        return f"{one.cycle_id}: {one.verdict}: {one.problem}"
    if one.difference is None:
        decision = "" if one.recorded is None else f", {one.recorded.outcome}, decision {one.recorded.decision}"
        return f"{one.cycle_id}: same{decision}"
    found = one.difference
    return (
        f"{one.cycle_id}: differs first in {found.stage}, {found.field}: {found.recorded!r} then, {found.recomputed!r} now"
        f"{_change(one)}{' (recorded by other sources)' if one.is_other_code else ''}"
    )


def line_json(one: Replayed) -> str:
    """Give one cycle as one JSON object."""
    return json.dumps(asdict(one), ensure_ascii=False)


class Tally:
    """Counts verdicts as they come."""

    def __init__(self) -> None:
        self._verdicts: Counter[Verdict] = Counter()
        self._other_code = 0
        self._changed: list[str] = []

    def add(self, one: Replayed) -> None:
        self._verdicts[one.verdict] += 1
        self._other_code += one.is_other_code
        if one.recorded is not None and one.recorded != one.recomputed:
            self._changed.append(one.cycle_id)

    @property
    def is_all_the_same(self) -> bool:
        return self._verdicts.total() == self._verdicts[Verdict.SAME]

    def text(self) -> str:
        """Sum up: how many of each, and which decisions or orders would be others now."""
        counts = ", ".join(f"{self._verdicts[verdict]} {verdict}" for verdict in Verdict)
        changed = f"\nother decisions or orders now: {', '.join(self._changed)}" if self._changed else ""
        return f"{self._verdicts.total()} replayed: {counts}; {self._other_code} recorded by other sources{changed}"

    def text_json(self) -> str:
        """Give the sum as one JSON object."""
        counts = {str(verdict): self._verdicts[verdict] for verdict in Verdict}
        summary = {"replayed": self._verdicts.total(), **counts, "by_other_code": self._other_code, "would_change": self._changed}
        return json.dumps({"summary": summary})


def _change(one: Replayed) -> str:
    """Tell what was decided and ordered then and now, where that is not the same."""
    if one.recorded == one.recomputed:
        return "; decision and orders are the same"
    then, now = one.recorded, one.recomputed
    if then is None or now is None:
        return "; it comes to no report now" if now is None else "; it had no report"
    return (
        f"; then {then.decision} {', '.join(then.orders) or 'no order'}, now {now.decision} {', '.join(now.orders) or 'no order'}"
    )
