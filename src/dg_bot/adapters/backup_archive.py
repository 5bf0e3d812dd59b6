"""A backup as one file: a compressed tar whose last member lists every other with its size and SHA-256."""

import gzip
import hashlib
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from dg_bot.adapters.atomic_file import cause_of, make_private_folder, sync_folder
from dg_bot.errors import StateError

SCHEMA_VERSION = 1
_MANIFEST = "manifest.json"
_LEVEL = 6
_LARGEST_MANIFEST = 64_000_000
_REMEDY = "take another backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself: `facts` in words, and (size, SHA-256) of each file by its name in the archive."""

    facts: Mapping[str, str]
    files: Mapping[str, tuple[int, str]]


class ArchiveWriter:
    """Writes a backup to `path`, for its owner alone: whole at the end of the `with` block, or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[str, tuple[int, str]] = {}
        self._facts: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Raise StateError where the folder cannot be used."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.", suffix=".tmp")
        except OSError as error:
            raise self._failure(error) from error
        self._draft = Path(name)
        self._raw = os.fdopen(fd, "wb")
        # Without a name and a time in it, the same content gives the same bytes.
        self._gzip = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._raw, mtime=0)
        self._tar = tarfile.open(fileobj=self._gzip, mode="w", format=tarfile.PAX_FORMAT)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._finish()
        except OSError as problem:
            raise self._failure(problem) from problem
        finally:
            self._raw.close()
            self._draft.unlink(missing_ok=True)

    def note(self, **facts: str) -> None:
        """Say something of the whole backup, for its manifest."""
        self._facts |= facts

    def add(self, name: str, content: bytes) -> None:
        """Put one file in; raises StateError."""
        self._files[name] = (len(content), hashlib.sha256(content).hexdigest())
        self._put(name, content)

    def _put(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), 0o600
        try:
            self._tar.addfile(member, BytesIO(content))
        except OSError as error:
            raise self._failure(error) from error

    def _finish(self) -> None:
        body = {"schema_version": SCHEMA_VERSION, "facts": self._facts, "files": self._files}
        self._put(_MANIFEST, json.dumps(body, indent=1).encode())
        self._tar.close()
        self._gzip.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        os.replace(self._draft, self._path)
        sync_folder(self._path.parent)

    def _failure(self, error: OSError) -> StateError:
        return StateError(str(self._path), f"cannot be written ({cause_of(error)})", "check the folder's rights and the disk")


def verified(path: Path) -> Manifest:
    """Read a whole backup and give its manifest; raises StateError for anything that is not as it was written."""
    seen: dict[str, tuple[int, str]] = {}
    manifest: Manifest | None = None
    for name, content in _members(path):
        if manifest is not None or name in seen:
            raise StateError(str(path), f"has {name} where nothing should follow, or twice", _REMEDY)
        if name == _MANIFEST:
            manifest = _manifest(path, content)
        else:
            seen[name] = (len(content), hashlib.sha256(content).hexdigest())
    if manifest is None:
        raise StateError(str(path), "has no end: it was cut", _REMEDY)
    wrong = [name for name in {**seen, **manifest.files} if seen.get(name) != manifest.files.get(name)]
    if wrong:
        raise StateError(str(path), f"has another {min(wrong)} than was backed up", _REMEDY)
    return manifest


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give each file of a backup that was verified; raises StateError."""
    return ((name, content) for name, content in _members(path) if name != _MANIFEST)


def place_file(folder: Path, name: str, content: bytes) -> None:
    """Write one file below a folder that is being made, for its owner alone; raises StateError."""
    target, remedy = folder / name, "check the disk and the folder's rights"
    try:
        make_private_folder(target.parent)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StateError(str(target), f"cannot be written ({cause_of(error)})", remedy) from error


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give name and content of each member; nothing but plain files with names below the archive is taken."""
    try:
        with gzip.open(path) as packed:
            with tarfile.open(fileobj=packed, mode="r|") as tar:
                for member in tar:
                    file = tar.extractfile(member) if member.isreg() and not member.issparse() else None
                    if file is None or not _is_below(member.name):
                        raise StateError(str(path), f"has a member {member.name!r} that no backup has", _REMEDY)
                    yield member.name, file.read()
            # To its very end, where its own checksum stands.
            packed.read()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise StateError(str(path), "is no backup, or is damaged", _REMEDY) from error
    except OSError as error:
        raise StateError(str(path), f"cannot be read ({cause_of(error)})", "check its path and rights") from error


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


def _manifest(path: Path, content: bytes) -> Manifest:
    try:
        body = json.loads(content[:_LARGEST_MANIFEST])
        if body["schema_version"] != SCHEMA_VERSION:
            raise StateError(
                str(path), f"is of format {body['schema_version']}, and this program knows {SCHEMA_VERSION}", _REMEDY
            )
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in body["files"].items()}
        return Manifest(facts={str(name): str(fact) for name, fact in body["facts"].items()}, files=files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(str(path), "has a list of files that cannot be read", _REMEDY) from error
