"""Whether a codec changes answers beyond the study's limits more often than it did on the reference frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    from sigmaraw.codecs.chain import Chain
    from sigmaraw.contracts import Pipeline
    from sigmaraw.record.content import Content


@dataclass(frozen=True)
class Limits:
    """What a study tolerates of one frame's answers under one codec.

    Parameters
    ----------
    codec : str
        Its specification.
    limits : dict of str to float
        For each measurement the largest |f(C(x)) − f(x)|: k·σ_raw, σ_raw the median over the study's images, or the plan's margin; in the
        measurement's unit.
    pipeline : str
        Specification of the study's pipeline.
    """

    codec: str
    limits: dict[str, float]
    pipeline: str


def limits_of(folder: str | Path, codec: str | None = None) -> Limits:
    """Return the limits of a study's record.

    Parameters
    ----------
    folder : str or path
        The record.
    codec : str, optional
        Which codec; None takes the only one that passed.

    Raises
    ------
    InvalidRecord
        The folder holds no record.
    InvalidOption
        No such codec, or several that passed.
    """
    from sigmaraw.record import read_content

    content = read_content(folder)
    spec = codec or _only_one(content)
    rows = [row for row in content.results if row.codec == spec]
    if not rows:
        names = ", ".join(dict.fromkeys(row.codec for row in content.results))
        raise InvalidOption(f"codec '{spec}' with the record {folder}", f"one of {names}", "name one with --codec")
    planned = content.plan.limits
    margin, k = (planned.margin, planned.k or 0.0) if planned is not None else ({}, 1.0)
    found: dict[str, float] = {}
    for name in dict.fromkeys(row.measurement for row in rows):
        spreads = [row.sigma_raw for row in rows if row.measurement == name and row.sigma_raw is not None]
        limit = margin.get(name, k * float(np.median(spreads)) if spreads else 0.0)
        if limit > 0:  # a measurement whose noise is not seen has no limit
            found[name] = float(limit)
    if not found:
        raise InvalidOption(f"the record {folder} has no limit for '{spec}'", "a measurement with σ_raw or a margin", "leave out --record")
    return Limits(spec, found, content.plan.pipeline)


def _only_one(content: Content) -> str:
    failing = {row.codec for row in content.statements if row.verdict != "PASS" and row.statement == "mean-effect"}
    names = [name for name in dict.fromkeys(row.codec for row in content.results) if name not in failing and name != "lossless"]
    if len(names) != 1:
        raise InvalidOption(f"{len(names)} codecs of the record may be meant", "one", "name it with --codec")
    return names[0]


class Exceedance:
    """Codes a frame and compares the answers.

    Parameters
    ----------
    limits : Limits
        What is tolerated.
    pipeline : Pipeline
        The study's.
    camera : CameraProfile, optional
        For codecs that need one.
    """

    def __init__(self, limits: Limits, pipeline: Pipeline, camera: Any = None) -> None:
        from sigmaraw.codecs import codec

        self.limits, self._pipeline = limits, pipeline
        self._codec: Chain = codec(limits.codec, camera=camera)

    def __call__(self, frame: NDArray[np.integer]) -> list[str]:
        """Return the measurements that the codec changes beyond their limits; an answer that is there only once counts too.

        Parameters
        ----------
        frame : ndarray
            (y, x) or (z, y, x), DN.
        """
        decoded, _ = self._codec.roundtrip(frame)
        if np.array_equal(decoded, frame):
            return []
        before, after = self._pipeline(frame), self._pipeline(decoded)
        return [name for name, limit in self.limits.limits.items() if name in before and _beyond(before[name], after[name], limit)]


def _beyond(before: float, after: float, limit: float) -> bool:
    if np.isnan(before) and np.isnan(after):
        return False
    return not abs(after - before) <= limit
