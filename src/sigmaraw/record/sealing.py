"""What is written beside a record so that nobody alters it unseen: its plan, a log, a manifest of every part, signatures over it."""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sigmaraw.errors import IntegrityError
from sigmaraw.extras import version
from sigmaraw.files import folder_of_parts, sha256_of_file, write_text
from sigmaraw.integrity.crate import CRATE_FILE, crate_text
from sigmaraw.integrity.log import LOG_FILE, LogLine, log_text, now, operator, read_log, with_lines
from sigmaraw.integrity.manifest import (
    ATTACHMENT,
    MANIFEST_FILE,
    PDF_FILE,
    ROLES,
    SIGNATURES_FILE,
    InputPart,
    LogPart,
    Manifest,
    Part,
    part_of,
    read_manifest,
)
from sigmaraw.record.content import Content
from sigmaraw.record.words import worst

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sigmaraw.integrity.pades import SignedPdf
    from sigmaraw.integrity.signing import Signature

PLAN_FILE, CHECK_FILE = "plan.toml", "check.py"
_BESIDE = (MANIFEST_FILE, SIGNATURES_FILE, LOG_FILE)
_NO_PART = frozenset({*_BESIDE, "partial.nc"})


def tool() -> str:
    """Return program and version."""
    return f"sigmaraw {version('sigmaraw')}"


def seal(made: Path, folder: Path, content: Content, plan: Path | None, read_from: str | None) -> None:
    """Write plan, log, crate metadata and manifest beside a record's files.

    Parameters
    ----------
    made : Path
        Where the record's files are written before they move to `folder`.
    folder : Path
        The record's folder. A log that it holds goes on.
    content : Content
        The rows, paths as in the file.
    plan : Path or None
        The plan's file.
    read_from : str or None
        The folder that this record was read from; None where it was just made.
    """
    (made / CHECK_FILE).write_text(check_script(CheckedKind.of(content)), encoding="utf-8")
    if plan is not None:
        (made / PLAN_FILE).write_bytes(plan.read_bytes())
    inputs = input_parts(content)
    lines = with_lines(_earlier(folder, made), tool(), _events(content, inputs, read_from))
    parts = [part_of(made, file.name) for file in sorted(made.iterdir()) if file.name not in _NO_PART]
    write_text(made / CRATE_FILE, _crate(content, parts, inputs))
    parts.append(part_of(made, CRATE_FILE))
    write_text(made / LOG_FILE, log_text(lines))
    write_text(made / MANIFEST_FILE, _manifest(content.digest, parts, inputs, lines).text())


def input_parts(content: Content) -> tuple[InputPart, ...]:
    """Return the manifest's entries of the inputs."""
    return tuple(InputPart(path=row.path, role=row.role, sha256=row.sha256) for row in content.inputs)


def _earlier(folder: Path, made: Path) -> tuple[LogLine, ...]:
    """Return the lines of the log that the folder holds. One that was altered stays under another name, and a new one begins."""
    path = folder / LOG_FILE
    if not path.exists():
        return ()
    lines, problems = read_log(path)
    if problems:
        (made / f"log-altered-{sha256_of_file(path)[:8]}.jsonl").write_bytes(path.read_bytes())
        return ()
    return lines


def _events(content: Content, inputs: Sequence[InputPart], read_from: str | None) -> list[tuple[str, str | None, Mapping[str, Any]]]:
    end = {
        "digest": content.digest,
        "predictions_sha256": content.predictions_sha256,
        "verdicts": {row.codec: row.verdict for row in content.codecs},
    }
    if read_from is not None:
        return [("written", None, {**end, "read_from": read_from})]
    lock = content.plan.lock
    start = {
        "inputs": [msgspec.to_builtins(entry) for entry in inputs],
        "plan_sha256": content.plan.sha256,
        "plan_lock": None if lock is None else msgspec.to_builtins(lock),
        "seed": content.plan.seed,
    }
    return [("start", content.plan.created, start), ("end", content.created, end)]


def _crate(content: Content, parts: Sequence[Part], inputs: Sequence[InputPart]) -> str:
    verdicts = "; ".join(f"{row.codec}: {row.verdict}" for row in content.codecs)
    overall = worst(row.verdict for row in content.codecs)
    return crate_text(
        title=f"Validation of {len(content.codecs)} codecs on {len(content.images) or len(content.inputs)} images: {overall}",
        description=f"Whether compression changes a model's answers more than the camera's noise does. Verdicts: {verdicts}",
        digest=content.digest,
        version=version("sigmaraw"),
        by=operator(),
        times=(content.plan.created or now(), content.created or now()),
        parts=parts,
        inputs=inputs,
    )


