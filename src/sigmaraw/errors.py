"""Every named refusal. Each says, on one line, what was found, what was expected and what to do about it.

The command line turns any `SigmarawError` into exit code 2 and that one line, without a traceback. Each class also derives from the
built-in exception that stands for its kind, so that ``except ValueError`` and ``except FileNotFoundError`` work as people expect.
"""

from __future__ import annotations

import errno as _errno
import unicodedata
from typing import Any, ClassVar


class SigmarawError(Exception):
    """Base of all refusals.

    Parameters
    ----------
    found : str
        What is there, with its name or path.
    expected : str
        What should have been there.
    remedy : str
        What the user can do now, in the imperative.
    """

    code: ClassVar[int | None] = None
    """`errno` of those that are an `OSError`."""

    def __init__(self, found: str, expected: str, remedy: str) -> None:
        self.found = found
        self.expected = expected
        self.remedy = remedy
        # Not `super()`: an OSError would take three words for a number, a reason and a file name.
        Exception.__init__(self, found, expected, remedy)
        if self.code is not None:
            setattr(self, "errno", self.code)  # noqa: B010 (an attribute of OSError alone)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as what it was made of: an exception travels from worker processes."""
        extra = {name: value for name, value in vars(self).items() if name not in ("found", "expected", "remedy")}
        return type(self), (self.found, self.expected, self.remedy), extra

    def __str__(self) -> str:
        line = f"{self.found}; expected {self.expected}. {self.remedy[:1].upper()}{self.remedy[1:]}"
        line = " ".join(line.split())
        return line if line.endswith((".", "?", "!")) else line + "."


def visible(text: str) -> str:
    """Return the text with each control, format, surrogate and line-breaking character replaced by U+FFFD.

    Such characters can move a terminal's cursor, reverse the reading direction or break an SVG; none belongs in a record.
    """
    if text.isascii() and text.isprintable():  # as nearly all words are
        return text
    return "".join("\ufffd" if unicodedata.category(mark) in ("Cc", "Cf", "Cs", "Zl", "Zp") else mark for mark in text)


# --- files and frames -------------------------------------------------------------------------------------------------
class InputNotFound(SigmarawError, FileNotFoundError):
    """A named file or folder does not exist."""

    code = _errno.ENOENT


class UnreadableFile(SigmarawError, OSError):
    """A file is empty, truncated or not of the format that its name says."""

    code = _errno.EINVAL


class OutOfSpace(SigmarawError, OSError):
    """A disk has no room for what must be written, or a quota or a size limit forbids it."""

    code = _errno.ENOSPC


class NotIntegerData(SigmarawError, TypeError):
    """Pixels are not uint8 or uint16: camera frames are integers, and nothing is converted in silence."""


class ColourImage(SigmarawError, ValueError):
    """The image has colour samples where one grey value per pixel was expected."""


class LossyImage(SigmarawError, ValueError):
    """The container holds pixels that lossy compression changed: no raw frame."""


class ShapeMismatch(SigmarawError, ValueError):
    """Frames that belong together differ in shape, or an image does not fit the profile."""


class BitDepthMismatch(SigmarawError, ValueError):
    """Pixel values or container do not fit the camera's bit depth."""


# --- calibration ------------------------------------------------------------------------------------------------------
class InvalidSeries(SigmarawError, ValueError):
    """The SERIES folder does not have the layout that calibration reads."""


class TooFewFrames(SigmarawError, ValueError):
    """A level has too few frames, or a series too few levels, to determine the answer."""


class ImplausibleSeries(SigmarawError, ValueError):
    """The frames contradict themselves: flats darker than darks, everything saturated, no slope."""


class InvalidProfile(SigmarawError, ValueError):
    """A camera profile lacks a required variable, or holds a value out of its domain."""


class ProfileMismatch(SigmarawError, ValueError):
    """The profile belongs to another camera: another shape or another bit depth."""


class OutsideValidRange(SigmarawError, ValueError):
    """Pixel values lie outside the range in which the profile is valid."""


# --- processes ----------------------------------------------------------------------------------------------------------
class ForkedProcess(SigmarawError, RuntimeError):
    """The process was forked from one in which JAX had already drawn: JAX would wait there for threads that do not exist."""


class UnusableEnvironment(SigmarawError, RuntimeError):
    """An environment variable, set for another program, keeps a library from starting."""


# --- names and settings -----------------------------------------------------------------------------------------------
class UnknownName(SigmarawError, KeyError):
    """No extension of that name is registered."""


class DuplicateName(SigmarawError, ValueError):
    """Two installed packages register the same name."""


class BrokenExtension(SigmarawError, ImportError):
    """An installed package registers a name that cannot be used: it fails to import, or does not keep the contract."""


class InvalidSpec(SigmarawError, ValueError):
    """A codec or pipeline specification has a wrong key, a bad value or bad syntax."""


class InvalidOption(SigmarawError, ValueError):
    """An option's value is out of its domain."""


class MissingExtra(SigmarawError, ImportError):
    """A feature needs an optional package that is not installed."""


# --- codecs and pipelines ---------------------------------------------------------------------------------------------
class UnsupportedArray(SigmarawError, ValueError):
    """A codec was given an array outside its declared contract."""


class ProgramNotAllowed(SigmarawError, PermissionError):
    """A specification would run a program, and the one who called did not allow it."""

    code = _errno.EPERM


class UnreachableTarget(SigmarawError, ValueError):
    """No setting of the codec comes near the requested target."""


class CodecFailed(SigmarawError, RuntimeError):
    """A codec library failed, or returned another shape or dtype than it was given."""


class InvalidModel(SigmarawError, ValueError):
    """A model file cannot be loaded, or does not take one grey image and return one map."""


class PredictionFailed(SigmarawError, RuntimeError):
    """A pipeline raised an exception on an image.

    Attributes
    ----------
    index : int or None
        Position of the image in the batch that the pipeline was given, from 0; None where the pipeline does not say.
    partial : xarray.Dataset or None
        The predictions that a study had gathered by then, NaN where there is none yet.
    """

    index: int | None = None
    partial: Any = None


class InvalidPrediction(SigmarawError, ValueError):
    """A pipeline returned something else than named finite-or-NaN numbers, or changed its names."""


class AnswersDiffer(SigmarawError, ValueError):
    """A pipeline, or a codec, answers the same image differently, by more than a tenth of σ_raw."""


class InvalidTraining(SigmarawError, ValueError):
    """A training configuration is malformed, or its images, targets and splits contradict each other."""


# --- studies ----------------------------------------------------------------------------------------------------------
class InvalidPlan(SigmarawError, ValueError):
    """A plan file is malformed, or contradicts the command."""


class InsufficientRepeats(SigmarawError, ValueError):
    """Mode `repeats` or `mean-n` has fewer real frames than the study asks for."""


class InvalidRecord(SigmarawError, ValueError):
    """A record folder is missing parts or cannot be read."""


class IntegrityError(SigmarawError, ValueError):
    """A digest or an input's hash differs from what the record states."""


class InvalidKey(SigmarawError, ValueError):
    """A file of a key or certificate cannot be read or opened, is of another kind, or lies open to other users."""


class UndefinedStatistic(SigmarawError, ValueError):
    """A statistic was asked of data that cannot determine it."""
