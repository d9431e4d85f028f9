"""The training configuration, read strictly from TOML: every key has a place, a type and a domain."""

from __future__ import annotations

import hashlib
import math
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from sigmaraw.errors import InputNotFound, InvalidTraining, SigmarawError
from sigmaraw.pipelines.unet import UNetDescription

Preparation = Literal["zscore", "minmax", "percentile", "none"]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration."""


class SplitPart(_Part, frozen=True, kw_only=True):
    """Which images train, which decide when to stop, and which are kept for the end: shares of the files, or their names.

    Parameters
    ----------
    validation, test : float or tuple of str
        A share, drawn by the seed, or names of files without their suffix.
    train : tuple of str, optional
        Names; None takes all others.
    """

    validation: float | tuple[str, ...] = 0.15
    test: float | tuple[str, ...] = 0.15
    train: tuple[str, ...] | None = None


class DataPart(_Part, frozen=True, kw_only=True):
    """Images and their targets.

    Parameters
    ----------
    images, targets : str
        Patterns of files, relative to the configuration. An image and its target have the same name, whatever their suffixes.
    volume : bool
        A file's pages are z.
    pre : str
        Preparation of each whole image, as in the pipeline that will use the network.
    target_pre : str
        Of task "image": preparation of each whole target.
    classes : int
        Of task "classes": classes with the background; targets hold 0 to classes − 1.
    split : SplitPart
        Which image serves for what.
    """

    images: str
    targets: str
    volume: bool = False
    pre: Preparation = "zscore"
    target_pre: Preparation = "minmax"
    classes: int = 2
    split: SplitPart = SplitPart()


class NetworkPart(_Part, frozen=True, kw_only=True):
    """The layers, as in `UNetDescription`; channels in and out follow from the task."""

    widths: tuple[int, ...] = (8, 16, 32, 64)
    norm: Literal["none", "batch"] = "none"
    activation: Literal["relu", "elu"] = "relu"
    dropout: float = 0.0


class TrainingPart(_Part, frozen=True, kw_only=True):
    """How the weights are found.

    Parameters
    ----------
    loss : str
        Specification of a loss.
    epochs, steps, batch : int
        Epochs at most, steps an epoch, tiles a step.
    tile : int or tuple of int
        Side of a tile, px; of volumes (z, y, x).
    optimiser : {"adam", "sgdm", "adadelta"}
        Adam with decoupled weight decay; gradient descent with momentum; Adadelta.
    learning_rate, momentum, weight_decay : float
        Step length; momentum of "sgdm"; decay of the weights in each step, as a share of the learning rate.
    nesterov : bool
        Nesterov's momentum, with "sgdm".
    schedule : {"constant", "poly", "step"}
        Learning rate over time: rate·(1 − t/T)^power at each step, or rate·factor^⌊epoch/every⌋.
    power, factor : float
        Of "poly" and of "step".
    every : int
        Of "step": epochs.
    clip : float
        Largest norm of the gradient; 0 leaves it as it is.
    patience : int
        Epochs without a better validation loss before training stops; 0 never stops early.
    threads : int, optional
        Threads that compute; other numbers of threads give other last digits. None takes one per core, and the record says how many.
    device : {"cpu", "cuda"}
        Where it computes.
    """

    loss: str
    epochs: int = 50
    steps: int = 100
    batch: int = 8
    tile: int | tuple[int, ...] = 96
    optimiser: Literal["adam", "sgdm", "adadelta"] = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: Literal["constant", "poly", "step"] = "constant"
    power: float = 0.9
    factor: float = 0.8
    every: int = 3
    clip: float = 0.0
    patience: int = 0
    threads: int | None = None
    device: Literal["cpu", "cuda"] = "cpu"


class AugmentPart(_Part, frozen=True, kw_only=True):
    """What is varied from tile to tile; the default is nothing. Shares are probabilities, 0 to 1.

    Parameters
    ----------
    flip : float
        Share of tiles flipped, for each axis.
    rotate : float
        Largest rotation in the plane, either way, degrees.
    scale : tuple of float
        Range of magnification, from and to; log-uniform.
    contrast : tuple of float
        Gains, one of which multiplies the raw image before preparation; clipped as its integers are.
    contrast_share : float
        Share of tiles that get one.
    defocus : float
        Largest radius of a disc that blurs the input, px.
    defocus_share : float
        Share of tiles that are blurred.
    """

    flip: float = 0.0
    rotate: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    contrast: tuple[float, ...] = ()
    contrast_share: float = 0.2
    defocus: float = 0.0
    defocus_share: float = 0.2


class TrainingConfig(_Part, frozen=True, kw_only=True):
    """A training, whole.

    Parameters
    ----------
    task : {"image", "mask", "classes"}
        What the network gives: another image, one foreground, or one of several classes for each pixel.
    data : DataPart
        Images and targets.
    training : TrainingPart
        How the weights are found.
    network : NetworkPart
        The layers.
    augment : AugmentPart
        What is varied.
    seed : int
        Decides split, start, tiles, augmentation and dropout.
    """

    task: Literal["image", "mask", "classes"]
    data: DataPart
    training: TrainingPart
    network: NetworkPart = NetworkPart()
    augment: AugmentPart = AugmentPart()
    seed: int = 0

    @property
    def described(self) -> UNetDescription:
        """The network's layers."""
        outputs = self.data.classes if self.task == "classes" else 1
        part = self.network
        return UNetDescription(3 if self.data.volume else 2, part.widths, part.norm, part.activation, part.dropout, 1, outputs)

    @property
    def tile(self) -> tuple[int, ...]:
        """Sides of a tile, px."""
        given = self.training.tile
        return (given,) * (3 if self.data.volume else 2) if isinstance(given, int) else given

    def sha256(self) -> str:
        """Return the SHA-256 of the configuration with its defaults written out.

        The number of epochs may grow, and is left out, unless the learning rate depends on it.
        """
        values = msgspec.to_builtins(self)
        if self.training.schedule != "poly":
            del values["training"]["epochs"]
        return hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest()


