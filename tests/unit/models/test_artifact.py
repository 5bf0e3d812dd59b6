"""What makes a model file unfit to be loaded: each is told in words with the remedy, before a runtime sees the file."""

import json
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dg_bot.errors import DataError, ModelFileRefused
from dg_bot.models import artifact as artifacts
from dg_bot.models.artifact import load_artifact, manifest_path
from dg_bot.models.manifest import manifest_text, read_manifest
from dg_bot.models.onnx_check import require_self_contained
from dg_bot.models.onnx_session import OnnxSession
from tests.model_files import linear_model, manifest_of, put, whole_model

GOOD = linear_model(0.01, 0.8)


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileRefused) as caught:
        OnnxSession(load_artifact(path))
    return str(caught.value)


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    """Give the good model after a change, as bytes."""
    model = onnx.ModelProto()
    model.CopyFrom(GOOD)
    change(model)
    return bytes(model.SerializeToString())


def test_a_good_file_is_loaded_and_known_by_its_hashes(tmp_path: Path) -> None:
    path = put(tmp_path, GOOD)

    loaded = load_artifact(path)

    assert (path.read_bytes(), "model.onnx") == (loaded.model, loaded.name)
    assert loaded.sha256 == manifest_of(loaded.model).file.sha256
    assert loaded.manifest_sha256 != loaded.sha256
    assert (1, 1) == OnnxSession(loaded).predict(np.zeros((1, 20)))[0].shape


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def external_in_an_attribute(model: onnx.ModelProto) -> None:
    tensor = numpy_helper.from_array(np.zeros(3, dtype=np.float32))
    tensor.external_data.add(key="location", value="weights.bin")
    model.graph.node[0].attribute.append(helper.make_attribute("value", tensor))


def sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().values.name = "slopes"


def subgraph(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("body", model.graph))


def function(model: onnx.ModelProto) -> None:
    model.functions.add(name="Add", domain="mine")


def foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].op_type, model.graph.node[0].domain = "Run", "com.microsoft"


def foreign_opset(model: onnx.ModelProto) -> None:
    model.opset_import.add(domain="custom", version=1)


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].op_type = "Loop"


def metadata(model: onnx.ModelProto) -> None:
    model.metadata_props.add(key="ort_config", value="{}")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (changed(external), "holds external data"),
        (changed(external_in_an_attribute), "holds external data"),
        (changed(sparse), "holds a sparse tensor"),
        (changed(subgraph), "holds a subgraph"),
        (changed(function), "holds functions of its own"),
        (changed(foreign_operator), "uses the operator 'Run' of the domain 'com.microsoft'"),
        (changed(foreign_opset), "uses operators of the domain 'custom'"),
        (changed(unknown_operator), "uses the operator 'Loop' of the domain 'ai.onnx'"),
        (changed(metadata), "holds metadata, which can configure the runtime"),
        (GOOD.SerializeToString() * 2, "of a model twice"),
        (GOOD.SerializeToString()[:-7], "is cut, damaged, or no ONNX model"),
        (GOOD.SerializeToString() + b"\xfa\x01\x00", "holds field 31 of a model, which this program does not know"),
        (GOOD.SerializeToString() + b"\x0b", "is no ONNX model, or damaged"),
        (b"\x3a" + b"\xff" * 12, "a number in it does not end"),
        (b"\x38\x01", "has graph of a model in a form that it cannot have"),
        (b"\x02\x00", "is cut, damaged, or no ONNX model"),
        (b"", "holds no graph"),
        (pickle.dumps({"model": [1.0] * 40}), "which this program does not know"),
        (b"<html>not found</html>", "ONNX model"),
    ],
)
def test_a_file_that_could_do_more_than_calculate_never_reaches_the_runtime(tmp_path: Path, data: bytes, problem: str) -> None:
    path = put(tmp_path, data)

    with pytest.raises(ModelFileRefused) as caught:
        load_artifact(path)

    assert problem in str(caught.value)
    assert str(caught.value).endswith("; train one with scripts/models/train.py")


