"""Fitting a watch: what frames of the study look like, how far frames like them stray, and what counts as strange."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sigmaraw import __version__
from sigmaraw.errors import IntegrityError, InvalidOption, UndefinedStatistic
from sigmaraw.files import sha256_of_file
from sigmaraw.frames import read_frames
from sigmaraw.integrity.log import now
from sigmaraw.progress import Report
from sigmaraw.registry import imports_allowed
from sigmaraw.watch.exceedance import Exceedance, Limits
from sigmaraw.watch.features import Features
from sigmaraw.watch.online import OnlineMmd
from sigmaraw.watch.projection import refuse_corrupted

Floats = NDArray[np.float64]


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a watch is made of: enough to make it again from its state.

    Parameters
    ----------
    groups : tuple of str
        Groups of features.
    pipeline, camera : str, optional
        Specification and path.
    window : int
        Frames of the online test's window.
    run_time : float
        Mean number of frames to a false alarm of the online tests, all groups together.
    alpha : float
        Probability that the sequential test ever gives a false alarm.
    seed : int
        Of simulated streams and of ties.
    scalars, volume : bool
        As in `validate`.
    limits : Limits, optional
        Of the study, where exceedances are watched.
    share : float, optional
        Share of exceedances that is still allowed.
    """

    groups: tuple[str, ...]
    pipeline: str | None = None
    camera: str | None = None
    window: int = 10
    run_time: float = 256.0
    alpha: float = 0.01
    seed: int = 0
    scalars: bool = False
    volume: bool = False
    limits: Limits | None = None
    share: float | None = None


@dataclass(frozen=True)
class Parts:
    """What a setup gives: features, exceedance where it is watched, and the SHA-256 of camera and model files."""

    features: Features
    exceedance: Exceedance | None
    hashes: dict[str, str | None]


def parts_of(setup: Setup, typed: Collection[str]) -> Parts:
    """Return the working parts of a setup.

    Parameters
    ----------
    setup : Setup
        The watch's.
    typed : collection of str
        Specifications of pipeline and codec that the user typed: only these may import code, as ``module:function`` does.

    Raises
    ------
    ProgramNotAllowed
        The setup comes from a file, and names code that the user did not.
    SigmarawError
        As `sigmaraw.pipeline` and `CameraProfile.from_netcdf`.
    """
    import sigmaraw as sr
    from sigmaraw.noise import NoiseModel

    with imports_allowed(setup.pipeline in typed):
        pipeline = sr.pipeline(setup.pipeline) if setup.pipeline else None
    camera = sr.CameraProfile.from_netcdf(setup.camera) if setup.camera else None
    models: dict[tuple[int, ...], NoiseModel] = {}

    def noise_model(shape: tuple[int, ...]) -> NoiseModel:
        if shape not in models:
            assert camera is not None  # Features asks for it only where there is one
            models[shape] = NoiseModel.from_profile(camera, shape, scalars=setup.scalars)
        return models[shape]

    features = Features(setup.groups, pipeline, noise_model if camera is not None else None)
    exceedance = None
    if setup.limits is not None:
        if pipeline is None:
            raise InvalidOption("a study's limits without its pipeline", "--pipeline", "name the pipeline of the study")
        with imports_allowed(setup.limits.codec in typed):
            exceedance = Exceedance(setup.limits, pipeline, camera)
    model = None if pipeline is None else pipeline.config().get("model_sha256")
    return Parts(features, exceedance, {"camera": sha256_of_file(setup.camera) if setup.camera else None, "model": model})


def frames_of(paths: Sequence[str | Path], volume: bool) -> Iterator[tuple[str, NDArray[np.integer]]]:
    """Yield (name, pixels) of every frame of files or folders; frames of one file are numbered from 0."""
    for path in paths:
        frames = read_frames(path, volume=volume)
        single = len(frames) == 1
        several = len(frames.files) == len(frames) > 1
        for number, pixels in enumerate(frames.data):
            yield (frames.files[number].path if several else str(path) if single else f"{path}[{number}]"), pixels


def hash_of(pixels: NDArray[np.integer]) -> str:
    """Return the SHA-256 of dtype, shape and pixels; states hold it, so that it is not `study.inputs.pixel_hash`."""
    digest = hashlib.sha256(f"{pixels.dtype} {pixels.shape} ".encode())
    digest.update(np.ascontiguousarray(pixels).view(np.uint8).data)  # no copy of the frame
    return digest.hexdigest()


