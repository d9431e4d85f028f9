"""The public way in: raw frame and camera in, replicas out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import ReplicaMode, ReplicaRequest
from sigmaraw.errors import BitDepthMismatch, InvalidOption, NotIntegerData, ShapeMismatch
from sigmaraw.frames.types import RawFrames
from sigmaraw.noise.drawing import draw
from sigmaraw.noise.keys import MAX_GROUPS, Unchanging, whole_number
from sigmaraw.noise.model import NoiseModel
from sigmaraw.noise.modes import replica_mode

if TYPE_CHECKING:
    import xarray

    from sigmaraw.camera import CameraProfile
    from sigmaraw.contracts import Block

DEFAULT_MODE = "bootstrap"


def iter_replicas(
    raw: NDArray[np.integer] | RawFrames,
    camera: CameraProfile | NoiseModel,
    n: int,
    mode: str | ReplicaMode = DEFAULT_MODE,
    seed: int = 0,
    *,
    batch: int | None = None,
    group: int = 0,
    start: int = 0,
    roi: tuple[int, int] | None = None,
    scalars: bool = False,
    device: bool = False,
) -> Iterator[Block]:
    """Yield raw-equivalent replicas `start` … `start + n − 1` in blocks (replica, y, x) of raw's dtype, DN.

    Replica i of (raw, seed, group) is the same bytes whatever `n`, `start` and `batch` are.

    Parameters
    ----------
    raw : one frame (y, x) or volume (z, y, x), uint8 or uint16, DN; in mode `repeats` the stack (repeat, …).
    camera : whose noise it is. n : replicas. mode : a name of "sigmaraw.modes", with settings as `name:key=value`, or a mode.
    seed : study seed, 0 … 2⁶⁴ − 1.
    batch : replicas a block; None takes what fits 16 MiB. group : 0 is raw, 1 … G the codecs; each its own stream.
    roi, scalars : see `NoiseModel.from_profile`.
    device : leave blocks where JAX drew them, as its arrays, which torch takes without a copy (`torch.from_dlpack`); else they are
        NumPy's. On one kind of device the bytes are the same (docs/explanation/sampler.md).

    Raises
    ------
    UnknownName : no such mode. InvalidOption : an option out of its domain.
    NotIntegerData, ShapeMismatch, BitDepthMismatch, ProfileMismatch, InsufficientRepeats : raw does not fit.

    Reference: SCIENCE 1 and 4.
    """
    whole_number(group, "group", 0, MAX_GROUPS)
    maker, frame, model = _prepared(raw, camera, mode, seed, roi, scalars)
    return draw(maker, frame, model, ReplicaRequest(n, seed, start, group, batch, device=device))


@dataclass(frozen=True)
class Slab:
    """Planes `planes` of replicas `start` … of a volume: `block` (replica, z, y, x), DN."""

    start: int
    planes: slice
    block: NDArray[np.integer]


def iter_slabs(
    raw: NDArray[np.integer] | RawFrames,
    camera: CameraProfile | NoiseModel,
    n: int,
    mode: str | ReplicaMode = DEFAULT_MODE,
    seed: int = 0,
    *,
    roi: tuple[int, int] | None = None,
    scalars: bool = False,
    pixels: int | None = None,
) -> Iterator[Slab]:
    """Yield n replicas of a volume in slabs of planes: all replicas of the first slab, then of the next.

    The same bytes as those of `iter_replicas`, without a whole replica or estimate ever being held: what is held is a slab's. A volume
    that is mapped from its file is read as far as it is needed.

    Parameters
    ----------
    raw : one volume (z, y, x), uint8 or uint16, DN; where the mode needs repeats (repeat, z, y, x).
    pixels : of one slab at most, but one plane at least; None takes 2²⁰.
    Others as in `iter_replicas`, and so are the refusals; InvalidOption also for a frame, which has no planes.
    """
    from sigmaraw.noise.blocks import slabs

    maker, frame, model = _prepared(raw, camera, mode, seed, roi, scalars)
    shape = frame.shape[1:] if maker.needs_repeats else frame.shape
    if len(shape) != 3:
        raise InvalidOption(f"slabs of an image of shape {shape}", "a volume (z, y, x)", "use iter_replicas for single frames")

    model.check_image(frame)
    frame = Unchanging.of(frame)

    def pieces() -> Iterator[Slab]:
        for planes in slabs(shape, pixels):
            start = 0
            for block in draw(maker, frame, model, ReplicaRequest(n, seed, planes=planes)):
                values = np.asarray(block)
                yield Slab(start, planes, values)
                start += len(values)

    return pieces()


def _prepared(
    raw: NDArray[np.integer] | RawFrames,
    camera: CameraProfile | NoiseModel,
    mode: str | ReplicaMode,
    seed: int,
    roi: tuple[int, int] | None,
    scalars: bool,
) -> tuple[ReplicaMode, NDArray[np.integer], NoiseModel]:
    """Return the mode, the array that it takes and the camera's model for it."""
    maker = replica_mode(mode) if isinstance(mode, str) else mode
    whole_number(seed, "seed", 0, 1 << 64)
    frame, stated_bits = _frame(raw, maker)
    model = NoiseModel.from_profile(camera, frame.shape, roi=roi, scalars=scalars)
    if stated_bits is not None and stated_bits != model.bits:
        raise BitDepthMismatch(
            f"a {stated_bits}-bit image with a {model.bits}-bit camera",
            "the same bit depth",
            "use the profile of the camera mode that took the image, or state its bit depth with --bits",
        )
    return maker, frame, model


