"""What a watch has seen so far: a figure, and a summary that ends with the offline test."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sigmaraw.errors import InvalidOption, UndefinedStatistic
from sigmaraw.files import write_text
from sigmaraw.watch.mmd import mmd_test
from sigmaraw.watch.state import State

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def summary(state: State, last: int = 100, permutations: int = 999) -> dict[str, Any]:
    """Return what the state says (JSON values).

    Parameters
    ----------
    state : State
        Open.
    last : int, default 100
        How many of the latest frames the offline test compares with the reference.
    permutations : int, default 999
        Of the offline test.

    Returns
    -------
    dict
        Frames, alarms, run lengths, the evidence at the end, and per group the offline MMD test, its p adjusted by Holm.
    """
    fit, frames = state.entries[0].body, [entry.body for entry in state.entries[1:]]
    alarms = [number + 1 for number, frame in enumerate(frames) if frame["alarm"]]
    found: dict[str, Any] = {
        "frames": len(frames),
        "reference": len(fit["reference"]),
        "alarms": len(alarms),
        "first_alarm": alarms[0] if alarms else None,
        "run_lengths": _runs(alarms, len(frames)),
        "log10_e_all": frames[-1]["log10_e_all"] if frames else 0.0,
        "alpha": fit["setup"]["alpha"],
        "offline": {},
        "digest": state.digest,
    }
    for name, detector in fit["detectors"].items():
        kept = detector["kept"]
        reference = np.array(fit["features"][name], dtype=np.float64)[:, kept]
        new = np.array([frame["features"][name] for frame in frames[-last:]], dtype=np.float64).reshape(-1, len(fit["features"][name][0]))[
            :, kept
        ]
        new = new[np.isfinite(new).all(axis=1)]
        try:
            test = mmd_test(reference, new, permutations=permutations, seed=fit["setup"]["seed"])
        except UndefinedStatistic as error:
            found["offline"][name] = {"undefined": str(error)}
        else:
            found["offline"][name] = {"mmd2": test.statistic, "p": test.p, "images": list(test.images)}
    _holm(found["offline"])
    return found


def _holm(tests: dict[str, dict[str, Any]]) -> None:
    from sigmaraw.statistics.multiplicity import holm

    defined = [name for name, test in tests.items() if "p" in test]
    if defined:
        for name, p in zip(defined, holm(np.array([tests[name]["p"] for name in defined])), strict=True):
            tests[name]["p_adjusted"] = float(p)


def run_lengths(frames: Sequence[dict[str, Any]]) -> list[int]:
    """Return for each frame how many frames there were since the last alarm, that frame counted."""
    found, since = [], 0
    for frame in frames:
        since += 1
        found.append(since)
        since = 0 if frame["alarm"] else since
    return found


def _runs(alarms: Sequence[int], frames: int) -> list[int]:
    ends = [0, *alarms]
    return [after - before for before, after in pairwise(ends)] or [frames]


def figure(state: State) -> Figure:
    """Return the figure of a watch: statistic over threshold, evidence, and run length, frame by frame.

    Parameters
    ----------
    state : State
        Open.
    """
    from sigmaraw.reports.svg import drawing
    from sigmaraw.reports.svg import figure as empty

    fit, frames = state.entries[0].body, [entry.body for entry in state.entries[1:]]
    if not frames:
        raise InvalidOption(f"{state.path} without frames", "at least one", "run sigmaraw watch check first")
    number = np.arange(1, len(frames) + 1)
    with drawing():
        made = empty(6.6, 8.0)
        made.set_layout_engine("constrained")
        online, evidence, lengths = made.subplots(3, 1, sharex=True)
        for name in fit["detectors"]:
            ratio = [_over(frame["online"][name]) for frame in frames]
            online.plot(number, ratio, label=name, lw=1.2)
        online.axhline(1.0, color="#a63c00", lw=1.0, ls="--", label="threshold")
        online.set_ylabel("S / threshold")
        online.legend(fontsize=8, ncols=3, frameon=False)
        for name in frames[-1]["log10_e"]:
            evidence.plot(number, [frame["log10_e"].get(name) for frame in frames], label=name, lw=0.9)
        evidence.plot(number, [frame["log10_e_all"] for frame in frames], color="#1c1f24", lw=1.4, label="together")
        evidence.axhline(-np.log10(fit["setup"]["alpha"]), color="#a63c00", lw=1.0, ls="--", label=f"1/α, α = {fit['setup']['alpha']:g}")
        evidence.set_ylabel("log₁₀ evidence")
        evidence.legend(fontsize=8, ncols=3, frameon=False)
        lengths.step(number, run_lengths(frames), where="mid", color="#33373d", lw=1.2)
        lengths.axhline(fit["setup"]["run_time"], color="#a63c00", lw=1.0, ls="--")
        lengths.set_ylabel("frames since an alarm")
        lengths.set_xlabel("frame")
    return made


def _over(row: dict[str, Any]) -> float:
    """Return the statistic over its threshold; NaN before a window is full."""
    return float("nan") if row["statistic"] is None else float(row["statistic"] / row["threshold"])


def write(state: State, folder: Path, found: dict[str, Any]) -> Path:
    """Write watch.svg and watch.json, and return the figure's path."""
    import json

    from sigmaraw.reports.svg import drawing, to_svg

    write_text(folder / "watch.json", json.dumps(found, indent=1) + "\n")
    path = folder / "watch.svg"
    with drawing():
        text = to_svg(figure(state), "watch", "Statistic, evidence and run length of a watch, frame by frame")
    write_text(path, text)
    return path
