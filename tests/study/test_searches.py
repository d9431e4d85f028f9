"""A search end to end: what it may accept, what it must find, and that no image is on both sides. Truth: search_acceptance.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import sigmaraw as sr
from sigmaraw.errors import InvalidOption
from sigmaraw.record import content_of
from sigmaraw.record.fields import plain
from sigmaraw.study import verify
from sigmaraw.study.candidates import Candidate, CodecSummary, halfway, ladder, summary_of, weak_to_strong
from sigmaraw.study.division import split
from sigmaraw.study.grid import expand
from tests.reports.conftest import make_record
from tests.study import search_acceptance

RUNS = 6  # of each; search_acceptance.py runs 200


@pytest.fixture(autouse=True, scope="module")
def world() -> Iterator[Any]:
    """The codec of known effect and the mode without uncertainty, registered; the module with scenes and truth."""
    with pytest.MonkeyPatch.context() as patch:
        search_acceptance.register(patch.setitem)
        yield search_acceptance


# --- error rates ------------------------------------------------------------------------------------------------------
def test_the_virtual_truth_is_the_truth(world: Any) -> None:
    # χ of fresh frames: relative SE of a standard deviation is 1/√(2(n − 1)); of a mean shift √(p(1 − p)·pixels/n).
    frames = np.stack(world.frames(2000, 7))
    totals = frames.sum(axis=(1, 2), dtype=np.int64)
    assert abs(totals.std(ddof=1) / world.sigma_raw() - 1) < 4 / np.sqrt(2 * 1999)
    shift = sr.codec(world.spec(1.0)).roundtrip(frames)[0].sum(axis=(1, 2), dtype=np.int64) - totals
    share = world.sigma_raw() / frames[0].size
    assert abs(shift.mean() - world.sigma_raw()) < 4 * np.sqrt(share * (1 - share) * frames[0].size / 2000)


@pytest.mark.requirement("R-SEARCH")
def test_a_setting_at_the_margin_is_rarely_accepted_even_where_tuning_images_mislead(world: Any) -> None:
    # On bright tuning images every setting is harmless, so the one at ε = 1 is always asked for; α a run at most.
    scenario = world.SCENARIOS["nominal"]
    results = [world.run(scenario, seed, n=30) for seed in range(1000, 1000 + RUNS)]
    asked = [plain(result.summary)["families"][0]["tried"][-1]["confirmation"] is not None for result in results]
    accepted = sum(result.recommended == world.spec(1.0) for result in results)
    assert all(asked)
    assert accepted <= stats.binom.ppf(0.9999, RUNS, 0.05)
    returned = [result.chosen["shift:by=*"] for result in results]
    assert returned.count(world.spec(0.6)) == RUNS - accepted
    assert {plain(result.summary)["families"][0]["outcome"] for result in results} <= {"weaker setting confirmed", "confirmed"}


def test_the_strongest_tolerable_setting_is_found_where_steps_are_wide(world: Any) -> None:
    scenario = world.SCENARIOS["steps"]
    answers = [world.run(scenario, seed).recommended for seed in range(2000, 2000 + RUNS)]
    assert answers.count(world.spec(scenario.wanted)) >= stats.binom.ppf(0.01, RUNS, 0.9)
    assert set(answers) <= {world.spec(epsilon) for epsilon in scenario.epsilons if epsilon < 1} | {None}


# --- how it goes ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def found(world: Any) -> sr.SearchResult:
    """A search over two families of six images, with rounds of halving."""
    sigma = world.sigma_raw()
    return sr.search(
        world.frames(6, 11),
        world.camera(),
        codecs=[f"shift:by={0.1 * sigma:.4g}|{1.6 * sigma:.4g}", "lossless:zstd|rice"],
        pipeline=world.total,
        n=30,
        seed=4,
        mode="exact",
        rms=2.0,
        refine=2,
    )


def test_halving_goes_on_between_what_passes_and_what_does_not(found: sr.SearchResult, world: Any) -> None:
    family = plain(found.summary)["families"][0]
    tried = [(row["round"], row["value"] / world.sigma_raw(), row["tuning"]["verdict"] == "PASS") for row in family["tried"]]
    values = [value for _, value, _ in tried]
    assert values == sorted(values)
    assert sorted(row[0] for row in tried) == [1, 1, 2, 3]
    second = next(value for number, value, _ in tried if number == 2)
    assert second == pytest.approx(0.4, rel=1e-3)  # √(0.1·1.6): middle of the logarithms, and it passes
    third = next(value for number, value, _ in tried if number == 3)
    assert third == pytest.approx(0.8, rel=1e-3)
    assert [len(record.document["codecs"]) for record in found.tuning] == [4, 1, 1]


def test_families_end_where_they_must(found: sr.SearchResult) -> None:
    shift, zstd = plain(found.summary)["families"][0], plain(found.summary)["families"][1]
    assert shift["outcome"] in ("confirmed", "weaker setting confirmed") and not shift["at_end"]
    assert zstd["curve"] == "lossless:*" and zstd["chosen"] in ("lossless:zstd", "lossless:rice") and zstd["at_end"]
    best = max(zstd["tried"], key=lambda row: row["compression_ratio"])
    assert zstd["chosen"] == best["codec"] == found.recommended  # the other codec grows its input: it never compresses most
    assert plain(found.summary)["error_rate"] == {"recommended": 0.05, "each_family": 0.05, "all_families": pytest.approx(0.10)}
    assert shift["exceedance_upper"] == pytest.approx((1 - 0.05 ** (1 / 3)) / 0.95)


@pytest.mark.requirement("R-SEARCH")
def test_no_image_is_on_both_sides_and_all_are_used(found: sr.SearchResult) -> None:
    images = plain(found.summary)["images"]
    assert len(images["tuning"]) == len(images["confirmation"]) == 3
    assert len({*images["tuning"], *images["confirmation"]}) == 6
    assert found.confirmation is not None
    assert [row["sha256"] for row in found.confirmation.document["images"]] == images["confirmation"]


@pytest.mark.requirement("R-SEARCH")
def test_the_confirmation_tests_each_rung_weak_to_strong(found: sr.SearchResult) -> None:
    assert found.confirmation is not None
    asked = [row["codec"] for row in plain(found.summary)["families"][0]["tried"] if row["confirmation"] is not None]
    assert found.confirmation.document["plan"]["codecs"][: len(asked)] == asked
    for row in plain(found.summary)["families"][0]["tried"]:
        if row["confirmation"] is not None:
            assert row["tuning"]["verdict"] == "PASS"
            assert summary_of(found.confirmation.content, row["codec"]).verdict == row["confirmation"]["verdict"]


def test_a_search_is_written_whole_and_verifies(found: sr.SearchResult, tmp_path: Path) -> None:
    report = found.write(tmp_path)
    assert report == tmp_path / "confirmation" / "report.html"
    assert json.loads((tmp_path / "search.json").read_text()) == plain(found.summary)
    for entry, record in zip(plain(found.summary)["records"], (*found.tuning, found.record), strict=True):
        assert verify(tmp_path / entry["folder"]) == []
        assert entry["digest"] in (record.document["digest"], None)
    text = found.table()
    assert "← chosen" in text and f"Recommended: {found.recommended}" in text and "at most 5.0 %" in text
    page = report.read_text()
    assert "Search for the strongest tolerable setting" in page and "at most 66 %" in page.replace("\u202f", " ")


def test_the_same_search_is_the_same(found: sr.SearchResult, world: Any) -> None:
    again = world.run(world.SCENARIOS["steps"], 3, n=12)
    once_more = world.run(world.SCENARIOS["steps"], 3, n=12)
    assert again.summary == once_more.summary
    assert again.record.document["digest"] == once_more.record.document["digest"]


def test_where_nothing_passes_nothing_is_confirmed(world: Any, tmp_path: Path) -> None:
    grid = f"shift:by={1.5 * world.sigma_raw():.4g}|{1.9 * world.sigma_raw():.4g}"
    result = sr.search(world.frames(2, 3), world.camera(), codecs=grid, pipeline=world.total, n=20, seed=1, mode="exact")
    assert result.confirmation is None and result.recommended is None
    assert plain(result.summary)["families"][0]["outcome"] == "nothing passed tuning"
    assert result.record.document["search"] == plain(result.summary)
    assert "No setting passed on the tuning images" in result.table()
    page = result.write(tmp_path).read_text()
    assert "This record is of 1 tuning image." in page and not (tmp_path / "confirmation").exists()
    assert verify(tmp_path / "tuning") == []


def test_a_stated_share_allows_failures_and_needs_images(world: Any) -> None:
    options: dict[str, Any] = {"codecs": "shift:by=1|2", "pipeline": world.total, "n": 4, "mode": "exact", "exceedance": 0.5}
    with pytest.raises(InvalidOption, match="at least 5 held-out images"):
        sr.search(world.frames(8, 3), world.camera(), **options)


# --- its parts --------------------------------------------------------------------------------------------------------
def _candidate(spec: str, ratio: float, passed: bool) -> Candidate:
    return Candidate(expand(spec)[0], 1, CodecSummary("PASS" if passed else "FAIL", "", 1, int(not passed), ratio, 60.0, 0.1), passed)


def test_settings_are_ordered_by_bytes_and_ties_by_the_knob() -> None:
    made = [_candidate(f"jpegls:near={near}|99", ratio, True) for near, ratio in ((3, 2.0), (1, 2.0), (2, 1.0))]
    assert [candidate.point.value for candidate in weak_to_strong(made)] == [2, 1, 3]


def test_the_ladder_holds_what_passed_up_to_the_strongest() -> None:
    passed = (True, True, False, True, False)
    ordered = [_candidate(f"jpegls:near={near}|99", float(near), good) for near, good in zip(range(1, 6), passed, strict=True)]
    assert [candidate.point.value for candidate in ladder(ordered, 0)] == [4]
    assert [candidate.point.value for candidate in ladder(ordered, 1)] == [2, 4]
    assert [candidate.point.value for candidate in ladder(ordered, 9)] == [1, 2, 4]
    assert ladder([entry for entry in ordered if not entry.passed], 2) == []


def test_there_is_no_half_way_between_neighbours_words_or_beyond_the_end() -> None:
    def pair(first: str, second: str, passed: tuple[bool, bool] = (True, False)) -> list[Candidate]:
        return [_candidate(first, 1.0, passed[0]), _candidate(second, 2.0, passed[1])]

    point = halfway(pair("jpegls:near=2|99", "jpegls:near=8|99"))
    assert point is not None and point.codec == "jpegls:near=4"
    assert halfway(pair("jpegls:near=2|99", "jpegls:near=3|99")) is None
    assert halfway(pair("to8bit:minmax|shift", "to8bit:shift|minmax")) is None
    assert halfway(pair("jpegls:near=2|99", "jpegls:near=8|99", (True, True))) is None
    assert halfway(pair("jpegls:near=2|99", "jpegls:near=8|99", (False, False))) is None
    linear = halfway(pair("jpeg:quality=90|99", "jpeg:quality=50|99"))
    assert linear is not None and linear.codec == "jpeg:quality=70"


def test_an_image_fails_when_any_of_its_answers_does(found: sr.SearchResult) -> None:
    rows = [(0, "PASS"), (0, "INCONCLUSIVE"), (1, "PASS"), (1, "PASS"), (2, "FAIL"), (2, "PASS")]
    document = make_record(images=3, codecs=1, measurements=2)
    for row, (image, verdict) in zip(document["results"], rows, strict=True):
        row |= {"image": image, "verdict": verdict, "reason": "r", "epsilon_hat": -2.0}
    document["codecs"][0]["verdict"] = "FAIL"
    summary = summary_of(content_of(document), "lossless")
    assert (summary.images, summary.failing, summary.verdict, summary.reason, summary.epsilon_hat) == (3, 2, "FAIL", "r", -2.0)
    document["codecs"][0]["verdict"] = "PASS"  # the mean effect decides, not the worst of the rows
    summary = summary_of(content_of(document), "lossless")
    assert (summary.failing, summary.verdict, summary.reason) == (2, "PASS", "")


def test_inputs_are_divided_by_the_seed_and_stay_in_order() -> None:
    files = [f"{index}.tif" for index in range(10)]
    tuning, held_out = split(files, None, 0.3, 5)
    assert sorted(tuning + held_out) == files and len(held_out) == 3
    assert tuning == sorted(tuning) and held_out == sorted(held_out)
    assert split(files, None, 0.3, 5) == (tuning, held_out) != split(files, None, 0.3, 6)
    assert [len(part) for part in split(files[:2], None, 0.99, 1)] == [1, 1]
    with pytest.raises(InvalidOption, match="at least two files"):
        split(files[:1], None, 0.5, 1)
    with pytest.raises(InvalidOption):
        split(files, [], 0.5, 1)


@pytest.mark.requirement("R-SEARCH")
def test_an_image_on_both_sides_is_refused_before_anything_runs(world: Any) -> None:
    frames = world.frames(3, 1)
    with pytest.raises(InvalidOption, match="among the tuning and the held-out"):
        sr.search(frames[:2], world.camera(), codecs="shift:by=1", pipeline=world.total, confirm=[np.stack(frames)])


@pytest.mark.parametrize("wrong", [{"fraction": 0.0}, {"fraction": 1.0}, {"refine": -1}, {"back": -1}, {"exceedance": 2.0}])
def test_a_rule_out_of_its_domain_is_refused(world: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        sr.search(world.frames(2, 1), world.camera(), codecs="shift:by=1", pipeline=world.total, **wrong)