def _manifest(digest: str, parts: Iterable[Part], inputs: tuple[InputPart, ...], lines: Sequence[LogLine]) -> Manifest:
    log = LogPart(path=LOG_FILE, lines=tuple(line.sha256 for line in lines))
    return Manifest(record_digest=digest, parts=tuple(sorted(parts, key=lambda part: part.path)), inputs=inputs, log=log)


# --- later ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Seal:
    """Manifest and log of a folder, both as they were written."""

    manifest: Manifest
    lines: tuple[LogLine, ...]


def seal_of(folder: Path) -> Seal | None:
    """Return manifest and log of a folder, None where it has no manifest: read before anything is written, so that nothing is in vain.

    Raises
    ------
    InvalidRecord
        The manifest cannot be read.
    IntegrityError
        The log was altered.
    """
    if not (folder / MANIFEST_FILE).exists():
        return None
    return Seal(read_manifest(folder / MANIFEST_FILE), _lines_of(folder))


def note_renderings(folder: Path, files: Sequence[Path], sealed: Seal | None) -> None:
    """Enter renderings that were made anew into log and manifest. A folder without a manifest (`sealed` is None) stays without."""
    if sealed is None:
        return
    manifest = sealed.manifest
    names = [file.relative_to(folder).as_posix() for file in files]
    made = [part_of(folder, name) for name in names]
    lines = with_lines(sealed.lines, tool(), [("report", None, {"files": {part.path: part.sha256 for part in made}})])
    kept = [part for part in manifest.parts if part.path not in names]
    parts = (*kept, *made)
    _write(folder, {LOG_FILE: log_text(lines), MANIFEST_FILE: _manifest(manifest.record_digest, parts, manifest.inputs, lines).text()})


def remade(folder: Path) -> set[str]:
    """Return the files that `sigmaraw report` made anew, as the log says."""
    facts = [line.facts.get("files") for line in read_log(folder / LOG_FILE)[0] if line.event == "report"]
    return {name for files in facts if isinstance(files, dict) for name in files}


def new_attachments(folder: Path) -> list[str]:
    """Return the files of a folder that its manifest does not list, and that a signature would take in. Raises InvalidRecord."""
    manifest = read_manifest(folder / MANIFEST_FILE)
    return [path for path in files_of(folder) if manifest.part(path) is None]


def sign(
    folder: Path, key: Ed25519PrivateKey, name: str, meaning: str, *, replace: bool = False, pdf: SignedPdf | None = None
) -> Signature:
    """Sign all files of a record's folder as they are; those that are no part of it yet become attachments, whatever their name.

    A signed PDF takes the place of report.pdf first, so that the manifest, and with it the signature, is over the signed PDF.
    PDF, log, manifest and signatures are written together: a full disk leaves the folder as it was.

    Parameters
    ----------
    folder : Path
        The record's folder, in which nothing was altered.
    key : Ed25519PrivateKey
        The signer's.
    name : str
        The signer's printed name.
    meaning : str
        What the signature means.
    replace : bool
        Drop the signatures that are there.
    pdf : SignedPdf, optional
        report.pdf with a signature inside.

    Returns
    -------
    Signature
        The signature, which is now the last in signatures.json.

    Raises
    ------
    IntegrityError
        The log was altered.
    InvalidRecord
        The manifest or the signatures cannot be read.
    OutOfSpace
        The disk is full.
    """
    from sigmaraw.integrity.signing import Statement, key_id, new_signature, read_signatures, signatures_text  # imports cryptography

    old = () if replace else read_signatures(folder / SIGNATURES_FILE)
    manifest = read_manifest(folder / MANIFEST_FILE)
    facts = {"name": name, "meaning": meaning, "key": key_id(key.public_key()), "replaces_earlier": replace}
    lines = with_lines(_lines_of(folder), tool(), [*_signed_pdf_event(pdf), ("sign", None, facts)])
    roles = {part.path: part.role for part in manifest.parts}
    others = [path for path in files_of(folder) if pdf is None or path != PDF_FILE]
    parts = [*(part_of(folder, path, roles.get(path, ATTACHMENT)) for path in others), *_signed_pdf_part(pdf)]
    sealed = _manifest(manifest.record_digest, parts, manifest.inputs, lines)
    made = new_signature(Statement(name=name, meaning=meaning, time=now(), manifest=sealed), key)
    texts = {LOG_FILE: log_text(lines), MANIFEST_FILE: sealed.text(), SIGNATURES_FILE: signatures_text((*old, made))}
    _write(folder, texts, pdf)
    return made


