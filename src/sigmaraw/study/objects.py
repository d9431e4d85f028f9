"""The objects of an image, followed through its replicas and codecs: found again by overlap, and scored one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import FindsObjects, FoundObjects, Pipeline, ReplicaMode
from sigmaraw.errors import InvalidOption
from sigmaraw.metrics.matching import REACH, match
from sigmaraw.record.objects import ObjectCountRow, ObjectMeasurementRow, ObjectRow, ObjectScoreRow, ObjectsRow
from sigmaraw.statistics.objects import object_scores

if TYPE_CHECKING:
    from sigmaraw.study.plan import Plan

TALLY = ("count", "matched", "unmatched", "missed", "split", "merged")
Places = Mapping[tuple[int, int], Sequence["ObjectBlock"]]
"""By (image, group), the blocks of replicas in their order."""


@dataclass(frozen=True)
class Followed:
    """The objects of an image as they are without noise added: those that are looked for in every replica.

    Parameters
    ----------
    labels : ndarray of int
        Shape of the image; 1 to `count` are objects.
    count : int
        Number of objects.
    names : tuple of str
        What is measured on each.
    chi_raw : ndarray
        (measurement, object).
    """

    labels: NDArray[np.integer]
    count: int
    names: tuple[str, ...]
    chi_raw: NDArray[np.float64]

    @classmethod
    def of(cls, pipeline: FindsObjects, frame: NDArray[np.integer]) -> Followed:
        """Return the objects that a pipeline finds in the image itself."""
        names = tuple(row.name for row in pipeline.object_measurements(frame.ndim))
        _, (found,) = pipeline.batch_with_objects(frame[np.newaxis])
        return cls(found.labels, found.count, names, np.array([found.values[name] for name in names]).reshape(len(names), found.count))

    def match(self, found: FoundObjects) -> ObjectBlock:
        """Return the numbers of each object in another image, NaN where it is not there, and the tally: a block of one replica."""
        pairs = match(self.labels, self.count, found.labels, found.count)
        values = np.full((len(self.names), self.count), np.nan)
        there = pairs.partner >= 0
        for row, name in enumerate(self.names):
            values[row, there] = np.asarray(found.values[name])[pairs.partner[there]]
        tally = np.array([getattr(pairs, name) for name in TALLY], np.int64)
        return ObjectBlock(values[np.newaxis], there[np.newaxis], tally[np.newaxis])


@dataclass(frozen=True)
class ObjectBlock:
    """What some images show of the objects.

    Parameters
    ----------
    values : ndarray
        (replica, measurement, object), NaN where the object was not found.
    found : ndarray of bool
        (replica, object).
    tallies : ndarray of int
        (replica, number of TALLY).
    """

    values: NDArray[np.float64]
    found: NDArray[np.bool_]
    tallies: NDArray[np.int64]


def joined(blocks: Sequence[ObjectBlock]) -> ObjectBlock:
    """Return several blocks as one."""
    parts = ((block.values, block.found, block.tallies) for block in blocks)
    return ObjectBlock(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def check_objects(plan: Plan, pipeline: Pipeline, mode: ReplicaMode) -> None:
    """Refuse to follow objects where there are none. Raises InvalidOption."""
    if not plan.objects:
        return
    if not isinstance(pipeline, FindsObjects) or not pipeline.finds_objects:
        raise InvalidOption(
            f"objects one by one, with pipeline '{pipeline.spec}'",
            "one pipeline that finds objects: otsu, a network with a mask, labels: or run:",
            "use such a pipeline, or leave out --objects",
        )
    if mode.name == "none":
        raise InvalidOption("objects one by one, without replicas", "a camera, or real repeats (--mode repeats)", "leave out --objects")
    if mode.extrapolation is not None:
        raise InvalidOption(f"objects one by one, with mode {plan.mode}", "a mode without noise levels", "use bootstrap")


@dataclass(frozen=True)
class ObjectsOfImage:
    """The objects of one image. followed : those of the image itself. codecs : by codec, what the decoded image shows of them."""

    followed: Followed
    codecs: tuple[ObjectBlock, ...]


def objects_row(
    plan: Plan,
    pipeline: FindsObjects,
    images: Sequence[ObjectsOfImage],
    raw: Places,
    decoded: Places,
    spread_factors: Sequence[float],
    independent: bool,
) -> ObjectsRow:
    """Return the record's `objects`.

    Parameters
    ----------
    images : sequence of ObjectsOfImage
        The objects of each image.
    raw, decoded : mapping
        Blocks of each image and group, before and after the codec.
    spread_factors : sequence of float
        For each image, σ_raw over the spread of the replicas.
    independent : bool
        Each group has a random stream of its own.
    """
    ndim = images[0].followed.labels.ndim
    rows = pipeline.object_measurements(ndim)
    objects: list[ObjectRow] = []
    scores: list[ObjectScoreRow] = []
    counts: list[ObjectCountRow] = []
    for image, entry in enumerate(images):
        groups = [joined(raw[image, group]) for group in range(plan.groups if independent else 1)]
        objects += _objects(image, entry.followed, groups)
        counts.append(_count(image, None, groups[0]))
        for position, codec in enumerate(plan.codecs):
            after, own = joined(decoded[image, position + 1]), position + 1 if independent else 0
            counts.append(_count(image, codec, after))
            scores += _scores(image, codec, entry, position, groups, own, after, spread_factors[image])
    measured = tuple(ObjectMeasurementRow(name=row.name, unit=row.unit, definition=row.definition) for row in rows)
    return ObjectsRow(reach=REACH, measurements=measured, objects=tuple(objects), scores=tuple(scores), counts=tuple(counts))


def _objects(image: int, followed: Followed, groups: Sequence[ObjectBlock]) -> list[ObjectRow]:
    """Return the row of each object: where it lies, how large it is, and how often replicas show it."""
    from scipy import ndimage

    numbers = np.arange(1, followed.count + 1)
    centres = ndimage.center_of_mass(np.ones(followed.labels.shape), followed.labels, numbers) if followed.count else []
    sizes = np.bincount(followed.labels.ravel(), minlength=followed.count + 1)[1:]
    found = np.concatenate([group.found for group in groups]).mean(axis=0)
    return [
        ObjectRow(image=image, object=int(number), centre=tuple(map(float, centre)), size=int(size), found=float(share))
        for number, centre, size, share in zip(numbers, centres, sizes, found, strict=True)
    ]


def _count(image: int, codec: str | None, block: ObjectBlock) -> ObjectCountRow:
    columns = {name: tuple(map(int, block.tallies[:, place])) for place, name in enumerate(TALLY)}
    return ObjectCountRow(image=image, codec=codec, **columns)


def _scores(
    image: int,
    codec: str,
    entry: ObjectsOfImage,
    position: int,
    groups: Sequence[ObjectBlock],
    own: int,
    after: ObjectBlock,
    spread_factor: float,
) -> list[ObjectScoreRow]:
    made = []
    for column, name in enumerate(entry.followed.names):
        chi_raw, chi_codec = entry.followed.chi_raw[column], entry.codecs[position].values[0, column]
        raw = np.stack([group.values[:, column] for group in groups])
        found = object_scores(chi_raw, chi_codec, raw, own, after.values[:, column], spread_factor)
        made += [
            ObjectScoreRow(
                image=image,
                object=index + 1,
                codec=codec,
                measurement=name,
                chi_raw=chi_raw[index],
                chi_codec=chi_codec[index],
                sigma_raw=found.sigma[index],
                epsilon=found.epsilon[index],
                epsilon_hat=found.epsilon_hat[index],
                u=found.u[index],
                n_raw=int(found.n_raw[index]),
                n=int(found.n[index]),
            )
            for index in range(entry.followed.count)
        ]
    return made
