"""Model files as exporters leave them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.errors import InvalidModel, InvalidSpec
from tests.cases import laboratory as lab

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def array(values: object, name: str, dtype: str = "float32") -> object:
    return onnx.numpy_helper.from_array(np.asarray(values, dtype), name)


def network(nodes: Sequence[object], more: Sequence[object] = ()) -> object:
    """A 3 × 3 mean, then `nodes` from c to y."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = [array(np.full((1, 1, 3, 3), 2 / 9), "W"), array([-1.0], "B"), *more]
    ends = [helper.make_tensor_value_info(name, kind, ("n", 1, f"h{name}", f"w{name}")) for name in ("x", "y")]
    first = helper.make_node("Conv", ["x", "W", "B"], ["c" if nodes else "y"], pads=[1] * 4)
    graph = helper.make_graph([first, *nodes], "g", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def dropout(training: bool) -> object:
    node = onnx.helper.make_node("Dropout", ["c", "r", "t"], ["y"])
    return network([node], [array(0.2, "r"), array(training, "t", "bool")])


def noisy() -> object:
    nodes = [onnx.helper.make_node("RandomNormalLike", ["c"], ["n"]), onnx.helper.make_node("Add", ["c", "n"], ["y"])]
    return network(nodes)


@pytest.mark.parametrize("make", [lambda: dropout(True), noisy])
def test_a_network_that_draws_is_refused_on_loading(tmp_path: Path, make: object) -> None:
    onnx.save(make(), tmp_path / "net.onnx")  # type: ignore[operator]
    with pytest.raises(InvalidModel, match="answers differently to the same pixels"):
        sr.pipeline(f"onnx:{tmp_path / 'net.onnx'}")


def test_dropout_that_is_off_is_no_matter(tmp_path: Path) -> None:
    onnx.save(dropout(False), tmp_path / "net.onnx")
    assert sr.pipeline(f"onnx:{tmp_path / 'net.onnx'}")(lab.spots(np.random.default_rng(5)))["count"] >= 0


def test_batch_statistics_are_refused_as_training_mode(tmp_path: Path) -> None:
    node = onnx.helper.make_node("BatchNormalization", ["c", "s", "b", "m", "v"], ["y", "rm", "rv"], training_mode=1)
    onnx.save(network([node], [array([1.0], name) for name in "sbmv"]), tmp_path / "net.onnx")
    with pytest.raises(InvalidModel, match="training mode"):
        sr.pipeline(f"onnx:{tmp_path / 'net.onnx'}")


def test_weights_beside_the_file_are_read_and_named_where_they_are_missing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, inside = tmp_path / "net.onnx", tmp_path / "one.onnx"
    onnx.save(network([]), str(inside))
    onnx.save_model(network([]), str(path), save_as_external_data=True, location="net.onnx.data", size_threshold=0)
    image = lab.spots(np.random.default_rng(5))
    assert sr.pipeline(f"onnx:{path}")(image) == sr.pipeline(f"onnx:{inside}")(image)
    (tmp_path / "net.onnx.data").unlink()
    with pytest.raises(InvalidModel, match=r"lie in another file, net\.onnx\.data.*not there"):
        sr.pipeline(f"onnx:{path}")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["epoch=09-val_loss=0.12.onnx", "a,b=1.onnx", "plain.onnx"])
@pytest.mark.parametrize("keys", ["", ",threshold=0.3"])
def test_names_of_files_that_look_like_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, keys: str) -> None:
    onnx.save(network([]), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for spec in (f"onnx:{name}{keys}", f"onnx:{tmp_path / name}{keys}"):
        built = sr.pipeline(spec)
        assert built.config()["threshold"] == (0.3 if keys else 0.5)
        assert Path(built.config()["model"]).name == name
    with pytest.raises(InvalidSpec):
        sr.pipeline(f"onnx:missing={name}")
