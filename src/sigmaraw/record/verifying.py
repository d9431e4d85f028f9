"""Whether a record's folder is what was written and signed, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigmaraw.errors import IntegrityError, InvalidRecord, MissingExtra, visible
from sigmaraw.files import sha256_of_file
from sigmaraw.integrity.log import LOG_FILE, LogLine, read_log
from sigmaraw.integrity.manifest import MANIFEST_FILE, PDF_FILE, SIGNATURES_FILE, Manifest, bytes_of, read_manifest
from sigmaraw.integrity.signing import Signature, read_signatures
from sigmaraw.record.content import Content
from sigmaraw.record.digest import digest_of, plan_digest, predictions_digest
from sigmaraw.record.folder import predictions_of
from sigmaraw.record.places import find_input
from sigmaraw.record.reading import content_of, read_document
from sigmaraw.record.sealing import files_of

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from sigmaraw.integrity.pades import PdfSignature

SINCE_WRITTEN, SINCE_SIGNED = "since it was written", "since it was signed"
VOUCHED = ("record", "predictions", "plan")
"""Parts that no command after the study makes anew."""


class Kind(StrEnum):
    """What is wrong with a part: it has other content, or it is an input that is not where it was."""

    ALTERED = "altered"
    INPUT_GONE = "input gone"


@dataclass(frozen=True)
class Finding:
    """A part that is not what it was.

    Parameters
    ----------
    part : str
        What it is: record, predictions, plan, html, pdf, csv, attachment, log line 3, input, manifest, signature, and others.
    path : str
        Its file, as the record names it.
    what : str
        What is wrong with it.
    kind : Kind
        The same, for programs.
    """

    part: str
    path: str
    what: str
    kind: Kind = Kind.ALTERED

    def __str__(self) -> str:
        return visible(f"{self.path} ({self.part}): {self.what}")  # all three may hold a stranger's words


@dataclass(frozen=True)
class Examination:
    """What was found of a folder.

    Parameters
    ----------
    problems : list of Finding
        Parts that are not what they were; empty where all agree.
    notes : list of str
        What is no fault, and good to know.
    signatures : tuple of Signature
        Those that hold, of the key that was asked for where one was.
    trusted : bool
        Whether they were checked against a key that the caller has from elsewhere.
    pdf_signatures : tuple of PdfSignature
        Those inside report.pdf that fit it.
    """

    problems: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    signatures: tuple[Signature, ...] = ()
    trusted: bool = False
    pdf_signatures: tuple[PdfSignature, ...] = ()

    @property
    def state(self) -> str:
        """What may be said of who vouches for the folder, in one line."""
        if not self.signatures:
            return "unsigned: nothing was altered by accident, but whoever alters a part on purpose can write new hashes as well"
        said = [(visible(entry.statement.name), visible(entry.statement.meaning), entry) for entry in self.signatures]
        by = "; ".join(f"signed by {name} ({what}, {visible(entry.statement.time)}, key {entry.key})" for name, what, entry in said)
        return by if self.trusted else f"{by}; the key is the one in the folder: compare it with the signer's by --key"


class _Files:
    """A record's folder, of which each file is hashed once and the log read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hashes: dict[str, str] = {}

    def sha256(self, name: str) -> str:
        """Return the SHA-256 of a file of the folder."""
        if name not in self._hashes:
            self._hashes[name] = sha256_of_file(self.folder / name)
        return self._hashes[name]

    @cached_property
    def log(self) -> tuple[tuple[LogLine, ...], dict[int, str]]:
        """The lines of the log, and what is wrong with them."""
        return read_log(self.folder / LOG_FILE)


def examine(
    folder: str | Path,
    *,
    key: Ed25519PublicKey | None = None,
    inputs: Path | None = None,
    look_at_inputs: bool = True,
    signatures: bool = True,
    look_at_pdf: bool = True,
    trust: Sequence[x509.Certificate] | None = None,
) -> Examination:
    """Compare every part of a record's folder, and its inputs, with what was written and signed.

    Parameters
    ----------
    folder : path
        The record's folder.
    key : Ed25519PublicKey, optional
        The signer's public key, from elsewhere than this folder: without a signature of it the folder does not pass.
    inputs : path, optional
        Folder in which the inputs lie now; by default they are looked for where they were, from the record's folder.
    look_at_inputs : bool
        Whether inputs are read at all: they may be large.
    signatures : bool
        Whether parts are compared with what was signed; without, with manifest.json, as where the signatures are to be replaced.
    look_at_pdf : bool
        Whether signatures inside report.pdf are looked at.
    trust : sequence of x509.Certificate, optional
        Certificates: without a signature inside report.pdf whose certificate leads to one of them the folder does not pass.

    Raises
    ------
    MissingExtra
        Signatures inside report.pdf are to lead to `trust`, and pyHanko is not installed.
    InvalidRecord
        No record.json, or one that cannot be read in a folder without a manifest.
    """
    folder = Path(folder)
    found = Examination()
    files = _Files(folder)
    holding, references = _references(folder, key, found) if signatures else ((), _unsigned(_manifest_of(folder, found)))
    document, content = _record(folder, found, bool(references))
    if content is not None and document is not None:
        found.problems.extend(_of_record(folder, document, content))
    for manifest, since in references:
        found.problems.extend(_of_parts(files, manifest, since, document))
        found.problems.extend(_of_log(files, manifest))
    rows = references[0][0].inputs if references else ()
    stated = [(row.path, row.role, row.sha256) for row in rows]
    if content is not None and document is not None:
        stated = [(entry.get("path"), row.role, row.sha256) for row, entry in zip(content.inputs, document["inputs"], strict=True)]
        if rows and [row.sha256 for row in rows] != [row.sha256 for row in content.inputs]:
            found.problems.append(Finding("record", "record.json", "its inputs are not those of the manifest"))
    if look_at_inputs:
        found.problems.extend(_of_inputs(folder, stated, inputs))
    inside = _of_pdf(folder, found, trust, document) if look_at_pdf else ()
    if references:
        covered = {part.path for manifest, _ in references for part in manifest.parts}
        found.notes.extend(f"{visible(name)} is no part of the record" for name in files_of(folder) if name not in covered)
    first: dict[tuple[str, str], Finding] = {}
    for entry in found.problems:
        first.setdefault((entry.part, entry.path), entry)
    return Examination(list(first.values()), found.notes, holding, key is not None, inside)


