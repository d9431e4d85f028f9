"""The processing steps of a bioimage.io description, each a function of one image's array: nothing of a package is run.

They follow the format's documentation (bioimageio.spec, model 0.5). Statistics "of all axes", or with the batch among them, are
those of the image at hand: a data set's would make an image's answer depend on others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidModel

Step = Callable[[NDArray[Any]], NDArray[Any]]


def steps_of(described: Sequence[Any], names: Sequence[str], tensor: str) -> list[Step]:
    """Return the steps of a tensor's pre- or postprocessing.

    Parameters
    ----------
    described : sequence
        Descriptions as bioimageio.spec reads them, in order.
    names : sequence of str
        The array's axes, in order: channel, (z,) y, x.
    tensor : str
        The tensor's name, for messages.

    Returns
    -------
    list of callable
        Each maps an array to one of its shape.

    Raises
    ------
    InvalidModel
        A step that is not known here, needs another tensor, or would run code of the package.
    """
    return [_step(entry, list(names), tensor) for entry in described]


def applied(steps: Sequence[Step], array: NDArray[Any]) -> NDArray[Any]:
    """Return the array after all steps."""
    for step in steps:
        array = step(array)
    return array


def _step(entry: Any, names: list[str], tensor: str) -> Step:
    kind, settings = str(entry.id), getattr(entry, "kwargs", None)
    known: dict[str, Callable[[Any, list[str]], Step]] = {
        "ensure_dtype": _ensure_dtype,
        "binarize": _binarize,
        "clip": _clip,
        "scale_linear": _scale_linear,
        "sigmoid": _sigmoid,
        "softmax": _softmax,
        "fixed_zero_mean_unit_variance": _fixed,
        "zero_mean_unit_variance": _zero_mean,
        "scale_range": _scale_range,
    }
    if kind not in known or getattr(settings, "reference_tensor", None) is not None:
        raise InvalidModel(
            f"the step {' '.join(kind.split())[:60]} of tensor {tensor}",
            f"one of {', '.join(known)}, on the tensor itself",
            "run the model from a function of your own (labels:package.module:function)",
        )
    return known[kind](settings, names)


def _reduced(axes: Sequence[Any] | None, names: list[str]) -> tuple[int, ...] | None:
    """Return the numbers of the axes over which a statistic goes, None for all."""
    if axes is None:
        return None
    return tuple(names.index(str(axis)) for axis in axes if str(axis) in names)


def _along(values: Any, axis: Any, names: list[str]) -> Any:
    """Return one number for all, or one for each place along an axis, in a shape that broadcasts."""
    if axis is None:
        return values
    shape = [1] * len(names)
    shape[names.index(str(axis))] = -1
    return np.asarray(values, np.float64).reshape(shape)


def _ensure_dtype(settings: Any, names: list[str]) -> Step:
    return lambda array: array.astype(settings.dtype)


def _binarize(settings: Any, names: list[str]) -> Step:
    threshold = _along(settings.threshold, getattr(settings, "axis", None), names)
    return lambda array: array > threshold


def _clip(settings: Any, names: list[str]) -> Step:
    axes = _reduced(settings.axes, names)

    def clipped(array: NDArray[Any]) -> NDArray[Any]:
        def bound(fixed: float | None, percentile: float | None) -> Any:
            if percentile is None:
                return fixed
            return np.percentile(array, percentile, axis=axes, keepdims=True, method="inverted_cdf")

        return np.clip(array, bound(settings.min, settings.min_percentile), bound(settings.max, settings.max_percentile))

    return clipped


def _scale_linear(settings: Any, names: list[str]) -> Step:
    axis = getattr(settings, "axis", None)
    gain, offset = (_along(values, axis, names) for values in (settings.gain, settings.offset))
    return lambda array: array * gain + offset


def _sigmoid(settings: Any, names: list[str]) -> Step:
    from scipy.special import expit

    return lambda array: expit(array.astype(np.float64))


def _softmax(settings: Any, names: list[str]) -> Step:
    from scipy.special import softmax

    axis = names.index(str(settings.axis))
    return lambda array: softmax(array.astype(np.float64), axis=axis)


def _fixed(settings: Any, names: list[str]) -> Step:
    axis = getattr(settings, "axis", None)
    mean, std = (_along(values, axis, names) for values in (settings.mean, settings.std))
    return lambda array: (array.astype(np.float64) - mean) / std


def _zero_mean(settings: Any, names: list[str]) -> Step:
    axes = _reduced(settings.axes, names)

    def scaled(array: NDArray[Any]) -> NDArray[Any]:
        levels = array.astype(np.float64)
        return (levels - levels.mean(axis=axes, keepdims=True)) / (levels.std(axis=axes, keepdims=True) + settings.eps)

    return scaled


def _scale_range(settings: Any, names: list[str]) -> Step:
    axes = _reduced(settings.axes, names)

    def scaled(array: NDArray[Any]) -> NDArray[Any]:
        levels = array.astype(np.float64)
        low, high = np.percentile(levels, (settings.min_percentile, settings.max_percentile), axis=axes, keepdims=True)
        return (levels - low) / (high - low + settings.eps)

    return scaled
