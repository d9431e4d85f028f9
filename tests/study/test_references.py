"""References by observers as part of the measurement, from files to verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import sigmaraw as sr
from sigmaraw import registry
from sigmaraw.errors import InputNotFound, InvalidPlan, NotIntegerData, ShapeMismatch
from sigmaraw.metrics import AverageHausdorff, BoxesTouched, Dice, Hausdorff95, Jaccard
from sigmaraw.pipelines import pipeline
from sigmaraw.pipelines.agreement import AgreementPipeline, agreement_metrics
from sigmaraw.reports.front import how_sure
from sigmaraw.reports.results_sections import forest_section
from sigmaraw.reports.selection import by_codec, without_error
from sigmaraw.reports.statements import rule_line, said_of, undefined_line
from sigmaraw.statistics.rules import NonInferiority, RuleInput
from sigmaraw.study.plan import Plan
from sigmaraw.study.reference_rules import between
from sigmaraw.study.references import read_mask, stem_of

SIDE = 40


def disc(y: float, x: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    return np.hypot(rows - y, columns - x) < radius


def image(mask: np.ndarray, seed: int) -> np.ndarray:
    return (200 + 600 * mask + np.random.default_rng(seed).normal(0, 25, mask.shape)).clip(0).astype(np.uint16)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """raw/ with five discs, one/ with their masks, observers/A/1, A/2 and B/1 with three readings."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "one").mkdir()
    for index in range(5):
        truth = disc(16 + index, 20, 9)
        tifffile.imwrite(tmp_path / "raw" / f"c{index}.tif", image(truth, index))
        tifffile.imwrite(tmp_path / "one" / f"c{index}_mask.tif", truth.astype(np.uint8))
        for place, moved, radius in (("A/1", 0.0, 9.0), ("A/2", 0.0, 9.3), ("B/1", 2.0, 9.0)):
            folder = tmp_path / "observers" / place
            folder.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / f"c{index}.tif", 255 * disc(16 + index, 20 + moved, radius + 0.1 * (index % 3)).astype(np.uint8))
    return tmp_path


def raws(folder: Path) -> list[str]:
    return sorted(map(str, (folder / "raw").iterdir()))


def test_each_measurement_is_the_metric_of_the_pipelines_objects(study: Path) -> None:
    codecs = ["lossless", "gaussian:sigma=3"]
    record = sr.validate(raws(study)[2:3], None, codecs=codecs, pipeline="otsu", reference=study / "one")
    otsu = pipeline("otsu")
    frame = tifffile.imread(raws(study)[2])
    truth = tifffile.imread(study / "one" / "c2_mask.tif")
    after = sr.codec("gaussian:sigma=3").roundtrip(frame)[0]
    rows = {(row.codec, row.measurement): row for row in record.content.results}
    for name, metric in (("dice", Dice()), ("jaccard", Jaccard()), ("hd95", Hausdorff95()), ("boxes-touched", BoxesTouched())):
        assert rows["lossless", name].chi_raw == metric(truth, otsu.mask(frame))  # type: ignore[attr-defined]
        assert rows["gaussian:sigma=3", name].chi_codec == metric(truth, otsu.mask(after))  # type: ignore[attr-defined]
    registered = {
        entry.name for entry in registry.installed(registry.METRICS) if entry.found is not None and entry.found.compares == "masks"
    }
    assert registered <= {row.name for row in record.content.measurements}
    assert {row.role for row in record.content.inputs} >= {"raw", "reference"}
    assert sum(row.role == "reference" for row in record.content.inputs) == 1


def test_a_folder_is_one_input_of_many_named_images(study: Path) -> None:
    """Frames of a folder have the names of their files; files given one by one lead to the same numbers."""
    options = {"codecs": "jpegls:near=8", "pipeline": "otsu", "reference": study / "one", "agreement": ["dice"]}
    together, apart = sr.validate(study / "raw", None, **options), sr.validate(raws(study), None, **options)
    assert [row.chi_codec for row in together.content.results] == [row.chi_codec for row in apart.content.results]
    stack = study / "stack.npy"
    np.save(stack, np.stack([tifffile.imread(path) for path in raws(study)]))
    masks = study / "stack_mask.npy"
    np.save(masks, np.stack([tifffile.imread(study / "one" / f"c{index}_mask.tif") for index in range(5)]))
    frames = sr.validate(stack, None, **{**options, "reference": masks})
    assert [row.chi_codec for row in frames.content.results] == [row.chi_codec for row in apart.content.results]


