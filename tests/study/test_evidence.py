"""What forbids a verdict: a frame that its camera does not explain, grey values that are not the converter's, answers that differ."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.contracts import Diagnostic
from sigmaraw.errors import AnswersDiffer, OutsideValidRange
from sigmaraw.noise import replica_mode
from sigmaraw.record.words import Reason
from sigmaraw.statistics import Assessment
from sigmaraw.study.evidence import AgainstCamera, under_evidence
from sigmaraw.study.sameness import difference

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12, gain_se=0.005, read_noise_se=0.02)


def drawn(seed: int = 1, side: int = 40) -> np.ndarray:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    mean = 10 + 60 * np.exp(-((y - 20) ** 2 + (x - 18) ** 2) / 60)
    return np.clip(np.rint(100 + 0.5 * (random.poisson(mean) + random.normal(0, 2.0, mean.shape))), 0, 4095).astype(np.uint16)


FRAME = drawn()


def row(verdict: Any, reason: Reason, **numbers: float) -> Assessment:
    values = {"sigma_raw": 2.0, "epsilon_hat": 0.5, "u": 0.1, "dof": 50.0, "limit": 1.0} | numbers
    return dataclasses.replace(Assessment(verdict, reason), **values)  # type: ignore[arg-type]


PASS = row("PASS", Reason.WITHIN_LIMITS)
FAIL = row("FAIL", Reason.SHIFT_BEYOND, epsilon_hat=3.0)


def judged(found: Assessment, against: AgainstCamera, identical: bool = False, margin: bool = False, difference: float = 0.0) -> Any:
    result = under_evidence(found, against, identical=identical, margin=margin, difference=difference)
    return result.verdict, result.reason


@pytest.mark.requirement("R-EVIDENCE")
def test_a_quieter_frame_never_passes_unless_pixels_are_identical() -> None:
    quieter = AgainstCamera(quieter=True)
    assert judged(PASS, quieter) == ("INCONCLUSIVE", Reason.FRAME_QUIETER)
    assert judged(PASS, quieter, margin=True) == ("INCONCLUSIVE", Reason.FRAME_QUIETER)
    assert judged(row("PASS", Reason.IDENTICAL), quieter, identical=True) == ("PASS", Reason.IDENTICAL)
    assert judged(FAIL, quieter)[0] == "FAIL"
    assert judged(PASS, AgainstCamera(mapped=True)) == ("INCONCLUSIVE", Reason.FRAME_NOT_RAW)


@pytest.mark.requirement("R-EVIDENCE")
def test_a_louder_frame_does_not_fail_by_sigma() -> None:
    louder = AgainstCamera(louder=True)
    assert judged(FAIL, louder) == ("INCONCLUSIVE", Reason.FRAME_LOUDER)
    assert judged(row("FAIL", Reason.RMS_BEYOND), louder) == ("INCONCLUSIVE", Reason.FRAME_LOUDER)
    assert judged(FAIL, louder, margin=True)[0] == "FAIL"
    assert judged(row("FAIL", Reason.SPREAD_BEYOND), louder)[0] == "FAIL"
    assert judged(PASS, louder)[0] == "PASS"


@pytest.mark.requirement("R-GUARD")
def test_differences_between_answers_go_into_u() -> None:
    # σ_raw 2: .01 σ_raw is .02; u = √(.1² + .35²) = .364, ε̂ + t_.95(50)·u = .5 + 1.676·.364 = 1.11 > 1
    assert under_evidence(PASS, AgainstCamera(), identical=False, margin=False, difference=0.019) == PASS
    small = under_evidence(PASS, AgainstCamera(), identical=False, margin=False, difference=0.1)
    assert (small.verdict, small.u) == ("PASS", pytest.approx((0.1**2 + 0.05**2) ** 0.5))
    assert "0.05 σ_raw" in small.warnings[-1]
    assert judged(PASS, AgainstCamera(), difference=0.7) == ("INCONCLUSIVE", Reason.ANSWERS_DIFFER)
    assert judged(row("FAIL", Reason.SHIFT_BEYOND, epsilon_hat=1.5), AgainstCamera(), difference=0.7)[0] == "INCONCLUSIVE"


def test_real_repeats_need_no_camera() -> None:
    failed = (Diagnostic("repeat_noise", 0.5, 0.9, 1.1, "", ""),)
    assert not AgainstCamera.of(failed, replica_mode("repeats"))
    assert AgainstCamera.of(failed, replica_mode("mean-n")).quieter


def test_nan_agrees_with_nan_alone() -> None:
    first, second = np.array([[np.nan, 1.0], [np.nan, 2.0]]), np.array([[np.nan, 1.5], [3.0, 2.0]])
    assert difference(first, second).tolist() == [0.5, np.inf]


def texts(entry: Any) -> list[str]:
    return [warning.text for warning in entry.warnings]


def study(
    pipeline: Any, camera: sr.CameraProfile = CAMERA, frame: np.ndarray = FRAME, codecs: Any = "jpegls:near=1", **options: Any
) -> Any:
    return sr.validate([frame], camera, codecs=codecs, pipeline=pipeline, n=20, seed=3, **options)


@pytest.mark.requirement("R-EVIDENCE")
def test_a_wrong_gain_gives_no_pass_to_a_codec() -> None:
    wrong = sr.CameraProfile.from_values(gain=3.25, offset=100, read_noise=2.0, bits=12, gain_se=0.01, read_noise_se=0.02)
    rows = study("intensity", wrong, codecs=["lossless", "jpegls:near=6"]).content.results
    assert {entry.verdict for entry in rows if entry.codec == "lossless"} == {"PASS"}
    assert "PASS" not in {entry.verdict for entry in rows if entry.codec != "lossless"}
    assert all(any("quieter than the camera says" in text for text in texts(entry)) for entry in rows)


@pytest.mark.requirement("R-GUARD")
def test_a_saturated_image_is_refused_and_shifted_bits_are_named() -> None:
    with pytest.raises(OutsideValidRange, match="at full scale"):
        study("intensity", frame=np.full((40, 40), 4095, np.uint16))
    rows = study("intensity", frame=(FRAME // 4 * 4).astype(np.uint16)).content
    assert "common-divisor" in {entry.name for entry in rows.mode_diagnostics if not entry.passed}
    assert all(entry.verdict != "PASS" for entry in rows.results)


class Reseeded:
    """A mean over an image with noise of its own, by the place of the image in the batch: no function of one image."""

    spec, measurements = "reseeded", (sr.contracts.Measurement("mean", "DN", "", ""),)

    def __init__(self, size: float) -> None:
        self.size = size

    def batch(self, images: Any) -> dict[str, np.ndarray]:
        pixels = np.asarray(images, dtype=float)
        noise = np.random.default_rng(0).normal(0, self.size, len(pixels))
        return {"mean": pixels.mean(axis=(1, 2)) + noise}

    def __call__(self, image: Any) -> dict[str, float]:
        return {"mean": float(self.batch(np.asarray(image)[np.newaxis])["mean"][0])}

    def config(self) -> dict[str, Any]:
        return {"name": self.spec}


@pytest.mark.requirement("R-GUARD")
def test_a_pipeline_that_is_no_function_of_one_image_is_refused_by_name() -> None:
    # σ_raw of the mean of 1,600 pixels is about .07 DN
    with pytest.raises(AnswersDiffer, match=r"pipeline 'reseeded'.*mean differs by"):
        study(Reseeded(0.1))
    allowed = study(Reseeded(0.1), allow_nondeterminism=True).content.results
    assert all(any("answers on the same image differ" in text for text in texts(entry)) for entry in allowed)
    quiet = study(Reseeded(1e-6)).content
    assert quiet.floor[0].largest > 0 and not any("differ by" in text for entry in quiet.results for text in texts(entry))


@pytest.mark.requirement("R-GUARD")
def test_a_codec_that_is_no_function_of_its_input_is_refused_by_name() -> None:
    random = np.random.default_rng(1)

    def noisy(image: np.ndarray) -> np.ndarray:
        return (image + random.integers(0, 2) * 3).astype(image.dtype)

    with pytest.raises(AnswersDiffer, match="decodes the same image differently"):
        for _ in range(12):  # two calls agree by chance in half of the tries
            study("intensity", codecs=noisy)


@pytest.mark.requirement("R-GUARD")
@pytest.mark.parametrize("pipeline", ["otsu", "intensity", "unet-demo", "tests.study.study_pipelines:constant"])
def test_pipelines_that_are_functions_are_not_refused(pipeline: str) -> None:
    found = study(pipeline, codecs="jpegls:near=1")
    assert all(entry.largest is not None for entry in found.content.floor)
    assert not any("answers on the same image" in text for entry in found.content.results for text in texts(entry))
