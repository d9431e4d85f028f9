"""Adaptive number of replicas: more until σ_raw is certain enough, after JCGM 101 (2008) 7.9, or until every row is decided."""

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
from sigmaraw.statistics import Precision, Reason, StoppingRule, precision

NAME = "auto"
DEFAULT_MAXIMUM = 2000  # twenty times what a study takes that does not say n
_PARAMETERS = (
    Parameter("u", float, required=True, minimum=0.001, maximum=0.5, unit="1", help="relative standard uncertainty of σ_raw to reach"),
    Parameter("max", int, DEFAULT_MAXIMUM, minimum=2, unit="1", help="replicas per group at which to stop in any case"),
)

DECIDE = "decide"
FIRST_LOOK, DECIDE_MAXIMUM = 100, 300  # replicas per group at the first look, and three times as many as the budget
_DECIDE_PARAMETERS = (
    Parameter("until", str, required=True, help="decide"),
    Parameter("max", int, DECIDE_MAXIMUM, minimum=20, unit="1", help="replicas per group at which to stop in any case"),
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


@dataclass(frozen=True)
class Deciding:
    """Draw replicas until every row has a verdict, or `maximum` per group are reached.

    Parameters
    ----------
    maximum : int
        Replicas per group at which to stop in any case.

    References
    ----------
    `statistics.StoppingRule`: its levels keep the error rate of all looks together that of one.
    """

    maximum: int = DECIDE_MAXIMUM

    @classmethod
    def parse(cls, spec: str) -> Deciding:
        """Return what ``auto:decide`` or ``auto:decide,max=500`` says. Raises InvalidSpec."""
        settings = registry.typed(registry.parse_step(spec), _DECIDE_PARAMETERS)
        if settings["until"] != DECIDE:
            raise InvalidSpec(f"n = '{spec}'", f"{NAME}:{DECIDE},max={DECIDE_MAXIMUM}", "correct -n")
        return cls(settings["max"])

    @property
    def spec(self) -> str:
        """The specification with its default written out."""
        return f"{NAME}:{DECIDE},max={self.maximum}"

    def rule(self, block: int) -> StoppingRule:
        """Return the looks, at whole blocks but for the last."""
        looks = StoppingRule.until(min(FIRST_LOOK, self.maximum), self.maximum).looks
        rounded = sorted({min(math.ceil(look / block) * block, self.maximum) for look in looks})
        return StoppingRule(tuple(rounded))

    def first(self, groups: int, block: int) -> int:
        """Return the replicas per group at the first look. groups : not used, each look being that of every group."""
        return self.rule(block).looks[0]


def count_rule(text: str) -> Adaptive | Deciding:
    """Return the rule that a specification of n names. Raises InvalidSpec."""
    step = registry.parse_step(text)
    decides = step.name == NAME and (step.bare == DECIDE or step.keys.get("until") == DECIDE)
    return Deciding.parse(text) if decides else Adaptive.parse(text)
