"""The main job end to end: what must be exact, what must not depend on how it was computed, and what a record holds."""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.contracts import Measurement
from sigmaraw.errors import InsufficientRepeats, InvalidOption, InvalidPlan, InvalidPrediction
from sigmaraw.record.design import DesignRow
from sigmaraw.record.digest import _pruned
from sigmaraw.study import Record

CODECS = ("lossless", "noiseaware:q=1", "jpeg2000:ratio=6", "to8bit:minmax+jpeg:quality=60")
GAIN, OFFSET, READ = 0.5, 100.0, 2.0


def acquire(mean_e: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Draw frames by plain NumPy, independently of the package's sampler."""
    random = np.random.default_rng(seed)
    light = random.poisson(mean_e, (n, *mean_e.shape)) + random.normal(0, READ, (n, *mean_e.shape))
    return np.clip(np.rint(OFFSET + GAIN * light), 0, 4095).astype(np.uint16)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    y, x = np.mgrid[:96, :80]
    spots = [(20, 20, 400), (20, 60, 300), (50, 30, 500), (70, 60, 350), (80, 15, 450)]
    return 15 + sum(peak * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 30) for cy, cx, peak in spots)


@pytest.fixture(scope="module")
def camera() -> sr.CameraProfile:
    return sr.CameraProfile.from_values(gain=GAIN, offset=OFFSET, read_noise=READ, bits=12)


@pytest.fixture(scope="module")
def frames(scene: np.ndarray) -> np.ndarray:
    return acquire(scene, 2, seed=5)


@pytest.fixture(scope="module")
def record(frames: np.ndarray, camera: sr.CameraProfile) -> Record:
    return sr.validate(list(frames), camera, codecs=CODECS, pipeline="otsu", n=25, seed=7)


def comparable(record: Record) -> Any:
    return _pruned(json.loads(json.dumps(record.document)))


def rows(record: Record, codec: str) -> list[dict[str, Any]]:
    return [row for row in record.document["results"] if row["codec"] == codec]


@pytest.mark.requirement("R-IDENTICAL")
def test_lossless_is_exactly_identical(record: Record) -> None:
    for row in rows(record, "lossless"):
        assert row["verdict"] == "PASS"
        assert "identical" in row["reason"]
        assert row["epsilon"] == row["epsilon_hat"] == row["rms_d"] == 0
        assert row["chi_codec"] == row["chi_raw"]
    (codec,) = [row for row in record.document["codecs"] if row["codec"] == "lossless"]
    assert codec["max_error_dn"] == 0
    assert codec["identical"] is True
    assert codec["psnr_db"] is None
    assert codec["noise_std_ratio"] == pytest.approx(1)


@pytest.mark.requirement("R-IDENTICAL")
def test_lossless_is_identical_even_where_nothing_varies(camera: sr.CameraProfile, frames: np.ndarray) -> None:
    record = sr.validate([frames[0]], camera, codecs=["lossless", "to8bit:shift"], pipeline="tests.study.study_pipelines:constant", n=3)
    for row in record.document["results"]:
        assert row["sigma_raw"] == 0
        assert (row["epsilon"], row["epsilon_hat"]) == (0, 0)
        # to8bit changes pixels: three equal answers, no noise and no margin do not show that it never changes the answer
        lossless = row["codec"] == "lossless"
        assert row["verdict"] == ("PASS" if lossless else "INCONCLUSIVE")
        assert row["reason"] == ("identical" if lossless else "too few replicas to bound rare changes")


def test_one_row_per_image_codec_and_measurement(record: Record) -> None:
    document = record.document
    names = [row["name"] for row in document["measurements"]]
    keys = [(row["image"], row["codec"], row["measurement"]) for row in document["results"]]
    assert keys == [(image, codec, name) for image in range(2) for codec in CODECS for name in names]
    assert [row["codec"] for row in document["codecs"]] == list(CODECS)
    assert all(row["unit"] for row in document["measurements"])
    assert record.dataset["raw_prediction"].shape == (len(CODECS) + 1, 25, 2, len(names))


