"""The bot's folder in the hands of one process, and its journal where nothing of that is lost."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from dg_bot.adapters.instance_lock import InstanceLock, claim_folder, require_records
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_lines import AlteredRecord
from dg_bot.adapters.journal_reader import journal_exists, verified
from dg_bot.adapters.risk_state_file import RiskStateFile
from dg_bot.app.settings import Settings
from dg_bot.errors import StateError


def hold_folder(settings: Settings, stack: ExitStack) -> None:
    """Keep every other process off the folder for as long as `stack` is open, and mark it as this bot's.

    Raises UnsafeSetup where a process runs on it or it belongs to another mode or namespace, StateError where it is unreadable.
    """
    stack.enter_context(InstanceLock(settings.state_folder))
    claim_folder(settings.state_folder, settings.mode, settings.order_namespace)


def whole_journal(settings: Settings, now: Callable[[], datetime], stack: ExitStack) -> JournalFile:
    """Open or start the journal of a folder that is held, and close it with `stack`; `now` gives exchange time.

    Raises StateError where it is unreadable, or ends before what `risk_state.json` or the folder's mark knows of it.
    """
    journal = JournalFile.open(settings.state_folder / "journal.jsonl", now)
    stack.callback(journal.close)
    _require_as_long_as_known(settings, len(journal))
    return journal


def existing_journal(settings: Settings) -> Path:
    """Give the path of the journal; raises StateError where there is none, which says whether there ever was one."""
    path = settings.state_folder / "journal.jsonl"
    if not journal_exists(path):
        _require_as_long_as_known(settings, 0)
        remedy = f"check DATA_DIR and MODE, or run: python main.py --mode {settings.mode}"
        raise StateError(str(path), "is not there: this bot has not run yet", remedy)
    return path


def altered_record(settings: Settings) -> AlteredRecord | None:
    """Give the first altered or missing record of the journal, changing nothing; another process may be writing it.

    Raises StateError where there is none, it cannot be read, or it ends before what the files beside it know.
    """
    path = existing_journal(settings)
    # Read before the journal, which is always written first.
    known = RiskStateFile(settings.state_folder / "risk_state.json").sequence()
    found = verified(path)
    if isinstance(found, AlteredRecord):
        return found
    if found < known:
        _require_as_long_as_known(settings, found)
    return None


def _require_as_long_as_known(settings: Settings, records: int) -> None:
    RiskStateFile(settings.state_folder / "risk_state.json").require_not_ahead_of(records)
    require_records(settings.state_folder, records)
