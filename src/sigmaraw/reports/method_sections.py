"""Sections on methods: equations, uncertainty budget, decision rule with its error rates, replicas, the law of propagation beside them."""

from __future__ import annotations

from sigmaraw.record import Content
from sigmaraw.record.statements import DecisionRow
from sigmaraw.reports.blocks import Block, Bullets, Cell, Column, Facts, Fold, Heading, Para, Row, Section, Table, Terms, Words, rich
from sigmaraw.reports.kinds import u_mode_sources
from sigmaraw.reports.names import image_names
from sigmaraw.reports.numbers import given, percent, plain
from sigmaraw.reports.replica_number import adaptive_rows, delta_rows, delta_undefined, replicas_used
from sigmaraw.reports.results_sections import HAT, MOST_ROWS, MOST_SECOND, severity, shown_of
from sigmaraw.reports.selection import Reasons
from sigmaraw.reports.statements import design_text, effect_text, rule_line
from sigmaraw.reports.values import result_texts, setting
from sigmaraw.reports.wording import limits_shown, margins

_MEANINGS: list[tuple[Words, Words]] = [
    (
        rich("σ~raw~"),
        "the standard deviation of the answer over raw-equivalent replicas: how much the answer would vary if the same "
        "scene were recorded again",
    ),
    (
        "ε",
        rich(
            "the shift of the answer on this one frame, in σ~raw~. |ε| > 1 is a flag, not a test: without any codec it is "
            "raised at the null rate"
        ),
    ),
    (
        HAT,
        rich("the mean shift over replicas, in σ~raw~; its 95 % interval follows from *u*~MC~; the verdict's bound also counts *u*~rel~"),
    ),
    (
        "Spread ratio",
        "the standard deviation of the answers after the codec over that before it; a ratio below 1 is denoising, which "
        "counts as a distortion",
    ),
    (
        rich("RMS(*D*)/σ~raw~"),
        "the typical size of the change in one frame, even where the changes of many frames average to zero",
    ),
    (
        "PASS, FAIL, INCONCLUSIVE",
        "PASS: inside all limits, even when the uncertainty counts against the codec. FAIL: beyond a limit, even when the "
        "uncertainty counts in its favour. INCONCLUSIVE: neither",
    ),
]
"""What the words of the report mean."""


def methods_section(record: Content) -> Section:
    """Return what is estimated and how, with equations."""
    blocks: list[Block] = [
        Para(
            rich(
                "A raw-equivalent replica *R~i~* is what the camera could have delivered instead of the raw frame *x*. The pipeline *f* "
                "gives an answer "
                "χ = *f*(*x*). The spread of *f*(*R*) is the uncertainty of the answer that raw noise alone causes; a codec *C* is "
                "judged in that unit. Rate "
                "control is part of the codec and runs anew on every replica, unless the codec’s specification says frozen=true."
            )
        ),
        Para(rich("Temporal variance of a pixel at mean level *m* (gain *K*, offset *o*, read noise σ~r~ in e⁻, rounding 1/12 DN²):")),
        Para(rich("*V*(*m*) = *K*(*m* − *o*) + *K*²σ~r~² + 1/12"), "equation"),
        Para(rich("Standard score of the codec on the frame itself, and the paired estimate over *N* replicas of the codec’s group:")),
        Para(
            rich("ε = (χ~c~ − χ~raw~) / σ~raw~,   *D*~i~ = *f*(*C*(*R*~i~)) − *f*(*R*~i~),   {hat} = mean(*D*) / σ~raw~", hat=HAT),
            "equation",
        ),
        Para(
            rich(
                "Group 0 is raw, groups 1 to *G* are the codecs, each with independent replicas. σ~raw~ pools the spread of *f*(*R*) "
                "within all groups, "
                "ν = (*G* + 1)(*N* − 1) degrees of freedom. Kolmogorov–Smirnov and Tukey’s test compare independent groups; they are "
                "shown as supporting "
                "evidence and decide nothing."
            )
        ),
        Heading("What the words mean"),
        Terms(_MEANINGS),
    ]
    return Section("methods", "Methods", blocks)


