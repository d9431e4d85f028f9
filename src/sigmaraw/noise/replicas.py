"""Replicas of a raw frame and a camera, as users call for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import ReplicaMode, ReplicaRequest
from sigmaraw.errors import BitDepthMismatch, InvalidOption, NotIntegerData, ShapeMismatch
from sigmaraw.frames import RawFrames, read_frames
from sigmaraw.noise.drawing import draw
from sigmaraw.noise.keys import MAX_GROUPS, Unchanging, whole_number
from sigmaraw.noise.model import NoiseModel
from sigmaraw.noise.modes import replica_mode
from sigmaraw.noise.rician import RicianNoise

if TYPE_CHECKING:
    import xarray

    from sigmaraw.camera import CameraProfile
    from sigmaraw.contracts import Block

    Raw = NDArray[np.integer] | RawFrames | str | os.PathLike[str]
    Camera = CameraProfile | NoiseModel | str | os.PathLike[str]

DEFAULT_MODE = "bootstrap"


def iter_replicas(
    raw: Raw,
    camera: Camera,
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
    raw : path, RawFrames or array
        One frame (y, x) or volume (z, y, x), uint8 or uint16, DN; in mode ``repeats`` the stack (repeat, y, x) or (repeat, z, y, x).
    camera : CameraProfile, path or NoiseModel
        The camera whose noise it is, or its netCDF file; ``"rician:sigma=12.5"`` for a magnitude image of MRI, σ in DN.
    n : int
        Number of replicas, from 1.
    mode : str or ReplicaMode, default "bootstrap"
        How replicas are made: ``bootstrap``, ``around-raw``, ``simex``, ``mean-n`` or ``repeats``, with settings as ``name:key=value``.
    seed : int, default 0
        Study seed, 0 to 2⁶⁴ − 1.
    batch : int, optional
        Replicas in a block, from 1. None takes what fits 16 MiB. It does not change a number.
    group : int, default 0
        0 is the raw group, 1 … G those of the codecs; each has a separate random stream.
    start : int, default 0
        Number of the first replica.
    roi : tuple of int, optional
        (y, x) of the image's corner in the camera's frame, px, where it is a cut-out and the camera has maps.
    scalars : bool, default False
        Use the camera's scalars in place of its maps.
    device : bool, default False
        Leave blocks where JAX drew them, as its arrays, which torch takes without a copy (`torch.from_dlpack`); else they are
        NumPy's. On one kind of device the bytes are the same (docs/explanation/sampler.md).

    Yields
    ------
    array of uint8 or uint16
        The next block, (replica, y, x) or (replica, z, y, x), DN.

    Raises
    ------
    UnknownName
        There is no such mode.
    InvalidOption
        An option is out of its domain.
    NotIntegerData, ShapeMismatch, BitDepthMismatch, ProfileMismatch, InsufficientRepeats
        The raw frame does not fit the mode or the camera.
    ForkedProcess
        The process was forked from one that has drawn already.

    References
    ----------
    docs/explanation/formulas.md, sections 1 and 4.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmaraw as sr
    >>> camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    >>> blocks = sr.iter_replicas(np.full((8, 8), 200, np.uint16), camera, 5, "around-raw", batch=2)
    >>> [block.shape for block in blocks]
    [(2, 8, 8), (2, 8, 8), (1, 8, 8)]
    """
    whole_number(group, "group", 0, MAX_GROUPS)
    maker, frame, noise_model = _prepared(raw, camera, mode, seed, roi, scalars)
    return draw(maker, frame, noise_model, ReplicaRequest(n, seed, start, group, batch, device=device))


@dataclass(frozen=True)
class Slab:
    """Planes `planes` of replicas `start` … of a volume: `block` (replica, z, y, x), DN."""

    start: int
    planes: slice
    block: NDArray[np.integer]


def iter_slabs(
    raw: Raw,
    camera: Camera,
    n: int,
    mode: str | ReplicaMode = DEFAULT_MODE,
    seed: int = 0,
    *,
    roi: tuple[int, int] | None = None,
    scalars: bool = False,
    pixels: int | None = None,
) -> Iterator[Slab]:
    """Yield n replicas of a volume in slabs of planes: all replicas of the first slab, then of the next.

    The bytes are those of `iter_replicas`, but memory holds only a slab of each replica and estimate. A volume that is mapped from its
    file is read slab by slab. Parameters and refusals that are not named here are those of `iter_replicas`; InvalidOption also for a
    frame, which has no planes.

    Parameters
    ----------
    raw : Raw
        One volume (z, y, x), uint8 or uint16, DN; where the mode needs repeats (repeat, z, y, x).
    pixels : int, optional
        Largest number of pixels of a slab, which has one plane at least; None takes 2²⁰.
    """
    from sigmaraw.noise.blocks import slabs

    maker, frame, noise_model = _prepared(raw, camera, mode, seed, roi, scalars)
    shape = frame.shape[1:] if maker.needs_repeats else frame.shape
    if len(shape) != 3:
        raise InvalidOption(f"slabs of an image of shape {shape}", "a volume (z, y, x)", "use iter_replicas for single frames")

    noise_model.check_image(frame)
    frame = Unchanging.of(frame)

    def pieces() -> Iterator[Slab]:
        for planes in slabs(shape, pixels):
            start = 0
            for block in draw(maker, frame, noise_model, ReplicaRequest(n, seed, planes=planes)):
                values = np.asarray(block)
                yield Slab(start, planes, values)
                start += len(values)

    return pieces()


