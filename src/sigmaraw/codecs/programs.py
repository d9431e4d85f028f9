"""Command-line programs as codecs and pipelines: a template becomes an argument list, and runs in a folder under limits: no shell."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sigmaraw.errors import CodecFailed, InputNotFound, InvalidSpec, SigmarawError
from sigmaraw.files import sha256_of_file

_PLACE = re.compile(r"\{(\w*)\}")
_LOOK_S = 0.02  # between two looks at the size of the folder
_LAST_WORDS = 200  # characters of the program's own words in a refusal


@dataclass(frozen=True)
class Template:
    """A command line as typed, cut into arguments once: what is put in for a place never becomes two arguments, or an option of a shell.

    key : what it is called in the specification. owner : the codec family or pipeline. failure : what is raised when it fails.
    places : the words that may stand in braces; those in `needed` must.
    """

    key: str
    arguments: tuple[str, ...]
    owner: str = "exec"
    failure: type[SigmarawError] = CodecFailed

    @classmethod
    def parse(
        cls,
        key: str,
        text: str,
        places: tuple[str, ...],
        needed: tuple[str, ...],
        owner: str = "exec",
        failure: type[SigmarawError] = CodecFailed,
    ) -> Template:
        """Return the template of a typed command line.

        Raises
        ------
        InvalidSpec
            Open quotation, nothing to run, an unknown word in braces, or a needed one that is missing.
        """
        expected = f"a program and its arguments{' with ' if needed else ''}{' and '.join('{' + word + '}' for word in needed)}"
        try:
            arguments = tuple(shlex.split(text))
        except ValueError as error:
            raise InvalidSpec(f"{key}=\"{text}\" in '{owner}' ({error})", expected, "close the quotation") from error
        found = [word for argument in arguments[1:] for word in _PLACE.findall(argument)]
        if not arguments or _PLACE.search(arguments[0]) or not set(needed) <= set(found):
            raise InvalidSpec(f"{key}=\"{text}\" in '{owner}'", expected, "write it like cjxl {in} {out}")
        unknown = sorted(set(found) - set(places))
        if unknown:
            raise InvalidSpec(
                f"{{{unknown[0]}}} in {key} of '{owner}'", "one of " + ", ".join(f"{{{word}}}" for word in places), "correct it"
            )
        return cls(key, arguments, owner, failure)

    def filled(self, values: Mapping[str, object]) -> list[str]:
        """Return the argument list with every place filled."""
        return [self.arguments[0], *(_PLACE.sub(lambda found: str(values[found[1]]), argument) for argument in self.arguments[1:])]

    def program(self) -> Path:
        """Return the executable file. Raises InputNotFound when there is none of that name."""
        found = shutil.which(self.arguments[0])
        if found is None:
            raise InputNotFound(
                f"no program '{self.arguments[0]}', which {self.key} of '{self.owner}' names", "an installed program", "install it"
            )
        return Path(found).absolute()

    def fingerprint(self) -> str:
        """Return the SHA-256 of the executable file, by which a record knows the program's build."""
        return sha256_of_file(self.program())


def run(template: Template, values: Mapping[str, object], folder: Path, *, seconds: float, limit: int) -> None:
    """Run a program in `folder` and wait for it; it and its children end with the refusal.

    Parameters
    ----------
    template : Template
        The command line.
    values : mapping
        What stands for its places.
    folder : Path
        Its working folder, empty but for what it reads.
    seconds : float
        Time limit, s.
    limit : int
        Most bytes that the folder may come to hold.

    Raises
    ------
    CodecFailed
        It cannot be started, ends with another code than 0, or goes beyond a limit; with the end of what it wrote to stderr.
    """
    words = folder / "stderr"
    command = [str(template.program()), *template.filled(values)[1:]]
    with words.open("wb") as stream:
        try:
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stream, start_new_session=True
            )
        except OSError as error:
            raise _failed(template, f"cannot be started: {error.strerror}", words) from error
        try:
            fault = _watched(process, folder, seconds, limit)
        finally:
            _end(process)
    fault = fault or ("" if process.returncode == 0 else _ending(process.returncode)) or _excess(folder, limit)
    if fault:
        raise _failed(template, fault, words)


def _watched(process: subprocess.Popen[bytes], folder: Path, seconds: float, limit: int) -> str:
    """Wait; return what is wrong while it runs, empty when it came to its own end."""
    end = time.monotonic() + seconds
    while True:
        try:
            process.wait(timeout=max(min(_LOOK_S, end - time.monotonic()), 0.0))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                return f"has not ended within {seconds:g} s"
            fault = _excess(folder, limit)
            if fault:
                return fault
        else:
            return ""


def _excess(folder: Path, limit: int) -> str:
    size = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # a temporary file of the program that has just gone
                size += (Path(base) / name).lstat().st_size
    return f"writes more than {limit} bytes" if size > limit else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the program and its children: they are a process group of their own."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _ending(code: int) -> str:
    return f"ends with code {code}" if code > 0 else f"dies of signal {-code}"


def _failed(template: Template, fault: str, words: Path) -> SigmarawError:
    said = " ".join(words.read_bytes()[-4096:].decode("utf-8", errors="replace").split())
    said = "".join(character for character in said if character.isprintable())[-_LAST_WORDS:]
    return template.failure(
        f"the program '{template.arguments[0]}' of {template.owner}'s {template.key} {fault}" + (f" (it says: {said})" if said else ""),
        "a whole file within the limits",
        "try the command by hand",
    )


def produced(template: Template, path: Path) -> bytes:
    """Return the bytes of the file that a program was to write. Raises CodecFailed when it did not, or made something else of it."""
    if path.is_symlink() or not path.is_file():
        raise template.failure(
            f"the program '{template.arguments[0]}' of {template.owner}'s {template.key} wrote no {{out}}",
            "a file of that name",
            "try the command by hand",
        )
    return path.read_bytes()