@pytest.mark.requirement("R-RULES")
def test_noninferiority_by_hand(study: Path) -> None:
    """The ruling is that of the rule on Dice after minus before, image by image."""
    record = sr.validate(
        raws(study), None, codecs=["lossless", "gaussian:sigma=6"], pipeline="otsu", reference=study / "one", rule="noninferiority"
    )
    decision = record.content.decision
    assert decision is not None
    assert (decision.rule, decision.basis) == ("noninferiority", "references")
    for ruling in decision.rulings:
        rows = [row for row in record.content.results if (row.codec, row.measurement) == (ruling.codec, "dice")]
        changes = np.array([(row.chi_codec or 0.0) - (row.chi_raw or 0.0) for row in rows])
        assert ruling.verdict == NonInferiority().judge(RuleInput(differences=changes)).verdict
    verdicts = {row.codec: row.verdict for row in record.content.codecs}
    assert verdicts == {"lossless": "PASS", "gaussian:sigma=6": "FAIL"}
    assert "agreement with the observers' references" in str(record.table())


def test_a_report_of_noninferiority_speaks_of_images_and_margins_and_not_of_noise(study: Path) -> None:
    """Without a camera no result has an ε̂: nothing says "undefined", no figure is empty, and the codec's reason is the rule's own."""
    given = {"codecs": ["lossless", "gaussian:sigma=6"], "pipeline": "otsu", "reference": study / "one", "rule": "noninferiority"}
    content = sr.validate(raws(study), None, **given).content
    (lossless, blurred) = by_codec(content)
    (ruling,) = (row for row in content.decision.rulings if (row.codec, row.measurement) == ("gaussian:sigma=6", "dice"))
    assert blurred.row.verdict == ruling.verdict == "FAIL" and blurred.reason == ruling.because
    assert (lossless.row.psnr_db, without_error(lossless.row), without_error(blurred.row)) == (None, True, False)
    assert forest_section(content) is None and undefined_line(content) == ""
    assert "by −2 × the margin" in rule_line(content)
    by_margin = sr.validate(raws(study)[:1], None, codecs="lossless", pipeline="otsu", margin={"count": 1}).content
    assert how_sure(by_margin) == "The verdicts hold for this image only, not for others."
    assert all("references" not in row.decides for row in content.statements)

    alone = sr.validate(raws(study)[:1], None, **given).content
    (said,) = (entry for entry in said_of(alone) if (entry.codec, entry.measurement) == ("lossless", "dice"))
    assert (said.verdict, said.decides) == ("INCONCLUSIVE", "more images") and "fewer than three images" in said.reason


def test_noninferiority_of_a_distance_counts_more_as_worse(study: Path) -> None:
    options = {
        "codecs": "gaussian:sigma=6",
        "pipeline": "otsu",
        "reference": study / "one",
        "rule": "noninferiority",
        "agreement": ["hd95"],
    }
    with pytest.raises(InvalidPlan, match="without a margin"):
        sr.validate(raws(study), None, **options)
    record = sr.validate(raws(study), None, margin={"hd95": 0.2}, **options)
    assert record.verdict == "FAIL"
    assert all((row.shift or 0.0) > 0.0 for row in record.content.results if row.measurement == "hd95")


@pytest.mark.requirement("R-RULES")
def test_cunha_holds_codecs_against_what_observers_agree(study: Path) -> None:
    record = sr.validate(
        raws(study),
        None,
        codecs=["jpegls:near=8", "gaussian:sigma=6"],
        pipeline="otsu",
        reference=study / "observers",
        rule="cunha",
        agreement=["jaccard"],
    )
    decision = record.content.decision
    assert decision is not None
    first, second = decision.rulings
    assert (first.codec, first.verdict) == ("jpegls:near=8", "PASS")
    assert (second.codec, second.verdict) == ("gaussian:sigma=6", "FAIL")
    readings = [[tifffile.imread(study / "observers" / place / f"c{index}.tif") for index in range(5)] for place in ("A/1", "A/2", "B/1")]
    merged = [(a > 0) & (b > 0) for a, b in zip(readings[0], readings[1], strict=True)]
    inter = np.mean([Jaccard()(a, b) for a, b in zip(merged, readings[2], strict=True)])
    assert f"observers: {inter:.3f}" in first.because
    own = {row.codec: row.verdict for row in record.content.codecs}
    assert own == {"jpegls:near=8": "PASS", "gaussian:sigma=6": "FAIL"}


