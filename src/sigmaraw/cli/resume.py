"""`sigmaraw validate --resume DIR`: the command that was stopped, once more."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sigmaraw.errors import InvalidOption

FLAG = "--resume"
_BESIDE = frozenset({"-q", "--quiet", "--json", "--check", "--allow-exec"})
"""What may stand beside it: what decides no number, and what no file may grant."""


def expanded(arguments: Sequence[str]) -> list[str]:
    """Return the command line that `validate --resume DIR` stands for: the one that was stopped in DIR, with `--resume DIR` behind it.

    Where the command states more than that, it is taken as it is: the study refuses what is not as it was.

    Parameters
    ----------
    arguments : sequence of str
        The command line without the program's name.

    Returns
    -------
    list of str
        The command line to run.

    Raises
    ------
    InvalidOption
        The folder holds no study that was stopped.
    """
    given = _in_two_words(arguments)
    if "validate" not in given[:3] or FLAG not in given[:-1]:
        return given
    verb, place = given.index("validate"), given.index(FLAG)
    others = [*given[verb + 1 : place], *given[place + 2 :]]
    if any(word not in _BESIDE for word in others):
        return given
    from sigmaraw.study.store import command_of

    folder = Path(given[place + 1]).absolute()
    command = command_of(folder)
    words, place_then = command.get("arguments"), command.get("folder")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or not isinstance(place_then, str):
        raise InvalidOption(f"{FLAG} {folder}, which does not say by what command it was begun", "the command", f"add {FLAG} to it")
    if Path(place_then).is_dir():
        os.chdir(place_then)  # its paths are those of then
    return [*given[:verb], "validate", *words, *others, FLAG, str(folder)]


def _in_two_words(arguments: Sequence[str]) -> list[str]:
    """Return a command line with `--resume=DIR` written as `--resume DIR`, which means the same."""
    return [part for word in arguments for part in (word.split("=", 1) if word.startswith(f"{FLAG}=") else [word])]


def stored(arguments: Sequence[str]) -> dict[str, str | list[str]]:
    """Return what a study keeps of its command: the words after the verb, but for those that no file may grant, and the working folder."""
    words = _in_two_words(arguments)
    words = words[words.index("validate") + 1 :] if "validate" in words else []
    if FLAG in words[:-1]:
        place = words.index(FLAG)
        del words[place : place + 2]
    return {"arguments": [word for word in words if word not in _BESIDE], "folder": str(Path.cwd())}
