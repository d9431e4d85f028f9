"""The key of a readers' study: which image stood where. Its hash is in the page, so that it cannot be changed after the answers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from sigmaraw.errors import InputNotFound, UnreadableFile

SCHEMA = "sigmaraw/readers-key/1"
ORIGINAL = "original"
"""Name of the setting without a codec."""

Kind = Literal["pairs", "ratings"]
Side = Literal["left", "right"]


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A codec, or the original: bytes of all images, and their ratio to the original's."""

    name: str
    bytes: int
    compression_ratio: float


class ShownImage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An image: its file, the frame and slice in it, and the SHA-256 of the file."""

    name: str
    frame: int
    slice: int | None
    sha256: str


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one trial shows: the image by its number, the setting on each side, and the side of the less compressed one."""

    id: str
    image: int
    left: str
    right: str
    true_side: Side


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole key.

    Parameters
    ----------
    nonce : str
        Random digits, so that nobody finds the key by trying which one has the hash.
    """

    schema: str
    sigmaraw: str
    nonce: str
    kind: Kind
    settings: tuple[Setting, ...]
    images: tuple[ShownImage, ...]
    trials: tuple[Trial, ...]


def encoded(key: Key) -> bytes:
    """Return the key as the bytes of its file."""
    return msgspec.json.format(msgspec.json.encode(key), indent=1) + b"\n"


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a key's file, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def read_key(path: str | Path) -> tuple[Key, str]:
    """Return a key and the hash of its file.

    Raises
    ------
    InputNotFound
        No such file.
    UnreadableFile
        No key, or one that contradicts itself.
    """
    place = Path(path)
    if not place.is_file():
        raise InputNotFound(f"key {place} does not exist", "key.json, which `sigmaraw readers make` wrote", "check the path")
    content = place.read_bytes()
    try:
        key = msgspec.json.decode(content, type=Key)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{place} is no key ({error})", "key.json, which `sigmaraw readers make` wrote", "check the path") from error
    names, ids = [setting.name for setting in key.settings], [trial.id for trial in key.trials]
    whole = len(set(names)) == len(names) and len(set(ids)) == len(ids)
    shown = all({trial.left, trial.right} <= set(names) and 0 <= trial.image < len(key.images) for trial in key.trials)
    if key.schema != SCHEMA or not whole or not shown:
        raise UnreadableFile(
            f"{place}, a key that contradicts itself or has another version", f"a key of {SCHEMA}", "use the file as it was made"
        )
    return key, sha256(content)