def test_predictions_are_those_of_the_public_parts(record: Record, frames: np.ndarray, camera: sr.CameraProfile) -> None:
    """The study adds nothing of its own: group g's replicas through the codec and the pipeline give its numbers."""
    pipeline = sr.pipeline("otsu")
    names = [row["name"] for row in record.document["measurements"]]
    for group in (0, 2):
        blocks = list(sr.iter_replicas(frames[1], camera, 25, seed=7, group=group))
        expected = pipeline.batch(np.concatenate([np.asarray(block) for block in blocks]))
        for column, name in enumerate(names):
            np.testing.assert_array_equal(record.dataset["raw_prediction"].values[group, :, 1, column], expected[name])
    codec = sr.codec(CODECS[1], camera)
    replicas = np.concatenate([np.asarray(block) for block in sr.iter_replicas(frames[0], camera, 25, seed=7, group=2)])
    decoded = np.stack([codec.roundtrip(replica)[0] for replica in replicas])
    expected = pipeline.batch(decoded)
    for column, name in enumerate(names):
        np.testing.assert_array_equal(record.dataset["codec_prediction"].values[1, :, 0, column], expected[name])


def test_group_0_is_what_replicas_returns(record: Record, frames: np.ndarray, camera: sr.CameraProfile) -> None:
    expected = sr.pipeline("otsu").batch(sr.replicas(frames[0], camera, 25, mode="bootstrap", seed=7).values)
    values = record.dataset["raw_prediction"].values[0, :, 0]
    for column, row in enumerate(record.document["measurements"]):
        np.testing.assert_array_equal(values[:, column], expected[row["name"]])


def test_the_target_is_met_on_the_image_and_on_every_replica(record: Record) -> None:
    (codec,) = [row for row in record.document["codecs"] if row["codec"] == "jpeg2000:ratio=6"]
    assert codec["compression_ratio"] == pytest.approx(6, rel=0.02)
    raw_bytes = 96 * 80 * 2
    assert raw_bytes / codec["replicas_nbytes_mean"] == pytest.approx(6, rel=0.02)


@pytest.mark.requirement("R-SAMPLE")
@pytest.mark.parametrize("batch", [1, 4])
def test_another_batch_size_gives_the_same_record(record: Record, frames: np.ndarray, camera: sr.CameraProfile, batch: int) -> None:
    again = sr.validate(list(frames), camera, codecs=CODECS, pipeline="otsu", n=25, seed=7, batch=batch)
    assert comparable(again) == comparable(record)
    assert again.document["digest"] == record.document["digest"]


@pytest.mark.requirement("R-SAMPLE")
def test_two_dask_workers_give_the_same_record(record: Record, frames: np.ndarray, camera: sr.CameraProfile) -> None:
    again = sr.validate(list(frames), camera, codecs=CODECS, pipeline="otsu", n=25, seed=7, engine="dask")
    assert again.document["digest"] == record.document["digest"]


def test_another_seed_gives_other_predictions(record: Record, frames: np.ndarray, camera: sr.CameraProfile) -> None:
    again = sr.validate(list(frames), camera, codecs=CODECS, pipeline="otsu", n=25, seed=8)
    assert again.document["digest"] != record.document["digest"]
    assert not np.array_equal(again.dataset["raw_prediction"].values, record.dataset["raw_prediction"].values)


@pytest.mark.requirement("R-SAMPLE")
def test_more_replicas_extend_the_same_stream(record: Record, frames: np.ndarray, camera: sr.CameraProfile) -> None:
    again = sr.validate([frames[0]], camera, codecs=CODECS, pipeline="otsu", n=32, seed=7)
    np.testing.assert_array_equal(again.dataset["raw_prediction"].values[:, :25, 0], record.dataset["raw_prediction"].values[:, :, 0])


