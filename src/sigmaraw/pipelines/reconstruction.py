"""Projections in, a reconstructed volume to the model: replicas are drawn where the noise arises, on the projections."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Measurement, Parameter, Pipeline
from sigmaraw.errors import InputNotFound, InvalidOption, InvalidPrediction, InvalidSpec, ShapeMismatch, UnreadableFile
from sigmaraw.frames import read_frames
from sigmaraw.pipelines.base import with_part_in_float32
from sigmaraw.pipelines.failures import raised_by
from sigmaraw.pipelines.inputs import many_frames, one_frame
from sigmaraw.pipelines.threads import each
from sigmaraw.registry import import_named, is_dotted

Reconstruct = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.floating]]

_LEAST_LIGHT = 1e-4  # share of the open beam: −ln of less is noise alone, and of nothing has no value
_FULL = 65535


def fbp(projections: NDArray[np.float64], angles_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the volume (y, v, u) of parallel projections (angle, y, x) by filtered back-projection, ramp filter.

    Each row y is a slice of its own; u and v are as wide as x, the rotation axis in the middle. Values are per px.

    Parameters
    ----------
    projections : ndarray
        (angle, y, x) line integrals: −ln of the transmission, or emitted light.
    angles_deg : ndarray
        (angle), degrees.

    Returns
    -------
    ndarray
        float64.

    References
    ----------
    skimage.transform.iradon.
    """
    from skimage.transform import iradon

    width = projections.shape[-1]
    slices = [iradon(projections[:, row].T, angles_deg, output_size=width, circle=True) for row in range(projections.shape[1])]
    return np.stack(slices)


