"""Files into camera frames: integers in DN, with their bit depth and the hash of every file that was read."""

from sigmaraw.frames.agreement import refuse_other_settings
from sigmaraw.frames.findings import FrameFinding, frame_findings
from sigmaraw.frames.levels import Level, Series
from sigmaraw.frames.maps import DarkMaps
from sigmaraw.frames.opening import opened, pixels
from sigmaraw.frames.reading import read_frames
from sigmaraw.frames.series import read_patterns, read_series
from sigmaraw.frames.types import RawFrames, SourceFile

__all__ = [
    "DarkMaps",
    "FrameFinding",
    "Level",
    "RawFrames",
    "Series",
    "SourceFile",
    "frame_findings",
    "opened",
    "pixels",
    "read_frames",
    "read_patterns",
    "read_series",
    "refuse_other_settings",
]
