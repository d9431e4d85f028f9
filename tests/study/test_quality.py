"""What a record says of bytes and errors, against the definitions."""

from __future__ import annotations

import math
import sys

import numcodecs
import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw import registry
from sigmaraw.contracts import Metric
from sigmaraw.errors import InvalidOption, UnreachableTarget
from sigmaraw.registry import Installed
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
    codecs = ["jpeg2000:ratio=6", "jpeg2000:ratio=6,frozen=true"]
    record = sr.validate([frame], camera, codecs=codecs, pipeline="otsu", mode="around-raw", n=4)
    again, frozen = record.document["codecs"]
    low, high = frozen["achieved_replicas"]["level"]
    assert low == high == pytest.approx(frozen["achieved"]["level"])
    low, high = again["achieved_replicas"]["level"]
    assert low < high
    # replicas around raw carry the noise twice, so the frozen setting spends more bytes on them
    assert frozen["replicas_nbytes_mean"] > 1.02 * again["replicas_nbytes_mean"]


def test_a_frozen_setting_is_that_of_each_image_and_gives_its_bytes_by_itself(camera: sr.CameraProfile) -> None:
    """Two images of different content: the setting of one gives other bytes on the other (SCIENCE 1, frozen rate control)."""
    random = np.random.default_rng(16)
    smooth = np.rint(100 + 0.5 * random.poisson(40, (96, 96))).astype(np.uint16)
    busy = np.rint(100 + 0.5 * random.poisson(random.integers(20, 2000, (96, 96)))).astype(np.uint16)
    spec = "jpeg2000:ratio=4,frozen=true"
    (codec,) = sr.validate([smooth, busy], camera, codecs=[spec], pipeline=_mean, n=2, mode="around-raw").content.codecs
    first, second = codec.images
    assert first.full_spec != second.full_spec
    for row, image in ((first, smooth), (second, busy)):
        assert "frozen=true" not in row.full_spec and "ratio=" not in row.full_spec
        assert sr.codec(row.full_spec).roundtrip(image)[1] == row.nbytes
    assert sr.codec(first.full_spec).roundtrip(busy)[1] != second.nbytes
    assert "frozen=true" in codec.resolved["full_spec"]  # the codec as asked belongs to no image


def test_a_codec_that_is_not_frozen_has_one_specification(camera: sr.CameraProfile, images: list[np.ndarray]) -> None:
    (codec,) = sr.validate(images, camera, codecs=["jpegls:near=2"], pipeline=_mean, n=2, mode="around-raw").content.codecs
    assert {row.full_spec for row in codec.images} == {codec.resolved["full_spec"]}


@pytest.fixture(scope="module")
def volume() -> np.ndarray:
    """Six slices (z, y, x) of a ball, 12 bit: the outer ones are darker and easier to code."""
    z, y, x = np.mgrid[:6, :48, :40]
    mean = 30 + 600 * np.exp(-((z - 3) ** 2 / 3 + (y - 24) ** 2 / 80 + (x - 20) ** 2 / 80))
    return np.rint(100 + 0.5 * np.random.default_rng(7).poisson(mean)).astype(np.uint16)


def _mean(image: np.ndarray) -> dict[str, float]:
    return {"mean": float(np.mean(image))}


