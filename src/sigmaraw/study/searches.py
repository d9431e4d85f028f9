"""The strongest tolerable setting of each family, chosen on tuning images and confirmed on held-out ones.

Every stage is an ordinary plan: the grid, rounds that halve between its settings, and one plan that confirms. `sequence` holds the
statistics of the claim.
"""

from __future__ import annotations

import dataclasses
import html
import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sigmaraw import registry
from sigmaraw.contracts import Engine, Pipeline
from sigmaraw.errors import InvalidOption
from sigmaraw.files import write_text
from sigmaraw.progress import Report, reporting
from sigmaraw.record import Record
from sigmaraw.record.fields import plain
from sigmaraw.record.stages import ErrorRateRow, FamilyRow, RecommendedRow, RuleRow, SearchImagesRow, SearchRow, StageRow
from sigmaraw.study.arguments import plan_of
from sigmaraw.study.candidates import Candidate, CodecSummary, halfway, ladder, summary_of, tried_row, tuned, weak_to_strong
from sigmaraw.study.division import count_disjoint, split
from sigmaraw.study.grid import GridPoint, allowed_lines, expand
from sigmaraw.study.inputs import Camera
from sigmaraw.study.no_camera import default_mode
from sigmaraw.study.plan import Plan
from sigmaraw.study.run import run
from sigmaraw.study.sequence import ALPHA, SearchOutcome, exceedance_upper, fixed_sequence, require_images, tolerable
from sigmaraw.study.sweeps import sweep_row

SEARCH_SCHEMA = "sigmaraw/search/1"


@dataclass(frozen=True)
class Rule:
    """The rule by which a search chooses and confirms.

    Parameters
    ----------
    fraction : float, default 0.5
        Share of the inputs that is held out, between 0 and 1.
    refine : int, default 2
        Rounds of halving after the grid.
    back : int, default 2
        Weaker settings that are confirmed before the strongest, so that there is something to step back to.
    exceedance : float, optional
        Share of images for which a setting may be intolerable, to be shown with 95 % confidence; None asks for a PASS of the codec: a mean
        effect within the limits and no image shown to be beyond one (of one or two images: each of them within).
    """

    fraction: float = 0.5
    refine: int = 2
    back: int = 2
    exceedance: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.fraction < 1:
            raise InvalidOption(f"fraction = {self.fraction:g}", "a fraction of the inputs between 0 and 1", "give for instance 0.5")
        for name, value in (("refine", self.refine), ("back", self.back)):
            if value < 0:
                raise InvalidOption(f"{name} = {value}", "a whole number from 0", f"correct {name}")


