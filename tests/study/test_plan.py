"""A plan is checked, expands to every replica once, and is not overruled by the command."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw.errors import InputNotFound, InvalidOption, InvalidPlan, UnknownName
from sigmaraw.study import Plan, merge_plan, read_plan


def test_items_cover_every_replica_of_every_group_once() -> None:
    plan = Plan(("lossless", "jpegls:near=2"), "otsu", n=23)
    covered = [(item.image, item.group, replica) for item in plan.items(2, 23) for replica in range(item.start, item.start + item.count)]
    assert sorted(covered) == [(image, group, replica) for image in range(2) for group in range(3) for replica in range(23)]
    assert len(covered) == len(set(covered))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"codecs": ()}, InvalidOption),
        ({"codecs": ("lossless", "lossless")}, InvalidOption),
        ({"n": 1}, InvalidOption),
        ({"seed": -1}, InvalidOption),
        ({"seed": 2**64}, InvalidOption),
        ({"mode": "magic"}, UnknownName),
        ({"k": 0.0}, InvalidPlan),
        ({"spread": 1.0}, InvalidPlan),
        ({"rms": float("nan")}, InvalidPlan),
        ({"margin": {"count": -1.0}}, InvalidPlan),
    ],
)
def test_a_plan_out_of_its_domain_is_refused(change: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        Plan(**{"codecs": ("lossless",), "pipeline": "otsu", **change})  # type: ignore[arg-type]  # wrong on purpose


def _plan_file(folder: Path, text: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plan_file_gives_what_the_command_leaves_out(tmp_path: Path) -> None:
    text = 'codecs = ["lossless"]\nn = 30\nroi = [4, 5]\n[limits]\nk = 0.5\nmargin.count = 2\n'
    plan = merge_plan(read_plan(_plan_file(tmp_path, text)), {"pipeline": "otsu", "seed": 7})
    assert plan == Plan(("lossless",), "otsu", n=30, seed=7, k=0.5, margin={"count": 2}, roi=(4, 5))


def test_the_command_may_repeat_but_not_overrule_a_plan(tmp_path: Path) -> None:
    content = read_plan(_plan_file(tmp_path, 'codecs = ["lossless"]\npipeline = "otsu"\nn = 30\n'))
    assert merge_plan(content, {"n": 30}).n == 30
    with pytest.raises(InvalidPlan, match="n is 20 in the command and 30 in the plan"):
        merge_plan(content, {"n": 20})


@pytest.mark.parametrize(
    "text",
    [
        "codecs = [",
        "colour = 3",
        "n = 3.5",
        "n = true",
        'codecs = "lossless"',
        "codecs = [3]",
        "roi = [1]",
        "roi = [1, -2]",
        "[limits]\nz = 1",
        '[limits]\nk = "one"',
        '[limits.margin]\ncount = "two"',
    ],
)
def test_a_malformed_plan_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises((InvalidPlan, InvalidOption)):
        read_plan(_plan_file(tmp_path, text))


def test_a_missing_plan_and_a_plan_without_codecs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound):
        read_plan(tmp_path / "none.toml")
    with pytest.raises(InvalidPlan, match="--codec"):
        merge_plan({}, {"pipeline": "otsu"})
    with pytest.raises(InvalidPlan, match="--pipeline"):
        merge_plan({}, {"codecs": ("lossless",)})


def test_the_hash_of_a_plan_changes_with_every_setting() -> None:
    base = Plan(("lossless",), "otsu")
    changed = [
        Plan(("jpegls:near=1",), "otsu"),
        Plan(("lossless",), "unet-demo"),
        Plan(("lossless",), "otsu", n=101),
        Plan(("lossless",), "otsu", seed=1),
        Plan(("lossless",), "otsu", k=2.0),
        Plan(("lossless",), "otsu", margin={"count": 1.0}),
        Plan(("lossless",), "otsu", scalars=True),
    ]
    hashes = {plan.row().sha256 for plan in (base, *changed)}
    assert len(hashes) == len(changed) + 1
    assert base.row() == Plan(("lossless",), "otsu").row()


def test_the_lock_is_the_sha256_of_the_canonical_plan_whatever_the_order_of_its_margins() -> None:
    margins = {"count": 2.0, "area": 30.0}
    text = (
        '{"codecs":["lossless"],"frame":null,"limits":{"k":1.0,"margin":{"area":30.0,"count":2.0},"rms":1.0,"spread":1.25},'
        '"mode":"bootstrap","n":50,"pipeline":"otsu","roi":null,"scalars":false,"seed":3,"volume":false}'
    )
    for listed in (margins, dict(reversed(margins.items()))):
        row = Plan(("lossless",), "otsu", n=50, seed=3, margin=listed).row("now")
        assert row.sha256 == hashlib.sha256(text.encode()).hexdigest()
        assert row.limits is not None and list(row.limits.margin) == ["area", "count"]  # printed in one order too
    assert Plan(("lossless",), "otsu", n=50, seed=3, margin=margins, k=1).row().sha256 == row.sha256  # 1 is 1.0
    assert Plan(("lossless",), "otsu", n=50, seed=3, margin={**margins, "area": 31}).row().sha256 != row.sha256


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n": 2.5}, "n = 2.5; expected a whole number"),
        ({"n": True}, "n = True; expected a whole number"),
        ({"seed": "a"}, "seed = 'a'; expected a whole number"),
        ({"roi": "a"}, "roi = 'a'; expected two whole numbers"),
        ({"roi": (1,)}, "expected two whole numbers"),
        ({"mode": 3}, "mode = 3; expected a text"),
        ({"rule": 1}, "rule = 1; expected a text"),
        ({"k": "1"}, "k = '1'; expected a number"),
        ({"margin": 2}, "margin = 2; expected margins by measurement"),
        ({"margin": {"total_intensity": "2"}}, "margin total_intensity = '2'; expected a number"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_before_anything_is_drawn(settings: dict[str, object], words: str) -> None:
    camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    image = (100 + np.random.default_rng(1).poisson(100, (16, 16))).astype(np.uint16)
    stated: dict[str, Any] = {"codecs": "lossless", "pipeline": "intensity", "n": 2, "mode": "around-raw"}
    with pytest.raises(InvalidOption, match=re.escape(words)):
        sr.validate(image, camera, **stated | settings)
    record = sr.validate(image, camera, **stated | {"n": np.int64(2), "seed": np.uint32(3)})
    assert (record.content.plan.n, record.content.plan.seed) == (2, 3)
