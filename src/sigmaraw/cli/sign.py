"""sigmaraw sign and keygen: vouch for a record by an Ed25519 key."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sigmaraw.errors import IntegrityError, InvalidOption, visible

PASSPHRASE = "SIGMARAW_PASSPHRASE"


def sign(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that validate wrote. You vouch for it as it is now.")],
    key: Annotated[Path, typer.Option(metavar="KEY.pem", help="Your private key: an Ed25519 key as PEM, which only you can read.")],
    name: Annotated[str | None, typer.Option(help="Your printed name; default: SIGMARAW_OPERATOR, else the login.")] = None,
    meaning: Annotated[str, typer.Option(help="What your signature means: author, reviewed, approved …")] = "approved",
    replace: Annotated[
        bool, typer.Option("--replace", help="Drop the signatures that DIR holds, for instance because a report was written again.")
    ] = False,
) -> None:
    """Sign a record with all its parts. Files that you added to DIR become attachments; what was altered is refused."""
    from sigmaraw.integrity.log import operator
    from sigmaraw.integrity.signing import private_key
    from sigmaraw.record.sealing import new_attachments, remade
    from sigmaraw.record.sealing import sign as run
    from sigmaraw.record.verifying import VOUCHED, Kind, examine

    secret = private_key(key, _passphrase())
    problems = examine(folder, signatures=not replace).problems
    if replace:  # what report made anew may be newer than the signatures; nothing else may
        newer, named = remade(folder), {(entry.part, entry.path) for entry in problems}
        signed = [entry for entry in examine(folder, look_at_inputs=False).problems if entry.part not in ("signature", "manifest")]
        signed = [entry for entry in signed if entry.part in VOUCHED or entry.path not in newer]
        problems += [entry for entry in signed if (entry.part, entry.path) not in named]
    problems = [entry for entry in problems if entry.kind is not Kind.INPUT_GONE]
    if problems:
        found = "; ".join(str(entry) for entry in problems)
        remedy = "restore these parts, or run validate again"
        if not replace:
            remedy += "; after report has made a page anew, add --replace"
        raise IntegrityError(found, "a record in which nothing was altered", remedy)
    for path in new_attachments(folder):
        typer.echo(f"new attachment: {visible(path)}")
    made = run(folder, secret, (name or operator()).strip(), meaning.strip(), replace=replace)
    statement = made.statement
    typer.echo(f"{folder}: signed by {statement.name} ({statement.meaning}), {statement.time}, key {made.key}")
    typer.echo(
        f"{len(statement.manifest.parts)} files, {len(statement.manifest.inputs)} inputs, {len(statement.manifest.log.lines)} log lines"
    )


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
