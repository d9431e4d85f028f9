"""Dark and flat frames of a virtual camera as the folder that calibration reads."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption
from sigmaraw.files import atomic_path, write_text
from sigmaraw.virtual.camera import VirtualCamera


def write_frames(path: str | os.PathLike[str], frames: NDArray[np.integer], bits: int) -> Path:
    """Write frames as an OME-TIFF that states its bit depth; return its path.

    Parameters
    ----------
    path : str or path-like
        The file.
    frames : ndarray of int
        (y, x) or (frame, y, x), uint8 or uint16, DN.
    bits : int
        Bit depth, 1 to 16.
    """
    import tifffile

    target = Path(path)
    # OME wants an identifier; one made of the pixels, so that the same frames are the same bytes.
    content = hashlib.sha256(f"{frames.shape} {bits} ".encode() + frames.tobytes()).hexdigest()
    identifier = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}"
    metadata = {"axes": "TYX" if frames.ndim == 3 else "YX", "SignificantBits": bits, "UUID": identifier}
    with atomic_path(target) as temporary:
        tifffile.imwrite(temporary, frames, ome=True, photometric="minisblack", metadata=metadata)
    return target


def flat_levels(camera: VirtualCamera, count: int) -> NDArray[np.float64]:
    """Return light levels, e-, evenly from 2 % to 110 % of saturation: the variance curve must be seen to turn.

    Parameters
    ----------
    camera : VirtualCamera
        Its saturation counts.
    count : int
        How many levels.
    """
    return np.linspace(0.02, 1.10, count) * camera.saturation_e


def write_series(
    camera: VirtualCamera,
    folder: str | os.PathLike[str],
    levels: int | Sequence[float] = 12,
    frames_per_level: int = 2,
    dark_frames: int = 8,
    seed: int = 0,
    *,
    exposure_ms: float | Sequence[float] = 10.0,
    dark_exposures_ms: Sequence[float] | None = None,
) -> Path:
    """Write a SERIES folder: dark/, flat/ and frames.csv; return it.

    Parameters
    ----------
    camera : VirtualCamera
        It takes the frames.
    folder : str or path-like
        Where they are written.
    levels : int or sequence of float, default 12
        How many flat levels (spaced as `flat_levels`), or their mean photoelectrons, e-.
    frames_per_level, dark_frames : int, optional
        Repeats of each flat and of each dark level.
    seed : int, default 0
        Seed of the noise; every level has its own stream.
    exposure_ms : float or sequence of float, default 10.0
        Exposure of the flats, ms, above 0, one for all (the light is varied) or one per level; it acts on the dark current.
    dark_exposures_ms : sequence of float, optional
        One dark level each, ms; None takes the exposures of the flats.

    Raises
    ------
    InvalidOption
        No levels, no frames, or dark/ or flat/ already holds other files.
    """
    light = flat_levels(camera, levels) if isinstance(levels, int) else np.asarray(levels, dtype=np.float64)
    if light.ndim != 1 or len(light) == 0 or frames_per_level < 1 or dark_frames < 1:
        raise InvalidOption("a series without levels or frames", "at least one of each", "correct the numbers")
    exposures = np.broadcast_to(np.asarray(exposure_ms, dtype=np.float64), light.shape)
    darks = sorted(set(exposures.tolist() if dark_exposures_ms is None else map(float, dark_exposures_ms)))
    plan = [("dark", 0.0, exposure, dark_frames) for exposure in darks]
    plan += [("flat", float(level), float(exposure), frames_per_level) for level, exposure in zip(light, exposures, strict=True)]
    folder = Path(folder)
    rows, names = ["path,kind,exposure_ms,irradiance"], []
    for index, (kind, level, exposure, _) in enumerate(plan):
        names.append(f"{kind}/{kind}-{index if kind == 'dark' else index - len(darks):02d}.tif")
        # Irradiance in photoelectrons per second: without it, flats of one exposure would be one level.
        rows.append(f"{names[-1]},{kind},{exposure!r},{level / (exposure / 1000):.9g}")
    _refuse_foreign(folder, names)
    for index, (name, (_, level, exposure, frames)) in enumerate(zip(names, plan, strict=True)):
        stack = camera.acquire(level, frames, [seed, index], exposure_s=exposure / 1000)
        write_frames(folder / name, stack, camera.bits)
    write_text(folder / "frames.csv", "\n".join(rows) + "\n")
    return folder


def _refuse_foreign(folder: Path, names: list[str]) -> None:
    """Refuse a folder with files of another series in dark/ or flat/: calibration would take them too."""
    for kind in ("dark", "flat"):
        place = folder / kind
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if f"{kind}/{path.name}" not in names:
                raise InvalidOption(f"{path} is already there", "an empty folder for a new series", "choose another folder or empty it")
