"""Back a bot up while it runs: its journal and all that stands beside it, its candles, and the rows of its database."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dg_bot import __version__
from dg_bot.adapters.backup_archive import ArchiveWriter, verified
from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.instance_lock import is_marked
from dg_bot.adapters.journal_copy import journal_files
from dg_bot.adapters.postgres_dump import dumped_rows
from dg_bot.app.exit_codes import with_remedy
from dg_bot.app.followers import database_of
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import existing_journal
from dg_bot.errors import BotError, StateError

ACCOUNTS = ("paper_account.json", "venue.json")
DUMP = "database.dump"
# The one is a secret that a restored server makes anew, the other says which process runs.
LEFT_OUT = frozenset(["postgres_password", "lock"])
_JOURNAL = re.compile(r"journal\.jsonl|snapshot-\d+\.json|archive/.*|\..*|.*\.tmp")
_STAMP = f"{'[0-9]' * 8}T{'[0-9]' * 6}Z"
_TRIES = 10
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """What was backed up: the archive, how many files and bytes are in it, and why rows are missing, where they are."""

    path: Path
    files: int
    size: int
    without_rows: str | None
    removed: tuple[Path, ...]


def back_up(
    settings: Settings, folder: Path, *, keep: int | None = None, has_candles: bool = True, on_step: Progress = lambda _step: None
) -> BackedUp:
    """Write one archive into `folder`, read it back, and remove all but the newest `keep` of this bot there.

    The journal is read after everything that follows it, so that nothing in the archive knows of a record that is not in it. A
    database that is away is no reason to have no backup: its rows can be made anew. Raises StateError where the bot's folder
    cannot be read, is another bot's, or the archive cannot be written, DataError for the candles.
    """
    journal = existing_journal(settings)
    is_marked(settings.state_folder, settings.mode, settings.order_namespace)
    prefix = f"dg_bot-{settings.mode}-{settings.order_namespace}-"
    path = folder / f"{prefix}{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    with ArchiveWriter(path) as archive:
        on_step("state")
        for name, content in _beside_the_journal(settings.state_folder):
            archive.add(f"state/{name}", content)
        on_step("database")
        without_rows = _add_rows(settings, archive)
        on_step("journal")
        for name, content in _journal_and_account(journal, settings.data_folder):
            archive.add(name, content)
        on_step("capsules")
        for capsule in sorted((settings.state_folder / "capsules").rglob("*.json.gz")):
            archive.add(f"state/{capsule.relative_to(settings.state_folder).as_posix()}", _read(capsule))
        if has_candles:
            on_step("candles")
            for name, content in CandleFiles(settings.candle_folder).copies() if settings.candle_folder.is_dir() else ():
                archive.add(f"candles/{name}", content)
        archive.note(mode=settings.mode, namespace=settings.order_namespace, made_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        archive.note(version=__version__)
    on_step("reading it back")
    files = verified(path).files
    return BackedUp(
        path=path,
        files=len(files),
        size=path.stat().st_size,
        without_rows=without_rows,
        removed=tuple(_rotated(folder, prefix, keep)),
    )


def _beside_the_journal(state: Path) -> Iterator[tuple[str, bytes]]:
    """Give what stands beside the journal and may not know more than it: read before it. Each was written whole."""
    for path in sorted(state.iterdir()):
        if path.is_file() and path.name not in LEFT_OUT and not _JOURNAL.fullmatch(path.name):
            with suppress(FileNotFoundError):
                yield path.name, path.read_bytes()


def _add_rows(settings: Settings, archive: ArchiveWriter) -> str | None:
    """Add the database's rows; gives why there are none."""
    database = database_of(settings, owner=None)
    try:
        dump, schema = dumped_rows(database.address())
    except BotError as error:
        return with_remedy(error)
    finally:
        database.close()
    archive.add(DUMP, dump)
    archive.note(schema=schema)
    return None


def _journal_and_account(journal: Path, data: Path) -> Iterator[tuple[str, bytes]]:
    """Give the journal with the account of a demo or on paper as it was throughout; raises StateError where it never rests."""
    for _ in range(_TRIES):
        before = _accounts(data)
        try:
            files = list(journal_files(journal))
        except StateError as error:
            reason: StateError = error
            continue
        if _accounts(data) == before:
            yield from ((f"state/{name}", content) for name, content in files)
            yield from ((f"account/{name}", content) for name, content in before.items())
            return
        reason = StateError(str(data), "its account changes faster than it can be copied", "try again")
    raise reason


def _accounts(data: Path) -> dict[str, bytes]:
    return {name: _read(data / name) for name in ACCOUNTS if (data / name).exists()}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StateError(str(path), f"cannot be read ({error.strerror})", "check the disk and the folder's rights") from error


def _rotated(folder: Path, prefix: str, keep: int | None) -> Iterator[Path]:
    """Remove the oldest archives of this bot beyond `keep`, and give them."""
    ours = sorted(folder.glob(f"{prefix}{_STAMP}.tar.gz"))
    for path in ours[:-keep] if keep is not None else ():
        path.unlink(missing_ok=True)
        yield path
