"""Maps that are kept come back, from memory and from a file; a series is read once."""

from __future__ import annotations

import errno
import io
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.camera.measuring import mapstore, workers
from sigmaraw.camera.measuring.level import measure_level
from sigmaraw.camera.measuring.mapstore import MapStore
from sigmaraw.camera.measuring.onepass import pixel_moments_slow
from sigmaraw.errors import OutOfSpace
from sigmaraw.frames import streaming
from tests.camera.simulated_cameras import gaussian_frames


def some_levels() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    levels = [np.rint(mean + 4 * rng.standard_normal((6, 9, 11))).astype(np.uint16) for mean in (100, 3000, 50_000)]
    levels[1][:, 2, 3] = 777
    levels[2][:, 8, 10] = 0
    return levels


@pytest.mark.parametrize("limit", [0, 1 << 30], ids=["file", "memory"])
def test_maps_come_back(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """float32 deviations from the level's mean: 6e-8 of 50,000 DN where a pixel stands at 0, else far less; 6e-8 of a variance."""
    monkeypatch.setattr(mapstore, "IN_MEMORY", limit)
    levels = some_levels()
    monkeypatch.setattr(workers, "_STRIP_PIXELS", 30)  # strips of two rows, the last one of one
    with MapStore((9, 11), len(levels)) as store, workers.workers() as crew:
        for index in (2, 0, 1):
            store.put(index, measure_level([levels[index]], "a").pixels, float(levels[index].mean()), crew)
        for index, frames in enumerate(levels):
            mean, variance = pixel_moments_slow(frames)
            parts = [store.rows(index, rows) for rows in (slice(0, 4), slice(4, 9))]
            found_mean, found_variance, still = (np.concatenate(maps) for maps in zip(*parts, strict=True))
            np.testing.assert_allclose(found_mean, mean, atol=4e-3 if index == 2 else 1e-4)
            np.testing.assert_allclose(found_variance, variance, rtol=2e-5, atol=1e-5)
            assert np.argwhere(still).tolist() == [[], [[2, 3]], [[8, 10]]][index]
            assert found_mean.dtype == found_variance.dtype == np.float64


def test_a_full_disk_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, _: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(mapstore, "IN_MEMORY", 0)
    monkeypatch.setattr(mapstore.tempfile, "TemporaryFile", lambda **_: Full())
    with MapStore((9, 11), 1) as store, workers.workers() as crew, pytest.raises(OutOfSpace, match="TMPDIR"):
        store.put(0, measure_level([some_levels()[0]], "a").pixels, 100.0, crew)


def write_series(folder: Path, darks: int) -> Path:
    rng = np.random.default_rng(4)
    for name in ("dark", "flat"):
        (folder / name).mkdir(parents=True)
    np.save(folder / "dark" / "d.npy", gaussian_frames(rng, 0.0, count=darks, shape=(24, 20)))
    for index, electrons in enumerate(np.linspace(400, 5000, 6)):
        np.save(folder / "flat" / f"{index}.npy", gaussian_frames(rng, electrons, count=4, shape=(24, 20)))
    return folder


@pytest.mark.parametrize(("darks", "options"), [(6, {}), (6, {"cfa": "RGGB"}), (6, {"taps": "2x2"}), (120, {})])
def test_every_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, darks: int, options: dict[str, str]) -> None:
    """Of taps too; a dark level of enough frames a second time, for telegraph pixels. From a file or memory the numbers are the same."""
    opened: Counter[str] = Counter()
    real = streaming.open_frames

    def counted(path: Path) -> object:
        opened[path.name] += 1
        return real(path)

    monkeypatch.setattr(streaming, "open_frames", counted)
    folder = write_series(tmp_path / "s", darks)
    found = sr.calibrate(folder, bits=12, **options).dataset
    assert opened == {"d.npy": 2 if darks >= 100 else 1, **{f"{index}.npy": 1 for index in range(6)}}
    monkeypatch.setattr(mapstore, "IN_MEMORY", 0)
    assert sr.calibrate(folder, bits=12, **options).dataset.identical(found)
