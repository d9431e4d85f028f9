"""The pixel size of images' metadata: read from TIFF, taken by a pipeline that asks for it, refused where it is not one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import sigmaraw as sr
from sigmaraw import errors

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=16)


def volume() -> np.ndarray:
    made = np.random.default_rng(3).poisson(150, (4, 24, 24)).astype(np.uint16)
    made[1:3, 4:10, 5:15] += 400
    return made


def written(path: Path, how: str) -> Path:
    """Write the volume as OME-TIFF or as ImageJ's TIFF, 0.5 × 0.2 × 0.1 µm."""
    if how == "ome":
        sizes = {"PhysicalSizeZ": 0.5, "PhysicalSizeY": 200, "PhysicalSizeYUnit": "nm", "PhysicalSizeX": 0.1}
        tifffile.imwrite(path, volume(), ome=True, metadata={"axes": "ZYX", **sizes})
    else:
        metadata = {"axes": "ZYX", "spacing": 0.5, "unit": "micron"}
        tifffile.imwrite(path, volume(), imagej=True, resolution=(10, 5), metadata=metadata)  # pixels in 1 µm along x and y
    return path


@pytest.mark.parametrize("name", ["v.ome.tif", "v.tif"])
def test_a_tiff_says_its_pixel_size(name: str, tmp_path: Path) -> None:
    frames = sr.read_frames(written(tmp_path / name, "ome" if "ome" in name else "imagej"), volume=True)
    assert frames.metadata["spacing"] == pytest.approx((0.5, 0.2, 0.1))
    assert frames.metadata["spacing_unit"] == "µm"


def test_a_tiff_without_a_size_or_with_one_of_no_length_says_none(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", volume()[0])
    tifffile.imwrite(tmp_path / "inch.tif", volume()[0], imagej=True, resolution=(72, 72), metadata={"unit": "inch"})
    for name in ("plain.tif", "inch.tif"):
        assert "spacing" not in sr.read_frames(tmp_path / name).metadata


def test_a_study_measures_by_the_size_that_its_images_state(tmp_path: Path) -> None:
    path = written(tmp_path / "v.ome.tif", "ome")
    options: dict[str, Any] = {"codecs": "lossless", "n": 2, "mode": "around-raw", "volume": True}
    pipeline = "otsu:measure=volume+count,pixel_size=image"
    record = sr.validate(path, CAMERA, pipeline=[pipeline, "intensity"], **options)
    assert {row.name: row.unit for row in record.content.measurements}["volume"] == "um3"
    found = next(row for row in record.content.results if row.measurement == "volume")
    assert found.chi_raw == pytest.approx(2 * 6 * 10 * 0.5 * 0.2 * 0.1)
    assert record.content.pipeline["pipelines"][0]["pixel_size"] == "0.5|0.2|0.1"
    with pytest.raises(errors.InvalidOption, match="without a stated pixel size"):
        sr.validate(volume(), CAMERA, pipeline=pipeline, **options)
    with pytest.raises(errors.InvalidOption, match="states no pixel size"):
        sr.pipeline(pipeline)(volume())
