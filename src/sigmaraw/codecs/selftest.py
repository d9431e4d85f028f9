"""Self-tests at the first use of a build: what a codec library really does, before a study relies on it.

A family names `probes`: groups of settings, each of one setting, or of two from coarse to fine. Where it names none, its default
settings and its `lossless=true` are tried, if it has them. Results are kept by library version (`selftest_cache`).
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Hashable, Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.codecs import selftest_cache
from sigmaraw.codecs.calls import versions
from sigmaraw.contracts import CodecFamily, Coder, Encoded, Map, OpenFamily
from sigmaraw.errors import CodecFailed, InvalidSpec, SigmarawError, UnsupportedArray

_SHAPES = ((1, 1), (1, 17), (17, 3), (4, 4), (17, 33))  # one pixel, odd sizes, and last axes that look like colours
_WRAP = 0.5  # of full scale: at a fine setting no pixel may be further off than this
Probe = tuple[str, ...]


class _Fault(Exception):
    """What a self-test found."""


def require(name: str, family: CodecFamily) -> None:
    """Run a family's self-test once for each build. Raises CodecFailed with the reason when it fails."""
    reason = result(name, family)
    if reason:
        raise CodecFailed(f"'{name}' fails its self-test ({reason})", "a library that does what it says", "install another version of it")


def result(name: str, family: CodecFamily) -> str:
    """Return why a family fails its self-test: empty where it passes, or has nothing that can be tried alone."""
    return _result(name, cast(Hashable, family), build(family))


@functools.lru_cache(maxsize=256)
def _result(name: str, family: Any, versions_in_use: str) -> str:
    known = selftest_cache.read(name, versions_in_use)
    if known is not None:
        return known
    reason = run(family)
    selftest_cache.write(name, versions_in_use, reason)
    return reason


def build(family: CodecFamily) -> str:
    """Return what a result belongs to: library versions, and this package's and the family's own source."""
    own = family.build() if hasattr(family, "build") else versions(tuple(getattr(family, "libraries", ())))
    sources = [inspect.getsourcefile(kind) for kind in (family, _Fault) if inspect.isclass(kind)]
    return selftest_cache.key(own, [source for source in sources if source is not None])


def probes(family: CodecFamily) -> tuple[Probe, ...]:
    """Return the settings to try."""
    declared = getattr(family, "probes", None)
    if declared is not None:
        return tuple(declared)
    if family.needs_camera or any(parameter.required for parameter in family.parameters):
        return ()
    lossless = any(parameter.name == "lossless" for parameter in family.parameters)
    return (("lossless=true",),) if lossless else (("",),)


def run(family: CodecFamily) -> str:
    """Return the first fault that a family's probes show, in words; empty where there is none."""
    for probe in probes(family):
        try:
            sizes = [_try(family, settings, fine=position == len(probe) - 1) for position, settings in enumerate(probe)]
        except (_Fault, SigmarawError) as fault:
            return f"{' then '.join(probe) or 'default settings'}: {fault}"
        if any(second <= first for first, second in itertools.pairwise(sizes)):
            return f"{' then '.join(probe)}: {sizes} bytes, so the setting does nothing"
    return ""


def _make(family: CodecFamily, settings: str) -> tuple[Coder | Map, int | None]:
    """Return a step with these settings, and the bit depth that they state."""
    step = registry.parse_step("probe:" + settings if settings else "probe")
    first = step.bare if step.bare is not None else step.keys.get(family.parameters[0].name) if family.parameters else None
    parameters = family.parameters_for(first) if isinstance(family, OpenFamily) else family.parameters
    values = registry.typed(step, parameters)
    return family(**values), values.get("bits")


def _try(family: CodecFamily, settings: str, *, fine: bool) -> int:
    """Check one setting on all frames; return the bytes of the scene."""
    try:
        step, bits = _make(family, settings)
    except InvalidSpec as error:
        raise _Fault(f"its own probe is refused ({error})") from error
    total = 0
    for dtype in step.contract.dtypes:
        container = 8 * np.dtype(dtype).itemsize
        top = (1 << (container if bits is None else min(bits, container))) - 1
        for label, frame in _frames(np.dtype(dtype), top):
            decoded, nbytes = _through(step, frame)
            where = f"{label} {dtype} {frame.shape}"
            _check(step, frame, decoded, where, top if fine else None)
            total += nbytes if label == "scene" else 0
        if bits is not None and bits < container:
            _check_refusal(step, np.full((8, 8), top + 1, dtype))
    return total


def _frames(dtype: np.dtype[Any], top: int) -> Iterator[tuple[str, NDArray[np.integer]]]:
    rng = np.random.default_rng(1)
    for shape in _SHAPES:
        yield "dark", np.zeros(shape, dtype)
        yield "saturated", np.full(shape, top, dtype)
        yield "noise", rng.integers(0, top + 1, shape).astype(dtype)
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
    if top is not None and worst > _WRAP * top:
        raise _Fault(f"{where} is off by {worst} of {top} DN: values wrap around or are clipped")


def _check_refusal(step: Coder | Map, frame: NDArray[np.integer]) -> None:
    """A value beyond the stated bit depth must be refused: a library that clips would do so in silence."""
    try:
        _through(step, frame)
    except UnsupportedArray:
        return
    raise _Fault(f"a pixel of {int(frame[0, 0])} DN beyond the stated bit depth is taken")
