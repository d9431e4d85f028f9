"""The first page, which stands alone: what was tested, what may be used, how sure that is, what speaks against it, what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sigmaraw.record import Content, Verdict, worst
from sigmaraw.record.arrays import RecordFolder
from sigmaraw.record.camera import RICIAN
from sigmaraw.record.results import ResultRow
from sigmaraw.record.words import NO_NUMBER
from sigmaraw.reports.basis import basis_line
from sigmaraw.reports.blocks import (
    Answer,
    Block,
    Bullets,
    Cell,
    Column,
    Facts,
    Heading,
    Mark,
    Para,
    Picture,
    Row,
    Table,
    Thumbs,
    Words,
    rich,
)
from sigmaraw.reports.crops import grey_png
from sigmaraw.reports.lab import Lab
from sigmaraw.reports.names import MOST_NAMED, few, file_name, image_names
from sigmaraw.reports.numbers import of_studies, percent
from sigmaraw.reports.replica_number import replicas_used
from sigmaraw.reports.selection import by_codec, without_replicas
from sigmaraw.reports.statements import (
    HEADINGS,
    Said,
    all_measurements,
    effect_text,
    plan_line,
    said_of,
    scope_line,
    undefined_line,
    warning_line,
)
from sigmaraw.reports.sweep import claim
from sigmaraw.reports.table import without_figures
from sigmaraw.reports.values import setting
from sigmaraw.reports.wording import several

_MOST_THUMBS = 12
_LARGE = 1000  # results, beyond which half as many are shown
_MOST_MAP = 40  # images in the map of the first page
_MOST_STEPS = 6
_MORE = "n ≈ "  # how the record writes a number of replicas that would decide


def report_number(record: Content, lab: Lab) -> str:
    """Return the laboratory's number of the report, or one made of the record's digest."""
    return lab.number or f"SR-{record.digest[:12].upper()}"


def camera_words(record: Content) -> str:
    """Return make, serial number and setting of the camera, as the profile names them."""
    if record.camera.source == "no camera":
        return "none"
    if record.camera.source == RICIAN:
        return "none (magnitude images, Rician noise of a stated σ)"
    identity = record.camera.identity
    named = [
        f"{word}{identity[key]}" for key, word in (("camera", ""), ("serial", "serial number "), ("mode", "setting ")) if identity.get(key)
    ]
    origin = "calibrated" if record.camera.calibrated else "values stated, not calibrated"
    return f"{', '.join(named) or 'make and serial number not stated'} ({origin})"


def model_words(record: Content) -> str:
    """Return the pipeline as the plan names it, with the SHA-256 of the model's file."""
    model = record.pipeline.get("model_sha256")
    return f"{setting(record.plan.pipeline)}{f' (model file SHA-256 {model[:12]}…)' if isinstance(model, str) else ''}"


def software(record: Content) -> str:
    """Return the version that made the record."""
    return f"sigmaraw {record.environment.packages.get('sigmaraw') or 'of unknown version'}"


def front_blocks(folder: RecordFolder, lab: Lab) -> list[Block]:
    """Return the blocks of the first page."""
    record = folder.record
    blocks: list[Block] = [Para(_tested(record), "lead"), _answer(record)]
    blocks += [Heading("How sure, and what to do next"), Bullets([*_search(record), how_sure(record), *next_steps(record)])]
    against = speaks_against(record)
    blocks += [
        Heading("What speaks against it"),
        Bullets(against) if against else Para("Nothing: no warning, no deviation, no undefined value."),
    ]
    blocks += [Heading("Identification"), _identification(record, lab), Heading("Images"), *_thumbs(folder), *_map(record)]
    return blocks


def _tested(record: Content) -> Words:
    images, codecs, measured = len({row.image for row in record.results}), len(record.codecs), len(record.measurements)
    names = list(image_names(record).values())
    return rich(
        "Tested: {what} on {images} ({listed}). Model: {model:strong}. Camera: {camera:strong}.",
        what=f"{several(codecs, 'codec')}, {several(measured, 'measurement')}",
        images=several(images, "image"),
        listed=few(names),
        model=setting(record.plan.pipeline),
        camera=camera_words(record),
    )


def _answer(record: Content) -> Answer:
    found, total = said_of(record), len(record.measurements)
    rows: list[tuple[Verdict, str, Sequence[Words]]] = []
    for verdict, heading in HEADINGS.items():
        items = []
        for codec in dict.fromkeys(entry.codec for entry in found):
            of_codec = [entry for entry in found if entry.codec == codec and entry.verdict == verdict]
            if of_codec:
                every = len(of_codec) == total and total > 1
                what = all_measurements(total) if every else ", ".join(entry.measurement for entry in of_codec)
                items.append(rich("{codec:code} for {what}{beyond}", codec=codec, what=what, beyond=_beyond(of_codec)))
        rows.append((verdict, heading, items))
    return Answer(rows)


