"""How a network's answers change with defocus, contrast and brightness: paper 002 with a real network and the demonstration network.

The steps are codecs of a plan: on frames of a virtual camera their measurements stand beside σ_raw. The loss is that of 002, of the
predicted map against the true mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sigmaraw.codecs import codec
from sigmaraw.contracts import Criterion, Found, Reproduction
from sigmaraw.contracts.reproductions import Report
from sigmaraw.pipelines import pipeline
from sigmaraw.reproduce.axes import loss_axis, shift_axis
from sigmaraw.reproduce.nuclei import DATA, DEMO, Truthful, image_losses, network_of, of_real, virtual_samples
from sigmaraw.reproduce.shapes import rises
from sigmaraw.study import Plan
from sigmaraw.study.run import run
from sigmaraw.virtual import VirtualCamera, nuclei_scene, write_frames

RADII = {1: 0.5, 2: 1.0, 3: 1.5, 4: 2.0, 5: 3.0}
"""Radius of defocus by severity, px (002, table 9)."""
KINDS = ("defocus", "contrast", "brightness")
MEASUREMENTS = ("count", "area", "total_intensity", "mean_intensity")
_FALL = 0.005  # by which the loss may fall from one radius to the next


def spec_at(kind: str, severity: int) -> str:
    """Return the specification of a processing step at one of 002's severities."""
    return f"defocus:radius={RADII[severity]}" if kind == "defocus" else f"{kind}:severity={severity}"


def severities(kind: str, quick: bool) -> tuple[int, ...]:
    """Return the severities that are looked at."""
    if kind == "defocus":
        return (2, 4, 5) if quick else (1, 2, 3, 4, 5)
    return (-5, -1, 2, 5) if quick else (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)


def _worst_positive(found: Mapping[str, Mapping[str, float]]) -> bool:
    """Return whether defocus raises the loss most at severity 5."""
    rise = {kind: found[kind]["5"] - found["none"]["0"] for kind in KINDS}
    return rise["defocus"] > max(0.0, rise["contrast"], rise["brightness"])


def _rises(values: Mapping[str, float]) -> bool:
    losses = [values[key] for key in sorted(values, key=int)]
    return rises(losses, _FALL) and losses[-1] > losses[0]


def _contrast_above_brightness(found: Mapping[str, Mapping[str, float]]) -> bool:
    """Return whether contrast changes the loss more than brightness where brightness leaves an image: towards white."""
    without = found["none"]["0"]
    return abs(found["contrast"]["-5"] - without) > abs(found["brightness"]["5"] - without)


