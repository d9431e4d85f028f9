"""A watch as people use it: fit, check, report; its state, edited, killed and gone on with."""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import sigmaraw as sr
from sigmaraw.errors import InputNotFound, IntegrityError, InvalidOption, ProfileMismatch, ProgramNotAllowed, UnreadableFile
from sigmaraw.virtual import VirtualCamera, nuclei_scene
from sigmaraw.watch import Setup, State, Watch, exceedance, figure, fit, intervals, summary
from sigmaraw.watch.exceedance import Limits
from sigmaraw.watch.fitting import hash_of, parts_of
from sigmaraw.watch.recalibration import interval
from tests.cli.conftest import sigmaraw  # noqa: F401 (a fixture)

SHAPE = (64, 64)
REFERENCE, NEW = 48, 24


def _frames(folder: Path, count: int, seed: int, gain: float = 0.46) -> list[Path]:
    camera = VirtualCamera(shape=SHAPE, seed=1, gain=gain)
    folder.mkdir()
    paths = []
    for index in range(count):
        scene = nuclei_scene(SHAPE, 4, seed=seed + index, radius_px=5.0)
        paths.append(folder / f"f{index:03}.tif")
        tifffile.imwrite(paths[-1], camera.acquire(scene.mean_e, 1, [seed, index])[0])
    return paths


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames of the reference, frames like them, frames of a camera with a 40 % higher gain, and the profile."""
    folder = tmp_path_factory.mktemp("lab")
    _frames(folder / "reference", REFERENCE, 1000)
    _frames(folder / "new", NEW, 7000)
    _frames(folder / "louder", NEW, 9000, gain=0.46 * 1.4)
    camera = VirtualCamera(shape=SHAPE, seed=1)
    profile = sr.CameraProfile.from_values(gain=camera.gain, offset=camera.offset_dn, read_noise=camera.read_noise_e, bits=camera.bits)
    profile.to_netcdf(folder / "camera.nc")
    return folder


@pytest.fixture(scope="module")
def fitted(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a state with statistics, residuals and measurements."""
    path = tmp_path_factory.mktemp("state") / "watch.db"
    setup = Setup(("statistics", "residuals", "measurements"), "otsu", str(lab / "camera.nc"), window=6, run_time=400)
    State.created(path, fit(setup, [lab / "reference"])).close()
    return path.read_bytes()


