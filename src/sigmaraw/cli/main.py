"""The entry of the command line: verbs, exit codes, and the one place where whatever goes wrong becomes one line on standard error."""

from __future__ import annotations

import functools
import gc
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.main

from sigmaraw import __version__
from sigmaraw.cli.faults import BAD_INPUT, DONE, INTERRUPTED, Interrupted, interrupted, refuse
from sigmaraw.cli.faults import report as report_fault
from sigmaraw.cli.machine import check_words, prepare_streams, quieten
from sigmaraw.cli.resume import expanded
from sigmaraw.processes import keep_freed_memory, let_idle_threads_sleep, search_no_garbage_at_exit

# Of Python's 700 the imports alone make enough to search all objects six times, 1 s of a study's 8. Of what survives a search nearly all
# lasts: it is searched again after fifty and not ten more, .07 s of the smallest study's.
_OBJECTS_BETWEEN_COLLECTIONS, _COLLECTIONS_BETWEEN_OLDER = 10_000, 50

VERBS: dict[str, tuple[str, str]] = {
    "calibrate": ("Make a camera profile from dark and flat frames.", "docs/how-to/calibrate.md"),
    "plan-calibration": ("Forecast what a calibration will determine.", "docs/how-to/calibrate.md"),
    "camera": ("Make a camera profile from stated values.", "docs/how-to/calibrate.md"),
    "rician": ("Estimate the noise of magnitude images.", "docs/how-to/magnitude-images.md"),
    "check": ("Test whether a camera has changed.", "docs/how-to/calibrate.md"),
    "replicas": ("Draw frames that the camera could have taken.", "docs/explanation/replica-modes.md"),
    "plan": ("Write and lock a plan before data are seen.", "docs/how-to/validate.md"),
    "validate": ("Judge codecs by a model's answers.", "docs/how-to/validate.md"),
    "sweep": ("Score codec settings over ranges.", "docs/how-to/choose-a-setting.md"),
    "search": ("Find the strongest setting that passes.", "docs/how-to/choose-a-setting.md"),
    "train": ("Train a network on images and targets.", "docs/how-to/train.md"),
    "observers": ("Compare masks drawn by several observers.", "docs/how-to/readers.md"),
    "reproduce": ("Rerun a paper's study by name.", "docs/how-to/reproduce.md"),
    "report": ("Write the report of a record again.", "docs/how-to/report.md"),
    "compare": ("Show what changed between two records.", "docs/how-to/report.md"),
    "verify": ("Say which part of a record was altered.", "docs/how-to/sign.md"),
    "sign": ("Sign a record with all its parts.", "docs/how-to/sign.md"),
    "self-validate": ("Check this installation on this machine.", "docs/how-to/qualify.md"),
    "keygen": ("Make a pair of keys to sign with.", "docs/how-to/sign.md"),
    "codecs": ("List codec families and their keys.", "docs/reference/codecs.md"),
    "pipelines": ("List pipelines and their keys.", "docs/how-to/models.md"),
    "measurements": ("List measurements and their keys.", "docs/how-to/measurements.md"),
    "metrics": ("List metrics of masks and images.", "docs/explanation/formulas.md"),
    "formats": ("List the image formats that are read.", "docs/reference/formats.md"),
    "demo": ("Show every step on a virtual camera.", "docs/tutorial/first-validation.md"),
}
"""Each verb with its line in the list of verbs, and the page of the documentation that its help names."""
VERBS_OF_VERBS = ("watch", "readers")
_HOMES = {"keygen": "sign"}
"""The modules of verbs that have none of their own name."""


def application(verbs: Iterable[str] = (*VERBS, *VERBS_OF_VERBS)) -> typer.Typer:
    """Return the command line with these verbs; the modules of others are not imported."""
    made = typer.Typer(
        name="sigmaraw",
        help="Does compression change your model's answers more than your camera's own noise does?",
        epilog="Documentation: docs/index.md; every command's help names its page.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback(invoke_without_command=True)(options)
    for verb in verbs:
        name = verb.replace("-", "_")
        found = getattr(importlib.import_module(f"sigmaraw.cli.{_HOMES.get(verb, name)}"), name)
        if verb in VERBS_OF_VERBS:
            made.add_typer(found)
        else:
            line, page = VERBS[verb]
            made.command(short_help=line, epilog=f"Documentation: {page}")(found)
    return made


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sigmaraw {__version__}")
        raise typer.Exit


def options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")] = False,
    log: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a log, warnings of libraries included, to this file.")
    ] = None,
) -> None:
    """Take the options that stand before a verb; without a verb show the help."""
    quieten(log)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 done; 2 bad input or usage, a user's function that raised an exception, a full disk; 70 a fault of this program, whose
    trace is in a file; 130 interrupted. ``validate --check`` adds 1 (a FAIL) and 3 (no FAIL, but an INCONCLUSIVE or a warning that bears
    on the verdict), ``check`` 1 (changed) and 3 (undecided), ``search --check`` 3 (nothing confirmed).
    """
    prepare_streams()
    keep_freed_memory()
    let_idle_threads_sleep()
    search_no_garbage_at_exit()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, _COLLECTIONS_BETWEEN_OLDER)
    sys.exit(_run(None if arguments is None else list(arguments)))


def _run(arguments: list[str] | None) -> int:
    try:
        words = expanded(sys.argv[1:] if arguments is None else arguments)
        check_words(words)
        verb = next((word for word in words[:1] if word in (*VERBS, *VERBS_OF_VERBS)), None)
        code = _commands(verb)(args=words, standalone_mode=False, obj=words)
        sys.stdout.flush()
    except typer.TyperException as error:
        return refuse(error.format_message()) if error.format_message() else BAD_INPUT
    except (KeyboardInterrupt, typer.Abort, Interrupted) as error:
        if isinstance(error.__cause__, EOFError):  # typer takes the end of any file for Ctrl-D, such as that of a damaged .pyc
            return report_fault(error.__cause__)
        return interrupted(error)
    except BrokenPipeError:
        _discard_output()
        return DONE
    except SystemExit as stopped:  # typer's, with 1, which stands for a FAIL here, where whoever read the output has seen enough
        if not isinstance(stopped.__context__, BrokenPipeError):
            raise
        _discard_output()
        return DONE
    except Exception as error:  # noqa: BLE001 (the last place where anything may be said)
        if isinstance(error, OSError):
            _discard_output()
        return report_fault(error)
    if code == INTERRUPTED:  # typer turns Ctrl-C into this code
        return interrupted(KeyboardInterrupt())
    return code if isinstance(code, int) else DONE


@functools.cache
def _commands(verb: str | None) -> Callable[..., Any]:
    """Return the named verb, or all, as typer runs them: made once in a process, since that takes longer than many a verb."""
    return typer.main.get_command(application() if verb is None else application([verb]))


def _discard_output() -> None:
    """Send what is still in standard output's buffer to the null device: flushed at the end it would fail once more."""
    try:
        target = os.open(os.devnull, os.O_WRONLY)
        os.dup2(target, sys.stdout.fileno())
        os.close(target)
    except (OSError, ValueError, AttributeError):  # a stream without a descriptor, as in tests
        pass
