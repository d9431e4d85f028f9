"""What a record says of bytes and errors, against the definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.study.quality import CROP


@pytest.fixture(scope="module")
def camera() -> sr.CameraProfile:
    return sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2, bits=12)


@pytest.fixture(scope="module")
def images() -> list[np.ndarray]:
    """A small bright and a large dim frame: averages over images and over pixels differ."""
    random = np.random.default_rng(3)
    return [
        np.rint(100 + 0.5 * random.poisson(3000, (40, 30))).astype(np.uint16),
        np.rint(100 + 0.5 * random.poisson(20, (90, 120))).astype(np.uint16),
    ]


def test_bytes_and_errors_are_pooled_over_images_not_averaged(camera: sr.CameraProfile, images: list[np.ndarray]) -> None:
    spec = "to8bit:minmax+jpeg:quality=50"
    record = sr.validate(images, camera, codecs=[spec], pipeline="otsu", n=2)
    (row,) = record.document["codecs"]
    trips = [sr.codec(spec, camera).roundtrip(image) for image in images]
    nbytes = sum(size for _, size in trips)
    pixels = sum(image.size for image in images)
    squared = sum(float(((decoded.astype(float) - image) ** 2).sum()) for (decoded, _), image in zip(trips, images, strict=True))
    assert row["nbytes"] == nbytes
    assert row["compression_ratio"] == pytest.approx(2 * pixels / nbytes)
    assert row["compression_ratio_significant"] == pytest.approx(12 / 8 * pixels / nbytes)
    assert row["bits_per_pixel"] == pytest.approx(8 * nbytes / pixels)
    assert row["psnr_db"] == pytest.approx(10 * math.log10(65535**2 / (squared / pixels)))
    assert row["psnr_camera_db"] == pytest.approx(10 * math.log10(4095**2 / (squared / pixels)))
    for image, (decoded, size), frame in zip(row["images"], trips, images, strict=True):
        assert image["nbytes"] == size
        assert image["max_error_dn"] == int(np.abs(decoded.astype(int) - frame).max())


def test_the_worst_crop_is_where_the_error_is(camera: sr.CameraProfile) -> None:
    """A flat frame with one textured patch: 8-bit JPEG at low quality fails there and nowhere else."""
    random = np.random.default_rng(5)
    frame = np.full((200, 260), 300, np.uint16)
    frame[110:150, 180:220] += random.integers(0, 600, (40, 40)).astype(np.uint16)
    record = sr.validate([frame], camera, codecs=["to8bit:minmax+jpeg:quality=20"], pipeline="otsu", n=2)
    y, x = record.dataset["crop_position"].values[0]
    assert y <= 110
    assert y + CROP >= 150
    assert x <= 180
    assert x + CROP >= 220
    np.testing.assert_array_equal(record.dataset["crop_raw"].values[0], frame[y : y + CROP, x : x + CROP])
    decoded, _ = sr.codec("to8bit:minmax+jpeg:quality=20").roundtrip(frame)
    np.testing.assert_array_equal(record.dataset["crop_decoded"].values[0], decoded[y : y + CROP, x : x + CROP])


def test_a_frozen_target_keeps_the_setting_found_on_the_raw_frame(camera: sr.CameraProfile) -> None:
    random = np.random.default_rng(6)
    y, x = np.mgrid[:128, :128]
    frame = np.rint(100 + 0.5 * random.poisson(20 + 300 * np.exp(-((y - 60) ** 2 + (x - 60) ** 2) / 300))).astype(np.uint16)
    record = sr.validate([frame], camera, codecs=["jpeg2000:ratio=6", "jpeg2000:ratio=6,frozen=true"], pipeline="otsu", n=4)
    again, frozen = record.document["codecs"]
    low, high = frozen["achieved_replicas"]["level"]
    assert low == high == pytest.approx(frozen["achieved"]["level"])
    low, high = again["achieved_replicas"]["level"]
    assert low < high
    # replicas carry more noise than the frame, so the frozen setting spends more bytes on them
    assert frozen["replicas_nbytes_mean"] > 1.02 * again["replicas_nbytes_mean"]