def rule_section(record: Content) -> Section:
    """Return the decision rule with its limits, and how often it errs."""
    limits, listed = limits_shown(record), margins(record)
    rule = record.decision
    blocks: list[Block] = [
        Para(
            rich(
                "PASS needs all three shown within at 95 %, one-sided; FAIL needs one shown beyond (JCGM 106). Bound of the shift: "
                "|{hat}| ± √(*r*² + (|{hat}|(exp(± *z* *u*~rel~) − 1))²), *r* the reach of the replicas, "
                "*u*~rel~² = *u*~mode~² + *u*~cal~².",
                hat=HAT,
            )
        ),
        Bullets(
            [
                rich("shift: upper 95 % limit of |{hat}| at most {k} (or the margin over σ~raw~)", hat=HAT, k=limits["k"]),
                rich("spread ratio: its 90 % interval within 1/{spread} to {spread}", spread=limits["spread"]),
                rich("RMS(*D*)/σ~raw~: its upper 95 % limit at most {rms}", rms=limits["rms"]),
            ]
        ),
        Para(f"Margins in the measurements’ units: {', '.join(listed)}." if listed else "Margins in the measurements’ units: none."),
        Para(
            rich(
                "When every decoded pixel equals the raw one, the result is PASS, “identical”. When pixels differ and every *D* is 0, "
                "up to 3/*N* of replicas may "
                "still change (95 %): PASS if the limits allow that, else INCONCLUSIVE. When σ~raw~ = 0 and some *D* is not 0, the "
                "result is FAIL unless the plan "
                "sets a margin."
            )
        ),
        Heading("How often the rule errs"),
    ]
    if rule is None:
        blocks.append(Para("Not in this record."))
        return Section("rule", "Decision rule and its error rates", blocks, short="Decision rule")
    rows: list[tuple[Words, Words]] = [
        ("Rule", rule.rule),
        ("Design", f"{design_text(rule)}{' replicas per group' if rule.replicas else ''}"),
        ("A codec without effect does not pass", percent(rule.null_flag_rate) or "not determined"),
        (
            f"A harmless codec of effect {effect_text(rule.harmless, rule.effect_unit)} passes",
            percent(rule.accepts_harmless) or "not determined",
        ),
        (
            f"A harmful codec of effect {effect_text(rule.harmful, rule.effect_unit)} passes",
            percent(rule.accepts_harmful) or "not determined",
        ),
        (
            "Assumed scatter of changes within an image",
            _scatter(rule.change, rule),
        ),
        (
            "Assumed scatter of the effect between images",
            _scatter(rule.between, rule),
        ),
    ]
    blocks += [Facts("Error rates of the rule", rows), Para(rule_line(record) or "", "small")]
    return Section("rule", "Decision rule and its error rates", blocks, short="Decision rule")


def _scatter(value: float | None, rule: DecisionRow) -> str:
    return "none" if value is None else effect_text(value, rule.effect_unit, 2)


def uncertainty_section(record: Content, most_rows: int = MOST_ROWS) -> Section:
    """Return the uncertainty budget after the GUM, with the cross-check of JCGM 101, and the checks of the replica mode."""
    reasons, names = Reasons(record), image_names(record)
    listed = {row.name: row for row in record.measurements}
    rows: list[Row] = []
    for row in sorted(record.results, key=severity, reverse=True)[: min(most_rows, MOST_SECOND)]:
        text = result_texts(row, listed[row.measurement], reasons)
        rows.append(
            [
                names[row.image],
                row.codec,
                row.measurement,
                text["epsilon_hat"],
                text["u_mc"],
                text["u_mode"],
                text["u_cal"],
                text["u"],
                text["dof"],
                plain(row.guard_factor, 3) or "—",
                plain(row.guard, 2) or "—",
                text["n"],
            ]
        )
    columns = [
        Column("Image", kind="code", weight=1.4),
        Column("Codec", kind="code", weight=1.7),
        Column("Measurement", weight=1.3),
        Column(HAT, kind="num"),
        Column(rich("*u*~MC~"), "type A", kind="num"),
        Column(rich("*u*~mode~"), "type B, relative", kind="num", weight=1.1),
        Column(rich("*u*~cal~"), "type B, relative", kind="num", weight=1.1),
        Column(rich("*u*"), "combined", kind="num"),
        Column("ν", kind="num", weight=0.8),
        Column(rich("*k*"), kind="num", weight=0.8),
        Column(rich("*U*"), "expanded", kind="num"),
        Column(rich("*N*"), kind="num", weight=0.7),
    ]
    caption = rich(
        "*u*~MC~: sampling, evaluated from the replicas (type A), in σ~raw~; sensitivity 1. *u*~mode~: the replica mode, from the "
        "coverage study (type B), and "
        "*u*~cal~: the camera’s standard errors (type B), both relative to σ~raw~; sensitivity |{hat}|. *u*: combined, in σ~raw~, with "
        "ν degrees of freedom "
        "(Welch–Satterthwaite). *k*: Student’s t at ν, 95 % one-sided; *U* = *k u*: the expanded uncertainty, shown for "
        "orientation; the verdict’s bound is in “Decision rule”.{shown}",
        hat=HAT,
        shown=shown_of(len(rows), len(record.results)),
    )
    blocks: list[Block] = [
        Para(rich("*u*² = *u*~MC~² + {hat}²(*u*~mode~² + *u*~cal~²),   *u*~MC~² = *s~D~*²/(*N* *s*²) + {hat}²/(2ν)", hat=HAT), "equation"),
        Para(rich("For discrete or heavy-tailed answers *u*~MC~ takes its influence-function form.")),
        Fold("Budget of each result", [Table("Uncertainty budget", columns, rows, caption, sortable=True)]),
    ]
    blocks += [
        Para(rich("*u*~mode~ of {names}: {source}.", names=measured, source=source), "small") for measured, source in u_mode_sources(record)
    ]
    blocks += [*_adaptive(record), *_delta(record), *_mode_checks(record, most_rows)]
    return Section("uncertainty", "Uncertainty budget", blocks, short="Uncertainty")


