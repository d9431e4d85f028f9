"""What a watch looks at in a frame: groups of numbers, each of one kind.

| group | numbers | sees |
|---|---|---|
| statistics | mean, sd, percentiles, energy of edges and of finest detail of the image | light, focus, density of objects |
| residuals | finest detail over the camera's V, row and column noise, in logarithms | gain, read noise, processing on the camera |
| measurements | the pipeline's own | the answers |
| bottleneck | channel means of the deepest maps of a trained network | what the network makes of the image |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    from sigmaraw.contracts import Pipeline
    from sigmaraw.noise import NoiseModel

GROUPS = ("statistics", "residuals", "measurements", "bottleneck")
_PERCENTILES = (1, 10, 50, 90, 99)
_TINY = 1e-12
Floats = NDArray[np.float64]


def statistics_of(frame: NDArray[np.integer]) -> Floats:
    """Return mean and sd, percentiles, and the logarithms of the mean squared first and second differences, DN.

    Parameters
    ----------
    frame : ndarray
        (y, x) or (z, y, x), DN.
    """
    values = frame.astype(np.float64)
    edges = sum(float(np.mean(np.diff(values, axis=axis) ** 2)) for axis in (-2, -1))
    finest = np.diff(np.diff(values, 2, axis=-1), 2, axis=-2) if min(values.shape[-2:]) > 2 else np.zeros(1)
    levels = np.percentile(values, _PERCENTILES)
    return np.array([values.mean(), values.std(), *levels, math.log(edges + _TINY), math.log(float(np.mean(finest**2)) + _TINY)])


def residuals_of(frame: NDArray[np.integer], noise_model: NoiseModel) -> Floats:
    """Return the logarithms of the frame's finest detail over V, and of its row and column noise; 1 stands for a camera as calibrated.

    Parameters
    ----------
    frame : ndarray
        (y, x) or (z, y, x), DN.
    noise_model : NoiseModel
        The camera's.

    Raises
    ------
    InvalidOption
        The frame is too small, or too much of it is clipped, for its noise to be seen.
    """
    from sigmaraw.noise.frame_noise import line_noise, local_noise

    checks = {check.name: check.value for check in (*local_noise(frame, noise_model), *line_noise(frame, noise_model, np.ones(2), 1))}
    wanted = ("local_noise", "row_noise", "column_noise")
    if any(name not in checks for name in wanted):
        raise InvalidOption(
            f"a frame of {frame.shape} px", "at least 32 px a side, most of them not clipped", "leave out the feature residuals"
        )
    return np.array([math.log(checks[name] + _TINY) for name in wanted])


class Features:
    """Takes the groups of numbers from frames.

    Parameters
    ----------
    groups : sequence of str
        Of GROUPS.
    pipeline : Pipeline, optional
        Of "measurements" and "bottleneck".
    noise_model : callable, optional
        Returns the noise model for a frame's shape; of "residuals".
    """

    def __init__(
        self, groups: Sequence[str], pipeline: Pipeline | None = None, noise_model: Callable[[tuple[int, ...]], NoiseModel] | None = None
    ) -> None:
        for name in groups:
            if name not in GROUPS:
                raise InvalidOption(f"feature '{name}'", f"one of {', '.join(GROUPS)}", "correct --feature")
        if not groups:
            raise InvalidOption("no feature to watch", f"one of {', '.join(GROUPS)}", "name one with --feature")
        if {"measurements", "bottleneck"} & set(groups) and pipeline is None:
            raise InvalidOption("measurements or bottleneck without a pipeline", "--pipeline", "name the pipeline of the study")
        if "bottleneck" in groups and not hasattr(pipeline, "bottleneck"):
            raise InvalidOption(f"bottleneck of '{pipeline.spec if pipeline else ''}'", "a pipeline trained:FILE", "leave it out")
        if "residuals" in groups and noise_model is None:
            raise InvalidOption("residuals without a camera", "--camera", "name the camera profile")
        self.groups, self._pipeline, self._noise_model = tuple(dict.fromkeys(groups)), pipeline, noise_model

    def __call__(self, frame: NDArray[np.integer]) -> dict[str, Floats]:
        """Return the numbers of each group, float64; an undefined measurement is NaN.

        Parameters
        ----------
        frame : ndarray
            (y, x) or (z, y, x), uint8 or uint16, DN.
        """
        makers: Mapping[str, Callable[[], Any]] = {
            "statistics": lambda: statistics_of(frame),
            "residuals": lambda: residuals_of(frame, self._noise_model(frame.shape)) if self._noise_model else None,
            "measurements": lambda: np.array(list(self._pipeline(frame).values())) if self._pipeline else None,
            "bottleneck": lambda: self._pipeline.bottleneck(frame) if self._pipeline else None,  # type: ignore[attr-defined]
        }
        return {name: np.asarray(makers[name](), dtype=np.float64) for name in self.groups}
