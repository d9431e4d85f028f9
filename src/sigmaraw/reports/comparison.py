"""What changed between two records: plan, data, camera, libraries, verdicts and scores, side by side; nothing is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sigmaraw.record import Content
from sigmaraw.record.design import ImageRow
from sigmaraw.record.fields import plain as bare
from sigmaraw.record.results import ResultRow
from sigmaraw.reports.codec_sections import libraries_used
from sigmaraw.reports.names import image_names
from sigmaraw.reports.numbers import measured
from sigmaraw.reports.table import align, score, shorten
from sigmaraw.reports.values import flatten

_NONE = "—"
_LONGEST = 46  # columns of one value


@dataclass(frozen=True)
class Change:
    """One thing that differs: its name, and what each record says of it."""

    name: str
    first: str
    second: str


@dataclass(frozen=True)
class Comparison:
    """What differs between two records, by part. verdicts : the changes of verdicts among them."""

    parts: dict[str, list[Change]] = field(default_factory=dict)
    verdicts: int = 0

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not any(self.parts.values())


def compare_records(first: Content, second: Content) -> Comparison:
    """Return what differs between two records."""
    verdicts = _verdicts(first, second)
    parts = {
        "Plan": _plan(first, second),
        "Data": _data(first, second),
        "Camera": _camera(first, second),
        "Pipeline": _texts(dict(flatten(first.pipeline)), dict(flatten(second.pipeline))),
        "Libraries": _texts(dict(libraries_used(first)), dict(libraries_used(second))),
        "Verdicts": verdicts,
        "Scores": _scores(first, second),
    }
    return Comparison(parts, len(verdicts))


def _texts(first: Mapping[str, str], second: Mapping[str, str]) -> list[Change]:
    names = list(dict.fromkeys([*first, *second]))
    return [Change(name, first.get(name, _NONE), second.get(name, _NONE)) for name in names if first.get(name) != second.get(name)]


def _plan(first: Content, second: Content) -> list[Change]:
    left_out = ("sha256", "created", "lock")
    plans = [
        dict(flatten({name: value for name, value in bare(record.plan).items() if name not in left_out})) for record in (first, second)
    ]
    return _texts(*plans)


def _data(first: Content, second: Content) -> list[Change]:
    files = [{row.path or f"array {number}": row.sha256 for number, row in enumerate(record.inputs, 1)} for record in (first, second)]
    shared = [name for name in files[0] if name in files[1]]
    changed = [Change(name, files[0][name][:12], files[1][name][:12]) for name in shared if files[0][name] != files[1][name]]
    pixels = [{row.sha256 or "": name for row, name in _images(record)} for record in (first, second)]
    changed += [Change(f"image {name}", "there", _NONE) for sha, name in pixels[0].items() if sha not in pixels[1]]
    return changed + [Change(f"image {name}", _NONE, "there") for sha, name in pixels[1].items() if sha not in pixels[0]]


def _images(record: Content) -> list[tuple[ImageRow, str]]:
    names = image_names(record)
    return [(row, names.get(row.image, "")) for row in record.images]


def _camera(first: Content, second: Content) -> list[Change]:
    def texts(record: Content) -> dict[str, str]:
        scalars = record.camera.scalars.items()
        shown = {name: f"{measured(row.value, row.se)} {row.unit}" for name, row in scalars if row.value is not None}
        return {**{key: str(value) for key, value in record.camera.identity.items()}, **shown}

    return _texts(texts(first), texts(second))


def _key(record: Content, row: ResultRow, names: Mapping[int, str]) -> tuple[str, str, str]:
    return names[row.image], row.codec, row.measurement


def _pairs(first: Content, second: Content) -> list[tuple[str, ResultRow | None, ResultRow | None]]:
    """Return the results of both by image, codec and measurement."""
    found = []
    for record in (first, second):
        names = image_names(record)
        found.append({_key(record, row, names): row for row in record.results})
    keys = list(dict.fromkeys([*found[0], *found[1]]))
    return [(", ".join(key), found[0].get(key), found[1].get(key)) for key in keys]


def _verdicts(first: Content, second: Content) -> list[Change]:
    codecs = [{row.codec: row.verdict for row in record.codecs} for record in (first, second)]
    changed = [
        Change(name, codecs[0][name], codecs[1][name]) for name in codecs[0] if name in codecs[1] and codecs[0][name] != codecs[1][name]
    ]
    for name, old, new in _pairs(first, second):
        if old and new and old.verdict != new.verdict:
            changed.append(Change(name, f"{old.verdict}: {old.reason}", f"{new.verdict}: {new.reason}"))
    return changed


def _scores(first: Content, second: Content) -> list[Change]:
    changed = []
    for name, old, new in _pairs(first, second):
        if old is None or new is None:
            changed.append(Change(name, score(old) if old else _NONE, score(new) if new else _NONE))
        elif (old.epsilon_hat, old.epsilon_hat_ci, old.sigma_raw) != (new.epsilon_hat, new.epsilon_hat_ci, new.sigma_raw):
            changed.append(Change(name, f"ε̂ {score(old)}", f"ε̂ {score(new)}"))
    return changed


def comparison_text(found: Comparison, names: Sequence[str], most: int = 40) -> str:
    """Return a comparison as aligned text.

    Parameters
    ----------
    found : Comparison
        What differs.
    names : sequence of str
        What the two records are called.
    most : int, default 40
        Lines of one part at most.
    """
    if found.same:
        return "Nothing differs: the same plan, data, camera, libraries, verdicts and scores.\n"
    lines: list[str] = []
    for part, changes in found.parts.items():
        if not changes:
            lines += [f"{part}: the same.", ""]
            continue
        rows = [[shorten(text, _LONGEST) for text in (change.name, change.first, change.second)] for change in changes[:most]]
        head = [
            f"{part}: {len(changes)} {'difference' if len(changes) == 1 else 'differences'}",
            *(shorten(name, _LONGEST) for name in names),
        ]
        lines += [*align(head, rows, (False, False, False)), *([f"… and {len(changes) - most} more"] if len(changes) > most else []), ""]
    return "\n".join(lines)
