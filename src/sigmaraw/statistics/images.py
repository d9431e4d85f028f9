"""What may be said of several images: of these, of the mean over images like them, of the share of images like them.

Images are the unit of inference, not replicas: replicas of one image tell of that image only. No statement's error rate depends on how many
images there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sigmaraw.errors import InvalidOption, UndefinedStatistic
from sigmaraw.record.words import Explained, Verdict
from sigmaraw.statistics.evidence import ALPHA, Evidence, RowLimits, p_fail, p_pass
from sigmaraw.statistics.image_means import mean_bounds
from sigmaraw.statistics.multiplicity import hochberg, holm
from sigmaraw.statistics.spread import Floats

StatementName = Literal["these-images", "mean-effect", "share-of-images"]
FEWEST_FOR_MEAN = 3  # units; one or two have no t worth the name
SHARE = 0.10
"""Default limit on the share of images that lie outside the limits."""


class Ground(Explained):
    """Why a statement over images got its verdict."""

    ALL_INSIDE = "all images within limits", "each of these images is shown to be within the limits, all at once"
    IMAGE_BEYOND = "an image beyond a limit", "at least one of these images is shown to be beyond a limit, whatever the number of images"
    NOT_ALL_SHOWN = "some images undecided", "not every one of these images is shown to be within the limits, and none to be beyond"
    MEAN_INSIDE = "mean effect within limits", "the mean over images of shift, spread ratio and RMS shift lies within the limits"
    MEAN_BEYOND = "mean effect beyond a limit", "the mean over images of the shift, the spread ratio or the RMS shift lies beyond its limit"
    MEAN_UNSURE = "mean effect too uncertain", "the interval of the mean over images crosses a limit: more images or replicas may decide"
    FEW_IMAGES = (
        "too few images for a mean",
        "one or two images (or specimens) give no interval of a mean: the statement is about these images only",
    )
    SHARE_SHOWN = "share within its limit", "the largest fraction of images that may be outside is, with 95 % confidence, below its limit"
    SHARE_UNSURE = "share not shown", "too few images to show that the fraction outside is below its limit"
    SHARE_BEYOND = "share beyond its limit", "more images are shown to be beyond a limit than the tolerated fraction explains"
    NOT_TRUSTED = (
        "images' noise is in doubt",
        "σ_raw is in doubt for more images than chance explains, so their mean is too",
    )
    UNDEFINED = "undefined rows", "at least one image has no finite numbers for this measurement"


@dataclass(frozen=True)
class Statement:
    """One statement over images on one measurement under one codec.

    Parameters
    ----------
    name : StatementName
        Which of the three.
    value, low, high : float
        Its estimate with limits of one-sided level α each: the number of images shown to be within the limits; the mean shift |ε̂| over
        images (σ_raw or the measurement's unit); the share of images not shown to be within, 1.
    units : int
        How many images or specimens it rests on.
    passed, failed : int, default 0
        Images shown within and beyond, simultaneously.
    left_out : int, default 0
        Images that the mean leaves out because their σ_raw is in doubt.
    """

    name: StatementName
    verdict: Verdict
    ground: Ground
    value: float
    low: float
    high: float
    units: int
    passed: int = 0
    failed: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class CodecStatements:
    """The three statements on one measurement under one codec, and the codec's verdict on it."""

    these: Statement
    mean: Statement
    share: Statement
    verdict: Verdict
    ground: Ground


def judge_images(
    evidence: Evidence,
    limits: RowLimits,
    *,
    specimens: Sequence[str] | None = None,
    share: float = SHARE,
    alpha: float = ALPHA,
    undefined: int = 0,
    verdicts: Sequence[Verdict] | None = None,
    doubted: Sequence[bool] | None = None,
) -> CodecStatements:
    """Return what J images say of one measurement under one codec.

    A codec passes when the mean effect passes and no image is shown to be beyond a limit (Holm over images); with one or two images, when
    these images pass.

    Parameters
    ----------
    evidence : Evidence, (image,)
        One row per image.
    limits : RowLimits
        In the evidence's unit.
    specimens : sequence of str, optional
        The specimen of each image; images of one specimen are averaged before any t.
    share : float
        Tolerated share of images outside the limits, 1.
    alpha : float
        One-sided level of every statement, 1.
    undefined : int
        Images without finite numbers; they are no evidence of a pass.
    verdicts : sequence of str, optional
        Each image's verdict, where something beside the numbers entered it: an image that did not PASS (FAIL) by itself is not counted as
        shown within (beyond), whatever its numbers are.
    doubted : sequence of bool, optional
        Whether each image's σ_raw is not believed. The mean leaves such images out where they are so few that chance explains them
        (`may_leave_out`); where they are more, it is not decided.

    Returns
    -------
    CodecStatements
        The statements on these images, on their mean and on images like them.

    Raises
    ------
    UndefinedStatistic
        No image, or not one specimen per image.

    References
    ----------
    formula 2.6.
    """
    if len(evidence) == 0 or (specimens is not None and len(specimens) != len(evidence)):
        raise UndefinedStatistic(
            f"{len(evidence)} images with {0 if specimens is None else len(specimens)} specimens",
            "one image or more, each with its specimen",
            "name the specimen of every image, or of none",
        )
    inside, beyond = p_pass(evidence, limits, at_most=alpha), p_fail(evidence, limits, at_most=alpha)
    if verdicts is not None:
        words = np.asarray(verdicts)
        inside = np.where(words == "PASS", np.minimum(inside, alpha), 1.0)
        beyond = np.where(words == "FAIL", np.minimum(beyond, alpha), 1.0)
    these = these_images(inside, beyond, alpha, undefined)
    mean = _mean_of_trusted(evidence, limits, specimens, alpha, undefined, doubted)
    outside = share_of_images(inside, beyond, specimens=specimens, share=share, alpha=alpha, undefined=undefined)
    if these.failed:
        return CodecStatements(these, mean, outside, "FAIL", Ground.IMAGE_BEYOND)
    if mean.ground is Ground.FEW_IMAGES:
        return CodecStatements(these, mean, outside, these.verdict, these.ground)
    return CodecStatements(these, mean, outside, mean.verdict, mean.ground)


def may_leave_out(images: int) -> int:
    """Return of how many images in doubt the mean over images may do without: one in ten, one at least, and three must remain.

    A right camera brings an image into doubt in about 1 % of cases, so more than that happens in under 2 % of studies; a wrong one, or
    frames that are not raw, bring nearly all images into doubt.

    Examples
    --------
    >>> [may_leave_out(images) for images in (3, 4, 10, 30)]
    [0, 1, 1, 3]
    """
    return min(max(1, images // 10), max(images - FEWEST_FOR_MEAN, 0))


def _mean_of_trusted(
    evidence: Evidence,
    limits: RowLimits,
    specimens: Sequence[str] | None,
    alpha: float,
    undefined: int,
    doubted: Sequence[bool] | None,
) -> Statement:
    """Return the statement on the mean over those images whose σ_raw is believed; not decided where too many are not."""
    doubt = np.zeros(len(evidence), dtype=np.bool_) if doubted is None else np.asarray(doubted, dtype=np.bool_)
    count = int(doubt.sum())
    whole = mean_effect(evidence, limits, specimens=specimens, alpha=alpha, undefined=undefined)
    if not count or whole.ground is Ground.FEW_IMAGES:
        return whole
    if count <= may_leave_out(len(evidence)):
        kept = np.flatnonzero(~doubt)
        named = None if specimens is None else [name for name, left in zip(specimens, doubt, strict=True) if not left]
        rest = mean_effect(evidence.take(kept), _of_images(limits, kept), specimens=named, alpha=alpha, undefined=undefined)
        if rest.ground is not Ground.FEW_IMAGES:
            return replace(rest, left_out=count)
    return replace(whole, verdict="INCONCLUSIVE", ground=Ground.NOT_TRUSTED)


def _of_images(limits: RowLimits, kept: NDArray[np.intp]) -> RowLimits:
    return RowLimits(*(part if np.ndim(part) == 0 else np.asarray(part)[kept] for part in (limits.k, limits.spread, limits.rms)))


def these_images(inside: Floats, beyond: Floats, alpha: float = ALPHA, undefined: int = 0) -> Statement:
    """Return the statement on these images, each with a verdict that holds for all of them at once.

    "Beyond" by Holm over images. "Within" by Hochberg, the step-up form of Holm for independent tests: it passes all images exactly when
    each passes by itself, which is a test of level α that not all are within (intersection–union).

    Parameters
    ----------
    inside, beyond : ndarray, float64, (image,)
        p-values of "within all limits" and "beyond a limit".
    alpha : float
        Probability of any wrong claim, for each of the two kinds, 1.
    undefined : int
        Images without finite numbers.

    Returns
    -------
    Statement
        The statement, with the verdict of each image.
    """
    failed = int((holm(beyond) <= alpha).sum())
    passed = int((hochberg(inside) <= alpha).sum())
    verdict: Verdict = "FAIL" if failed else "PASS" if passed == inside.size and not undefined else "INCONCLUSIVE"
    ground = Ground.IMAGE_BEYOND if failed else Ground.ALL_INSIDE if verdict == "PASS" else Ground.NOT_ALL_SHOWN
    ground = Ground.UNDEFINED if undefined and not failed else ground
    units = inside.size + undefined
    return Statement("these-images", verdict, ground, float(passed), float(passed), float(units - failed), units, passed, failed)


def mean_effect(
    evidence: Evidence,
    limits: RowLimits,
    *,
    specimens: Sequence[str] | None = None,
    alpha: float = ALPHA,
    undefined: int = 0,
) -> Statement:
    """Return the statement on the mean over images like these of ε̂, ln ρ and RMS².

    Student's t over units (images, or means of specimens), widened for skewed units. The part of the uncertainty of σ_raw that the
    images share multiplies, as in a row's verdict: it does not average out.

    Parameters
    ----------
    evidence : Evidence
        Evidence of each image, (image,).
    limits : RowLimits
        Limits of each image.
    specimens : sequence of str, optional
        The specimen of each image; None makes each image a unit.
    alpha : float
        One-sided level of each part, 1.
    undefined : int
        Images without finite numbers.

    Returns
    -------
    Statement
        Its value and limits are those of the mean shift; the verdict rests on all three parts.
    """
    groups = None if specimens is None else np.unique(np.asarray(specimens), return_inverse=True)[1]
    units = len(evidence) if groups is None else int(groups.max()) + 1
    bounds = mean_bounds(evidence, alpha, groups=groups)
    size = float(abs(bounds.shift))
    if units < FEWEST_FOR_MEAN:
        return Statement("mean-effect", "INCONCLUSIVE", Ground.FEW_IMAGES, size, 0.0, math.inf, units)
    inside, beyond = bool(bounds.inside(limits)) and not undefined, bool(bounds.beyond(limits))
    verdict: Verdict = "PASS" if inside else "FAIL" if beyond else "INCONCLUSIVE"
    ground = Ground.MEAN_INSIDE if inside else Ground.MEAN_BEYOND if beyond else Ground.UNDEFINED if undefined else Ground.MEAN_UNSURE
    return Statement("mean-effect", verdict, ground, size, float(bounds.shift_low), float(bounds.shift_high), units)


def share_of_images(
    inside: Floats,
    beyond: Floats,
    *,
    specimens: Sequence[str] | None = None,
    share: float = SHARE,
    alpha: float = ALPHA,
    undefined: int = 0,
) -> Statement:
    """Return the statement on the share of images like these that lie outside the limits.

    x of J images are not shown to be within. An image outside is one of them with probability 1 − α at least, so the share outside is at
    most B⁻¹(1 − α; x + 1, J − x)/(1 − α) (Clopper–Pearson). With no such image it is below 10 % from J = 31 on.

    Parameters
    ----------
    inside, beyond : ndarray, float64, (image,)
        p-values of "within all limits" and "beyond a limit", each image by itself.
    specimens : sequence of str, optional
        A specimen counts as outside when any of its images does.
    share : float
        Tolerated share, 1.
    alpha : float
        One-sided level, 1.
    undefined : int
        Images without finite numbers; they count as not shown.

    Returns
    -------
    Statement
        The statement, with the upper limit on the share.

    Raises
    ------
    InvalidOption
        A share outside (0, 1).

    References
    ----------
    formula 2.6; C. J. Clopper, E. S. Pearson, Biometrika 26, 404 (1934); docs/decisions/0012.
    """
    if not 0.0 < share < 1.0:
        raise InvalidOption(f"share = {share:g}", "a number between 0 and 1", "give the tolerated share of images, e.g. 0.1")
    not_shown, shown_beyond = (inside > alpha).astype(np.float64), (beyond <= alpha).astype(np.float64)
    if specimens is not None:
        groups = np.unique(np.asarray(specimens), return_inverse=True)[1]
        not_shown, shown_beyond = (
            np.array([part[groups == g].max() for g in range(groups.max() + 1)]) for part in (not_shown, shown_beyond)
        )
    n, x, worst = not_shown.size + undefined, float(not_shown.sum()) + undefined, float(shown_beyond.sum())
    high = 1.0 if x >= n else min(float(special.betaincinv(x + 1.0, n - x, 1.0 - alpha)) / (1.0 - alpha), 1.0)
    # Of images within the limits at most α are shown beyond by chance.
    low = 0.0 if worst == 0 else max((float(special.betaincinv(worst, n - worst + 1.0, alpha)) - alpha) / (1.0 - alpha), 0.0)
    verdict: Verdict = "PASS" if high <= share else "FAIL" if low > share else "INCONCLUSIVE"
    ground = {"PASS": Ground.SHARE_SHOWN, "FAIL": Ground.SHARE_BEYOND}.get(verdict, Ground.SHARE_UNSURE)
    return Statement("share-of-images", verdict, ground, x / n, low, high, n, n - int(x), int(worst))