def _references(folder: Path, key: Ed25519PublicKey | None, found: Examination) -> tuple[tuple[Signature, ...], list[tuple[Manifest, str]]]:
    """Return the signatures that hold, and the manifests that parts are held against: signed ones where there are any."""
    signatures: tuple[Signature, ...] = ()
    try:
        signatures = read_signatures(folder / SIGNATURES_FILE)
    except InvalidRecord as error:
        found.problems.append(Finding("signature", SIGNATURES_FILE, f"it cannot be read ({_short(error)})"))
    for number, entry in enumerate(signatures, start=1):
        if not entry.holds():
            name = visible(entry.statement.name)
            found.problems.append(Finding("signature", SIGNATURES_FILE, f"signature {number}, of {name}, does not fit what it signs"))
    holding = tuple(entry for entry in signatures if entry.holds())
    latest = holding[-1].statement.manifest if holding else None  # manifest.json is that of the last signer, whose key is asked for or not
    if key is not None:
        holding = tuple(entry for entry in holding if entry.is_by(key))
        if not holding:
            found.problems.append(Finding("signature", SIGNATURES_FILE, "the record has no signature of this key: unsigned by it"))
    references = [(entry.statement.manifest, SINCE_SIGNED) for entry in reversed(holding)]
    manifest = _manifest_of(folder, found)
    if manifest is not None and latest is not None and manifest != latest:
        found.problems.append(Finding("manifest", MANIFEST_FILE, f"it is not the manifest that was signed{_unlike(manifest, latest)}"))
    return holding, references or _unsigned(manifest)


def _unsigned(manifest: Manifest | None) -> list[tuple[Manifest, str]]:
    return [] if manifest is None else [(manifest, SINCE_WRITTEN)]


def _manifest_of(folder: Path, found: Examination) -> Manifest | None:
    """Return manifest.json; None where it cannot be read, which is then a finding."""
    path = folder / MANIFEST_FILE
    try:
        if path.exists():
            return read_manifest(path)
        found.problems.append(Finding("manifest", MANIFEST_FILE, "it is missing: renderings and log are compared with nothing"))
    except InvalidRecord as error:
        found.problems.append(Finding("manifest", MANIFEST_FILE, f"it cannot be read ({_short(error)})"))
    return None


def _unlike(manifest: Manifest, signed: Manifest) -> str:
    names = {part.path for part in (*manifest.parts, *signed.parts) if manifest.part(part.path) != signed.part(part.path)}
    return f": it differs in {', '.join(map(visible, sorted(names)))}" if names else ""


def _record(folder: Path, found: Examination, known: bool) -> tuple[dict[str, Any] | None, Content | None]:
    """Return record.json as it is and its rows; None where it cannot be read, which is then a finding."""
    try:
        document = read_document(folder)
        return document, content_of(document)
    except InvalidRecord as error:
        if not known:
            raise
        found.problems.append(Finding("record", "record.json", f"it cannot be read any more ({error.found})"))
        return None, None


def _of_record(folder: Path, document: dict[str, Any], content: Content) -> Iterator[Finding]:
    """Yield what record.json and result.nc say against themselves."""
    if digest_of(document) != document["digest"]:
        yield Finding("record", "record.json", "its content does not match its digest")
    if content.plan.sha256 is not None and plan_digest(document["plan"]) != content.plan.sha256:
        yield Finding("plan", "record.json", "its plan does not match the plan's SHA-256")
    try:
        if predictions_digest(predictions_of(folder)) != content.predictions_sha256:
            yield Finding("predictions", "result.nc", "its predictions do not match the record")
    except InvalidRecord as error:
        yield Finding("predictions", "result.nc", f"it cannot be read any more ({error.found})")


