"""Zarr folders, both layouts, plain and OME: the same frames as from .npy; hostile metadata is refused before anything is decoded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import sigmaraw as sr
from sigmaraw.errors import ColourImage, InputNotFound, NotIntegerData, SigmarawError, UnreadableFile
from sigmaraw.files import sha256_of_file
from sigmaraw.frames import read_frames, read_series


@pytest.fixture
def stack() -> np.ndarray:
    return np.random.default_rng(1).integers(1, 4000, (5, 9, 7)).astype(np.uint16)


def write_array(path: Path, data: np.ndarray, **options: Any) -> Path:
    array = zarr.create_array(store=str(path), shape=data.shape, dtype=data.dtype, **{"chunks": (2, *data.shape[1:]), **options})
    array[...] = data
    return path


def write_ome(path: Path, data: np.ndarray, axes: str, layout: int) -> Path:
    """OME-NGFF 0.4 in layout 2, 0.5 in layout 3, with a second, smaller resolution as converters write it."""
    group = zarr.create_group(store=str(path), zarr_format=layout)
    for index, pixels in enumerate((data, data[..., ::2, ::2])):
        array = group.create_array(str(index), shape=pixels.shape, dtype=pixels.dtype, chunks=(*[1] * (data.ndim - 2), *pixels.shape[-2:]))
        array[...] = pixels
    scales = [{"axes": [{"name": axis} for axis in axes], "datasets": [{"path": "0"}, {"path": "1"}]}]
    group.attrs.update({"multiscales": scales} if layout == 2 else {"ome": {"version": "0.5", "multiscales": scales}})
    return path


WRITERS: dict[str, Callable[[Path, np.ndarray], Path]] = {
    "v2": lambda path, data: write_array(path, data, zarr_format=2),
    "v2 nested": lambda path, data: write_array(path, data, zarr_format=2, chunk_key_encoding={"name": "v2", "separator": "/"}),
    "v3": lambda path, data: write_array(path, data, zarr_format=3),
    "v3 dots": lambda path, data: write_array(path, data, zarr_format=3, chunk_key_encoding={"name": "default", "separator": "."}),
    "v3 sharded": lambda path, data: write_array(path, data, zarr_format=3, chunks=(1, 9, 7), shards=(2, 9, 7)),
    "v3 plain": lambda path, data: write_array(path, data, zarr_format=3, compressors=None),
    "ome 0.4": lambda path, data: write_ome(path, data, "tyx", 2),
    "ome 0.5": lambda path, data: write_ome(path, data[:, None, None], "tczyx", 3),
}


@pytest.mark.parametrize("name", list(WRITERS))
def test_the_stored_values_come_back(tmp_path: Path, stack: np.ndarray, name: str) -> None:
    path = WRITERS[name](tmp_path / "a.ome.zarr", stack)
    raw = read_frames(path)
    np.testing.assert_array_equal(raw.data, stack)
    assert raw.data.dtype == np.uint16
    assert (raw.bits, raw.bits_source) == (16, "container")
    (source,) = raw.files
    assert (source.reader, source.sha256) == ("zarr", sha256_of_file(path))
    np.testing.assert_array_equal(read_frames(path, volume=True).data, stack[np.newaxis])


def test_other_numbers_of_axes(tmp_path: Path, stack: np.ndarray) -> None:
    np.testing.assert_array_equal(read_frames(write_array(tmp_path / "a.zarr", stack[0], chunks=(9, 7))).data, stack[:1])
    four = stack.reshape(5, 1, 9, 7).repeat(2, axis=1)
    path = write_ome(tmp_path / "b.zarr", four, "tzyx", 3)
    np.testing.assert_array_equal(read_frames(path, volume=True).data, four)
    with pytest.raises(ColourImage, match="2 channels"):
        read_frames(write_ome(tmp_path / "c.zarr", four, "tcyx", 3))
    with pytest.raises(NotIntegerData, match="float32"):
        read_frames(write_array(tmp_path / "d.zarr", stack.astype(np.float32)))
    with pytest.raises(UnreadableFile, match="axes"):
        read_frames(write_ome(tmp_path / "e.zarr", stack, "tyq", 3))
    with pytest.raises(InputNotFound):
        read_frames(tmp_path / "nothing.zarr")


def test_the_hash_of_a_folder_sees_bytes_and_names(tmp_path: Path, stack: np.ndarray) -> None:
    path = write_array(tmp_path / "a.zarr", stack)
    before = sha256_of_file(path)
    shutil.copytree(path, tmp_path / "b.zarr")
    assert sha256_of_file(tmp_path / "b.zarr") == before
    (path / "c" / "2").rename(path / "c" / "3")  # the same order
    assert sha256_of_file(path) != before
    (path / "c" / "3").rename(path / "c" / "2")
    assert sha256_of_file(path) == before
    chunk = next(file for file in (path / "c").rglob("*") if file.is_file())
    chunk.write_bytes(chunk.read_bytes() + b"x")
    assert sha256_of_file(path) != before


def test_a_series_of_zarr_levels_is_that_of_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)

    def frames(e: float) -> np.ndarray:
        return np.rint(rng.normal(100 + 0.5 * e, np.sqrt(0.25 * (e + 9)), (4, 20, 24))).astype(np.uint16)

    levels = {"dark/d": frames(0), **{f"flat/{index}": frames(e) for index, e in enumerate((500, 1500, 3000, 4500))}}
    for name, data in levels.items():
        for root in ("npy", "zarr"):
            (tmp_path / root / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / "npy" / f"{name}.npy", data)
        write_ome(tmp_path / "zarr" / f"{name}.ome.zarr", data, "tyx", 3)
    a, b = (sr.calibrate(tmp_path / root, bits=12) for root in ("npy", "zarr"))
    assert a.dataset.equals(b.dataset)
    rows = [f"{name}.ome.zarr,{name.split('/')[0]},{10 if 'dark' in name else 10 + index}" for index, name in enumerate(levels)]
    (tmp_path / "zarr" / "frames.csv").write_text("\n".join(["path,kind,exposure_ms", *rows]))
    assert [level.exposure_ms for level in read_series(tmp_path / "zarr").flat] == [11, 12, 13, 14]


# --- strangers' folders -----------------------------------------------------------------------------------------------
def edit(path: Path, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    found = json.loads((path / name).read_text())
    change(found)
    (path / name).write_text(json.dumps(found))


HOSTILE_2: dict[str, Callable[[dict[str, Any]], None]] = {
    "pickle": lambda m: m.update(filters=[{"id": "pickle", "protocol": 5}]),
    "object": lambda m: m.update(dtype="|O"),
    "structured": lambda m: m.update(dtype=[["a", "<u2"]]),
    "giant": lambda m: m.update(shape=[10**9, 9, 7]),
    "giant chunk": lambda m: m.update(chunks=[10**9, 9, 7]),
    "negative": lambda m: m.update(shape=[-5, 9, 7]),
    "zero chunk": lambda m: m.update(chunks=[0, 9, 7]),
    "other rank": lambda m: m.update(chunks=[2, 9]),
    "words": lambda m: m.update(shape="many"),
    "more than stored": lambda m: m.update(shape=[50, 9, 7]),
    "separator": lambda m: m.update(dimension_separator="/../"),
    "no codec id": lambda m: m.update(compressor={"level": 3}),
    "no shape": lambda m: m.pop("shape"),
}
HOSTILE_3: dict[str, Callable[[dict[str, Any]], None]] = {
    "unknown codec": lambda m: m["codecs"].append({"name": "numcodecs.pickle", "configuration": {}}),
    "codec in a shard": lambda m: m.update(
        codecs=[{"name": "sharding_indexed", "configuration": {"chunk_shape": [1, 9, 7], "codecs": [{"name": "numcodecs.pickle"}]}}]
    ),
    "transformers": lambda m: m.update(storage_transformers=[{"name": "x"}]),
    "type": lambda m: m.update(data_type="string"),
    "giant": lambda m: m.update(shape=[10**12, 9, 7]),
    "grid": lambda m: m.update(chunk_grid={"name": "rectangular", "configuration": {"chunk_shape": [[1], [9], [7]]}}),
    "group": lambda m: m.update(node_type="group"),
    "chunks as text": lambda m: m["chunk_grid"]["configuration"].update(chunk_shape="2"),
}


@pytest.mark.parametrize(("layout", "name"), [(2, name) for name in HOSTILE_2] + [(3, name) for name in HOSTILE_3])
def test_hostile_metadata_is_refused(tmp_path: Path, stack: np.ndarray, layout: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_array(tmp_path / "a.zarr", stack, zarr_format=layout)
    edit(path, ".zarray" if layout == 2 else "zarr.json", (HOSTILE_2 if layout == 2 else HOSTILE_3)[name])
    monkeypatch.setattr(zarr, "open_array", lambda *_, **__: pytest.fail("the library was asked"))
    with pytest.raises(SigmarawError) as refusal:
        read_frames(path)
    assert "\n" not in str(refusal.value)


def test_broken_folders_are_refused(tmp_path: Path, stack: np.ndarray) -> None:
    def copy(name: str) -> Path:
        return write_array(tmp_path / f"{name}.zarr", stack, zarr_format=2)

    gap = copy("gap")
    (gap / "1.0.0").unlink()
    short = copy("short")
    (short / "0.0.0").write_bytes((short / "0.0.0").read_bytes()[:-3])
    link = copy("link")
    (link / "1.0.0").unlink()
    (link / "1.0.0").symlink_to("/etc/hostname")
    words = copy("words")
    (words / ".zarray").write_text("{" * 50000)
    empty = tmp_path / "empty.zarr"
    empty.mkdir()
    file = tmp_path / "file.zarr"
    file.write_bytes(b"PK")
    outside = write_ome(tmp_path / "outside.zarr", stack, "tyx", 2)
    edit(outside, ".zattrs", lambda m: m["multiscales"][0]["datasets"][0].update(path="../gap.zarr"))
    several = tmp_path / "several.zarr"
    write_ome(several / "0", stack, "tyx", 2)
    write_ome(several / "1", stack, "tyx", 2)
    (several / ".zattrs").write_text('{"bioformats2raw.layout": 3}')
    for path, says in (
        (gap, "chunk 1.0.0 is missing"), (short, "cannot be read"), (link, "is a link"), (words, ".zarray"), (empty, "no array"),
        (file, "not a folder"), (outside, "not in the folder"), (several, "2 images"),
    ):  # fmt: skip
        with pytest.raises(UnreadableFile, match=says):
            read_frames(path)
    shutil.rmtree(several / "1")
    np.testing.assert_array_equal(read_frames(several).data, stack)
