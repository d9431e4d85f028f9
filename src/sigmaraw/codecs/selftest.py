"""Self-tests at the first use of a build: what a codec library really does, before a study relies on it.

A family names `probes`: groups of settings, each of one setting, or of two from coarse to fine. Where it names none, its default
settings and its `lossless=true` are tried, if it has them. Where `probes` are given by method, each method has a result of its own:
one that fails is refused, and its family is not. Results are kept by library version (`selftest_cache`).
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.codecs import selftest_cache
from sigmaraw.codecs.calls import library_versions
from sigmaraw.contracts import CodecFamily, Coder, Encoded, Map
from sigmaraw.errors import CodecFailed, InvalidSpec, SigmarawError, UnsupportedArray

_SHAPES = ((1, 1), (1, 17), (17, 3), (4, 4), (17, 33))  # one pixel, odd sizes, and last axes that look like colours
_FRAMES = 9  # of a stack: one more than a group of pictures
_WRAP = 0.5  # of full scale: at a fine setting no pixel may be further off than this
_KEPT = 0.02  # of full scale: by no more may a processing step move the mean of a scene
Probe = tuple[str, ...]


class _Fault(Exception):
    """What a self-test found."""


def require(name: str, family: CodecFamily, settings: Mapping[str, Any]) -> None:
    """Run the self-test of the method that `settings` choose, once for each build. Raises CodecFailed with the reason when it fails."""
    method = _method(family, settings)
    reason = result(name, family, method)
    if reason:
        shown = f"{name}:{method}" if method else name
        raise CodecFailed(f"'{shown}' fails its self-test ({reason})", "a library that does what it says", "install another version of it")


def result(name: str, family: CodecFamily, method: str = "") -> str:
    """Return why a family's method fails its self-test: empty where it passes, or has nothing that can be tried alone."""
    return _result(name, cast(Hashable, family), method, build(family))


def results(name: str, family: CodecFamily) -> dict[str, str]:
    """Return the results of all methods of a family that are tested; the only one of a family without methods is called ""."""
    return {method: result(name, family, method) for method, probes in methods(family).items() if probes}


@functools.lru_cache(maxsize=256)
def _result(name: str, family: Any, method: str, versions_in_use: str) -> str:
    entry = f"{name}:{method}" if method else name
    kept = selftest_cache.read(entry, versions_in_use)
    if kept is not None:
        return kept
    reason = run(family, method)
    selftest_cache.write(entry, versions_in_use, reason)
    return reason


def _method(family: CodecFamily, settings: Mapping[str, Any]) -> str:
    """Return which tested method the settings choose, by the family's `method_key` or its first parameter."""
    key = family.method_key or (family.parameters[0].name if family.parameters else "")
    chosen = str(settings.get(key, ""))
    return chosen if chosen in methods(family) else ""


def build(family: CodecFamily) -> str:
    """Return what a result belongs to: library versions, and this package's and the family's own source."""
    sources = [inspect.getsourcefile(kind) for kind in (family, _Fault)]
    return selftest_cache.key(library_versions(family), [source for source in sources if source is not None])


def methods(family: CodecFamily) -> dict[str, tuple[Probe, ...]]:
    """Return the settings to try, by method."""
    declared = family.probes
    if isinstance(declared, Mapping):
        return {method: tuple(probes) for method, probes in declared.items()}
    if declared is not None:
        return {"": tuple(declared)}
    if family.needs_camera or any(parameter.required for parameter in family.parameters):
        return {"": ()}
    lossless = any(parameter.name == "lossless" for parameter in family.parameters)
    return {"": (("lossless=true",),) if lossless else (("",),)}


def run(family: CodecFamily, method: str = "") -> str:
    """Return the first fault that the probes of a family's method show, in words; empty where there is none."""
    for probe in methods(family).get(method, ()):
        try:
            tried = [_try(family, settings, fine=position == len(probe) - 1) for position, settings in enumerate(probe)]
        except (_Fault, SigmarawError) as fault:
            return f"{' then '.join(probe) or 'default settings'}: {fault}"
        if any(not second.differs(first) for first, second in itertools.pairwise(tried)):
            return f"{' then '.join(probe)}: {[entry.nbytes for entry in tried]} bytes, so the setting does nothing"
    return ""


def trial(step: Coder, bits: int | None = None) -> dict[str, bool]:
    """Return the dtypes of a step's contract that it takes, and of each whether all frames came back exactly.

    Raises CodecFailed with the first fault in each dtype where it takes none.
    """
    taken, faults = {}, []
    for dtype in map(np.dtype, step.contract.dtypes):
        try:
            taken[dtype.name] = _all_frames(step, dtype, _top(dtype, bits), fine=True).exact
        except (_Fault, SigmarawError) as fault:
            faults.append(f"{dtype.name}: {' '.join(str(fault).split())}")
    if not taken:
        raise CodecFailed(
            f"'{step.name}' fails its trial ({'; '.join(faults)})", "frames that come back", "choose another setting or codec"
        )
    return taken


@dataclass(frozen=True)
class _Tried:
    """What one setting made of all frames: bytes of the scenes, hash of their decoded pixels, whether all frames were exact."""

    nbytes: int
    pixels: int
    exact: bool
    processing: bool

    def differs(self, coarse: _Tried) -> bool:
        """Return whether this finer setting shows: in more bytes, or for a processing step in other pixels."""
        return self.pixels != coarse.pixels if self.processing else self.nbytes > coarse.nbytes


def _top(dtype: np.dtype[Any], bits: int | None) -> int:
    container = 8 * dtype.itemsize
    return (1 << (container if bits is None else min(bits, container))) - 1