@pytest.mark.parametrize("frozen", ["", ",frozen=true"])
def test_a_volume_under_a_target_has_one_setting_and_figures_of_the_whole_and_of_each_slice(
    camera: sr.CameraProfile, volume: np.ndarray, frozen: str
) -> None:
    specs = [f"jpeg2000:ratio=6{frozen}", f"sz3:psnr=62,dims=3{frozen}", f"hevc:ratio=40,bits=12,gop=8{frozen}"]
    record = sr.validate([volume], camera, codecs=specs, pipeline=_mean, n=3, volume=True)
    assert (
        record.document["undefined"].count(
            {
                "image": 0,
                "codec": specs[1],
                "measurement": None,
                "field": "slices.compression_ratio",
                "reason": "the volume is one code stream: no bytes belong to a single slice",
                "count": 6,
            }
        )
        == 1
    )
    for row, spec, knob in zip(record.document["codecs"], specs, ("level", "maxerr", "qp"), strict=True):
        trip = sr.codec(spec, camera).apply(volume)
        (image,) = row["images"]
        error = trip.decoded.astype(float) - volume
        assert image["compression_ratio"] == row["compression_ratio"] == pytest.approx(volume.nbytes / trip.nbytes)
        assert image["psnr_db"] == pytest.approx(10 * math.log10(65535**2 / np.mean(error**2)))
        slices = image["slices"]
        assert slices["max_error_dn"] == [int(np.abs(plane).max()) for plane in error]
        assert slices["psnr_db"] == pytest.approx([10 * math.log10(4095**2 / np.mean(plane**2)) for plane in error])
        fixed = sr.codec(spec.replace(spec.partition(":")[2].split(",")[0], f"{knob}={image['achieved'][knob]:.17g}").replace(frozen, ""))
        assert fixed.roundtrip(volume)[1] == trip.nbytes
        if spec.startswith("jpeg2000"):
            sizes = [fixed.roundtrip(plane)[1] for plane in volume]  # one setting: the slices by themselves, at different rates
            assert slices["compression_ratio"] == pytest.approx([volume[0].nbytes / size for size in sizes])
            assert max(slices["compression_ratio"]) > 1.2 * min(slices["compression_ratio"])
            assert row["compression_ratio"] == pytest.approx(6, rel=0.02)
        else:
            assert slices["compression_ratio"] is None
        low, high = row["achieved_replicas"][knob]
        assert (low == high == image["achieved"][knob]) or not frozen


def test_single_frames_have_no_slices_and_say_nothing_of_them(camera: sr.CameraProfile, images: list[np.ndarray]) -> None:
    record = sr.validate(images[:1], camera, codecs=["lossless"], pipeline=_mean, n=2)
    (row,) = record.document["codecs"]
    assert row["images"][0]["slices"] is None
    assert row["denoising_alarm"] is False
    assert (row["noise_removed"], row["noise_std_ratio"]) == (0, 1)
    assert {entry["field"] for entry in record.document["undefined"] if entry["codec"] == "lossless"} >= {"error_lag1"}


def test_psnr_against_the_images_own_range(camera: sr.CameraProfile, images: list[np.ndarray]) -> None:
    record = sr.validate(images[:1], camera, codecs=["jpegls:near=3"], pipeline=_mean, n=2)
    (row,) = record.document["codecs"][0]["images"]
    span = int(images[0].max()) - int(images[0].min())
    assert row["psnr_minmax_range_dn"] == span
    assert row["psnr_minmax_db"] == pytest.approx(row["psnr_db"] - 20 * math.log10(65535 / span))


def test_a_codec_that_smooths_raises_the_alarm_in_record_and_table(camera: sr.CameraProfile, images: list[np.ndarray]) -> None:
    record = sr.validate(images[1:], camera, codecs=["jpeg2000:ratio=20", "noiseaware:q=1"], pipeline=_mean, n=4)
    smooth, fair = record.document["codecs"]
    assert smooth["denoising_alarm"] is True
    assert fair["denoising_alarm"] is False
    assert f"Denoising: jpeg2000:ratio=20 removes {100 * smooth['noise_removed']:.0f} % of the raw noise." in record.table()
    assert "Denoising: noiseaware" not in record.table()


def test_a_target_that_is_missed_is_said(camera: sr.CameraProfile, images: list[np.ndarray]) -> None:
    goal = round(1.05 * images[1].nbytes / sr.codec("jpegls:near=1").roundtrip(images[1])[1], 2)  # 5 % off at the nearest whole step
    record = sr.validate(images[1:], camera, codecs=[f"jpegls:ratio={goal!r}", "jpegls:near=3"], pipeline=_mean, n=2)
    first, second = (row["images"][0]["achieved"] for row in record.document["codecs"])
    assert first["target_met"] is False
    assert "target_met" not in second
    row = record.document["codecs"][0]
    assert row["codec"] == f"jpegls:ratio={goal!r}"
    assert row["name"] == f"jpegls:ratio={goal!r} [ratio={first['ratio']:.3g}]"
    assert record.document["codecs"][1]["name"] == "jpegls:near=3"
    assert (row["images_missed"], row["replicas_targeted"]) == (1, 2)
    # Of two replicas: their ratios are kept as a range.
    assert row["replicas_missed"] == sum(abs(ratio / goal - 1) > 0.02 for ratio in row["achieved_replicas"]["ratio"])
    lines = [line for line in record.table().splitlines() if line.startswith("Target not met")]
    assert lines == [f"Target not met: {row['name']}, on 1 of 1 images and {row['replicas_missed']} of 2 replicas."]
    assert row["name"] in record.table().split("Target not met")[0]


