"""Random studies, from predictions that are drawn, not predicted: their verdicts are made as a study makes them.

``python -m tests.record.random_records 1000`` compares check.py with as many, and alters a verdict of each.
"""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import io
import json
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from sigmaraw.contracts import Diagnostic, Measurement
from sigmaraw.noise import replica_mode
from sigmaraw.record.fields import plain
from sigmaraw.record.results import DeltaRow, ResultRow
from sigmaraw.record.sealing import CheckedKind, check_script
from sigmaraw.record.stages import SearchRow
from sigmaraw.record.statements import DecisionRow
from sigmaraw.record.words import VERDICTS, Verdict
from sigmaraw.study import no_camera
from sigmaraw.study.candidates import Candidate, CodecSummary
from sigmaraw.study.evidence import AgainstCamera
from sigmaraw.study.grid import GridPoint
from sigmaraw.study.plan import NO_REPLICAS, Plan
from sigmaraw.study.reference_rules import Observed, cunha_row, noninferiority
from sigmaraw.study.replica_checks import ReplicaDiagnostics
from sigmaraw.study.rules import decision_row, ruled_verdicts
from sigmaraw.study.scoring import Predictions, Scoring
from sigmaraw.study.searches import Rule, summarised
from sigmaraw.study.statements import OverImages, codec_verdicts, over_images, with_evidence

_Made = tuple[list[ResultRow], list[OverImages], dict[str, Any]]
CHECKS = ("frame_noise", "local_noise", "common-divisor", "missing-codes", "marginal", "masked_background")


def random_record(seed: int) -> dict[str, Any]:
    """Return the parts of a record from which verdicts follow."""
    rng = np.random.default_rng(seed)
    plan, kinds = _plan(rng)
    images = len(plan.specimens) or int(rng.integers(1, 8))
    made = _with_replicas(rng, plan, kinds, images) if plan.mode != NO_REPLICAS else _without_replicas(rng, plan, kinds, images)
    results, said, parts = made
    decision = _decision(rng, plan, results, said, images)
    verdicts = codec_verdicts(said) if plan.rule == "equivalence" else ruled_verdicts(decision)
    rows = with_evidence(results, said)
    search = _search(rng, plan, rows, decision, verdicts) if plan.rule in ("equivalence", "pomarico") and rng.random() < 0.3 else None
    return {
        "plan": plain(plan.row()),
        "adaptive": None,
        "measurements": [{"name": kind.name, "discrete": kind.discrete} for kind in kinds],
        **parts,
        "codecs": [{"codec": codec, "verdict": verdict} for codec, verdict in verdicts.items()],
        "results": [plain(row) for row in rows],
        "statements": [plain(row) for entry in said for row in entry.rows],
        "decision": plain(decision),
        "search": None if search is None else plain(search),
    }


def _plan(rng: np.random.Generator) -> tuple[Plan, list[Measurement]]:
    codecs = int(rng.integers(1, 4))
    mode_name = str(rng.choice(["around-raw", "around-raw", "bootstrap", "repeats", "simex", NO_REPLICAS]))
    rules = ["equivalence", "equivalence", "noninferiority", "cunha"] + ["pomarico"] * (mode_name != NO_REPLICAS)
    rule = None if mode_name == NO_REPLICAS else replica_mode(mode_name).extrapolation
    n = int(rng.integers(2, 60)) if rule is None else rule.cluster * len(rule.levels) * int(rng.integers(2, 5))
    kinds = [Measurement("count", "1", "", "", discrete=True, kind="count"), Measurement("mean", "DN", "", "", kind="mean")]
    margin = {kind.name: float(rng.choice([0.2, 1.0, 5.0])) for kind in kinds if rng.random() < 0.3}
    specimens = tuple(str(rng.integers(4)) for _ in range(int(rng.integers(1, 8)))) if rng.random() < 0.3 else ()
    limits = {"k": float(rng.choice([0.5, 1.0])), "spread": float(rng.choice([1.25, 1.6])), "rms": float(rng.choice([1.0, 2.0]))}
    names = tuple(f"c{i}" for i in range(codecs))
    return Plan(names, "otsu", mode=mode_name, n=n, margin=margin, specimens=specimens, **limits, rule=str(rng.choice(rules))), kinds