def test_a_margin_in_the_measurements_unit_replaces_sigma(frames: np.ndarray, camera: sr.CameraProfile) -> None:
    common: dict[str, Any] = {"codecs": ["to8bit:minmax+jpeg:quality=60"], "pipeline": "otsu", "n": 20}
    strict = sr.validate([frames[0]], camera, margin={"total_intensity": 1e-3}, **common)
    generous = sr.validate([frames[0]], camera, margin={"total_intensity": 1e9}, **common)
    picked = [next(row for row in each.document["results"] if row["measurement"] == "total_intensity") for each in (strict, generous)]
    assert picked[0]["verdict"] == "FAIL"
    assert picked[1]["limit"] == pytest.approx(1e9 / picked[1]["sigma_raw"])
    with pytest.raises(InvalidPlan, match="colour"):
        sr.validate([frames[0]], camera, margin={"colour": 1.0}, **common)


def test_one_frame_of_a_stack_can_be_chosen(frames: np.ndarray, camera: sr.CameraProfile, record: Record) -> None:
    one = sr.validate([frames], camera, codecs=CODECS, pipeline="otsu", n=4, seed=7, frame=1)
    assert [row["frame"] for row in one.document["images"]] == [1]
    np.testing.assert_array_equal(one.dataset["raw_prediction"].values[:, :, 0], record.dataset["raw_prediction"].values[:, :4, 1])


def test_repeats_split_into_groups_or_are_paired_only(scene: np.ndarray, camera: sr.CameraProfile) -> None:
    stack = acquire(scene, 60, seed=9)
    split = sr.validate([stack], camera, codecs=["jpegls:near=3"], pipeline="otsu", mode="repeats")
    assert split.content.design == DesignRow(replicas_per_group=30, groups=2, independent=True, draws_noise=False)
    assert split.document["tukey"]
    assert all(row["ks"] for row in split.document["results"])
    expected = sr.pipeline("otsu").batch(stack)["total_intensity"]
    got = split.dataset["raw_prediction"].sel(measurement="total_intensity").values[:, :, 0]
    np.testing.assert_array_equal(got.ravel(), expected)

    paired = sr.validate([stack[:25]], camera, codecs=["jpegls:near=3"], pipeline="otsu", mode="repeats")
    assert paired.document["design"]["replicas_per_group"] == 25
    assert paired.document["design"]["independent"] is False
    assert paired.document["tukey"] == []
    assert all(row["ks"] is None and row["epsilon_hat"] is not None for row in paired.document["results"])
    assert {row["field"] for row in paired.document["undefined"]} >= {"tukey"}


def test_a_function_and_a_single_codec_are_taken_as_they_are(frames: np.ndarray, camera: sr.CameraProfile) -> None:
    record = sr.validate(frames[0], camera, codecs="to8bit:shift", pipeline=lambda image: {"level": float(image.mean())}, n=5)
    (row,) = record.document["results"]
    assert (row["codec"], row["measurement"], row["chi_raw"]) == ("to8bit:shift", "level", frames[0].mean())


def test_something_else_as_camera_is_refused(frames: np.ndarray) -> None:
    with pytest.raises(InvalidOption, match="float as camera"):
        sr.validate([frames[0]], 2.5, codecs=["lossless"], pipeline="otsu", n=2)  # type: ignore[arg-type]  # wrong on purpose


