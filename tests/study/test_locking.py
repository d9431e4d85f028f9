"""A plan is locked before data are seen: an edit, a lock that came later and a missing lock are refused; the log only grows."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.errors import InvalidPlan
from sigmaraw.record.design import LockRow, ProtocolRow
from sigmaraw.study import Plan, read_plan, require_lock, run, write_locked
from sigmaraw.study.inputs import pixel_hash
from sigmaraw.study.locking import digest_of_plan, toml_text
from sigmaraw.study.reads import first_reads, log_path, note_reads

CAMERA = sr.CameraProfile.from_values(gain=0.5, offset=100.0, read_noise=2.0, bits=12)
CONTENT = {
    "codecs": ["lossless"],
    "pipeline": "intensity",
    "n": 4,
    "mode": "around-raw",
    "question": 'is "lossless" lossless?\n',
    "context_of_use": "archive",
    "images": 1,
    "limits": {"k": 1.0, "margin": {"mean_intensity": 2.5}},
    "rationale": {"mean_intensity": "below the lamp's drift, 3 DN \\ h"},
}


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGMARAW_STATE", str(tmp_path / "state"))


def image(seed: int) -> np.ndarray:
    return (100 + np.random.default_rng(seed).poisson(100, (24, 24))).astype(np.uint16)


def test_what_is_written_is_read_and_the_digest_ignores_layout(tmp_path: Path) -> None:
    lock = write_locked(tmp_path / "plan.toml", CONTENT)
    content = tomllib.loads((tmp_path / "plan.toml").read_text())
    assert {key: value for key, value in content.items() if key != "lock"} == CONTENT
    assert content["lock"] == {"sha256": lock.sha256, "time": lock.created}
    assert digest_of_plan(content) == lock.sha256 == digest_of_plan(dict(reversed(CONTENT.items())))
    values = read_plan(tmp_path / "plan.toml")
    assert values["protocol"].question == CONTENT["question"] and Plan(**values).margin == {"mean_intensity": 2.5}
    odd = {"a b": "x\x7f\t", "t": {"ü": [1, 2.5, True, "y"]}}
    assert tomllib.loads(toml_text(odd)) == odd


@pytest.mark.requirement("R-PLAN")
@pytest.mark.parametrize("old, new", [("n = 4", "n = 5"), ("k = 1.0", "k = 2.0"), ("archive", "diagnosis"), ("drift, 3", "drift, 4")])
def test_an_edited_plan_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "plan.toml"
    write_locked(path, CONTENT)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    for read in (read_plan, lambda file: require_lock(file, exploratory=True)):
        with pytest.raises(InvalidPlan, match="edited after it was locked"):
            read(path)


def test_a_plan_without_a_lock_is_exploratory_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(toml_text(CONTENT))
    with pytest.raises(InvalidPlan, match="not locked"):
        require_lock(path, exploratory=False)
    assert require_lock(path, exploratory=True) == LockRow(state="exploratory")


@pytest.mark.requirement("R-PLAN")
def test_a_lock_after_the_first_read_is_refused_and_one_before_it_is_recorded() -> None:
    plan, now = Plan(("lossless",), "intensity", mode="around-raw", n=2), datetime.now(UTC)
    early, late = (LockRow(state="locked", sha256="0", created=(now + timedelta(hours=hours)).isoformat()) for hours in (-1, 1))
    record = run(plan, [image(1)], CAMERA, lock=early)
    assert record.content.plan.lock == early and "Plan locked" in record.table()
    with pytest.raises(InvalidPlan, match="first read at"):
        run(plan, [image(1)], CAMERA, lock=late)
    run(plan, [image(2)], CAMERA, lock=early)  # a fresh image, and the first one a second time: both locked before
    run(plan, [image(1)], CAMERA, lock=early)
    shown = run(plan, [image(1)], CAMERA, lock=LockRow(state="exploratory"))
    assert "EXPLORATORY" in shown.table()
    assert shown.content.plan.sha256 == record.content.plan.sha256  # the lock is no part of what is hashed


@pytest.mark.requirement("R-PLAN")
def test_the_log_keeps_the_first_time_and_only_grows() -> None:
    note_reads(["a", "b"], "2026-01-02T00:00:00+00:00")
    before = log_path().read_text()
    note_reads(["b", "c", "c"], "2026-01-03T00:00:00+00:00")
    assert log_path().read_text().startswith(before) and len(log_path().read_text().splitlines()) == 3
    assert first_reads() == {"a": "2026-01-02T00:00:00+00:00", "b": "2026-01-02T00:00:00+00:00", "c": "2026-01-03T00:00:00+00:00"}
    sr.validate([image(3)], CAMERA, codecs="lossless", pipeline="intensity", n=2, mode="around-raw")
    assert pixel_hash(image(3)) in first_reads()
    log_path().write_text("nonsense\n")
    with pytest.raises(InvalidPlan, match="line 1"):
        first_reads()


@pytest.mark.requirement("R-PLAN")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"margin": {"mean_intensty": 2.0}}, "margin for 'mean_intensty'; expected one of total_intensity, mean_intensity"),
        ({"protocol": ProtocolRow(endpoints=("mean_intensty",))}, "endpoint 'mean_intensty'; expected one of total_intensity"),
    ],
)
def test_a_misspelt_name_in_a_locked_plan_does_not_use_up_the_data(settings: dict[str, Any], words: str) -> None:
    plan = Plan(("lossless",), "intensity", mode="around-raw", n=2)
    lock = LockRow(state="locked", sha256="0", created="2026-01-02T00:00:00+00:00")
    with pytest.raises(InvalidPlan, match=words):
        run(replace(plan, **settings), [image(5)], CAMERA, lock=lock)
    assert first_reads() == {}
    later = LockRow(state="locked", sha256="0", created=(datetime.now(UTC) + timedelta(seconds=5)).isoformat())
    run(plan, [image(5)], CAMERA, lock=later)  # the corrected plan, locked after the refusal


def test_rules_are_known_by_name() -> None:
    with pytest.raises(InvalidPlan, match="one of equivalence, pomarico, cunha"):
        Plan(("lossless",), "otsu", rule="none")


def test_a_plan_states_nothing_new_by_its_defaults() -> None:
    """The digest of a plan without rule, specimens and protocol is what it was before there were such parts."""
    values = '{"codecs":["lossless"],"frame":null,"limits":{"k":1.0,"margin":{},"rms":1.0,"spread":1.25},"mode":"around-raw","n":2,'
    values += '"pipeline":"otsu","roi":null,"scalars":false,"seed":0,"volume":false}'
    import hashlib

    assert Plan(("lossless",), "otsu", mode="around-raw", n=2).row().sha256 == hashlib.sha256(values.encode()).hexdigest()
    assert Plan(("lossless",), "otsu", mode="around-raw", n=2, rule="pomarico").row().sha256 != hashlib.sha256(values.encode()).hexdigest()
