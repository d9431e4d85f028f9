"""Every target on every family with a knob: what is reported is what a direct calculation gives, and what can be reached is reached."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sigmaraw import registry
from sigmaraw.codecs import codec, describe
from sigmaraw.contracts import CodecContract, Coder, Encoded, Knob, Parameter
from sigmaraw.errors import InvalidSpec, UnreachableTarget
from sigmaraw.noise import NoiseModel

CAMERA = NoiseModel(gain_dn_per_e=0.5, offset_dn=100.0, read_noise_e=1.6, bits=12)
# Per family: what stands beside the knob, settings of the knob over which the target is taken from, what follows the step.
FAMILIES = {
    "av1": ("bits=10,preset=10", (3, 7), ""),
    "avif": ("bits=12,speed=10", (30, 80), ""),
    "hevc": ("bits=12,preset=ultrafast", (8, 24), ""),
    "htj2k": ("bits=12", (9.0, 70.0), ""),
    "jpeg": ("bits=12", (40, 85), ""),
    "jpeg2000": ("bits=12", (55.0, 68.0), ""),
    "jpegls": ("", (2, 9), ""),
    "jpegxl": ("bits=12,effort=3", (0.05, 0.3), ""),
    "jpegxr": ("", (80.0, 92.0), ""),
    "lerc": ("", (3, 14), ""),
    "noiseaware": ("backend=jpegls", (0.6, 2.0), ""),
    "numcodecs:bitround": ("cast=float32,then=zstd,bits=12", (3, 6), ""),
    "numcodecs:quantize": ("dtype=<f8,cast=float64,then=zstd,bits=12", (-1, -2), ""),
    "sperr": ("", (3, 14), ""),
    "sqrt": ("", (0.3, 1.4), "+jpegls"),
    "sz3": ("", (2, 7), ""),
    "webp": ("", (30.0, 80.0), ""),
    "zfp": ("", (3, 14), ""),
}
COARSE = ("av1", "avif", "hevc", "jpeg", "jpegls", "lerc", "numcodecs:bitround", "sperr", "sz3", "zfp")  # whole numbers only


def made(family, text):
    """A family by its name, or by its name and its first key's value."""
    beside, _, after = FAMILIES[family]
    name, _, first = family.partition(":")
    return codec(f"{name}:{','.join(part for part in (first, text, beside) if part)}{after}", CAMERA)


def knob_of(family):
    name, _, first = family.partition(":")
    loaded = registry.load(registry.CODECS, name)
    return (loaded.contract_for(first) if first else loaded.contract).axis


