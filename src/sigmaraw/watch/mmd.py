"""Maximum mean discrepancy between two sets of images, tested by permutation of the images.

MMD² = mean k(x, x') + mean k(y, y') − 2 mean k(x, y) over different images, k the Gaussian kernel exp(−d²/2σ²) and σ the median
distance of the images' means. An image is the unit: several crops of one image share one vote, k of two images being the mean over
their crops, and a permutation moves whole images. So crops that are copies of each other change nothing.

Reference: A. Gretton et al., J. Mach. Learn. Res. 13, 723 (2012); formula 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sigmaraw.errors import UndefinedStatistic

Floats = NDArray[np.float64]
_FEWEST = 4


@dataclass(frozen=True)
class MmdTest:
    """The outcome of a permutation test.

    Parameters
    ----------
    statistic : float
        MMD², unbiased, so that it may be below 0, 1.
    p : float
        Share of permutations with at least this statistic, the observed one counted.
    images : tuple of int
        Images of the two sets.
    bandwidth : float
        σ of the kernel, in standard deviations of the features.
    """

    statistic: float
    p: float
    images: tuple[int, int]
    bandwidth: float


def squared_distances(a: Floats, b: Floats, norms: Floats | None = None) -> Floats:
    """Return squared Euclidean distances (row of a, row of b); `norms` are the squared norms of b's rows, where they are there already."""
    found = (a * a).sum(axis=1)[:, None] + ((b * b).sum(axis=1) if norms is None else norms) - 2.0 * a @ b.T
    return np.maximum(found, 0.0)


def kernel(a: Floats, b: Floats, bandwidth: float, norms: Floats | None = None) -> Floats:
    """Return exp(−d²/2σ²) of each row of a with each row of b; `norms` as in `squared_distances`."""
    return np.exp(-squared_distances(a, b, norms) / (2.0 * bandwidth**2))


def median_distance(points: Floats) -> float:
    """Return the median distance between different points; 1 where all are the same."""
    far = squared_distances(points, points)[np.triu_indices(len(points), 1)]
    found = float(np.sqrt(np.median(far))) if far.size else 0.0
    return found if found > 0 else 1.0


def standardised(features: Floats, ids: NDArray[np.intp]) -> Floats:
    """Return features in standard deviations of their spread, every image counted once; a feature that never varies is 0."""
    weight = 1.0 / np.bincount(ids)[ids]
    weight /= weight.sum()
    centred = features - weight @ features
    spread = np.sqrt(weight @ centred**2)
    return np.where(spread > 0, centred / np.where(spread > 0, spread, 1.0), 0.0)


def image_kernel(features: Floats, ids: NDArray[np.intp], bandwidth: float) -> Floats:
    """Return the kernel between images (image, image): the mean over their crops."""
    share = np.zeros((int(ids.max()) + 1, len(ids)))
    share[ids, np.arange(len(ids))] = 1.0 / np.bincount(ids)[ids]
    return np.asarray(share @ kernel(features, features, bandwidth) @ share.T)


def mmd_test(
    reference: Floats,
    new: Floats,
    reference_ids: Sequence[str] | None = None,
    new_ids: Sequence[str] | None = None,
    *,
    permutations: int = 999,
    seed: int = 0,
) -> MmdTest:
    """Return whether two sets of images differ.

    Parameters
    ----------
    reference, new : ndarray, float64
        (crop, feature).
    reference_ids, new_ids : sequence of str, optional
        The image of each crop; None takes each crop as one image.
    permutations : int, default 999
        Random divisions of the images.
    seed : int, default 0
        Of the permutations.

    Raises
    ------
    UndefinedStatistic
        Fewer than four images in a set, an image in both, or features that are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.random.default_rng(0).standard_normal((2, 30, 3))
    >>> mmd_test(a, b + 1.0).p
    0.001
    """
    first = list(reference_ids) if reference_ids is not None else [f"reference {k}" for k in range(len(reference))]
    second = list(new_ids) if new_ids is not None else [f"new {k}" for k in range(len(new))]
    both = set(first) & set(second)
    if both:
        raise UndefinedStatistic(f"image '{min(both)}' is in both sets", "different images", "leave it out of one")
    names = {name: number for number, name in enumerate(dict.fromkeys([*first, *second]))}
    n, total = len(set(first)), len(names)
    if min(n, total - n) < _FEWEST:
        raise UndefinedStatistic(f"{n} and {total - n} images", f"at least {_FEWEST} in each set", "take more images")
    features = np.concatenate([np.asarray(reference, np.float64), np.asarray(new, np.float64)])
    if not np.isfinite(features).all():
        raise UndefinedStatistic("features that are not finite", "finite features", "leave out images without an answer")
    ids = np.array([names[name] for name in [*first, *second]], dtype=np.intp)
    scaled = standardised(features, ids)
    means = np.stack([scaled[ids == k].mean(axis=0) for k in range(total)])
    bandwidth = median_distance(means)
    gram = image_kernel(scaled, ids, bandwidth)
    np.fill_diagonal(gram, 0.0)
    random = np.random.default_rng([seed, 0x33D])
    orders = np.stack([np.arange(total), *(random.permutation(total) for _ in range(permutations))])
    values = _statistics(gram, orders, n)
    p = float(np.mean(values >= values[0] - 1e-12))
    return MmdTest(float(values[0]), p, (n, total - n), bandwidth)


def _statistics(gram: Floats, orders: NDArray[np.intp], n: int) -> Floats:
    """Return MMD² of each order's first n images against the others; the diagonal of `gram` is 0."""
    total = gram.shape[0]
    m = total - n
    member = np.zeros(orders.shape)
    np.put_along_axis(member, orders[:, :n], 1.0, axis=1)
    within = np.einsum("pi,pi->p", member @ gram, member)
    rows = member @ gram.sum(axis=1)
    across = rows - within
    others = gram.sum() - 2.0 * rows + within
    return np.asarray(within / (n * (n - 1)) + others / (m * (m - 1)) - 2.0 * across / (n * m))