@pytest.fixture
def state(fitted: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "watch.db"
    path.write_bytes(fitted)
    return path


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_like_frames_pass_and_another_gain_is_found(lab: Path, state: Path, sigmaraw: Callable) -> None:  # noqa: F811
    quiet = sigmaraw("watch", "check", lab / "new", "--state", state)
    lines = _lines(quiet.out)
    assert len(lines) == NEW and not any("sequential" in line["alarms"] for line in lines)
    # 24 of 400 frames to a false alarm: one comes with 0.06, two with 0.002. One stands for as long as its frame is in the window of 6.
    assert sum(line["alarm"] for line in lines) <= 6 and quiet.code == int(any(line["alarm"] for line in lines))
    assert lines[0]["online"]["statistics"]["statistic"] is None and lines[5]["online"]["statistics"]["statistic"] is not None
    again = _lines(sigmaraw("watch", "check", lab / "new", "--state", state).out)
    assert [line["repeat_of"] for line in again] == [line["number"] for line in lines], "a frame is counted once"
    loud = sigmaraw("watch", "check", lab / "louder", "--state", state)
    assert loud.code == 1
    first = next(k for k, line in enumerate(_lines(loud.out)) if "sequential" in line["alarms"])
    assert first < 12
    assert _lines(loud.out)[-1]["log10_e"]["residuals"] > 2
    repeated = sigmaraw("watch", "check", lab / "louder", "--state", state)
    assert repeated.code == 1 and [line["alarms"] for line in _lines(repeated.out)] == [line["alarms"] for line in _lines(loud.out)]
    out = state.parent / "out"
    report = sigmaraw("watch", "report", "--state", state, "-o", out, "--json")
    found = json.loads(report.out)
    assert found["frames"] == 2 * NEW and found["first_alarm"] <= NEW + first + 1
    assert found["offline"]["residuals"]["p_adjusted"] < 0.01
    assert sum(found["run_lengths"]) <= found["frames"]
    assert (out / "watch.svg").read_text().startswith("<svg") and json.loads((out / "watch.json").read_text()) == found


def test_a_frame_is_named_by_its_dtype_shape_and_pixels() -> None:
    frame = np.arange(24, dtype=np.uint16).reshape(4, 6)
    stated = hashlib.sha256(b"uint16 (4, 6) " + frame.tobytes()).hexdigest()
    assert hash_of(frame) == stated and hash_of(np.repeat(frame, 2, axis=1)[:, ::2]) == stated
    assert len({hash_of(frame), hash_of(frame.reshape(6, 4)), hash_of(frame.astype(np.uint8)), hash_of(frame + 1)}) == 4


def test_a_state_goes_on_as_if_it_had_never_been_closed(lab: Path, state: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(state.read_bytes())
    frames = [(path.name, tifffile.imread(path)) for path in sorted((lab / "new").iterdir())[:10]]
    usual = State(state).entries[0].body["features"]
    lost = {name: np.full(len(rows[0]), np.nan if name == "measurements" else 0.5) for name, rows in usual.items()}
    whole = Watch(State(state))
    expected = [whole.check(*frame) for frame in frames[:5]]
    expected += [whole.add("lost", "0", lost, None), *(whole.check(*frame) for frame in frames[5:])]
    found = []
    for frame in [*frames[:5], None, *frames[5:]]:
        opened = State(other)
        watched = Watch(opened)
        found.append(watched.add("lost", "0", lost, None) if frame is None else watched.check(*frame))
        opened.close()
    for line in (*expected, *found):
        del line["features_ms"], line["watch_ms"]
    assert found == expected, "digests included"


def test_a_kill_leaves_whole_entries(lab: Path, state: Path) -> None:
    opened = State(state)
    watched = Watch(opened)
    paths = sorted((lab / "new").iterdir())
    watched.check("a", tifffile.imread(paths[0]))
    connection = opened._connection
    connection.execute("BEGIN")
    connection.execute("INSERT INTO entries VALUES (2, 'frame', '{}', 'half')")
    opened.close()  # without a commit, as a kill leaves it
    after = State(state)
    assert len(after.entries) == 2
    assert Watch(after).check("b", tifffile.imread(paths[1]))["number"] == 2


@pytest.mark.parametrize("how", ["body", "digest", "removed", "moved", "threshold"])
def test_a_state_edited_by_hand_is_refused(how: str, lab: Path, state: Path) -> None:
    opened = State(state)
    watched = Watch(opened)
    for path in sorted((lab / "new").iterdir())[:3]:
        watched.check(path.name, tifffile.imread(path))
    opened.close()
    with pytest.raises(sqlite3.IntegrityError, match="only added"), sqlite3.connect(state) as connection:
        connection.execute("DELETE FROM entries WHERE number = 3")
    connection = sqlite3.connect(state)
    connection.executescript("DROP TRIGGER no_update; DROP TRIGGER no_delete;")
    edits = {
        "body": "UPDATE entries SET body = replace(body, '\"alarm\":false', '\"alarm\":true') WHERE number = 2",
        "digest": "UPDATE entries SET digest = 'x' WHERE number = 1",
        "removed": "DELETE FROM entries WHERE number = 1",
        "moved": "UPDATE entries SET number = 9 WHERE number = 2",
        "threshold": "UPDATE entries SET body = replace(body, '\"threshold\":', '\"threshold\":1') WHERE number = 0",
    }
    assert connection.execute(edits[how]).rowcount == 1
    connection.commit()
    connection.close()
    with pytest.raises(IntegrityError, match="changed by hand"):
        State(state)


def test_what_is_no_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound):
        State(tmp_path / "absent.db")
    for name, content in (("text.db", b"hello" * 300), ("empty.db", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableFile):
            State(tmp_path / name)


def test_two_processes_do_not_mix_their_entries(lab: Path, state: Path) -> None:
    first, second = State(state), State(state)
    frame = tifffile.imread(lab / "new" / "f000.tif")
    Watch(first).check("a", frame)
    with pytest.raises(IntegrityError, match="another process"):
        second.add("frame", {})


def test_another_camera_or_reference_is_refused(lab: Path, state: Path, tmp_path: Path) -> None:
    setup = Setup(("residuals",), None, str(lab / "camera.nc"), window=6, run_time=100)
    with pytest.raises(InvalidOption, match="named as corrupted"):
        fit(setup, [lab / "reference"], corrupted=["f007"])
    with pytest.raises(InvalidOption, match="are the same"):
        fit(setup, [lab / "reference", lab / "reference" / "f003.tif"])
    with pytest.raises(InvalidOption, match="4 windows"):
        fit(setup, [lab / "reference" / "f003.tif"])
    with pytest.raises(InvalidOption, match="feature 'colour'"):
        fit(Setup(("colour",)), [lab / "reference"])
    content = State(state).entries[0].body
    content["hashes"]["camera"] = "0" * 64
    opened = State.created(tmp_path / "b.db", {key: value for key, value in content.items() if key != "schema"})
    with pytest.raises(IntegrityError, match="camera is not the one"):
        Watch(opened).check("x", tifffile.imread(lab / "new" / "f000.tif"))


def test_an_answer_that_is_undefined_is_strange(state: Path) -> None:
    watched = Watch(State(state))
    features = {name: np.array(watched.state.entries[0].body["features"][name][0]) for name in watched.groups}
    usual = watched.add("usual", "1", features, None)
    lost = watched.add("lost", "2", {**features, "measurements": np.full(4, np.nan)}, None)
    assert lost["log10_e"]["measurements"] > usual["log10_e"]["measurements"]
    assert lost["online"]["measurements"]["statistic"] is None
    assert figure(watched.state).axes[1].get_ylabel() == "log₁₀ evidence"
    assert summary(watched.state)["offline"]["statistics"]["undefined"]


def test_exceedances_of_the_studys_limits_are_counted(lab: Path, tmp_path: Path, sigmaraw: Callable) -> None:  # noqa: F811
    common = ["--camera", lab / "camera.nc", "--pipeline", "intensity", "-n", 4, "--mode", "around-raw", "-q"]
    study = sigmaraw("validate", lab / "reference" / "f000.tif", *common, "--codec", "to8bit:minmax", "-o", tmp_path / "study")
    assert study.code == 0, study.err
    made = sigmaraw(
        "watch", "fit", lab / "reference", "-o", tmp_path / "w.db", "--camera", lab / "camera.nc", "--window", 6, "--run-time", 100,
        "--record", tmp_path / "study", "--codec", "to8bit:minmax", "--feature", "statistics", "-q",
    )  # fmt: skip
    assert made.code == 0, made.err
    assert "limits of to8bit:minmax" in made.out
    line = _lines(sigmaraw("watch", "check", lab / "new" / "f000.tif", "--state", tmp_path / "w.db").out)[0]
    assert isinstance(line["exceeded"], list) and "exceedance" in line["log10_e"]


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the working folder, which leaves the file `ran` where it is run."""
    name = f"code_{tmp_path.parent.name}_{tmp_path.name}".translate(str.maketrans("-[]", "___"))
    text = "def total(image): return {'total': float(image.sum())}\ndef bright(image): return image > image.mean()\n"
    (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n{text}")
    (tmp_path / "own.toml").write_text(f'spec = "{name}:total"')
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize("spec", ["{0}:total", "{0}.py:total", "labels:{0}.py:bright", "otsu & {0}:total", "own.toml"])
def test_code_that_a_file_names_runs_only_where_the_user_typed_it(spec: str, code: str, tmp_path: Path) -> None:
    setup = Setup(("measurements",), spec.format(code))
    for typed in ((), ("otsu",)):
        with pytest.raises(ProgramNotAllowed, match="type this specification with --pipeline"):
            parts_of(setup, typed)
    assert not (tmp_path / "ran").exists()
    parts_of(setup, (spec.format(code),))
    assert (tmp_path / "ran").exists()


def test_a_codec_of_a_state_imports_no_code_either() -> None:
    spec = "denoise:method=os:getcwd,gain=1,offset=0,read_noise=1"
    with pytest.raises(ProgramNotAllowed, match="type this specification with --codec"):
        parts_of(Setup(("statistics",), "intensity", limits=Limits(spec, {"x": 1.0}, "intensity")), ["intensity"])


def test_watch_fit_and_check_run_no_code_of_a_record_or_state(
    code: str, lab: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sigmaraw: Callable  # noqa: F811
) -> None:  # fmt: skip
    """Typed in `watch check`, the pipeline is run; another one than the state's is refused."""
    spec = f"{code}:total"
    monkeypatch.setattr(exceedance, "limits_of", lambda folder, codec: Limits("to8bit:minmax", {"total": 1.0}, spec))
    refused = sigmaraw("watch", "fit", lab / "reference", "-o", tmp_path / "w.db", "--record", tmp_path, "-q")
    assert refused.code == 2 and "type this specification with --pipeline" in refused.err
    body = dict(State(state).entries[0].body)
    del body["schema"]
    body["setup"] |= {"pipeline": spec}
    State.created(tmp_path / "hostile.db", body).close()
    check = ["watch", "check", lab / "new" / "f000.tif", "--state", tmp_path / "hostile.db"]
    refused = sigmaraw(*check)
    assert refused.code == 2 and "type this specification with --pipeline" in refused.err
    assert "as in the state" in sigmaraw(*check, "--pipeline", "otsu").err
    assert not (tmp_path / "ran").exists()
    sigmaraw(*check, "--pipeline", spec)
    assert (tmp_path / "ran").exists()


def test_the_interval_of_recalibration_is_its_equation() -> None:
    days, u, drift = np.arange(0, 500, 50.0), 0.01, 0.002
    found = interval(days, 1 + drift * days, [u] * 10, bound=0.5)
    drift_u = u / math.sqrt(((days - days.mean()) ** 2).sum())
    assert found[1:] == (pytest.approx(drift), pytest.approx(drift_u), 0.0)
    quantile = 1.8595  # t, 95 %, 8 degrees of freedom
    assert drift * found[0] + quantile * math.sqrt((drift_u * found[0]) ** 2 + u**2) == pytest.approx(0.5, rel=1e-4)
    rough = np.array([1 + 0.1 * (-1) ** k for k in range(10)])
    # With one u for all, τ² = RSS/(n − 2) − u².
    residuals = rough - np.polyval(np.polyfit(days, rough, 1), days)
    tau = math.sqrt((residuals**2).sum() / 8 - u**2)
    assert interval(days, rough, [u] * 10, bound=0.5)[3] == pytest.approx(tau, rel=1e-6), "what calibrations differ by beyond their errors"
    assert interval(days, 1 + drift * days, [u] * 10, bound=0.01)[0] == 0.0
    with pytest.raises(InvalidOption, match="at least 4"):
        interval([0, 1, 2], [1, 1, 1], [0.1] * 3, 1.0)


def test_intervals_of_profiles() -> None:
    """A gain that grows by 0.001 in 30 days: b exactly, and u_b = u/√Σ(t − t̄)², u the standard error of each gain."""
    u = 0.0005

    def profile(gain: float, bits: int = 12) -> sr.CameraProfile:
        return sr.CameraProfile.from_values(gain=gain, gain_se=u, offset=100, read_noise=2, read_noise_se=0.01, bits=bits)

    days = 30.0 * np.arange(5)
    history = [(date(2026, 1, 1) + timedelta(days=float(day)), profile(0.5 + 0.001 * day / 30)) for day in days]
    found = {row.quantity: row for row in intervals(history)}
    assert set(found) == {"gain", "read_noise", "dark_noise"}, "those with a standard error"
    gain = found["gain"]
    assert gain.drift == pytest.approx(0.001 / 30)
    assert gain.drift_u == pytest.approx(u / math.sqrt(((days - days.mean()) ** 2).sum()))
    with pytest.raises(ProfileMismatch):
        intervals([*history, (date(2027, 1, 1), profile(0.5, bits=10))])
