"""Label images from a user's function or program: what is understood, and what is refused."""

from __future__ import annotations

import io
import os
import pickle
import shlex
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import sigmaraw as sr
from sigmaraw import errors
from sigmaraw.pipelines.found import Reading, of_labels
from sigmaraw.pipelines.program import _read, numbers_of
from sigmaraw.testing import check_pipeline

MODEL = """
import numpy as np
from scipy import ndimage

def labels(image):
    return ndimage.label(image > 500, np.ones((3,) * image.ndim))[0]

def mask(image):
    return image > 500

def scored(image):
    found = labels(image)
    return found, np.linspace(0, 1, found.max())

def mapped(image):
    return image > 500, image / 1000

def classes(image):
    return (image > 500).astype(int) + (image > 1000)

def count(image):
    return int(labels(image).max())

def floats(image):
    return image * 1.5

def small(image):
    return labels(image)[1:]

def negative(image):
    return labels(image) - 1

def raises(image):
    raise RuntimeError("no such weights")

def meddles(image):
    found = labels(image)
    image[:] = 0
    return found
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file with functions that return labels of all sorts, and the working folder that holds it."""
    name = f"own_model_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize(
    "form", ["labels:{0}.py:labels", "labels:{0}:labels", "labels:{0}.py:mask", "{0}.py:labels", "{0}:mask", "labels:{0}:meddles"]
)
def test_labels_and_masks_are_counted_and_measured_as_otsus_mask_is(form: str, model: str, frame: np.ndarray) -> None:
    pipeline = sr.pipeline(form.format(model))
    assert pipeline(frame) == sr.pipeline("otsu")(frame)
    assert frame.max() > 0
    assert [row.unit for row in pipeline.measurements] == ["1", "px", "DN", "DN"]
    assert {(row.kind, row.studied) for row in pipeline.measurements} == {("", False)}
    assert len(pipeline.config()["source_sha256"]) == 64
    check_pipeline(pipeline)


def test_scores_leave_objects_out_and_maps_are_the_prediction(model: str, frame: np.ndarray) -> None:
    assert sr.pipeline(f"labels:{model}.py:scored")(frame)["count"] == 2  # scores 0, ⅓, ⅔, 1
    assert sr.pipeline(f"labels:{model}.py:scored,score=0.3")(frame)["count"] == 3
    np.save("reference.npy", frame)
    pipeline = sr.pipeline(f"labels:{model}.py:mapped,measure=count+pcc,pcc.reference=reference.npy")
    assert pipeline(frame) == {"count": 4, "pcc": pytest.approx(1)}
    assert pickle.loads(pickle.dumps(pipeline))(frame) == pipeline(frame)  # noqa: S301 - our own bytes


def test_classes_are_counted_apart(model: str, frame: np.ndarray) -> None:
    for least in (1, 2):  # the second leaves single pixels out
        keys = f"classes=dim|bright,measure=count+area,min_size={least}"
        values = sr.pipeline(f"labels:{model}.py:classes,{keys}")(frame)
        for name, inside in (("dim", (frame > 500) & (frame <= 1000)), ("bright", frame > 1000)):
            sizes = np.bincount(ndimage.label(inside, np.ones((3, 3)))[0].ravel())[1:]
            sizes = sizes[sizes >= least]
            assert (values[f"count_{name}"], values[f"area_{name}"]) == (len(sizes), sizes.sum())
            assert least == 2 or len(sizes) > 0
    with pytest.raises(errors.InvalidPrediction, match="returned class 2"):
        sr.pipeline(f"labels:{model}.py:classes,classes=1")(frame)


def test_one_number_is_named_after_the_function(model: str, frame: np.ndarray) -> None:
    pipeline = sr.pipeline(f"{model}.py:count")
    assert pipeline(frame) == {"count": 4.0}
    assert [row.name for row in pipeline.measurements] == ["count"]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("floats", errors.InvalidPrediction, "Return labels or a mask"),
        ("small", errors.InvalidPrediction, r"array \(39, 75\) for an image \(40, 75\)"),
        ("negative", errors.InvalidPrediction, "the label -1"),
        ("raises", errors.PredictionFailed, r"no such weights \(.*line \d+"),
        ("none", errors.InvalidSpec, "no function 'none'"),
    ],
)
def test_what_is_no_label_image_is_refused_in_one_line(
    name: str, error: type[Exception], message: str, model: str, frame: np.ndarray
) -> None:
    for form in (f"labels:{model}.py:{name}", f"{model}.py:{name}"):
        with pytest.raises(error, match=message) as caught:
            sr.pipeline(form)(frame)
        assert "\n" not in str(caught.value)
    if error is errors.PredictionFailed:
        pipeline: Any = sr.pipeline(f"labels:{model}.py:{name}")
        for call in (pipeline.segmented, pipeline.mask, lambda image: pipeline.segmented_batch(image[np.newaxis])):
            with pytest.raises(error, match=message):
                call(frame)


