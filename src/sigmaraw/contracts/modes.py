"""Replica modes, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from sigmaraw.contracts.pipelines import Measurement
from sigmaraw.contracts.settings import Parameter

if TYPE_CHECKING:
    import jax
    import numpy as np
    from numpy.typing import NDArray

    from sigmaraw.noise import NoiseModel

Block: TypeAlias = "NDArray[np.integer] | jax.Array"
"""Replicas (replica, …), DN: JAX's array where they stay on the device that drew them."""


@dataclass(frozen=True)
class Diagnostic:
    """One check of a replica mode's premises on one image: `value` should lie in [low, high]. `text` warns when it does not.

    `kinds` : kinds of measurement (`Measurement.kind`) that a failure speaks against; empty is all.
    """

    name: str
    value: float
    low: float
    high: float
    definition: str
    text: str
    kinds: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the value lies within its limits."""
        return self.low <= self.value <= self.high

    def warns(self, measurement: Measurement) -> bool:
        """Return whether it warns of this measurement."""
        return not self.passed and (not self.kinds or measurement.kind in self.kinds)


class Denoiser(Protocol):
    """Takes noise of unit standard deviation from an image; entry points of "sigmaraw.denoisers" (classes without arguments).

    Deterministic: the same image gives the same bytes, whatever was denoised before.
    """

    name: str

    def __call__(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the denoised image. image: (y, x) float64, variance-stabilised: noise of standard deviation 1 everywhere."""
        ...


@dataclass(frozen=True)
class Extrapolation:
    """Where a mode's replicas lie on several noise levels, and how what is found at each leads to the number wanted:

        θ = Σ_l weights_l·θ(levels_l)

    Replica i belongs to cluster c = i // cluster, whose level is levels[c mod L]. Replicas of a cluster share what they are drawn
    around; σ_raw is their spread about the cluster's own mean. Which replicas a study needs follows from n alone, so that
    replica i still does not depend on it.
    """

    levels: tuple[float, ...]
    weights: tuple[float, ...]
    cluster: int

    def replicas(self, n: int) -> int:
        """Return how many replicas n per level are in all, n rounded up to whole clusters, two at least."""
        return max(2, -(-n // self.cluster)) * self.cluster * len(self.levels)

    def arrange(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (level, …, cluster, member) of values (…, replica), replicas 0 … `replicas(n)` − 1."""
        split = values.reshape(*values.shape[:-1], -1, len(self.levels), self.cluster)
        return split.transpose(split.ndim - 2, *range(split.ndim - 2), split.ndim - 1)


class ReplicaMode(Protocol):
    """A way to make replicas; entry points of "sigmaraw.modes". Inherit from it to get the defaults.

    `frame` is (y, x) or (z, y, x), or (repeat, …) where `needs_repeats`. Yields blocks (replica, …) in frame's dtype.
    Replica i of a group is the same bytes whatever `start`, `n` and `batch` are; `slab` asks for some planes of a volume only, the
    same bytes as those planes have in the whole, which the caller has held against the camera. Blocks are NumPy's; with `device` they
    are JAX's and stay where they were drawn. `u_mode(measurement)` is the relative standard uncertainty of σ_raw that the construction
    itself causes, and its source.

    `draws_noise` : replicas come out of the noise model, any number of them, each group from a stream of its own. Where it is
    False they are the repeats themselves, which groups have to split, and no calibration error enters.
    `parameters` : settings that a specification may give (`name:key=value`), keywords of the constructor.
    `extrapolation` : replicas lie on several noise levels and the result is read off outside them; None is the common case.
    `again` : so many replicas of group 0 are in turn taken for the frame, to see whether the mode finds the same σ_raw from them.
    """

    name: str
    needs_repeats: bool
    draws_noise: bool = True
    parameters: tuple[Parameter, ...] = ()
    extrapolation: Extrapolation | None = None
    again: int = 0

    def blocks(
        self,
        frame: NDArray[np.integer],
        model: NoiseModel | None,
        *,
        n: int,
        start: int,
        group: int,
        seed: int,
        batch: int | None,
        slab: slice | None = None,
        device: bool = False,
    ) -> Iterator[Block]: ...

    def u_mode(self, measurement: Measurement) -> tuple[float, str]: ...

    def spread_factor(self, frame: NDArray[np.integer]) -> float:
        """Return σ_raw/sd(f(R)): what the spread of these replicas is multiplied by, where they are known to vary too little."""
        return 1.0

    def centre(self, frame: NDArray[np.integer], model: NoiseModel) -> NDArray[np.integer] | NDArray[np.float64]:
        """Return the levels that replicas are drawn around, (y, x) or (z, y, x), DN; `frame` as in `blocks`."""
        return frame.mean(axis=0, dtype=float) if self.needs_repeats else frame

    def diagnostics(self, frame: NDArray[np.integer], model: NoiseModel) -> tuple[Diagnostic, ...]:
        """Return checks of what the construction rests on for this image; `frame` as in `blocks`."""
        return ()
