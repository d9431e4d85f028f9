"""u_mode comes from the table that the coverage study wrote, by kind of measurement and by nothing else."""

import json
from importlib import resources
from pathlib import Path

import pytest

from sigmaraw.contracts import Measurement
from sigmaraw.noise import replica_mode

TABLE = json.loads(resources.files("sigmaraw.noise").joinpath("coverage.json").read_text(encoding="utf-8"))
KINDS = {"mean", "adaptive-area", "area", "count", "intensity", "texture", "network-count", "network-area", "network-dice"}
MODES = ["around-raw", "bootstrap", "mean-n", "simex"]


def of(kind, name="x"):
    return Measurement(name, "1", "x", "a definition", kind=kind)


def test_every_kind_was_measured_in_every_mode_that_draws_noise():
    assert set(TABLE["u_mode"]) == set(MODES)
    for row in TABLE["u_mode"].values():
        assert set(row) == KINDS
        assert all(0 <= value < 1 for value in row.values())
        assert max(row.values()) > 0.05  # nothing but repeats is exact
    assert "examples/04_coverage.py" in TABLE["source"]


@pytest.mark.parametrize("mode", MODES)
def test_the_kind_decides_and_not_the_name(mode):
    row = TABLE["u_mode"][mode]
    for kind in KINDS:
        value, source = replica_mode(mode).u_mode(of(kind, name="count"))
        assert value == row[kind]
        assert source.startswith(f"{mode}, {kind}:")
    assert replica_mode(mode).u_mode(of("", name="count"))[0] == max(row.values())
    value, source = replica_mode(mode).u_mode(of("a kind of one's own"))
    assert value == max(row.values())
    assert "not measured" in source


def test_linear_features_are_the_surest_of_a_single_frame():
    """The frame's mean is exact in all modes: what the table holds of it is Monte Carlo error."""
    for mode, row in TABLE["u_mode"].items():
        assert row["mean"] < (0.3 if mode == "simex" else 0.08)  # extrapolation: 4.3 times the scatter
    assert TABLE["u_mode"]["bootstrap"]["texture"] < TABLE["u_mode"]["around-raw"]["texture"]


def test_the_page_shows_the_table_that_the_code_reads():
    page = (Path(__file__).resolve().parents[2] / "docs" / "explanation" / "replica-modes.md").read_text(encoding="utf-8")
    (header,) = [line for line in page.splitlines() if line.startswith("| mode | mean |")]
    kinds = [cell.strip() for cell in header.strip("|").split("|")][1:]
    assert set(kinds) == KINDS
    for mode, row in TABLE["u_mode"].items():
        cells = " | ".join(f"{row[kind]:.3f}" for kind in kinds)
        assert f"| `{mode}` | {cells} |" in page
