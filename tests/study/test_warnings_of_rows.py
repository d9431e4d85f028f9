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
