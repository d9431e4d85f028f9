"""Which planes of a file are frames: no axis of a file becomes another one unless that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts.readers import Role, Selection
from sigmaraw.errors import ColourImage, InvalidSpec, ShapeMismatch

UNLABELLED = "QI"  # of a stack that says nothing of what its planes are
FRAMES = "T" + UNLABELLED
_NAMES = {"T": "time", "C": "channel", "Z": "z", "S": "sample", "P": "position", "A": "angle", "L": "wavelength", "H": "lifetime"}
_PLANES = {"T": "frames in time", "C": "channels", "Z": "z planes", "P": "positions", "A": "angles", "L": "wavelengths"}


def arrange(
    path: Path, letters: str, sizes: Sequence[int], selection: Selection, *, volume: bool, plain: bool, pages: bool = False
) -> NDArray[np.intp]:
    """Return which planes of a file are its frames, in order.

    Parameters
    ----------
    path : Path
        For messages.
    letters : str
        One letter an axis before y and x: T time, C channel, Z depth, Q or I not said.
    sizes : sequence of int
        Length of each of these axes.
    selection : Selection
        What is asked for.
    volume : bool
        Whether planes along z are read as depth.
    plain : bool
        Whether z only says that the planes are a stack, as in ImageJ's plain stacks.
    pages : bool
        Whether every plane is taken, whatever its axis: of which one is then chosen by its number.

    Returns
    -------
    ndarray of int
        (frame,) numbers of planes in the order in which the file holds them; with depth (frame, z).

    Raises
    ------
    ColourImage
        Several channels, none of them chosen.
    ShapeMismatch
        An axis that is neither frames nor asked for.
    InvalidSpec
        A selection that the file does not have.
    """
    if pages and not selection.axes:
        planes_of_all = np.arange(int(np.prod(sizes)) if len(sizes) else 1)
        return planes_of_all[_pages(path, selection, len(planes_of_all))] if selection.pages else planes_of_all
    names = _axis_names(letters)
    unknown = [key for key in selection.axes if key not in names]
    if unknown:
        has = ", ".join(f"{name} ({size})" for name, size in zip(names, sizes, strict=True)) or "none"
        raise InvalidSpec(f"{path} has no axis '{unknown[0]}'", f"one of its axes: {has}", "correct what stands after #")
    if volume:
        letters = "".join(letter if size > 1 or letter != "Z" else "V" for letter, size in zip(letters, sizes, strict=True))
    planes: NDArray[np.intp] = np.arange(int(np.prod(sizes)) if len(sizes) else 1).reshape(tuple(sizes))
    roles: list[Role] = []
    kept: list[tuple[str, int]] = []
    at = 0
    for index, (letter, name, size) in enumerate(zip(letters, names, sizes, strict=True)):
        choice = selection.axes.get(name)
        if isinstance(choice, int):
            if choice >= size:
                raise InvalidSpec(
                    f"{path}: {name}={choice}, but that axis has {size} entries", f"{name} from 0 to {size - 1}", "correct it"
                )
            planes = np.asarray(planes.take(choice, axis=at))
        elif size == 1 and choice is None:
            planes = np.asarray(planes.take(0, axis=at))
        else:
            kept.append((name, size))
            last = not set(letters[index + 1 :]) & set(UNLABELLED)
            roles.append(choice or _role(path, letter, name, size, letters, volume, plain, last))
            at += 1
    order = _ordered(path, planes, roles, kept, volume)
    return order if not selection.pages else order[_pages(path, selection, len(order))]


def _axis_names(letters: str) -> list[str]:
    """Return what each axis is called in a selection: its letter, or axis0, axis1 … where the letter stands twice or says nothing."""
    plain = [letter.lower() for letter in letters]
    return [
        f"axis{index}" if plain.count(name) > 1 or (letters[index] in UNLABELLED and len(letters) > 1) else name
        for index, name in enumerate(plain)
    ]


def _role(path: Path, letter: str, name: str, size: int, letters: str, volume: bool, plain: bool, last: bool) -> Role:
    """Return what an axis is taken for of which nothing is asked."""
    if letter == "Z" and (volume or plain):
        return "z" if volume else "frames"
    if letter in UNLABELLED:
        return "z" if volume and "Z" not in letters and last else "frames"
    if letter == "T":
        return "z" if volume and "Z" not in letters else "frames"  # --volume says that pages are z
    found = f"{path} has {size} {_PLANES.get(letter, 'planes along the axis ' + letter)}"
    if letter in "CS":
        raise ColourImage(found, "one grey value per pixel", f"choose one channel: {path.name}#channel=0 (to {size - 1})")
    if letter == "Z":
        remedy = f"read them as a volume (--volume), choose one ({path.name}#z=0), or take them as frames ({path.name}#z=frames)"
        raise ShapeMismatch(found, "frames of one field (frame, y, x)", remedy)
    remedy = f"choose one ({path.name}#{name}=0), or take them as frames ({path.name}#{name}=frames)"
    raise ShapeMismatch(found, "frames of one field (frame, y, x)", remedy)


def _ordered(path: Path, planes: NDArray[np.intp], roles: list[Role], kept: list[tuple[str, int]], volume: bool) -> NDArray[np.intp]:
    """Return (frame,) or (frame, z)."""
    if any(roles.count(role) > 1 for role in ("frames", "z")):
        shape = " and ".join(f"{size} along {name}" for name, size in kept)
        name = kept[-1][0]
        raise ShapeMismatch(
            f"{path} is four-dimensional: {shape}",
            "(frame, y, x)",
            f"read it as a volume (--volume), or choose with {path.name}#{name}=0",
        )
    if "z" in roles and not volume:
        raise InvalidSpec(f"{path}: planes are taken as z", "z only with --volume", "add --volume, or take the planes as frames")
    if not volume:
        return planes.reshape(-1)
    depth = roles.index("z") if "z" in roles else None
    if depth is None:
        return planes.reshape(-1, 1)
    return np.moveaxis(planes, depth, -1).reshape(-1, planes.shape[depth])


def _pages(path: Path, selection: Selection, count: int) -> NDArray[np.intp]:
    last = max(end for _, end in selection.pages)
    if last >= count:
        raise InvalidSpec(f"{path}: page {last} of {count} frames", f"pages from 0 to {count - 1}", "correct the pages")
    return np.concatenate([np.arange(first, end + 1) for first, end in selection.pages])
