"""Options that the verbs which run a study share: `validate`, `sweep` and `search`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmaraw.cli.shared import parse_roi
from sigmaraw.errors import InvalidOption

if TYPE_CHECKING:
    from sigmaraw.contracts import Pipeline
    from sigmaraw.record.design import InputRow
    from sigmaraw.study import Plan


def names_of(group: str) -> Callable[[], list[str]]:
    """Return what a shell completes from: a function that lists the registered names of ``sigmaraw.<group>``."""

    def names() -> list[str]:
        from sigmaraw import registry

        return registry.names(f"sigmaraw.{group}")

    return names


DRAW_HELP = "bootstrap (default), around-raw, simex, mean-n, repeats; settings as name:key=value."
MODE_HELP = f"{DRAW_HELP} Without a camera: none (default) or repeats."
Raw = Annotated[
    list[Path],
    typer.Argument(metavar="RAW", help="Raw images: TIFF, .npy, FITS, Zarr or what `sigmaraw formats` lists; each frame is an image."),
]
Channel = Annotated[int | None, typer.Option(help="Number of the channel to take from each file, from 0.")]
Time = Annotated[int | None, typer.Option(help="Number of the time point to take from each file, from 0.")]
Series = Annotated[int | None, typer.Option(help="Number of the image, scene or series to take from files of several, from 0.")]
CAMERA_HELP = (
    "Camera profile, as calibrate or camera writes it; none where no camera stands behind the images; rician:sigma=VALUE,se=VALUE, in DN, "
    "for magnitude images of MRI."
)
Camera = Annotated[Path, typer.Option(metavar="FILE.nc|none|rician:…", help=CAMERA_HELP)]
Bits = Annotated[int | None, typer.Option(help="Bit depth of images without a camera; default: what the files state.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the record, its data and the report.")]
Grid = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GRID",
        help="Codec with lists a|b|c or ranges low..high:count[log], such as jpeg2000:ratio=5|10|20; repeat it.",
        autocompletion=names_of("codecs"),
    ),
]
Spec = Annotated[
    list[str] | None, typer.Option(metavar="SPEC", help="Codec, such as jpeg2000:ratio=10; repeat it.", autocompletion=names_of("codecs"))
]
PipelineSpec = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SPEC",
        help="otsu, unet-demo, onnx:FILE, torch:FILE, labels:FILE.py:function, module:function, or a TOML file; repeat it.",
        autocompletion=names_of("pipelines"),
    ),
]
Mode = Annotated[str | None, typer.Option(help=MODE_HELP, autocompletion=names_of("modes"))]
PlanFile = Annotated[Path | None, typer.Option(metavar="PLAN.toml", help="Plan in a file, fixed before the data are seen.")]
Count = Annotated[
    str | None,
    typer.Option(
        "-n",
        help="Replicas per group; default 100. auto:0.05 adds replicas until σ_raw is known to 5 %, auto:decide until each row is decided.",
    ),
]
RuleName = Annotated[
    str | None, typer.Option("--rule", help="Decision rule: equivalence (default), pomarico, or with --reference noninferiority, cunha.")
]
Reference = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Masks by observers, named like the images; DIR/OBSERVER/READING/ for several. Agreement with them is measured.",
    ),
]
Agreement = Annotated[
    list[str] | None,
    typer.Option(metavar="METRIC", help="Metric of agreement with --reference, such as dice; default: all metrics of masks; repeat it."),
]
Seed = Annotated[int | None, typer.Option(help="Study seed, 0 to 2^64 - 1; default 0.")]
EngineName = Annotated[str, typer.Option(help="local or dask. Both give the same numbers.", autocompletion=names_of("engines"))]
Batch = Annotated[int | None, typer.Option(help="Replicas held in memory at once; default: as many as fit. It changes no number.")]
Roi = Annotated[
    str | None, typer.Option(metavar="Y,X", help="Corner of the images in the camera's full frame, px, for images that are cut-outs.")
]
Scalars = Annotated[bool, typer.Option("--scalars", help="Use the camera's mean values in place of its maps.")]
Volume = Annotated[bool, typer.Option("--volume", help="Read the pages of a file as the slices (z) of one volume, not as frames.")]
Frame = Annotated[int | None, typer.Option(help="Number of the only frame to take from each file, from 0; default all.")]
Objects = Annotated[bool, typer.Option("--objects", help="Follow each object through replicas and codecs, and score it by itself.")]
EveryByte = Annotated[
    bool,
    typer.Option(
        "--every-byte",
        help="Code every replica in full, even where its pixels are known without. It changes figures of bytes, no verdict.",
    ),
]
AllowExec = Annotated[bool, typer.Option("--allow-exec", help="Allow codecs and pipelines typed here to run programs (exec, run).")]
AllowNondeterminism = Annotated[
    bool,
    typer.Option(
        "--allow-nondeterminism",
        help="Count differences between answers to the same image as uncertainty. Without it, differences above σ_raw/10 are refused.",
    ),
]
Margin = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help="Tolerated mean shift of a measurement in its unit, such as count=2, in place of k σ_raw; repeat it."
    ),
]
Limit = Annotated[float | None, typer.Option("--k", help="Limit on the mean shift, in σ_raw; default 1.")]
SpreadLimit = Annotated[float | None, typer.Option("--spread", help="Limit on the spread ratio and on its inverse; default 1.25.")]
RmsLimit = Annotated[float | None, typer.Option("--rms", help="Limit on the RMS shift, in σ_raw; default 1, and √2 for counts.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


def plan_from(
    file: Path | None, codec: list[str] | None, n: str | None, batch: int | None, roi: str | None, camera: Path, **given: Any
) -> Plan:
    """Return the plan of a file and the command's options; None and False are not stated. Raises as `merge_plan` does."""
    from sigmaraw.study import count_or_auto, merge_plan, read_plan
    from sigmaraw.study.no_camera import NO_REPLICAS, NONE

    if batch is not None and batch < 1:
        raise InvalidOption(f"--batch {batch}", "a whole number from 1", "correct or leave out --batch")
    given["pipeline"] = joined(given.get("pipeline"))
    stated = {**given, "codecs": tuple(codec or ()) or None, "roi": parse_roi(roi), "n": None if n is None else count_or_auto(n)}
    from_file = read_plan(file) if file else {}
    if str(camera) == NONE and stated.get("mode") is None and "mode" not in from_file:
        stated["mode"] = NO_REPLICAS
    return merge_plan(from_file, {key: value for key, value in stated.items() if value is not None and value is not False})


