"""Sections on how the study was made: its frame, the plan and its lock, deviations, data, environment."""

from __future__ import annotations

from sigmaraw.record import Content
from sigmaraw.record.design import ProtocolRow
from sigmaraw.record.fields import plain as bare
from sigmaraw.reports.blocks import Block, Bullets, Column, Facts, Heading, Para, Row, Section, Table, Words
from sigmaraw.reports.codec_sections import libraries_used
from sigmaraw.reports.front import speaks_against
from sigmaraw.reports.names import image_names
from sigmaraw.reports.selection import by_codec, with_verdict
from sigmaraw.reports.statements import plan_line, scope_line
from sigmaraw.reports.values import flatten, setting, shape
from sigmaraw.reports.wording import limits_shown, margins, several

_UNSTATED = "not stated in a plan file"
_MOST_IMAGES = 400  # rows of the list of images; the record has all


def frame_section(record: Content) -> Section:
    """Return the study in the seven steps by which FDA's draft guidance of January 2025 assesses the credibility of an AI model."""
    protocol = record.plan.protocol or ProtocolRow()
    influence, consequence = protocol.model_influence or _UNSTATED, protocol.decision_consequence or _UNSTATED
    lock = plan_line(record) or "There was no plan file; the settings were fixed when the command started."
    codecs = by_codec(record)
    tally = ", ".join(f"{len(with_verdict(codecs, word))} {word}" for word in ("PASS", "FAIL", "INCONCLUSIVE"))
    against = speaks_against(record)
    rows: list[tuple[Words, Words]] = [
        ("1. Question of interest", protocol.question or _UNSTATED),
        ("2. Context of use", protocol.context_of_use or _UNSTATED),
        ("3. Model risk", f"Influence of the model: {influence}. Consequence of a wrong decision: {consequence}."),
        ("4. Plan to establish credibility", f"{_limits(record)} {lock}"),
        ("5. Execution of the plan", f"{several(len(record.results), 'result')}; {_deviations(record)}"),
        ("6. Results", f"Codecs: {tally}. The first page says which codec may be used for what, and what would decide the rest."),
        (
            "7. Adequacy for the context of use",
            f"{scope_line(record)} Against it: {several(len(against), 'point')}, on the first page. Whether the evidence is "
            f"adequate is for the person who approves this report.",
        ),
    ]
    note = (
        "The steps are those of FDA’s draft guidance “Considerations for the Use of Artificial Intelligence to Support Regulatory "
        "Decision-Making for Drug "
        "and Biological Products” (January 2025). They order this report; they make no claim of compliance."
    )
    return Section("frame", "The study in seven steps", [Facts("The study in seven steps", rows), Para(note, "small")], short="Seven steps")


def _limits(record: Content) -> str:
    limits = limits_shown(record)
    listed = margins(record)
    return (
        f"Limits: |ε̂| at most {limits['k']}, spread ratio within 1/{limits['spread']} to {limits['spread']}, RMS shift in σ_raw at most "
        f"{limits['rms']}"
        f"{'; margins: ' + ', '.join(listed) if listed else ''}."
    )


def _deviations(record: Content) -> str:
    found = deviations(record)
    return f"{several(len(found), 'deviation')} from the plan." if found else "deviations from the plan: none."


def deviations(record: Content) -> list[str]:
    """Return how the study differs from its plan, one sentence each."""
    found = []
    protocol = record.plan.protocol
    images = len({row.image for row in record.results})
    if protocol and protocol.images is not None and protocol.unit == "image" and protocol.images != images:
        found.append(f"The plan states {protocol.images} images; the record has {images}.")
    if record.adaptive is not None and not record.adaptive.reached:
        found.append(f"The rule by which replicas were added was not met at {record.adaptive.n} replicas per group, its largest number.")
    for row in record.codecs:
        if row.images_missed or row.replicas_missed:
            found.append(f"{row.codec}: its target was missed on {row.images_missed or 0} images and {row.replicas_missed or 0} replicas.")
    if record.plan.lock is not None and record.plan.lock.state == "exploratory":
        found.append("The plan was not locked before the data were read.")
    return found


