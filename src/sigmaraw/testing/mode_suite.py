"""The conformance suite for replica modes: what a study relies on, checked from outside, for built-ins and extensions alike."""

from __future__ import annotations

import dataclasses
import math
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.contracts import Diagnostic, Measurement, Parameter, ReplicaMode, ReplicaRequest
from sigmaraw.errors import InvalidSpec, SigmarawError
from sigmaraw.noise import NoiseModel, draw, replica_mode
from sigmaraw.testing.requirements import require

_SHAPE = (6, 21, 17)  # planes of an odd number of pixels
_REPEATS = 24
_KINDS = ("mean", "area", "count", "texture", "")
_ONE = Measurement("count", "1", "N", "objects", kind="count")


def check_mode(mode: str | ReplicaMode) -> None:
    """Check a replica mode against the contract.

    Checks, on a frame of 8 bit, a volume with maps and a frame with a bent transfer curve: the image untouched; shape and
    dtype of the replicas; replica i the same bytes whatever the number, first replica, batch, planes, memory layout and place (host
    or device) are, and from a pickled copy; other bytes for another seed, group or image; replicas whose mean is `centre`; the same base
    twice, and that of some planes the same as in the whole; a frame of another camera, no camera, and too few repeats refused by
    name; `u_mode`, `spread_factor`, `diagnostics` and `extrapolation` well formed, weights that add up to 1.

    Parameters
    ----------
    mode : str or ReplicaMode
        A specification, as `--mode` takes it, or the mode itself.

    Raises
    ------
    AssertionError
        The mode breaks the contract; the message says how.

    Examples
    --------
    >>> from sigmaraw.testing import check_mode
    >>> check_mode("around-raw")
    """
    made = replica_mode(mode) if isinstance(mode, str) else mode
    _check_declaration(made, mode if isinstance(mode, str) else None)
    for whole, noise_model in zip((False, True, False), _cameras(), strict=True):
        volume = _image(made, noise_model)
        frame = volume[:, 3] if made.needs_repeats else volume[3]
        image = volume if whole else frame
        _check_bytes(made, image, noise_model)
        _check_statements(made, image, noise_model)
        if whole:
            _check_planes(made, volume, noise_model)
    _check_streams(made, frame, noise_model)
    _check_mean(made)
    _check_refusals(made, frame, noise_model)


def _cameras() -> Iterator[NoiseModel]:
    """Yield a straight camera of 8 bit, one with maps, and one whose transfer curve is bent."""
    from sigmaraw.noise.transfer import BrighterFatter

    random = np.random.default_rng(5)
    gain, offset, noise = (random.uniform(low, high, _SHAPE[1:]) for low, high in ((0.4, 0.6), (98, 102), (1, 2)))
    yield NoiseModel(0.3, 20.0, 2.0, 8)
    yield NoiseModel(gain, offset, noise, 12)
    yield NoiseModel(2.0, 100.0, 3.0, 16, curve=BrighterFatter(2.0, -2e-6))


def _image(mode: ReplicaMode, noise_model: NoiseModel) -> NDArray[Any]:
    """Return a volume (z, y, x), or repeats of one, with dark and bright planes."""
    signal_e = np.array([1.0, 4.0, 20.0, 100.0, 300.0, 500.0])[:, None, None] * np.linspace(0.6, 1.3, _SHAPE[2])
    level = noise_model.to_dn(np.broadcast_to(signal_e, _SHAPE))
    frames = noise_model.sample(level, _REPEATS if mode.needs_repeats else 1, seed=11)
    return frames if mode.needs_repeats else frames[0]


def _drawn(mode: ReplicaMode, image: NDArray[Any], noise_model: NoiseModel | None, **asked: Any) -> NDArray[Any]:
    return np.concatenate(
        [np.asarray(block) for block in draw(mode, image, noise_model, ReplicaRequest(**({"n": 6, "seed": 3, "batch": 3} | asked)))]
    )


