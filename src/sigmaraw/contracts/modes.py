"""Replica modes: what is asked of one, what it answers, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from sigmaraw.contracts.pipelines import Measurement
from sigmaraw.contracts.settings import Parameter

if TYPE_CHECKING:
    import jax
    import numpy as np
    from numpy.typing import NDArray

Block: TypeAlias = "NDArray[np.integer] | jax.Array"
"""Replicas (replica, …), DN: JAX's array where they stay on the device that drew them."""


class CameraNoise(Protocol):
    """What a replica mode may ask of the camera; `sigmaraw.noise.NoiseModel` is the class that answers.

    A level m is in DN, offset included; z = (m − o)/K is its signal in e⁻. Values are numbers, or maps (y, x).
    """

    @property
    def gain_dn_per_e(self) -> Any:
        """K, DN/e⁻."""
        ...

    @property
    def offset_dn(self) -> Any:
        """o, DN."""
        ...

    @property
    def read_noise_e(self) -> Any:
        """σ_r, e⁻ rms."""
        ...

    @property
    def lo_dn(self) -> int:
        """Lower end of the converter's range, DN."""
        ...

    @property
    def hi_dn(self) -> int:
        """Upper end of the converter's range, DN."""
        ...

    def fingerprint(self) -> bytes:
        """Return 32 bytes that differ between cameras of different noise."""
        ...

    def variance(self, level_dn: Any) -> NDArray[np.float64]:
        """Return V(m), the temporal variance, DN²."""
        ...

    def to_electrons(self, level_dn: Any) -> NDArray[np.float64]:
        """Return z of a level, e⁻."""
        ...

    def to_dn(self, signal_e: Any) -> NDArray[np.float64]:
        """Return the level of a signal, DN."""
        ...

    def stabilise(self, level_dn: Any) -> NDArray[np.float64]:
        """Return values whose noise has standard deviation 1."""
        ...

    def unstabilise(self, stabilised: Any) -> NDArray[np.float64]:
        """Return the level, DN, that `stabilise` takes to these values."""
        ...

    def straightened(self, stabilised: Any) -> NDArray[np.float64]:
        """Return what the same signal would be stabilised to if the transfer curve were straight."""
        ...

    def level_of_mean(self, stabilised: Any) -> NDArray[np.float64]:
        """Return the level, DN, of which noisy values, stabilised, have this mean."""
        ...

    def with_one_read_noise(self) -> CameraNoise:
        """Return the camera with the same read noise in every pixel."""
        ...


@dataclass(frozen=True)
class ReplicaRequest:
    """Which replicas are asked for.

    Replica i of an image, seed and group is the same bytes whatever the other fields are.

    Parameters
    ----------
    n : int
        Number of replicas, from 1.
    seed : int
        Study seed, 0 … 2⁶⁴ − 1.
    start : int
        Index of the first replica.
    group : int
        0 is raw, 1 … G are the codecs; each group has a stream of its own.
    batch : int or None
        Replicas in one block; None takes what fits the memory set aside for it.
    planes : slice or None
        Planes of a volume to draw; None draws the whole image.
    device : bool
        Whether blocks stay on the device that drew them, as JAX arrays.
    """

    n: int
    seed: int = 0
    start: int = 0
    group: int = 0
    batch: int | None = None
    planes: slice | None = None
    device: bool = False


@dataclass(frozen=True)
class ReplicaBase:
    """What replicas are drawn around.

        R = clip(round(level + K·(Poisson(rate) − rate + r))),  r ~ N(0, noise)

    Parameters
    ----------
    level_dn : ndarray
        Mean of the replicas before clipping, (y, x) or (z, y, x), DN.
    rate_e : ndarray or None
        Mean number of photoelectrons, same shape, e⁻; None takes that of the level, max((level − o)/K, 0).
    noise_e : ndarray or None
        Standard deviation of r, same shape, e⁻; None takes the camera's read noise. Where it is given it is all of the normal noise.
    domain : str
        Name of the random stream; two uses of one image and seed must not share numbers. Empty is the mode's name.
    redrawn : str or None
        Where given, one frame is drawn first as above, shared by all replicas of a cluster, and replicas are drawn around that frame with
        all of the camera's noise, from the stream of this name.
    """

    level_dn: NDArray[Any]
    rate_e: NDArray[np.float64] | None = None
    noise_e: NDArray[np.float64] | None = None
    domain: str = ""
    redrawn: str | None = None


