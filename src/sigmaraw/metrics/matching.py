"""Which object of one label image is which of another: one-to-one, so that the sum of their overlaps is largest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REACH = 0.1
"""Smallest intersection over union of two objects that can be the same."""
_PART = 0.5  # of its pixels that an object must have in common to count as a part of another


@dataclass(frozen=True)
class Matching:
    """Objects of a reference and of a test label image.

    Parameters
    ----------
    partner : ndarray of int
        (reference object,) the test object that it is, from 0; −1 where it was not found.
    count : int
        Test objects.
    split : int
        Reference objects of which two test objects or more are parts, each with at least half of its pixels.
    merged : int
        Test objects of which two reference objects or more are parts, in the same sense.
    """

    partner: NDArray[np.int64]
    count: int
    split: int
    merged: int

    @property
    def matched(self) -> int:
        """Pairs."""
        return int(np.count_nonzero(self.partner >= 0))

    @property
    def unmatched(self) -> int:
        """Test objects without a partner."""
        return self.count - self.matched

    @property
    def missed(self) -> int:
        """Reference objects without a partner."""
        return len(self.partner) - self.matched


def match(reference: NDArray[np.integer], references: int, test: NDArray[np.integer], tests: int, reach: float = REACH) -> Matching:
    """Match objects by the assignment with the largest sum of intersections over unions (Kuhn 1955, the Hungarian method).

    Only objects that overlap are compared, and each group of objects that overlap one another is assigned by itself: a thousand cells apart
    from each other are a thousand small problems.

    Parameters
    ----------
    reference : ndarray of int
        Label image: 0 is background, 1 to `references` are the objects.
    references : int
        Number of objects in it.
    test : ndarray of int
        Label image of the same shape.
    tests : int
        Number of objects in it.
    reach : float
        Smallest intersection over union of a pair.

    Returns
    -------
    Matching
        The pairs, and what was split and merged.

    Examples
    --------
    >>> one, other = np.array([[1, 1, 0, 2, 2, 2]]), np.array([[0, 1, 1, 0, 2, 2]])
    >>> match(one, 2, other, 2).partner
    array([0, 1])
    """
    both = (reference > 0) & (test > 0)
    first, second = reference[both].astype(np.int64) - 1, test[both].astype(np.int64) - 1
    pairs, common = np.unique(first * max(tests, 1) + second, return_counts=True)
    rows, columns = np.divmod(pairs, max(tests, 1))
    sizes = np.bincount(reference.ravel(), minlength=references + 1)[1:], np.bincount(test.ravel(), minlength=tests + 1)[1:]
    union = sizes[0][rows] + sizes[1][columns] - common
    of_test, of_reference = common >= _PART * sizes[1][columns], common >= _PART * sizes[0][rows]
    split = int(np.count_nonzero(np.bincount(rows[of_test], minlength=references) >= 2))
    merged = int(np.count_nonzero(np.bincount(columns[of_reference], minlength=tests) >= 2))
    overlap = common / union
    near = overlap >= reach
    return Matching(_assigned(rows[near], columns[near], overlap[near], references, tests), tests, split, merged)


def _assigned(
    rows: NDArray[np.int64], columns: NDArray[np.int64], overlap: NDArray[np.float64], references: int, tests: int
) -> NDArray[np.int64]:
    """Return the partner of each reference object, by connected groups of overlapping objects."""
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    partner = np.full(references, -1, np.int64)
    alone = (np.bincount(rows, minlength=references)[rows] == 1) & (np.bincount(columns, minlength=tests)[columns] == 1)
    partner[rows[alone]] = columns[alone]
    rows, columns, overlap = rows[~alone], columns[~alone], overlap[~alone]
    if not len(rows):
        return partner
    size = references + tests
    graph = coo_array((np.ones(len(rows)), (rows, references + columns)), shape=(size, size))
    group = connected_components(graph, directed=False)[1][rows]
    order = np.argsort(group, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        own_rows, at_row = np.unique(rows[places], return_inverse=True)
        own_columns, at_column = np.unique(columns[places], return_inverse=True)
        table = np.zeros((len(own_rows), len(own_columns)))
        table[at_row, at_column] = overlap[places]
        chosen_rows, chosen_columns = linear_sum_assignment(table, maximize=True)
        real = table[chosen_rows, chosen_columns] > 0
        partner[own_rows[chosen_rows[real]]] = own_columns[chosen_columns[real]]
    return partner
