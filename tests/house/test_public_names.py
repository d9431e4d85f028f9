"""What `import sigmaraw as sr` offers: names, help, examples, exceptions that people catch, paths and objects alike."""

from __future__ import annotations

import html
import inspect
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import sigmaraw as sr
from sigmaraw import errors


def test_dir_is_what_is_public() -> None:
    assert dir(sr) == sorted(sr.__all__)
    assert {"errors", "contracts", "validate"} <= set(dir(sr))
    assert sr.errors is errors
    assert sr.contracts.Codec is not None
    with pytest.raises(AttributeError):
        _ = sr.importlib_metadata


@pytest.mark.parametrize("name", ["validate", "sweep", "search", "replicas", "iter_replicas"])
def test_help_explains_every_parameter(name: str) -> None:
    function = getattr(sr, name)
    signature = inspect.signature(function)
    assert all(entry.kind not in (entry.VAR_KEYWORD, entry.VAR_POSITIONAL) for entry in signature.parameters.values())
    text = inspect.getdoc(function) or ""
    section = text.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    described = dict(re.findall(r"^(\w+) : (.+)$", section, re.MULTILINE))
    assert list(described) == list(signature.parameters)
    for entry in signature.parameters.values():
        words = described[entry.name]
        if entry.default is None:
            assert "optional" in words or "default None" in words, entry
        elif entry.default is not entry.empty:
            assert f"default {entry.default!r}".replace("'", '"') in words, entry
    # What each says stands below it, indented: one line at least.
    assert len(re.findall(r"^\w+ : .+\n {4}\S", section, re.MULTILINE)) == len(described)


_OWN_WORDS = {"raw", "camera", "codecs", "pipeline", "n", "allow_exec"}  # parameters that mean something else in each


@pytest.mark.parametrize("name", ["sweep", "search"])
def test_a_parameter_has_one_description_wherever_it_stands(name: str) -> None:
    def described(function: Callable[..., Any]) -> dict[str, str]:
        section = (inspect.getdoc(function) or "").partition("Parameters\n----------\n")[2].partition("\n\n")[0]
        return {entry.partition(" : ")[0]: entry for entry in re.split(r"\n(?=\w)", section)}

    first, second = described(sr.validate), described(getattr(sr, name))
    shared = (first.keys() & second.keys()) - _OWN_WORDS
    assert len(shared) >= 15
    assert {key: second[key] for key in shared} == {key: first[key] for key in shared}


@pytest.mark.parametrize(
    ("kind", "caught"),
    [
        (errors.InputNotFound, FileNotFoundError),
        (errors.UnreadableFile, OSError),
        (errors.OutOfSpace, OSError),
        (errors.NotIntegerData, TypeError),
        (errors.ShapeMismatch, ValueError),
        (errors.InvalidSpec, ValueError),
        (errors.UnknownName, KeyError),
        (errors.MissingExtra, ImportError),
        (errors.ProgramNotAllowed, PermissionError),
        (errors.PredictionFailed, RuntimeError),
    ],
)
def test_refusals_are_the_exceptions_that_people_catch(kind: type[errors.SigmarawError], caught: type[Exception]) -> None:
    with pytest.raises(caught) as found:
        raise kind("a", "b", "c")
    assert str(found.value) == "a; expected b. C."


def test_every_refusal_has_a_built_in_base_and_travels_between_processes() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SigmarawError)]
    for kind in kinds:
        if kind is not errors.SigmarawError:
            assert any(base.__module__ == "builtins" and base not in (Exception, BaseException, object) for base in kind.__mro__), kind
        made = kind("found", "expected", "do")
        copy = pickle.loads(pickle.dumps(made))  # noqa: S301 (its own)
        assert type(copy) is kind and str(copy) == str(made) and copy.remedy == "do"
    failure = errors.PredictionFailed("a", "b", "c")
    failure.index = 3
    assert pickle.loads(pickle.dumps(failure)).index == 3  # noqa: S301 (its own)
    assert errors.InputNotFound("a", "b", "c").errno == 2


def test_a_missing_file_is_a_file_not_found_everywhere(tmp_path: Path) -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)
    missing = tmp_path / "none.tif"
    for call in (
        lambda: sr.replicas(missing, camera, 2),
        lambda: sr.iter_replicas(str(missing), camera, 2),
        lambda: sr.codec("noiseaware:q=1", camera=tmp_path / "none.nc"),
        lambda: sr.codec("lossless").roundtrip(missing),
        lambda: sr.pipeline("intensity")(missing),
        lambda: sr.validate(missing, camera, codecs="lossless", pipeline="intensity"),
        lambda: sr.NoiseModel.from_profile(str(tmp_path / "none.nc")),
    ):
        with pytest.raises(FileNotFoundError):
            call()
    for call in (lambda: sr.replicas(np.zeros((4, 4), np.uint16), 3, 2), lambda: sr.codec("noiseaware:q=1", camera=[])):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="as camera"):
            call()


def test_paths_texts_and_objects_are_taken_alike(tmp_path: Path) -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)
    image = np.random.default_rng(3).integers(150, 300, (12, 14), dtype=np.uint16)
    camera.to_netcdf(tmp_path / "camera.nc")
    tifffile.imwrite(tmp_path / "image.tif", image, photometric="minisblack")
    raws = [image, sr.read_frames(tmp_path / "image.tif"), tmp_path / "image.tif", str(tmp_path / "image.tif")]
    cameras = [camera, sr.NoiseModel.from_profile(camera), tmp_path / "camera.nc", str(tmp_path / "camera.nc")]
    expected = sr.replicas(image, camera, 3, "around-raw", seed=5).values
    for raw, taken in zip(raws, cameras, strict=True):
        np.testing.assert_array_equal(sr.replicas(raw, taken, 3, "around-raw", seed=5).values, expected)
        blocks = list(sr.iter_replicas(raw, taken, 3, "around-raw", seed=5))
        np.testing.assert_array_equal(np.concatenate(blocks), expected)
        decoded, nbytes = sr.codec("noiseaware:q=1", camera=taken).roundtrip(raw)
        if raw is image:
            first, size = decoded, nbytes
        np.testing.assert_array_equal(decoded, first)
        assert nbytes == size
        assert sr.pipeline("intensity")(raw) == sr.pipeline("intensity")(image)


def test_what_people_print_is_short(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "<b>.tif", np.full((2, 4, 6), 7, np.uint16), photometric="minisblack")
    frames = sr.read_frames(tmp_path / "<b>.tif")
    assert repr(frames) == f"<RawFrames: 2 frames of 4 × 6 px, uint16, 16 bit (container), from {tmp_path / '<b>.tif'}>"
    assert "&lt;b&gt;" in frames._repr_html_() and "<b>" not in frames._repr_html_()
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)
    images = [np.random.default_rng(seed).integers(150, 300, (12, 14), dtype=np.uint16) for seed in (1, 2)]
    result = sr.search(images, camera, codecs="lossless:zstd|png", pipeline="intensity", n=4, mode="around-raw")
    assert repr(result).startswith("<SearchResult: 2 settings of ") and f"recommends '{result.recommended}'" in repr(result)
    assert len(repr(result)) < 160
    assert "<pre>" in result._repr_html_()

    def unchanged(image: np.ndarray) -> np.ndarray:
        return image

    for made in (sr.codec("lossless:zstd"), sr.codec(unchanged), sr.pipeline("otsu")):
        assert f"<code>{html.escape(made.spec)}</code>" in made._repr_html_()
