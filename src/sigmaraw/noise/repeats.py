"""Mode `repeats`: real repeated acquisitions, the reference for the other modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Diagnostic, ReplicaBase, ReplicaMode
from sigmaraw.errors import InsufficientRepeats, ShapeMismatch
from sigmaraw.noise.keys import whole_number
from sigmaraw.noise.repeat_checks import repeat_checks

if TYPE_CHECKING:
    from sigmaraw.contracts import CameraNoise, Measurement, ReplicaRequest

MINIMUM_PER_GROUP = 20  # below this many frames a group, splitting costs more than independence gives


@dataclass(frozen=True)
class RepeatSplit:
    """Which real frames each group takes.

    Where `independent` is False all groups share them. Results are then paired only: KS and Tukey are not available, and `reason` says
    why.
    """

    groups: tuple[range, ...]
    independent: bool
    reason: str


def split_repeats(available: int, groups: int, n: int | None = None) -> RepeatSplit:
    """Return the frames of each group: disjoint when available ≥ 20·groups (that is n ≥ 20(G + 1)), else shared by all.

    Parameters
    ----------
    available : int
        Number of real frames.
    groups : int
        Number of groups G + 1, raw and the codecs.
    n : int, optional
        Frames per group; None takes as many as the design gives. Where `n` fits only without splitting, groups share frames.

    Raises
    ------
    InsufficientRepeats
        There are less than two frames, or less than `n`.
    InvalidOption
        Groups or n below 1.

    References
    ----------
    formula 1, replica modes, `repeats`.
    """
    groups = whole_number(groups, "groups", 1, 1 << 31)
    wanted = None if n is None else whole_number(n, "n", 1, 1 << 31)
    require_repeats(available, max(2, wanted or 0))
    each = available // groups
    if each >= MINIMUM_PER_GROUP and (wanted is None or wanted <= each):
        size = each if wanted is None else wanted
        return RepeatSplit(tuple(range(g * size, (g + 1) * size) for g in range(groups)), True, "")
    share = range(available if wanted is None else wanted)
    need = groups * max(MINIMUM_PER_GROUP, wanted or 0)
    reason = f"{available} repeats for {groups} groups, {need} needed to split them: paired results only, KS and Tukey not available"
    return RepeatSplit((share,) * groups, groups == 1, "" if groups == 1 else reason)


def require_repeats(available: int, needed: int) -> None:
    """Refuse less repeated frames than `needed`. Raises InsufficientRepeats."""
    if available < needed:
        raise InsufficientRepeats(
            f"{available} repeated frame{'' if available == 1 else 's'}",
            f"at least {needed}",
            "take more repeats, ask for fewer with -n, or use --mode around-raw",
        )


def check_repeats(frames: NDArray[np.integer], needed: int) -> int:
    """Return the number of repeats, the first axis of `frames`. Raises ShapeMismatch without such an axis, InsufficientRepeats."""
    if frames.ndim < 3:
        raise ShapeMismatch(f"an array of shape {frames.shape}", "repeats (repeat, y, x)", "give all repeats as one stack")
    require_repeats(frames.shape[0], needed)
    return int(frames.shape[0])


class Repeats(ReplicaMode):
    """Replicas are the repeated frames themselves: exact for every pipeline and camera.

    References
    ----------
    formula 1, replica modes.
    """

    name = "repeats"
    needs_repeats = True
    minimum_repeats = 1
    draws_noise = False

    def base(self, frame: NDArray[np.integer], noise_model: CameraNoise, request: ReplicaRequest) -> ReplicaBase:
        """Return the mean of the repeats, about which they vary; nothing is drawn around it."""
        return ReplicaBase(frame.mean(axis=0, dtype=float))

    def diagnostics(self, frame: NDArray[np.integer], noise_model: CameraNoise) -> tuple[Diagnostic, ...]:
        """Return whether the repeats vary as the camera's noise does, and whether they drift."""
        return repeat_checks(frame, noise_model)

    def u_mode(self, measurement: Measurement) -> tuple[float, str]:
        """Return 0: real frames carry the camera's noise and nothing else."""
        return 0.0, f"{self.name}: real acquisitions (formula 1)"
