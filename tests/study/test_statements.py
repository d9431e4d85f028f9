"""What is said over images in a study: one image is its row, identical pixels pass, doubt blocks the mean, specimens are the unit."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from sigmaraw.contracts import Measurement
from sigmaraw.record.results import ResultRow
from sigmaraw.record.statements import STATEMENTS
from sigmaraw.record.words import Reason
from sigmaraw.statistics import Limits, assess
from sigmaraw.study.evidence import AgainstCamera
from sigmaraw.study.plan import Plan
from sigmaraw.study.scoring import Predictions
from sigmaraw.study.statements import OverImages, codec_verdicts, over_images

SIZE = Measurement("size", "px", "", "", discrete=False)


Made = tuple[Plan, Predictions, list[ResultRow]]


def study(shifts: list[float], seed: int = 1, n: int = 40, noise: float = 0.2, **settings: object) -> Made:
    """Return a plan with one codec, normal predictions and the rows of a study; the codec's shift on each image is stated."""
    random = np.random.default_rng(seed)
    raw = random.normal(size=(2, n, len(shifts), 1))
    decoded = raw[1:] + np.reshape(shifts, (1, 1, -1, 1)) + (noise * random.normal(size=raw[1:].shape) if noise else 0.0)
    chi = np.zeros((len(shifts), 1))
    chi_codec = np.reshape(shifts, (1, -1, 1))
    predictions = Predictions(raw, decoded, chi, chi_codec, True, np.empty((0,)), np.zeros((1, 1), bool))
    plan = Plan(("c",), "otsu", **settings)  # type: ignore[arg-type]
    rows = []
    for image in range(len(shifts)):
        margin = plan.margin.get("size")
        found = assess(
            chi_raw=0.0,
            chi_codec=float(predictions.chi_codec[0, image, 0]),
            raw=raw[:, :, image, 0],
            group=1,
            decoded=decoded[0, :, image, 0],
            discrete=False,
            limits=Limits(plan.k, plan.spread, plan.rms_limit(SIZE), margin),
        )
        rows.append(
            ResultRow(
                image=image,
                codec="c",
                measurement="size",
                chi_raw=0.0,
                chi_codec=shifts[image],
                verdict=found.verdict,
                reason=str(found.reason),
                sigma_raw=found.sigma_raw,
                epsilon=found.epsilon,
                epsilon_hat=found.epsilon_hat,
                spread_ratio=found.spread_ratio,
                rms_d=found.rms_d,
            )
        )
    return plan, predictions, rows


def said(made: Made, against: tuple[AgainstCamera, ...] = ()) -> OverImages:
    plan, predictions, rows = made
    (found,) = over_images(plan, predictions, [SIZE], rows, against=against)
    assert [row.statement for row in found.rows] == list(STATEMENTS)
    return found


@pytest.mark.parametrize("shift", [0.0, 0.9, 3.0])
def test_one_image_has_the_verdict_of_its_row(shift: float) -> None:
    made = study([shift])
    assert said(made).verdict == made[2][0].verdict
    assert said(made).rows[1].reason == "too few images for a mean" and said(made).rows[1].verdict == "INCONCLUSIVE"


def test_the_mean_effect_decides_for_several_images_and_one_image_beyond_fails() -> None:
    """Mean shift of ten images .1: its upper limit is far below 1. One image at 4 σ_raw has p below .05/10 at n = 40 (z near 4/.16)."""
    assert said(study([0.1] * 10)).verdict == "PASS"
    beyond = said(study([0.1] * 9 + [4.0]))
    assert (beyond.verdict, beyond.reason, beyond.rows[0].failed) == ("FAIL", "an image beyond a limit", 1)
    some = study([0.1] * 9 + [0.95])
    assert {row.verdict for row in some[2]} == {"PASS", "INCONCLUSIVE"}
    assert said(some).verdict == "PASS" and said(some).rows[0].passed == 9  # the old rule, the worst of the rows, said INCONCLUSIVE


def test_the_mean_of_few_scattered_images_is_open_and_says_how_many_more_decide() -> None:
    """Shifts −.8, .9, .4, .7: mean .3, sd .76; t_.95(3)·.76/2 = .9 > .7. With J images 1.645·.76/√J·1.51 < .7 from J = 8 on."""
    found = said(study([-0.8, 0.9, 0.4, 0.7], rms=3.0))
    assert found.verdict == "INCONCLUSIVE" and found.rows[1].reason == "mean effect too uncertain"
    words = found.rows[1].decides.split()
    assert words[1:] == ["more", "images"] and 2 <= int(words[0]) <= 12


QUIETER = "the frame is quieter than the camera says"