def _with_replicas(rng: np.random.Generator, plan: Plan, kinds: list[Measurement], images: int) -> _Made:
    mode = replica_mode(plan.mode)
    rule = mode.extrapolation
    assert isinstance(plan.n, int)
    made = _predictions(rng, len(plan.codecs), plan.n, images, independent=mode.draws_noise)
    diagnostics = [_diagnostics(rng, mode) for _ in range(images)]
    differences = np.where(rng.random((images, 2)) < 0.15, rng.random((images, 2)) * 0.1, 0.0)
    deltas = [{kind.name: DeltaRow(reason="") for kind in kinds} for _ in range(images)]
    results, _ = Scoring(plan, made, kinds, mode, diagnostics, deltas, differences).all()
    against = [entry.against for entry in diagnostics]
    said = over_images(plan, made, kinds, results, against=against, extrapolated=rule is not None)
    checks = [
        {"image": image, "name": check.name, "value": check.value, "low": check.low, "high": check.high, "passed": bool(check.passed)}
        for image, of in enumerate(diagnostics)
        for check in of.checks
    ]
    design = {"replicas_per_group": plan.n, "noise_levels": list(rule.levels) if rule else None, "draws_noise": mode.draws_noise}
    return results, said, {"design": design, "mode_diagnostics": checks, "floor": _floor(kinds, differences)}


def _without_replicas(rng: np.random.Generator, plan: Plan, kinds: list[Measurement], images: int) -> _Made:
    before = np.stack([rng.poisson(3.0, images), rng.normal(10.0, 1.0, images)], axis=-1).astype(np.float64)
    size = float(rng.choice([0.0, 0.1, 1.0, 3.0]))
    after = before + rng.normal(0.0, size, (len(plan.codecs), *before.shape)) + float(rng.choice([0.0, 0.5]))
    after[rng.random(after.shape) < 0.02] = np.nan
    before[rng.random(before.shape) < 0.02] = np.nan
    identical = rng.random((len(plan.codecs), images)) < 0.2
    after = np.where(identical[..., None], before, after)
    differences = np.where(rng.random((images, 2)) < 0.2, rng.random((images, 2)), 0.0)
    results, _ = no_camera.rows_of_images(plan, kinds, before, after, identical, differences)
    said = no_camera.over_images(plan, kinds, results)
    design = {"replicas_per_group": 0, "noise_levels": None, "draws_noise": False}
    return results, said, {"design": design, "mode_diagnostics": [], "floor": _floor(kinds, differences)}


def _floor(kinds: list[Measurement], differences: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"image": image, "measurement": kind.name, "difference": 0.0, "largest": float(differences[image, column])}
        for image in range(len(differences))
        for column, kind in enumerate(kinds)
    ]


def _decision(rng: np.random.Generator, plan: Plan, results: list[ResultRow], said: list[OverImages], images: int) -> DecisionRow:
    if plan.rule == "cunha":
        slices = int(rng.integers(2, 30))
        spread = float(rng.choice([0.0, 0.05]))

        def scores(mean: float) -> tuple[np.ndarray, np.ndarray]:
            jaccard = mean + float(rng.choice([1.0, 3.0])) * spread * rng.normal(size=slices)
            return np.where(rng.random(slices) < 0.05 * (np.arange(slices) > 1), np.nan, jaccard), 3.0 - 2.0 * mean + 0.1 * rng.random(
                slices
            )

        band = Observed(scores(0.9), scores(0.75))
        return cunha_row(band, {codec: scores(float(rng.choice([0.7, 0.75, 0.8, 0.9]))) for codec in plan.codecs}, images, "mean")
    if plan.rule == "noninferiority":
        metric = SimpleNamespace(name="dice", less_is_better=bool(rng.random() < 0.5))
        pipeline = SimpleNamespace(agreement_names={"dice": "mean"}, metrics={"dice": metric})
        return noninferiority(plan, pipeline, results)  # type: ignore[arg-type]
    if plan.mode == NO_REPLICAS:
        return no_camera.decision(plan, said, images)
    return decision_row(plan, said, results, SimpleNamespace(n=plan.n))  # type: ignore[arg-type]