def _check_declaration(mode: ReplicaMode, spec: str | None) -> None:
    require(isinstance(mode.name, str) and bool(mode.name), "name is not text")
    require(all(isinstance(entry, Parameter) for entry in mode.parameters), f"{mode.name}: parameters are not Parameter")
    names = [entry.name for entry in mode.parameters]
    require(len(set(names)) == len(names), f"{mode.name} declares a parameter twice")
    require(mode.draws_noise or mode.needs_repeats, f"{mode.name} neither draws noise nor takes repeats")
    require(isinstance(mode.double_bootstrap_groups, int) and mode.double_bootstrap_groups >= 0, "double_bootstrap_groups is no count")
    rule = mode.extrapolation
    if rule is not None:
        require(len(rule.levels) == len(rule.weights) >= 2, f"{mode.name}: {len(rule.levels)} levels, {len(rule.weights)} weights")
        require(abs(sum(rule.weights) - 1) < 1e-9, f"{mode.name}: weights add up to {sum(rule.weights)}, so that a constant does not stay")
        require(rule.cluster >= 2, f"{mode.name}: a cluster of {rule.cluster} has no spread")
    if spec is not None:
        registered = registry.parse_step(spec).name
        require(mode.name == registered, f"the mode registered as '{registered}' calls itself '{mode.name}'")
        try:
            replica_mode(f"{registered}:no_such_key=1")
        except InvalidSpec:
            return
        require(False, f"{mode.name} accepts a key that it does not declare")


def _check_bytes(mode: ReplicaMode, image: NDArray[Any], noise_model: NoiseModel) -> None:
    before = image.copy()
    whole = _drawn(mode, image, noise_model)
    one = image[0] if mode.needs_repeats else image
    where = f"{mode.name} on an image of shape {image.shape}"
    require(np.array_equal(before, image), f"{where}: the image was changed")
    require(whole.shape == (6, *one.shape) and whole.dtype == image.dtype, f"{where}: replicas are {whole.dtype} {whole.shape}")
    strided = np.repeat(image, 2, axis=-1)[..., ::2]
    copy = pickle.loads(pickle.dumps(mode))  # noqa: S301 - our own object, made one call earlier
    others = {
        "drawn a second time": _drawn(mode, image, noise_model),
        "drawn one by one": _drawn(mode, image, noise_model, batch=1),
        "drawn in two parts": np.concatenate([_drawn(mode, image, noise_model, n=3), _drawn(mode, image, noise_model, n=3, start=3)]),
        "left on the device": _drawn(mode, image, noise_model, device=True),
        "of a view that is not contiguous": _drawn(mode, strided, noise_model),
        "of a pickled copy": _drawn(copy, image, noise_model),
    }
    for label, found in others.items():
        require(np.array_equal(found, whole), f"{where}: other bytes when {label}")


def _check_planes(mode: ReplicaMode, volume: NDArray[Any], noise_model: NoiseModel) -> None:
    whole = _drawn(mode, volume, noise_model)
    for planes in (slice(0, 4), slice(4, 6)):
        part = _drawn(mode, volume, noise_model, planes=planes)
        require(np.array_equal(part, whole[:, planes]), f"{mode.name}: planes {planes.start} to {planes.stop} differ from the whole's")


def _check_streams(mode: ReplicaMode, frame: NDArray[Any], noise_model: NoiseModel) -> None:
    """Replicas of another seed, group or image are drawn from other numbers."""
    whole, changed = _drawn(mode, frame, noise_model), frame.copy()
    changed[..., 0, 0] ^= 1
    others = {"image": _drawn(mode, changed, noise_model)}
    if mode.draws_noise:
        others |= {"seed": _drawn(mode, frame, noise_model, seed=4), "group": _drawn(mode, frame, noise_model, group=1)}
    for label, found in others.items():
        require(not np.array_equal(found, whole), f"{mode.name}: the same replicas for another {label}")
        same = float(np.mean(found == whole))
        require(not mode.draws_noise or same < 0.5, f"{mode.name}: {same:.0%} of the pixels are the same for another {label}")