def test_scores_of_slices_leave_out_what_is_empty_in_both() -> None:
    first = np.zeros((3, 6, 6), bool)
    first[0, 1:3, 1:3] = True
    second = first.copy()
    second[1, 2, 2] = True
    jaccard, distance = between(first, second)
    np.testing.assert_array_equal(jaccard, [1.0, 0.0, np.nan])
    np.testing.assert_array_equal(distance, [0.0, np.nan, np.nan])
    assert AverageHausdorff()(first[0], second[0]) == 0.0


def test_replicas_carry_the_agreement_too(study: Path) -> None:
    """With a camera σ_raw of an agreement is its spread over replicas, as of any measurement."""
    camera = sr.CameraProfile.from_values(gain=1.0, offset=0.0, read_noise=20.0, bits=16)
    record = sr.validate(
        raws(study)[:1],
        camera,
        codecs="gaussian:sigma=2",
        pipeline="otsu",
        reference=study / "one",
        agreement=["dice"],
        n=6,
        mode="around-raw",
    )
    (row,) = [row for row in record.content.results if row.measurement == "dice"]
    predictions = record.dataset["raw_prediction"].sel(measurement="dice").to_numpy()
    assert predictions.shape == (2, 6, 1)
    assert ((predictions > 0.8) & (predictions <= 1.0)).all()
    assert row.chi_raw is not None


def test_each_of_several_pipelines_that_segment_is_held_against_the_references(study: Path) -> None:
    joint = ["otsu", "otsu:min_size=400", "intensity"]  # the discs have 250 px, so that the second finds nothing
    options = {"codecs": ["gaussian:sigma=1"], "reference": study / "one", "agreement": ["dice"]}
    record = sr.validate(raws(study)[:2], None, pipeline=joint, **options)
    found = {(row.image, row.measurement): row.chi_raw for row in record.content.results if row.measurement.endswith("dice")}
    alone = sr.validate(raws(study)[:2], None, pipeline="otsu", **options)
    expected = {row.image: row.chi_raw for row in alone.content.results if row.measurement == "dice"}
    names = sorted({name for _, name in found})
    assert names == ["otsu/dice", "otsu:min_size=400/dice"]
    assert all(found[index, "otsu/dice"] == expected[index] > 0.9 for index in (0, 1))
    assert all(found[index, "otsu:min_size=400/dice"] == 0.0 for index in (0, 1))
    with pytest.raises(InvalidPlan, match="several pipelines"):
        sr.validate(raws(study)[:2], None, pipeline=joint, rule="noninferiority", **options)
    with pytest.raises(InvalidPlan, match="no objects"):
        sr.validate(raws(study)[:2], None, pipeline=["intensity", "tests.study.study_pipelines:constant"], **options)


def test_a_sweep_measures_agreement_at_each_setting(study: Path) -> None:
    raw = raws(study)[:1]
    record = sr.sweep(raw, None, codecs="gaussian:sigma=1|4", pipeline="otsu", reference=study / "one", agreement=["dice"])
    found = [row.chi_codec for row in record.content.results if row.measurement == "dice"]
    smoothed = [
        sr.validate(raw, None, codecs=f"gaussian:sigma={sigma}", pipeline="otsu", reference=study / "one", agreement=["dice"])
        for sigma in (1, 4)
    ]
    assert found == [row.chi_codec for one in smoothed for row in one.content.results if row.measurement == "dice"]
    assert found[0] != found[1]


def test_rules_without_their_masks_and_pipelines_without_objects_are_refused(study: Path) -> None:
    for rule, words in (("cunha", "two observers' masks"), ("noninferiority", "a reference mask")):
        with pytest.raises(InvalidPlan, match=words):
            sr.validate(raws(study), None, codecs="lossless", pipeline="otsu", rule=rule)
    with pytest.raises(InvalidPlan, match="segmented everything twice"):
        sr.validate(raws(study), None, codecs="lossless", pipeline="otsu", rule="cunha", reference=study / "one")
    with pytest.raises(InvalidPlan, match="no objects"):
        sr.validate(raws(study), None, codecs="lossless", pipeline="intensity", reference=study / "one")
    with pytest.raises(InvalidPlan, match="metric 'psnr'"):
        sr.validate(raws(study), None, codecs="lossless", pipeline="otsu", reference=study / "one", agreement=["psnr"])
    assert Plan(("lossless",), "otsu", rule="cunha").rule == "cunha"
    with pytest.raises(InvalidPlan, match="one of equivalence"):
        Plan(("lossless",), "otsu", rule="majority")