def test_two_files_of_one_name_are_two_models(tmp_path: Path, frame: np.ndarray) -> None:
    for folder, value in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same_name.py").write_text(f"def f(image):\n    return {value}\n")
    assert [sr.pipeline(f"{tmp_path}/{folder}/same_name.py:f")(frame)["f"] for folder in "aba"] == [1, 2, 1]


def test_a_name_that_is_no_pipeline_but_a_models_points_to_its_recipe() -> None:
    for name, anchor in (("cellpose", "cellpose"), ("stardist", "stardist"), ("nnunet", "nnu-net-v2"), ("fiji", "fiji")):
        with pytest.raises(errors.UnknownName, match=f"recipes.md#{anchor}"):
            sr.pipeline(name)


# --- label images -----------------------------------------------------------------------------------------------------
def test_labels_are_numbered_in_their_order_whatever_their_values() -> None:
    labels = np.array([[0, 70000, 70000], [5, 0, 9], [5, 5, 2**31]])
    found = of_labels(labels, 0)
    np.testing.assert_array_equal(found.labels, [[0, 3, 3], [1, 0, 2], [1, 1, 4]])
    np.testing.assert_array_equal(of_labels(labels, 2).labels, [[0, 2, 2], [1, 0, 0], [1, 1, 0]])
    np.testing.assert_array_equal(of_labels(np.full((2, 2), 10**9), 0).labels, np.ones((2, 2)))


def test_of_overlapping_masks_the_better_one_takes_the_pixels() -> None:
    masks = np.zeros((3, 4, 6), bool)
    masks[0, :, :4] = masks[1, :, 2:] = masks[2] = True
    found = Reading("m", score=0.2).found((masks, np.array([0.5, 0.9, 0.1])), (4, 6))
    np.testing.assert_array_equal(found.labels[0], [2, 2, 1, 1, 1, 1])
    with pytest.raises(errors.InvalidPrediction, match="scores of"):
        Reading("m").found((masks, np.array([0.5, 0.9])), (4, 6))


# --- programs ---------------------------------------------------------------------------------------------------------
PROGRAM = """import sys, numpy, tifffile
from scipy import ndimage
image = tifffile.imread(sys.argv[1])
labels = ndimage.label(image > 500, numpy.ones((3,) * image.ndim))[0]
if sys.argv[2].endswith("csv"):
    rows = [f"{n},{(labels == n).sum()},cell" for n in range(1, labels.max() + 1)]
    open(sys.argv[2], "w").write("label,size,kind\\n" + "\\n".join(rows))
elif sys.argv[2].endswith("npy"):
    numpy.save(sys.argv[2], labels)
else:
    tifffile.imwrite(sys.argv[2], labels.astype(numpy.uint16))
"""


PYTHON = shlex.quote(sys.executable)


def command(path: Path, keys: str = "") -> str:
    return f'run:"{shlex.quote(sys.executable)} {shlex.quote(str(path))} {{in}} {{out}}"{keys}'


def test_a_program_is_refused_without_permission_and_runs_with_it(tmp_path: Path, frame: np.ndarray) -> None:
    path = tmp_path / "a b;touch canary $(touch canary).py"
    path.write_text(PROGRAM)
    for how in (command(path), f'run:command="{shlex.quote(sys.executable)} {{in}} {{out}}"'):
        with pytest.raises(errors.ProgramNotAllowed, match="--allow-exec"):
            sr.pipeline(how)
    toml = tmp_path / "p.toml"
    toml.write_text("spec = 'run'\ncommand = 'cp {in} {out}'\n")
    with pytest.raises(errors.ProgramNotAllowed):
        sr.pipeline(toml, allow_exec=True)
    pipeline = sr.pipeline(command(path), allow_exec=True)
    assert pipeline(frame) == sr.pipeline("otsu")(frame)
    assert not list(tmp_path.glob("canary*"))
    assert not Path("canary").exists()
    assert len(pipeline.config()["program_sha256"]) == 64
    assert pickle.loads(pickle.dumps(pipeline))(frame)["count"] == 4  # noqa: S301 - our own bytes; the permission was given here


@pytest.mark.skipif(os.name == "nt", reason="cp is not on Windows")
def test_volumes_and_all_formats_come_back(tmp_path: Path) -> None:
    volume = np.zeros((3, 12, 10), np.uint16)
    volume[0, 2:5, 2:5] = volume[1:, 6:9, 4:8] = 3
    for form in ("tif", "npy"):
        pipeline = sr.pipeline(f'run:"cp {{in}} {{out}}",input={form},format={form},measure=count+volume', allow_exec=True)
        assert pipeline(volume) == {"count": 1, "volume": 9 + 2 * 12}  # the labels are the pixels: one label, 3
    assert sr.pipeline('run:"cp {in} {out}",input=png,format=png,measure=count', allow_exec=True)(volume[0]) == {"count": 1}