def in_doubt(rows: list[ResultRow], images: list[int]) -> list[ResultRow]:
    """Return the rows with σ_raw of some images in doubt."""
    return [msgspec.structs.replace(row, verdict="INCONCLUSIVE", reason=QUIETER) if row.image in images else row for row in rows]


def test_few_images_in_doubt_are_left_out_of_the_mean_and_more_block_it() -> None:
    plan, predictions, rows = study([0.1] * 6)
    within = said((plan, predictions, rows))
    assert within.verdict == "PASS" and within.rows[1].left_out == 0
    one = said((plan, predictions, in_doubt(rows, [0])))
    assert one.verdict == "PASS" and (one.rows[1].units, one.rows[1].left_out) == (5, 1)
    assert within.rows[0].passed == 6 and one.rows[0].passed == 5
    assert one.rows[0].verdict == "INCONCLUSIVE" and "σ_raw of 1 image is in doubt" in one.rows[0].decides
    two = said((plan, predictions, in_doubt(rows, [0, 3])))
    assert (two.verdict, two.reason, two.rows[1].left_out) == ("INCONCLUSIVE", "images' noise is in doubt", 0)
    assert "calibrate" in two.rows[1].decides


def against_camera(speaks: AgainstCamera, images: list[int], of: int) -> tuple[AgainstCamera, ...]:
    return tuple(speaks if image in images else AgainstCamera() for image in range(of))


@pytest.mark.parametrize("speaks", [AgainstCamera(quieter=True), AgainstCamera(mapped=True)])
def test_no_mean_passes_on_a_wrong_camera_because_replicas_are_few(speaks: AgainstCamera) -> None:
    """Ten replicas decide no row (the spread ratio is too uncertain), and twelve images the mean: with the right camera it passes."""
    made = study([0.1] * 12, n=10, noise=0.5)
    assert {row.verdict for row in made[2]} == {"INCONCLUSIVE"} and said(made).verdict == "PASS"
    one = said(made, against_camera(speaks, [4], 12))
    assert (one.verdict, one.rows[1].left_out) == ("PASS", 1)
    found = said(made, against_camera(speaks, list(range(12)), 12))
    assert (found.verdict, found.reason) == ("INCONCLUSIVE", "images' noise is in doubt")


def test_no_number_of_replicas_is_said_to_decide_an_image_whose_noise_is_in_doubt() -> None:
    """One image, too few replicas: with the right camera n decides it; where the frame is quieter no PASS would stand at any n."""
    made = study([0.1], n=10, noise=0.5)
    assert said(made).rows[0].decides.startswith("n ≈ ")
    words = said(made, (AgainstCamera(quieter=True),)).rows[0].decides
    assert words == "no number of replicas: σ_raw of 1 image is in doubt; see the warnings of these images"


def undecided(made: Made) -> Made:
    """Return a study of which no row is decided by itself."""
    return (*made[:2], [msgspec.structs.replace(row, verdict="INCONCLUSIVE", reason=str(Reason.SHIFT_UNSURE)) for row in made[2]])


def test_no_mean_fails_on_frames_louder_than_the_camera_says_because_replicas_are_few() -> None:
    """Mean shift 1.3 with the limit 1: s.e. .2/√400. A PASS would stand, and so does a limit in the measurement's own unit."""
    made = undecided(study([1.3] * 10))
    louder = against_camera(AgainstCamera(louder=True), list(range(10)), 10)
    assert said(made).verdict == "FAIL"
    assert said(made, louder).reason == "images' noise is in doubt"
    assert said(made, louder[:1] + (AgainstCamera(),) * 9).verdict == "FAIL"
    assert said(undecided(study([0.1] * 10)), louder).verdict == "PASS"
    assert said(undecided(study([1.3] * 10, margin={"size": 1.0})), louder).verdict == "FAIL"


def test_three_images_of_which_one_is_in_doubt_are_too_few() -> None:
    plan, predictions, rows = study([0.1] * 3)
    assert said((plan, predictions, in_doubt(rows, [1]))).reason == "images' noise is in doubt"


def test_an_image_left_out_of_the_mean_does_not_carry_it() -> None:
    """Nine images at ε = .1 and one at −9 that is in doubt: with it the mean is far off, and its scatter too."""
    plan, predictions, rows = study([0.1] * 9 + [-9.0])
    found = said((plan, predictions, in_doubt(rows, [9])))
    assert found.verdict == "PASS" and found.rows[1].value == pytest.approx(0.1, abs=0.1)


def test_images_decided_by_themselves_but_not_all_at_once_ask_for_more_replicas() -> None:
    """ε = 1.2, s_D .2, n = 40: beyond by itself, with p near .02; not at .05/10, which Holm asks."""
    plan, predictions, rows = study([0.1] * 9 + [1.2])
    assert rows[9].verdict == "FAIL"
    found = said((plan, predictions, rows))
    assert found.rows[0].verdict == "INCONCLUSIVE" and found.rows[0].decides.startswith("n ≈ ")
    assert "not all of them at once" in found.rows[0].decides