def test_a_target_that_the_raw_image_misses_by_a_tenth_is_refused_before_any_replica(
    camera: sr.CameraProfile, images: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = images[1]
    table = [image.nbytes / sr.codec(f"jpegls:near={near}").roundtrip(image)[1] for near in range(3)]
    goal = math.sqrt(table[0] * table[1])
    assert table[1] / table[0] > 1.21, "the test needs a step of more than 21 %"
    monkeypatch.setattr(sys.modules["sigmaraw.study.run"], "_gather", lambda *_: pytest.fail("replicas were drawn"))
    with pytest.raises(UnreachableTarget, match=r"^image 1: .* comes no nearer than ratio="):
        sr.validate([image], camera, codecs=["lossless", f"jpegls:ratio={goal!r}"], pipeline=_mean, n=2)


# --- codecs and metrics from Python -----------------------------------------------------------------------------------
def halved(frame: np.ndarray) -> tuple[np.ndarray, int]:
    return frame // 2 * 2, frame.size


def test_a_function_and_an_object_are_scored_beside_specifications(camera: sr.CameraProfile, images: list[np.ndarray]) -> None:
    given = [halved, sr.codec("jpegls:near=1"), numcodecs.Zstd(level=1), "lossless"]
    record = sr.validate([images[1]], camera, codecs=given, pipeline=_mean, n=3)
    rows = record.document["codecs"]
    assert [row["codec"] for row in rows] == [f"{__name__}:halved", "jpegls:near=1", "numcodecs.zstd:Zstd", "lossless"]
    assert [row["max_error_dn"] for row in rows] == [1, 1, 0, 0]
    assert rows[0]["nbytes"] == images[1].size
    assert rows[1]["nbytes"] == sr.codec("jpegls:near=1").roundtrip(images[1])[1]
    with pytest.raises(InvalidOption, match="two codecs called"):
        sr.validate([images[1]], camera, codecs=[halved, halved], pipeline=_mean, n=2)


class Shifted(Metric):
    name, unit, definition = "shifted", "DN", "mean of test - reference"

    def __call__(self, reference: np.ndarray, test: np.ndarray) -> float:
        if (test == reference).all():
            raise ZeroDivisionError("no change")
        return float(np.mean(test.astype(float) - reference))


def test_a_registered_metric_stands_in_every_codec_row_and_one_that_fails_says_so(
    camera: sr.CameraProfile, images: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = registry.installed
    extra = [Installed("shifted", "pack", "2.0", Shifted), Installed("lost", "pack", "2.0", None, "'lost' of package pack 2.0 is broken")]
    monkeypatch.setattr(registry, "installed", lambda group: [*real(group), *extra])
    record = sr.validate(images[1:2], camera, codecs=["to8bit:shift,bits=12", "lossless"], pipeline=_mean, n=2)
    first, second = record.document["codecs"]
    decoded = sr.codec("to8bit:shift,bits=12").roundtrip(images[1])[0]
    expected = np.mean(decoded.astype(float) - images[1])
    assert first["images"][0]["metrics"]["shifted"] == first["metrics"]["shifted"] == pytest.approx(expected, rel=1e-12)
    assert set(first["metrics"]) == {"shifted", "lost"}
    assert first["metrics"]["lost"] is second["metrics"]["shifted"] is None
    reasons = {(row["codec"], row["field"]): row["reason"] for row in record.document["undefined"] if row["field"].startswith("metrics.")}
    assert "broken" in reasons["to8bit:shift,bits=12", "metrics.lost"]
    assert "ZeroDivisionError" in reasons["lossless", "metrics.shifted"]
    assert ("to8bit:shift,bits=12", "metrics.shifted") not in reasons
