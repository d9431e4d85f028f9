"""Which warnings bear on a verdict, and shifts in % of the prediction."""

from __future__ import annotations

import numpy as np
import pytest

from sigmaraw.contracts import Diagnostic, Measurement
from sigmaraw.noise import replica_mode
from sigmaraw.record.results import DeltaRow, ResultRow
from sigmaraw.study.evidence import AgainstCamera
from sigmaraw.study.plan import Plan
from sigmaraw.study.replica_checks import ReplicaDiagnostics
from sigmaraw.study.scoring import Predictions, Scoring

SIZE = Measurement("size", "px", "", "", kind="mean")


def row(
    *, n: int = 40, chi: float = -50.0, frame_shift: float = 0.0, apart: float = 0.0, check: str = "", same: bool = False, codecs: int = 1
) -> ResultRow:
    """Return the first row of a study of one image: shift .2, D of sd .1; `apart`: by how much the codec's raw group is off."""
    random = np.random.default_rng(3)
    raw = chi + random.normal(size=(codecs + 1, n, 1, 1))
    raw[1] += apart
    decoded = raw[1:] + (0.0 if same else 0.2 + 0.1 * random.normal(size=raw[1:].shape))
    shown = np.full((codecs, 1, 1), chi + (0.0 if same else 0.2 + frame_shift))
    predictions = Predictions(raw, decoded, np.full((1, 1), chi), shown, True, np.empty((0, 0, 1, 1)), np.full((codecs, 1), same))
    checks = (Diagnostic(check, 2.0, 0.0, 1.0, "made up", f"{check} fails"),) if check else ()
    against = AgainstCamera.of(checks, replica_mode("around-raw"))
    diagnostics = [ReplicaDiagnostics(0.0, 1.0, checks, against)]
    deltas = [{"size": DeltaRow(reason="")}]
    plan = Plan(tuple(f"c{number}" for number in range(codecs)), "otsu", mode="around-raw")
    scoring = Scoring(plan, predictions, [SIZE], replica_mode("around-raw"), diagnostics, deltas, np.zeros((1, 1)))
    return scoring.one(0, 0, 0)[0]


def bearing(found: ResultRow) -> dict[str, bool]:
    return {warning.code: warning.bears for warning in found.warnings}


def test_shifts_in_percent_are_of_the_size_of_the_prediction() -> None:
    found = row(chi=-50.0)
    assert found.shift is not None and found.u_shift is not None
    assert found.shift_percent == pytest.approx(100 * found.shift / 50.0) and found.shift_percent > 0  # type: ignore[operator]
    assert found.u_shift_percent == pytest.approx(100 * found.u_shift / 50.0)
    nothing = row(chi=0.0)
    assert nothing.shift_percent is None and nothing.u_shift_percent is None


@pytest.mark.requirement("R-EVIDENCE")
def test_a_frame_whose_own_shift_is_no_draw_bears_and_never_passes() -> None:
    assert bearing(row()) == {} and row().verdict == "PASS"
    far = row(frame_shift=0.7)  # 7 sd of D
    assert bearing(far) == {"frame-shift": True} and far.verdict == "INCONCLUSIVE"


def test_a_shift_that_is_no_draw_bears_where_that_is_rare_over_the_whole_run() -> None:
    """t_39 is beyond 4.2 with p = 1.5e-4 and beyond 5.9 with p = 7e-7: .01 is reached over one row by both, over 100 rows by the second."""
    faint, clear = (row(frame_shift=shift, codecs=100) for shift in (0.5, 0.7))
    assert bearing(faint)["frame-shift"] is False and faint.verdict == "INCONCLUSIVE"
    assert bearing(clear)["frame-shift"] is True
    assert bearing(row(frame_shift=0.5))["frame-shift"] is True


@pytest.mark.parametrize(("images", "shifted", "bears"), [(10, 1, False), (10, 2, True), (30, 3, False), (30, 4, True), (3, 1, True)])
def test_over_images_a_shift_bears_where_more_have_it_than_the_mean_may_leave_out(images: int, shifted: int, bears: bool) -> None:
    """The mean over 10 images may leave out one, over 30 three, over 3 none (`may_leave_out`): as many do not bear, one more does."""
    random = np.random.default_rng(4)
    raw = random.normal(size=(2, 40, images, 1))
    decoded = raw[1:] + 0.2 + 0.1 * random.normal(size=raw[1:].shape)
    own = np.full((1, images, 1), 0.2)
    own[:, :shifted] += 1.0  # 10 sd of D
    blank = ReplicaDiagnostics(0.0, 1.0, ())
    predictions = Predictions(raw, decoded, np.zeros((images, 1)), own, True, np.empty((0, 0, images, 1)), np.zeros((1, images), bool))
    plan = Plan(("c0",), "otsu", mode="around-raw")
    deltas = [{"size": DeltaRow(reason="")}] * images
    scoring = Scoring(plan, predictions, [SIZE], replica_mode("around-raw"), [blank] * images, deltas, np.zeros((images, 1)))
    rows = [bearing(scoring.one(image, 0, 0)[0]) for image in range(images)]
    assert [found.get("frame-shift") for found in rows] == [bears] * shifted + [None] * (images - shifted)


@pytest.mark.parametrize(("name", "bears"), [("frame_noise", True), ("residual_variance", False), ("hot_pixels", False)])
def test_checks_bear_where_they_speak_against_the_noise_model(name: str, bears: bool) -> None:
    assert bearing(row(check=name)) == {name: bears}


def test_groups_that_differ_bear_where_that_is_rare_over_the_whole_run() -> None:
    """KS of 40 v 40: .5 σ apart warns with p near .01 or not at all, 1.5 σ apart has p below 1e-6, less than .01 over the run's rows."""
    clear = row(apart=1.5)
    assert bearing(clear)["groups-differ"] is True and clear.ks_null is not None and clear.ks_null.p < 0.01 / 1
    faint = next(found for apart in np.arange(0.4, 1.2, 0.02) if 0.01 / 3 < (found := row(apart=float(apart), codecs=3)).ks_null.p < 0.01)  # type: ignore[union-attr]
    assert bearing(faint)["groups-differ"] is False  # .01 over three rows is not reached


def test_nothing_bears_on_answers_that_are_identical_for_certain() -> None:
    found = row(check="frame_noise", same=True)
    assert found.reason == "identical" and bearing(found) == {"frame_noise": False} and found.verdict == "PASS"