def _make(family: CodecFamily, settings: str) -> tuple[Coder | Map, int | None]:
    """Return a step with these settings, and the bit depth that they state."""
    step = registry.parse_step("probe:" + settings if settings else "probe")
    first = step.bare if step.bare is not None else step.keys.get(family.parameters[0].name) if family.parameters else None
    values = registry.typed(step, family.parameters_for(first))
    return family(**values), values.get("bits")


def _try(family: CodecFamily, settings: str, *, fine: bool) -> _Tried:
    """Check one setting on all frames of all its dtypes."""
    try:
        step, bits = _make(family, settings)
    except InvalidSpec as error:
        raise _Fault(f"its own probe is refused ({error})") from error
    parts = []
    for dtype in map(np.dtype, step.contract.dtypes):
        top = _top(dtype, bits)
        parts.append(_all_frames(step, dtype, top, fine=fine))
        if bits is not None and bits < 8 * dtype.itemsize:
            _check_refusal(step, np.full((8, 8), top + 1, dtype))
    return _Tried(
        sum(part.nbytes for part in parts),
        hash(tuple(part.pixels for part in parts)),
        all(part.exact for part in parts),
        step.contract.processing,
    )


def _all_frames(step: Coder | Map, dtype: np.dtype[Any], top: int, *, fine: bool) -> _Tried:
    """Check one setting on all frames of a dtype. Raises _Fault, or what the step raises."""
    total, pixels, exact = 0, 0, True
    for label, frame in _frames(dtype, top, stacks=step.contract.axes == "stack"):
        decoded, nbytes = _through(step, frame)
        _check(step, frame, decoded, f"{label} {dtype} {frame.shape}", top if fine else None)
        exact = exact and np.array_equal(decoded, frame)
        if label == "scene":
            total, pixels = nbytes, hash(decoded.tobytes())
    return _Tried(total, pixels, exact, step.contract.processing)


def _frames(dtype: np.dtype[Any], top: int, *, stacks: bool) -> Iterator[tuple[str, NDArray[np.integer]]]:
    rng = np.random.default_rng(1)
    for shape in _SHAPES:
        yield "dark", np.zeros(shape, dtype)
        yield "saturated", np.full(shape, top, dtype)
        yield "noise", rng.integers(0, top + 1, shape).astype(dtype)
    if stacks:  # dark and saturated in turn: frames in another order, or read as colours, are off by full scale
        turns = np.where(np.arange(_FRAMES) % 2, top, 0).astype(dtype)
        yield "stack", np.broadcast_to(turns[:, None, None], (_FRAMES, 17, 33)).copy()
    y, x = np.mgrid[:64, :48]
    yield "edge", np.where(x < 24, 0, top).astype(dtype)
    mean = 0.2 + 0.5 * np.exp(-((y - 30) ** 2 + (x - 20) ** 2) / 120)
    yield "scene", np.rint(np.clip(mean + rng.normal(0, 0.02, mean.shape), 0, 1) * top).astype(dtype)


def _through(step: Coder | Map, frame: NDArray[np.integer]) -> tuple[Any, int]:
    """Return the frame after a round trip, and the bytes. The step gets a copy: it must not change the frame."""
    given = frame.copy()
    if isinstance(step, Map):
        mapped, side = step.forward(given)
        decoded, nbytes = step.inverse(mapped, side, frame.dtype), mapped.nbytes + len(side)
    else:
        encoded = step.encode(given)
        decoded = step.decode(Encoded(encoded.payload, encoded.side), frame.shape, frame.dtype)
        nbytes = len(encoded.payload) + len(encoded.side)
    if not np.array_equal(given, frame):
        raise _Fault(f"it changes its input of shape {frame.shape}")
    return decoded, nbytes


def _check(step: Coder | Map, frame: NDArray[np.integer], decoded: Any, where: str, top: int | None) -> None:
    """Raise _Fault for a wrong shape or dtype, a broken promise, and at a fine setting for a pixel that wrapped around."""
    if not isinstance(decoded, np.ndarray) or decoded.shape != frame.shape or decoded.dtype != frame.dtype:
        raise _Fault(f"{where} came back as {getattr(decoded, 'dtype', type(decoded).__name__)} {getattr(decoded, 'shape', '')}")
    worst = int(np.abs(decoded.astype(np.int64) - frame).max())
    bound = 0 if step.contract.lossless else step.contract.max_error
    if bound is not None and worst > bound:
        raise _Fault(f"{where} is off by {worst} DN, though {step.contract.guarantee} is promised")
    if step.contract.regrades:
        if np.any(np.diff(decoded.ravel()[np.argsort(frame, axis=None, kind="stable")].astype(np.int64)) < 0):
            raise _Fault(f"{where} has brighter pixels that came back darker: values wrap around")
    elif step.contract.processing:
        _check_processing(frame, decoded, where, worst)
    elif top is not None and worst > _WRAP * top:
        raise _Fault(f"{where} is off by {worst} of {top} DN: values wrap around or are clipped")


def _check_processing(frame: NDArray[np.integer], decoded: NDArray[np.integer], where: str, worst: int) -> None:
    """A processing step may smooth noise away, however large; a flat frame must stay, and so must the mean of any scene."""
    if frame.min() == frame.max() and worst > 1:
        raise _Fault(f"{where} is flat, and is off by {worst} DN")
    moved = abs(float(decoded.mean()) - float(frame.mean()))
    if where.startswith("scene") and moved > _KEPT * float(frame.max()):
        raise _Fault(f"{where} is off by {moved:.3g} DN in the mean")


def _check_refusal(step: Coder | Map, frame: NDArray[np.integer]) -> None:
    """A value beyond the stated bit depth must be refused: a library that clips would do so in silence."""
    try:
        _through(step, frame)
    except UnsupportedArray:
        return
    raise _Fault(f"a pixel of {int(frame[0, 0])} DN beyond the stated bit depth is taken")