class ReconstructionPipeline(Pipeline):
    """Reconstruct a volume from raw projections (projection, y, x), DN, and give it to another pipeline.

    transmission: p = −ln((x − d)/(f − d)), f and d the means of the flat and dark frames; emission: p = x − d. The volume of p goes to
    whole numbers by one fixed scale, 0 at `low` and 65535 at `high`, so that a replica's numbers do not depend on its own noise. Where
    they are not given, the first image is refused with the range that it has.

    `fbp` is filtered back-projection (skimage). A function of yours gets (projections float64 (angle, y, x), angles in degrees) and
    returns the volume.
    """

    name = "recon"
    parameters = (
        Parameter("method", str, "fbp", help="fbp, or package.module:function"),
        Parameter("then", str, required=True, help="the pipeline that gets the volume, in double quotes where it has keys"),
        Parameter("kind", str, "transmission", choices=("transmission", "emission"), help="what a projection is made of"),
        Parameter("flat", str, None, file=True, help="file of flat frames (transmission); their mean is used"),
        Parameter("dark", str, None, file=True, help="file of dark frames; without it `offset`"),
        Parameter("offset", float, 0.0, minimum=0, maximum=65535, unit="DN", help="dark level where there is no file of darks"),
        Parameter(
            "span", float, 180.0, minimum=1, maximum=3600, unit="deg", help="angle covered evenly by the projections, its end left out"
        ),
        Parameter("angles", str, None, file=True, help="in place of span: .npy or text file with one angle a projection, degrees"),
        Parameter("low", float, None, unit="1/px", help="volume's value that becomes 0"),
        Parameter("high", float, None, unit="1/px", help="volume's value that becomes 65535"),
    )

    def __init__(self, spec: str = "", **settings: Any) -> None:
        from sigmaraw.pipelines.spec import pipeline

        super().__init__(spec, **settings)
        keys = self.settings
        if keys["kind"] == "transmission" and keys["flat"] is None:
            raise InvalidSpec(f"'{spec}' without flat frames", "flat= for transmission", "add flat=flat.tif, or kind=emission")
        if None not in (keys["low"], keys["high"]) and not keys["low"] < keys["high"]:
            raise InvalidOption(f"low={keys['low']:g} and high={keys['high']:g}", "low below high", "exchange them")
        self.flat = None if keys["flat"] is None else _mean_frame(keys["flat"])
        self.dark = np.array(keys["offset"], np.float64) if keys["dark"] is None else _mean_frame(keys["dark"])
        self._angles = None if keys["angles"] is None else _angles(Path(keys["angles"]))
        self._reconstruct = self._method(keys["method"])
        self.then = pipeline(keys["then"])

    def _method(self, method: str) -> Reconstruct:
        if method == "fbp":
            return fbp
        module, _, name = method.partition(":")
        if not is_dotted(module) or not name.isidentifier():
            raise InvalidSpec(f"method={method} in '{self.spec}'", "fbp, or package.module:function", "name one of them")
        function: Reconstruct = import_named("pipeline", self.spec, module, name)
        return function

    @property  # the contract's attribute: the inner pipeline may say what it returns only with its first call
    def measurements(self) -> tuple[Measurement, ...]:
        """What the inner pipeline measures; grey levels are those of the scaled volume, and no kind was studied behind a reconstruction."""
        return tuple(_of_volume(row) for row in self.then.measurements)

    @measurements.setter
    def measurements(self, stated: tuple[Measurement, ...]) -> None:
        self.then.measurements = tuple(stated)

    def config(self) -> dict[str, Any]:
        """Return every setting, what was read, and the inner pipeline's own settings (JSON values)."""
        from sigmaraw.extras import version
        from sigmaraw.files import sha256_of_file

        files = {key: self.settings[key] for key in ("flat", "dark", "angles") if self.settings[key] is not None}
        digests = {f"{key}_sha256": sha256_of_file(path) for key, path in files.items() if Path(path).is_file()}
        inner = self.then.config()
        model = {"model_sha256": inner["model_sha256"]} if inner.get("model_sha256") else {}
        versions = {**inner.get("versions", {}), "scikit-image": version("scikit-image")}
        return {**super().config(), **digests, **model, "pipeline": inner, "versions": versions}

    def volume(self, projections: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the volume's values, before they are scaled, of projections (projection, y, x), DN.

        Raises
        ------
        ShapeMismatch
            Flat, dark or angles do not fit.
        PredictionFailed, InvalidPrediction
            The user's function raised an exception, or returned no finite volume.
        """
        if projections.ndim != 3:
            raise ShapeMismatch(
                f"an image of shape {projections.shape}", "projections (projection, y, x)", "give the whole scan, with --volume"
            )
        for what, frame in (("flat", self.flat), ("dark", self.dark)):
            if frame is not None and frame.ndim and frame.shape != projections.shape[1:]:
                raise ShapeMismatch(
                    f"a {what} of {frame.shape} px for projections of {projections.shape[1:]} px", "one size", "cut them alike"
                )
        angles = self._angles_of(len(projections))
        light = projections.astype(np.float64) - self.dark
        if self.flat is not None and self.settings["kind"] == "transmission":
            beam = self.flat - self.dark
            if beam.min() <= 0:
                raise InvalidOption("flat frames that are not brighter than the dark ones", "flats above darks", "check flat and dark")
            light = -np.log(np.maximum(light / beam, _LEAST_LIGHT))
        try:
            found = np.asarray(self._reconstruct(light, angles), np.float64)
        except Exception as error:
            raise raised_by(self.spec, error) from error
        if found.ndim not in (2, 3) or not np.isfinite(found).all():
            raise InvalidPrediction(f"'{self.spec}' returned {found.shape}", "a finite slice or volume", "correct the function")
        return found

    def _angles_of(self, count: int) -> NDArray[np.float64]:
        if self._angles is None:
            return np.arange(count) * (self.settings["span"] / count)
        if len(self._angles) != count:
            raise ShapeMismatch(f"{len(self._angles)} angles for {count} projections", "one for each", "correct the file of angles")
        return self._angles

    def scaled(self, projections: NDArray[np.integer]) -> NDArray[np.uint16]:
        """Return the volume in whole numbers, 0 at `low` and 65535 at `high`, clipped. Raises InvalidOption where these are not given."""
        values = self.volume(projections)
        low, high = self.settings["low"], self.settings["high"]
        if low is None or high is None:
            bottom, top = np.percentile(values, (0.1, 99.9))
            room = 0.25 * (top - bottom) or 1.0
            raise InvalidOption(
                f"a volume of values from {values.min():.4g} to {values.max():.4g} in '{self.spec}', and no fixed scale",
                "low and high, the same for every replica",
                f"for instance low={_two(bottom - room):g},high={_two(top + room):g}",
            )
        levels: NDArray[np.uint16] = np.clip(np.rint((values - low) / (high - low) * _FULL), 0, _FULL).astype(np.uint16)
        return levels

    def in_float32(self) -> Pipeline | None:
        """Return the same reconstruction with its pipeline in float32; None where that computes so itself."""
        return with_part_in_float32(self, "then")

    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the inner pipeline's measurements of the volume of one scan (projection, y, x), DN. Raises as `volume` and `scaled`."""
        return self.then(self._scaled_each([one_frame(raw)])[0])

    def batch(self, images: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
        """Return per measurement a float64 array (image). images: (image, projection, y, x), DN."""
        return self.then.batch(np.stack(self._scaled_each(many_frames(images))))

    def _scaled_each(self, scans: Iterable[NDArray[np.integer]]) -> list[NDArray[np.uint16]]:
        """Return the volume of each scan; a user's function, which may be no other thread's, is called in the caller's."""
        return each(self.scaled, scans) if self.settings["method"] == "fbp" else [self.scaled(scan) for scan in scans]


def _of_volume(row: Measurement) -> Measurement:
    grey = row.unit == "DN"
    definition = f"{row.definition}; in 65535ths of the volume's scale" if grey else row.definition
    return replace(row, unit="1" if grey else row.unit, definition=definition, kind="", studied=False)


def _mean_frame(path: str) -> NDArray[np.float64]:
    data = read_frames(path).data
    if data.ndim != 3:
        raise UnreadableFile(f"{path} holds volumes {data.shape}", "frames (frame, y, x)", "name a file of frames")
    mean: NDArray[np.float64] = data.mean(axis=0, dtype=np.float64)
    return mean


def _angles(path: Path) -> NDArray[np.float64]:
    if not path.is_file():
        raise InputNotFound(f"no file of angles {path}", ".npy, or text with one angle a line", "check the path")
    try:
        found = np.load(path, allow_pickle=False) if path.suffix == ".npy" else np.loadtxt(path)
        angles = np.asarray(found, np.float64)
    except (ValueError, EOFError, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UnreadableFile(f"angles {path} ({reason})", "one number a projection, degrees", "write the file anew") from error
    if angles.ndim != 1 or not np.isfinite(angles).all():
        raise UnreadableFile(f"angles {path} of shape {angles.shape}", "one number a projection, degrees", "write the file anew")
    return angles


def _two(value: float) -> float:
    """Return the value to two digits."""
    if value == 0:
        return 0.0
    return round(value, 1 - math.floor(math.log10(abs(value))))