def replicas(
    raw: NDArray[np.integer] | RawFrames,
    camera: CameraProfile | NoiseModel,
    n: int,
    mode: str | ReplicaMode = DEFAULT_MODE,
    seed: int = 0,
    *,
    batch: int | None = None,
    group: int = 0,
    roi: tuple[int, int] | None = None,
    scalars: bool = False,
) -> xarray.DataArray:
    """Return `n` raw-equivalent replicas as one DataArray (replica, y, x) or (replica, z, y, x), raw's dtype, DN.

    Parameters and refusals are those of `iter_replicas`; replica i does not depend on `n`.
    """
    import xarray  # half a second that a streaming study need not spend

    blocks = iter_replicas(raw, camera, n, mode, seed, batch=batch, group=group, roi=roi, scalars=scalars)
    values = np.concatenate(list(blocks))
    return xarray.DataArray(
        values,
        dims=("replica", "z", "y", "x") if values.ndim == 4 else ("replica", "y", "x"),
        coords={"replica": np.arange(len(values))},
        name="replicas",
        attrs={
            "units": "DN",
            "long_name": "raw-equivalent replicas",
            "mode": mode if isinstance(mode, str) else mode.name,
            "seed": str(seed),
            "group": group,
        },
    )


def _frame(raw: Any, maker: ReplicaMode) -> tuple[NDArray[np.integer], int | None]:
    """Return the array that a mode takes, and the bit depth where the file or its reader stated one."""
    if isinstance(raw, RawFrames):
        bits = None if raw.bits_source == "container" else raw.bits
        if maker.needs_repeats:
            return raw.data, bits
        if len(raw) != 1:
            raise InvalidOption(f"{len(raw)} frames", f"one frame in mode '{maker.name}'", "give them one by one, or use --mode repeats")
        return raw.data[0], bits
    array = np.asarray(raw)
    if array.dtype not in (np.uint8, np.uint16):
        raise NotIntegerData(f"pixels of type {array.dtype}", "uint8 or uint16", "give the frame as the camera delivered it")
    low = 3 if maker.needs_repeats else 2
    if array.ndim not in (low, low + 1):
        axes = "(repeat, y, x) or (repeat, z, y, x)" if maker.needs_repeats else "(y, x) or (z, y, x)"
        raise ShapeMismatch(f"an array of shape {array.shape}", axes, "give one frame or volume")
    return array, None
