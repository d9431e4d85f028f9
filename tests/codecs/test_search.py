"""The target search on curves of known shape: smooth, stepped, reversed, out of reach."""

from __future__ import annotations

import math

import pytest

from sigmaraw.codecs.search import Knob, Warm, centred, learning, search

LEVEL = Knob("level", 20, 140, scale="linear", integer=False, direction=1, step=3, resolution=0.02)
DISTANCE = Knob("distance", 0.01, 25, scale="log", integer=False, direction=-1, step=0.7, resolution=1e-4)
NEAR = Knob("near", 0, 255, scale="log", integer=True, direction=-1, step=0.7, resolution=1e-6)
QUALITY = Knob("quality", 1, 100, scale="linear", integer=True, direction=1, step=10, resolution=0.5)


@pytest.mark.parametrize("hint", [None, 20, 71.3, 140])
@pytest.mark.parametrize("goal", [21.7, 73.1, 139.2])
def test_a_smooth_curve_is_met(goal, hint):
    found = search(lambda level: 0.9 * (level - goal) + 0.001 * (level - goal) ** 2, LEVEL, tolerance=0.01, hint=hint)
    assert abs(found.excess) <= 0.01
    assert found.value == pytest.approx(goal, abs=0.02)
    assert found.evaluations <= 16


@pytest.mark.parametrize("goal", [0.011, 0.3, 24.0])
def test_a_logarithmic_knob_that_lowers_quality(goal):
    found = search(lambda distance: math.log(goal / distance), DISTANCE, tolerance=1e-3)
    assert found.value == pytest.approx(goal, rel=1.1e-3)


@pytest.mark.parametrize(("knob", "values"), [(NEAR, range(0, 256, 5)), (QUALITY, range(1, 101, 3))])
def test_whole_numbers_find_the_nearest(knob, values):
    for goal in values:
        found = search(lambda value, goal=goal: knob.direction * (value - goal - 0.3), knob, tolerance=0)
        assert found.value == goal


def test_a_staircase_gives_its_nearest_step():
    def stairs(level):
        return 2.0 * math.floor(level / 1.7) - 81.3

    nearest = min(abs(stairs(20 + 0.01 * i)) for i in range(12001))
    assert abs(search(stairs, LEVEL, tolerance=0.01).excess) == pytest.approx(nearest)


def test_reversals_do_not_lose_the_best_seen():
    seen = []

    def wavy(level):
        seen.append(level - 80 + 1.5 * math.sin(3 * level))
        return seen[-1]

    found = search(wavy, LEVEL, tolerance=0.01, hint=70)
    assert abs(found.excess) == min(map(abs, seen))
    assert abs(found.excess) <= 0.01


@pytest.mark.parametrize(("goal", "end"), [(500, 140), (-500, 20)])
def test_out_of_reach_gives_the_end_of_the_range(goal, end):
    found = search(lambda level: level - goal, LEVEL, tolerance=0.01)
    assert found.value == end
    assert found.excess == end - goal


@pytest.mark.parametrize(("low", "high"), [(0.01, 25), (0.1, 0.3), (0.07, 7.3), (1e-3, 49.0)])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_search_ends_where_rounding_misses_the_end_of_the_range(low, high, sign):
    # exp(log(high)) may fall an ulp short of high: the stride must not go on for ever.
    knob = Knob("distance", low, high, scale="log", integer=False, direction=-1, step=0.7, resolution=1e-4)
    found = search(lambda distance: sign * 100.0, knob, tolerance=0.01)
    assert found.value == pytest.approx(high if sign > 0 else low, rel=1e-12) or found.evaluations > 1
    assert found.excess == sign * 100.0


def test_infinite_quality_is_bracketed_too():
    found = search(lambda level: math.inf if level > 90 else level - 85, LEVEL, tolerance=0.05)
    assert found.value == pytest.approx(85, abs=0.05)


def test_each_value_is_tried_once_and_a_good_hint_saves_trials():
    def count(hint):
        tried = []

        def excess(level):
            tried.append(level)
            return level - 77.7

        search(excess, LEVEL, tolerance=0.01, hint=hint)
        assert len(set(tried)) == len(tried)
        return len(tried)

    assert count(77.705) == 1
    assert count(None) > 1


def test_a_bound_is_kept_where_the_nearest_would_break_it():
    def stairs(value):  # 2.3 above the bound, or 0.1 below it
        return 2.3 if value < 40 else -0.1

    assert search(stairs, NEAR, tolerance=0).excess == -0.1
    kept = search(stairs, NEAR, tolerance=0, bound=True)
    assert (kept.excess, kept.value) == (2.3, 39)


def test_neighbours_are_tried_where_a_reversal_hides_the_nearest():
    odd = {value: value - 50.2 for value in range(1, 101)}
    odd[49], odd[50], odd[51], odd[53] = -6.0, -5.0, 6.0, 0.01  # the bracket closes between 50 and 51
    assert abs(search(odd.__getitem__, QUALITY, tolerance=0.001, hint=50).excess) > 1
    assert search(odd.__getitem__, QUALITY, tolerance=0.001, hint=50, good=0.5).value == 53
    assert search(odd.__getitem__, QUALITY, tolerance=0.001, hint=50, good=9).value != 53


