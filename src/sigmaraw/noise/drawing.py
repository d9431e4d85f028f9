"""The one loop that draws: a mode gives the base to draw around, and the loop makes the replicas of every mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import ReplicaBase, ReplicaMode, ReplicaRequest
from sigmaraw.errors import InvalidOption
from sigmaraw.noise.keys import Unchanging, check_request, whole_number
from sigmaraw.noise.repeats import check_repeats, require_repeats

if TYPE_CHECKING:
    from sigmaraw.contracts import Block
    from sigmaraw.noise.model import NoiseModel


def draw(mode: ReplicaMode, frame: NDArray[np.integer], noise_model: NoiseModel | None, request: ReplicaRequest) -> Iterator[Block]:
    """Return an iterator over the replicas of a mode that a request asks for, in blocks (replica, …) of the frame's dtype, DN.

    Everything is checked now, not at the first block. Replica i of an image, seed and group is the same bytes whatever the number,
    first replica, batch and planes asked for are. Where the mode extrapolates, a block holds no more than the rest of one cluster.

    Parameters
    ----------
    mode : ReplicaMode
        The mode, which gives the base to draw around.
    frame : ndarray
        (y, x) or (z, y, x), or (repeat, …) where the mode needs repeats, uint8 or uint16, DN. Where `planes` are asked for, the whole
        volume, which the caller has checked against the camera.
    noise_model : NoiseModel or None
        The camera; only a mode that draws nothing goes without.
    request : ReplicaRequest
        Which replicas.

    Returns
    -------
    iterator of ndarray or jax.Array
        Blocks; NumPy arrays are free to be written to.

    Raises
    ------
    InvalidOption
        No camera, a request out of its domain, or planes that cannot be cut out.
    InsufficientRepeats, ShapeMismatch
        Too few repeats, or no axis for them.
    NotIntegerData, BitDepthMismatch, ProfileMismatch, OutsideValidRange
        The frame is not of this camera.
    """
    if not mode.draws_noise:
        return _taken(frame, noise_model, request)
    from sigmaraw.noise.blocks import first_pixel  # JAX is loaded when something is drawn, not before

    if noise_model is None:
        raise InvalidOption(f"mode '{mode.name}' without a camera", "a camera profile", "give one with --camera")
    noise_model.check_mode(mode)
    check_request(request)
    if mode.needs_repeats:
        check_repeats(frame, mode.minimum_repeats)
    if request.planes is None:  # of planes' whole the caller has seen to it
        noise_model.check_image(frame)
    one = frame[0] if mode.needs_repeats else frame
    loop = _Loop(mode, frame, noise_model, first_pixel(one, request.planes))
    return loop.whole(request) if mode.extrapolation is None else loop.clusters(request, mode.extrapolation.cluster)


class _Loop:
    """What all blocks of one call share: mode, whole image (for the key), camera, and where the planes asked for begin."""

    def __init__(self, mode: ReplicaMode, image: NDArray[np.integer], noise_model: NoiseModel, first_pixel: int) -> None:
        self.mode, self.image, self.noise_model, self.first_pixel = mode, image, noise_model, first_pixel

    def whole(self, request: ReplicaRequest) -> Iterator[Block]:
        """Return the blocks of replicas that share one base."""
        return self._around(self._part(request), request)

    def clusters(self, request: ReplicaRequest, cluster: int) -> Iterator[Block]:
        """Yield the blocks of replicas each of whose clusters has a different base."""
        from sigmaraw.noise.blocks import batch_size

        part, first, end = self._part(request), request.start, request.start + request.n
        one = part[0] if self.mode.needs_repeats else part
        request = replace(request, batch=batch_size(request.batch, cluster, one.size, request.device))
        if not isinstance(self.image, Unchanging):
            self.image = Unchanging.of(self.image)  # every cluster's key is hashed from it
        while first < end:
            count = min((first // cluster + 1) * cluster, end) - first
            yield from self._around(part, replace(request, start=first, n=count), first // cluster)
            first += count

    def _part(self, request: ReplicaRequest) -> NDArray[np.integer]:
        planes = request.planes
        if planes is None:
            return self.image
        return self.image[:, planes] if self.mode.needs_repeats else self.image[planes]

    def _around(self, part: NDArray[np.integer], request: ReplicaRequest, cluster: int = 0) -> Iterator[Block]:
        base = self.mode.base(part, self.noise_model, request)
        base = replace(base, domain=base.domain or self.mode.name)
        if base.redrawn is not None:
            first = next(self._sampled(base, replace(request, n=1, start=cluster, batch=1, device=False)))
            base = ReplicaBase(np.asarray(first)[0], domain=base.redrawn)
        return self._sampled(base, request)

    def _sampled(self, base: ReplicaBase, request: ReplicaRequest) -> Iterator[Block]:
        from sigmaraw.noise.blocks import sample_blocks

        return sample_blocks(self.noise_model, base, request, image=self.image, first_pixel=self.first_pixel)


def _taken(frames: NDArray[np.integer], noise_model: NoiseModel | None, request: ReplicaRequest) -> Iterator[Block]:
    """Return real frames `start` … as they are: seed and group change nothing; a noise model, where given, checks them."""
    start, n = whole_number(request.start, "start", 0, 1 << 31), whole_number(request.n, "n", 1, 1 << 31)
    check_repeats(frames, 1)
    require_repeats(frames.shape[0], start + n)
    if noise_model is not None and request.planes is None:
        noise_model.check_image(frames)
    size = n if request.batch is None else whole_number(request.batch, "batch", 1, 1 << 31)
    planes = slice(None) if request.planes is None else request.planes
    taken = (frames[first : min(first + size, start + n), planes] for first in range(start, start + n, size))
    return map(_placed, taken) if request.device else taken


def _placed(block: NDArray[np.integer]) -> Block:
    import jax

    return jax.device_put(block)
