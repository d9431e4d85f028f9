"""The conformance suite for pipelines: what a study relies on, checked from outside, for built-ins and extensions alike."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import FindsObjects, Measurement, OnDevice, Pipeline, Segmenting, SegmentingBatches
from sigmaraw.errors import SigmarawError
from sigmaraw.frames.types import RawFrames
from sigmaraw.testing.requirements import require

_SHAPE = (72, 88)  # no multiple of a usual network's factor, and not square


def check_pipeline(pipeline: Pipeline, *, volumes: bool = True, shape: tuple[int, int] = _SHAPE) -> None:
    """Check a pipeline against the contract.

    Checked are: measurements declared, named once and stable; numbers float64, finite or NaN; the input untouched; the same bits twice,
    from RawFrames, from a view that is not contiguous, alone and in batches of 1, 3 and 8 in any order; uint8 as well as uint16, bright,
    dark and constant frames, int16 below 0 (unless refused by name); where it implements contracts.Segmenting, the same bits from there;
    floats, wide integers, colour, empty arrays and wrong ranks refused by name; `config` as JSON; where it
    implements contracts.OnDevice and JAX draws there, the same bits from JAX's arrays.

    Parameters
    ----------
    pipeline : Pipeline
        What `sigmaraw.pipeline` returns.
    volumes : bool, default True
        It takes volumes (z, y, x) too.
    shape : tuple of int, default (72, 88)
        (y, x) of the frames to try, px, where a pipeline needs a certain size.

    Raises
    ------
    AssertionError
        The pipeline breaks the contract; the message says how.
    """
    frames = _frames(shape)
    first = _predicted(pipeline, frames[0])
    _check_declaration(pipeline, first)
    _check_same_bits(pipeline, frames)
    for label, frame in _special(shape):
        require(list(_predicted(pipeline, frame)) == list(first), f"other names on a {label} frame")
    _check_signed(pipeline, frames)
    _check_refusals(pipeline, shape)
    if isinstance(pipeline, Segmenting):
        _check_segmented(pipeline, frames)
    if isinstance(pipeline, OnDevice):
        _check_hand_over(pipeline, frames)
    if volumes:
        volume = frames[:3]
        require(_bits(_predicted(pipeline, volume)) == _bits(_row(pipeline.batch(volume[np.newaxis]), 0)), "a volume differs in a batch")


def _frames(shape: tuple[int, int]) -> NDArray[np.uint16]:
    """Eight different frames of spots, 12 bit."""
    random = np.random.default_rng(12)
    y, x = np.mgrid[: shape[0], : shape[1]]
    frames = []
    for _ in range(8):
        centres = random.uniform(8, np.array(shape) - 8, (6, 2))
        light = 30 + sum(400 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 40) for cy, cx in centres)
        frames.append(np.clip(100 + random.poisson(light), 0, 4095).astype(np.uint16))
    return np.stack(frames)


def _special(shape: tuple[int, int]) -> list[tuple[str, NDArray[np.integer]]]:
    frame = _frames(shape)[0]
    return [
        ("uint8", (frame // 16).astype(np.uint8)),
        ("black", np.zeros(shape, np.uint16)),
        ("saturated", np.full(shape, 65535, np.uint16)),
        ("two-valued", np.where(frame > np.median(frame), 65535, 0).astype(np.uint16)),
    ]


def _predicted(pipeline: Pipeline, frame: NDArray[np.integer]) -> dict[str, float]:
    before = frame.copy()
    values = pipeline(frame)
    require(np.array_equal(before, frame), "the pipeline changes the image that it is given")
    require(isinstance(values, dict) and bool(values), f"a call returns {type(values).__name__}, not a dict of numbers")
    for name, value in values.items():
        require(type(value) is float and not math.isinf(value), f"{name} is {value!r}, not a finite float or NaN")
    return values


def _row(batch: dict[str, NDArray[np.float64]], index: int) -> dict[str, float]:
    return {name: float(values[index]) for name, values in batch.items()}


def _bits(values: dict[str, float]) -> dict[str, bytes]:
    """Compare bits: NaN equals NaN, and nearly equal is not equal."""
    return {name: np.float64(value).tobytes() for name, value in values.items()}


def _check_declaration(pipeline: Pipeline, values: dict[str, float]) -> None:
    declared = pipeline.measurements
    require(isinstance(declared, tuple) and all(isinstance(row, Measurement) for row in declared), "measurements are not Measurement")
    names = [row.name for row in declared]
    require(len(set(names)) == len(names), "a measurement is declared twice")
    require(list(values) == names, f"returns {', '.join(values)} but declares {', '.join(names)}")
    for row in declared:
        require(bool(row.unit and row.symbol and row.definition), f"{row.name} lacks unit, symbol or definition")
    require(isinstance(pipeline.spec, str) and bool(pipeline.spec), "spec is not text")
    config = json.loads(json.dumps(pipeline.config(), allow_nan=False))
    require(isinstance(config, dict) and bool(config), "config is empty")


def _check_same_bits(pipeline: Pipeline, frames: NDArray[np.uint16]) -> None:
    alone = [_bits(_predicted(pipeline, frame)) for frame in frames]
    require(len({str(row) for row in alone}) > 1, "gives the same numbers for different images")
    orders = ([0], [2, 1, 0], list(range(8)), [7, 0, 5, 2, 6, 1, 4, 3], [3] * 5)
    for order in orders:
        batch = pipeline.batch(frames[order])
        for name, values in batch.items():
            require(values.dtype == np.float64 and values.shape == (len(order),), f"batch: {name} is {values.dtype} {values.shape}")
        for position, index in enumerate(order):
            require(
                _bits(_row(batch, position)) == alone[index], f"image {index} at place {position} of {len(order)} differs from it alone"
            )
    require(_bits(pipeline(frames[0])) == alone[0], "the same image gives other bits a second time")
    require(_bits(pipeline(RawFrames(frames[:1], 12, "stated"))) == alone[0], "RawFrames differ from their array")
    strided = np.asfortranarray(frames[0])
    require(_bits(pipeline(strided)) == alone[0], "the memory layout of the image changes its numbers")
    require(_bits(pipeline(frames[0].astype(">u2"))) == alone[0], "the byte order of the image changes its numbers")


def _check_signed(pipeline: Pipeline, frames: NDArray[np.uint16]) -> None:
    """Values of CT and MRI, int16 and below 0 for the most part; a pipeline may refuse them by name."""
    signed = frames[:3].astype(np.int16) - np.int16(1024)
    try:
        alone = [_bits(_predicted(pipeline, image)) for image in signed]
    except SigmarawError:
        return
    batch = pipeline.batch(signed)
    for index, row in enumerate(alone):
        require(_bits(_row(batch, index)) == row, f"int16 image {index} differs in a batch from it alone")


def _check_segmented(pipeline: Any, frames: NDArray[np.uint16]) -> None:
    """Objects and numbers come from one segmentation, and the numbers are those of a call."""
    alone = [_bits(_predicted(pipeline, frame)) for frame in frames[:3]]
    try:
        found = [pipeline.segmented(frame) for frame in frames[:3]]
    except SigmarawError:  # a table names no objects, and its pipeline says so
        require(isinstance(pipeline, FindsObjects) and not pipeline.finds_objects, "segmented refuses an image that a call takes")
        return
    for index, (labels, values) in enumerate(found):
        require(_bits(values) == alone[index], f"segmented gives other numbers of image {index} than a call")
        require(labels.shape == frames[index].shape, f"segmented gives labels {labels.shape} for an image {frames[index].shape}")
    if isinstance(pipeline, SegmentingBatches):
        many, batch = pipeline.segmented_batch(frames[:3])
        for index, (labels, _) in enumerate(found):
            require(np.array_equal(many[index], labels), f"segmented_batch gives other objects of image {index} than segmented")
            require(_bits(_row(batch, index)) == alone[index], f"segmented_batch gives other numbers of image {index} than a call")


def _check_hand_over(pipeline: Any, frames: NDArray[np.uint16]) -> None:
    import jax

    for images in (frames, (frames // 16).astype(np.uint8)):
        drawn = jax.device_put(images)
        if tuple(drawn.__dlpack_device__()) == tuple(pipeline.dlpack_device):
            same = {name: values.tobytes() for name, values in pipeline.batch(images).items()}
            found = {name: np.asarray(values).tobytes() for name, values in pipeline.batch(drawn).items()}
            require(found == same, f"images of {images.dtype} that lie on the device give other numbers")


def _check_refusals(pipeline: Pipeline, shape: tuple[int, int]) -> None:
    wrong: list[tuple[str, Any]] = [
        ("a float32 image", np.zeros(shape, np.float32)),
        ("a float16 image", np.zeros(shape, np.float16)),
        ("an int32 image", np.zeros(shape, np.int32)),
        ("a uint32 image", np.zeros(shape, np.uint32)),
        ("a bool image", np.zeros(shape, bool)),
        ("a colour image", np.zeros((*shape, 3), np.uint8)),
        ("one axis", np.zeros(shape[0], np.uint16)),
        ("five axes", np.zeros((1, 1, 1, *shape), np.uint16)),
        ("no pixels", np.zeros((0, shape[1]), np.uint16)),
        ("two frames in one call", RawFrames(np.zeros((2, *shape), np.uint16), 12, "stated")),
    ]
    for label, value in wrong:
        _refuses(pipeline, label, value)
    for label, value in (("a batch of floats", np.zeros((2, *shape))), ("a batch without its axis", np.zeros(shape, np.uint16))):
        _refuses(pipeline.batch, label, value)


def _refuses(call: Any, label: str, value: Any) -> None:
    try:
        call(value)
    except SigmarawError:
        return
    require(False, f"{label} is taken without a word")
