"""Every registered replica mode and a foreign one pass the conformance suite, and broken ones do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import median_filter

import sigmaraw as sr
from sigmaraw import registry
from sigmaraw.contracts import CameraNoise, Diagnostic, Extrapolation, Measurement, Parameter, ReplicaBase, ReplicaMode, ReplicaRequest
from sigmaraw.noise import NoiseModel, iter_replicas
from sigmaraw.testing import check_mode


class AroundMedian(ReplicaMode):
    """As another package would write it, with contracts alone: replicas around the frame's running median, with all of the noise."""

    name = "around-median"
    parameters = (Parameter("size", int, 3, minimum=3, maximum=15, unit="px", help="side of the window"),)

    def __init__(self, size: int = 3) -> None:
        self.size = size

    def base(self, frame: NDArray[np.integer], noise_model: CameraNoise, request: ReplicaRequest) -> ReplicaBase:
        """Return the median of each pixel's window, page by page."""
        window = (1,) * (frame.ndim - 2) + (self.size, self.size)
        return ReplicaBase(median_filter(frame, window))

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return a stated value: this mode was never measured."""
        return 0.5, f"{self.name}: stated, not measured"

    def diagnostics(self, frame: NDArray[np.integer], noise_model: CameraNoise) -> tuple[Diagnostic, ...]:
        """Return the mean deviation from the median in units of the noise: 0 where the noise is symmetric."""
        level = self.base(frame, noise_model, ReplicaRequest(1)).level_dn.astype(float)
        skew = float(((frame - level) / np.sqrt(noise_model.variance(level))).mean())
        return (Diagnostic("median_shift", skew, -0.2, 0.2, "mean of (x - m)/sqrt(V(m)), m the median", f"the median is {skew:.2f} off"),)


SPECS = [*registry.names(registry.MODES), "bootstrap:denoiser=nlm", "simex:order=linear"]


@pytest.mark.parametrize("spec", SPECS)
def test_registered_modes_conform(spec: str) -> None:
    check_mode(spec)


def test_a_mode_of_another_package_conforms() -> None:
    check_mode(AroundMedian())
    check_mode(AroundMedian(size=5))


def test_a_mode_of_another_package_is_drawn_from() -> None:
    """A mode is taken where a name is: replicas of an even frame scatter about its median by √V, 4 SE = 4/√(2N)."""
    noise_model = NoiseModel(0.5, 100.0, 2.0, 12)
    frame = noise_model.sample(np.full((40, 40), 300.0), 1, seed=1)[0]
    found = sr.replicas(frame, noise_model, 50, mode=AroundMedian(15), seed=2)
    assert found.attrs["mode"] == "around-median"
    within = found.values.var(axis=0, ddof=1).mean() / float(noise_model.variance(300.0))
    assert abs(within - 1) < 4 * np.sqrt(2 / (49 * frame.size)) + 0.02  # V of the median, which is a few DN off 300
    assert len(list(iter_replicas(frame, noise_model, 4, AroundMedian(), batch=2))) == 2


class SeesRequest(AroundMedian):
    def base(self, frame: Any, noise_model: Any, request: Any) -> ReplicaBase:
        return ReplicaBase(frame + frame.dtype.type(request.start))


class SeesNeighbours(AroundMedian):
    def base(self, frame: Any, noise_model: Any, request: Any) -> ReplicaBase:
        return ReplicaBase(frame + (frame.mean() / 50).astype(frame.dtype))


class Writes(AroundMedian):
    def base(self, frame: Any, noise_model: Any, request: Any) -> ReplicaBase:
        frame[..., 0, 0] = 30
        return ReplicaBase(frame)


class Forgets(AroundMedian):
    def base(self, frame: Any, noise_model: Any, request: Any) -> ReplicaBase:
        return ReplicaBase(frame[..., :-1])


class Elsewhere(AroundMedian):
    def centre(self, frame: Any, noise_model: Any) -> Any:
        return frame + 1.0


class Silent(AroundMedian):
    def u_mode(self, measurement: Any) -> tuple[float, str]:
        return 0.1, ""


class Understated(AroundMedian):
    def u_mode(self, measurement: Any) -> tuple[float, str]:
        return float("nan"), "a study"


class Weightless(AroundMedian):
    extrapolation = Extrapolation((1.0, 2.0), (2.0, -0.5), 5)


class Memory(AroundMedian):
    calls = 0

    def diagnostics(self, frame: Any, noise_model: Any) -> Any:
        self.calls += 1
        return super().diagnostics(frame, noise_model)[: self.calls % 2]


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        (SeesRequest, "drawn in two parts"),
        (SeesNeighbours, "planes 0 to 4 differ"),
        (Writes, "image was changed"),
        (Forgets, "replicas are"),
        (Elsewhere, "from centre"),
        (Silent, "no source"),
        (Understated, "u_mode of kind"),
        (Weightless, "weights add up to 1.5"),
        (Memory, "differ a second time"),
    ],
)
def test_a_mode_that_breaks_the_contract_is_named(mode: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_mode(mode())
