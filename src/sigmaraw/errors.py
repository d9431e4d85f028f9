"""Every named refusal. Each says, on one line, what was found, what was expected and what to do about it.

The command line turns any `SigmarawError` into exit code 2 and that one line, without a traceback.
"""

from __future__ import annotations


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

    def __init__(self, found: str, expected: str, remedy: str) -> None:
        self.found = found
        self.expected = expected
        self.remedy = remedy
        super().__init__(found, expected, remedy)

    def __str__(self) -> str:
        line = f"{self.found}; expected {self.expected}. {self.remedy[:1].upper()}{self.remedy[1:]}"
        line = " ".join(line.split())
        return line if line.endswith((".", "?", "!")) else line + "."


# --- files and frames -------------------------------------------------------------------------------------------------
class InputNotFound(SigmarawError):
    """A named file or folder does not exist."""


class UnreadableFile(SigmarawError):
    """A file is empty, truncated or not of the format that its name says."""


class OutOfSpace(SigmarawError):
    """A disk has no room for what must be kept for a while."""


class NotIntegerData(SigmarawError):
    """Pixels are not uint8 or uint16: camera frames are integers, and nothing is converted in silence."""


class ColourImage(SigmarawError):
    """The image has colour samples where one grey value per pixel was expected."""


class ShapeMismatch(SigmarawError):
    """Frames that belong together differ in shape, or an image does not fit the profile."""


class BitDepthMismatch(SigmarawError):
    """Pixel values or container do not fit the camera's bit depth."""


# --- calibration ------------------------------------------------------------------------------------------------------
class InvalidSeries(SigmarawError):
    """The SERIES folder does not have the layout that calibration reads."""


class TooFewFrames(SigmarawError):
    """A level has too few frames, or a series too few levels, to determine the answer."""


class ImplausibleSeries(SigmarawError):
    """The frames contradict themselves: flats darker than darks, everything saturated, no slope."""


class InvalidProfile(SigmarawError):
    """A camera profile lacks a required variable, or holds a value out of its domain."""


class ProfileMismatch(SigmarawError):
    """The profile belongs to another camera: another shape or another bit depth."""


class OutsideValidRange(SigmarawError):
    """Pixel values lie outside the range in which the profile is valid."""


# --- names and settings -----------------------------------------------------------------------------------------------
class UnknownName(SigmarawError):
    """No extension of that name is registered."""


class DuplicateName(SigmarawError):
    """Two installed packages register the same name."""


class InvalidSpec(SigmarawError):
    """A codec or pipeline specification has a wrong key, a bad value or bad syntax."""


class InvalidOption(SigmarawError):
    """An option's value is out of its domain."""


class MissingExtra(SigmarawError):
    """A feature needs an optional package that is not installed."""


# --- codecs and pipelines ---------------------------------------------------------------------------------------------
class UnsupportedArray(SigmarawError):
    """A codec was given an array outside its declared contract."""


class ProgramNotAllowed(SigmarawError):
    """A specification would run a program, and the one who called did not allow it."""


class UnreachableTarget(SigmarawError):
    """No setting of the codec comes near the requested target."""


class CodecFailed(SigmarawError):
    """A codec library failed, or returned another shape or dtype than it was given."""


class InvalidModel(SigmarawError):
    """A model file cannot be loaded, or does not take one grey image and return one map."""


class InvalidPrediction(SigmarawError):
    """A pipeline returned something else than named finite-or-NaN numbers, or changed its names."""


# --- studies ----------------------------------------------------------------------------------------------------------
class InvalidPlan(SigmarawError):
    """A plan file is malformed, or contradicts the command."""


class InsufficientRepeats(SigmarawError):
    """Mode `repeats` or `mean-n` has fewer real frames than the study asks for."""


class InvalidRecord(SigmarawError):
    """A record folder is missing parts or cannot be read."""


class IntegrityError(SigmarawError):
    """A digest or an input's hash differs from what the record states."""


class UndefinedStatistic(SigmarawError):
    """A statistic was asked of data that cannot determine it."""