def _missing(folder: Path) -> None:
    (folder / "one" / "c3_mask.tif").unlink()


def _twice(folder: Path) -> None:
    tifffile.imwrite(folder / "one" / "c3_labels.tif", np.zeros((SIDE, SIDE), np.uint8))


def _smaller(folder: Path) -> None:
    tifffile.imwrite(folder / "one" / "c3_mask.tif", np.zeros((SIDE, SIDE - 1), np.uint8))


def _halves(folder: Path) -> None:
    tifffile.imwrite(folder / "one" / "c3_mask.tif", np.full((SIDE, SIDE), 0.5, np.float32))


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (_missing, InputNotFound, r"no mask of c3\.tif"),
        (_twice, InvalidPlan, "one mask of c3"),
        (_smaller, ShapeMismatch, r"c3_mask\.tif"),
        (_halves, NotIntegerData, "float32"),
    ],
)
def test_masks_that_do_not_fit_are_refused_by_name(study: Path, spoil: Callable[[Path], None], error: type[Exception], words: str) -> None:
    spoil(study)
    with pytest.raises(error, match=words):
        sr.validate(raws(study), None, codecs="lossless", pipeline="otsu", reference=study / "one", agreement=["dice"])


def test_names_values_and_several_references(tmp_path: Path) -> None:
    assert [stem_of(Path(name)) for name in ("a.nii.gz", "b_seg.tif", "c-labels.ome.tif", "mask.tif")] == ["a", "b", "c", "mask"]
    np.save(tmp_path / "m.npy", np.array([[0.0, 2.0], [1.0, 0.0]]))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.npy", False), [[[0, 2], [1, 0]]])
    truth, empty = disc(20, 20, 9), np.zeros((SIDE, SIDE), bool)
    frame = image(truth, 1)
    made = AgreementPipeline(pipeline("otsu"), ["dice", "hausdorff"])
    one = made.for_references((truth,))(frame)["dice"]
    assert made.for_references((truth, empty))(frame)["dice"] == pytest.approx(one / 2)
    assert math.isnan(made.for_references((truth, empty))(frame)["hausdorff"]), "a distance to nothing is undefined"
    flat = np.full((SIDE, SIDE), 7, np.uint16)
    found, alone = made.for_references((empty, empty))(flat), pipeline("otsu")(flat)
    assert math.isnan(found.pop("mean_intensity")) and math.isnan(alone.pop("mean_intensity")), "there are no objects"
    assert found == {**alone, "dice": 1.0, "hausdorff": 0.0}
    assert agreement_metrics(["nsd:tolerance=2"], (3.0, 1.0))["nsd:tolerance=2"].spacing == (3.0, 1.0)  # type: ignore[attr-defined]
    with pytest.raises(InvalidPlan, match="settings"):
        agreement_metrics(["dice:tolerance=2"])


def test_distances_of_a_volume_are_in_its_unit(tmp_path: Path) -> None:
    """NIfTI states 2.5 mm: HD95 of a ball moved by one voxel is 2.5 mm."""
    pytest.importorskip("nibabel")
    from tests.frames import written

    ball = np.stack([disc(20, 20, radius) for radius in (4, 7, 8, 7, 4)])
    written.nifti(tmp_path / "ct.nii.gz", (np.where(ball, 60, -900) + np.random.default_rng(2).normal(0, 5, ball.shape)).astype(np.int16))
    written.nifti(tmp_path / "mask.nii.gz", np.roll(ball, 1, axis=2).astype(np.float32))
    record = sr.validate(
        tmp_path / "ct.nii.gz",
        None,
        codecs=["lossless"],
        pipeline="otsu",
        volume=True,
        reference=tmp_path / "mask.nii.gz",
        agreement=["hd95", "dice"],
    )
    (row,) = [row for row in record.content.results if row.measurement == "hd95"]
    assert row.chi_raw == pytest.approx(2.5)
    assert record.content.units["hd95"] == "mm"