def read_config(path: str | Path) -> TrainingConfig:
    """Return the configuration in a TOML file.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    TrainingConfig
        Checked, with defaults filled in.

    Raises
    ------
    InputNotFound
        There is no such file.
    InvalidTraining
        It is not TOML, or a key or value is wrong.
    """
    path = Path(path)
    if not path.is_file():
        raise InputNotFound(f"configuration {path} does not exist", "a TOML file", "check the path")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidTraining(f"configuration {path} is not TOML ({error})", "key = value lines", "correct the file") from error
    return config_from(content, str(path))


def config_from(content: dict[str, Any], where: str = "the configuration") -> TrainingConfig:
    """Return the configuration of a mapping, as TOML has it. Raises InvalidTraining naming `where`."""
    try:
        made = msgspec.convert(content, TrainingConfig, strict=True)
        made.described  # noqa: B018 (its refusals)
    except msgspec.ValidationError as error:
        words = str(error).replace("`$.", "`").replace("`$`", "the top level").replace("Object", "it")
        raise InvalidTraining(f"{where}: {words}", "the keys of docs/how-to/train.md", "correct the file") from error
    except SigmarawError as error:
        raise InvalidTraining(f"{where}: {error.found}", error.expected, error.remedy) from error
    _check(made, where)
    return made


def _check(made: TrainingConfig, where: str) -> None:
    """Refuse values out of their domain. Raises InvalidTraining."""
    training, augment = made.training, made.augment
    from_one = {"epochs": training.epochs, "steps": training.steps, "batch": training.batch, "every": training.every}
    from_one["threads"] = 1 if training.threads is None else training.threads
    problems = [(f"training.{name} = {value}", "a whole number from 1") for name, value in from_one.items() if value < 1]
    if training.patience < 0:
        problems.append((f"training.patience = {training.patience}", "a whole number from 0"))
    positive = {"learning_rate": training.learning_rate, "power": training.power, "factor": training.factor}
    problems += [(f"training.{name} = {value}", "a number above 0") for name, value in positive.items() if not 0 < value < math.inf]
    for name, value in (("weight_decay", training.weight_decay), ("clip", training.clip)):
        if not 0 <= value < math.inf:
            problems.append((f"training.{name} = {value}", "a number from 0"))
    if not 0 <= training.momentum < 1:
        problems.append((f"training.momentum = {training.momentum}", "a number from 0 up to, but not, 1"))
    multiple, tile = made.described.multiple, made.tile
    if len(tile) != made.described.dims or any(side < 1 or side % multiple for side in tile):
        problems.append((f"training.tile = {training.tile}", f"{made.described.dims} sides that are multiples of {multiple} px"))
    for name in ("flip", "contrast_share", "defocus_share"):
        if not 0 <= getattr(augment, name) <= 1:
            problems.append((f"augment.{name} = {getattr(augment, name)}", "a share from 0 to 1"))
    if not 0 < augment.scale[0] <= augment.scale[1] < math.inf:
        problems.append((f"augment.scale = {list(augment.scale)}", "two magnifications above 0, the smaller first"))
    if not (0 <= augment.rotate <= 180 and 0 <= augment.defocus <= 50 and all(0 < gain < 1e3 for gain in augment.contrast)):
        problems.append(("augment.rotate, defocus or contrast", "degrees from 0 to 180, px from 0 to 50, gains above 0"))
    if not 0 <= made.seed < 2**63:
        problems.append((f"seed = {made.seed}", "a whole number from 0 to 2^63 - 1"))
    if made.task == "classes" and not 2 <= made.data.classes <= 256:
        problems.append((f"data.classes = {made.data.classes}", "2 to 256 classes"))
    for found, expected in problems[:1]:
        raise InvalidTraining(f"{where}: {found}", expected, "correct the file")
