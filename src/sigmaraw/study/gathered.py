"""A study's predictions as they come in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sigmaraw.study.objects import ObjectBlock
from sigmaraw.study.plan import double_bootstrap_replicas
from sigmaraw.study.work import BlockResult


@dataclass
class GatheredPredictions:
    """Predictions as they come in, float64 (group or codec, replica, image, measurement), NaN until then, and each codec's blocks.

    Parameters
    ----------
    double_bootstrap : ndarray of float
        Predictions of the groups that draw around a replica of group 0.
    """

    raw: NDArray[np.float64]
    decoded: NDArray[np.float64]
    double_bootstrap: NDArray[np.float64]
    blocks: dict[tuple[int, int], list[BlockResult]]
    objects: dict[tuple[int, int], list[ObjectBlock]] = field(default_factory=dict)
    objects_decoded: dict[tuple[int, int], list[ObjectBlock]] = field(default_factory=dict)

    def complete(self, n: int, nested: int) -> bool:
        """Return whether each group has its n replicas, and each group of the double bootstrap those that belong to `nested`."""
        return self.raw.shape[1] == n and self.nested_complete(nested)

    def nested_complete(self, n: int) -> bool:
        """Return whether each group of the double bootstrap has those replicas that belong to n."""
        return len(self.double_bootstrap) == 0 or self.double_bootstrap.shape[1] == double_bootstrap_replicas(n)

    def extend(self, n: int, nested: int) -> None:
        """Make the arrays long enough for n replicas per group; where they are, lengthen those of the double bootstrap to `nested`."""
        if self.raw.shape[1] == n:
            self.double_bootstrap = _longer(self.double_bootstrap, double_bootstrap_replicas(nested))
        else:
            self.raw, self.decoded = _longer(self.raw, n), _longer(self.decoded, n)

    def take(self, result: BlockResult) -> None:
        """Put the predictions of one block in their place."""
        item = result.item
        rows = slice(item.start, item.start + item.count)
        groups = len(self.raw)
        target, group = (self.raw, item.group) if item.group < groups else (self.double_bootstrap, item.group - groups)
        target[group, rows, item.image] = result.raw.T
        for held, block in ((self.objects, result.objects), (self.objects_decoded, result.objects_decoded)):
            if block is not None:
                held.setdefault((item.image, item.group), []).append(block)
        if result.decoded is not None:
            self.decoded[item.group - 1, rows, item.image] = result.decoded.T
            self.blocks.setdefault((item.image, item.group - 1), []).append(result)


def _longer(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return values (group, n, …), NaN where there is no prediction yet."""
    return np.concatenate([values, np.full((values.shape[0], n - values.shape[1], *values.shape[2:]), np.nan)], axis=1)
