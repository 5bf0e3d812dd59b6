"""A trained model as files: one .onnx with its scaler inside, and its manifest beside it; nothing of it is believed unchecked."""

import errno
import os
import stat
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from dg_bot.analysis.features import SCHEMA
from dg_bot.errors import DataError, ModelFileRefused
from dg_bot.models.manifest import Manifest, read_manifest
from dg_bot.models.onnx_check import require_self_contained

LARGEST_MODEL_BYTES = 64 << 20
LARGEST_MANIFEST_BYTES = 1 << 20
_TRAIN = "train one with scripts/models/train.py"
_AGAIN = f"take both files from where they were made, or {_TRAIN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A model file that may be given to a runtime, and what is known of it; `manifest_sha256` stands for both files."""

    name: str
    model: bytes
    manifest: Manifest
    manifest_sha256: str

    @property
    def sha256(self) -> str:
        return self.manifest.file.sha256


def manifest_path(path: Path) -> Path:
    """Give where the manifest of a model file lies: `model.onnx` has `model.json`."""
    return path.with_suffix(".json")


def load_artifact(path: Path) -> Artifact:
    """Read a model and its manifest, and look both over; the runtime is not involved.

    Raises ModelFileRefused for another kind of file; for one that is missing, cut, too large, a link or changeable by everybody;
    for a manifest with a field that is unknown, missing or impossible; for a hash or a feature schema that is another one; and
    for a model that needs more than itself.
    """
    if path.suffix != ".onnx":
        raise ModelFileRefused(path.name, "is no .onnx file, and other kinds can run code when they are loaded", _TRAIN)
    beside = manifest_path(path)
    model = _own_bytes(path, LARGEST_MODEL_BYTES)
    text = _own_bytes(beside, LARGEST_MANIFEST_BYTES)
    try:
        manifest = read_manifest("manifest", text)
    except DataError as error:
        raise ModelFileRefused(beside.name, f"is no manifest of a model: {error.problem}", _AGAIN) from error
    if sha256(model).hexdigest() != manifest.file.sha256:
        problem = f"is not the file that {beside.name} is of: it is cut, changed, or another one"
        raise ModelFileRefused(path.name, problem, _AGAIN)
    if manifest.schema_of_features != SCHEMA:
        problem = f"was trained on the features {manifest.features.schema_sha256[:12]}, this program has {SCHEMA.sha256[:12]}"
        raise ModelFileRefused(path.name, problem, "train it anew with scripts/models/train.py")
    try:
        require_self_contained(model)
    except DataError as error:
        raise ModelFileRefused(path.name, error.problem, _TRAIN) from error
    return Artifact(name=path.name, model=model, manifest=manifest, manifest_sha256=sha256(text).hexdigest())


def _own_bytes(path: Path, most: int) -> bytes:
    """Read a plain file of at most `most` bytes that is no link and that not everybody can change; raises ModelFileRefused."""
    try:
        with open(path, "rb", opener=_unlinked) as file:
            _require_plain(path, os.fstat(file.fileno()))
            content = file.read(most + 1)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ModelFileRefused(path.name, "is a link", "put the file itself there") from error
        problem = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise ModelFileRefused(path.name, problem, f"check MODEL_PATH ({path}), or {_TRAIN}") from error
    if len(content) > most:
        raise ModelFileRefused(path.name, f"is larger than {most >> 20} MiB", _TRAIN)
    return content


def _unlinked(path: str, flags: int) -> int:
    """Open a file, but follow no link and wait for no pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _require_plain(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ModelFileRefused(path.name, "is no plain file", "put the file itself there")
    if status.st_nlink > 1:
        raise ModelFileRefused(path.name, "is a link: it has a second name", f"copy it: cp {path.name} new, mv new {path.name}")
    # What root owns only root changes, and an image's files are root's.
    if status.st_uid not in (os.geteuid(), 0):
        raise ModelFileRefused(path.name, f"belongs to user {status.st_uid}", f"make it yours: chown {os.geteuid()} {path}")
    if status.st_mode & stat.S_IWOTH:
        raise ModelFileRefused(path.name, "can be changed by every user of this machine", f"run: chmod o-w {path}")