def plan_section(record: Content) -> Section:
    """Return the plan, its lock and what deviates from it."""
    document = bare(record)
    plan = {name: value for name, value in document["plan"].items() if name not in ("sha256", "lock", "protocol", "created")}
    lock = record.plan.lock
    facts: list[tuple[Words, Words]] = [
        ("Plan fixed", setting(record.plan.created)),
        ("SHA-256 of the plan", setting(record.plan.sha256)),
        ("Lock of the plan file", f"{lock.state}, {setting(lock.created)}" if lock else "none: no plan file"),
        ("SHA-256 of what was locked", setting(lock.sha256) if lock else "none"),
    ]
    blocks: list[Block] = [Facts("Plan and its lock", facts), Heading("Settings"), Facts("Plan", flatten(plan), columns=2)]
    protocol = document["plan"].get("protocol")
    blocks.append(Heading("Protocol"))
    blocks.append(Facts("Protocol", flatten(protocol)) if protocol and flatten(protocol) else Para("None: no plan file states one."))
    if record.design:
        blocks += [Heading("Sampling design"), Facts("Sampling design", flatten(document["design"]), columns=2)]
    blocks.append(Heading("Pipeline"))
    floor = _floor(record)
    if floor:
        blocks.append(Para(f"Asked twice about the same image, the pipeline {floor}."))
    settings = {name: value for name, value in record.pipeline.items() if name != "versions"}
    blocks.append(Facts("Pipeline settings", flatten(settings), columns=2) if settings else Para("No settings recorded."))
    found = deviations(record)
    blocks += [Heading("Deviations from the plan"), Bullets(found) if found else Para("None.")]
    return Section("plan", "Plan, lock and deviations", blocks, short="Plan")


def _floor(record: Content) -> str:
    """Return in words what the pipeline answered the second time on the same image, "" when the record does not say."""
    names = image_names(record)
    changed = [f"{row.measurement}, {names.get(row.image, '')}: {setting(row.difference)}" for row in record.floor if row.difference != 0]
    if not record.floor:
        return ""
    return f"changed its answer: {'; '.join(changed)}" if changed else "gave exactly the same answers"


def data_section(record: Content) -> Section:
    """Return the files and images that went in, with their SHA-256."""
    names = image_names(record)
    columns = [
        Column("File", kind="code", weight=2.4),
        Column("Role", weight=0.8),
        Column("Shape", weight=1.2),
        Column("Type", weight=0.9),
        Column("Reader", weight=0.9),
        Column("SHA-256", kind="code", weight=3.4),
    ]
    files: list[Row] = [
        [row.path or f"array {number}", setting(row.role), shape(row.shape), row.dtype or "—", row.reader or "—", row.sha256]
        for number, row in enumerate(record.inputs, 1)
    ]
    blocks: list[Block] = [Table("Input files", columns, files)]
    if record.images:
        columns = [
            Column("Image", kind="code", weight=2.4),
            Column("Frame", kind="num", weight=0.8),
            Column("Shape", weight=1.2),
            Column("SHA-256 of its pixels", kind="code", weight=3.4),
        ]
        rows: list[Row] = [
            [names.get(row.image, ""), "—" if row.frame is None else str(row.frame), shape(row.shape), row.sha256 or "—"]
            for row in record.images[:_MOST_IMAGES]
        ]
        more = len(record.images) - len(rows)
        blocks += [Heading("Images"), Table("Images", columns, rows, f"{more} more are in the record." if more > 0 else "")]
    return Section("data", "Data", blocks)


def environment_section(record: Content) -> Section:
    """Return what ran: the libraries that took part, and the machine."""
    environment = record.environment
    rows: list[tuple[Words, Words]] = [("Python", setting(environment.python)), ("JAX draws on", setting(environment.jax_backend))]
    rows += [(name, version) for name, version in libraries_used(record)]
    machine = flatten(bare(record)["environment"].get("hardware") or {})
    blocks: list[Block] = [
        Para("The libraries that took part in this study; the record lists all that were installed."),
        Facts("Libraries", rows, columns=2),
        Heading("Machine"),
        Facts("Machine", machine, columns=2) if machine else Para("Not recorded."),
    ]
    return Section("environment", "Environment", blocks)