def _prepared(
    raw: Raw,
    camera: Camera,
    mode: str | ReplicaMode,
    seed: int,
    roi: tuple[int, int] | None,
    scalars: bool,
) -> tuple[ReplicaMode, NDArray[np.integer], NoiseModel]:
    """Return the mode, the array that it takes and the noise model for it."""
    maker = replica_mode(mode) if isinstance(mode, str) else mode
    whole_number(seed, "seed", 0, 1 << 64)
    frame, stated_bits = _frame(raw, maker)
    noise_model = NoiseModel.from_profile(camera, frame.shape, roi=roi, scalars=scalars)
    if isinstance(noise_model, RicianNoise) and not isinstance(camera, NoiseModel):  # a specification states no bit depth
        noise_model = noise_model.of_image(stated_bits or 8 * frame.dtype.itemsize, raw.shift if isinstance(raw, RawFrames) else 0)
    if stated_bits is not None and stated_bits != noise_model.bits:
        raise BitDepthMismatch(
            f"an image of {stated_bits} bits with a camera of {noise_model.bits} bits",
            "the same bit depth",
            "use the profile of the camera mode that took the image, or state its bit depth with --bits",
        )
    return maker, frame, noise_model


def replicas(
    raw: Raw,
    camera: Camera,
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

    Replica i of (raw, seed, group) is the same bytes whatever `n` is.

    Parameters
    ----------
    raw : path, RawFrames or array
        One frame (y, x) or volume (z, y, x), uint8 or uint16, DN; in mode ``repeats`` the stack (repeat, y, x) or (repeat, z, y, x).
    camera : CameraProfile, path or NoiseModel
        The camera whose noise it is, or its netCDF file; ``"rician:sigma=12.5"`` for a magnitude image of MRI, σ in DN.
    n : int
        Number of replicas, from 1.
    mode : str or ReplicaMode, default "bootstrap"
        How replicas are made: ``bootstrap``, ``around-raw``, ``simex``, ``mean-n`` or ``repeats``, with settings as ``name:key=value``.
    seed : int, default 0
        Study seed, 0 to 2⁶⁴ − 1.
    batch : int, optional
        Replicas that are drawn at a time, from 1. None takes what fits 16 MiB. It does not change a number.
    group : int, default 0
        0 is the raw group, 1 … G those of the codecs; each has a separate random stream.
    roi : tuple of int, optional
        (y, x) of the image's corner in the camera's frame, px, where it is a cut-out and the camera has maps.
    scalars : bool, default False
        Use the camera's scalars in place of its maps.

    Returns
    -------
    xarray.DataArray
        All replicas, in raw's dtype, DN, with mode, seed and group as attributes.

    Raises
    ------
    UnknownName
        There is no such mode.
    InvalidOption
        An option is out of its domain.
    NotIntegerData, ShapeMismatch, BitDepthMismatch, ProfileMismatch, InsufficientRepeats
        The raw frame does not fit the mode or the camera.
    ForkedProcess
        The process was forked from one that has drawn already.

    See Also
    --------
    iter_replicas : block by block, where all of them do not fit into memory.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmaraw as sr
    >>> camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    >>> sr.replicas(np.full((8, 8), 200, np.uint16), camera, n=5, mode="around-raw").sizes["replica"]
    5
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
    if isinstance(raw, str | os.PathLike):
        raw = read_frames(raw)
    if isinstance(raw, RawFrames):
        bits = None if raw.bits_source == "container" else raw.bits
        if maker.needs_repeats:
            return raw.data, bits
        if len(raw) != 1:
            raise InvalidOption(
                f"{len(raw)} frames",
                f"one frame in mode '{maker.name}'",
                "give them one by one (read_frames(path).data[i]), or use mode repeats",
            )
        return raw.data[0], bits
    array = np.asarray(raw)
    if array.dtype not in (np.uint8, np.uint16):
        raise NotIntegerData(f"pixels of type {array.dtype}", "uint8 or uint16", "give the frame as the camera delivered it")
    low = 3 if maker.needs_repeats else 2
    if array.ndim not in (low, low + 1):
        axes = "(repeat, y, x) or (repeat, z, y, x)" if maker.needs_repeats else "(y, x) or (z, y, x)"
        raise ShapeMismatch(f"an array of shape {array.shape}", axes, "give one frame or volume")
    return array, None
