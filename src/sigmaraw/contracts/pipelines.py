"""Pipelines: image → named numbers."""

from __future__ import annotations

import abc
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from sigmaraw.contracts.settings import Parameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Measurement:
    """One named number that a pipeline predicts.

    Parameters
    ----------
    name : str
        The key under which the pipeline returns it.
    unit : str
        "1" for a pure number.
    symbol, definition : str
        What reports call it, and what it is.
    discrete : bool
        Whether it takes isolated values, as a count does.
    kind : str
        How it depends on the pixels, in the words of the coverage study of replica modes: "mean" (linear in all pixels),
        "adaptive-area" (a threshold found in the image itself), "area" (any other), "count", "intensity" (sum inside objects),
        "mean-intensity", "texture"; for a network "network-count", "network-area", "network-dice", "network-intensity",
        "network-mean-intensity" and the "network-soft-…" of them. "" does not say, and takes the largest uncertainty that
        the study measured.
    studied : bool
        Whether the study measured this very number of this very pipeline. Otherwise `kind` is a statement, and records say so.
    """

    name: str
    unit: str
    symbol: str
    definition: str
    discrete: bool = False
    kind: str = ""
    studied: bool = False


class Pipeline(abc.ABC):
    """Image → named numbers. Deterministic, and each image's numbers do not depend on the rest of its batch.

    An entry point of "sigmaraw.pipelines" names a subclass; `sigmaraw.pipelines.ImagePipeline` is the one to inherit from, since it
    checks the images and needs one method only. The class is called as ``Class(spec, **settings)``.

    Attributes
    ----------
    name : str
        The entry point's name.
    parameters : tuple of Parameter
        The settings that a specification may give; a bare word sets the first one.
    spec : str
        The specification as typed.
    measurements : tuple of Measurement
        What it predicts, in this order. An instance may set others, according to its settings.
    runs_programs : bool
        It starts a program of this machine, and is refused unless the caller allows it.

    Parameters
    ----------
    spec : str
        The specification as typed.
    **settings
        One value for each of `parameters`, with its type and default already applied.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    runs_programs: bool = False
    spec: str
    measurements: tuple[Measurement, ...]

    def __init__(self, spec: str = "", **settings: Any) -> None:
        self.spec = spec or self.name
        self.settings = {parameter.name: settings.pop(parameter.name, parameter.default) for parameter in self.parameters}
        if settings:
            raise TypeError(f"{type(self).__name__} has no setting {', '.join(settings)}")

    def config(self) -> dict[str, Any]:
        """Return every setting with its default written out, and versions: enough to reproduce it (JSON values).

        `name` is always there. Where a file was read, `model` (or `weights`) is its path and `model_sha256` its hash.
        """
        return {"name": self.name, "spec": self.spec, **self.settings}

    @abc.abstractmethod
    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one frame (y, x) or volume (z, y, x): integer array, DN, or RawFrames."""

    @abc.abstractmethod
    def batch(self, images: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
        """Return per measurement a float64 array (image). images: (image, y, x) or (image, z, y, x), DN."""

    def __repr__(self) -> str:
        return f"<sigmaraw pipeline {self.spec!r}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(str(key))}</th><td>{html.escape(str(value))}</td></tr>" for key, value in self.settings.items()
        )
        return f"<p>sigmaraw pipeline <code>{html.escape(self.spec)}</code></p>" + (f"<table>{rows}</table>" if rows else "")


@runtime_checkable
class OnDevice(Protocol):
    """A pipeline whose `batch` also takes images where its network computes, handed over by DLPack; the hook is optional."""

    @property
    def dlpack_device(self) -> tuple[int, int]:
        """Return where that is, as DLPack names it: (1, 0) is the CPU, (2, i) a CUDA GPU."""
        ...


@runtime_checkable
class Segmenting(Protocol):
    """A pipeline that yields objects, which can be held against a reference mask; the hook is optional."""

    def segmented(self, image: NDArray[np.integer]) -> tuple[NDArray[np.integer], dict[str, float]]:
        """Return the objects of one image, and its measurements, from one segmentation.

        Parameters
        ----------
        image : ndarray
            (y, x) or (z, y, x), DN.

        Returns
        -------
        labels : ndarray
            The image's shape, 0 where there is no object, another number for each object.
        values : dict of str to float
            As a call gives them.
        """
        ...


@runtime_checkable
class SegmentingBatches(Segmenting, Protocol):
    """A pipeline that yields the objects of many images at once; the hook is optional."""

    def segmented_batch(self, images: NDArray[np.integer]) -> tuple[Sequence[NDArray[np.integer]], dict[str, NDArray[np.float64]]]:
        """Return the objects of many images, and their measurements, from one segmentation.

        Parameters
        ----------
        images : ndarray
            (image, y, x) or (image, z, y, x), DN.

        Returns
        -------
        labels : sequence of ndarray
            For each image what `segmented` returns.
        values : dict of str to ndarray
            As `batch` gives them.
        """
        ...


@runtime_checkable
class LowerPrecision(Protocol):
    """A pipeline that may compute in less than float32; the hook is optional."""

    def in_float32(self) -> Pipeline | None:
        """Return the same pipeline in float32, with which its answers are compared; None where it computes so itself."""
        ...


@runtime_checkable
class Differentiable(Protocol):
    """A pipeline that knows how some of its measurements change with the pixels; the hook is optional."""

    def gradient(self, image: NDArray[np.integer]) -> Mapping[str, NDArray[np.floating]]:
        """Return ∂χ/∂x of the measurements that are differentiable at `image`, by name; the others are left out.

        Parameters
        ----------
        image : ndarray
            (y, x) or (z, y, x), uint8 or uint16, DN.

        Returns
        -------
        mapping of str to ndarray
            Each derivative in the image's shape, the measurement's unit per DN.
        """
        ...
