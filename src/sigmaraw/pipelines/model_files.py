"""A model's file, and which of its inputs and outputs is meant."""

from __future__ import annotations

from pathlib import Path

from sigmaraw.errors import InputNotFound, InvalidModel, InvalidOption


def chosen_output(model: str, names: list[str], stated: str | None) -> int:
    """Return which of a model's outputs is meant.

    Parameters
    ----------
    model : str
        The model's name.
    names : list of str
        Of its outputs, in order.
    stated : str or None
        A name, or a number from 0.

    Returns
    -------
    int
        The number of the output.

    Raises
    ------
    InvalidModel
        There are several and none is stated, or there are none.
    InvalidOption
        None has that name or number.
    """
    if not names or (stated is None and len(names) > 1):
        found = f"model {model} returns {len(names)} outputs ({_shown(names)})"
        raise InvalidModel(found, "one output, or which one", "add its name or number, for instance output=0")
    return position_in(names, stated, "output")


def position_in(names: list[str], stated: str | None, key: str) -> int:
    """Return the position of what the setting `key` states by name or by number from 0; of a single name, 0 where nothing is stated.

    Raises
    ------
    InvalidOption
        None has that name or number, or nothing is stated and there are several.
    """
    if stated is None and len(names) == 1:
        return 0
    if stated is not None and stated in names:
        return names.index(stated)
    if stated is not None and stated.isdecimal() and int(stated) < len(names):
        return int(stated)
    raise InvalidOption(f"{key}={stated}", f"one of {_shown(names)}, or its number from 0", "choose one of them")


def _shown(names: list[str]) -> str:
    return ", ".join(" ".join(name.split())[:40] for name in names[:8])


def model_file(path: str) -> Path:
    """Return the path of a model file that exists.

    Raises
    ------
    InputNotFound
        Nothing there, or a folder.
    """
    found = Path(path)
    if not found.is_file():
        what = "is a folder" if found.is_dir() else "does not exist"
        raise InputNotFound(f"model {path} {what}", "a model file", "check the path")
    return found