def _beyond(entries: Sequence[Said]) -> str:
    files = list(dict.fromkeys(name for entry in entries if entry.verdict == "FAIL" for name in entry.beyond))
    return f" (beyond a limit: {few(files)})" if files else ""


def _search(record: Content) -> list[Words]:
    """Return what a search recommends, and how often such a recommendation is wrong; nothing of other records."""
    return [] if record.search is None else [*claim(record.search)[:2]]


def how_sure(record: Content) -> Words:
    """Return for what the verdicts hold and how often the rule errs."""
    rule, scope = record.decision, scope_line(record)
    if without_replicas(record) and (rule is None or rule.null_flag_rate is None):
        return scope
    if rule is None or rule.null_flag_rate is None:
        return f"{scope} n = {replicas_used(record)} replicas per group."
    replicas = f", n = {rule.replicas}" if rule.replicas else ""
    return (
        f"{scope} In a design such as this one{replicas}, a codec that shifts answers by {effect_text(rule.harmful, rule.effect_unit)} "
        f"passes in {of_studies(rule.accepts_harmful)} of studies; a codec without effect does not pass in "
        f"{of_studies(rule.null_flag_rate)}."
    )


def next_steps(record: Content) -> list[Words]:
    """Return what the reader should do: what decides what is open, and what to do with the rest."""
    found = said_of(record)
    replicas: dict[str, str] = {}  # of each codec the largest number that one of its measurements needs
    other: dict[str, dict[str, None]] = {}
    for entry in found:
        if entry.verdict != "INCONCLUSIVE":
            continue
        wanted = entry.decides or "draw more replicas, or state a margin"
        if wanted.startswith(_MORE):
            replicas[entry.codec] = max(replicas.get(entry.codec, ""), wanted, key=_replicas)
        else:
            other.setdefault(wanted, {})[entry.codec] = None
    lines: list[Words] = []
    if replicas:
        listed = "; ".join(f"{codec}: {wanted}" for codec, wanted in list(replicas.items())[:_MOST_STEPS])
        more = f"; {len(replicas) - _MOST_STEPS} more under “Statements over images”" if len(replicas) > _MOST_STEPS else ""
        lines.append(f"Draw more replicas to decide what only their number leaves open ({listed}{more}).")
    for wanted, codecs in list(other.items())[:MOST_NAMED]:
        if wanted.startswith(NO_NUMBER):
            then = wanted.removeprefix(NO_NUMBER)
            reason = f"there are measurements that no number of replicas decides: {then}"
        else:
            reason = f"would decide: {wanted}"
        lines.append(f"{few(list(codecs))}: {reason}.")
    if any(entry.verdict == "FAIL" for entry in found):
        lines.append("Do not use what failed. A weaker setting may pass; “sigmaraw search” finds it.")
    if not replicas and not other and all(entry.verdict == "PASS" for entry in found):
        lines.append("Nothing is open. Validate again when camera, codec, model or kind of images changes.")
    return lines


def _replicas(text: str) -> int:
    """Return the number in "n ≈ 40: each image is decided by itself"; 0 where there is none."""
    found = re.match(rf"{_MORE}(\d+)", text)
    return int(found[1]) if found else 0


def speaks_against(record: Content) -> list[Words]:
    """Return all that a reader must weigh against the verdicts, in one list."""
    points: list[Words] = []
    if plan_line(record).startswith("EXPLORATORY"):
        points.append(plan_line(record))
    if record.camera.calibrated is False and record.camera.source != RICIAN:
        points.append("The camera was not calibrated: every σ_raw is only as good as the stated values.")
    if basis_line(record):
        points.append(basis_line(record))
    points += [f"{file_name(row.path) or 'An array'}: {row.note}" for row in record.inputs if row.note]
    failed = [row for row in record.camera.checks if row.outcome == "fail"]
    points += [f"Check of the calibration failed, {row.name.replace('-', ' ')}: {row.evidence}." for row in failed]
    bearing = _bearing(record)
    points += [f"Warning that bears on the verdict ({count} of {len(record.results)} results{of}): {text}" for text, count, of in bearing]
    for row in record.codecs:
        if row.denoising_alarm and row.noise_removed is not None:
            points.append(
                rich("{codec:code} denoises: it removes {share} of the raw noise.", codec=row.codec, share=percent(row.noise_removed) or "")
            )
        if row.images_missed or row.replicas_missed:
            points.append(
                rich(
                    "{codec:code} misses its target on {images} images and {replicas} replicas.",
                    codec=row.codec,
                    images=str(row.images_missed or 0),
                    replicas=str(row.replicas_missed or 0),
                )
            )
    changed = [row for row in record.floor if row.largest or row.difference]
    if changed:
        points.append(f"The pipeline does not answer the same image twice alike: {len(changed)} of {len(record.floor)} answers changed.")
    if not bearing and any(row.warnings for row in record.results):
        points.append(warning_line(record))
    points += [line for line in (undefined_line(record),) if line]
    return points


