"""The door: verbs, exit codes and the one place where a refusal becomes one line on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from sigmaraw import __version__
from sigmaraw.cli.calibrate import calibrate
from sigmaraw.cli.camera import camera
from sigmaraw.cli.check import check
from sigmaraw.cli.codecs import codecs
from sigmaraw.cli.demo import demo
from sigmaraw.cli.metrics import metrics
from sigmaraw.cli.pipelines import pipelines
from sigmaraw.cli.plan_calibration import plan_calibration
from sigmaraw.cli.replicas import replicas
from sigmaraw.cli.report import report
from sigmaraw.cli.search import search
from sigmaraw.cli.sweep import sweep
from sigmaraw.cli.validate import validate
from sigmaraw.cli.verify import verify
from sigmaraw.errors import SigmarawError

BAD_INPUT = 2
INTERRUPTED = 130

app = typer.Typer(
    name="sigmaraw",
    help="Does compression change your model's answers more than your camera's own noise does?",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VERBS = (
    calibrate,
    plan_calibration,
    camera,
    check,
    replicas,
    validate,
    sweep,
    search,
    report,
    verify,
    codecs,
    pipelines,
    metrics,
    demo,
)
for verb in VERBS:
    app.command()(verb)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sigmaraw {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")] = False,
) -> None:
    """Take the options that stand before a verb."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input or usage; validate --check and check add 1 (a FAIL) and 3 (undecided)."""
    try:
        code = app(args=None if arguments is None else list(arguments), standalone_mode=False)
    except SigmarawError as error:
        code = _refuse(str(error))
    except typer.TyperException as error:
        code = _refuse(" ".join(error.format_message().split())) if error.format_message() else BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("\nsigmaraw: interrupted; nothing was written\n")
        code = INTERRUPTED
    except BrokenPipeError:
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def _refuse(line: str) -> int:
    sys.stderr.write(f"sigmaraw: {line}\n")
    return BAD_INPUT
