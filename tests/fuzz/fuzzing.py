"""Broken code streams: how they are made, and how a decoder is watched from another process while it reads them."""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import signal
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sigmaraw.codecs.lossless import METHODS
from sigmaraw.contracts import Encoded
from sigmaraw.errors import CodecFailed

SEED = 20260101
MEMORY = 16 << 30  # bytes of address space: a stream that claims a huge frame must not get it
SECONDS = 60.0  # without progress, then it hangs
CAMERA = "gain=0.5,offset=100,read_noise=1.6"
SPECS = [
    *[f"lossless:{method}" for method in METHODS],
    *["jpeg:quality=80", "jpeg:bits=12,quality=80", "jpeg:bits=16,lossless=true", "jpeg2000:level=60", "jpeg2000:lossless=true"],
    *["jpegxl:distance=1,effort=3", "jpegls:near=2", f"noiseaware:{CAMERA}", f"noiseaware:backend=zstd,{CAMERA}"],
    *["htj2k:step=8,bits=15", "jpegxr:quality=60", "jpegxr:lossless=true", "webp:quality=80", "webp:lossless=true"],
    *["avif:quality=60,bits=12,speed=10", "avif:lossless=true,speed=10", "zfp:maxerr=3", "sz3:maxerr=3", "sperr:maxerr=3"],
    *[
        "lerc:maxerr=3",
        "hevc:qp=20,bits=12",
        "hevc:lossless=true",
        "av1:qp=20,bits=10,preset=10",
        "av1:lossless=true,preset=10",
        "numcodecs:delta,dtype=<u2,then=zstd",
        "numcodecs:bitround,keepbits=6,cast=float32",
        'exec:encode="cp {in} {out}",decode="cp {in} {out}"',
        *[f"numcodecs:{name}" for name in ("blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd")],
    ],
]
KINDS = ("cut", "bits", "bytes", "longer", "doubled", "header", "zeros")


def mutated(stream: bytes, rng: np.random.Generator, kind: str) -> bytes:
    """Return `stream` with one kind of damage."""
    data = bytearray(stream)
    if kind == "cut" or not data:
        return bytes(data[: int(rng.integers(0, len(data) + 1))])
    if kind == "longer":
        return bytes(data) + rng.bytes(int(rng.integers(1, 4096)))
    if kind == "doubled":
        return bytes(data) * 2
    if kind == "zeros":
        start = int(rng.integers(0, len(data)))
        data[start : start + 32] = bytes(len(data[start : start + 32]))
        return bytes(data)
    reach = min(len(data), 64) if kind == "header" else len(data)
    for _ in range(int(rng.integers(1, 9))):
        place = int(rng.integers(0, reach))
        data[place] = data[place] ^ (1 << int(rng.integers(0, 8))) if kind == "bits" else int(rng.integers(0, 256))
    return bytes(data)


def mutation(encoded: Encoded, index: int) -> tuple[str, Encoded]:
    """Return the index-th broken stream, the same in every process; side data are damaged in one of five."""
    rng = np.random.default_rng([SEED, index])
    kind = KINDS[index % len(KINDS)]
    if encoded.side and rng.random() < 0.2:
        return kind, Encoded(encoded.payload, mutated(encoded.side, rng, kind))
    return kind, Encoded(mutated(encoded.payload, rng, kind), encoded.side)


def frames(dtype: str, top: int) -> Iterator[np.ndarray]:
    """Yield one noise-like and one smooth frame, of odd sizes."""
    rng = np.random.default_rng(1)
    yield rng.integers(0, top + 1, (21, 35)).astype(dtype)
    y, x = np.mgrid[:40, :33]
    yield np.rint(np.clip(0.3 + 0.01 * y + 0.005 * x + rng.normal(0, 0.01, y.shape), 0, 1) * top).astype(dtype)


@dataclass(frozen=True)
class Fault:
    """A broken stream that did harm: crash, hang, wrong shape or another exception than CodecFailed."""

    spec: str
    index: int
    what: str


def work(factory: str, spec: str, start: int, stop: int, progress: str) -> None:
    """Decode mutations start…stop−1; before each write its index to `progress`. A fault's words go there, and end the process."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    module, _, name = factory.partition(":")
    make: Callable[[str], Any] = getattr(importlib.import_module(module), name)
    step = make(spec, allow_exec=True).steps[0]
    bits = 8 if step.contract.dtypes == ("uint8",) else next((b for b in (10, 12, 15) if f"bits={b}" in spec), 16)
    dtype = step.contract.dtypes[-1]
    originals = [(frame, step.encode(frame)) for frame in frames(dtype, (1 << bits) - 1)]
    handle = os.open(progress, os.O_WRONLY)
    for index in range(start, stop):
        os.pwrite(handle, struct.pack("<q", index), 0)
        frame, encoded = originals[index // len(KINDS) % len(originals)]
        kind, broken = mutation(encoded, index)
        words = ""
        try:
            decoded = step.decode(broken, frame.shape, frame.dtype)
            if not isinstance(decoded, np.ndarray) or decoded.shape != frame.shape or decoded.dtype != frame.dtype:
                words = f"{kind}: came back as {getattr(decoded, 'dtype', type(decoded))} {getattr(decoded, 'shape', '')}"
        except CodecFailed:
            continue
        except BaseException as error:  # noqa: BLE001 - the very thing that is hunted: any other exception
            words = f"{kind}: {type(error).__name__} {error}"
        if words:
            os.pwrite(handle, words.encode()[:400], 8)
            os._exit(1)
    os._exit(0)


def hunt(spec: str, count: int, factory: str = "sigmaraw.codecs:codec") -> list[Fault]:
    """Return the faults among the first `count` mutations of a spec's streams; after each fault the hunt goes on behind it."""
    faults: list[Fault] = []
    start = 0
    while start < count:
        index, fault = _watch(factory, spec, start, count)
        if not fault:
            if index != count - 1:
                raise RuntimeError(f"the worker for {spec} ended at mutation {index} of {count}")
            return faults
        faults.append(Fault(spec, index, fault))
        start = index + 1
        if len(faults) >= 20:
            return [*faults, Fault(spec, index, "and so on: the hunt ends here")]
    return faults


def _watch(factory: str, spec: str, start: int, stop: int) -> tuple[int, str]:
    """Run `work` in another process; return the last index and the fault in words, empty when there was none."""
    with tempfile.NamedTemporaryFile() as progress:
        progress.write(struct.pack("<q", start - 1))
        progress.flush()
        child = _processes().Process(target=work, args=(factory, spec, start, stop, progress.name))
        child.start()
        seen, hung = start - 1, False
        while child.is_alive():
            child.join(SECONDS)
            now = _index(progress.name)
            if child.is_alive() and now == seen:
                hung = True
                child.kill()
            seen = now
        index, code = _index(progress.name), child.exitcode
        if code == 0:
            return index, ""
        if index < start:
            raise RuntimeError(f"the worker for {spec} did not start: exit code {code}, its words are on standard error")
        if hung:
            return index, f"no end within {SECONDS:g} s"
        if code is not None and code < 0:
            return index, f"the process died of {signal.Signals(-code).name}"
        return index, Path(progress.name).read_bytes()[8:].decode(errors="replace") or f"exit code {code}"


@functools.cache
def _processes() -> Any:
    """Return what starts workers: where forks exist, copies of one process that has imported the codecs, which takes longer than a hunt."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([__name__, "imagecodecs", "sigmaraw.codecs"])
    return found


def _index(path: str) -> int:
    return int(struct.unpack("<q", Path(path).read_bytes()[:8])[0])
