"""sigmaraw sign and keygen: vouch for a record by an Ed25519 key, and for its PDF by a certificate."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigmaraw.errors import InputNotFound, IntegrityError, InvalidOption, visible

if TYPE_CHECKING:
    from sigmaraw.integrity.pades import SignedPdf
    from sigmaraw.record.verifying import Finding

PASSPHRASE = "SIGMARAW_PASSPHRASE"


def sign(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that validate wrote. You vouch for it as it is now.")],
    key: Annotated[
        Path | None, typer.Option(metavar="KEY.pem", help="Your private key: an Ed25519 key as PEM, which only you can read.")
    ] = None,
    pdf_certificate: Annotated[
        Path | None,
        typer.Option(metavar="CERT.p12", help="Sign report.pdf too, or alone: your certificate and its key, as PKCS #12 or PEM."),
    ] = None,
    pdf_key: Annotated[
        Path | None, typer.Option(metavar="KEY.pem", help="The certificate's private key, where it is in a file of its own.")
    ] = None,
    pdf_passphrase_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File whose first line opens that key; else SIGMARAW_PDF_PASSPHRASE, else you are asked."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Your printed name; default: SIGMARAW_OPERATOR, else the login.")] = None,
    meaning: Annotated[str, typer.Option(help="What your signature means: author, reviewed, approved …")] = "approved",
    replace: Annotated[
        bool, typer.Option("--replace", help="Drop the signatures that DIR holds, for instance because a report was written again.")
    ] = False,
) -> None:
    """Sign a record with all its parts. Files that you added to DIR become attachments; what was altered is refused."""
    from sigmaraw.integrity.log import operator
    from sigmaraw.integrity.signing import private_key
    from sigmaraw.record.sealing import enter_signed_pdf, new_attachments
    from sigmaraw.record.sealing import sign as run

    if key is None and (replace or pdf_certificate is None):
        found = "--replace without --key" if replace else "sign with neither --key nor --pdf-certificate"
        raise InvalidOption(found, "whose signature it is to be", "give --key KEY.pem; sigmaraw keygen makes one")
    secret = None if key is None else private_key(key, _passphrase())
    problems = _problems(folder, replace=replace)
    if problems:
        remedy = "restore these parts, or run validate again"
        if not replace:
            remedy += "; after report has made a page anew, add --replace"
        raise IntegrityError("; ".join(map(str, problems)), "a record in which nothing was altered", remedy)
    pdf = None if pdf_certificate is None else _signed_pdf(folder, pdf_certificate, pdf_key, pdf_passphrase_file, meaning.strip(), replace)
    if secret is None:
        assert pdf is not None
        enter_signed_pdf(folder, pdf)
    else:
        for path in new_attachments(folder):
            typer.echo(f"new attachment: {visible(path)}")
        made = run(folder, secret, (name or operator()).strip(), meaning.strip(), replace=replace, pdf=pdf)
    if pdf is not None:
        typer.echo(f"{folder / 'report.pdf'}: signed by {pdf.signer} (PAdES, {meaning.strip()})")
    if secret is not None:
        statement = made.statement
        typer.echo(f"{folder}: signed by {statement.name} ({statement.meaning}), {statement.time}, key {made.key}")
        counts = (len(statement.manifest.parts), len(statement.manifest.inputs), len(statement.manifest.log.lines))
        typer.echo("{} files, {} inputs, {} log lines".format(*counts))
    else:
        typer.echo("the other files are not signed: --key signs all of them, the signed PDF included")


def _problems(folder: Path, *, replace: bool) -> list[Finding]:
    """Return what forbids a signature: parts that were altered."""
    from sigmaraw.record.sealing import remade
    from sigmaraw.record.verifying import VOUCHED, Kind, examine

    problems = examine(folder, signatures=not replace).problems
    if replace:  # what report made anew may be newer than the signatures; nothing else may
        newer, named = remade(folder), {(entry.part, entry.path) for entry in problems}
        signed = [
            entry
            for entry in examine(folder, look_at_inputs=False, look_at_pdf=False).problems
            if entry.part not in ("signature", "manifest")
        ]
        signed = [entry for entry in signed if entry.part in VOUCHED or entry.path not in newer]
        problems += [entry for entry in signed if (entry.part, entry.path) not in named]
    return [entry for entry in problems if entry.kind is not Kind.INPUT_GONE]


def _signed_pdf(folder: Path, certificate: Path, key: Path | None, phrase_file: Path | None, meaning: str, replace: bool) -> SignedPdf:
    """Return report.pdf with a signature inside; nothing is written yet."""
    from sigmaraw.integrity.certificates import signing_certificate
    from sigmaraw.integrity.manifest import MANIFEST_FILE, PDF_FILE, SIGNATURES_FILE, read_manifest
    from sigmaraw.integrity.pades import LARGEST, require_installed, sign_pdf

    require_installed()
    path = folder / PDF_FILE
    if not path.is_file():
        raise InputNotFound(f"{folder} holds no {PDF_FILE}", "the report as PDF", f"run: sigmaraw report {folder} --format pdf")
    listed = read_manifest(folder / MANIFEST_FILE).part(PDF_FILE)
    if listed is None or listed.role != "pdf" or path.is_symlink() or path.stat().st_size > LARGEST:
        raise InvalidOption(f"{path} is none that sigmaraw report wrote", "its report", f"run: sigmaraw report {folder} --format pdf")
    if (folder / SIGNATURES_FILE).exists() and not replace:
        raise InvalidOption(
            f"{folder} is signed already, and a signature inside the PDF would change bytes that are signed",
            "the PDF signed before the record, or with it",
            "add --replace and --key to sign both anew",
        )
    return sign_pdf(path.read_bytes(), signing_certificate(certificate, _pdf_passphrase(certificate, key, phrase_file), key), meaning)


def keygen(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="KEY.pem", help="Where the private key goes; the public one beside it.")
    ],
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help=f"Encrypt the private key; asked for, or taken from {PASSPHRASE}.")
    ] = False,
) -> None:
    """Make a pair of Ed25519 keys: sign with the private one, give the public one to those who verify."""
    from sigmaraw.integrity.signing import write_key_pair

    phrase = _passphrase() if passphrase else None
    if passphrase and not phrase:
        if not sys.stdin.isatty():
            raise InvalidOption("--passphrase without one", f"a passphrase in {PASSPHRASE}, or a terminal to ask at", f"set {PASSPHRASE}")
        phrase = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True).encode()
    private, public, name = write_key_pair(output, phrase)
    typer.echo(f"private key: {private} (keep it; nobody else may read it)")
    typer.echo(f"public key:  {public} (give it to those who verify)")
    typer.echo(f"key {name}")


def _passphrase() -> bytes | None:
    stated = os.environ.get(PASSPHRASE)
    return stated.encode() if stated else None


def _pdf_passphrase(certificate: Path, key: Path | None, file: Path | None) -> bytes | None:
    """Return what opens the certificate's key: from a file, the environment or a terminal, never from the command's words."""
    from sigmaraw.integrity import certificates

    if file is not None:
        try:
            return file.read_bytes()[: 1 << 16].partition(b"\n")[0].removesuffix(b"\r")
        except OSError as error:
            raise InputNotFound(f"--pdf-passphrase-file {file} cannot be read ({error.strerror})", "a text file", "check it") from error
    stated = os.environ.get(certificates.PASSPHRASE)
    if stated is not None or not certificates.needs_passphrase(certificate, key) or not sys.stdin.isatty():
        return None if stated is None else stated.encode()
    return str(typer.prompt(f"Passphrase of {key or certificate}", hide_input=True, err=True)).encode()
