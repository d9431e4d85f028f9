"""The study of weak and corrected labels: scores by their definitions, and the study with two images and six steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sigmaraw.contracts import Found
from sigmaraw.reproduce import arms, class_scores, vesicle_labels
from sigmaraw.virtual.vesicles import vesicle_image

TRUTH = np.array([[0, 0, 0, 0], [1, 1, 0, 2], [1, 1, 0, 2]])
FOUND = np.array([[0, 0, 0, 0], [1, 0, 0, 2], [1, 0, 1, 2]])


def test_scores_by_hand() -> None:
    """Background: 6 pixels, of which 5 are right, with 2 false ones; class 1: 4, of which 2, 1 false; class 2: all."""
    found = class_scores.scores(TRUTH, FOUND, 3)
    assert found.by_class["accuracy"] == pytest.approx((5 / 6, 2 / 4, 1))
    assert found.by_class["IoU"] == pytest.approx((5 / 8, 2 / 5, 1))
    together = {
        "global accuracy": 9 / 12,
        "mean accuracy": (5 / 6 + 2 / 4 + 1) / 3,
        "mean IoU": (5 / 8 + 2 / 5 + 1) / 3,
        "weighted IoU": (6 * 5 / 8 + 4 * 2 / 5 + 2) / 12,
    }
    assert {name: found.together[name] for name in together} == pytest.approx(together)


def test_a_class_that_neither_shows_is_left_out() -> None:
    found = class_scores.scores(np.minimum(TRUTH, 1), np.minimum(FOUND, 1), 3)
    assert np.isnan(found.by_class["IoU"][2]) and np.isnan(found.by_class["boundary F1"][2])
    assert found.together["mean IoU"] == pytest.approx(np.mean(found.by_class["IoU"][:2]))


def test_rows_of_the_confusion_matrix_are_shares_of_the_true_class() -> None:
    table = class_scores.confusion([(TRUTH, FOUND)], 3)
    assert table == pytest.approx(np.array([[5 / 6, 1 / 6, 0], [1 / 2, 1 / 2, 0], [0, 0, 1]]))
    both = class_scores.confusion([(TRUTH, FOUND), (TRUTH, TRUTH)], 3)
    assert both[1] == pytest.approx([2 / 8, 6 / 8, 0])
    assert np.isnan(class_scores.confusion([(TRUTH * 0, FOUND)], 3)[1:]).all()


def test_boxes_are_counted_by_their_overlap() -> None:
    """Three boxes of 4 px: one found whole, one moved by one column of four (IoU 3/5), one by three (IoU 1/7)."""
    truth, found = np.zeros((2, 30, 20), int)
    for k, shift in enumerate((0, 1, 3)):
        truth[10 * k : 10 * k + 4, 4:8] = k + 1
        found[10 * k : 10 * k + 4, 4 + shift : 8 + shift] = 1
    assert class_scores.boxes([(truth, found)]) == pytest.approx((1 / 3, 2 / 3, 3))


def test_experts_draw_outlines_out_in_or_right() -> None:
    scene = vesicle_image((64, 64), 5)
    sizes = {}
    for expert, moved in enumerate(vesicle_labels.EXPERTS):
        drawn = vesicle_labels.corrected(scene, expert, np.random.default_rng(1))
        sizes[moved] = np.count_nonzero(drawn)
    assert sizes[-1] < sizes[0] < sizes[1]
    assert sizes[0] <= np.count_nonzero(scene.labels)


def test_the_classical_pipeline_tells_the_classes_apart() -> None:
    """Two discs on a flat ground, one in both channels, one in red alone."""
    y, x = np.mgrid[:48, :48]
    image = np.random.default_rng(0).normal(200, 3, (2, 48, 48))
    both, red = (np.hypot(y - 24, x - centre) < 4 for centre in (12, 36))
    image += 400 * np.stack([both | red, both])
    found = vesicle_labels.conventional(np.rint(image).astype(np.uint16))
    assert set(np.unique(found[both])) <= {0, 1} and set(np.unique(found[red])) <= {0, 2}
    assert np.mean(found[both] == 1) > 0.6 < np.mean(found[red] == 2)
    assert not found[(np.hypot(y - 24, x - 12) > 7) & (np.hypot(y - 24, x - 36) > 7)].any()


def _criteria(found: Found) -> dict[str, bool]:
    return {criterion.key: bool(criterion.test(found.values[criterion.key])) for criterion in arms.Arms.criteria}


def test_truth_and_background_as_answers() -> None:
    """The truth as CDL's answer scores 1 everywhere; a constant answer fails what a network must show."""
    test = [vesicle_image((64, 64), k) for k in range(3)]
    weak = [vesicle_labels.conventional(each.image) for each in test]
    truth = [each.labels for each in test]
    right = arms._judged(test, {"CIP": weak, "CDL": truth, "MDL": weak})
    assert set(right.values["scores"]["CDL"].values()) == {1.0}
    assert right.values["confusion"]["CDL"] == np.eye(3).tolist()
    assert all(_criteria(right)[key] for key in ("together", "classes", "confusion", "boxes"))
    blind = arms._judged(test, {"CIP": weak, "CDL": [labels * 0 for labels in truth], "MDL": weak})
    assert not any(_criteria(blind)[key] for key in ("cdl", "together", "classes", "boxes"))


def test_the_study_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = arms._images
    monkeypatch.setattr(arms, "EPOCHS", 1)
    monkeypatch.setattr(arms, "WIDTHS", (3, 4))
    monkeypatch.setattr(arms, "SIDE", 48)
    monkeypatch.setattr(arms, "_images", lambda count, side, key: made(min(count, 2), 48, key))
    steps: list[int] = []
    found = arms.Arms().run(tmp_path, 0, True, lambda done, total, what: steps.append(done))
    assert steps == list(range(len(steps))) and set(found.figures) == {"examples", "summary"}
    assert _criteria(found)["confusion"] and all(found.shown[criterion.key] for criterion in arms.Arms.criteria)