@pytest.mark.parametrize("offset", [-0.3, 0.004, 0.2])
def test_a_known_curve_takes_two_trials(offset):
    """A line with the slope of the curve that was seen: the secant meets it at once, and does not stay where it began."""
    first = search(lambda level: 0.1 * (level - 70), LEVEL, tolerance=0.002, good=0.015)
    assert first.slope == pytest.approx(0.1)
    warm = Warm(first.value, first.slope)
    found = search(lambda level: 0.1 * (level - 70) + offset, LEVEL, tolerance=0.002, hint=warm, good=0.015, enough=0.019)
    assert found.evaluations == 2
    assert found.value == pytest.approx(70 - 10 * offset, abs=1e-6)


def test_a_known_curve_that_is_wrong_is_left_and_a_target_that_was_missed_is_not_sought_long():
    def steep(level):
        return 0.4 * (level - 74) ** 3

    found = search(steep, LEVEL, tolerance=0.002, hint=Warm(70.0, 3.0), good=0.015, enough=0.019)
    assert abs(found.excess) <= 0.019 and 2 < found.evaluations <= 24
    missed = search(steep, LEVEL, tolerance=0.002, hint=Warm(70.0, 3.0, met=False), good=0.015, enough=0.019)
    assert missed.evaluations == 2


def test_a_first_trial_that_is_near_enough_is_the_only_one():
    def line(level):
        return 0.1 * (level - 70) + 0.008

    warm = Warm(70.0, 0.1)
    assert search(line, LEVEL, tolerance=0.002, hint=warm, near=0.007, enough=0.019).evaluations == 2
    found = search(line, LEVEL, tolerance=0.002, hint=warm, near=0.01, enough=0.019)
    assert (found.value, found.evaluations) == (70, 1)
    cold = search(line, LEVEL, tolerance=0.002, hint=70, near=0.01)
    assert abs(cold.excess) <= 0.002, "of an image itself, more is asked"


@pytest.mark.parametrize("knob", [LEVEL, DISTANCE])
def test_where_others_will_start_one_trial_more_finds_the_curve(knob):
    """excess = slope·(position − that of 5), on the knob's axis; what is known of the slope is wrong by half."""
    target = 70.0 if knob is LEVEL else 5.0

    def line(value):
        return 0.1 * (knob.position(value) - knob.position(target))

    start = knob.value(knob.position(target) + 0.05)
    found = search(line, knob, tolerance=0.002, hint=Warm(start, 0.15, learns=True), near=0.01, enough=0.019)
    assert (found.evaluations, found.slope) == (2, pytest.approx(0.1))
    assert found.meets == pytest.approx(target)
    plain = search(line, knob, tolerance=0.002, hint=Warm(start, 0.15), near=0.01, enough=0.019)
    assert (plain.value, plain.evaluations) == (start, 1)


def test_two_trials_of_one_step_do_not_tell_the_curve():
    steps = search(
        lambda level: 0.005 + 1e-5 * (level - 70), LEVEL, tolerance=0.002, hint=Warm(70.0, 0.1, learns=True), near=0.01, enough=1
    )
    assert (steps.evaluations, steps.slope) == (2, 0.1)


def test_a_chain_s_starts_are_moved_to_where_their_curves_meet_the_target():
    hint = (None, Warm(70.0, 0.1, True, 1, 69.5), 3.0)
    assert [getattr(start, "learns", None) for start in learning(hint)] == [None, True, None]
    moved = centred(learning(hint))
    assert moved == (None, 69.5, 3.0) and (moved[1].slope, moved[1].finer, moved[1].learns) == (0.1, 1, False)
    assert learning(None) is centred(None) is None


@pytest.mark.parametrize("direction", [1, -1])
def test_places_far_beyond_a_scale_are_its_ends(direction):
    """A flat stretch of a curve meets its target nowhere near: e^1355 is no number."""
    step = Knob("step", 0.5, 32768.0, scale="log", integer=False, direction=direction, step=0.7, resolution=0.002)
    assert [step.value(place) for place in (-1355.0, 1355.0)] == [0.5, 32768.0][::direction]
    flat = search(lambda value: 2.0 + 1e-4 * step.position(value), step, tolerance=0.002)
    assert 0.5 <= flat.meets <= 32768.0


def test_whole_numbers_are_not_moved():
    excess = {value: 0.08 * (value - 50) - 0.01 for value in range(1, 101)}
    found = search(excess.__getitem__, QUALITY, tolerance=0.001, hint=Warm(50.0, 0.08, learns=True), near=0.01, enough=0.019)
    assert (found.value, found.meets, found.evaluations) == (50, 50, 1)


def test_whole_values_beside_a_known_one_are_tried_on_the_side_of_the_target():
    excess = {value: 0.08 * (value - 50) - 0.03 for value in range(1, 101)}
    found = search(excess.__getitem__, QUALITY, tolerance=0.001, hint=Warm(50.0, 0.08), good=0.015, enough=0.019)
    assert (found.value, found.evaluations) == (50, 2), "50 is nearer than 51, the only other one that was tried"


def test_jumps_of_the_scale_are_seen():
    """A staircase with steps of 0.06 is met within 0.015 by chance alone; a fine one is met."""

    def coarse(step):
        return search(lambda level: step * math.floor(0.1 * (level - 70.03) / step) + 0.01, LEVEL, tolerance=1e-9, good=0.015).coarse

    assert coarse(0.06) and not coarse(0.002)