class Stability(Reproduction):
    """A network's stability under defocus, contrast and brightness."""

    name = "stability"
    title = "Answers of a network against defocus, contrast and brightness"
    paper = "002 (Pankova)"
    data = DATA
    criteria: ClassVar[tuple[Criterion, ...]] = (
        Criterion(
            "demo",
            "demonstration network: PCC loss by step and severity",
            "defocus worst (a figure)",
            "defocus raises it most at severity 5",
            _worst_positive,
        ),
        Criterion(
            "rise",
            "demonstration network: PCC loss by severity of defocus",
            "rises (a figure)",
            f"it nowhere falls by more than {_FALL}, and rises in all",
            _rises,
        ),
        Criterion(
            "real",
            "real network: PCC loss by step and severity",
            "defocus worst (a figure)",
            "defocus raises it most at severity 5; not judged where the data are missing",
            lambda v: v is None or _worst_positive(v),
        ),
        Criterion(
            "order",
            "real network: contrast at −5 (gain 3.5) against brightness at 5 (+150)",
            "contrast changes predictions more in the negative direction (a figure)",
            "contrast changes the loss more; not judged where the data are missing",
            lambda v: v is None or _contrast_above_brightness(v),
        ),
        Criterion(
            "black",
            "PCC loss of the real network at brightness −5 (−150 of 255, clipped)",
            "hardly changed (002 folds negative values)",
            "it is above .3: clipped, nothing is left of a dark image; not judged where the data are missing",
            lambda v: v is None or v["brightness"]["-5"] > 0.3,
        ),
        Criterion("lossless", "change of loss and measurements without a step", "0", "exactly 0", lambda v: v == [0, 0]),
        Criterion(
            "sigma",
            "largest |shift| of area in σ_raw: defocus at severity 5, brightness at severity 2",
            "not printed",
            "that of defocus is above 3 and above that of brightness",
            lambda v: v[0] > 3 and v[0] > v[1],
        ),
    )

    def run(self, folder: Path, seed: int, quick: bool, progress: Report) -> Found:
        """Run both networks on images after each step, and a plan of the same steps on frames of a camera."""
        steps = {kind: severities(kind, quick) for kind in KINDS}
        samples = [Truthful(one.frame, one.scene.labels) for one in virtual_samples(6 if quick else 20, seed)]
        network = pipeline(DEMO)
        raw = image_losses(network, samples)
        demo = _by_step(network, samples, raw, steps)
        real, notes = of_real(self, lambda place, images: _of_real_network(place, images[:: len(images) // 2] if quick else images, steps))
        shifts = _shifts(folder, steps, seed, 12 if quick else 60, progress, quick)
        unchanged = max(abs(a - b) for a, b in zip(image_losses(network, samples, codec("lossless")), raw, strict=True))
        values = {
            "demo": demo,
            "rise": demo["defocus"],
            "real": real,
            "order": real,
            "black": real,
            "lossless": [unchanged, max(abs(shift) for shift in shifts["lossless"].values())],
            "sigma": [abs(shifts[spec_at("defocus", 5)]["area"]), abs(shifts[spec_at("brightness", 2)]["area"])],
        }
        return Found(values, _shown(values), {"stability": _figure(demo, real, shifts, steps)}, (*notes, *_NOTES))


_NOTES = (
    "002's brightness goes through a function that folds negative values (|x − 150|), which keeps an image where clipping leaves black; "
    "its images are mid-grey, nuclei stand on black. Contrast is therefore held against brightness towards white only.",
    "002 prints the order and no numbers; its bias of ±50 … ±150 is of 255, and is taken as it stands on 12-bit frames too.",
    "Not reproduced: 002's own networks on DIC images; real focus and exposure series: `sigmaraw sweep` with the steps defocus, contrast "
    "and brightness on them.",
)


def _of_real_network(place: Path, images: Sequence[Truthful], steps: Mapping[str, Sequence[int]]) -> dict[str, dict[str, float]]:
    network = network_of(place)
    return _by_step(network, images, image_losses(network, images), steps)


def _by_step(
    network: Any, images: Sequence[Truthful], raw: Sequence[float], steps: Mapping[str, Sequence[int]]
) -> dict[str, dict[str, float]]:
    """Return the mean loss by kind and severity; "none" without a step, of which `raw` are the losses."""
    found = {"none": {"0": float(np.mean(raw))}}
    for kind, graded in steps.items():
        found[kind] = {str(severity): float(np.mean(image_losses(network, images, codec(spec_at(kind, severity))))) for severity in graded}
    return found


def _shifts(
    folder: Path, steps: Mapping[str, Sequence[int]], seed: int, n: int, progress: Report, quick: bool
) -> dict[str, dict[str, float]]:
    """Return ε̂ in σ_raw of each measurement by step, of the demonstration network on one frame of a virtual camera."""
    camera = VirtualCamera(shape=(128, 128), seed=seed)
    scene = nuclei_scene((128, 128), 10, 400.0, 25.0, seed)
    place = folder / "demonstration"
    path = write_frames(place / "cells.tif", camera.acquire(scene.mean_e, 1, [seed, 5])[0], camera.bits)
    camera.truth_profile().to_netcdf(place / "camera.nc")
    specs = ("lossless", *(spec_at(kind, severity) for kind, graded in steps.items() for severity in graded))
    plan = Plan(specs, DEMO, n=n, mode="around-raw", seed=seed)
    record = run(plan, [path], place / "camera.nc", progress=progress)
    record.write(place / "study", () if quick else ("html",))
    found: dict[str, dict[str, float]] = {spec: {} for spec in specs}
    for row in record.content.results:
        if row.measurement in MEASUREMENTS:
            found[row.codec][row.measurement] = float("nan") if row.epsilon_hat is None else row.epsilon_hat
    return found


def _shown(values: Mapping[str, Any]) -> dict[str, str]:
    def table(found: Mapping[str, Mapping[str, float]] | None, kinds: Sequence[str]) -> str:
        if found is None:
            return "data missing"
        rows = [f"{kind}: " + ", ".join(f"{key}: {value:.3f}" for key, value in found[kind].items()) for kind in kinds]
        return f"without a step {found['none']['0']:.3f}; " + "; ".join(rows)

    real = values["real"]
    order = None if real is None else (real["contrast"]["-5"], real["brightness"]["5"])
    return {
        "demo": table(values["demo"], KINDS),
        "rise": table(values["demo"], ("defocus",)),
        "real": table(real, KINDS),
        "order": "data missing" if order is None else f"{order[0]:.4f} and {order[1]:.4f}, {real['none']['0']:.4f} without",
        "black": "data missing" if real is None else f"{real['brightness']['-5']:.3f}",
        "lossless": ", ".join(f"{value:g}" for value in values["lossless"]),
        "sigma": ", ".join(f"{value:.1f}" for value in values["sigma"]),
    }


def _rows(found: Mapping[str, Any]) -> list[tuple[str, dict[int, float]]]:
    """Return by kind the loss at each severity, 0 included."""
    return [(kind, {0: found["none"]["0"], **{int(key): value for key, value in found[kind].items()}}) for kind in KINDS]


def _figure(demo: Mapping[str, Any], real: Mapping[str, Any] | None, shifts: Mapping[str, Any], steps: Mapping[str, Sequence[int]]) -> Any:
    """Return loss against severity for both networks, and each measurement's shift with the band of ±1 σ_raw."""
    from sigmaraw.reports.svg import drawing, figure

    colours = dict(zip(KINDS, ("#a63c00", "#0b5d91", "#00695c"), strict=True))
    with drawing():
        made = figure(6.6, 7.2)
        made.set_layout_engine("constrained")
        axes = made.subplots(2, 2)
        for place, found, title in ((axes[0, 0], demo, "demonstration network"), (axes[0, 1], real, "real network")):
            place.set_title(title, fontsize=9)
            for kind, row in () if found is None else _rows(found):
                place.plot(sorted(row), [row[key] for key in sorted(row)], "o-", ms=3, color=colours[kind], label=kind)
            place.set_xlabel("severity")
            place.set_ylabel("PCC loss, 1")
            loss_axis(place)
        if real is None:
            axes[0, 1].text(0.5, 0.5, "data missing", ha="center", transform=axes[0, 1].transAxes)
        axes[0, 0].legend(frameon=False, fontsize=8)
        for place, name in zip(axes[1], ("area", "mean_intensity"), strict=True):
            place.axhspan(-1, 1, color="#d9dee6", label="± σ_raw")
            for kind in KINDS:
                row = {0: 0.0, **{severity: shifts[spec_at(kind, severity)][name] for severity in steps[kind]}}
                place.plot(sorted(row), [row[key] for key in sorted(row)], "o-", ms=3, color=colours[kind])
            shift_axis(place, [shifts[spec_at(kind, severity)][name] for kind in KINDS for severity in steps[kind]])
            place.set_xlabel("severity")
            place.set_ylabel(f"shift of {name.replace('_', ' ')}, σ_raw")
            place.set_title("demonstration network", fontsize=9)
        axes[1, 0].legend(frameon=False, fontsize=8)
        for place in axes.ravel():
            place.spines[["top", "right"]].set_visible(False)
    return made