def _adaptive(record: Content) -> list[Block]:
    rows: list[Row] = [[row["image"], row["measurement"], row["u"], row["reached"]] for row in adaptive_rows(record)]
    if record.adaptive is None:
        return []
    columns = [Column("Image", kind="code"), Column("Measurement"), Column(rich("*u*(σ~raw~)/σ~raw~"), kind="num"), Column("Met")]
    said = f"Replicas were added until the plan’s rule was met: {replicas_used(record)}."
    return [Heading("Number of replicas"), Para(said), *([Table("Number of replicas", columns, rows)] if rows else [])]


def _delta(record: Content) -> list[Block]:
    deltas = delta_rows(record)
    blocks: list[Block] = [Heading("Cross-check: law of propagation against replicas (JCGM 101, clause 8)")]
    if not deltas:
        return [*blocks, Para("None in this record.")]
    blocks.append(
        Para(
            rich(
                "The law of propagation (JCGM 100) computes σ from derivatives, √Σ(∂χ/∂x)²*V*, at the centre of the replicas. It may "
                "stand for replicas where both ends "
                "of its 95 % interval differ from theirs by at most the numerical tolerance δ (one significant digit of σ~raw~). A "
                "measurement that counts or cuts at a "
                "threshold has no derivative."
            )
        )
    )
    blocks += [Para(f"Undefined ({reason}): {names}.", "small") for reason, names in delta_undefined(deltas)]
    defined = [row for row in deltas if row.defined]
    if defined:
        columns = [
            Column("Image", kind="code", weight=1.4),
            Column("Measurement", weight=1.4),
            Column("σ by derivatives", kind="num", weight=1.3),
            Column(rich("over σ~raw~"), kind="num"),
            Column("its interval", kind="num", weight=1.5),
            Column("that of replicas", kind="num", weight=1.5),
            Column(rich("*d*~low~"), kind="num"),
            Column(rich("*d*~high~"), kind="num"),
            Column("δ", kind="num"),
            Column("May stand for replicas", weight=1.5),
        ]
        rows: list[Row] = [
            [
                row.image,
                row.measurement,
                row.sigma,
                row.ratio,
                row.interval,
                row.replicas,
                row.low,
                row.high,
                row.tolerance,
                Cell(row.accepted, row.reason),
            ]
            for row in defined
        ]
        blocks.append(Table("Law of propagation against replicas", columns, rows))
    return blocks


def _mode_checks(record: Content, most_rows: int) -> list[Block]:
    names = image_names(record)
    if not record.mode_diagnostics:
        return []
    columns = [
        Column("Image", kind="code", weight=1.4),
        Column("Check", weight=1.5),
        Column("Value", kind="num", weight=0.8),
        Column("Limits", kind="num", weight=1.2),
        Column("Within", weight=0.7),
        Column("Definition", weight=3.0),
    ]
    rows: list[Row] = [
        [
            names.get(row.image, ""),
            row.name.replace("_", " "),
            given(row.value, 3) or "—",
            f"{given(row.low, 3) or '−∞'} to {given(row.high, 3) or '∞'}",
            setting(row.passed),
            row.definition,
        ]
        for row in record.mode_diagnostics[: min(most_rows, MOST_SECOND)]
    ]
    failed = sum(row.passed is False for row in record.mode_diagnostics)
    title = f"{len(record.mode_diagnostics)} checks, {failed} outside their limits"
    return [Heading("Checks of the replica mode"), Fold(title, [Table("Checks of the replica mode", columns, rows, sortable=True)])]
