"""Self-tests find the faults that libraries have had, run once for a build, and refuse a family that fails."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import imagecodecs
import numpy as np
import pytest
from scipy import ndimage

from sigmaraw import files
from sigmaraw.codecs import codec, describe, lossless, selftest, selftest_cache
from sigmaraw.codecs.jpegls import JpegLs
from sigmaraw.contracts import CodecContract, Coder, Encoded, Map, Parameter
from sigmaraw.errors import CodecFailed, UnsupportedArray


class Coarse(Coder):
    """Codes x // step as bytes, with one fault at a time."""

    name = "coarse"
    parameters = (Parameter("step", int, minimum=1, maximum=64), Parameter("bits", int, 12, minimum=9, maximum=16))
    probes: ClassVar[tuple[tuple[str, ...], ...]] = (("step=64", "step=2"),)
    fault = ""

    def __init__(self, *, step: int, bits: int) -> None:
        self.step, self.bits = step, bits
        self.contract = CodecContract(
            ("uint16",), lossless=self.fault == "claims exact", guarantee="|error| < step", max_error=0 if self.fault == "bound" else step
        )

    def encode(self, frame: Any) -> Encoded:
        if self.fault == "writes":
            frame[0, 0] += 1
        if self.fault != "clips" and int(frame.max()) >> self.bits:
            raise UnsupportedArray("too large", "less", "no")
        step = 2 if self.fault == "dead knob" else self.step
        values = np.minimum(frame, (1 << self.bits) - 1) // step
        return Encoded(bytes(imagecodecs.zlib_encode(values.astype("<u2").tobytes())), bytes([step]))

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: Any) -> Any:
        codes = np.frombuffer(imagecodecs.zlib_decode(encoded.payload), "<u2").reshape(shape)
        values = codes.astype(np.int64) * encoded.side[0]
        if self.fault == "wraps":
            values = np.where(values > 4090, 0, values)
        if self.fault == "colours" and shape[-1] in (3, 4):
            return values.astype(dtype)[..., 0]
        return values.astype(np.int32 if self.fault == "dtype" else dtype)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("writes", "changes its input"),
        ("claims exact", "is promised"),
        ("bound", "is promised"),
        ("dead knob", "does nothing"),
        ("clips", "4096 DN beyond the stated bit depth is taken"),
        ("wraps", "off by"),
        ("colours", "came back as uint16"),
        ("dtype", "came back as int32"),
    ],
)
def test_each_fault_is_found(fault, words, monkeypatch):
    monkeypatch.setattr(Coarse, "fault", fault)
    assert words in selftest.run(Coarse)


def test_without_a_fault_nothing_is_found():
    assert selftest.run(Coarse) == ""


