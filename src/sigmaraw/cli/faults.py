"""Whatever ends a command early, as one line on standard error and an exit code."""

from __future__ import annotations

import errno
import logging
import sys
import tempfile
import traceback
from pathlib import Path

from sigmaraw import __version__
from sigmaraw.errors import SigmarawError, visible
from sigmaraw.files import FULL

DONE, BAD_INPUT, FAULT, INTERRUPTED = 0, 2, 70, 130
"""Exit codes; 70 is EX_SOFTWARE of sysexits.h, and 130 what a shell gives for Ctrl-C."""

_OF_THE_MACHINE = FULL | {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
    errno.ESTALE,
}  # fmt: skip
_log = logging.getLogger(__name__)


class Interrupted(Exception):
    """Ctrl-C in a study of which something is kept; the message says where."""


def interrupted(error: BaseException) -> int:
    """Say that the command was interrupted, and what is kept."""
    say(f"interrupted; {error}" if str(error) else "interrupted")
    return INTERRUPTED


def report(error: BaseException) -> int:
    """Say on standard error what ended the command, and return the exit code."""
    if isinstance(error, SigmarawError):
        return refuse(str(error))
    if isinstance(error, MemoryError):
        return refuse("not enough memory. Give --batch 1, fewer images, or frames cut to a region")
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        place = f"{error.filename}: " if error.filename else ""
        return refuse(f"{place}{error.strerror or error}; expected a disk and files that can be used. Correct it, or choose another place")
    return _fault(error)


def refuse(line: str) -> int:
    """Say why the input or the machine is refused, on one line."""
    say(line)
    return BAD_INPUT


def say(line: str) -> None:
    """Write one line to standard error; where that is closed, nobody listens."""
    text = visible(" ".join(line.split()))  # names and words of strangers' files may move a terminal's cursor
    _log.error("%s", text)
    try:
        if sys.stderr is not None:
            sys.stderr.write(f"sigmaraw: {text}\n")
            sys.stderr.flush()
    except (OSError, ValueError):
        pass


def _fault(error: BaseException) -> int:
    """Keep the trace in a file, and say where it is: a fault of this program is worth a report, and not a screen of lines."""
    trace = "".join(traceback.format_exception(error))
    words = " ".join(str(error).split())[:200]
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="sigmaraw-fault-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(f"sigmaraw {__version__}, Python {sys.version}\n{' '.join(sys.argv)}\n\n{trace}")
        where = f"The trace is in {Path(file.name)}"
    except OSError as problem:
        where = f"The trace could not be written ({problem.strerror})"
    say(f"fault of this program: {type(error).__name__}: {words}. {where}; please report it")
    return FAULT