def fit(
    setup: Setup,
    paths: Sequence[str | Path],
    corrupted: Collection[str] = (),
    progress: Report | None = None,
    typed: Collection[str] | None = None,
) -> dict[str, Any]:
    """Return the content of a new state's first entry.

    Parameters
    ----------
    setup : Setup
        What to watch.
    paths : sequence of path
        Reference frames: as they were in the study, independent of one another, in any order.
    corrupted : collection of str
        Names of frames, with or without folder and suffix, that are known to be altered; none may be in the reference.
    progress : callable, optional
        Called as progress(done, total, what).
    typed : collection of str, optional
        Specifications of pipeline and codec that the user typed, where others of the setup come from a record; by default all were typed.

    Raises
    ------
    ProgramNotAllowed
        A specification that was not typed would import code.
    InvalidOption
        A corrupted or repeated frame in the reference, or too few frames.
    UndefinedStatistic
        No feature of a group is defined on all reference frames.
    """
    _check(setup)
    stated = [setup.pipeline, setup.limits.codec if setup.limits else None]
    parts = parts_of(setup, [spec for spec in stated if spec is not None] if typed is None else typed)
    rows: list[dict[str, str]] = []
    values: dict[str, list[Floats]] = {group: [] for group in setup.groups}
    exceeded = 0
    seen: dict[str, str] = {}
    for name, pixels in frames_of(paths, setup.volume):
        refuse_corrupted([name, Path(name).name, Path(name).stem], corrupted)
        digest = hash_of(pixels)
        if digest in seen:
            raise InvalidOption(f"frames {seen[digest]} and {name} are the same", "different frames", "leave one out of the reference")
        seen[digest] = name
        rows.append({"frame": name, "sha256": digest})
        for group, numbers in parts.features(pixels).items():
            values[group].append(numbers)
        exceeded += bool(parts.exceedance and parts.exceedance(pixels))
        if progress is not None:
            progress(len(rows), len(rows), "reference frames")
    # Neighbours in time may be alike; both halves get some of each.
    order = np.random.default_rng([setup.seed, 0xF17]).permutation(len(rows))
    tables = {group: np.stack(numbers)[order] if numbers else np.empty((0, 0)) for group, numbers in values.items()}
    detectors = {}
    for group, table in tables.items():
        kept = np.flatnonzero(np.isfinite(table).all(axis=0))
        if len(table) and not len(kept):
            raise UndefinedStatistic(f"no number of '{group}' is defined on all reference frames", "one at least", "leave the feature out")
        made = OnlineMmd.calibrated(table[:, kept], setup.window, setup.run_time * len(setup.groups), setup.seed)
        detectors[group] = {"kept": kept.tolist(), "threshold": made.threshold, "bandwidth": made.bandwidth}
    return {
        "created": now(),
        "sigmaraw": __version__,
        "setup": msgspec.to_builtins(_with_share(setup, exceeded, len(rows))),
        "hashes": parts.hashes,
        "reference": [rows[k] for k in order],
        "features": {group: table.tolist() for group, table in tables.items()},
        "detectors": detectors,
        "exceeded": exceeded if setup.limits else None,
    }


def _with_share(setup: Setup, exceeded: int, frames: int) -> Setup:
    """Return the setup with the allowed share of exceedances: as stated, or the upper 95 % limit (Clopper and Pearson) on the reference."""
    if setup.limits is None or setup.share is not None:
        return setup
    from scipy import stats

    upper = float(stats.beta.ppf(0.95, exceeded + 1, frames - exceeded)) if exceeded < frames else 1.0
    if upper >= 1:
        raise InvalidOption("the limits are exceeded in every reference frame", "a study that passed", "watch without --record")
    return msgspec.structs.replace(setup, share=upper)


def _check(setup: Setup) -> None:
    if not 0 < setup.alpha < 1:
        raise InvalidOption(f"alpha {setup.alpha}", "a probability between 0 and 1", "correct --alpha")
    if setup.share is not None and not 0 < setup.share < 1:
        raise InvalidOption(f"share {setup.share}", "a share between 0 and 1", "correct --share")


def same_files(parts: Parts, hashes: dict[str, str | None]) -> None:
    """Refuse a camera profile or model that is not the one of the fit. Raises IntegrityError."""
    for what, found in parts.hashes.items():
        if found != hashes.get(what):
            raise IntegrityError(f"the {what} is not the one that the watch was fitted with", f"SHA-256 {hashes.get(what)}", "fit again")
