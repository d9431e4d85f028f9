"""sigmaraw verify: whether the record, its renderings, its log and every input are what they were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.cli.shared import Json, print_json
from sigmaraw.errors import InputNotFound, IntegrityError


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that validate wrote.")],
    key: Annotated[
        Path | None,
        typer.Option(metavar="PUB.pem", help="The signer's public key, not one out of DIR. Exit 2 where nothing is signed with it."),
    ] = None,
    inputs: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder in which the images, camera, model and plan lie now.")] = None,
    trust: Annotated[
        Path | None,
        typer.Option(
            metavar="CERTS.pem", help="Certificates that you trust. Unless report.pdf is signed by one that leads to them, exit 2."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Compare every part of a record with what was written and signed; exit 2 and name the parts that were altered."""
    from sigmaraw.integrity.certificates import trusted_certificates
    from sigmaraw.integrity.signing import public_key
    from sigmaraw.record.verifying import examine

    if inputs is not None and not inputs.is_dir():
        raise InputNotFound(f"--inputs {inputs} is no folder", "the folder that holds the inputs", "check the path")
    roots = None if trust is None else trusted_certificates(trust)
    found = examine(folder, key=None if key is None else public_key(key), inputs=inputs, trust=roots)
    if json:
        problems = [{"part": entry.part, "path": entry.path, "what": entry.what} for entry in found.problems]
        signers = [
            {"name": e.statement.name, "meaning": e.statement.meaning, "time": e.statement.time, "key": e.key} for e in found.signatures
        ]
        inside = [
            {"signer": e.signer, "issuer": e.issuer, "time": e.time, "chain_checked": e.chain is not None, "trusted": e.trusted}
            for e in found.pdf_signatures
        ]
        print_json(
            {
                "unaltered": not problems,
                "problems": problems,
                "signatures": signers,
                "key_given": found.trusted,
                "pdf_signatures": inside,
                "notes": found.notes,
            }
        )
    if found.problems:
        lines = "; ".join(str(entry) for entry in found.problems)
        remedy = "restore these parts from a copy, or run validate again"
        if all(entry.part == "manifest" for entry in found.problems):  # the parts fit the manifest, which is newer than the signature
            remedy = f"if sigmaraw report wrote them after the signature, look at them and sign anew with --replace; else {remedy}"
        raise IntegrityError(lines, "every part as it was written", remedy)
    if not json:
        typer.echo(f"{folder}: record, predictions, plan, renderings, log and inputs agree with their hashes")
        typer.echo(found.state)
        for entry in found.pdf_signatures:
            typer.echo(f"report.pdf: {entry}")
        for note in found.notes:
            typer.echo(f"note: {note}")
