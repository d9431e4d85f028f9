"""Models of the BioImage Model Zoo: their own tests, their steps by hand, and what of a package is never run."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import sigmaraw as sr
from sigmaraw import errors
from sigmaraw.pipelines.bioimageio_steps import applied, steps_of
from sigmaraw.pipelines.found import of_mask
from tests.pipelines.make_models import Blur, torchscript

# Looked for and not imported, which takes seconds in each process that collects the tests.
if importlib.util.find_spec("bioimageio") is None or importlib.util.find_spec("bioimageio.spec") is None:
    pytest.skip("bioimageio.spec, the extra bioimageio, is not installed", allow_module_level=True)

RDF = """\
format_version: 0.5.4
type: model
name: Blurred
description: a mean of nine pixels
authors: [{{name: A. Tester}}]
cite: [{{text: none, url: "https://example.com/"}}]
license: MIT
git_repo: https://example.com/
maintainers: [{{github_user: example}}]
documentation: README.md
timestamp: '2026-01-01T00:00:00+00:00'
inputs:
  - id: raw
    axes: [{{type: batch, size: 1}}, {{type: channel, channel_names: [grey]}}, {size_y}, {size_x}]
    test_tensor: {{source: in.npy, sha256: {sha_in}}}
    preprocessing:
      - {{id: scale_linear, kwargs: {{gain: 0.5, offset: 1.0}}}}
outputs:
  - id: mean
    axes:
      - type: batch
      - {{type: channel, channel_names: [background, cells]}}
      - {{type: space, id: y, halo: 2, size: {{tensor_id: raw, axis_id: y}}}}
      - {{type: space, id: x, halo: 2, size: {{tensor_id: raw, axis_id: x}}}}
    test_tensor: {{source: out.npy, sha256: {sha_out}}}
    postprocessing: [{post}]
weights:
  {weights}
