"""What a study says over its images, in words: which codec may be used for what, what is open and what would decide it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sigmaraw.record import Content, Verdict, worst
from sigmaraw.record.statements import STATEMENTS, DecisionRow, StatementName, StatementRow
from sigmaraw.reports.names import few, image_names
from sigmaraw.reports.numbers import given, interval, of_studies, percent, plain, with_unit
from sigmaraw.reports.selection import without_replicas
from sigmaraw.reports.wording import several

HEADINGS: dict[Verdict, str] = {"PASS": "May be used", "INCONCLUSIVE": "Not decided", "FAIL": "Not to be used"}


@dataclass(frozen=True)
class Said:
    """What is said of one codec on one measurement.

    rows : the three statements, by name. by_mean : the rule decides by the mean over images of a metric of masks, and by nothing else.
    """

    codec: str
    measurement: str
    verdict: Verdict
    reason: str
    rows: dict[StatementName, StatementRow]
    beyond: tuple[str, ...]
    by_mean: bool = False

    @property
    def decides(self) -> str:
        """What would decide it, where it is open."""
        if self.verdict != "INCONCLUSIVE" or not self.rows:
            return ""
        if self.by_mean:
            return "more images"
        mean = self.rows["mean-effect"]
        return (self.rows["these-images"] if mean.units < 3 else mean).decides


def said_of(record: Content) -> list[Said]:
    """Return what is said of each codec on each measurement; a record without statements has the worst of its rows."""
    names, listed = image_names(record), record.decision.rulings if record.decision else ()
    rulings = {(row.codec, row.measurement): row for row in listed}
    statements: dict[tuple[str, str], dict[StatementName, StatementRow]] = {}
    for said in record.statements:
        statements.setdefault((said.codec, said.measurement), {})[said.statement] = said
    found = []
    for codec in record.codecs:
        for measurement in record.measurements:
            key = (codec.codec, measurement.name)
            rows = [row for row in record.results if (row.codec, row.measurement) == key]
            if not rows:
                continue
            ruling, of_key = rulings.get(key), statements.get(key, {})
            verdict = ruling.verdict if ruling else worst(row.verdict for row in rows)
            reason = ruling.because if ruling else next(row.reason for row in rows if row.verdict == verdict)
            by_mean = ruling is not None and ruling.less_is_better is not None
            if of_key and not by_mean and all(row.units == 1 for row in of_key.values()):
                reason = rows[0].reason or reason  # one image: its own reason says more
            beyond = tuple(names[row.image] for row in rows if row.verdict == "FAIL")
            whole = of_key if len(of_key) == len(STATEMENTS) else {}
            found.append(Said(codec.codec, measurement.name, verdict, reason, whole, beyond, by_mean))
    return found


def plain_lines(record: Content) -> list[tuple[Verdict, str]]:
    """Return three lines, one per verdict: which codecs may be used for what, which are open, which are not to be used."""
    found = said_of(record)
    return [(verdict, f"{HEADINGS[verdict]}: {_listed(found, verdict, len(record.measurements))}.") for verdict in HEADINGS]


def _listed(found: Sequence[Said], verdict: Verdict, measurements: int) -> str:
    parts = []
    for codec in dict.fromkeys(entry.codec for entry in found):
        of_codec = [entry for entry in found if entry.codec == codec and entry.verdict == verdict]
        if not of_codec:
            continue
        every = len(of_codec) == measurements and measurements > 1
        what = all_measurements(measurements) if every else ", ".join(entry.measurement for entry in of_codec)
        parts.append(f"{codec} for {what}{_because(of_codec, verdict)}")
    return "; ".join(parts) or "none"


def all_measurements(count: int) -> str:
    """Return that all of several measurements are meant."""
    return "both measurements" if count == 2 else f"all {count} measurements"


def _because(entries: Sequence[Said], verdict: Verdict) -> str:
    """Return in brackets what would decide, or which files are beyond a limit."""
    if verdict == "INCONCLUSIVE":
        wanted = list(dict.fromkeys(entry.decides for entry in entries if entry.decides))
        return f" (would decide: {' / '.join(wanted)})" if wanted else ""
    if verdict == "FAIL":
        files = list(dict.fromkeys(name for entry in entries for name in entry.beyond))
        return f" (beyond: {few(files)})" if files else ""
    return ""


def scope_line(record: Content) -> str:
    """Return what the verdicts are about: these images, or the mean over images like them."""
    images = len({row.image for row in record.results})
    if not record.statements or images < 3 or (record.decision and record.decision.rule != "equivalence"):
        return f"The verdicts hold for {'this image' if images == 1 else f'these {images} images'} only, not for others."
    kind = {row.counted for row in record.statements if row.statement == "mean-effect"}
    units = max((row.units for row in record.statements if row.statement == "mean-effect"), default=images)
    if units < 3:
        return f"Fewer than three {kind.pop()}s: the verdicts hold for these images only, not for others."
    left = max((row.left_out for row in record.statements), default=0)
    without = f" It leaves out up to {left} whose noise is in doubt." if left else ""
    return (
        f"A PASS says: the mean over images like these {units} {kind.pop()}s is within the limits, and none is shown to be beyond.{without}"
    )


def warning_line(record: Content) -> str:
    """Return how many results warn, how many of the warnings bear on a verdict, and of which kinds they are."""
    warned = [row for row in record.results if row.warnings]
    if not warned:
        return "Warnings: none."
    bearing = sum(any(warning.bears for warning in row.warnings) for row in warned)
    kinds = Counter(warning.code for row in warned for warning in row.warnings)
    listed = ", ".join(f"{code} {count}" for code, count in sorted(kinds.items()))
    bears = f"{bearing} of them a warning that bears on the verdict" if bearing else "none of which bears on a verdict"
    return f"Warnings: {len(warned)} of {len(record.results)} results carry warnings, {bears} ({listed})."


def undefined_line(record: Content) -> str:
    """Return how many results have no score, and how many statements on the images that leaves open.

    Nothing where all have one, and nothing without replicas, where none can have one.
    """
    if without_replicas(record):
        return ""
    without = [(row.codec, row.measurement) for row in record.results if row.epsilon_hat is None]
    if not without:
        return ""
    these = [row for row in record.statements if row.statement == "these-images" and (row.codec, row.measurement) in without]
    open_ = sum(row.undefined > 0 and row.verdict == "INCONCLUSIVE" for row in these)
    left = f"so {open_} statements on these images are undecided" if open_ else "which leaves no statement on these images undecided"
    return f"Undefined: {len(without)} of {len(record.results)} results have no ε̂, {left}."


def effect_text(value: float | None, unit: str, digits: int = 3) -> str:
    """Return an effect with its unit as the decision rule states it: in σ_raw, in margins, or of a metric, in brackets."""
    shown = given(value, digits)
    return f"{shown} σ_raw" if unit == "sigma_raw" else f"{shown} × the margin" if unit == "margin" else f"{shown} ({unit})"


def design_text(rule: DecisionRow) -> str:
    """Return the images of a design, with its replicas per group where there are any."""
    many = several(rule.images, "image")
    return f"{many}, n = {rule.replicas}" if rule.replicas else many


def rule_line(record: Content) -> str:
    """Return the decision rule with its null flag rate and its power in this design."""
    rule = record.decision
    if rule is None or rule.null_flag_rate is None:
        return ""
    unit = rule.effect_unit
    scatter = [
        f"by {effect_text(value, unit, 2)} {where}"
        for value, where in ((rule.change, "within an image"), (rule.between, "between images"))
        if value is not None
    ]
    assumed = f" (assumed: changes scatter {', '.join(scatter)})" if scatter else ""
    return (
        f"Rule {rule.rule}, {design_text(rule)}: a codec without effect does not pass in {of_studies(rule.null_flag_rate)} of studies. "
        f"A codec that shifts answers by {effect_text(rule.harmless, unit)} passes in {of_studies(rule.accepts_harmless)}, one that shifts "
        f"them by {effect_text(rule.harmful, unit)} in {of_studies(rule.accepts_harmful)}{assumed}."
    )


def plan_line(record: Content) -> str:
    """Return how the plan was fixed; nothing where there was no plan file."""
    lock = record.plan.lock
    if lock is None:
        return ""
    if lock.state == "locked":
        return f"Plan locked {lock.created}, before this tool first read the data; SHA-256 {(lock.sha256 or '')[:12]}."
    return "EXPLORATORY: the plan was not locked before this tool first read the data. The verdicts confirm nothing."


def first_lines(record: Content) -> list[str]:
    """Return what stands above every table: the three lines, what they are about, warnings, rule and plan."""
    lines = [line for _, line in plain_lines(record)]
    lines += [scope_line(record), warning_line(record), undefined_line(record), rule_line(record), plan_line(record)]
    return [line for line in lines if line]


def value_of(row: StatementRow, unit: str = "") -> str:
    """Return a statement's value with its interval, as printed."""
    if row.statement == "these-images":
        return f"{row.passed} of {row.units} within, {row.failed} beyond"
    low, high = row.ci or (None, None)
    if row.statement == "share-of-images":
        return f"{percent(row.value)} [{percent(low)}, {percent(high)}]"
    shown = plain(row.value, 3) or "undefined"
    ends = interval(low, high) or f"[{plain(low, 2) or '0'}, ∞)"
    return with_unit(f"{shown} {ends}", "" if row.unit == "sigma_raw" else unit) or shown
