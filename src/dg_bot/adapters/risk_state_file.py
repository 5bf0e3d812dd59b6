"""`risk_state.json`: what risk remembers, for people and tools to read; made from the journal after each change."""

from collections.abc import Mapping
from pathlib import Path

from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.domain.calendar import seoul_day_start
from dg_bot.domain.events import Record
from dg_bot.domain.money import plain
from dg_bot.domain.portfolio import Position
from dg_bot.errors import StateError
from dg_bot.risk.state import RiskState


class RiskStateFile:
    """A projection of the journal, with the number of the last record in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def save(self, state: RiskState, record: Record) -> None:
        """Write the state as it is after `record`; raises StateError."""
        write_state(self._path, _body(state, record))

    def sequence(self) -> int:
        """Give the number of the last record that this file knows; 0 where it cannot be read, for then it is made again."""
        try:
            body = read_state(self._path)
        except StateError:
            return 0
        known = None if body is None else body.get("sequence")
        return known if isinstance(known, int) else 0

    def require_not_ahead_of(self, sequence: int) -> None:
        """Raise StateError where this file knows records that the journal has lost."""
        known = self.sequence()
        if known > sequence:
            raise StateError(
                str(self._path.parent / "journal.jsonl"),
                f"ends at record {sequence}, but {self._path.name} knows record {known}: the journal was lost or cut",
                "restore the journal from a copy; starting without it would forget positions and limits",
            )


def _body(state: RiskState, record: Record) -> Mapping[str, object]:
    last_entries = [*state.last_entry_at.values()]
    return {
        "sequence": record.sequence,
        "at": record.at.isoformat(),
        "daily_pnl": float(round(state.daily_pnl_fraction * 100, 6)),
        "weekly_pnl": float(round(state.weekly_pnl_fraction * 100, 6)),
        "daily_trade_count": {
            f"{day:%Y-%m-%d}": state.entries_filled_on_day_of(day)
            for day in sorted({seoul_day_start(at) for at in state.filled_entries.values()})
        },
        "last_trade_time": max(last_entries).isoformat() if last_entries else None,
        "safe_mode": state.safe_mode is not None,
        "safe_mode_reason": None if state.safe_mode is None else state.safe_mode.reason,
        "positions": {str(market): _position(position) for market, position in state.positions.items()},
        "open_intents": sorted(state.open_plans),
    }


def _position(position: Position) -> Mapping[str, object]:
    levels = position.levels
    return {
        "quantity": plain(position.quantity),
        "average_cost": plain(position.average_cost_krw),
        "opened_at": position.opened_at.isoformat(),
        "stop": plain(levels.effective_stop_krw),
        "target": plain(levels.target_krw),
        "stage": None if levels.stage_krw is None else plain(levels.stage_krw),
        "highest": plain(levels.highest_krw),
        "trailing_distance": None if levels.trailing_distance_krw is None else plain(levels.trailing_distance_krw),
        "is_dust": position.is_dust,
    }
