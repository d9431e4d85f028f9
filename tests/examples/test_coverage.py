"""The coverage study on one small scene: what must come out whatever the numbers of the full one are."""

from __future__ import annotations

import json
import math
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigmaraw.errors import UnreadableFile

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DRAW = runpy.run_path(str(EXAMPLES / "04_coverage.py"))
PAGE = runpy.run_path(str(EXAMPLES / "08_coverage_page.py"))
TABLES = runpy.run_path(str(EXAMPLES / "06_coverage_tables.py"))
SIZES = ["--truth", "400", "--replicas", "160", "--network", "4", "--network-coded", "2", "--coded", "80", "--again", "40", "--side", "96"]
TRUTH, REPLICAS = 400, 160
# Relative SE of a ratio of two standard deviations of normal predictions.
SE = math.sqrt(1 / (2 * (TRUTH - 1)) + 1 / (2 * (REPLICAS - 1)))
MODES = ["around-raw", "bootstrap", "simex", "simex, linear", "mean-n, n = 4", "mean-n, n = 16", "repeats"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coverage")
    command = ["04_coverage.py", "--out", str(path), "--scenes", "0", "--levels", "30", "--frames", "1", *SIZES]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", command)
        DRAW["main"]()
    return path


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[dict[str, Any]]:
    return list(TABLES["cells"](folder))


def of(rows: list[dict[str, Any]], mode: str, feature: str) -> dict[str, Any]:
    (row,) = [row for row in rows if (row["mode"], row["feature"]) == (mode, feature)]
    return row


@pytest.mark.parametrize("mode", MODES)
def test_the_mean_of_a_frame_is_exact_in_every_mode(rows: list[dict[str, Any]], mode: str) -> None:
    """4 standard uncertainties: SE, 4.3 and 1.36 times the replicas' part of it where a parabola or line is extrapolated."""
    price = {"simex": math.sqrt(18.1 * 1.25), "simex, linear": math.sqrt(1.86 * 1.25)}.get(mode, 1.0)
    row = of(rows, mode, "mean")
    assert row["u_log"] == pytest.approx(math.hypot(1 / math.sqrt(2 * (TRUTH - 1)), price / math.sqrt(2 * (REPLICAS - 1))), rel=0.25)
    assert abs(math.log(row["ratio"])) < 4 * row["u_log"]


def test_texture_is_right_around_a_denoised_frame_and_off_around_a_noisy_one(rows: list[dict[str, Any]]) -> None:
    assert abs(of(rows, "bootstrap", "texture")["ratio"] - 1) < 0.1 + 4 * SE
    assert abs(of(rows, "mean-n, n = 16", "texture")["ratio"] - 1) < 0.1 + 4 * SE
    assert of(rows, "around-raw", "texture")["ratio"] > 1.3 - 4 * SE
    centres = {mode: abs(of(rows, mode, "texture")["centre"]) for mode in MODES}
    assert centres["around-raw"] > 15
    assert centres["bootstrap"] < 5
    assert centres["simex"] < centres["simex, linear"] < centres["around-raw"]  # 58 σ → 20 σ → 7 σ in SCIENCE 1
    assert "marginal variance" in of(rows, "around-raw", "texture")["warnings"]
    assert not of(rows, "bootstrap", "texture")["warnings"]


def test_epsilon_of_a_codec_that_adds_noise_is_right_around_a_denoised_frame(rows: list[dict[str, Any]]) -> None:
    """8 bit + JPEG 80, texture: true ε̂ is far above 3 u. Within 25 % + 0.3 + 2 u by bootstrap and mean-n."""
    entry = of(rows, "bootstrap", "texture")["epsilon"]["jpeg80"]
    assert abs(entry["true"]) > 3 * entry["u_true"]
    for mode in ("bootstrap", "mean-n, n = 16", "repeats"):
        assert not TABLES["epsilon_wrong"](of(rows, mode, "texture")["epsilon"]["jpeg80"])
    assert set(of(rows, "simex", "texture")["epsilon"]) == set(TABLES["CODECS"])


def test_the_frames_own_shift_is_compared_with_that_of_replicas(rows: list[dict[str, Any]], folder: Path) -> None:
    """As `validate` would; a frame whose own shift is put far off warns of that codec and of no other."""
    found = dict(np.load(folder / "scene0-30e-frame0-bootstrap-1.npz"))
    truth = dict(np.load(folder / "scene0-30e-truth.npz"))
    assert not any(entry["own_shift_warns"] for entry in of(rows, "bootstrap", "texture")["epsilon"].values())
    found["on frame, jpeg80"] = found["on frame, jpeg80"] + 100.0
    row = TABLES["one_cell"]("bootstrap", found, truth, "classical", 5, TABLES["CLASSICAL"][5])
    assert [codec for codec, entry in row["epsilon"].items() if entry["own_shift_warns"]] == ["jpeg80"]
    assert row["warnings"] == ["shift by jpeg80"]
    wrong = {codec: {"true": 9.0, "u_true": 0.1, "est": 1.0, "u_est": 0.1} for codec in ("jpeg80", "jpeg2000")}
    assert TABLES["judged"](row | {"epsilon": wrong})["epsilon_unwarned"] == ["jpeg2000"]
    assert TABLES["judged"](row | {"epsilon": wrong, "warnings": ["centre"]})["epsilon_unwarned"] == []


def test_what_is_there_is_not_drawn_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    assert len(files) == 1 + len(DRAW["MODES"])
    command = ["04_coverage.py", "--out", str(folder), "--scenes", "0", "--levels", "30", "--frames", "1", *SIZES]
    monkeypatch.setattr(sys, "argv", command)
    DRAW["main"]()
    assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")} == files


def test_the_summary_is_of_its_rows(rows: list[dict[str, Any]], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = [row | {"ratio": row["ratio"] * 1.2, "frame": 1} for row in rows]
    table = TABLES["summary"]([*rows, *other])
    entry = next(row for row in table if (row["mode"], row["feature"]) == ("bootstrap", "texture"))
    logs = np.log([of(rows, "bootstrap", "texture")["ratio"], of(other, "bootstrap", "texture")["ratio"]])
    assert entry["ratio"] == pytest.approx(math.exp(logs.mean()))
    chance = of(rows, "bootstrap", "texture")["u_log"] ** 2
    assert entry["rms_log"] == pytest.approx(math.sqrt(max((logs**2).mean() - chance, (logs**2).mean() / 2)))
    # t.₉₇₅ with 1 degree of freedom is 12.706
    assert math.log(entry["ci"][1] / entry["ratio"]) == pytest.approx(12.706 * logs.std(ddof=1) / math.sqrt(2), rel=1e-3)
    found = TABLES["uncertainties"](table)
    assert set(found) == {"around-raw", "bootstrap", "simex", "mean-n"}
    worst = max(row["rms_log"] for row in table if row["mode"].startswith("mean-n") and row["kind"] == "texture")
    assert found["mean-n"]["texture"] == pytest.approx(worst, abs=6e-4)
    monkeypatch.setattr(sys, "argv", ["06_coverage_tables.py", "--cells", str(folder), "--out", str(tmp_path)])
    TABLES["main"]()
    assert {path.name for path in tmp_path.iterdir()} == {"u_mode.json", "rows.json", "table.json", "alarms.json"}


def test_the_tables_go_into_their_places_in_a_page(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables, page = tmp_path / "tables", tmp_path / "page.md"
    monkeypatch.setattr(sys, "argv", ["06_coverage_tables.py", "--cells", str(folder), "--out", str(tables)])
    TABLES["main"]()
    places = [f"<!-- table: {name} -->\nstale {name}\n<!-- end -->" for name in ("spreads", "scores", "alarms", "u_mode")]
    page.write_text("before\n" + "\nbetween\n".join(places) + "\nafter\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["08_coverage_page.py", "--tables", str(tables), "--page", str(page)])
    PAGE["main"]()
    text = page.read_text(encoding="utf-8")
    assert "stale" not in text
    assert text.startswith("before\n<!-- table: spreads -->\n| feature | mode | 30 e⁻ |\n")
    row = of(json.loads((tables / "rows.json").read_text(encoding="utf-8")), "bootstrap", "texture")
    assert f"| texture | bootstrap | {row['ratio']:.2f}, {row['centre']:+.1f} |" in text
    entry = row["epsilon"]["jpeg80"]
    assert f"| jpeg80 | texture | true | {entry['true']:+.1f} |\n" in text
    assert f"| jpeg80 | texture | bootstrap | {entry['est']:+.1f} |\n" in text
    assert len([line for line in text.splitlines() if line.startswith("| `bootstrap` |")]) == 2
    PAGE["main"]()
    assert page.read_text(encoding="utf-8") == text
    page.write_text("no place", encoding="utf-8")
    with pytest.raises(UnreadableFile, match="spreads"):
        PAGE["main"]()


def test_cells_that_switch_and_cells_that_are_right_are_told_apart() -> None:
    base = {"mode": "m", "true_shape": 1.0, "shape": 1.0, "ratio": 1.0, "centre": 0.0, "warnings": [], "epsilon": {}}
    assert not TABLES["switches"](base)
    assert TABLES["switches"](base | {"shape": 3.0})
    assert TABLES["switches"](base | {"true_shape": 0.6})
    off = base | {"epsilon": {"c": {"true": 4.0, "u_true": 0.1, "est": 2.0, "u_est": 0.05}}}
    small = base | {"epsilon": {"c": {"true": 0.2, "u_true": 0.1, "est": -1.0, "u_est": 0.05}}}
    assert TABLES["is_right"](small)
    rows = [base, base | {"warnings": ["peak"]}, base | {"ratio": 2.0}, base | {"centre": -9.0, "warnings": ["x"]}, off]
    found = TABLES["alarms"]([row | TABLES["judged"](row) for row in rows])
    # Right; σ and ε̂ right, whatever the centre; σ; centre; ε̂.
    assert list(found["m"].values()) == ["1 of 2 warned", "2 of 3 warned", "0 of 1 warned", "1 of 1 warned", "0 of 1 warned"]
