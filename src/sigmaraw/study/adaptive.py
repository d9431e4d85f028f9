"""Adaptive number of replicas: a study adds replicas until the uncertainty of σ_raw is small enough, after JCGM 101 (2008) 7.9."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.contracts import Measurement, Parameter
from sigmaraw.errors import InvalidSpec
from sigmaraw.record.design import AdaptiveRow, PrecisionRow
from sigmaraw.statistics import Precision, Reason, precision

NAME = "auto"
DEFAULT_MAXIMUM = 2000  # twenty times what a study takes that does not say n
_PARAMETERS = (
    Parameter("u", float, required=True, minimum=0.001, maximum=0.5, unit="1", help="relative standard uncertainty of σ_raw to reach"),
    Parameter("max", int, DEFAULT_MAXIMUM, minimum=2, unit="1", help="replicas per group at which to stop in any case"),
)


@dataclass(frozen=True)
class Adaptive:
    """Draw replicas until u(σ_raw)/σ_raw ≤ target for every image and measurement, or `maximum` per group are reached.

    It begins with as many replicas as a normal prediction needs, 1/√(2ν) ≤ target with ν = (G+1)(n−1), and goes on in blocks. It
    chooses n only: replica i has the same bytes as in a study that states n, and so has every number that is computed from n replicas.

    Parameters
    ----------
    target : float
        Relative standard uncertainty of σ_raw to reach, a bare number.
    maximum : int, default DEFAULT_MAXIMUM
        Replicas per group at which to stop in any case.

    References
    ----------
    JCGM 101 (2008) 7.9.4, with the standard uncertainty itself in place of twice it against a tolerance; formula 2.2.
    """

    target: float
    maximum: int = DEFAULT_MAXIMUM

    @classmethod
    def parse(cls, spec: str) -> Adaptive:
        """Return the rule that a text such as ``auto:0.05`` or ``auto:0.05,max=2000`` states. Raises InvalidSpec."""
        step = registry.parse_step(spec)
        if step.name != NAME:
            raise InvalidSpec(f"n = '{spec}'", f"a whole number, or {NAME}:0.05,max={DEFAULT_MAXIMUM}", "correct -n")
        settings = registry.typed(step, _PARAMETERS)
        return cls(settings["u"], settings["max"])

    @property
    def spec(self) -> str:
        """The specification with its default written out."""
        return f"{NAME}:{self.target:g},max={self.maximum}"

    def first(self, groups: int, block: int) -> int:
        """Return how many replicas per group to begin with, whole blocks and at least two of them, the maximum at most."""
        needed = 1 + 1 / (2 * self.target**2 * groups)
        return min(max(2, math.ceil(needed / block)) * block, self.maximum)

    def next(self, raw: NDArray[np.float64], measurements: Sequence[Measurement], block: int) -> tuple[int, int, str]:
        """Return the next number of replicas per group, an estimate of the last one, and a text of progress.

        The next number is that of `raw` where no more replicas are needed. The estimate uses that the relative uncertainty falls as
        1/√n; it serves displays only.

        Parameters
        ----------
        raw : ndarray of float
            Raw predictions so far, (group, replica, image, measurement).
        measurements : sequence of Measurement
            The measurements, in the order of the last axis.
        block : int
            Replicas by which n grows.
        """
        n, rows = raw.shape[1], self.precisions(raw, measurements)
        open_ = [row.relative_u for row in rows if not row.settled]
        worst = max((value for value in open_ if math.isfinite(value)), default=self.target)
        what = f"replicas, n = {n}, {len(rows) - len(open_)} of {len(rows)} σ_raw known"
        if not open_:
            return n, n, what
        further = min(n + block, self.maximum)
        return further, min(max(further, math.ceil(n * (worst / self.target) ** 2)), self.maximum), f"{what}, u = {worst:.1%}"

    def precisions(self, raw: NDArray[np.float64], measurements: Sequence[Measurement]) -> list[Precision]:
        """Return the precision of σ_raw per (image, measurement), images first.

        Parameters
        ----------
        raw : ndarray of float
            Raw predictions, (group, replica, image, measurement).
        measurements : sequence of Measurement
            The measurements, in the order of the last axis.
        """
        images, columns = raw.shape[2], len(measurements)
        return [precision(raw[:, :, image, column], self.target) for image in range(images) for column in range(columns)]

    def row(self, raw: NDArray[np.float64], measurements: Sequence[Measurement], block: int) -> AdaptiveRow:
        """Return the record's `adaptive`: target, maximum, n, whether the target is met, and the precision per image and measurement."""
        rows = self.precisions(raw, measurements)
        keys = [(image, measurement.name) for image in range(raw.shape[2]) for measurement in measurements]
        return AdaptiveRow(
            target=self.target,
            maximum=self.maximum,
            step=block,
            n=raw.shape[1],
            reached=all(row.reached or (row.settled and row.reason is Reason.NOTHING_VARIES) for row in rows),
            measurements=tuple(
                PrecisionRow(
                    image=image,
                    measurement=name,
                    relative_u=row.relative_u,
                    reached=row.reached,
                    reason=None if row.reason is None else str(row.reason),
                )
                for (image, name), row in zip(keys, rows, strict=True)
            ),
        )
