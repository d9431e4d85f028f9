"""What a search claims: limits by closed form, error rates by counting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sigmaraw.errors import InvalidOption
from sigmaraw.study.sequence import ALPHA, exceedance_upper, fixed_sequence, require_images, tolerable


@pytest.mark.parametrize("images", [1, 5, 20, 59])
def test_the_limit_after_no_failure_is_in_closed_form(images: int) -> None:
    assert exceedance_upper(0, images) == pytest.approx(min(1.0, (1 - ALPHA ** (1 / images)) / (1 - ALPHA)))


@pytest.mark.parametrize(("failing", "images"), [(1, 20), (3, 40)])
def test_the_limit_is_where_so_few_failures_have_a_chance_of_alpha(failing: int, images: int) -> None:
    share = exceedance_upper(failing, images) * (1 - ALPHA)
    assert stats.binom.cdf(failing, images, share) == pytest.approx(ALPHA)


def test_the_limit_holds_when_tests_of_intolerable_images_err() -> None:
    # Of each image: intolerable with probability p, and then passed with probability α all the same. The limit may lie below p
    # in α of the runs at most; SE of a share of 4,000 is √(.05·.95/4000) = .0034.
    random, runs, images, p = np.random.default_rng(3), 4000, 30, 0.2
    intolerable = random.random((runs, images)) < p
    failing = (intolerable & (random.random((runs, images)) >= ALPHA)).sum(axis=1)
    short = np.mean([exceedance_upper(int(count), images) < p for count in failing])
    assert short <= ALPHA + 4 * math.sqrt(ALPHA * (1 - ALPHA) / runs)


def test_every_image_must_pass_unless_a_share_is_stated() -> None:
    assert tolerable("PASS", 1, 3, None) and not tolerable("INCONCLUSIVE", 0, 1000, None)  # the verdict over images, not the worst row
    assert tolerable("PASS", 0, 60, 0.06) and not tolerable("PASS", 1, 60, 0.06) and tolerable("INCONCLUSIVE", 1, 100, 0.06)
    assert exceedance_upper(5, 5) == 1.0


def test_too_few_images_for_a_share_are_refused_with_the_number_needed() -> None:
    require_images(1, None)
    require_images(31, 0.1)
    with pytest.raises(InvalidOption, match="at least 31 held-out images"):
        require_images(30, 0.1)
    for share in (0.0, 1.0, -0.1):
        with pytest.raises(InvalidOption, match="between 0 and 1"):
            require_images(100, share)


def test_the_sequence_ends_at_the_first_that_does_not_pass() -> None:
    assert [fixed_sequence(row) for row in ([], [False, True], [True, False, True], [True, True])] == [0, 0, 1, 2]


@pytest.mark.parametrize("intolerable", [1, 3, 6])
def test_the_sequence_accepts_something_intolerable_in_five_percent_at_most(intolerable: int) -> None:
    # Two tolerable settings, then some exactly at the limit, each passing with probability α, independently: the hardest case.
    # SE √(.05·.95/20000) = .0015. From strong to weak the same tests would err in 1 − .95^k of the runs.
    random, runs = np.random.default_rng(5), 20_000
    passed = np.hstack([np.ones((runs, 2), bool), random.random((runs, intolerable)) < ALPHA])
    wrong = np.mean([fixed_sequence(row) > 2 for row in passed.tolist()])
    assert abs(wrong - ALPHA) < 4 * math.sqrt(ALPHA * (1 - ALPHA) / runs)
    downwards = np.mean(passed[:, 2:].any(axis=1))
    assert abs(downwards - (1 - (1 - ALPHA) ** intolerable)) < 4 * math.sqrt(0.25 / runs)