def _search(
    rng: np.random.Generator, plan: Plan, rows: tuple[ResultRow, ...], decision: DecisionRow, verdicts: dict[str, Verdict]
) -> SearchRow:
    """Return the outcome of a search whose confirmation is this study; what tuning found is drawn."""
    codecs = [
        SimpleNamespace(codec=codec, verdict=verdict, compression_ratio=float(rng.uniform(2, 20)), psnr_camera_db=None)
        for codec, verdict in verdicts.items()
    ]
    content = SimpleNamespace(codecs=codecs, results=rows, decision=decision, digest="", images=())
    record = SimpleNamespace(content=content)
    candidates = []
    for position, codec in enumerate(plan.codecs):
        point = GridPoint(codec, "f", (f"curve{position // 2}:", ""), "p", position)
        summary = CodecSummary("PASS", "", 3, int(rng.integers(0, 2)), 2.0 + position, None, None)
        candidates.append(Candidate(point, 1, summary, True))
    curves = [candidates[start : start + 2] for start in range(0, len(candidates), 2)]
    study = SimpleNamespace(curves=lambda: curves, records=[record])
    rule = Rule(exceedance=float(rng.choice([0.3, 0.7])) if rng.random() < 0.5 else None)
    return summarised(plan, rule, study, curves, record)  # type: ignore[arg-type]


def _predictions(rng: np.random.Generator, codecs: int, n: int, images: int, independent: bool) -> Predictions:
    """Draw predictions of many kinds: normal, counts, rarely changing, constant, identical, undefined."""
    raw = np.empty((codecs + 1, n, images, 2))
    decoded = np.empty((codecs, n, images, 2))
    chi_raw, chi_codec = np.empty((images, 2)), np.empty((codecs, images, 2))
    identical = rng.random((codecs, images)) < 0.1
    for image in range(images):
        rate = float(rng.choice([0.0, 0.1, 3.0, 40.0]))
        raw[..., image, 0] = rng.poisson(rate, (codecs + 1, n))
        raw[..., image, 1] = rng.normal(size=(codecs + 1, n)) * float(rng.choice([0.0, 1.0, 1.0, 1.0])) + 10.0
        if rng.random() < 0.2:
            raw[..., image, 1] += rng.standard_t(2, (codecs + 1, n)) * (raw[..., image, 1] != 10.0)
        chi_raw[image] = raw[0, 0, image]
        for codec in range(codecs):
            own = raw[codec + 1 if independent else 0, :, image]
            shift = float(rng.choice([0.0, 0.05, 0.3, 1.0, 2.5]))
            change = np.stack([rng.poisson(shift, n), shift + float(rng.choice([0.0, 0.1, 0.8])) * rng.normal(size=n)], axis=-1)
            scale = np.array([1.0, float(rng.choice([1.0, 1.0, 0.7, 1.5]))])
            kind = rng.random()
            if identical[codec, image] or kind < 0.1:
                change, scale = change * 0.0, np.ones(2)
            elif kind < 0.2:
                change, scale = change * (rng.random((n, 2)) < 0.05), np.ones(2)
            decoded[codec, :, image] = (
                own.mean(axis=0) + (own - own.mean(axis=0)) * scale + change if (scale != 1.0).any() else own + change
            )
            same = identical[codec, image] or rng.random() < 0.3
            chi_codec[codec, image] = (
                chi_raw[image] if same else chi_raw[image] + np.array([rng.integers(-2, 3), shift * rng.choice([1, 4])])
            )
            if not identical[codec, image] and rng.random() < 0.05:
                decoded[codec, 0, image, int(rng.integers(2))] = np.nan
        if rng.random() < 0.03:
            raw[0, 0, image, 1] = np.nan
    return Predictions(raw, decoded, chi_raw, chi_codec, independent, np.empty((0, 0, images, 2)), identical)