@dataclass(frozen=True)
class Diagnostic:
    """One check of a replica mode's premises on one image.

    Parameters
    ----------
    name : str
        Name of the check.
    value : float
        What was found; it should lie in [low, high].
    low, high : float
        Limits, in the value's unit.
    definition : str
        What the value is, as a formula in words.
    text : str
        Warning where the value lies outside.
    kinds : tuple of str
        Kinds of measurement (`Measurement.kind`) that a failure speaks against; empty is all.
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
        """Return the denoised image.

        Parameters
        ----------
        image : ndarray
            (y, x), float64, variance-stabilised: noise of standard deviation 1 everywhere.
        """
        ...


@dataclass(frozen=True)
class Extrapolation:
    """Where a mode's replicas lie on several noise levels, and how what is found at each leads to the number wanted.

        θ = Σ_l weights_l·θ(levels_l)

    Replica i belongs to cluster c = i // cluster, whose level is levels[c mod L]. Replicas of a cluster share what they are drawn
    around; σ_raw is their spread about the cluster's own mean. Which replicas a study needs follows from n alone, so that
    replica i still does not depend on it.

    Parameters
    ----------
    levels : tuple of float
        Noise variance of what replicas are drawn around, in units of V.
    weights : tuple of float
        One for each level; they add up to 1.
    cluster : int
        Replicas in a cluster.
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

    A mode says what to draw around (`base`) and how well that is known to work (`u_mode`). `sigmaraw.noise.draw` does the rest for
    all modes: it checks the request and the image, cuts planes and clusters, makes keys, and draws.

    Attributes
    ----------
    name : str
        As registered.
    needs_repeats : bool
        Whether frames are repeats (repeat, …) of one static scene; else one frame or volume.
    minimum_repeats : int
        Smallest number of repeats, where they are needed.
    draws_noise : bool
        Whether replicas come out of the noise model, any number of them, each group from a stream of its own. Where it is False replicas
        are the repeats themselves, which groups have to split, and no calibration error enters.
    parameters : tuple of Parameter
        Settings that a specification may give (`name:key=value`), keywords of the constructor.
    extrapolation : Extrapolation or None
        Given where replicas lie on several noise levels and the result is read off outside them.
    double_bootstrap_groups : int
        So many replicas of group 0 are in turn taken for the frame, to see whether the mode finds the same σ_raw from them.
    """

    name: str
    needs_repeats: bool = False
    minimum_repeats: int = 2
    draws_noise: bool = True
    parameters: tuple[Parameter, ...] = ()
    extrapolation: Extrapolation | None = None
    double_bootstrap_groups: int = 0

    def base(self, frame: NDArray[np.integer], noise_model: CameraNoise, request: ReplicaRequest) -> ReplicaBase:
        """Return what the replicas of a request are drawn around; not called where `draws_noise` is False.

        The same image and camera must give the same base. It may depend on the request through the cluster alone, whose number is
        `request.start // extrapolation.cluster`.

        Parameters
        ----------
        frame : ndarray
            (y, x) or (z, y, x), or (repeat, …) where the mode needs repeats, DN; of a volume the planes asked for only, already cut.
        noise_model : CameraNoise
            The camera, which `frame` was held against.
        request : ReplicaRequest
            What is asked; where the mode extrapolates, of one cluster.

        Returns
        -------
        ReplicaBase
            Level, rate and noise of each pixel.
        """
        ...

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return the relative standard uncertainty of σ_raw that the mode itself causes, 1, and where that figure comes from."""
        ...

    def studied_kind(self, measurement: Measurement) -> bool:
        """Return whether `u_mode` rests on a study of measurements of this kind; else what is found on the image itself may replace it."""
        return True

    def spread_factor(self, frame: NDArray[np.integer]) -> float:
        """Return σ_raw/sd(f(R)): what the spread of these replicas is multiplied by, where they are known to vary too little."""
        return 1.0

    def centre(self, frame: NDArray[np.integer], noise_model: CameraNoise) -> NDArray[np.integer] | NDArray[np.float64]:
        """Return the levels that replicas are drawn around, (y, x) or (z, y, x), DN; `frame` as in `base`."""
        if not self.draws_noise:
            return frame.mean(axis=0, dtype=float)
        return self.base(frame, noise_model, ReplicaRequest(1)).level_dn

    def diagnostics(self, frame: NDArray[np.integer], noise_model: CameraNoise) -> tuple[Diagnostic, ...]:
        """Return checks of what the mode rests on for this image; `frame` as in `base`."""
        return ()