def test_replicas_around_a_mean_of_repeats_carry_the_factor(scene: np.ndarray, camera: sr.CameraProfile) -> None:
    """Mode mean-n: any n in independent groups from four frames, and σ_raw is √(4/3) times the replicas' own spread."""
    stack = acquire(scene, 4, seed=9)
    common: dict[str, Any] = {"codecs": ["lossless", "jpegls:near=3"], "pipeline": "otsu", "mode": "mean-n", "n": 23, "seed": 7}
    record = sr.validate([stack], camera, **common)
    assert record.content.design == DesignRow(replicas_per_group=23, groups=3, independent=True)
    raw = record.dataset["raw_prediction"].values[:, :, 0]
    group = np.sqrt(raw.var(axis=1, ddof=1).mean(axis=0))
    replicas = sr.replicas(stack, camera, 23, mode="mean-n", seed=7)
    expected = sr.pipeline("otsu").batch(replicas.values)
    for column, measurement in enumerate(record.document["measurements"]):
        np.testing.assert_array_equal(raw[0, :, column], expected[measurement["name"]])
        for row in record.document["results"]:
            if row["measurement"] == measurement["name"]:
                # c₄(66) = .9962 is the only other factor between s and σ_raw
                assert row["sigma_raw"] == pytest.approx(group[column] * (4 / 3) ** 0.5 / 0.9962, rel=1e-3)
                assert row["spread_factor"] == pytest.approx((4 / 3) ** 0.5)
                assert (row["mode"], row["n"]) == ("mean-n", 23)
                assert row["u_mode"] > 0
    assert sr.validate([stack], camera, **common, batch=4).document["digest"] == record.document["digest"]
    with pytest.raises(InsufficientRepeats):
        sr.validate([stack[0]], camera, **common)


