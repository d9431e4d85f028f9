"""The rows of what a study was made of: inputs, plan, design, environment, measurements."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from sigmaraw.record.fields import Number, Row, field
from sigmaraw.record.results import Image, MeasurementName


class InputRow(Row, frozen=True, kw_only=True):
    """One file, or one array that was handed over."""

    path: Annotated[str | None, field("path of the file; null for an array")] = None
    sha256: Annotated[str, field("SHA-256 of the file's bytes, or of the array's pixels")]
    shape: Annotated[tuple[int, ...] | None, field("shape of the frames; null for a file that is not an image", "px")] = None
    dtype: Annotated[str | None, field("dtype of the pixels")] = None
    role: Annotated[str, field("raw, camera, model, plan or reference")] = ""
    reader: Annotated[str, field("reader of the file")] = ""
    shift: Annotated[int, field("what was added to the file's values so that none is below 0; the pipeline sees those values", "DN")] = 0
    note: Annotated[str, field("what is asked about the file")] = ""


class ImageRow(Row, frozen=True, kw_only=True):
    """One image of the study."""

    image: Image
    input: Annotated[int | None, field("number of the input that it is from, from 0")] = None
    frame: Annotated[int | None, field("number of the frame in that input, from 0")] = None
    shape: Annotated[tuple[int, ...] | None, field("rows and columns, slices before them", "px")] = None
    sha256: Annotated[str | None, field("SHA-256 of its pixels")] = None


class LimitsRow(Row, frozen=True, kw_only=True):
    """What the plan tolerates."""

    k: Annotated[Number, field("limit on |epsilon_hat|, in σ_raw", "1")] = None
    spread: Annotated[Number, field("limit on the spread ratio and its inverse", "1")] = None
    rms: Annotated[Number, field("limit on the RMS shift, in σ_raw", "1")] = None
    rms_counts: Annotated[Number, field("the same for counts and other isolated values; null is `rms`", "1")] = None
    margin: Annotated[dict[str, float], field("limits in the measurements' own units, by measurement; they replace k")] = msgspec.field(
        default_factory=dict
    )


class ProtocolRow(Row, frozen=True, kw_only=True):
    """What a plan says beside settings; words for readers, part of what is locked."""

    question: Annotated[str, field("what is to be found out")] = ""
    context_of_use: Annotated[str, field("what the codec is to be used for")] = ""
    model_influence: Annotated[str, field("how much of the decision rests on the model's answers, beside other evidence")] = ""
    decision_consequence: Annotated[str, field("what follows from a wrong decision")] = ""
    endpoints: Annotated[tuple[str, ...], field("measurements that the question rests on; empty is all")] = ()
    rationale: Annotated[dict[str, str], field("why each limit or margin is what it is, by its name")] = msgspec.field(default_factory=dict)
    unit: Annotated[str, field("unit of inference: image or specimen")] = "image"
    images: Annotated[int | None, field("images, or specimens, that are planned", "1")] = None
    multiplicity: Annotated[str, field("how several measurements and codecs are allowed for")] = ""
    exclusions: Annotated[tuple[str, ...], field("what is left out, and why")] = ()


class LockRow(Row, frozen=True, kw_only=True):
    """How a plan file was fixed."""

    state: Annotated[Literal["locked", "exploratory"], field("locked before this tool first read the data; exploratory: not so")]
    sha256: Annotated[str | None, field("SHA-256 of what was locked; null without a lock")] = None
    created: Annotated[str | None, field("time of the lock, UTC")] = None


class PlanRow(Row, frozen=True, kw_only=True):
    """Everything that decides the numbers, fixed before data are seen."""

    codecs: Annotated[tuple[str, ...], field("specifications as typed")] = ()
    pipeline: Annotated[str, field("specification")] = ""
    mode: Annotated[str, field("replica mode with its settings")] = ""
    n: Annotated[int | str | None, field("replicas per group; null is the default, auto:… an adaptive number")] = None
    seed: Annotated[int | None, field("seed of all random streams")] = None
    limits: Annotated[LimitsRow | None, field("what is tolerated")] = None
    roi: Annotated[tuple[int, int] | None, field("y, x of the images' corner in the camera's maps", "px")] = None
    scalars: Annotated[bool, field("whether the camera's mean values replace its per-pixel maps")] = False
    volume: Annotated[bool, field("whether the pages of a file are the slices (z) of one volume")] = False
    frame: Annotated[int | None, field("number of the frame that is studied of every input, from 0; null is all")] = None
    bits: Annotated[int | None, field("bit depth stated for images without a camera; null is what the files state", "bit")] = None
    agreement: Annotated[tuple[str, ...], field("metrics of masks against references; empty is all of them, or no references")] = ()
    objects: Annotated[bool, field("whether objects are followed one by one")] = False
    rule: Annotated[str, field("decision rule")] = "equivalence"
    specimens: Annotated[tuple[str, ...], field("specimen of each image, in their order; empty where images are the unit")] = ()
    coded_share: Annotated[
        float, field("share of replicas that are coded in full at random, where a codec can distort without coding", "1")
    ] = 0.05
    protocol: Annotated[ProtocolRow | None, field("what the plan file states besides settings; null without a plan file")] = None
    lock: Annotated[LockRow | None, field("how the plan file was fixed; null where there was none")] = None
    sha256: Annotated[str | None, field("SHA-256 of all fields above but `lock`")] = None
    created: Annotated[str | None, field("time at which the plan was fixed, UTC")] = None


class DesignRow(Row, frozen=True, kw_only=True):
    """How replicas were drawn."""

    replicas_per_group: Annotated[int, field("replicas per group, all noise levels together", "1")]
    groups: Annotated[int, field("groups: raw and every codec", "1")]
    independent: Annotated[bool, field("whether each group has a random stream of its own")]
    draws_noise: Annotated[bool, field("whether replicas come from the noise model; false: from real repeats")] = True
    reason: Annotated[str, field("why groups share their frames; empty where they do not")] = ""
    noise_levels: Annotated[
        tuple[float, ...] | None, field("multiples of the noise at which replicas were drawn; null is 1 alone", "1")
    ] = None
    weights: Annotated[tuple[float, ...] | None, field("weights of the noise levels in the extrapolation", "1")] = None
    double_bootstrap_groups: Annotated[int | None, field("groups drawn around replicas of the raw group; null in other modes", "1")] = None
    double_bootstrap_replicas: Annotated[int | None, field("replicas of each of them", "1")] = None


class PrecisionRow(Row, frozen=True, kw_only=True):
    """How well σ_raw is known of one measurement of one image."""

    image: Image
    measurement: MeasurementName
    relative_u: Annotated[Number, field("standard uncertainty of σ_raw over σ_raw", "1")]
    reached: Annotated[bool, field("whether it meets the target")]
    reason: Annotated[str | None, field("why relative_u has no value")] = None


class AdaptiveRow(Row, frozen=True, kw_only=True):
    """The rule by which replicas were added, and what it led to."""

    target: Annotated[float | None, field("relative standard uncertainty of σ_raw that was asked for; null where decisions were", "1")]
    maximum: Annotated[int, field("replicas per group at which to stop in any case", "1")]
    step: Annotated[int, field("replicas added at a time", "1")]
    n: Annotated[int, field("replicas per group in the end", "1")]
    reached: Annotated[bool, field("whether every measurement meets the target, or every row is decided")]
    looks: Annotated[tuple[int, ...], field("replicas per group at each look that was planned; empty without decisions", "1")] = ()
    levels: Annotated[tuple[float, ...], field("one-sided level of each look", "1")] = ()
    open: Annotated[int | None, field("rows that are not decided; null without decisions", "1")] = None
    measurements: Annotated[tuple[PrecisionRow, ...], field("of each image and measurement")]


class HardwareRow(Row, frozen=True, kw_only=True):
    """The machine; left out of the digest."""

    machine: Annotated[str | None, field("processor architecture")] = None
    system: Annotated[str | None, field("operating system")] = None
    cores: Annotated[int | None, field("processor cores", "1")] = None
    devices: Annotated[tuple[str, ...], field("devices on which replicas can be drawn")] = ()
    torch_devices: Annotated[tuple[str, ...], field("GPUs that PyTorch sees; empty where it was not loaded")] = ()


class EnvironmentRow(Row, frozen=True, kw_only=True):
    """What ran."""

    python: Annotated[str | None, field("version of Python")] = None
    packages: Annotated[dict[str, str | None], field("version of each package; null where it is not installed")] = msgspec.field(
        default_factory=dict
    )
    libraries: Annotated[dict[str, str], field("version of each codec library")] = msgspec.field(default_factory=dict)
    jax_backend: Annotated[str | None, field("where JAX draws by default")] = None
    hardware: Annotated[HardwareRow | None, field("the machine; left out of the digest")] = None


class MeasurementRow(Row, frozen=True, kw_only=True):
    """One number that the pipeline predicts."""

    name: Annotated[str, field("name of the measurement, as the pipeline gives it")]
    unit: Annotated[str, field("unit of the measurement in all rows that refer to it")]
    symbol: Annotated[str, field("symbol of the measurement")] = ""
    definition: Annotated[str, field("definition of the measurement")] = ""
    discrete: Annotated[bool, field("whether the measurement takes isolated values, as a count does")] = False
    kind: Annotated[
        str | None, field("kind of measurement, by which u_mode is looked up: mean, area, count …; empty where it is not stated")
    ] = None
    studied: Annotated[
        bool | None, field("whether the coverage study measured this pipeline and measurement; else the user or the pipeline states kind")
    ] = None
