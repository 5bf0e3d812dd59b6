"""Put a backup into an empty folder: wholly or not at all, so that the bot goes on from its last record, in safe mode."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from dg_bot.adapters.atomic_file import make_private_folder, sync_folder
from dg_bot.adapters.backup_archive import Manifest, contents, place_file, verified
from dg_bot.adapters.clock import SystemClock
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_reader import verified as verified_journal
from dg_bot.adapters.postgres_dump import restore_rows
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.backup import ACCOUNTS, DUMP, LEFT_OUT
from dg_bot.app.followers import database_of
from dg_bot.app.settings import Settings
from dg_bot.domain.events import SafeModeEntered
from dg_bot.errors import BotError, StateError, UnsafeSetup
from dg_bot.pipeline.books import Books
from dg_bot.risk.operator_halt import operator_halt

_ROWS = ("database", "candles")


def restore(settings: Settings, archive: Path) -> list[str]:
    """Restore a backup of this mode and namespace into DATA_DIR, which has to be empty, and tell what was done.

    Candles that are there already stay; so do the rows of a database that has tables. What the archive has no rows for is made
    anew from the journal, also where this ends before it comes to the rows. The bot begins in safe mode: a pause or a loss of
    after the backup is in none of its records, and only its operator can know of one. Raises StateError for an archive that is
    not as it was written, UnsafeSetup for one of another bot and for a folder that is in use, ConfigurationError where the
    database cannot be used.
    """
    manifest = verified(archive)
    _require_ours(settings, manifest)
    data = settings.data_folder
    if data.exists() and any(data.iterdir()):
        raise UnsafeSetup("DATA_DIR", f"{data} is not empty", "name an empty folder, or move that one away")
    draft = data.with_name(f".{data.name}.restoring")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        records = _placed(archive, draft)
        _enter_safe_mode(draft / "state" / "journal.jsonl", str(manifest.facts["made_at"]))
        followed = _rewound(draft)
        data.parent.mkdir(parents=True, exist_ok=True)
        draft.replace(data)
        sync_folder(data.parent)
    except OSError as error:
        raise StateError(str(data), f"cannot be written ({error.strerror})", "check the disk and the folder's rights") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    candles = sum(1 for _ in _placed_candles(archive, settings.candle_folder))
    return [
        f"Restored {records} journal records of {manifest.facts['made_at']} into {data}, and {candles} candle files.",
        _with_rows(settings, archive, followed),
        "What the bot did after that moment is not in it: compare with the account before it trades (scripts/doctor.py).",
        "It begins in safe mode, which you leave then (scripts/doctor.py --resume).",
    ]


def _require_ours(settings: Settings, manifest: Manifest) -> None:
    for setting, name, ours in (("MODE", "mode", settings.mode), ("ORDER_NAMESPACE", "namespace", settings.order_namespace)):
        theirs = manifest.facts.get(name)
        if theirs != ours:
            raise UnsafeSetup(setting, f"is {ours}, and the backup is of {theirs}", "set the same")


def _placed(archive: Path, draft: Path) -> int:
    """Write state and account below `draft` and give the number of journal records, all of which were looked at."""
    make_private_folder(draft)
    for name, content in contents(archive):
        kind, _, rest = name.partition("/")
        if kind == "state" and rest not in LEFT_OUT:
            place_file(draft, name, content)
        elif kind == "account" and rest in ACCOUNTS:
            place_file(draft, rest, content)
        elif kind != "candles" and name != DUMP:
            raise StateError(str(archive), f"has a member {name!r} that no backup has", "take another backup")
    found = verified_journal(draft / "state" / "journal.jsonl")
    if not isinstance(found, int):
        raise StateError(str(archive), f"its journal's record {found.number} {found.problem}", "take another backup")
    return found


def _rewound(draft: Path) -> Mapping[str, int]:
    """Let the rows begin at the first record, for as long as they are not there, and give how far they had come."""
    cursors = Cursors(draft / "state" / "cursors.json")
    followed = {name: place for name, place in cursors.all().items() if name.partition(":")[0] in _ROWS}
    for name in _ROWS:
        cursors.rewind(name)
    return followed


def _enter_safe_mode(path: Path, made_at: str) -> None:
    """Record that the bot is a restored one; an operator's own pause or stop holds as it is."""
    clock = SystemClock()
    journal = JournalFile.open(path, clock.now)
    try:
        books = Books(journal=journal, clock=clock, on_record=lambda _record: None)
        if operator_halt(books.state) is None:
            earlier = "" if books.state.safe_mode is None else f"; before: {books.state.safe_mode.reason}"
            books.record(SafeModeEntered(reason=f"restored: from the backup of {made_at}, which knows nothing later{earlier}"))
    finally:
        journal.close()


def _placed_candles(archive: Path, folder: Path) -> Iterator[str]:
    """Write the candle files that are not there, each with what is known of it, and give their names."""
    present = {path.relative_to(folder).as_posix().partition(".")[0] for path in folder.rglob("*.csv*")}
    for name, content in contents(archive):
        kind, _, rest = name.partition("/")
        if kind == "candles" and rest.partition(".")[0] not in present:
            place_file(folder, rest, content)
            if rest.endswith((".csv", ".csv.gz")):
                yield rest


def _with_rows(settings: Settings, archive: Path, followed: Mapping[str, int]) -> str:
    """Put the rows back, or let the bot make them anew, and say which."""
    dump = next((content for name, content in contents(archive) if name == DUMP), None)
    reason = "the backup has none"
    if dump is not None:
        database = database_of(settings, owner=None)
        try:
            if restore_rows(database.address(), dump):
                cursors = Cursors(settings.state_folder / "cursors.json")
                for name, place in followed.items():
                    cursors.move(name, place)
                return "Restored the rows of the database."
            reason = "the database has tables already"
        except BotError as error:
            reason = str(error)
        finally:
            database.close()
    return f"Rows were not restored ({reason}): the bot makes them anew from its journal when it runs."