def _of_parts(files: _Files, manifest: Manifest, since: str, document: dict[str, Any] | None) -> Iterator[Finding]:
    """Yield the files that are not what a manifest states."""
    for part in manifest.parts:
        if not (files.folder / part.path).is_file():
            yield Finding(part.role, part.path, "it is missing")
        elif files.sha256(part.path) != part.sha256:
            yield Finding(part.role, part.path, f"its bytes have changed {since}")
    if document is not None and document["digest"] != manifest.record_digest:
        yield Finding("record", "record.json", f"it has another digest than {since.removeprefix('since it was ')}")
    for name in ("record.json", "result.nc"):
        if manifest.part(name) is None:
            yield Finding("manifest", MANIFEST_FILE, f"it does not list {name}")


def _of_log(files: _Files, manifest: Manifest) -> Iterator[Finding]:
    """Yield the lines of the log that were altered."""
    lines, problems = files.log
    for number, what in problems.items():
        yield Finding(f"log line {number}" if number else "log", LOG_FILE, what)
    stated = manifest.log.lines
    for number, wanted in enumerate(stated, start=1):
        if number > len(lines):
            if not problems:
                yield Finding(f"log line {number}", LOG_FILE, "it is missing")
            return
        if lines[number - 1].sha256 != wanted:
            yield Finding(f"log line {number}", LOG_FILE, "it is not the line that the manifest states")
            return


def _of_pdf(
    folder: Path, found: Examination, trust: Sequence[x509.Certificate] | None, document: dict[str, Any] | None
) -> tuple[PdfSignature, ...]:
    """Return the signatures inside report.pdf that fit it; what does not is a finding."""
    from sigmaraw.integrity.pades import LARGEST, examine_pdf, may_be_signed  # with what certificates need, which a study does not

    path = folder / PDF_FILE
    if not path.exists():
        if trust is not None:
            found.problems.append(Finding("pdf", PDF_FILE, "there is none that a certificate could have signed"))
        return ()
    try:
        content = bytes_of(path, LARGEST)
    except (OSError, ValueError) as error:
        found.problems.append(Finding("pdf", PDF_FILE, f"it cannot be read ({visible(str(error))[:120]})"))
        return ()
    if trust is None and not may_be_signed(content):
        return ()
    try:
        seen = examine_pdf(content, trust)
    except MissingExtra as error:
        if trust is not None:
            raise
        found.notes.append(f"the signatures inside {PDF_FILE} were not looked at; {error.remedy}")
        return ()
    for entry in seen.signatures:
        if entry.problem:
            found.problems.append(Finding("pdf", PDF_FILE, f"the signature of {entry.signer} inside it does not hold: {entry.problem}"))
    holding = tuple(entry for entry in seen.signatures if not entry.problem)
    if trust is not None and not any(entry.trusted for entry in holding):
        why = "; ".join(f"{entry.signer}: {entry.chain}" for entry in holding) or "it is not signed"
        found.problems.append(Finding("pdf", PDF_FILE, f"no certificate of it leads to one that you trust ({why})"))
    if holding and document is not None and seen.record != document["digest"]:
        found.problems.append(Finding("record", "record.json", f"it is not the record inside the signed {PDF_FILE}"))
    return holding


def _of_inputs(folder: Path, stated: Sequence[tuple[str | None, str, str]], inputs: Path | None) -> Iterator[Finding]:
    """Yield inputs that are gone or have other bytes; arrays from Python have no file."""
    for path, role, sha256 in stated:
        if not path:
            continue
        part = f"input, {role}" if role else "input"
        match find_input(path, sha256, folder, inputs):
            case None if inputs is None:
                yield Finding(part, path, f"not there any more (sha256 {sha256}); --inputs DIR looks elsewhere", Kind.INPUT_GONE)
            case None:
                yield Finding(part, path, f"not in {inputs} (sha256 {sha256})", Kind.INPUT_GONE)
            case (_, False):
                yield Finding(part, path, "its bytes have changed since the study")


def verify(folder: str | Path) -> list[str]:
    """Return what differs from the record, one line for each part; empty when all agree.

    Inputs given as arrays have no file; their pixel hash stands in the record and is skipped here.

    Raises
    ------
    InvalidRecord
        As `examine`.
    """
    return [str(entry) for entry in examine(folder).problems]


def require_unaltered(folder: str | Path) -> None:
    """Refuse a folder whose record, predictions or plan are not what was written; renderings and inputs do not count.

    Raises
    ------
    IntegrityError
        One of them was altered.
    InvalidRecord
        As `examine`.
    """
    counted = (*VOUCHED, "signature")
    problems = [str(entry) for entry in examine(folder, look_at_inputs=False, look_at_pdf=False).problems if entry.part in counted]
    if problems:
        raise IntegrityError("; ".join(problems), "the record as it was written", "restore it from a copy, or run validate again")


def _short(error: InvalidRecord) -> str:
    """Return the reason alone: which file it is says the finding."""
    reason = error.__cause__ or error
    return " ".join(visible(str(reason)).split())[:120] or type(reason).__name__
