"""u_mode comes from the table that the coverage study wrote, by kind of measurement and by nothing else."""

import json
from importlib import resources
from pathlib import Path

import pytest

from sigmaraw.contracts import Measurement
from sigmaraw.noise import replica_mode

FILES = ("coverage.json", "coverage_masks.json")
STUDIES = [json.loads(resources.files("sigmaraw.noise").joinpath(name).read_text(encoding="utf-8")) for name in FILES]
KINDS = [
    {"mean", "adaptive-area", "area", "count", "intensity", "texture", "network-count", "network-area", "network-dice"},
    {
        "mean-intensity",
        "network-intensity",
        "network-mean-intensity",
        "network-soft-area",
        "network-soft-intensity",
        "network-soft-mean-intensity",
    },
]
MODES = ["around-raw", "bootstrap", "mean-n", "simex"]
TABLE = {mode: {**STUDIES[0]["u_mode"][mode], **STUDIES[1]["u_mode"][mode]} for mode in MODES}


def of(kind, name="x", studied=True):
    return Measurement(name, "1", "x", "a definition", kind=kind, studied=studied)


@pytest.mark.parametrize(("study", "kinds", "script"), [(*pair, name) for *pair, name in zip(STUDIES, KINDS, ("04", "09"), strict=True)])
def test_every_kind_was_measured_in_every_mode_that_draws_noise(study, kinds, script):
    assert set(study["u_mode"]) == set(MODES)
    for row in study["u_mode"].values():
        assert set(row) == kinds
        assert all(0 <= value < 1.5 for value in row.values())  # around-raw makes faint cells in noise twice as large as it is
        assert max(row.values()) > 0.05  # nothing but repeats is exact
    assert f"examples/{script}_coverage" in study["source"]


@pytest.mark.parametrize("mode", MODES)
def test_the_kind_decides_and_not_the_name(mode):
    for study, kinds in zip(STUDIES, KINDS, strict=True):
        for kind in kinds:
            value, source = replica_mode(mode).u_mode(of(kind, name="count"))
            assert value == study["u_mode"][mode][kind]
            assert source == f"{mode}, {kind}: rms of ln(σ_est/σ_true) in {study['source']}"


@pytest.mark.parametrize("mode", MODES)
def test_what_was_not_measured_takes_the_largest_and_says_so(mode):
    largest = max(TABLE[mode], key=TABLE[mode].get)
    value, source = replica_mode(mode).u_mode(of("", name="count", studied=False))
    assert value == max(TABLE[mode].values())
    assert source.startswith(f"{mode}, kind not measured, the largest of all ({largest}):")
    value, source = replica_mode(mode).u_mode(of("aera", studied=False))
    assert value == max(TABLE[mode].values())
    assert source.startswith(f"{mode}, kind 'aera' not measured, the largest of all")


@pytest.mark.parametrize("mode", MODES)
def test_a_kind_that_is_stated_has_its_number_and_is_called_a_statement(mode):
    value, source = replica_mode(mode).u_mode(of("network-area", studied=False))
    assert value == TABLE[mode]["network-area"]
    assert source.startswith(f"{mode}, network-area (stated, not measured on this pipeline): rms")
    assert replica_mode("repeats").u_mode(of("network-area", studied=False))[0] == 0


def test_linear_features_are_the_surest_of_a_single_frame():
    """The frame's mean is exact in all modes: what the table holds of it is Monte Carlo error."""
    for mode, row in TABLE.items():
        assert row["mean"] < (0.3 if mode == "simex" else 0.08)  # extrapolation: 4.3 times the scatter
    assert TABLE["bootstrap"]["texture"] < TABLE["around-raw"]["texture"]


def test_the_page_shows_the_tables_that_the_code_reads():
    page = (Path(__file__).resolve().parents[2] / "docs" / "explanation" / "replica-modes.md").read_text(encoding="utf-8")
    for start, study, expected in zip(("| mode | mean |", "| mode | mean-intensity |"), STUDIES, KINDS, strict=True):
        (header,) = [line for line in page.splitlines() if line.startswith(start)]
        kinds = [cell.strip() for cell in header.strip("|").split("|")][1:]
        assert set(kinds) == expected
        for mode, row in study["u_mode"].items():
            cells = " | ".join(f"{row[kind]:.3f}" for kind in kinds)
            assert f"| `{mode}` | {cells} |" in page
