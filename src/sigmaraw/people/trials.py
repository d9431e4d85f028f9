"""Images and codecs → the trials of a readers' study: every pair of settings on every image, sides drawn by chance."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs import codec
from sigmaraw.errors import InvalidOption
from sigmaraw.frames import RawFrames, read_frames
from sigmaraw.people.key import ORIGINAL, Kind, Setting, ShownImage, Trial
from sigmaraw.people.windows import Window, window
from sigmaraw.progress import Report


@dataclass(frozen=True)
class Shown:
    """One image in all settings.

    Parameters
    ----------
    row : ShownImage
        Where it is from.
    planes : dict of str to ndarray of uint8 or uint16
        The plane (y, x) by setting, DN.
    shift : int
        What was added to the values of the file, DN.
    windows : tuple of Window
        The same for all settings, in values of the file.
    nbytes : dict of str to int
        Bytes of the whole frame or volume by setting.
    """

    row: ShownImage
    planes: dict[str, NDArray[np.integer]]
    shift: int
    windows: tuple[Window, ...]
    nbytes: dict[str, int]


def shown_images(
    paths: Sequence[Any],
    codecs: Sequence[str],
    windows: Sequence[str],
    *,
    camera: Any,
    bits: int | None,
    volume: bool,
    slices: int,
    report: Report,
) -> list[Shown]:
    """Return every frame in every setting; of volumes, coded whole, `slices` planes evenly from top to bottom.

    Raises
    ------
    InvalidOption
        No codec, or one twice; a volume with fewer planes than are asked for.
    """
    if not codecs or len(set(codecs)) < len(codecs) or ORIGINAL in codecs:
        raise InvalidOption(f"--codec {', '.join(codecs) or 'missing'}", "one codec or more, each once", "correct --codec")
    coders = {spec: codec(spec, camera) for spec in codecs}
    loaded = [(str(path), read_frames(path, bits=bits, volume=volume, signed=True)) for path in paths]
    total, done = sum(len(frames) for _, frames in loaded) * len(coders), 0
    found = []
    for name, frames in loaded:
        for number, frame in enumerate(frames.data):
            decoded, nbytes = {ORIGINAL: frame}, {ORIGINAL: int(frame.nbytes)}
            for spec, coder in coders.items():
                decoded[spec], nbytes[spec] = coder.roundtrip(np.ascontiguousarray(frame))
                done += 1
                report(done, total, "images")
            found += [
                _shown(name, frames, number, place, decoded, windows, nbytes) for place in _places(name, frame, slices if volume else None)
            ]
    return found


def _places(name: str, frame: NDArray[np.integer], slices: int | None) -> list[int | None]:
    if slices is None:
        return [None]
    if not 1 <= slices <= len(frame):
        raise InvalidOption(f"--slices {slices} of {name}, which has {len(frame)}", f"1 to {len(frame)}", "correct --slices")
    return [int((k + 0.5) * len(frame) / slices) for k in range(slices)]


def _shown(
    name: str,
    frames: RawFrames,
    number: int,
    place: int | None,
    decoded: dict[str, NDArray[np.integer]],
    windows: Sequence[str],
    nbytes: dict[str, int],
) -> Shown:
    # Copies of planes: views would keep every decoded volume in memory.
    planes = {setting: volume if place is None else volume[place].copy() for setting, volume in decoded.items()}
    values = planes[ORIGINAL].astype(np.int64) - frames.shift
    file = frames.files[0] if len(frames.files) != len(frames) else frames.files[number]
    row = ShownImage(name, number, place, file.sha256)
    return Shown(row, planes, frames.shift, tuple(window(entry, values) for entry in windows), nbytes)


def settings_of(shown: Sequence[Shown]) -> tuple[Setting, ...]:
    """Return the settings from the least compressed to the most.

    Raises
    ------
    InvalidOption
        Two settings of equal size: none of the two is the less compressed one.
    """
    totals = {name: sum(image.nbytes[name] for image in shown) for name in shown[0].nbytes}
    coded = sorted((name for name in totals if name != ORIGINAL), key=lambda name: -totals[name])
    for first, second in pairwise(coded):
        if totals[first] == totals[second]:
            raise InvalidOption(f"{first} and {second}, both of {totals[first]} bytes", "codecs of different sizes", "leave one out")
    return tuple(Setting(name, totals[name], totals[ORIGINAL] / totals[name]) for name in (ORIGINAL, *coded))


def make_trials(
    images: int, settings: Sequence[Setting], kind: Kind, *, repeat: int, most: int | None, random_source: random.Random
) -> tuple[Trial, ...]:
    """Return the trials in random order.

    For pairs every two settings meet on every image; for ratings the original meets every codec. In each pair the less compressed one
    stands left in half of its trials (one more or less where their number is odd).

    Parameters
    ----------
    settings : sequence of Setting
        From the least compressed to the most.
    repeat : int
        How often each trial is shown.
    most : int, optional
        At most this many trials, spread evenly over pairs and images.

    Raises
    ------
    InvalidOption
        Numbers below 1.
    """
    if repeat < 1 or (most is not None and most < 1):
        raise InvalidOption(f"--repeat {repeat}, --trials {most}", "numbers from 1", "correct them")
    names = [setting.name for setting in settings]
    pairs = list(combinations(names, 2)) if kind == "pairs" else [(names[0], name) for name in names[1:]]
    wanted = repeat * images * len(pairs)
    count = wanted if most is None else min(most, wanted)
    # Turn by turn over the pairs, each with its images in random order: a cut-off leaves the pairs equally often.
    queues = {pair: random_source.sample([image for image in range(images) for _ in range(repeat)], repeat * images) for pair in pairs}
    chosen = [(pair, queues[pair][turn]) for turn in range(repeat * images) for pair in random_source.sample(pairs, len(pairs))][:count]
    flips = {pair: random_source.random() < 0.5 for pair in pairs}
    made = []
    for (better, worse), image in chosen:
        flips[better, worse] = left = not flips[better, worse]
        sides = (better, worse) if left else (worse, better)
        made.append(Trial(f"{random_source.getrandbits(48):012x}", image, *sides, "left" if left else "right"))
    random_source.shuffle(made)
    return tuple(made)
