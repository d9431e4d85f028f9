"""What `NoiseModel.from_profile` reads of a camera profile, and nobody else."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption, InvalidProfile, ProfileMismatch
from sigmaraw.noise.model import U_STATED, NoiseModel
from sigmaraw.noise.rician import is_rician, rician_of
from sigmaraw.noise.transfer import CURVE, curve_of

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile
    from sigmaraw.netcdf import Arrays


def opened(camera: CameraProfile | NoiseModel | str | os.PathLike[str]) -> CameraProfile | NoiseModel:
    """Return a profile or a noise model as it is, what ``rician:sigma=…`` states, and the profile of a path. Raises InvalidOption else."""
    from sigmaraw.camera import CameraProfile

    if is_rician(camera):
        return rician_of(camera)
    if isinstance(camera, str | os.PathLike):
        return CameraProfile.from_netcdf(camera)
    if not isinstance(camera, CameraProfile | NoiseModel):
        expected = "a CameraProfile, the path of one, or a NoiseModel"
        raise InvalidOption(f"a {type(camera).__name__} as camera", expected, "calibrate, or state values")
    return camera


def read_profile(profile: CameraProfile, scalars: bool) -> NoiseModel:
    """Return the noise model of the whole sensor, by maps where the profile has them and `scalars` is not set. Raises InvalidProfile."""
    dataset = profile.arrays

    def scalar(name: str) -> float:
        if name not in dataset:
            raise InvalidProfile(
                f"a camera profile without '{name}'", "the variables that calibration writes", "calibrate the camera again"
            )
        value = float(dataset[name])
        # All pixels of taps that differ too much to be one camera: their mean stands in until each pixel gets its own tap's value.
        return float(np.nanmean(dataset[f"tap_{name}"].values)) if math.isnan(value) and f"tap_{name}" in dataset else value

    def uncertainty(name: str) -> float:
        value = scalar(name) if name in dataset else math.nan
        return value if math.isfinite(value) else 0.0  # datasheets state none

    def values(name: str, map_name: str) -> float | NDArray[np.float64]:
        if scalars or map_name not in dataset:
            return scalar(name)
        return np.asarray(dataset[map_name].values, dtype=np.float64)

    gain = scalar("gain")
    curve = curve_of(gain, _curve_values(dataset)) if gain > 0 else None
    # A profile from before the curve's reach was stored has the end of the fit's range.
    ends = ("linear_hi_dn",) if curve is None else ("transfer_hi_dn", "fit_upper_dn")
    highest = next((dataset.attrs[name] for name in ends if name in dataset.attrs), None)
    u_gain, u_noise = uncertainty("gain_se") / gain if gain > 0 else 0.0, uncertainty("dark_noise_se")
    if "tap_layout" in dataset.attrs:  # an image may lie in one tap: the least certain one counts
        u_gain = float(np.nanmax(dataset["tap_gain_se"].values / dataset["tap_gain"].values, initial=0.0))
        u_noise = float(np.nanmax(dataset["tap_dark_noise_se"].values, initial=0.0))
    stated = dataset.attrs.get("source") == "stated values"
    errors = [float(dataset[name]) if name in dataset else math.nan for name in ("gain_se", "read_noise_se")]
    no_error = stated and not all(map(math.isfinite, errors))
    dsnu = float(dataset["dsnu"]) if "dsnu" in dataset else math.nan
    return NoiseModel(
        dsnu_e=dsnu if math.isfinite(dsnu) else 0.0,
        u_least=U_STATED if no_error else 0.0,
        gain_dn_per_e=values("gain", "gain_map"),
        offset_dn=values("offset", "offset_map"),
        read_noise_e=values("dark_noise", "read_noise_map"),
        bits=int(profile.bits),
        u_gain=u_gain,
        u_read_noise=u_noise,
        saturation_dn=float(profile.valid_range[1]),
        curve=curve,
        highest_dn=None if highest is None else float(highest),
    )


def _curve_values(dataset: Arrays) -> dict[str, float]:
    """Return what a profile says of a bent curve, by the names of `CURVE`, and of taps only what each of them says too.

    All pixels of straight taps together may look bent, since the light of taps may differ from level to level.
    """

    def shared(name: str) -> bool:
        return f"tap_{name}" not in dataset or bool(np.isfinite(dataset[f"tap_{name}"].values).all())

    return {name: float(dataset[name]) for name in CURVE if name in dataset and shared(name)}


def by_taps(profile: CameraProfile, scalars: bool) -> bool:
    """Whether readout taps or colour planes stand in for maps: a filter array has no one dark level or gain."""
    return "tap_layout" in profile.arrays.attrs and (scalars or "gain_map" not in profile.arrays)


def with_taps(noise_model: NoiseModel, profile: CameraProfile, shape: tuple[int, ...], roi: tuple[int, int] | None) -> NoiseModel:
    """Return the noise model with the values of each pixel's tap, (y, x), for frames (…, y, x)."""
    from sigmaraw.camera import sensor_shape, stored_layout

    dataset = profile.arrays
    layout, sensor = stored_layout(dataset), sensor_shape(dataset)
    if len(shape) < 2 or (roi is None and shape[-2:] != sensor):
        raise ProfileMismatch(
            f"frames of {' × '.join(map(str, shape))} pixels on a sensor of {sensor[0]} × {sensor[1]} with {layout}",
            "whole frames, or the place of the cut-out",
            "say where the cut-out lies with --roi y,x",
        )
    assert layout is not None
    tap = layout.index(sensor, (shape[-2], shape[-1]), roi or (0, 0))
    gain, offset, noise = (np.asarray(dataset[f"tap_{name}"].values)[tap] for name in ("gain", "offset", "dark_noise"))
    return replace(noise_model, gain_dn_per_e=gain, offset_dn=offset, read_noise_e=noise)


def noise_model_of_rows(noise_model: NoiseModel, shape: tuple[int, ...], part: slice) -> NoiseModel:
    """Return the noise model of some rows of a frame; all planes of a volume have that of the whole sensor.

    Parameters
    ----------
    noise_model : NoiseModel
        That of the whole frame.
    shape : tuple of int
        The whole frame's, (y, x), or a volume's, (z, y, x).
    part : slice
        The rows, or the planes.
    """
    if len(shape) > 2 or noise_model.shape is None:
        return noise_model
    return noise_model.from_profile(noise_model, (part.stop - part.start, *shape[1:]), roi=(part.start, 0))