def _bearing(record: Content) -> list[tuple[str, int, str]]:
    """Return each sentence of the warnings that bear on a verdict, with how many results carry it.

    Where results differ in their figures, these are those of the first, which is named: no figure stands for a result that it is not of.
    """
    texts: dict[str, dict[str, ResultRow]] = {}
    count: dict[str, int] = {}
    for row in record.results:
        said = {without_figures(warning.text): warning.text for warning in row.warnings if warning.bears}
        for key, text in said.items():
            texts.setdefault(key, {}).setdefault(text, row)
            count[key] = count.get(key, 0) + 1
    names, found = image_names(record), []
    for key, of in texts.items():
        text, row = next(iter(of.items()))
        which = f"; here {names[row.image]}, {row.codec}, {row.measurement}" if len(of) > 1 else ""
        found.append((text, count[key], which))
    return found


def _identification(record: Content, lab: Lab) -> Facts:
    protocol = record.plan.protocol
    modes = sorted({row.mode for row in record.results if row.mode})
    rows: list[tuple[Words, Words]] = [
        ("Report number", report_number(record, lab)),
        ("Date of the study", setting(record.created)),
        ("Laboratory", lab.letterhead.laboratory or "not stated"),
        ("Operator", lab.operator or "not stated"),
        ("Sample", lab.sample or "not stated"),
        *lab.fields.items(),
        ("Camera", camera_words(record)),
        ("Model", model_words(record)),
        ("Replicas per group, mode, seed", f"{replicas_used(record)}, {', '.join(modes)}, {setting(record.plan.seed)}"),
        ("Software", software(record)),
        ("Record digest (SHA-256)", record.digest),
    ]
    if protocol and protocol.question:
        rows.insert(2, ("Question", protocol.question))
    return Facts("Identification", rows, columns=2)


def _thumbs(folder: RecordFolder) -> list[Block]:
    names = image_names(folder.record)
    shown = [
        Picture(grey_png(picture), f"Small picture of {names[image]}", names[image])
        for image, picture in list(enumerate(folder.thumbnails))[
            : _MOST_THUMBS if len(folder.record.results) <= _LARGE else _MOST_THUMBS // 2
        ]
        if image in names
    ]
    more = len(names) - len(shown)
    blocks: list[Block] = [Thumbs(shown)] if shown else []
    if not shown:
        blocks.append(Para(f"{', '.join(list(names.values())[:_MOST_MAP])}. The record holds no small pictures.", "small"))
    elif more:
        blocks.append(Para(f"{more} more images are listed under “Data”.", "small"))
    return blocks


def _map(record: Content) -> list[Block]:
    """Return the map image × codec: each cell is the worst verdict over measurements."""
    names, codecs = image_names(record), [entry.row.codec for entry in by_codec(record)]
    verdicts: dict[tuple[int, str], list[Verdict]] = {}
    for row in record.results:
        verdicts.setdefault((row.image, row.codec), []).append(row.verdict)
    images = sorted({row.image for row in record.results})
    order = sorted(images, key=lambda image: -sum(verdict != "PASS" for codec in codecs for verdict in verdicts.get((image, codec), [])))
    shown = sorted(order[:_MOST_MAP])
    columns = [Column("Codec", kind="code", weight=2.0), *(Column(names[image], kind="mark") for image in shown)]
    turned = len(shown) > len(codecs)
    if turned:
        columns = [Column("Image", kind="code", weight=2.0), *(Column(codec, kind="mark") for codec in codecs)]

    def cell(image: int, codec: str) -> Cell:
        found = verdicts.get((image, codec))
        return Cell(mark=Mark(worst(found), short=True)) if found else Cell("—")

    rows: list[Row]
    if turned:
        rows = [[names[image], *(cell(image, codec) for codec in codecs)] for image in shown]
    else:
        rows = [[codec, *(cell(image, codec) for image in shown)] for codec in codecs]
    caption = "Worst verdict of each image and codec over the measurements: ✓ PASS, ✗ FAIL, ? INCONCLUSIVE."
    if len(images) > len(shown):
        caption += f" {len(shown)} of {len(images)} images, those with the most results that do not pass."
    return [Table("Verdict of each image and codec", columns, rows, caption)]