def _diagnostics(rng: np.random.Generator, mode: Any) -> ReplicaDiagnostics:
    checks = []
    for name in CHECKS if mode.draws_noise else CHECKS[:-1]:  # the last is a law of noise's own check
        if rng.random() < 0.15:
            value = float(rng.choice([0.5, 0.8, 1.0, 1.25, 2.0]))
            low, high = (0.0, 0.0) if "-" in name else (0.85, 1.18)
            value, high = (value / 4.0, 0.02) if name == "masked_background" else (value, high)  # a share of pixels
            checks.append(Diagnostic(name, value, low, high, "d", "t"))
    factor = 1.0 if mode.extrapolation or rng.random() < 0.8 else 1.1
    return ReplicaDiagnostics(float(rng.choice([0.0, 0.05, 0.3])), factor, tuple(checks), AgainstCamera.of(checks, mode))


@cache
def checker(kind: CheckedKind) -> ModuleType:
    """Return check.py of a kind of record as a module."""
    folder = Path(tempfile.mkdtemp())
    (folder / "check.py").write_text(check_script(kind), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("written_check", folder / "check.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def checked(record: dict[str, Any], path: Path) -> tuple[int, str]:
    """Return exit code and output of check.py on a record."""
    path.write_text(json.dumps(record), encoding="utf-8")
    out = io.StringIO()
    with np.errstate(all="ignore"), contextlib.redirect_stdout(out):
        code = checker(kind_of(record)).main(path)
    return int(code), out.getvalue()


def kind_of(record: dict[str, Any]) -> CheckedKind:
    """Return the kind of check.py that a record needs."""
    design = record["design"]
    levels, search = bool(design["noise_levels"]), record["search"] is not None
    return CheckedKind(record["plan"]["rule"], bool(design["replicas_per_group"]), levels, search)


def altered(record: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Return a record in which one verdict is another."""
    changed = copy.deepcopy(record)
    rows = [*changed["results"], *changed["statements"], *changed["codecs"], *changed["decision"]["rulings"]]
    if changed["search"] is not None and rng.random() < 0.5:
        tried = [row for curve in changed["search"]["families"] for row in curve["tried"]]
        if rng.random() < 0.5:
            rows = [row["confirmation"] for row in tried if row["confirmation"]]
        else:  # another setting as the one that may be used
            curve = changed["search"]["families"][int(rng.integers(len(changed["search"]["families"])))]
            curve["chosen"] = "none of these" if curve["chosen"] is None else None
            return changed
    row = rows[int(rng.integers(len(rows)))]
    row["verdict"] = str(rng.choice([word for word in VERDICTS if word != row["verdict"]]))
    return changed


def disagreements(count: int, seed: int, path: Path, say: Any = lambda line: None) -> list[str]:
    """Return what check.py says of random records with which it disagrees, and of altered ones that it lets pass."""
    found = []
    for number in range(count):
        record = random_record(seed + number)
        code, out = checked(record, path)
        if code:
            found.append(f"record {seed + number}: {out}")
        code, out = checked(altered(record, np.random.default_rng(number)), path)
        if code == 0:
            found.append(f"record {seed + number}, altered, passes")
        if number % 100 == 99:
            say(f"{number + 1} records, {len(found)} disagreements")
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        lines = disagreements(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, 0, Path(folder) / "record.json", print)
    print("\n".join(lines[:20]) or "check.py agrees with every record, and refuses every altered one")
    sys.exit(bool(lines))
