"""Images and targets from files, and which of them train, validate and test: an image serves for one of these alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidTraining, ShapeMismatch
from sigmaraw.frames import read_frames
from sigmaraw.pipelines.preparation import prepare
from sigmaraw.training.config import DataPart, SplitPart, TrainingConfig

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Pair:
    """One frame with its target.

    Parameters
    ----------
    image_id : str
        The file's name without suffix: all frames of a file serve for the same split.
    split : str
        "train", "validation" or "test".
    raw : ndarray
        (y, x) or (z, y, x), uint8 or uint16, DN.
    prepared : ndarray of float32
        The network's input, same shape.
    target : ndarray of float32
        (channel, [z,] y, x): the prepared target, a foreground of 0 and 1, or one channel of 0 and 1 for each class.
    """

    image_id: str
    split: str
    raw: NDArray[np.integer]
    prepared: NDArray[np.float32]
    target: NDArray[np.float32]

    @cached_property
    def discrete(self) -> bool:
        """Whether the target holds 0 and 1 alone."""
        return bool(np.isin(self.target, (0, 1)).all())


@dataclass(frozen=True)
class DataSet:
    """All pairs, and the files that they came from.

    Parameters
    ----------
    pairs : tuple of Pair
        In the order of their names.
    files : tuple of dict
        For each image its id, split, paths, SHA-256 of both files and number of frames (JSON values).
    """

    pairs: tuple[Pair, ...]
    files: tuple[dict[str, Any], ...]

    def of(self, split: str) -> tuple[Pair, ...]:
        """Return the pairs of a split."""
        return tuple(pair for pair in self.pairs if pair.split == split)

    def sha256(self) -> str:
        """Return one SHA-256 of all files and of the split."""
        lines = [f"{file['id']} {file['split']} {file['sha256']} {file['target_sha256']}" for file in self.files]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_data(config: TrainingConfig, folder: Path) -> DataSet:
    """Return the images and targets of a configuration, split.

    Parameters
    ----------
    config : TrainingConfig
        What to read.
    folder : Path
        Folder to which its patterns are relative.

    Raises
    ------
    InvalidTraining
        No files, an image without a target, an image in two splits, a target that is none of the task.
    InputNotFound, UnreadableFile, NotIntegerData, ColourImage, LossyImage
        As a file says.
    """
    part = config.data
    images, targets = _files(folder, part.images, "images"), _files(folder, part.targets, "targets")
    lacking = sorted(set(images) - set(targets))
    if lacking:
        raise InvalidTraining(f"image {lacking[0]} has no target", f"a file {lacking[0]}.* in targets", "add it, or move the image away")
    split = split_of(sorted(images), part.split, config.seed)
    pairs: list[Pair] = []
    files: list[dict[str, Any]] = []
    for name in sorted(images):
        frames, row = _pairs(name, split[name], images[name], targets[name], config)
        pairs += frames
        files.append(row)
    _refuse_same_pixels(pairs)
    if not any(pair.split == "train" for pair in pairs):
        raise InvalidTraining("no image is left for training", "smaller shares of validation and test", "correct data.split")
    return DataSet(tuple(pairs), tuple(files))


def split_of(names: Sequence[str], part: SplitPart, seed: int) -> dict[str, str]:
    """Return the split of each image, by its name.

    Parameters
    ----------
    names : sequence of str
        All images, sorted.
    part : SplitPart
        Shares or names.
    seed : int
        Of the draw.

    Raises
    ------
    InvalidTraining
        A name that no file has, an image named in two splits, or shares that leave nothing.
    """
    given: dict[str, tuple[str, ...]] = {"train": part.train or ()}
    given |= {name: value for name in ("validation", "test") if isinstance(value := getattr(part, name), tuple)}
    chosen: dict[str, str] = {}
    for split, members in given.items():
        for member in members:
            if member not in names:
                raise InvalidTraining(f"data.split.{split} names '{member}'", "the name of an image, without suffix", "correct it")
            if chosen.get(member, split) != split:
                found = f"image '{member}' is in the splits {chosen[member]} and {split}"
                raise InvalidTraining(found, "each image in one split", "take it out of one of the two")
            chosen[member] = split
    rest = [name for name in names if name not in chosen]
    order = [rest[k] for k in np.random.default_rng([seed, 0]).permutation(len(rest))]
    for split in ("validation", "test"):
        share = getattr(part, split)
        if isinstance(share, tuple):
            continue
        if not 0 <= share < 1:
            raise InvalidTraining(f"data.split.{split} = {share}", "a share from 0 up to, but not, 1", "correct it")
        count = max(1, round(share * len(names))) if share > 0 else 0
        chosen |= dict.fromkeys(order[:count], split)
        order = order[count:]
    if part.train is None:
        chosen |= dict.fromkeys(order, "train")
    elif order:
        raise InvalidTraining(f"image '{min(order)}' is in no split", "every image in one", "name it, or leave out data.split.train")
    return chosen


def _files(folder: Path, pattern: str, what: str) -> dict[str, Path]:
    """Return the files of a pattern by their names without suffix."""
    base = Path(pattern)
    root = Path(base.anchor) if base.is_absolute() else folder
    relative = str(base.relative_to(base.anchor)) if base.is_absolute() else pattern
    found: dict[str, Path] = {}
    for path in sorted(root.glob(relative)) if relative not in ("", ".") else []:
        name = path.name.partition(".")[0]
        if not name:
            continue
        if name in found:
            raise InvalidTraining(f"{path} and {found[name]} have one name", f"one file for each of the {what}", "rename one")
        found[name] = path
    if not found:
        raise InvalidTraining(f"data.{what} = '{pattern}' matches no file in {root}", "a pattern like images/*.tif", "correct it")
    return found


def _pairs(name: str, split: str, image: Path, target: Path, config: TrainingConfig) -> tuple[list[Pair], dict[str, Any]]:
    """Return the pairs of one file, and its row for the training record."""
    frames, wanted = (read_frames(path, volume=config.data.volume) for path in (image, target))
    if frames.data.shape != wanted.data.shape:
        found = f"{image} is {frames.data.shape} and {target} {wanted.data.shape}"
        raise ShapeMismatch(found, "one shape", "give the target of this image")
    if min(frames.frame_shape) < 2:
        raise ShapeMismatch(f"{image} is {frames.frame_shape} px", "images of at least 2 px a side", "leave it out")
    pairs = [
        Pair(name, split, raw, prepare(raw, config.data.pre), target_of(truth, config.task, config.data, str(target)))
        for raw, truth in zip(frames.data, wanted.data, strict=True)
    ]
    row = {
        "id": name,
        "split": split,
        "image": image.name,
        "sha256": frames.files[0].sha256,
        "target": target.name,
        "target_sha256": wanted.files[0].sha256,
        "frames": len(frames),
    }
    return pairs, row


def target_of(truth: NDArray[np.integer], task: str, part: DataPart, where: str) -> NDArray[np.float32]:
    """Return a target (channel, [z,] y, x) from the pixels of its file. Raises InvalidTraining naming `where`."""
    if task == "image":
        return prepare(truth, part.target_pre)[None]
    if task == "mask":
        return (truth > 0).astype(np.float32)[None]
    if int(truth.max()) >= part.classes:
        raise InvalidTraining(f"{where} holds the class {int(truth.max())}", f"0 to {part.classes - 1}", "correct data.classes or the file")
    return (truth[None] == np.arange(part.classes).reshape(-1, *[1] * truth.ndim)).astype(np.float32)


def _refuse_same_pixels(pairs: Sequence[Pair]) -> None:
    """Refuse one image under two names in two splits: what is learnt from it would be tested on it."""
    seen: dict[bytes, Pair] = {}
    for pair in pairs:
        key = hashlib.sha256(f"{pair.raw.dtype} {pair.raw.shape} ".encode() + pair.raw.tobytes()).digest()
        other = seen.setdefault(key, pair)
        if other.split != pair.split:
            raise InvalidTraining(
                f"images '{other.image_id}' ({other.split}) and '{pair.image_id}' ({pair.split}) have the same pixels",
                "each image in one split",
                "remove one of the two files",
            )


def counts(files: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return the number of images of each split."""
    return {split: sum(file["split"] == split for file in files) for split in SPLITS}