def selected(raw: list[Path], channel: int | None, time: int | None, series: int | None) -> list[Path]:
    """Return the inputs with what options ask of each; a number below 0 is refused by the reader that gets it."""
    from sigmaraw.frames.selection import selected as one

    return [one(path, channel=channel, time=time, series=series) for path in raw]


def margins(texts: list[str] | None) -> dict[str, float] | None:
    """Return margins by measurement from ``NAME=VALUE``; None where none is stated. Raises InvalidOption."""
    return {name: _number(name, value) for name, value in map(pair, texts)} if texts else None


def pair(text: str) -> tuple[str, str]:
    """Return name and value of ``NAME=VALUE``. Raises InvalidOption."""
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise InvalidOption(f"'{text}'", "NAME=VALUE", "correct it")
    return name, value


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidOption(f"--margin {name}={text}", "a number in the measurement's unit", "correct it") from error


def joined(pipelines: list[str] | None) -> str | None:
    """Return the specification of one pipeline, or of several that measure the same images; None where none is typed."""
    from sigmaraw.pipelines import JOINT

    return JOINT.join(pipelines) if pipelines else None


def allowed(codec: list[str] | None, allow_exec: bool) -> tuple[str, ...]:
    """Return what may run programs: the user's own typing, and not what only the plan file says, which may be a stranger's."""
    return tuple(codec or ()) if allow_exec else ()


def model(pipeline: list[str] | None, allow_exec: bool) -> Pipeline | str | None:
    """Return the pipeline where the user's own typing allows it to run programs; else None, and the plan's specification holds."""
    from sigmaraw.study.arguments import as_pipeline

    found = as_pipeline(pipeline, True) if allow_exec and pipeline is not None else None
    return None if isinstance(found, str) else found


def plan_rows(file: Path | None) -> list[InputRow]:
    """Return the `inputs` rows of a plan file, if there is one."""
    from sigmaraw.study import plan_row

    return [plan_row(file)] if file else []
