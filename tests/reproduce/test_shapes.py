"""Shapes of curves: a step within the slack is allowed, a step beyond it is not."""

from __future__ import annotations

from sigmaraw.reproduce.shapes import falls, rises


def test_a_step_beyond_the_slack_is_seen_in_one_direction_alone() -> None:
    curve = [1.0, 0.5, 0.75, 0.0]
    assert falls(curve, 0.25) and not falls(curve, 0.125) and not falls(curve)
    assert rises([-value for value in curve], 0.25) and not rises([-value for value in curve], 0.125)
    assert not falls([0.0, 1.0], 0.5) and not rises([1.0, 0.0], 0.5) and falls([1.0, 0.0]) and rises([0.0, 1.0])
