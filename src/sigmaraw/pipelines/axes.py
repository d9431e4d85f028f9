"""The order of a network's axes, and sizes given for each axis of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sigmaraw.errors import InvalidModel, InvalidOption

_LETTERS = "b batch, c channel, z, y, x"
# By number of axes. Three may be (z, y, x), (channel, y, x) or (batch, y, x): only the user knows.
_USUAL = {2: "yx", 4: "bcyx", 5: "bczyx"}


@dataclass(frozen=True)
class Axes:
    """The axes of a network's input or output, one letter each: b (batch), c (channel), z, y, x.

    Parameters
    ----------
    order : str
        For instance "bcyx" or "bzyxc". y and x are there; b, c and z may be missing.

    Raises
    ------
    InvalidOption
        Another letter, one twice, or no y and x.

    Examples
    --------
    >>> import numpy as np
    >>> Axes("yxc").to_network(np.zeros((1, 3, 20, 30))).shape
    (20, 30, 3)
    >>> Axes("yxc").from_network(np.zeros((20, 30, 3))).shape
    (1, 3, 20, 30)
    """

    order: str

    def __post_init__(self) -> None:
        letters = set(self.order)
        if len(letters) != len(self.order) or not letters <= set("bczyx") or not letters >= set("yx"):
            raise InvalidOption(f"axes '{self.order}'", f"y and x, with b, c and z where they are ({_LETTERS})", "for instance axes=bcyx")

    @property
    def ndim(self) -> int:
        """2 or 3: how many of z, y and x there are."""
        return 3 if "z" in self.order else 2

    @property
    def spatial(self) -> str:
        """The axes of an image in words: "y, x" or "z, y, x"."""
        return ", ".join(self._whole[2:])

    @property
    def _whole(self) -> str:
        return "bczyx" if self.ndim == 3 else "bcyx"

    def to_network(self, tiles: Any) -> Any:
        """Return tiles (batch, channel, y, x) or (batch, channel, z, y, x), NumPy's or torch's, in the network's order.

        Where the network has no batch or no channel axis, it is of length 1 and left out.
        """
        present = [letter for letter in self._whole if letter in self.order]
        without = tiles.reshape([size for letter, size in zip(self._whole, tiles.shape, strict=True) if letter in present])
        return _permuted(without, [present.index(letter) for letter in self.order])

    def from_network(self, output: Any) -> Any:
        """Return a network's output as (batch, channel, y, x) or (batch, channel, z, y, x)."""
        present = [letter for letter in self._whole if letter in self.order]
        ordered = _permuted(output, [self.order.index(letter) for letter in present])
        sizes = dict(zip(present, ordered.shape, strict=True))
        return ordered.reshape([sizes.get(letter, 1) for letter in self._whole])

    def sizes(self, shape: tuple[int | None, ...]) -> tuple[int | None, int | None, tuple[int | None, ...]]:
        """Return batch, channels and input size (y, x) or (z, y, x) of an input of this shape; None where any size is taken."""
        by_letter = dict(zip(self.order, shape, strict=True))
        spatial = tuple(by_letter[letter] for letter in self._whole[2:])
        return by_letter.get("b", 1), by_letter.get("c", 1), spatial


def _permuted(array: Any, order: list[int]) -> Any:
    return array.transpose(order) if isinstance(array, np.ndarray) else array.permute(order)


def input_axes(model: str, stated: str | None, rank: int) -> Axes:
    """Return the order of an input's axes: as stated, else the usual one of so many axes.

    Raises
    ------
    InvalidOption
        Three axes without a statement, or an order that is none.
    InvalidModel
        As many letters as the model has axes are not there, or no network of images has so many.
    """
    if stated is None and rank == 3:
        raise InvalidOption(f"model {model} takes three axes", "which ones", "add axes=zyx, axes=cyx or axes=byx")
    order = stated or _USUAL.get(rank)
    if order is None:
        raise InvalidModel(f"model {model} takes an input of {rank} axes", "two to five axes", "export it with one image as input")
    if len(order) != rank:
        found = f"model {model} takes an input of {rank} axes, and axes={order} names {len(order)}"
        raise InvalidModel(found, "one letter for each axis", f"correct axes ({_LETTERS})")
    return Axes(order)


def output_axes(model: str, taken: Axes, stated: str | None, shape: tuple[int, ...]) -> Axes:
    """Return the order of an output's axes: as stated, else the input's, without channels where there is one axis less.

    Raises
    ------
    InvalidModel
        Another number of axes, or other spatial axes than the input's.
    """
    rank, order = len(shape), stated or taken.order
    if stated is None and "c" in order and rank == len(order) - 1:
        order = order.replace("c", "")
    elif stated is None and "c" not in order and rank == len(order) + 1:
        order = f"bc{order[1:]}" if order.startswith("b") else f"c{order}"
    if len(order) != rank:
        raise InvalidModel(
            f"model {model} returned shape {shape}",
            f"{len(order)} axes, {order}",
            "check axes and output, or say the output's order with out_axes",
        )
    found = Axes(order)
    if found.ndim != taken.ndim:
        raise InvalidModel(f"out_axes={order} behind axes={taken.order}", "the same of z, y and x", "correct out_axes")
    return found


def per_axis(name: str, text: str | int | None, ndim: int, least: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return one whole number for each of (z,) y and x from what a key says: ``64``, or ``16x64x64``; None where it says nothing.

    Parameters
    ----------
    name : str
        The key.
    text : str, int or None
        Its value.
    ndim : int
        2 or 3.
    least : tuple of int
        The smallest value along z, y and x.

    Returns
    -------
    tuple of int or None
        Along (y, x) or (z, y, x).

    Raises
    ------
    InvalidOption
        Something else, or a smaller number.
    """
    if text is None:
        return None
    parts = str(text).lower().split("x")
    numbers = tuple(int(part) for part in parts if part.strip().isdecimal())
    if len(numbers) == len(parts) == 1:
        numbers *= ndim
    if len(numbers) != ndim or any(number < low for number, low in zip(numbers, least[-ndim:], strict=True)):
        example = "16x64x64 (z, y, x)" if ndim == 3 else "64x128 (y, x)"
        lows = "x".join(str(low) for low in least[-ndim:])
        raise InvalidOption(f"{name}={text}", f"one whole number, or one for each axis, at least {lows}", f"for instance {name}={example}")
    return numbers


def plain(numbers: tuple[int, ...] | None) -> int | list[int] | None:
    """Return what a record shows of one number for each axis: the number itself where all are the same (a JSON value)."""
    if numbers is None:
        return None
    return numbers[0] if len(set(numbers)) == 1 else list(numbers)


def plain_or_free(sizes: tuple[int | None, ...]) -> str:
    """Return sizes in words, for a message."""
    return "(" + ", ".join("any" if size is None else str(size) for size in sizes) + ")"