def test_wrapping_is_found_without_a_promised_bound(monkeypatch):
    monkeypatch.setattr(Coarse, "fault", "wraps")
    original = Coarse.__init__

    def promise_nothing(self: Coarse, **settings: Any) -> None:
        original(self, **settings)
        self.contract = CodecContract(("uint16",), lossless=False)

    monkeypatch.setattr(Coarse, "__init__", promise_nothing)
    assert "wrap around" in selftest.run(Coarse)


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty cache folder, and no result remembered in this process."""
    monkeypatch.setenv("SIGMARAW_CACHE", str(tmp_path))
    selftest._result.cache_clear()
    yield tmp_path
    selftest._result.cache_clear()


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls: list[Any] = []
    original = selftest.run
    monkeypatch.setattr(selftest, "run", lambda family, method="": calls.append(family) or original(family, method))
    return calls


def test_a_result_is_kept_for_the_build_and_made_again_for_another(fresh, monkeypatch):
    calls = _counted(monkeypatch)
    for _ in range(2):
        codec("jpegls:near=1")
        selftest._result.cache_clear()  # as a new process
    assert len(calls) == 1
    kept = json.loads((fresh / "selftests.json").read_text())
    assert kept["jpegls"]["reason"] == ""
    monkeypatch.setattr(selftest, "library_versions", lambda family: {"charls": "0.0"})
    codec("jpegls:near=1")
    assert len(calls) == 2


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"jpegls": 3}', '{"jpegls": {"build": 1}}'])
def test_a_damaged_cache_counts_as_empty(fresh, content, monkeypatch):
    (fresh / "selftests.json").write_text(content)
    calls = _counted(monkeypatch)
    codec("jpegls:near=1")
    assert len(calls) == 1
    assert selftest_cache.read("jpegls", selftest.build(JpegLs)) == ""


def test_a_folder_that_cannot_be_written_is_no_obstacle(fresh, monkeypatch):
    (fresh / "file").write_text("")
    monkeypatch.setenv("SIGMARAW_CACHE", str(fresh / "file"))
    raw = np.arange(64, dtype=np.uint16).reshape(8, 8)
    assert np.array_equal(codec("jpegls").roundtrip(raw)[0], raw)


def test_a_failing_family_is_refused_with_the_reason(fresh, monkeypatch):
    monkeypatch.setattr(JpegLs, "decode_payload", lambda self, payload: imagecodecs.jpegls_decode(payload) | 1)
    with pytest.raises(CodecFailed, match=r"'jpegls' fails its self-test \(near=7.*off by"):
        codec("jpegls:near=0")
    listed = {entry["name"]: entry for entry in describe()}
    assert "off by" in listed["jpegls"]["fault"]
    assert listed["jpegxr"]["fault"] == ""


def test_a_failing_method_is_refused_and_its_family_is_not(fresh, monkeypatch):
    broken = lossless._MORE["lzma"][0], lambda payload, shape, dtype: np.zeros(shape, dtype)
    monkeypatch.setitem(lossless._MORE, "lzma", broken)
    with pytest.raises(CodecFailed, match=r"'lossless:lzma' fails its self-test \(lzma: saturated uint8 \(1, 1\) is off by 255"):
        codec("lossless:lzma")
    assert codec("lossless:png").roundtrip(np.eye(5, dtype=np.uint16))[1] > 0
    kept = json.loads((fresh / "selftests.json").read_text())
    assert kept["lossless:lzma"]["reason"]
    assert kept["lossless:png"]["reason"] == ""
    (entry,) = (entry for entry in describe() if entry["name"] == "lossless")
    assert [method for method, fault in entry["tests"].items() if fault] == ["lzma"]
    assert list(entry["tests"]) == list(lossless.METHODS)
    assert entry["fault"].startswith("lzma: lzma: saturated")


def test_a_method_is_found_by_its_key(fresh, monkeypatch):
    tried: list[Any] = []
    monkeypatch.setattr(selftest, "run", lambda family, method="": tried.append((family.name, method)) or "")
    camera = "gain=0.5,offset=100,read_noise=1.6"
    for spec in ("lossless", "lossless:png", f"noiseaware:backend=zstd,{camera}", "numcodecs:zlib", "numcodecs:crc32", "jpegls"):
        codec(spec)
    assert tried == [(n, m) for n, m in (("lossless", "zstd"), ("lossless", "png"), ("noiseaware", "zstd"), ("numcodecs", "zlib"))] + [
        ("numcodecs", ""),
        ("jpegls", ""),
    ]


class Video(Coarse):
    """Codes a stack whole, and gives its frames back in another order."""

    probes: ClassVar[tuple[tuple[str, ...], ...]] = (("step=64,bits=16", "step=2,bits=16"),)
    turned = 0

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.contract = CodecContract(("uint16",), lossless=False, axes="stack")

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: Any) -> Any:
        decoded = super().decode(encoded, shape, dtype)
        return np.roll(decoded, self.turned, axis=0) if len(shape) == 3 else decoded


def test_frames_of_a_stack_in_another_order_are_found(monkeypatch):
    assert selftest.run(Video) == ""
    monkeypatch.setattr(Video, "turned", 1)
    assert "stack uint16 (9, 17, 33) is off by" in selftest.run(Video)


class Smooth(Map):
    """A processing step: shifts the mean, changes a flat frame, or has a dead knob, one fault at a time."""

    name = "smooth"
    parameters = (Parameter("size", int, minimum=1, maximum=64),)
    contract = CodecContract(("uint8",), lossless=False, processing=True)
    probes: ClassVar[tuple[tuple[str, ...], ...]] = (("size=9", "size=1"),)
    fault = ""

    def __init__(self, *, size: int) -> None:
        self.size = 1 if self.fault == "dead knob" else size

    def forward(self, frame: Any) -> Any:
        smooth = ndimage.uniform_filter(frame, self.size)
        if self.fault == "mean" and frame.min() != frame.max():
            smooth = smooth // 2
        return (frame // 2 if self.fault == "flat" else smooth), b""

    def inverse(self, mapped: Any, side: bytes, dtype: Any) -> Any:
        return mapped


@pytest.mark.parametrize(
    ("fault", "words"), [("", ""), ("mean", "in the mean"), ("flat", "is flat, and is off"), ("dead knob", "does nothing")]
)
def test_a_processing_step_may_smooth_noise_and_nothing_else(fault, words, monkeypatch):
    monkeypatch.setattr(Smooth, "fault", fault)
    assert words in selftest.run(Smooth)
    assert bool(words) == bool(selftest.run(Smooth))


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"SIGMARAW_CACHE": "/a"}, "/a"),
        ("linux", {"XDG_CACHE_HOME": "/b"}, "/b/sigmaraw"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/x/.cache/sigmaraw"),
        ("linux", {}, "/home/x/.cache/sigmaraw"),
        ("darwin", {}, "/home/x/Library/Caches/sigmaraw"),
    ],
)
def test_the_cache_folder_is_the_systems(platform, variables, expected, monkeypatch):
    for name in ("SIGMARAW_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/x", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(files.sys, "platform", platform)
    assert files.cache_folder().as_posix() == expected
