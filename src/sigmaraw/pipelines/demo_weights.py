"""The shipped weights of the demonstration model, with the record of their training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sigmaraw.errors import InputNotFound, IntegrityError, InvalidModel
from sigmaraw.files import sha256_of_file

SHIPPED = Path(__file__).parent / "weights" / "unet-demo.safetensors"


def training_record(weights: Path = SHIPPED) -> dict[str, Any]:
    """Return the training record (JSON) that lies beside the weights.

    Raises
    ------
    InputNotFound
        Weights or record are not there.
    InvalidModel
        The record is not one.
    """
    path = weights.with_suffix(".json")
    for needed in (weights, path):
        if not needed.is_file():
            raise InputNotFound(f"{needed} does not exist", "weights and their training record", "train them, or install the package again")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidModel(f"{path} is not JSON", "a training record", "write it again by training") from error
    if not isinstance(record, dict) or not isinstance(record.get("sha256"), str):
        raise InvalidModel(f"{path} states no sha256", "a training record", "write it again by training")
    return record


def verified(weights: Path = SHIPPED) -> str:
    """Return the SHA-256 of the weights after comparing it with the training record.

    Raises
    ------
    IntegrityError
        The file is not the one whose training was recorded. Others as `training_record`.
    """
    stated = training_record(weights)["sha256"]
    found = sha256_of_file(weights)
    if found != stated:
        raise IntegrityError(f"{weights} has SHA-256 {found}", f"{stated}, as its training record states", "install the package again")
    return found
