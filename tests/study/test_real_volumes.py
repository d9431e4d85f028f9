"""Light-sheet stacks and yeast in 3-D, end to end by a user's own function, where ../shared/data is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import sigmaraw as sr

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def light_sheet(name: str) -> np.ndarray:
    """Two neighbouring planes of a mouse brain, a part of them."""
    planes = [DATA / "cellfinder-lightsheet" / f"{name}{number}.tif" for number in (11, 12)]
    if not all(path.is_file() for path in planes):
        pytest.skip(f"{planes[0]} is not there")
    return np.stack([tifffile.imread(path)[400:560, 200:360] for path in planes])


def yeast() -> np.ndarray:
    """Mitochondria of yeast, the first time point."""
    path = DATA / "nellie-yeast3d" / "yeast_t0-5.npz"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with np.load(path, allow_pickle=False) as held:
        series = held[held.files[0]]
    volume: np.ndarray = series[0][:, 40:100, 80:140]
    return volume


@pytest.mark.slow
@pytest.mark.parametrize("name", ["s", "b", "yeast"])
def test_a_real_volume_runs_end_to_end_and_each_object_has_its_row(name: str) -> None:
    volume = np.ascontiguousarray(yeast() if name == "yeast" else light_sheet(name))
    camera = sr.CameraProfile.from_values(gain=1.0, offset=0.0, read_noise=2.0, bits=16)  # stated: no calibration of them is known
    size = "0.25|0.1|0.1" if name == "yeast" else "5|2|2"
    record = sr.validate(
        volume,
        camera,
        codecs=["lossless", "noiseaware:q=2"],
        pipeline=f"labels:tests.study.study_pipelines:otsu_of_volume,measure=count+volume+length+total_intensity,min_size=8,pixel_size={size}",
        n=3,
        mode="around-raw",
        volume=True,
        objects=True,
    )
    content = record.content
    assert content.images[0].shape == volume.shape
    assert [(row.name, row.unit) for row in content.measurements] == [
        ("count", "1"),
        ("volume", "um3"),
        ("length", "um"),
        ("total_intensity", "DN"),
    ]
    by_name = {row.measurement: row for row in content.results if row.codec == "lossless"}
    assert {row.verdict for row in by_name.values()} == {"PASS"}
    assert content.objects is not None
    assert len(content.objects.objects) == by_name["count"].chi_raw
    pixel = float(np.prod([float(part) for part in size.split("|")]))
    assert sum(row.size for row in content.objects.objects) * pixel == pytest.approx(by_name["volume"].chi_raw)
    assert all(np.array_equal(np.add(row.matched, row.unmatched), row.count) for row in content.objects.counts)