@dataclass(frozen=True)
class SearchResult:
    """A finished search.

    Parameters
    ----------
    summary : SearchRow
        Outcome of the search, also in the section `search` of the last record.
    tuning : tuple of Record
        One record for each round, with a section `sweep`.
    confirmation : Record or None
        Record on the held-out images; None where nothing passed on the tuning images.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmaraw as sr
    >>> camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    >>> images = np.random.default_rng(1).poisson(200, (2, 32, 32)).astype(np.uint16) + 100
    >>> result = sr.search(list(images), camera, codecs="lossless:zstd|png", pipeline="intensity", n=4, mode="around-raw", refine=0)
    >>> list(result.chosen)
    ['lossless:*']
    """

    summary: SearchRow
    tuning: tuple[Record, ...]
    confirmation: Record | None

    @property
    def record(self) -> Record:
        """The last record: the confirmation, or the last tuning round."""
        return self.confirmation or self.tuning[-1]

    @property
    def chosen(self) -> dict[str, str | None]:
        """Per curve, the specification that is confirmed, ready for `validate`; None where none is."""
        return {row.curve: row.chosen for row in self.summary.families}

    @property
    def recommended(self) -> str | None:
        """The confirmed specification of the curve that compressed most on the tuning images: the one claim of error rate 5 %."""
        return self.summary.recommended.codec

    def __repr__(self) -> str:
        tried = sum(len(row.tried) for row in self.summary.families)
        confirmed = sum(row.chosen is not None for row in self.summary.families)
        recommended = "nothing" if self.recommended is None else f"'{self.recommended}'"
        curves = len(self.summary.families)
        return f"<SearchResult: {tried} settings of {curves} curves tried, {confirmed} confirmed; recommends {recommended}>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self)[1:-1])}</p><pre>{html.escape(self.table())}</pre>"

    def table(self) -> str:
        """Return the tried settings and what was chosen as aligned text."""
        return str(registry.load(registry.REPORTS, "text")().search(self.record.content))

    def write(self, folder: str | Path) -> Path:
        """Write search.json, and each record with its report into a separate folder; return the last report's path."""
        folder = Path(folder)
        for record, entry in zip((*self.tuning, *([self.confirmation] if self.confirmation else [])), self.summary.records, strict=True):
            path = record.write(folder / entry.folder, ("csv", "html"))
        write_text(folder / "search.json", json.dumps(plain(self.summary), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        return path


def search(
    raw: Any,
    camera: Camera,
    *,
    codecs: Sequence[str] | str,
    pipeline: Pipeline | Callable[..., Any] | str | os.PathLike[str],
    confirm: Any = None,
    fraction: float = 0.5,
    refine: int = 2,
    back: int = 2,
    exceedance: float | None = None,
    n: int | str | None = None,
    mode: str | None = None,
    seed: int = 0,
    k: float = 1.0,
    spread: float = 1.25,
    rms: float | None = None,
    rms_counts: float | None = None,
    margin: Mapping[str, float] | None = None,
    roi: tuple[int, int] | None = None,
    scalars: bool = False,
    volume: bool = False,
    frame: int | None = None,
    bits: int | None = None,
    engine: Engine | str = "local",
    batch: int | None = None,
    workers: int | None = None,
    allow_exec: bool = False,
    allow_nondeterminism: bool = False,
    progress: Report | bool | None = None,
) -> SearchResult:
    """Find the strongest setting of each curve of a grid that passes, and confirm it on images that had no part in the choice.

    Parameters
    ----------
    raw : path, RawFrames, array, or sequence of them
        The raw images, as the camera delivered them: files (TIFF, .npy, FITS, Zarr), `RawFrames`, or integer arrays (y, x) or
        (frame, y, x), uint8 or uint16, DN. Each frame is one image. Files and arrays are
        divided into images to tune on and images to confirm on; one file is never in both.
    camera : CameraProfile, path or None
        The camera that took them, or its netCDF file. None, or the word none, without one; ``"rician:sigma=12.5"`` for magnitude
        images of MRI: as in `validate`.
    codecs : str or sequence of str
        Grids: codec specifications in which a value is a list ``a|b|c`` or a range ``low..high:count`` (``low..high:countlog`` for equal
        steps of its logarithm), for instance ``"jpeg2000:ratio=5|10|20|40"`` or ``"noiseaware:q=0.5..4:8log"``.
    pipeline : str, path, function or Pipeline
        The model with its measurements: ``"otsu"``, ``"onnx:model.onnx"``, ``"package.module:function"``, a TOML file, a function
        image → {name: number}, or an object of `contracts.Pipeline`.
    confirm : path, RawFrames, array, or sequence of them, optional
        The images to confirm on. None holds out a random share of `raw`, drawn with the study's seed.
    fraction : float, default 0.5
        Share of the files or arrays of `raw` that is held out where `confirm` names none; between 0 and 1.
    refine : int, default 2
        Rounds that halve the distance between the strongest setting that passed and the next stronger one; from 0.
    back : int, default 2
        How many weaker settings that passed are confirmed before the strongest one, to step back to; from 0.
    exceedance : float, optional
        Largest fraction of images allowed to fail, demonstrated with 95 % confidence; between 0 and 1. None asks for a PASS of the codec
        over the images, as `validate` has it.
    n : int, str or None, default None
        Replicas per group, at least 2. None takes 100, or in mode ``repeats`` as many as there are. ``"auto:0.05,max=2000"`` adds
        replicas until the relative standard uncertainty of σ_raw is 0.05, 2000 at most.
    mode : str, optional
        How replicas are made; default "bootstrap", without a camera "none", which draws no replicas: ``bootstrap``,
        ``around-raw``, ``simex``, ``mean-n`` or ``repeats``, with settings as ``name:key=value``.
    seed : int, default 0
        Study seed, 0 to 2⁶⁴ − 1. The same seed gives the same replicas.
    k : float, default 1.0
        Limit on |ε̂|, in σ_raw. Above 0.
    spread : float, default 1.25
        Limit on the ratio of the spreads after and before the codec, and on its inverse; a bare number. Above 1.
    rms : float, optional
        Limit on the root mean square of f(C(R)) − f(R), in σ_raw. Above 0. None takes 1, and √2 for counts.
    rms_counts : float, optional
        The same for counts and other measurements that take isolated values. None takes `rms`, and √2 where that is not given either.
    margin : mapping of str to float, optional
        For the measurements that it names, a limit on the mean shift in the measurement's unit, in place of `k`·σ_raw.
    roi : tuple of int, optional
        (y, x) of the images' corner in the camera's frame, px, where they are cut-outs and the camera has maps.
    scalars : bool, default False
        Use the camera's mean values in place of its maps.
    volume : bool, default False
        A file's pages are z of one volume, not frames.
    frame : int, optional
        Only this frame of every input, from 0. None takes all.
    bits : int, optional
        Bit depth of images without a camera; None takes what the files state.
    engine : {"local", "dask"} or Engine, default "local"
        Where the work is done. It changes speed, not numbers.
    batch : int, optional
        Replicas held in memory at once, from 1. None takes what fits. It does not change a number.
    workers : int, optional
        Threads that code replicas while the model predicts. None takes one per core, 0 none. It does not change a number.
    allow_exec : bool, default False
        `codecs` may name programs of this machine (``exec``). Never pass on what a file or another person says.
    allow_nondeterminism : bool, default False
        Count differences between answers to the same image, of the pipeline or of a codec, as uncertainty, however large. By default
        differences above a tenth of σ_raw are refused.
    progress : bool or callable, optional
        True shows progress with rate and time left, False does not, None does so in a notebook alone. A callable is called as
        ``progress(done, total, what)``.

    Returns
    -------
    SearchResult
        The settings tried, what was chosen, and every record behind it.

    Raises
    ------
    SigmarawError
        The subclass in `sigmaraw.errors` that names what is wrong with the input.

    See Also
    --------
    sweep : for the whole curves.

    References
    ----------
    docs/how-to/choose-a-setting.md; docs/explanation/formulas.md, sections 2.5 and 2.6; docs/decisions/0012-search.md.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmaraw as sr
    >>> camera = sr.CameraProfile.from_values(gain=0.5, offset=100, read_noise=2.0, bits=12)
    >>> images = np.random.default_rng(1).poisson(200, (2, 32, 32)).astype(np.uint16) + 100
    >>> result = sr.search(list(images), camera, codecs="lossless:zstd|png", pipeline="intensity", n=4, mode="around-raw")
    >>> result.recommended in ("lossless:method=zstd", "lossless:method=png", "lossless:zstd", "lossless:png")
    True
    """
    limits = {"k": k, "spread": spread, "rms": rms, "rms_counts": rms_counts, "margin": margin}
    place = {"roi": roi, "scalars": scalars, "volume": volume, "frame": frame, "bits": bits}
    plan, model = plan_of(codecs, pipeline, allow_exec, n=n, mode=default_mode(mode, camera), seed=seed, **limits, **place)
    rule = Rule(fraction, refine, back, exceedance)
    allowed = plan.codecs if allow_exec else ()
    with reporting(progress) as report:
        return run_search(
            plan,
            raw,
            camera,
            rule,
            confirm,
            allow_exec=allowed,
            pipeline=model,
            engine=engine,
            batch=batch,
            workers=workers,
            allow_nondeterminism=allow_nondeterminism,
            progress=report,
        )


def run_search(
    plan: Plan,
    raw: Sequence[Any],
    camera: Camera,
    rule: Rule,
    confirm: Sequence[Any] | None = None,
    *,
    allow_exec: Collection[str] = (),
    **options: Any,
) -> SearchResult:
    """Run a plan whose codecs are grids as a search.

    Parameters
    ----------
    allow_exec : collection of str, optional
        The grids that may run programs: those that the caller typed.
    **options : object
        The other parameters of `run`.
    """
    points = expand(plan.codecs)
    tuning, held_out = split(raw, confirm, rule.fraction, plan.seed)
    require_images(count_disjoint(tuning, held_out, plan), rule.exceedance)
    study = _Stages(plan, camera, rule, options, allowed_lines(points, allow_exec))
    study.tune(tuning, points)
    for _ in range(rule.refine):
        between = [point for ordered in study.curves() if (point := halfway(ordered)) is not None]
        if not between:
            break
        study.tune(tuning, between)
    ladders = [ladder(ordered, rule.back) for ordered in study.curves()]
    confirmation = study.confirm(held_out, [candidate.point for rungs in ladders for candidate in rungs])
    summary = summarised(plan, rule, study, ladders, confirmation)
    if confirmation is None:
        return SearchResult(summary, (*study.records[:-1], study.records[-1].with_section(search=summary)), None)
    return SearchResult(summary, tuple(study.records), confirmation.with_section(search=summary))


# --- stages -----------------------------------------------------------------------------------------------------------
@dataclass
class _Stages:
    """The studies of a search so far, and the settings tried on the tuning images.

    Parameters
    ----------
    lines : collection
        Curves that may run programs.
    """

    plan: Plan
    camera: Any
    rule: Rule
    options: dict[str, Any]  # keywords of `run`, each of its type
    lines: Collection[Any]
    records: list[Record] = field(default_factory=list)
    tried: list[Candidate] = field(default_factory=list)

    def tune(self, images: Sequence[Any], points: Sequence[GridPoint]) -> None:
        """Score points on the tuning images."""
        record = self._run(images, points, f"tuning {len(self.records) + 1}")
        self.records.append(record.with_section(sweep=sweep_row(self.plan.codecs, points, record)))
        for point in points:
            summary = summary_of(record.content, point.codec)
            share = self.rule.exceedance
            passed = summary.verdict == "PASS" if share is None else summary.failing <= share * summary.images
            self.tried.append(Candidate(point, len(self.records), summary, passed))

    def confirm(self, images: Sequence[Any], points: Sequence[GridPoint]) -> Record | None:
        """Score points on the held-out images; None where there is nothing to confirm."""
        return self._run(images, points, "confirmation") if points else None

    def curves(self) -> list[list[Candidate]]:
        """Return what was tried, one list per curve, weak to strong."""
        names = dict.fromkeys(candidate.point.curve for candidate in self.tried)
        return [weak_to_strong([candidate for candidate in self.tried if candidate.point.curve == name]) for name in names]

    def _run(self, images: Sequence[Any], points: Sequence[GridPoint], stage: str) -> Record:
        report = self.options.get("progress")
        named = None if report is None else (lambda done, total, what: report(done, total, f"{stage}: {what}"))
        plan = dataclasses.replace(self.plan, codecs=tuple(point.codec for point in points))
        allowed = [point.codec for point in points if point.line in self.lines]
        return run(plan, images, self.camera, allow_exec=allowed, **{**self.options, "progress": named})


# --- outcome ----------------------------------------------------------------------------------------------------------
def summarised(plan: Plan, rule: Rule, study: _Stages, ladders: list[list[Candidate]], confirmation: Record | None) -> SearchRow:
    """Return the outcome of a search from what its stages found.

    Parameters
    ----------
    ladders : list of list of Candidate
        For each curve, the settings that were confirmed, weak to strong.
    """
    curves = study.curves()
    families = tuple(_family(ordered, rungs, rule, confirmation) for ordered, rungs in zip(curves, ladders, strict=True))
    best = [ordered[position].summary.compression_ratio if (position := tuned(ordered)) is not None else 0.0 for ordered in curves]
    first = families[max(range(len(best)), key=best.__getitem__)] if any(best) else None
    folders = ["tuning" if index == 0 else f"tuning-{index + 1}" for index in range(len(study.records))]
    stages = [StageRow(folder=folder, digest=record.content.digest) for folder, record in zip(folders, study.records, strict=True)]
    if confirmation is not None:
        stages.append(StageRow(folder="confirmation"))
    stages[-1] = StageRow(folder=stages[-1].folder)  # its digest is taken once this section is in it
    return SearchRow(
        schema=SEARCH_SCHEMA,
        codecs=plan.codecs,
        rule=RuleRow(fraction=rule.fraction, refine=rule.refine, back=rule.back, exceedance=rule.exceedance),
        images=SearchImagesRow(tuning=_hashes(study.records[0]), confirmation=_hashes(confirmation)),
        families=families,
        recommended=RecommendedRow() if first is None else RecommendedRow(curve=first.curve, codec=first.chosen),
        error_rate=ErrorRateRow(recommended=ALPHA, each_family=ALPHA, all_families=min(1.0, ALPHA * len(families))),
        records=tuple(stages),
    )


def _hashes(record: Record | None) -> tuple[str, ...]:
    """Return the SHA-256 of a record's images."""
    return () if record is None else tuple(row.sha256 for row in record.content.images if row.sha256 is not None)


def _family(ordered: list[Candidate], rungs: list[Candidate], rule: Rule, confirmation: Record | None) -> FamilyRow:
    """Return the row of one curve: its settings are tested on the held-out images, weak to strong, up to the first that fails."""
    summaries: dict[str, CodecSummary] = {}
    if confirmation is not None:
        summaries = {rung.point.codec: summary_of(confirmation.content, rung.point.codec) for rung in rungs}
    passed = [tolerable(summary.verdict, summary.failing, summary.images, rule.exceedance) for summary in summaries.values()]
    count = fixed_sequence(passed)
    chosen = rungs[count - 1] if count else None
    point = ordered[0].point
    confirmed = None if chosen is None else summaries[chosen.point.codec]
    return FamilyRow(
        curve=point.curve,
        family=point.family,
        parameter=point.parameter,
        unit=point.unit,
        outcome=str(_outcome(rungs, count)),
        chosen=None if chosen is None else chosen.point.codec,
        compression_ratio=None if confirmed is None else confirmed.compression_ratio,
        exceedance_upper=None if confirmed is None else exceedance_upper(confirmed.failing, confirmed.images),
        at_end=bool(rungs) and len(ordered) > 1 and rungs[-1] is ordered[-1],
        tried=tuple(tried_row(candidate, summaries.get(candidate.point.codec)) for candidate in ordered),
    )


def _outcome(rungs: Sequence[Candidate], count: int) -> SearchOutcome:
    if not rungs:
        return SearchOutcome.NOTHING_PASSED
    if count == 0:
        return SearchOutcome.NOT_CONFIRMED
    return SearchOutcome.CONFIRMED if count == len(rungs) else SearchOutcome.STEPPED_BACK