def enter_signed_pdf(folder: Path, pdf: SignedPdf) -> None:
    """Put a signed PDF in the place of report.pdf, and enter it into log and manifest; all of it is written, or nothing.

    Raises
    ------
    IntegrityError
        The log was altered.
    InvalidRecord
        The manifest cannot be read.
    OutOfSpace
        The disk is full.
    """
    manifest = read_manifest(folder / MANIFEST_FILE)
    lines = with_lines(_lines_of(folder), tool(), _signed_pdf_event(pdf))
    parts = [*(part for part in manifest.parts if part.path != PDF_FILE), *_signed_pdf_part(pdf)]
    sealed = _manifest(manifest.record_digest, parts, manifest.inputs, lines)
    _write(folder, {LOG_FILE: log_text(lines), MANIFEST_FILE: sealed.text()}, pdf)


def _signed_pdf_event(pdf: SignedPdf | None) -> list[tuple[str, str | None, Mapping[str, Any]]]:
    return [] if pdf is None else [("sign-pdf", None, pdf.facts)]


def _signed_pdf_part(pdf: SignedPdf | None) -> list[Part]:
    if pdf is None:
        return []
    return [Part(path=PDF_FILE, role=ROLES[PDF_FILE], sha256=hashlib.sha256(pdf.content).hexdigest(), bytes=len(pdf.content))]


def files_of(folder: Path) -> list[str]:
    """Return the files that can be parts, hidden ones and links apart."""
    found = []
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if file.is_file() and not file.is_symlink() and not hidden and name.as_posix() not in _NO_PART:
            found.append(name.as_posix())
    return found


def _lines_of(folder: Path) -> tuple[LogLine, ...]:
    lines, problems = read_log(folder / LOG_FILE)
    if problems:
        number, what = next(iter(problems.items()))
        raise IntegrityError(f"line {number} of {folder / LOG_FILE}: {what}", "the log as it was written", "restore it from a copy")
    return lines


def _write(folder: Path, texts: Mapping[str, str], pdf: SignedPdf | None = None) -> None:
    """Write files that belong together: all of them, or none where one finds no room."""
    with folder_of_parts(folder) as made:
        if pdf is not None:
            (made / PDF_FILE).write_bytes(pdf.content)
        for name, text in texts.items():
            (made / name).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class CheckedKind:
    """What kind of record check.py is for: it holds no line that such a record does not need.

    Parameters
    ----------
    rule : str, default "equivalence"
        The plan's decision rule.
    replicas, levels, search : bool
        Whether the study has replicas, whether at several noise levels, and whether the record is the last of a search.
    """

    rule: str = "equivalence"
    replicas: bool = True
    levels: bool = False
    search: bool = False

    @classmethod
    def of(cls, content: Content) -> CheckedKind:
        """Return the kind of a record."""
        design = content.design
        replicas, levels = (True, False) if design is None else (bool(design.replicas_per_group), bool(design.noise_levels))
        return cls(content.plan.rule, replicas, levels, content.search is not None)

    @property
    def parts(self) -> set[str]:
        """Names of the parts of check.py that it needs."""
        asked = {"replicas": self.replicas, "margin": not self.replicas, "levels": self.levels, "search": self.search, self.rule: True}
        return {name for name, needed in asked.items() if needed} | {"end"}


def check_script(kind: CheckedKind) -> str:
    """Return the text of check.py for a kind of record."""
    text = importlib.resources.files("sigmaraw.record").joinpath("check.py.txt").read_text(encoding="utf-8")
    kept, part = [], "end"
    for line in text.splitlines(keepends=True):
        if line.startswith("# PART "):
            part = line.split()[2]
        elif part in kind.parts:
            kept.append(line)
    found = (kind.rule, kind.replicas, kind.levels, kind.search)
    return "".join(kept).replace("KIND = ()", f"KIND = {found!r}", 1)
