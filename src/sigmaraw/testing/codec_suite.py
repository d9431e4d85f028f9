"""The conformance suite for codecs: what a study relies on, checked from outside, for built-ins and extensions alike."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.codecs import Chain, codec
from sigmaraw.codecs.targets import TargetedStep
from sigmaraw.contracts import CodecContract
from sigmaraw.errors import InvalidSpec, SigmarawError, UnreachableTarget, UnsupportedArray
from sigmaraw.testing.requirements import require

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile
    from sigmaraw.noise import NoiseModel

_SHAPES = ((1, 1), (1, 17), (3, 17), (17, 33), (64, 64))
_SCENE = (96, 80)  # large enough for a target to be reachable


def check_codec(
    spec: str, camera: CameraProfile | NoiseModel | None = None, *, top_dn: int | None = None, allow_exec: bool = False
) -> None:
    """Check a codec specification against the contract; an extension's author calls it with specifications of the new family.

    Frames are of one pixel to 96 × 80 px, dark, saturated, noise and scene, in every dtype of the first step's contract. Checked are:
    shape, dtype and input untouched; bytes a positive int; `distort`, where a coder has it, as the round trip; the same result twice,
    from a view that is not contiguous, from a pickled copy, and in a stack as frame by frame (unless coded whole, or to one target);
    exactness or the error bound where promised; refusal
    by name of every other dtype and rank; `resolved` and `achieved` as JSON; a search that starts from a hint, and `freeze`, give a
    working codec. The only refusal let pass is UnreachableTarget, and not on the scene.

    Parameters
    ----------
    spec : str
        As `sigmaraw.codec` takes it.
    camera : CameraProfile or NoiseModel, optional
        Where a family needs one; it must fit frames of any shape (scalars).
    top_dn : int, optional
        Largest pixel value to try, DN; the bit depth's that the specification states, or the container's.
    allow_exec : bool, default False
        As in `sigmaraw.codec`.

    Raises
    ------
    AssertionError
        The codec breaks the contract; the message says how.
    """
    chain = codec(spec, camera, allow_exec=allow_exec)
    first = chain.steps[0].contract
    _check_metadata(spec, chain)
    for dtype in first.dtypes:
        largest = _largest(chain, np.dtype(dtype), top_dn)
        for label, frame in _frames(np.dtype(dtype), largest):
            reachable = label == "scene"
            before = frame.copy()
            try:
                first_trip = chain.roundtrip(frame)
            except UnreachableTarget as error:
                require(not reachable, f"{spec} refuses a {dtype} scene of {frame.shape}: {error}")
                continue
            where = f"{spec} on {dtype} {frame.shape} {label}"
            require(np.array_equal(frame, before), f"{where}: the input was changed")
            _check_frame(spec, chain, frame, first_trip, where)
        _check_stack(spec, chain, np.dtype(dtype), largest)
    _check_refusals(spec, chain, first)


def _check_metadata(spec: str, chain: Chain) -> None:
    require(chain.spec == spec, f"spec is '{chain.spec}', not '{spec}' as typed")
    json.dumps(chain.resolved(), allow_nan=False)
    for step, parsed in zip(chain.steps, registry.parse_chain(spec), strict=True):
        require(step.name == parsed.name, f"the family registered as '{parsed.name}' calls itself '{step.name}'")
        contract, names = step.contract, [parameter.name for parameter in step.parameters]
        require(len(set(names)) == len(names), f"{step.name} declares a parameter twice")
        require(bool(contract.dtypes) and set(contract.dtypes) <= {"uint8", "uint16"}, f"{step.name} declares dtypes {contract.dtypes}")
        require(contract.knob is None or contract.knob in names, f"{step.name}: knob '{contract.knob}' is not one of its parameters")
        try:
            codec(f"{parsed.name}:no_such_key=1")
        except InvalidSpec:
            continue
        require(False, f"{step.name} accepts a key that it does not declare")


def _largest(chain: Chain, dtype: np.dtype[Any], top_dn: int | None) -> int:
    container = int(np.iinfo(dtype).max)
    if top_dn is not None:
        return min(top_dn, container)
    bits = chain.settings[0].get("bits")
    return container if bits is None else min((1 << bits) - 1, container)


def _frames(dtype: np.dtype[Any], largest: int) -> Iterator[tuple[str, NDArray[np.integer]]]:
    """Yield labelled frames: extremes of value and shape, and one noisy scene."""
    rng = np.random.default_rng(20250101)
    for shape in _SHAPES:
        yield "dark", np.zeros(shape, dtype)
        yield "saturated", np.full(shape, largest, dtype)
        yield "noise", rng.integers(0, largest + 1, shape).astype(dtype)
    yield "scene", _scene(rng, dtype, largest)


def _scene(rng: np.random.Generator, dtype: np.dtype[Any], largest: int) -> NDArray[np.integer]:
    """Return smooth bright blobs on a background, with Poisson noise, inside a tenth to nine tenths of the range."""
    y, x = np.mgrid[: _SCENE[0], : _SCENE[1]]
    level = 40 + sum(160 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 50) for cy, cx in ((20, 20), (60, 30), (40, 65), (80, 60)))
    signal = rng.poisson(level) * (largest / 400)
    return np.clip(np.rint(0.1 * largest + signal), 0, 0.9 * largest).astype(dtype)


def _check_frame(spec: str, chain: Chain, frame: NDArray[np.integer], first_trip: tuple[NDArray[Any], int], where: str) -> None:
    """Check one frame; first_trip : what the chain made of it before, decoded frame and bytes."""
    before = frame.copy()
    result = chain.apply(frame)
    require(np.array_equal(frame, before), f"{where}: the input was changed")
    _check_shape_and_error(chain, frame, result.decoded, where)
    require(isinstance(result.nbytes, int) and result.nbytes > 0, f"{where}: {result.nbytes!r} bytes")
    json.dumps(dict(result.achieved))
    distorted = chain.distort(frame)
    require(distorted is None or np.array_equal(distorted, result.decoded), f"{where}: distort differs from the round trip")
    wide = np.zeros((2 * frame.shape[0], 2 * frame.shape[1]), frame.dtype)
    wide[::2, ::2] = frame
    copy = pickle.loads(pickle.dumps(chain))  # noqa: S301 - our own object, made one call earlier
    trips = {"again": first_trip, "from a view": chain.roundtrip(wide[::2, ::2]), "pickled": copy.roundtrip(frame)}
    for label, (decoded, nbytes) in trips.items():
        same = np.array_equal(decoded, result.decoded) and nbytes == result.nbytes
        require(same, f"{where}: another result {label}")
    if result.hint is not None:
        first, second = chain.apply(frame, result.hint), chain.apply(frame, result.hint)
        require(np.array_equal(first.decoded, second.decoded), f"{where}: another result from the same hint")
    frozen, again = chain.freeze(frame), chain.freeze(frame)
    decoded, nbytes = frozen.roundtrip(frame)
    _check_shape_and_error(chain, frame, decoded, f"{where}, frozen")
    require(nbytes == again.roundtrip(frame)[1], f"{where}: freezing twice gives two codecs")
    require(frozen.spec == spec, f"{where}: freezing changes the specification")


def _check_shape_and_error(chain: Chain, frame: NDArray[np.integer], decoded: NDArray[np.integer], where: str) -> None:
    require(decoded.shape == frame.shape, f"{where}: decoded to shape {decoded.shape}")
    require(decoded.dtype == frame.dtype, f"{where}: decoded to {decoded.dtype}")
    error = int(np.abs(decoded.astype(np.int64) - frame).max())
    contracts = [step.contract for step in chain.steps]
    if all(contract.lossless for contract in contracts):
        require(error == 0, f"{where}: off by {error} DN, though lossless")
    if len(contracts) == 1 and contracts[0].max_error is not None:
        require(error <= contracts[0].max_error, f"{where}: off by {error} DN, beyond the promised {contracts[0].max_error}")


def _check_stack(spec: str, chain: Chain, dtype: np.dtype[Any], largest: int) -> None:
    """Three scenes in a stack must come out as one by one: a library that reads a stack as colour fails here."""
    rng = np.random.default_rng(7)
    stack = np.stack([_scene(rng, dtype, largest) for _ in range(3)])
    decoded, nbytes = chain.roundtrip(stack)
    # Coded as one, or under a target, which one setting meets on the whole stack: then its promise and determinism are checked.
    if any(step.contract.axes == "stack" or isinstance(step, TargetedStep) for step in chain.steps):
        _check_shape_and_error(chain, stack, decoded, f"{spec} on a stack")
        again = chain.roundtrip(stack)
        require(np.array_equal(again[0], decoded) and again[1] == nbytes, f"{spec}: another result for the same stack")
        return
    singles = [chain.roundtrip(frame) for frame in stack]
    require(decoded.shape == stack.shape and decoded.dtype == stack.dtype, f"{spec}: a stack came back as {decoded.dtype} {decoded.shape}")
    same = all(np.array_equal(decoded[i], single) for i, (single, _) in enumerate(singles))
    require(same, f"{spec}: a frame in a stack differs from the frame alone")
    require(nbytes == sum(count for _, count in singles), f"{spec}: the bytes of a stack are not the sum of its frames'")


def _check_refusals(spec: str, chain: Chain, contract: CodecContract) -> None:
    wrong: list[NDArray[Any]] = [np.zeros((8, 8), dtype) for dtype in ("float32", "float64", "int16", "int32", "bool")]
    wrong += [np.zeros((8, 8), dtype) for dtype in ("uint8", "uint16") if dtype not in contract.dtypes]
    wrong += [np.zeros(shape, contract.dtypes[0]) for shape in ((8,), (2, 2, 8, 8), (0, 8), (0, 4, 4))]
    for array in wrong:
        try:
            chain.roundtrip(array)
        except UnsupportedArray:
            continue
        except SigmarawError as error:
            raise AssertionError(f"{spec} refuses {array.dtype} {array.shape} as {type(error).__name__}, not UnsupportedArray") from error
        raise AssertionError(f"{spec} takes {array.dtype} {array.shape}, which is outside its contract")