@pytest.mark.skipif(os.name == "nt", reason="programs of POSIX")
@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ('run:"cp {in} {other}"', errors.InvalidSpec, "{other}"),
        ('run:"{in} {out}"', errors.InvalidSpec, "a program and its arguments"),
        ('run:"no-such-program {in} {out}"', errors.InputNotFound, "which command of 'run' names"),
        ('run:"false {in} {out}"', errors.PredictionFailed, "ends with code 1"),
        ('run:"true {in} {out}"', errors.PredictionFailed, "wrote no {out}"),
        (f"run:\"{PYTHON} -c 'import time; time.sleep(60)' {{in}} {{out}}\",seconds=0.2", errors.PredictionFailed, "has not ended"),
        ('run:"cp {in} {out}",format=png', errors.InvalidPrediction, "no png file"),
        ('run:"cp {in} {out}",format=csv', errors.InvalidPrediction, "CSV|table"),
    ],
)
def test_programs_that_fail_are_named_in_one_line(spec: str, error: type[Exception], message: str, frame: np.ndarray) -> None:
    with pytest.raises(error, match=message) as caught:
        sr.pipeline(spec, allow_exec=True)(frame)
    assert "\n" not in str(caught.value)


def test_a_table_of_objects_is_counted_and_averaged(tmp_path: Path, frame: np.ndarray) -> None:
    (tmp_path / "p.py").write_text(PROGRAM)
    pipeline = sr.pipeline(command(tmp_path / "p.py", ",format=csv,table=objects"), allow_exec=True)
    labels, count = ndimage.label(frame > 500, np.ones((3, 3)))
    assert pipeline(frame) == {"count": count, "mean_size": pytest.approx((labels > 0).sum() / count)}
    assert pipeline(np.zeros_like(frame) + 7)["count"] == 0


def test_tables_of_numbers() -> None:
    assert numbers_of(b"Count_Cells,Mean,File\n3,1.5,a.tif\n", "numbers", "p") == {"Count_Cells": 3, "Mean": 1.5}
    assert np.isnan(numbers_of(b"a,b\n1,\n", "numbers", "p")["b"])
    for content, message in (
        (b"a\n1\n2\n", "table=objects"),
        (b"", "header"),
        (b"a,a\n1,2\n", "each name once"),
        (b"a\nx\n", "finite"),
        (b"a\ninf\n", "finite"),
        (b"\xff", "UTF-8"),
    ):
        with pytest.raises(errors.InvalidPrediction, match=message):
            numbers_of(content, "numbers", "p")


def test_labels_in_a_tiff_of_another_shape_are_refused(tmp_path: Path, frame: np.ndarray) -> None:
    (tmp_path / "p.py").write_text("import sys, tifffile, numpy\ntifffile.imwrite(sys.argv[2], numpy.zeros((3, 3), 'u2'))\n")
    with pytest.raises(errors.InvalidPrediction, match=r"array \(3, 3\)"):
        sr.pipeline(command(tmp_path / "p.py"), allow_exec=True)(frame)


def _npy_of(shape: tuple[int, ...]) -> bytes:
    """The header of a .npy file of bytes that are not there."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def _png_of(side: int) -> bytes:
    """The start of a grey PNG of `side` px, 16 bits, whose pixels compress to nothing."""
    head = b"IHDR" + struct.pack(">IIBBBBB", side, side, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


@pytest.mark.parametrize(
    ("form", "content", "words"),
    [
        ("npy", _npy_of((1 << 40,)), f"{1 << 40} bytes"),
        ("npy", _npy_of((40, 75)) + bytes(40 * 75 - 1), "3000 bytes"),
        ("npy", b"PK\x03\x04" + bytes(60), "no npy file"),
        ("png", _png_of(1 << 20), f"{2 << 40} bytes"),
        ("png", b"\x89PNG\r\n\x1a\n" + bytes(40), "no IHDR"),
    ],
)
def test_headers_that_announce_more_than_memory_are_refused_before_they_are_decoded(
    form: str, content: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decoded(*_: Any, **__: Any) -> None:
        raise MemoryError("it was decoded")

    monkeypatch.setattr(np, "load", decoded)
    monkeypatch.setattr("imagecodecs.png_decode", decoded)
    with pytest.raises(errors.InvalidPrediction, match=words) as caught:
        _read(content, form, (40, 75), "p")
    assert "it was decoded" not in str(caught.value)
