"""Which trained model took part in a cycle: what a capsule keeps of it, and where a replay finds it again."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from dg_bot.app.challenger_wiring import Challenger
from dg_bot.app.decision_models import trained_model
from dg_bot.app.replay_difference import Difference
from dg_bot.app.settings import Settings
from dg_bot.domain.cycle_report import Stage
from dg_bot.errors import ModelFileRefused
from dg_bot.models.artifact import Artifact, load_artifact
from dg_bot.models.onnx import RefusedFile
from dg_bot.models.onnx_session import OnnxSession

MODEL, MANIFEST, REFUSED, RUNTIME = "model_sha256", "model_manifest_sha256", "model_refused", "onnxruntime"
# With another of these chosen on purpose, the model of then is not the one that is asked for.
_CHOICES = frozenset(["MODEL_PATH", "DECISION_MODEL", "CHALLENGERS", "ENSEMBLE_MEMBERS"])

Trained = OnnxSession | RefusedFile | None


def model_identity(trained: Trained) -> Mapping[str, str]:
    """Say which model decides, or why its file was refused; nothing where none takes part."""
    match trained:
        case None:
            return {}
        case RefusedFile(text=text):
            return {REFUSED: text}
        case session:
            artifact = session.artifact
            return {MODEL: artifact.sha256, MANIFEST: artifact.manifest_sha256, RUNTIME: version("onnxruntime")}


def challenger_identities(trained: Mapping[str, Trained]) -> Mapping[str, str]:
    """Say the same of challengers that have files of their own, by their labels."""
    return {f"{name} {label}": text for label, one in trained.items() for name, text in model_identity(one).items()}


class RecordedModels:
    """Finds the trained models of recorded cycles again, by their hashes: at MODEL_PATH, or among the other files beside it."""

    def __init__(self, overrides: Mapping[str, str]) -> None:
        self._is_chosen = not _CHOICES.isdisjoint(overrides)
        self._found: dict[tuple[Path | None, tuple[tuple[str, str], ...]], tuple[Trained, Difference | None]] = {}

    def of(self, program: Mapping[str, str], settings: Settings) -> tuple[Trained, Difference | None]:
        """Give the model that took part, and where it is gone or changed what is there instead, with that as the difference."""
        recorded = {name: program[name] for name in (MODEL, MANIFEST, REFUSED) if name in program}
        key = settings.model_file, tuple(recorded.items())
        if key not in self._found:
            self._found[key] = self._sought(recorded, settings)
        return self._found[key]

    def of_challenger(self, program: Mapping[str, str], one: Challenger) -> tuple[Trained, Difference | None]:
        """Give the model of a challenger that has a file of its own, as `of` does."""
        suffix = f" {one.label}"
        told = {name.removesuffix(suffix): text for name, text in program.items() if name.endswith(suffix)}
        return self.of(told, one.settings)

    def _sought(self, recorded: Mapping[str, str], settings: Settings) -> tuple[Trained, Difference | None]:
        if settings.model_file is None or self._is_chosen or not recorded:
            return trained_model(settings), None
        if REFUSED in recorded:
            return RefusedFile(recorded[REFUSED]), None
        for artifact in _artifacts(settings.model_file):
            if (artifact.sha256, artifact.manifest_sha256) == (recorded[MODEL], recorded.get(MANIFEST)):
                return OnnxSession(artifact), None
        present = trained_model(settings)
        return present, _difference(recorded, model_identity(present))


def _artifacts(path: Path) -> Iterator[Artifact]:
    """Give the usable model files of a folder, that of the settings first."""
    for one in (path, *sorted(other for other in path.parent.glob("*.onnx") if other != path)):
        with suppress(ModelFileRefused):
            yield load_artifact(one)


def _difference(recorded: Mapping[str, str], present: Mapping[str, str]) -> Difference:
    field = MANIFEST if recorded[MODEL] == present.get(MODEL) else MODEL
    there = present.get(field) or f"none: {present.get(REFUSED, '')}"
    return Difference(stage=Stage.ANALYSIS, field=f"model.{field}", recorded=recorded[field], recomputed=there)