def test_replicas_around_a_denoised_frame_say_what_their_estimate_is_worth(
    frames: np.ndarray, camera: sr.CameraProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mode bootstrap: checks stand in the record once an image, and in the warnings of the results where one fails."""
    from sigmaraw.noise import residuals

    common: dict[str, Any] = {"codecs": ["lossless", "jpegls:near=3"], "pipeline": "otsu", "mode": "bootstrap", "n": 13, "seed": 7}
    record = sr.validate(list(frames), camera, **common)
    checks = record.document["mode_diagnostics"]
    of_mode = {"marginal_variance_ratio", "residual_variance", "residual_correlation_y", "residual_correlation_x"}
    of_frame = {"frame_noise", "local_noise", "row_noise", "column_noise"}
    places = [(row["image"], row["name"]) for row in checks]
    assert len(places) == len(set(places))
    assert set(places) == {(image, name) for image in range(2) for name in of_mode | of_frame}
    assert all(row["passed"] == (row["low"] <= row["value"] <= row["high"]) for row in checks)
    expected = sr.pipeline("otsu").batch(sr.replicas(frames[1], camera, 13, mode="bootstrap", seed=7).values)
    for column, row in enumerate(record.document["measurements"]):
        np.testing.assert_array_equal(record.dataset["raw_prediction"].values[0, :, 1, column], expected[row["name"]])
    assert sr.validate(list(frames), camera, **common, batch=4).document["digest"] == record.document["digest"]

    monkeypatch.setattr(residuals, "CORRELATION", (0.0, 0.0))  # nothing is as white as that
    strict = sr.validate([frames[0]], camera, **common)
    assert not any(row["passed"] for row in strict.document["mode_diagnostics"] if "correlation" in row["name"])
    assert all(any("correlated along y" in entry["text"] for entry in row["warnings"]) for row in strict.document["results"])
    assert not any("correlated along" in entry["text"] for row in record.document["results"] for entry in row["warnings"])


def test_extrapolation_goes_through_a_study(frames: np.ndarray, camera: sr.CameraProfile) -> None:
    """Mode simex: n per level, rounded up to whole clusters, in all groups; rows are those of `assess_extrapolated`."""
    from sigmaraw.noise.simex import Simex
    from sigmaraw.statistics import assess_extrapolated

    common: dict[str, Any] = {"codecs": ["lossless", "jpegls:near=3"], "pipeline": "otsu", "mode": "simex:order=linear", "n": 12, "seed": 7}
    record = sr.validate([frames[0]], camera, **common)
    design = record.document["design"]
    assert (design["replicas_per_group"], design["noise_levels"]) == (60, [1.0, 1.5, 2.0, 3.0])
    raw, decoded = record.dataset["raw_prediction"].values, record.dataset["codec_prediction"].values
    assert raw.shape[:2] == (3, 60)
    row = next(r for r in record.document["results"] if (r["codec"], r["measurement"]) == ("jpegls:near=3", "total_intensity"))
    expected = assess_extrapolated(
        chi_raw=row["chi_raw"],
        chi_codec=row["chi_codec"],
        raw=raw[:, :, 0, 2],
        group=2,
        decoded=decoded[1, :, 0, 2],
        rule=Simex("linear").extrapolation,
        u_mode=row["u_mode"],
        u_cal=row["u_cal"],
    )
    for name in ("sigma_raw", "epsilon_hat", "u", "spread_ratio", "rms_d", "centre_shift", "verdict"):
        assert row[name] == pytest.approx(getattr(expected, name)) if name != "verdict" else row[name] == expected.verdict
    assert (row["n"], row["method"], row["ks"], row["double_bootstrap"]) == (15, "extrapolation", None, None)
    assert not record.document["tukey"]
    assert {r["reason"] for r in record.document["undefined"] if r["field"] == "tukey"} == {"extrapolated"}
    assert sr.validate([frames[0]], camera, **common, batch=4).document["digest"] == record.document["digest"]


def test_the_mode_starts_again_from_its_own_replicas(frames: np.ndarray, camera: sr.CameraProfile) -> None:
    """Group G + 1 + j of bootstrap is what the mode draws around replica j of group 0; `double_bootstrap_groups=0` leaves it out."""
    from sigmaraw.contracts import ReplicaRequest
    from sigmaraw.noise import NoiseModel, draw, replica_mode
    from sigmaraw.statistics import double_bootstrap

    common: dict[str, Any] = {"codecs": ["lossless"], "pipeline": "otsu", "n": 24, "seed": 7}
    record = sr.validate([frames[0]], camera, mode="bootstrap:double_bootstrap_groups=3", **common)
    model, mode, pipeline = NoiseModel.from_profile(camera), replica_mode("bootstrap"), sr.pipeline("otsu")
    starts = sr.replicas(frames[0], camera, 3, mode="bootstrap", seed=7).values
    again = []
    for index, start in enumerate(starts):
        blocks = draw(mode, start, model, ReplicaRequest(12, seed=7, group=2 + index))
        again.append(pipeline.batch(np.concatenate(list(blocks)))["area"])
    row = next(r for r in record.document["results"] if r["measurement"] == "area")
    expected = double_bootstrap(record.dataset["raw_prediction"].values[:, :, 0, 1], np.array(again))
    assert row["double_bootstrap"] == pytest.approx(expected.value)
    assert set(expected.warnings) <= {entry["text"] for entry in row["warnings"]}
    design = record.document["design"]
    assert (design["double_bootstrap_groups"], design["double_bootstrap_replicas"]) == (3, 12)
    without = sr.validate([frames[0]], camera, mode="bootstrap:double_bootstrap_groups=0", **common).document["results"]
    assert all(r["double_bootstrap"] is None for r in without)
    assert [r["epsilon_hat"] for r in without] == [r["epsilon_hat"] for r in record.document["results"]]


def test_nothing_is_drawn_after_the_last_replica(frames: np.ndarray, camera: sr.CameraProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks of a mode are made before: where predictions become a record, drawing is an error."""
    run, work, marginal = (importlib.import_module(f"sigmaraw.{name}") for name in ("study.run", "study.work", "noise.marginal"))
    real, drawn = run.assemble, []
    draw = marginal.draw

    def counted(*args: Any) -> Any:
        drawn.append(args)
        return draw(*args)

    def forbidden(*args: Any) -> Any:
        raise AssertionError("drawn after the last replica")

    def assemble(*args: Any) -> Any:
        for module in (marginal, work):
            monkeypatch.setattr(module, "draw", forbidden)
        return real(*args)

    monkeypatch.setattr(marginal, "draw", counted)
    monkeypatch.setattr(run, "assemble", assemble)
    record = sr.validate([frames[0]], camera, codecs=["lossless"], pipeline="otsu", n=6, mode="around-raw", seed=1)
    assert len(drawn) == 1
    assert any(row["name"] == "marginal_variance_ratio" for row in record.document["mode_diagnostics"])


@pytest.mark.requirement("R-GUARD")
def test_a_pipeline_that_breaks_its_word_is_refused(frames: np.ndarray, camera: sr.CameraProfile) -> None:
    class Liar:
        spec = "liar"
        measurements = (Measurement("a", "1", "a", "a number"),)

        def config(self) -> dict[str, Any]:
            return {}

        def __call__(self, raw: Any) -> dict[str, float]:
            return {"b": 1.0}

        def batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
            return {"b": np.zeros(len(images))}

    with pytest.raises(InvalidPrediction, match="liar"):
        sr.validate([frames[0]], camera, codecs=["lossless"], pipeline=Liar(), n=2)


@pytest.mark.requirement("R-UNDEFINED")
def test_undefined_predictions_are_reported_not_dropped(camera: sr.CameraProfile, frames: np.ndarray) -> None:
    record = sr.validate([frames[0]], camera, codecs=["to8bit:minmax"], pipeline="tests.study.study_pipelines:sometimes_nan", n=10)
    (row,) = record.document["results"]
    assert row["epsilon_hat"] is None
    assert row["verdict"] == "INCONCLUSIVE"
    assert sum(entry["count"] for entry in record.document["undefined"]) > 0


def test_the_flag_rate_of_a_fresh_acquisition_is_48_percent(camera: sr.CameraProfile) -> None:
    """|ε| > 1 for an independent re-acquisition: both means scatter by σ, so the difference by √2·σ and P(|z| > 1/√2) = .4795.

    200 trials: SE = √(.48·.52/200) = .035; the band of ± .10 is 2.8 SE.
    """
    mean_e = np.full((32, 32), 60.0)
    flagged = 0
    for trial in range(200):
        raw, fresh = acquire(mean_e, 2, seed=1000 + trial)
        sigma = sr.replicas(raw, camera, 100, mode="around-raw", seed=trial).values.mean(axis=(1, 2)).std(ddof=1)
        flagged += abs(fresh.mean() - raw.mean()) / sigma > 1
    assert 0.38 <= flagged / 200 <= 0.58


def test_a_written_record_verifies_and_renders(record: Record, tmp_path: Any) -> None:
    from sigmaraw.study import verify

    path = record.write(tmp_path / "out")
    assert path.name == "report.html"
    assert verify(tmp_path / "out") == []
    assert Record.read(tmp_path / "out").document == record.document
    table = record.table()
    assert all(codec in table for codec in CODECS)
    assert {"PASS", "FAIL", "INCONCLUSIVE"} & set(table.split())


def test_a_function_states_its_kinds_and_cannot_claim_that_they_were_measured(frames: np.ndarray, camera: sr.CameraProfile) -> None:
    """Stated: the table's value of that kind. Not said: what a test on the image shows. Both are called what they are."""

    def measure(image: np.ndarray) -> dict[str, float]:
        return {"above": float((image > 150).sum()), "mean": float(image.mean())}

    measure.measurements = (  # type: ignore[attr-defined]
        Measurement("above", "px", "A", "pixels above 150 DN", kind="area", studied=True),
        Measurement("mean", "DN", "m", "mean of the frame"),
    )
    record = sr.validate([frames[0]], camera, codecs=["lossless"], pipeline=measure, n=4, mode="bootstrap", seed=1)
    above, mean = record.document["measurements"]
    assert (above["kind"], above["studied"]) == ("area", False)
    assert (mean["kind"], mean["studied"]) == ("", False)
    results = {row["measurement"]: row for row in record.document["results"]}
    assert results["mean"]["u_mode"] == pytest.approx(0.025)
    assert "area (stated, not measured on this pipeline)" in results["above"]["u_mode_source"]
    assert results["mean"]["u_mode_source"] == "bootstrap, linear in the noise (tested): that of a mean"
    assert "above (area)" in record.table() and "linear in the noise, which was tested: mean" in " ".join(record.table().split())
