"""One rule for targets: what is met, what a study refuses, what a codec's name says, and how replicas that miss are counted."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.codecs import codec
from sigmaraw.codecs.target_rule import outcomes, require_near, summary
from sigmaraw.codecs.targets import Target
from sigmaraw.errors import UnreachableTarget

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=1.6, bits=12)


def ratios(raw, most=12):
    """The ratio that each `near` of JPEG-LS gives: by the codec without a target."""
    return [raw.nbytes / codec(f"jpegls:near={near}").roundtrip(raw)[1] for near in range(most)]


@pytest.mark.parametrize(
    ("target", "achieved", "miss"),
    [
        (Target("ratio", 5.0), 5.5, 0.1),
        (Target("bpp", 2.0), 1.5, 0.25),
        (Target("rz", 0.4), 0.5, 0.25),
        # An RMS error 10 % above what 40 dB ask for: 20·log10(1.1) = 0.83 dB less.
        (Target("psnr", 40.0), 40 - 20 * math.log10(1.1), 0.1),
        (Target("psnr", 40.0), math.inf, 1.0),
        (Target("maxerr", 4.0), 3.0, 0.0),
        (Target("maxerr", 4.0), 5.0, 0.25),
    ],
)
def test_the_miss_is_relative_and_of_psnr_that_of_the_rms_error(target, achieved, miss):
    assert target.miss(achieved) == pytest.approx(miss)


@pytest.mark.parametrize("frozen", ["", ",frozen=true"])
def test_a_miss_by_more_than_a_tenth_is_refused_and_names_what_may_be_asked(cells, frozen):
    raw = cells(128)
    table = ratios(raw)
    # Between two neighbours that lie so far apart that their middle is more than 10 % from both, and one that is not.
    steps = [(math.sqrt(a * b), math.sqrt(b / a) - 1) for a, b in itertools.pairwise(table)]
    far = max(steps, key=lambda step: step[1])
    near = min(steps, key=lambda step: abs(step[1] - 0.05))
    assert far[1] > 0.11 > 0.10 > near[1] > 0.02
    for goal, refused in ((far[0], True), (near[0], False)):
        chain = codec(f"jpegls:ratio={goal!r}{frozen}").freeze(raw)
        achieved = chain.apply(raw).achieved
        if refused:
            with pytest.raises(UnreachableTarget, match=r"no nearer than ratio=.* on image 1; .*within 10%.*, state near=\d"):
                require_near(chain, achieved, "image 1")
        else:
            require_near(chain, achieved, "image 1")


def test_the_name_carries_what_was_achieved_where_an_image_misses(cells):
    raw, other = cells(128), cells(128, 1) // 2 + 50
    table = ratios(raw)
    goal = math.sqrt(table[1] * table[2])
    spec = f"jpegls:ratio={goal!r}"
    chain = codec(spec)
    first, second = (chain.apply(frame).achieved for frame in (raw, other))
    one = summary([chain], [first])
    assert one.name == f"{spec} [ratio={first['ratio']:.3g}]"
    low, high = sorted((first["ratio"], second["ratio"]))
    assert summary([chain] * 2, [first, second]).name == f"{spec} [ratio={low:.3g} to {high:.3g}]"
    met = codec(f"jpegls:ratio={table[2]!r}")
    assert summary([met], [met.apply(raw).achieved]).name == met.spec
    assert summary([codec("jpegls:near=1")], [{"near": 1.0}]).name == "jpegls:near=1"


def test_replicas_that_miss_are_counted_and_frozen_ones_have_no_target(cells):
    goal = ratios(cells(128))[2]
    chain, frozen = codec(f"jpegls:ratio={goal!r}"), codec(f"jpegls:ratio={goal!r},frozen=true").freeze(cells(128))
    replicas = [chain.apply(cells(128, seed)).achieved for seed in range(4)]
    replicas.append(chain.apply(cells(128, 9) // 8 + 90).achieved)  # far less noise: another rate at every setting
    expected = sum(abs(entry["ratio"] / goal - 1) > 0.02 for entry in replicas)
    assert 0 < expected < 5
    found = summary([chain], [chain.apply(cells(128)).achieved], replicas)
    assert (found.replicas_missed, found.replicas_targeted) == (expected, 5)
    kept = summary([frozen], [frozen.apply(cells(128)).achieved], [frozen.apply(cells(128, 1)).achieved])
    assert (kept.replicas_missed, kept.replicas_targeted, kept.images_missed) == (0, 0, 0)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("jpeg2000:ratio=4+lossless", [("jpeg2000", "ratio", 4.0)]),
        ("jpeg2000:ratio=4+jpegls:ratio=9", [("jpeg2000", "ratio", 4.0), ("jpegls", "ratio", 9.0)]),
        ("sqrt:rz=0.5+jpegls", [("sqrt", "rz", 0.5)]),
        ("sqrt:rz=0.5", [("sqrt", "rz", 0.5)]),
        ("to8bit:minmax+jpegls:near=0", []),
    ],
)
def test_every_target_of_a_chain_has_its_outcome(cells, spec, expected):
    chain = codec(spec, CAMERA)
    found = outcomes(chain, chain.apply(cells(96)).achieved)
    assert [(entry.step, entry.target, entry.goal) for entry in found] == expected
    assert all(np.isfinite(entry.achieved) and entry.met is (entry.miss <= 0.02) for entry in found)


def test_another_codec_has_no_targets():
    assert outcomes(codec(lambda frame: frame), {"ratio": 1.0}) == ()