def test_a_run_of_numbers_hides_nothing_behind_it() -> None:
    """Long lists of numbers are skipped at once; a field behind them is looked at all the same."""
    trees = helper.make_node("TreeEnsembleRegressor", ["features"], ["return"], domain="ai.onnx.ml", nodes_values=[0.5] * 3000)
    trees.attribute.append(helper.make_attribute("nodes_nodeids", list(range(3000))))
    trees.attribute.append(helper.make_attribute("nodes_modes", ["BRANCH_LEQ"] * 3000))
    require_self_contained(whole_model([trees], []).SerializeToString())
    trees.attribute[0].tp.denotation = "type"

    with pytest.raises(DataError, match="field 14 of a attribute"):
        require_self_contained(whole_model([trees], []).SerializeToString())


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_file_is_refused_or_read_and_nothing_else(seed: int) -> None:
    """One changed byte, a cut or a repeated piece: the reader ends with a DataError or is content, and never in another way."""
    random, data = np.random.default_rng(seed), bytearray(GOOD.SerializeToString())
    for _ in range(40):
        damaged = bytearray(data)
        at = int(random.integers(len(damaged)))
        match int(random.integers(3)):
            case 0:
                damaged[at] = int(random.integers(256))
            case 1:
                del damaged[at:]
            case _:
                damaged[at:at] = damaged[int(random.integers(len(damaged))) :][:50]
        with suppress(DataError):
            require_self_contained(bytes(damaged))


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change one thing in the manifest of a model file."""
    beside = manifest_path(path)
    document = json.loads(beside.read_text(encoding="utf-8"))
    change(document)
    beside.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda m: m["file"].update(sha256="0" * 64), "model.onnx is not the file that model.json is of"),
        (lambda m: m["file"].update(sha256="x"), "field file.sha256"),
        (lambda m: m.update(author="me"), "field author: Extra inputs are not permitted"),
        (lambda m: m["label"].update(threshold=1), "field label.threshold: Extra inputs"),
        (lambda m: m.pop("cutoff"), "field cutoff: Field required"),
        (lambda m: m.update(schema_version=2), "field schema_version"),
        (lambda m: m.update(seed="7"), "field seed"),
        (lambda m: m["features"]["low"].append(1.0), "low, high and names have different lengths"),
        (lambda m: m["features"]["names"].reverse(), "schema_sha256 that is not that of its features"),
        (lambda m: m.update(data=[]), "names no market"),
        (lambda m: m["data"][0].update(market="bitcoin"), "field data"),
        (lambda m: m["features"]["high"].__setitem__(0, float("nan")), "field features.high.0"),
    ],
)
def test_a_manifest_is_taken_whole_or_not_at_all(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    message = refusal(edited(put(tmp_path, GOOD), change))

    assert problem in message
    assert "take both files from where they were made" in message


@pytest.mark.parametrize(
    ("text", "problem"),
    [(b"[", "is no JSON object"), (b"[]", "field the whole"), (b'{"seed": 1, "seed": 2}', "seed stands there twice")],
)
def test_a_manifest_is_one_object_without_repeats(tmp_path: Path, text: bytes, problem: str) -> None:
    path = put(tmp_path, GOOD)
    manifest_path(path).write_bytes(text)

    assert problem in refusal(path)


def test_a_manifest_is_read_as_it_was_written() -> None:
    manifest = manifest_of(b"model", markets=("KRW-BTC", "KRW-ETH"))

    assert manifest == read_manifest("manifest", manifest_text(manifest).encode())


def test_a_model_of_other_features_is_refused(tmp_path: Path) -> None:
    manifest = manifest_of(GOOD.SerializeToString())
    facts = manifest.features.model_copy(update={"formulas": 0})
    old = manifest.model_copy(update={"features": facts})
    hashed = facts.model_copy(update={"schema_sha256": old.schema_of_features.sha256})
    path = put(tmp_path, GOOD, manifest.model_copy(update={"features": hashed}))

    assert "train it anew" in refusal(path)


def linked(path: Path) -> None:
    path.rename(path.with_name("other.bin"))
    path.symlink_to("other.bin")


def twice_named(path: Path) -> None:
    path.with_name("other.bin").hardlink_to(path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("which", ["model.onnx", "model.json"])
@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (linked, "is a link; put the file itself there"),
        (twice_named, "is a link: it has a second name"),
        (a_folder, "cannot be read (Is a directory)"),
        (a_pipe, "is no plain file"),
        (lambda path: path.chmod(0o666), "can be changed by every user of this machine; run: chmod o-w"),
        (lambda path: path.unlink(), "is not there; check MODEL_PATH"),
    ],
)
def test_both_files_are_plain_and_ours(tmp_path: Path, which: str, spoil: Callable[[Path], object], problem: str) -> None:
    path = put(tmp_path, GOOD)
    spoil(tmp_path / which)

    assert f"{which} {problem}" in refusal(path)


def test_a_file_of_another_kind_or_far_too_large_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is no .onnx file" in refusal(tmp_path / "model.pkl")

    path = put(tmp_path, GOOD)
    monkeypatch.setattr(artifacts, "LARGEST_MODEL_BYTES", len(GOOD.SerializeToString()) - 1)

    assert "is larger than" in refusal(path)


def two_inputs(model: onnx.ModelProto) -> None:
    model.graph.input.add().CopyFrom(model.graph.input[0])
    model.graph.input[1].name = "more"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda model: model.graph.output.pop(), "not those of a decision model"),
        (two_inputs, "not those of a decision model"),
        (lambda model: model.graph.node.pop(), "is not taken by the runtime"),
        (lambda model: model.graph.initializer.pop(), "is not taken by the runtime"),
    ],
)
def test_a_graph_of_another_form_is_refused(tmp_path: Path, change: Callable[[onnx.ModelProto], object], problem: str) -> None:
    assert problem in refusal(put(tmp_path, changed(change)))


def test_bytes_that_the_runtime_could_take_for_its_own_format_are_read_as_they_were_looked_over(tmp_path: Path) -> None:
    """A mark at the fifth byte would make the runtime read another format, which nobody looked over."""
    marked = changed(lambda model: model.ClearField("producer_name"))
    data = b"\x12\x06" + b"xx" + b"ORTM" + marked
    path = put(tmp_path, data)

    assert (1, 1) == OnnxSession(load_artifact(path)).predict(np.zeros((1, 20)))[0].shape