def frame_for(family, cells):
    raw = cells(96)
    return (raw // 8).astype(np.uint8) if family == "webp" else raw


def direct(target, raw, decoded, nbytes):
    """What was reached, from the definitions alone."""
    error = decoded.astype(float) - raw.astype(float)
    return {
        "ratio": raw.nbytes / nbytes,
        "bpp": 8 * nbytes / raw.size,
        "psnr": 20 * math.log10(2**CAMERA.bits - 1) - 10 * math.log10(np.mean(error**2)),
        "maxerr": float(np.abs(error).max()),
        "rz": math.sqrt(np.mean(error**2 / (0.5 * np.maximum(raw.astype(float) - 100, 0) + (0.5 * 1.6) ** 2 + 1 / 12))),
    }[target]


def test_every_family_with_a_knob_is_here():
    with_knob = {entry["name"]: entry for entry in describe() if entry["available"] and entry["targets"]}
    inner = {f"{entry['name']}:{first}": of for entry in describe() if entry["available"] for first, of in entry["knobs"].items()}
    assert {*with_knob, *inner} >= set(FAMILIES)
    assert all(of == {"knob": knob_of(name).name, "targets": ["ratio", "bpp", "psnr", "maxerr", "rz"]} for name, of in inner.items())
    for name, entry in with_knob.items():
        expected = {"ratio", "bpp", "psnr", "maxerr", "rz"} - {entry["knob"]}
        assert set(entry["targets"]) == expected, name
        assert expected | {"range", "frozen"} <= {parameter["name"] for parameter in entry["parameters"]}


@pytest.mark.parametrize("target", ["ratio", "bpp", "psnr", "maxerr", "rz"])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_some_setting_reaches_is_reached(family, target, cells):
    knob = knob_of(family)
    if target == knob.name:
        pytest.skip("the family's own knob")
    raw = frame_for(family, cells)
    for setting in FAMILIES[family][1]:
        at = made(family, f"{knob.name}={setting}")
        decoded, nbytes = at.roundtrip(raw)
        goal = direct(target, raw, decoded, nbytes)
        if target == "ratio" and goal < 1:
            continue
        result = made(family, f"{target}={goal if target != 'maxerr' else int(goal)!r}").apply(raw)
        reached = direct(target, raw, result.decoded, result.nbytes)
        entry = result.achieved
        assert entry[target] == pytest.approx(reached, rel=1e-9)
        assert entry["target_met"] is True
        if target == "maxerr":
            assert reached <= goal
        elif target == "psnr":
            assert reached == pytest.approx(goal, abs=0.5)
        else:
            assert reached == pytest.approx(goal, rel=0.02)


@pytest.mark.parametrize("family", COARSE)
def test_whole_number_knobs_give_the_nearest_step(family, cells):
    """Between two neighbours' ratios no setting lies: the nearer one is returned, or one within the 1.5 % that end the search."""
    raw = frame_for(family, cells)
    knob = knob_of(family)
    low = FAMILIES[family][1][0]
    sizes = {value: raw.nbytes / made(family, f"{knob.name}={value}").roundtrip(raw)[1] for value in range(low - 2, low + 4)}
    goal = math.sqrt(sizes[low] * sizes[low + 1]) * 1.003
    achieved = made(family, f"ratio={goal!r}").apply(raw).achieved
    best = min(sizes, key=lambda value: abs(math.log(sizes[value] / goal)))
    assert abs(math.log(achieved["ratio"] / goal)) <= max(abs(math.log(sizes[best] / goal)) * (1 + 1e-9), 0.015)
    assert achieved["target_met"] is (abs(achieved["ratio"] / goal - 1) <= 0.02)


@pytest.mark.parametrize("family", ["jpegxl", "jpegls", "noiseaware", "numcodecs:bitround", "sz3", "htj2k"])
def test_frozen_keeps_the_setting_and_without_it_every_image_is_targeted(family, cells):
    first, second = cells(96, 0), cells(96, 1) // 2 + 50  # half the contrast: another rate at the same setting
    knob = knob_of(family).name
    again, frozen = made(family, "ratio=7"), made(family, "ratio=7,frozen=true")
    assert again.freeze(first) is again
    fixed = frozen.freeze(first)
    own = fixed.resolved()["steps"][0][knob]
    assert own == again.apply(first).achieved[knob] == fixed.apply(second).achieved[knob]
    assert fixed.apply(second).achieved["ratio"] > 1.02 * again.apply(second).achieved["ratio"]
    assert again.resolved()["steps"][0][knob] is None
    assert np.array_equal(
        fixed.roundtrip(second)[0], made(family, f"{knob}={own:g}" if own == int(own) else f"{knob}={own!r}").roundtrip(second)[0]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jpegls:ratio=4,psnr=60", "ratio and psnr"),
        ("jpegls:near=2,bpp=3", "near and bpp"),
        ("noiseaware:q=1,ratio=4", "q and ratio"),
        ("jpeg2000:lossless=true,rz=1", "rz and lossless=true"),
        ("jpegxl:distance=1,frozen=true", "frozen=true and no target"),
        ("jpegxl:rz=1,range=4095", "range= but no psnr="),
        ("lossless:ratio=4", "no key 'ratio'"),
        ("to8bit:minmax,ratio=4", "no key 'ratio'"),
        ("gaussian:sigma=1,ratio=4", "no key 'ratio'"),
        ("median:size=3,psnr=60", "no key 'psnr'"),
        ("denoise:nlm,rz=1", "no key 'rz'"),
        ("bin:size=2,bpp=4", "no key 'bpp'"),
        ("numcodecs:zstd,ratio=4", "no key 'ratio'"),
        ("numcodecs:bitround,keepbits=4,ratio=4,cast=float32", "keepbits and ratio"),
        ("numcodecs:bitround,cast=float32", "without 'keepbits'"),
    ],
)
def test_two_ways_at_once_or_none_are_refused_in_one_line(text, message):
    with pytest.raises(InvalidSpec, match=message) as caught:
        codec(text, CAMERA)
    assert "\n" not in str(caught.value)


def test_rz_needs_a_camera():
    with pytest.raises(InvalidSpec, match="rz= and no camera"):
        codec("jpegxl:rz=0.5")


def test_two_steps_may_not_aim_at_one_code_stream(cells):
    with pytest.raises(InvalidSpec, match="one target"):
        codec("sqrt:rz=0.3+jpegxl:ratio=9", CAMERA).roundtrip(cells(64))


def test_each_coder_of_a_chain_may_have_its_own(cells):
    raw = cells(128)
    result = codec("jpegxl:ratio=6,effort=3,bits=12+jpegls:ratio=9", CAMERA).apply(raw)
    assert result.achieved["1.jpegxl.ratio"] == pytest.approx(6, rel=0.02)
    assert result.achieved["ratio"] == raw.nbytes / result.nbytes == pytest.approx(9, rel=0.1)


