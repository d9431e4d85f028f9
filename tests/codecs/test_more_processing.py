"""Processing steps that change focus, grey levels, sampling, illumination and stripes: closed forms, clipping, severity 0."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.special import j1
from skimage.transform import resize

import sigmaraw as sr
from sigmaraw.codecs import codec, describe
from sigmaraw.codecs.defocus import disc
from sigmaraw.errors import InputNotFound, InvalidSpec, ShapeMismatch, UnsupportedArray

NOTHING = ["defocus:radius=0", "defocus:0.5", "brightness:bias=0", "brightness:severity=0", "contrast:gain=1", "contrast:severity=0"]
NOTHING += ["resample:factor=1", "resample:factor=1,order=3"]


@pytest.mark.parametrize("spec", NOTHING)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_severity_zero_changes_no_bit(spec: str, kind: type) -> None:
    frame = np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (33, 40)).astype(kind)
    for image in (frame, np.stack([frame, frame.T[:33, :33].repeat(2, axis=1)[:, :40]])):
        decoded, _ = codec(spec).roundtrip(image)
        assert decoded.dtype == kind
        assert decoded.tobytes() == image.tobytes()


# The thesis' table 9, severities -5 to 5.
GAINS = (3.5, 3.0, 2.5, 2.0, 1.5, 1, 0.9, 0.8, 0.7, 0.5, 0.3)
BIASES = (-150, -135, -120, -90, -50, 0, 50, 90, 120, 135, 150)


@pytest.mark.parametrize("severity", range(-5, 6))
def test_grey_levels_are_those_of_the_table_in_eight_bits(severity: int) -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    gain, bias = GAINS[severity + 5], BIASES[severity + 5]
    for spec in (f"contrast:severity={severity}", f"contrast:gain={gain}"):
        assert np.array_equal(codec(spec).roundtrip(levels)[0], [[min(round(gain * v), 255) for v in row] for row in levels.tolist()])
    for spec in (f"brightness:severity={severity}", f"brightness:bias={bias}"):
        assert np.array_equal(codec(spec).roundtrip(levels)[0], [[min(max(v + bias, 0), 255) for v in row] for row in levels.tolist()])


@pytest.mark.parametrize(("spec", "bits"), [("{},bits=12", 12), ("{}", 16)])
def test_sixteen_bit_levels_clip_at_full_scale_and_wrap_nowhere(spec: str, bits: int) -> None:
    full = (1 << bits) - 1
    levels = np.linspace(0, full, 256).astype(np.uint16).reshape(16, 16)
    for name, value in (("contrast:severity=-5", 3.5 * levels), ("brightness:severity=5", levels + 150 / 255 * full)):
        decoded, _ = codec(spec.format(name)).roundtrip(levels)
        assert np.array_equal(decoded, np.minimum(np.rint(value), full))
        assert decoded.max() == full
    assert codec("brightness:bias=-50000").roundtrip(levels)[0].max() <= max(full - 50000, 0)
    if bits == 12:
        camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=1.6, bits=12)
        assert codec("contrast:gain=3", camera).roundtrip(levels)[0].max() == 4095
        with pytest.raises(UnsupportedArray, match="4096"):
            codec("contrast:gain=0.5,bits=12").roundtrip(levels + np.uint16(1))


def test_one_value_is_asked_for() -> None:
    for spec in ("brightness", "contrast:gain=2,severity=1", "flatfield", "flatfield:sigma=3,flat=x.tif"):
        with pytest.raises(InvalidSpec, match="one of the two"):
            codec(spec)


@pytest.mark.parametrize("radius", [0.8, 1.0, 1.5, 2.0, 3.0, 7.3])
def test_the_disc_has_its_area_and_its_transform(radius: float) -> None:
    weights = disc(radius)
    assert weights.sum() == pytest.approx(1)
    reach = weights.shape[0] // 2
    # A pixel wholly inside weighs 1/(πr²); the points by which an edge is averaged give the area to 1 %.
    if radius >= 1:
        assert weights[reach, reach] == pytest.approx(1 / (np.pi * radius**2), rel=0.01)
    # At frequency u a disc passes 2·J₁(2πur)/(2πur), and a pixel's own width sinc(u).
    u = 0.05
    wave = np.cos(2 * np.pi * u * np.arange(-reach, reach + 1))
    argument = 2 * np.pi * u * radius
    # The share of a pixel that the disc covers acts at the pixel's centre: the transform is periodic, its first images add below 1 %.
    assert (weights * wave).sum() == pytest.approx(2 * j1(argument) / argument * np.sinc(u), abs=0.01)


def test_defocus_of_one_bright_pixel_is_its_disc() -> None:
    frame = np.zeros((21, 25), np.uint16)
    frame[10, 12] = 60000
    decoded, nbytes = codec("defocus:radius=2").roundtrip(frame)
    expected = np.zeros(frame.shape)
    expected[8:13, 10:15] = 60000 * disc(2.0)
    assert np.abs(decoded - expected).max() <= 0.5 + 1e-6
    assert nbytes == frame.nbytes


@pytest.mark.parametrize("shape", [(64, 48), (33, 17), (1, 1), (5, 2)])
def test_resampling_is_the_librarys_and_stores_the_smaller_frame(shape: tuple[int, int]) -> None:
    frame = np.random.default_rng(1).integers(500, 3000, shape).astype(np.uint16)
    decoded, nbytes = codec("resample:factor=2").roundtrip(frame)
    small = max(1, round(shape[0] / 2)), max(1, round(shape[1] / 2))
    assert decoded.shape == frame.shape
    assert nbytes == small[0] * small[1] * 2 + 8
    if min(shape) > 10:
        stored = np.rint(resize(frame.astype(float), small, order=1, mode="edge", anti_aliasing=True, preserve_range=True))
        assert np.array_equal(decoded, np.rint(resize(stored, shape, order=1, mode="edge", anti_aliasing=False, preserve_range=True)))
        assert abs(decoded.mean() - frame.mean()) < 4 * 720 / np.sqrt(frame.size / 4)  # SE of a mean of uniform pixels, sd 720


def test_resampling_leaves_what_is_wide_and_removes_what_is_fine() -> None:
    _, x = np.mgrid[:96, :96]
    wide, fine = (np.rint(1000 + 400 * np.cos(2 * np.pi * x / period)).astype(np.uint16) for period in (48, 2.5))
    inside = (slice(8, -8), slice(8, -8))
    # Before pixels are left out, a Gaussian of 0.5 px at whole pixels lets Σ w cos(2π x/period) of a wave through; three roundings of ½ DN.
    at = np.arange(-2, 3)
    weights = np.exp(-(at**2) / (2 * 0.5**2))
    kept_of_wide, kept_of_fine = (weights @ np.cos(2 * np.pi * at / period) / weights.sum() for period in (48, 2.5))
    found = codec("resample:factor=2,order=3").roundtrip(wide)[0][inside].astype(int)
    assert np.abs(found - wide[inside]).max() <= 400 * (1 - kept_of_wide) + 3 * 0.5
    # Linear: pixel pairs are averaged, cos(π/2.5) is left. What they alias to, 0.2 a stored pixel, is read with the weights ¾ and ¼.
    read = np.sqrt(0.75**2 + 0.25**2 + 2 * 0.75 * 0.25 * np.cos(2 * np.pi * 0.2))
    share = codec("resample:factor=2").roundtrip(fine)[0][inside].std() / fine[inside].std()
    assert share == pytest.approx(kept_of_fine * np.cos(np.pi / 2.5) * read, rel=0.05)


def test_a_flat_field_makes_even_light_even(tmp_path: Path) -> None:
    y, x = np.mgrid[:40, :50]
    dark, light = 100.0 + x % 3, 2000 * np.exp(-((y - 20) ** 2 + (x - 25) ** 2) / 2000)
    flats = np.random.default_rng(0).poisson(dark + light, (200, 40, 50)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "flat.tif", flats, photometric="minisblack")
    tifffile.imwrite(tmp_path / "dark.tif", np.repeat(dark[None].astype(np.uint16), 3, axis=0), photometric="minisblack")
    frame = np.rint(dark + 0.5 * light).astype(np.uint16)
    step = f"flatfield:flat={tmp_path / 'flat.tif'},dark={tmp_path / 'dark.tif'}"
    decoded, _ = codec(step).roundtrip(frame)
    level = dark.mean() + 0.5 * light.mean()
    # Noise of the flat's mean of 200 frames, at the dimmest 900 e⁻, and ½ DN of rounding brought up with the light.
    error = 0.5 * light.mean() / np.sqrt(200 * light.min()) + 0.5 * light.max() / light.min()
    assert np.abs(decoded - level).max() < 4 * error
    assert np.ptp(frame) > 300
    resolved = codec(step).resolved()["steps"][0]
    assert len(resolved["flat_sha256"]) == len(resolved["dark_sha256"]) == 64
    with pytest.raises(ShapeMismatch, match="Cut it out alike"):
        codec(step).roundtrip(frame[:20])
    with pytest.raises(InputNotFound):
        codec("flatfield:flat=nothing.tif")
    alone = codec("flatfield:sigma=5,offset=101").roundtrip(frame)[0]
    assert alone.std() < 0.4 * frame.std()


@pytest.mark.parametrize("along", ["y", "x"])
def test_stripes_go_and_the_rest_stays(along: str) -> None:
    rng = np.random.default_rng(0)
    _, x = np.mgrid[:60, :70]
    smooth = 1000 + 0.2 * x
    stripes = np.zeros(70, int)
    stripes[[5, 20, 41, 66]] = (40, -60, 25, 90)
    frame = np.rint(smooth + stripes + rng.normal(0, 1, smooth.shape)).astype(np.uint16)
    clean = codec(f"destripe:along={along}").roundtrip(frame if along == "y" else np.ascontiguousarray(frame.T))[0]
    off = (clean if along == "y" else clean.T).astype(float) - smooth
    # A median of 60 values is good to 1.25·σ/√60 = 0.16 DN, and two are subtracted. A stripe moves its neighbours' median by a step of the
    # slope: 0.2 + 4·√2·0.16 = 1.1 DN at most.
    columns = off[:, 4:-4].mean(axis=0)
    assert np.abs(columns - np.median(columns)).max() < 1
    # Noise, two roundings and two medians; 4 standard errors of the standard deviation of so many values.
    expected = np.sqrt(1 + 2 / 12 + 2 * 1.25**2 / 60)
    assert off[:, 4:-4].std() < expected * (1 + 4 / np.sqrt(2 * off[:, 4:-4].size))


def test_they_are_listed_and_alone_store_the_containers_bytes(cells) -> None:  # type: ignore[no-untyped-def]  # the fixture is a function
    listed = {entry["name"] for entry in describe() if entry["available"] and entry["processing"]}
    assert listed >= {"defocus", "brightness", "contrast", "resample", "flatfield", "destripe"}
    frame = cells(64)
    for spec in ("defocus:1.5", "brightness:bias=100", "contrast:0.7", "flatfield:sigma=20", "destripe"):
        alone, coded = codec(spec), codec(f"{spec}+jpegls")
        assert alone.roundtrip(frame)[1] == frame.nbytes
        assert np.array_equal(alone.roundtrip(frame)[0], coded.roundtrip(frame)[0])
        stack = np.stack([frame, cells(64, seed=1)])
        for page, one in zip(alone.steps[0].forward(stack)[0], stack, strict=True):
            assert np.array_equal(page, alone.roundtrip(one)[0]), spec
