"""What a training record says of a network, read strictly: the file may be a stranger's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from sigmaraw.errors import InvalidModel, SigmarawError
from sigmaraw.pipelines.demo_weights import training_record
from sigmaraw.pipelines.unet import UNetDescription

SCHEMA = "sigmaraw/trained-model/1"


class TrainedModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a trained network is applied.

    Parameters
    ----------
    task : {"image", "mask", "classes"}
        What it gives: another image (an in-silico label), one foreground, or one of several classes for each pixel.
    pre : str
        Preparation of the whole image, one of `preparation.PRE`.
    network : UNetDescription
        Its layers.
    target : str
        Of task "image": how the targets were prepared, which is the unit of the output.
    """

    task: Literal["image", "mask", "classes"]
    pre: Literal["zscore", "minmax", "percentile", "none"]
    network: UNetDescription
    target: Literal["zscore", "minmax", "percentile", "none"] = "minmax"

    @property
    def post(self) -> str:
        """What turns the output into a map."""
        return {"image": "none", "mask": "sigmoid", "classes": "softmax"}[self.task]


def described(weights: Path) -> TrainedModel:
    """Return what the training record beside the weights says of the network.

    Raises
    ------
    InputNotFound
        There is no record.
    InvalidModel
        The record is not one of `sigmaraw train`.
    """
    record: dict[str, Any] = training_record(weights)
    path = weights.with_suffix(".json")
    if record.get("schema") != SCHEMA:
        raise InvalidModel(f"{path} has the schema {str(record.get('schema'))[:60]!r}", SCHEMA, "give weights from sigmaraw train")
    try:
        return msgspec.convert(record.get("model"), TrainedModel)
    except (msgspec.ValidationError, SigmarawError) as error:
        raise InvalidModel(f"{path} describes no network ({error})", "the record of sigmaraw train", "train it once more") from error
