"""The claims of a search: the order in which settings are confirmed, and the share of other images for which they hold."""

from __future__ import annotations

from collections.abc import Sequence

from sigmaraw.errors import InvalidOption
from sigmaraw.record.words import Explained, Verdict

ALPHA = 0.05
"""Error rate of a verdict's guard band, one-sided, and of every claim made here."""


class SearchOutcome(Explained):
    """How the search of one curve ended."""

    CONFIRMED = "confirmed", "the strongest setting that passed on the tuning images passes on the held-out images too"
    STEPPED_BACK = "weaker setting confirmed", "on the held-out images a weaker setting passes than on the tuning images"
    NOT_CONFIRMED = "not confirmed", "what passed on the tuning images does not pass on the held-out images"
    NOTHING_PASSED = "nothing passed tuning", "no setting of the grid passes on the tuning images"


def exceedance_upper(failing: int, images: int) -> float:
    """Return the upper 95 % limit on the share of images, in the population sampled, for which a setting is not tolerable.

    p_U = q_U/(1 − α), at most 1, with q_U the Clopper–Pearson limit on the share that does not PASS, q_U = B⁻¹(1 − α; x + 1, M − x).
    A setting that is not tolerable on an image passes there with probability α at most, so q ≥ (1 − α)p.

    Parameters
    ----------
    failing : int
        Number x of held-out images that did not PASS.
    images : int
        Number M of held-out images, drawn at random from the population.

    References
    ----------
    formula 2.6; Clopper and Pearson, Biometrika 26, 404 (1934).
    """
    from scipy import stats  # half a second to import

    limit = 1.0 if failing >= images else float(stats.beta.ppf(1 - ALPHA, failing + 1, images - failing))
    return min(1.0, limit / (1 - ALPHA))


def tolerable(verdict: Verdict, failing: int, images: int, exceedance: float | None) -> bool:
    """Return whether a setting counts as tolerable: its verdict over images is PASS, or the stated share holds with 95 % confidence.

    Each is a test of level α, which is all that the sequence needs.
    """
    return verdict == "PASS" if exceedance is None else exceedance_upper(failing, images) <= exceedance


def require_images(images: int, exceedance: float | None) -> None:
    """Refuse a stated share that this number of held-out images cannot show even if all pass. Raises InvalidOption."""
    if exceedance is None:
        return
    if not 0 < exceedance < 1:
        raise InvalidOption(f"exceedance = {exceedance:g}", "a share of images between 0 and 1", "give for instance 0.1")
    needed = next(count for count in range(1, 10**7) if exceedance_upper(0, count) <= exceedance)
    if images < needed:
        raise InvalidOption(
            f"{images} held-out images and exceedance = {exceedance:g}",
            f"at least {needed} held-out images: fewer cannot demonstrate so small a fraction",
            "add images, or allow a larger fraction",
        )


def fixed_sequence(passed: Sequence[bool]) -> int:
    """Return how many settings are confirmed when they are tested from weak to strong up to the first that does not pass.

    The probability that an intolerable setting is confirmed is α at most, whatever the number of settings: the first intolerable
    setting must itself pass, with probability α at most.

    References
    ----------
    Maurer, Hothorn and Lehmacher, in Biometrie in der chemisch-pharmazeutischen Industrie 6, 3 (1995); docs/decisions/0012.
    """
    return next((index for index, good in enumerate(passed) if not good), len(passed))