"""
FREE = ("{type: space, id: y, size: {min: 24, step: 8}}", "{type: space, id: x, size: {min: 24, step: 8}}")
TORCHSCRIPT = "torchscript: {{source: {source}, sha256: {sha}, pytorch_version: 2.6.0}}"
LINEAR = "{id: scale_linear, kwargs: {gain: 2.0, offset: 3.0}}"


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def by_hand(image: np.ndarray) -> np.ndarray:
    """2·(mean of nine of (x/2 + 1)) + 3, with zeros beyond the edge, and 3 for the empty first channel."""
    padded = np.pad(image * 0.5 + 1, 1)
    mean = sum(padded[y : y + image.shape[0], x : x + image.shape[1]] for y in range(3) for x in range(3)) / 9
    return np.stack([np.zeros_like(mean), mean]) * 2 + 3


def package(folder: Path, *, weights: str | None = None, post: str = LINEAR, axes: tuple[str, str] = FREE, off: float = 0.0) -> Path:
    """Write a package of a blur in TorchScript; `off` is added to its test output."""
    folder.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(0).uniform(0, 100, (32, 40))
    np.save(folder / "in.npy", image.astype(np.float32)[None, None])
    np.save(folder / "out.npy", (by_hand(image) + off).astype(np.float32)[None])
    script = torchscript(folder / "blur.pt", Blur(2))
    weights = weights or TORCHSCRIPT.format(source="blur.pt", sha=sha(script))
    described = RDF.format(
        size_y=axes[0], size_x=axes[1], sha_in=sha(folder / "in.npy"), sha_out=sha(folder / "out.npy"), post=post, weights=weights
    )
    (folder / "rdf.yaml").write_text(described)
    return folder / "rdf.yaml"


def test_a_package_brings_its_steps_sizes_and_channels(tmp_path: Path, frame: np.ndarray) -> None:
    path = package(tmp_path / "p")
    for spec in (f"bioimageio:{path},channel=cells,threshold=600", f"bioimageio:{path.parent},channel=1,threshold=600", path):
        if spec == path:
            with pytest.raises(errors.InvalidOption, match="one of background, cells"):
                sr.pipeline(path)
            continue
        pipeline: Any = sr.pipeline(spec)
        inside = (slice(1, -1), slice(1, -1))
        np.testing.assert_allclose(pipeline.probability(frame)[inside], by_hand(frame.astype(float))[1][inside], rtol=1e-6)
        assert pipeline(frame)["count"] == 4
    assert pipeline.tiling(frame.shape).window == (40, 80)  # 24 + whole eights
    assert pipeline.tiling((9, 25)).window == (24, 32)
    config = pipeline.config()
    assert config["test_difference"] < 1e-4
    assert "scale_linear" in config["preprocessing"] and "scale_linear" in config["postprocessing"]
    assert set(config["package_files"]) == {"rdf.yaml", "blur.pt", "in.npy", "out.npy"}
    assert config["package_files"]["blur.pt"] == config["model_sha256"] == sha(path.parent / "blur.pt")


def test_a_fixed_size_is_tiled_with_the_packages_halo(tmp_path: Path, frame: np.ndarray) -> None:
    path = package(tmp_path / "p", axes=("{type: space, id: y, size: 32}", "{type: space, id: x, size: 40}"))
    pipeline: Any = sr.pipeline(f"bioimageio:{path},channel=cells")
    assert (pipeline.config()["border"], pipeline.config()["input_size"]) == (2, [32, 40])
    inside = (slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(pipeline.probability(frame)[inside], by_hand(frame.astype(float))[1][inside], rtol=1e-6)


def test_a_package_that_fails_its_own_test_is_refused(tmp_path: Path) -> None:
    path = package(tmp_path / "p", off=0.5)
    with pytest.raises(errors.InvalidModel, match=r"differs from its own test output by 0\.5"):
        sr.pipeline(f"bioimageio:{path},channel=1")
    assert sr.pipeline(f"bioimageio:{path},channel=1,check=false").config()["test_difference"] is None


def test_a_file_that_is_not_the_packages_is_refused(tmp_path: Path) -> None:
    path = package(tmp_path / "p")
    torchscript(path.parent / "blur.pt", Blur(2, level=1.0))
    with pytest.raises(errors.IntegrityError, match="as the package states"):
        sr.pipeline(f"bioimageio:{path},channel=1")
    (path.parent / "blur.pt").unlink()
    with pytest.raises(errors.InputNotFound, match="weights of Blurred"):
        sr.pipeline(f"bioimageio:{path},channel=1")


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.canary,)


def test_no_pickle_and_no_code_of_a_package_is_run(tmp_path: Path, frame: np.ndarray) -> None:
    folder, canary = tmp_path / "p", tmp_path / "sprung"
    package(folder)
    torch.save(Trap(canary), folder / "weights.pt")
    np.save(folder / "trap.npy", np.array([Trap(canary)], dtype=object), allow_pickle=True)
    (folder / "code.py").write_text(f"from pathlib import Path\nPath({str(canary)!r}).touch()\ndef net():\n    pass\n")
    pickled = sha(folder / "weights.pt")
    state = (
        f"pytorch_state_dict: {{source: weights.pt, sha256: {pickled}, pytorch_version: 2.6.0, "
        f"architecture: {{source: code.py, sha256: {sha(folder / 'code.py')}, callable: net}}}}"
    )
    custom = f"{{id: custom, source: code.py, sha256: {sha(folder / 'code.py')}, callable: net, kwargs: {{}}}}"
    for settings, message in (
        ({"weights": state}, "is a pickle, is not run"),
        ({"weights": TORCHSCRIPT.format(source="weights.pt", sha=pickled)}, "is a pickle"),
        ({"post": custom}, "the step custom of tensor mean"),
    ):
        path = package(folder, **settings)  # type: ignore[arg-type]  # mixed on purpose
        with pytest.raises(errors.InvalidModel, match=message) as caught:
            sr.pipeline(f"bioimageio:{path},channel=1")(frame)
        assert "\n" not in str(caught.value)
    path = package(folder)
    text = path.read_text().replace("in.npy", "trap.npy").replace(sha(folder / "in.npy"), sha(folder / "trap.npy"))
    path.write_text(text)
    with pytest.raises(errors.InvalidModel, match=r"an array in \.npy without objects"):
        sr.pipeline(f"bioimageio:{path},channel=1")
    assert not canary.exists()
    torch.load(folder / "weights.pt", weights_only=False)
    assert canary.exists()  # the trap does spring where someone unpickles it


def test_files_of_other_places_and_what_is_no_package_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    path = package(folder)
    outside = torchscript(tmp_path / "outside.pt", Blur(2))
    for source in ("../outside.pt", "https://example.com/blur.pt"):
        package(folder, weights=TORCHSCRIPT.format(source=source, sha=sha(outside)))
        with pytest.raises(errors.InvalidModel, match=r"in the package's folder"):
            sr.pipeline(f"bioimageio:{path},channel=1")
    path.write_text("type: model\nname: x\n")
    with pytest.raises(errors.InvalidModel, match=r"no valid bioimage\.io model") as caught:
        sr.pipeline(f"bioimageio:{path}")
    assert "\n" not in str(caught.value)
    (folder / "model.zip").write_bytes(b"PK")
    with pytest.raises(errors.InvalidModel, match="Unpack the package"):
        sr.pipeline(f"bioimageio:{folder / 'model.zip'}")
    with pytest.raises(errors.InputNotFound, match=re.escape("rdf.yaml")):
        sr.pipeline(f"bioimageio:{tmp_path / 'nothing'}")


def step(kind: str, **settings: Any) -> Any:
    defaults = {"axes": None, "min": None, "max": None, "min_percentile": None, "max_percentile": None}
    return SimpleNamespace(id=kind, kwargs=SimpleNamespace(**(defaults | settings) if kind == "clip" else settings))


def test_every_step_is_its_definition() -> None:
    names = ["channel", "y", "x"]
    a = np.random.default_rng(2).normal(3, 2, (2, 7, 9))
    each = [part.ravel() for part in a]

    def per_channel(values: Any) -> np.ndarray:
        return np.array(values).reshape(2, 1, 1)

    mean, sd = per_channel([part.sum() / 63 for part in each]), per_channel([np.sqrt(((p - p.sum() / 63) ** 2).sum() / 63) for p in each])
    low, high = (per_channel([np.sort(part)[round(share * 62)] for part in each]) for share in (0.0, 1.0))
    bound = per_channel([np.sort(part)[18] for part in each])  # the smallest value with at least 30 % of 63 at or below it
    cases = [
        (step("zero_mean_unit_variance", axes=["y", "x"], eps=1e-6), (a - mean) / (sd + 1e-6)),
        (step("zero_mean_unit_variance", axes=None, eps=1e-3), (a - a.mean()) / (a.std() + 1e-3)),
        (step("zero_mean_unit_variance", axes=["batch", "y", "x"], eps=1e-6), (a - mean) / (sd + 1e-6)),
        (step("scale_range", axes=["y", "x"], min_percentile=0, max_percentile=100, eps=0.01), (a - low) / (high - low + 0.01)),
        (step("scale_linear", gain=2.0, offset=-1.0), 2 * a - 1),
        (step("scale_linear", axis="channel", gain=[1.0, 3.0], offset=[0.5, 0.0]), a * per_channel([1, 3]) + per_channel([0.5, 0])),
        (step("fixed_zero_mean_unit_variance", axis="channel", mean=[1, 2], std=[3, 4]), (a - per_channel([1, 2])) / per_channel([3, 4])),
        (step("fixed_zero_mean_unit_variance", mean=1, std=3), (a - 1) / 3),
        (step("sigmoid"), 1 / (1 + np.exp(-a))),
        (step("softmax", axis="channel"), np.exp(a) / np.exp(a).sum(axis=0)),
        (step("binarize", threshold=2.5), a > 2.5),
        (step("binarize", axis="channel", threshold=[2.5, 4]), a > per_channel([2.5, 4])),
        (step("clip", min=1.0, max=4.0), np.minimum(np.maximum(a, 1), 4)),
        (step("clip", min_percentile=30, axes=["y", "x"]), np.maximum(a, bound)),
        (step("ensure_dtype", dtype="int16"), np.trunc(a)),
    ]
    for described, expected in cases:
        np.testing.assert_allclose(applied(steps_of([described], names, "t"), a), expected, rtol=1e-12, err_msg=str(described))
    with pytest.raises(errors.InvalidModel, match="the step scale_mean_variance of tensor t"):
        steps_of([step("scale_mean_variance", reference_tensor="raw")], names, "t")


# --- a real package ---------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_the_real_package_gives_its_own_test_output_and_the_published_masks(shared_data: Path) -> None:
    folder = shared_data / "unet2d-nuclei-broad"
    expected = np.load(folder / "test_output.npy")[0, 0]
    image = np.load(folder / "test_input.npy")[0, 0]
    import tifffile

    frame, truth = (tifffile.imread(shared_data / "stardist-dsb2d" / name) for name in ("img2d.tif", "mask2d.tif"))
    for weights in ("onnx", "torchscript"):
        pipeline: Any = sr.pipeline(f"bioimageio:{folder / 'bioimageio.yaml'},weights={weights},connectivity=8,min_size=20")
        assert pipeline.config()["test_difference"] < 1e-5
        # float32 through some 20 layers, sums in another order than the authors'
        assert np.abs(pipeline.probability(image.astype(np.uint16)) - expected).max() < 1e-5
        found = of_mask(pipeline.mask(frame), 20, 8)
        kept = found.labels != 0
        assert found.count == pipeline(frame)["count"] == 71
        dice = 2 * np.count_nonzero(kept & (truth > 0)) / (np.count_nonzero(kept) + np.count_nonzero(truth))
        assert dice == pytest.approx(0.878, abs=0.005)