def _check_mean(mode: ReplicaMode) -> None:
    """The mean over replicas of the first cluster, or of all, is `centre`: per pixel within 6 standard errors √(V/n), and on average 5.

    Levels lie far from the converter's ends, so that nothing is clipped.
    """
    noise_model = NoiseModel(0.5, 100.0, 2.0, 12)
    level = 300 + 200 * np.add.outer(np.linspace(0, 1, 24), np.linspace(0, 1, 24))
    frames = noise_model.sample(level, _REPEATS if mode.needs_repeats else 1, seed=12)
    image = frames if mode.needs_repeats else frames[0]
    rule = mode.extrapolation
    n = _REPEATS if not mode.draws_noise else 200 if rule is None else rule.cluster
    centre = np.asarray(mode.centre(image, noise_model), dtype=np.float64)
    require(centre.shape == level.shape and bool(np.isfinite(centre).all()), f"{mode.name}: centre is {centre.shape}, or not finite")
    shift = (_drawn(mode, image, noise_model, n=n, batch=40).mean(axis=0, dtype=float) - centre) / np.sqrt(noise_model.variance(centre) / n)
    require(float(np.abs(shift).max()) < 6, f"{mode.name}: a pixel's mean over replicas is {np.abs(shift).max():.1f} SE from centre")
    average = float(shift.mean()) * math.sqrt(shift.size)
    require(abs(average) < 5, f"{mode.name}: the mean over replicas is {average:+.1f} SE from centre")


def _check_statements(mode: ReplicaMode, image: NDArray[Any], noise_model: NoiseModel) -> None:
    for kind in _KINDS:
        value, source = mode.u_mode(dataclasses.replace(_ONE, kind=kind))
        require(math.isfinite(value) and value >= 0, f"{mode.name}: u_mode of kind '{kind}' is {value!r}")
        require(isinstance(source, str) and bool(source), f"{mode.name}: u_mode of kind '{kind}' has no source")
    factor = mode.spread_factor(image)
    require(math.isfinite(factor) and factor > 0, f"{mode.name}: spread_factor is {factor!r}")
    found = mode.diagnostics(image, noise_model)
    for entry in found:
        require(isinstance(entry, Diagnostic) and bool(entry.name and entry.text and entry.definition), f"{mode.name}: {entry!r}")
        require(not math.isnan(entry.value) and entry.low <= entry.high, f"{mode.name}: the check {entry.name} has no value or limits")
    require(mode.diagnostics(image, noise_model) == found, f"{mode.name}: the checks differ a second time")
    if mode.draws_noise:
        first, second = (mode.base(image, noise_model, ReplicaRequest(3)) for _ in range(2))
        require(np.array_equal(first.level_dn, second.level_dn), f"{mode.name}: another base for the same image")


def _check_refusals(mode: ReplicaMode, frame: NDArray[Any], noise_model: NoiseModel) -> None:
    wrong: dict[str, tuple[Any, NoiseModel | None, dict[str, Any]]] = {
        "an image of floats": (frame.astype(np.float64), noise_model, {}),
        "an image of another container": (frame.astype(np.uint8), noise_model, {}),
        "no replicas": (frame, noise_model, {"n": 0}),
        "a batch of none": (frame, noise_model, {"batch": 0}),
    }
    if mode.draws_noise:
        wrong |= {"no camera": (frame, None, {}), "a negative seed": (frame, noise_model, {"seed": -1})}
    if mode.needs_repeats:
        wrong["too few repeats"] = (frame[: mode.minimum_repeats - 1], noise_model, {"n": 1})
        wrong["no axis of repeats"] = (frame[0], noise_model, {})
    for label, (image, camera, asked) in wrong.items():
        try:
            draw(mode, image, camera, ReplicaRequest(**({"n": 2} | asked)))
        except SigmarawError:
            continue
        raise AssertionError(f"{mode.name} takes {label} without a word")