def test_counts_have_the_limit_of_two_exposures_unless_one_is_stated() -> None:
    count = replace(SIZE, discrete=True)
    assert Plan(("c",), "otsu").rms_limit(SIZE) == 1.0
    assert Plan(("c",), "otsu").rms_limit(count) == pytest.approx(np.sqrt(2.0))
    assert Plan(("c",), "otsu", rms=1.0).rms_limit(count) == 1.0
    assert Plan(("c",), "otsu", rms=1.0, rms_counts=1.2).rms_limit(count) == 1.2
    assert Plan(("c",), "otsu", margin={"size": 2.0}).rms_limit(count) == 1.0  # in margins, which already are the user's


def test_undefined_images_are_counted_and_never_pass() -> None:
    plan, predictions, rows = study([0.1] * 6)
    predictions.decoded[0, 3, 2, 0] = np.nan
    rows[2] = msgspec.structs.replace(rows[2], verdict="INCONCLUSIVE", reason=str(Reason.CODEC_UNDEFINED), epsilon_hat=None)
    found = said((plan, predictions, rows))
    assert found.verdict == "INCONCLUSIVE" and found.rows[0].undefined == 1 and found.rows[1].reason == "undefined rows"
    predictions.decoded[:] = np.nan
    assert said((plan, predictions, rows)).verdict == "INCONCLUSIVE"


def test_a_change_that_no_noise_explains_fails_and_identical_pixels_pass_without_noise() -> None:
    plan, predictions, rows = study([0.0] * 3, noise=0.0)
    still = replace(predictions, raw=np.zeros_like(predictions.raw), decoded=np.zeros_like(predictions.decoded))
    same = [msgspec.structs.replace(row, verdict="PASS", reason=str(Reason.IDENTICAL), sigma_raw=0.0, epsilon_hat=None) for row in rows]
    assert said((plan, still, same)).verdict == "PASS"
    changed = replace(still, decoded=still.decoded + 6.0)
    none = {"reason": str(Reason.NO_RAW_VARIATION), "sigma_raw": 0.0, "epsilon_hat": None}
    beyond = [msgspec.structs.replace(row, verdict="FAIL", **none) for row in rows]
    found = said((plan, changed, beyond))
    assert (found.verdict, found.rows[0].failed) == ("FAIL", 3)


def test_an_image_twice_under_one_specimen_narrows_nothing() -> None:
    """Copies within a specimen leave the means of specimens as they are, so value and limits of the mean agree to rounding."""
    shifts = [0.2, -0.1, 0.4, 0.3]
    plan, predictions, rows = study(shifts, specimens=("a", "b", "c", "d"))
    twice = [0, 0, 1, 1, 2, 2, 3, 3]
    doubled = replace(
        predictions, **{name: np.take(getattr(predictions, name), twice, axis=axis) for name, axis in (("raw", 2), ("decoded", 2))}
    )
    more = [msgspec.structs.replace(rows[image], image=number) for number, image in enumerate(twice)]
    copies = said((replace(plan, specimens=tuple("aabbccdd")), doubled, more))
    once = said((plan, predictions, rows))
    assert copies.rows[1].units == once.rows[1].units == 4 and once.rows[1].counted == "specimen"
    assert copies.rows[1].ci == pytest.approx(once.rows[1].ci, rel=1e-9)
    unnamed = said((replace(plan, specimens=()), doubled, more))
    assert unnamed.rows[1].ci[1] < once.rows[1].ci[1]  # type: ignore[index, operator]


def test_a_margin_gives_the_mean_in_the_measurements_unit_at_any_scale() -> None:
    plain = said(study([0.1] * 5, margin={"size": 1.5}))
    assert plain.rows[1].unit == "px" and plain.verdict == "PASS"
    plan, predictions, rows = study([0.1] * 5, margin={"size": 1.5e200})
    big = replace(predictions, raw=predictions.raw * 1e200, decoded=predictions.decoded * 1e200)
    huge = said((plan, big, rows))
    assert huge.verdict == "PASS" and huge.rows[1].value == pytest.approx(plain.rows[1].value * 1e200)  # type: ignore[operator]


def test_a_codec_has_the_worst_verdict_over_measurements() -> None:
    found = [OverImages("a", "m", (), "PASS", ""), OverImages("a", "o", (), "FAIL", ""), OverImages("b", "m", (), "PASS", "")]
    assert codec_verdicts(found) == {"a": "FAIL", "b": "PASS"}