def test_errors_are_those_of_the_whole_chain_in_dn(cells):
    raw = cells(128)
    result = codec("to8bit:shift,bits=12+jpegls:maxerr=40").apply(raw)
    assert np.abs(result.decoded.astype(int) - raw).max() == result.achieved["maxerr"] <= 40
    assert result.achieved["near"] == 2  # 16 DN a code: two codes off are 32 DN, and the map's half step is 8


@pytest.mark.parametrize("processing", ["gaussian:sigma=1", "median:size=3", "denoise:nlm", "bin:size=2"])
def test_a_target_behind_a_processing_step_counts_what_that_step_does(processing, cells):
    """What the step smoothed away is part of the error, so that no setting behind it comes below the step's own."""
    raw = cells(96)
    alone = direct("rz", raw, codec(processing, CAMERA).roundtrip(raw)[0], 1)
    goal = 1.25 * alone
    result = codec(f"{processing}+noiseaware:rz={goal!r},backend=jpegls", CAMERA).apply(raw)
    assert direct("rz", raw, result.decoded, 1) == pytest.approx(result.achieved["rz"], rel=1e-9) == pytest.approx(goal, rel=0.02)
    assert result.achieved["target_met"] is True
    with pytest.raises(UnreachableTarget, match="comes no nearer than rz="):
        codec(f"{processing}+noiseaware:rz={0.4 * alone!r},backend=jpegls", CAMERA).roundtrip(raw)


def test_while_the_knob_is_sought_no_configuration_states_it(cells):
    sought = codec("numcodecs:bitround,cast=float32,then=zstd,ratio=5,frozen=true")
    assert sought.resolved()["steps"][0]["config"] == {"id": "bitround", "keepbits": None}
    frozen = sought.freeze(cells(96)).resolved()
    kept = frozen["steps"][0]["config"]["keepbits"]
    assert frozen["full_spec"] == f"numcodecs:id=bitround,cast=float32,then=zstd,dims=2,keepbits={kept}"


@pytest.mark.parametrize("text", ["jpegxl:maxerr=0,effort=3", "jpegxr:psnr=190", "webp:psnr=90", "zfp:ratio=500"])
def test_out_of_reach_says_the_nearest(text, cells):
    raw = cells(64)
    with pytest.raises(UnreachableTarget, match=r"comes no nearer than (maxerr|psnr|ratio)=[\d.e+]+"):
        codec(text, CAMERA).roundtrip((raw // 8).astype(np.uint8) if "webp" in text else raw)


class Shifted(Coder):
    """An outside coder of one line: it drops `drop` low bits. All that it says of targets is its knob's range."""

    name = "shifted"
    parameters = (Parameter("drop", int, required=True, minimum=0, maximum=15, unit="bit", help="low bits to drop"),)
    contract = CodecContract(
        ("uint16",),
        lossless=False,
        knob="drop",
        knob_direction=-1,
        axis=Knob("drop", 0, 15, scale="linear", integer=True, direction=-1, step=2, resolution=0.5),
    )

    def __init__(self, *, drop):
        self.drop = drop

    def encode(self, frame):
        return Encoded(codec("lossless").steps[0].encode(frame >> self.drop).payload, achieved={"drop": float(self.drop)})

    def decode(self, encoded, shape, dtype):
        half = (1 << self.drop) // 2
        return ((codec("lossless").steps[0].decode(encoded, shape, dtype).astype(np.uint32) << self.drop) + half).astype(dtype)


def test_an_outside_family_gets_targets_by_declaring_its_knob(cells, monkeypatch):
    real = registry.load
    monkeypatch.setattr(registry, "load", lambda group, name: Shifted if name == "shifted" else real(group, name))
    raw = cells(96)
    assert codec("shifted:maxerr=8").apply(raw).achieved["drop"] == 4
    assert codec("shifted:maxerr=7").apply(raw).achieved["drop"] == 3
    sizes = {drop: raw.nbytes / codec(f"shifted:drop={drop}").roundtrip(raw)[1] for drop in range(12)}
    assert codec("shifted:ratio=6").apply(raw).achieved["drop"] == min(sizes, key=lambda drop: abs(math.log(sizes[drop] / 6)))
    with pytest.raises(InvalidSpec, match="without 'drop'"):
        codec("shifted")


def test_the_search_starts_from_the_hint_and_ends_at_the_same_promise(cells):
    chain = made("jpeg2000", "rz=0.5")
    cold = chain.apply(cells(96, 0))
    warm = chain.apply(cells(96, 1), cold.hint)
    assert warm.achieved["evaluations"] < cold.achieved["evaluations"]
    assert warm.achieved["rz"] == pytest.approx(0.5, rel=0.02)
