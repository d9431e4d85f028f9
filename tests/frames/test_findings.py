"""What in an image no raw frame has: false alarms on clean frames, and each fault at a stated size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sigmaraw.frames.findings import FindingName, frame_findings
from tests.cases import laboratory as lab

NOISE = float(np.hypot(lab.GAIN * lab.READ, 1.0))  # DN: read noise and the pixels' own dark levels
CAMERA = {"dark_level_dn": lab.OFFSET, "dark_noise_dn": NOISE, "full_scale_dn": lab.FULL}


def names(frame: np.ndarray) -> list[str]:
    return [finding.name.value for finding in frame_findings(frame, **CAMERA)]


def test_clean_frames_have_no_finding() -> None:
    """200 frames each of spots, of darkness, and of a bright field: no more than chance would give."""
    rng = np.random.default_rng(4)
    for level in (None, 0.0, 3.0, 5000.0):
        for _ in range(50):
            assert names(lab.spots(rng) if level is None else lab.frames(rng, level)[0]) == []


def test_saturated_spots_are_no_padding() -> None:
    rng = np.random.default_rng(4)
    scene = np.full(lab.SHAPE, 100.0)
    scene[20:40, 30:50] = 30000
    assert names(lab.frames(rng, scene)[0]) == []


def padded(frame: np.ndarray) -> np.ndarray:
    frame[:, :20] = 0
    return frame


def bordered(frame: np.ndarray) -> np.ndarray:
    frame[:3] = 100
    frame[:, -2:] = 101
    return frame


def masked(frame: np.ndarray) -> np.ndarray:
    frame[16:40, 16:48] = 120
    return frame


FAULTS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], list[str]]] = {
    "padded": (padded, ["below-dark", "constant-border", "constant-area"]),
    "bordered": (bordered, ["constant-border"]),
    "masked": (masked, ["constant-area"]),
    "shifted": (lambda frame: frame << 2, ["common-divisor"]),
    "stretched": (lambda frame: (100 + (frame - 100.0).clip(0) * 1.3).astype(np.uint16), ["missing-codes"]),
    "subtracted": (lambda frame: (frame - np.minimum(frame, 90)).astype(np.uint16), ["below-dark"]),
    "overflowing": (lambda frame: frame + np.uint16(4000), ["above-range"]),
    "saturated": (lambda frame: np.where(frame > 140, 4095, frame).astype(np.uint16), ["mostly-saturated"]),
}


@pytest.mark.parametrize("name", list(FAULTS))
def test_each_fault_is_named(name: str) -> None:
    """Ten frames each: all are found, and nothing else is but what the fault brings along."""
    make, expected = FAULTS[name]
    rng = np.random.default_rng(5)
    for _ in range(10):
        y, x = np.mgrid[: lab.SHAPE[0], : lab.SHAPE[1]]
        scene = 40 + 120 * np.exp(-((y - 30) ** 2 + (x - 40) ** 2) / 400)
        found = names(make(lab.frames(rng, scene)[0]))
        assert [entry for entry in found if entry in expected] == expected


def test_frames_of_8_bit_are_looked_at_as_those_of_16() -> None:
    """A clean frame of uint8 has no finding; the same frame in steps of 4 DN has the finding that uint16 has."""
    rng = np.random.default_rng(6)
    clean = np.rint(rng.normal(60, 8, (64, 80)).clip(0, 255)).astype(np.uint8)
    camera = {"dark_level_dn": 10.0, "dark_noise_dn": 2.0, "full_scale_dn": 255}
    assert frame_findings(clean, **camera) == ()
    for dtype in (np.uint8, np.uint16):
        (found,) = frame_findings((clean // 4 * 4).astype(dtype), **camera)
        assert (found.name, found.count) == (FindingName.COMMON_DIVISOR, clean.size)


def test_counts_are_those_of_the_pixels() -> None:
    frame = padded(lab.spots(np.random.default_rng(5)))
    (below, border, _) = frame_findings(frame, **CAMERA)
    assert (below.count, below.share) == (64 * 20, 0.25)
    assert border.count == 64 * 20
    assert "25 %" in below.text


def test_equal_pixels_of_a_quiet_camera_are_rounding() -> None:
    frame = np.full((64, 64), 100, np.uint16)
    assert frame_findings(frame, dark_level_dn=100.0, dark_noise_dn=0.2, full_scale_dn=4095) == ()
    assert [one.name for one in frame_findings(frame, dark_level_dn=100.0, dark_noise_dn=1.0, full_scale_dn=4095)][:1] == [
        FindingName.CONSTANT_BORDER
    ]


def test_a_share_is_printed_as_people_write_it() -> None:
    black = np.zeros((64, 64), dtype=np.uint16)
    texts = [one.text for one in frame_findings(black, dark_level_dn=100, dark_noise_dn=3, full_scale_dn=4095)]
    assert any("4096 pixels (100 %) lie" in text for text in texts) and not any("e+" in text for text in texts)
    black[:57] = 100 + np.rint(np.random.default_rng(1).normal(0, 3, (57, 64))).astype(np.uint16)
    found = frame_findings(black, dark_level_dn=100, dark_noise_dn=3, full_scale_dn=4095)
    (text,) = (one.text for one in found if one.name is FindingName.BELOW_DARK)
    assert "448 pixels (11 %) lie" in text  # 448/4096 = 10.94 %
