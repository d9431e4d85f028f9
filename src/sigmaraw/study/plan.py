"""The plan: everything that decides the numbers, stated before data are seen, and its expansion to work items."""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from sigmaraw.contracts import Measurement
from sigmaraw.errors import InputNotFound, InvalidOption, InvalidPlan
from sigmaraw.noise import DEFAULT_MODE, replica_mode
from sigmaraw.pipelines import JOINT
from sigmaraw.record.design import LimitsRow, PlanRow, ProtocolRow
from sigmaraw.record.digest import plan_digest
from sigmaraw.record.fields import plain
from sigmaraw.statistics import RULES, Limits
from sigmaraw.study.adaptive import Adaptive, Deciding, count_rule
from sigmaraw.study.locking import LOCK, PROTOCOL_KEYS, read_lock
from sigmaraw.study.plan_types import check_types
from sigmaraw.study.trips import CODED_SHARE, check_share

DEFAULT_N = 100
NO_REPLICAS = "none"
"""The mode of a study without a camera and without repeats."""
RMS, RMS_OF_COUNTS = 1.0, math.sqrt(2.0)
"""Default limits on RMS(D)/σ_raw, the second one for counts: the difference of two exposures has √2 (docs/decisions/0020)."""
BLOCK = 10
"""Replicas per work item, always the same: quality figures are pooled over these blocks, so a batch size must not move their edges."""


def double_bootstrap_replicas(n: int) -> int:
    """Return the number of replicas of a double-bootstrap group: half of n, since all these groups together test σ_raw."""
    return max(2, n // 2)


@dataclass(frozen=True)
class WorkItem:
    """One block of replicas of one group of one image: replica indices start … start + count − 1."""

    image: int
    group: int
    start: int
    count: int


def _items(images: int, groups: range, start: int, n: int) -> list[WorkItem]:
    firsts = range(start, n, BLOCK)
    return [WorkItem(image, group, first, min(BLOCK, n - first)) for image in range(images) for group in groups for first in firsts]


@dataclass(frozen=True)
class Plan:
    """What a study does, stated before it starts.

    Group 0 is raw, group g is codecs[g − 1], each with a separate random stream of n replicas.

    Parameters
    ----------
    codecs : tuple of str
        Specifications, each once.
    pipeline : str
        Specification of the pipeline; several are joined by ``" & "``.
    mode : str, optional
        Replica mode with its settings.
    n : int or str, optional
        Replicas per group. None is DEFAULT_N, and with real repeats as many as there are; "auto:0.05,max=2000" adds replicas until
        u(σ_raw)/σ_raw is 0.05; "auto:decide,max=300" until every row is decided.
    seed : int, default 0
        0 to 2⁶⁴ − 1.
    k : float, default 1.0
        Limit on the size of ε̂, in σ_raw.
    spread : float, default 1.25
        Limit on the spread ratio and on its inverse.
    rms : float, optional
        Limit on RMS(D)/σ_raw; None is 1, and √2 for counts.
    rms_counts : float, optional
        The same for counts and other measurements that take isolated values; None is `rms` where that is stated, else √2: what two
        exposures of one scene differ by (docs/decisions/0020).
    margin : dict of str to float, optional
        For each measurement named, a limit in its unit, in place of k·σ_raw.
    roi : tuple of int, optional
        (y, x) of the frame's corner in the camera's maps, px.
    scalars : bool, default False
        Use the camera's scalars instead of its maps.
    volume : bool, default False
        A file's pages are z, not frames.
    frame : int, optional
        Only this frame of every input, from 0; None is all of them.
    bits : int, optional
        Bit depth of images without a camera; None is what the files state.
    agreement : tuple of str, optional
        Metrics of masks against the references, such as ``dice`` or ``nsd:tolerance=2``; empty is all.
    objects : bool, default False
        Objects are followed one by one, through replicas and codecs.
    rule : str, default "equivalence"
        Decision rule: equivalence, pomarico (|ε| ≤ k on the frames themselves), or with references noninferiority or cunha.
    specimens : tuple of str, optional
        The specimen of each image, in their order; specimens are then the unit of what is said over images.
    coded_share : float, default 0.05
        Share of replicas that are coded in full, at random, where a codec can distort without coding; from 0.05. 1 codes every one. It
        changes no prediction: what a codec decodes to is the same, and is compared on these and on the first replica of each block.
    protocol : ProtocolRow, optional
        What a plan file says beside settings: question, context of use, endpoints, rationale and the like.

    Raises
    ------
    InvalidOption
        A codec is missing or given twice, or n or seed is out of its domain.
    InvalidPlan
        A limit or margin is out of its domain.
    InvalidSpec, UnknownName
        The mode or the rule for n does not exist, or a setting of it is wrong.

    Examples
    --------
    >>> import sigmaraw as sr
    >>> plan = sr.Plan(("lossless", "jpeg2000:ratio=10"), "otsu", n=200)
    >>> plan.groups
    3
    """

    codecs: tuple[str, ...]
    pipeline: str
    mode: str = DEFAULT_MODE
    n: int | str | None = None
    seed: int = 0
    k: float = 1.0
    spread: float = 1.25
    rms: float | None = None
    rms_counts: float | None = None
    margin: Mapping[str, float] = field(default_factory=dict)
    roi: tuple[int, int] | None = None
    scalars: bool = False
    volume: bool = False
    frame: int | None = None
    bits: int | None = None
    agreement: tuple[str, ...] = ()
    objects: bool = False
    rule: str = "equivalence"
    specimens: tuple[str, ...] = ()
    coded_share: float = CODED_SHARE
    protocol: ProtocolRow | None = None

    def __post_init__(self) -> None:
        for name, whole in check_types(vars(self)).items():
            object.__setattr__(self, name, whole)
        if not self.codecs:
            raise InvalidOption("no codec given", "at least one codec", "name one, such as jpeg2000:ratio=10")
        repeated = {spec for spec in self.codecs if self.codecs.count(spec) > 1}
        if repeated:
            raise InvalidOption(f"codec '{min(repeated)}' given twice", "each codec once", "remove one of the two")
        if self.mode != NO_REPLICAS:
            replica_mode(self.mode)  # raises UnknownName with the known ones
        if isinstance(self.n, str):
            object.__setattr__(self, "n", count_or_auto(self.n))
        if isinstance(self.n, int) and self.n < 2:
            raise InvalidOption(f"n = {self.n} replicas", "at least 2 per group", "use -n 100, or more for narrow intervals")
        if not 0 <= self.seed < 2**64:
            raise InvalidOption(f"seed {self.seed}", "a whole number from 0 to 2^64 - 1", "choose another seed")
        if self.rms_counts is None:
            object.__setattr__(self, "rms_counts", RMS_OF_COUNTS if self.rms is None else self.rms)
        if self.rms is None:
            object.__setattr__(self, "rms", RMS)
        limits = (("k", self.k, 0.0), ("spread", self.spread, 1.0), ("rms", self.rms, 0.0), ("rms_counts", self.rms_counts, 0.0))
        for name, value, low in limits:
            if value is None or not low < value < float("inf"):
                raise InvalidPlan(
                    f"limit {name} = {value}",
                    f"a number above {low:g}",
                    f"correct --{name.partition('_')[0]} or, in a plan, limits.{name}",
                )
        check_rule(self.rule)
        check_share(self.coded_share)
        for name, value in self.margin.items():
            if not 0 < value < float("inf"):
                raise InvalidPlan(
                    f"margin {name} = {value}",
                    "a positive number in the measurement's unit",
                    f"correct --margin or, in a plan, limits.margin.{name}",
                )

    def rms_limit(self, measurement: Measurement) -> float:
        """Return the limit on RMS(D) of a measurement: in σ_raw, or in margins where the plan has one for it."""
        counts = measurement.discrete and measurement.name not in self.margin
        return float((self.rms_counts if counts else self.rms) or RMS)  # both are numbers once the plan is made

    def limits(self, measurement: Measurement) -> Limits:
        """Return the limits that hold for a measurement."""
        return Limits(self.k, self.spread, self.rms_limit(measurement), self.margin.get(measurement.name))

    @property
    def groups(self) -> int:
        """G + 1: raw and every codec."""
        return len(self.codecs) + 1

    @property
    def adaptive(self) -> Adaptive | Deciding | None:
        """The rule by which replicas are added, None where n is fixed."""
        return count_rule(self.n) if isinstance(self.n, str) else None

    def items(self, images: int, n: int, start: int = 0) -> list[WorkItem]:
        """Return the work items that draw replicas `start` to n − 1 of every group of every image, in the order of assembly.

        Parameters
        ----------
        start : int, default 0
            First replica, a multiple of BLOCK, so that the blocks are those of a study that draws n at once.
        """
        return _items(images, range(self.groups), start, n)

    def double_bootstrap_items(self, images: int, n: int, groups: int) -> list[WorkItem]:
        """Return the work items of the double bootstrap's groups, each of which draws around a replica of group 0 in place of the image.

        Each group has `double_bootstrap_replicas(n)` replicas.
        """
        return _items(images, range(self.groups, self.groups + groups), 0, double_bootstrap_replicas(n))

    def row(self, created: str | None = None) -> PlanRow:
        """Return the record's `plan`, locked by the SHA-256 over its canonical form.

        Parameters
        ----------
        created : str, optional
            Time at which the plan was stated, ISO 8601.
        """
        margin = {name: float(value) for name, value in sorted(self.margin.items())}
        row = PlanRow(
            codecs=self.codecs,
            pipeline=self.pipeline,
            mode=self.mode,
            n=self.n,
            seed=self.seed,
            limits=LimitsRow(
                k=float(self.k),
                spread=float(self.spread),
                rms=float(self.rms or RMS),
                rms_counts=float(self.rms_counts or RMS),
                margin=margin,
            ),
            roi=self.roi,
            scalars=self.scalars,
            volume=self.volume,
            frame=self.frame,
            bits=self.bits,
            agreement=self.agreement,
            objects=self.objects,
            rule=self.rule,
            specimens=self.specimens,
            coded_share=float(self.coded_share),
            protocol=self.protocol,
        )
        return msgspec.structs.replace(row, sha256=plan_digest(plain(row)), created=created)


def check_rule(name: str) -> None:
    """Refuse a decision rule that does not exist. Raises InvalidPlan."""
    if name not in RULES:
        raise InvalidPlan(f"rule '{name[:60]}'", f"one of {', '.join(RULES)}", "correct --rule or, in a plan, rule")


def count_or_auto(text: str) -> int | str:
    """Return n from a text: a whole number, or the adaptive rule with its default written out. Raises InvalidSpec."""
    digits = text.strip().removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() else count_rule(text).spec


_PLAN_KEYS: dict[str, type | tuple[type, ...]] = {
    "codecs": list,
    "pipeline": (str, list),
    "mode": str,
    "n": (int, str),
    "seed": int,
    "roi": list,
    "scalars": bool,
    "volume": bool,
    "frame": int,
    "bits": int,
    "agreement": list,
    "objects": bool,
    "limits": dict,
    "rule": str,
    "specimens": list,
    "coded_share": float,
    LOCK: dict,
    **PROTOCOL_KEYS,
}


def read_plan(path: str | Path) -> dict[str, Any]:  # keyword arguments, each of its type
    """Read a plan file (TOML) into the keyword arguments of `Plan`; keys that it leaves out are not in the result.

    ::

        codecs = ["lossless", "jpeg2000:ratio=10"]
        pipeline = "otsu"
        n = 200
        [limits]
        k = 1.0
        margin.count = 2

    Raises
    ------
    InputNotFound, InvalidPlan
        The file does not exist; it is not TOML, or has an unknown key or a value of another type.
    """
    path = Path(path)
    if not path.is_file():
        raise InputNotFound(f"plan {path} does not exist", "a TOML file", "check the path")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidPlan(f"plan {path} is not TOML ({error})", "key = value lines", "correct the file") from error
    _check_types(content, _PLAN_KEYS, str(path))
    read_lock(path)  # an edited plan is refused, whoever reads it
    content.pop(LOCK, None)
    protocol = {key: content.pop(key) for key in PROTOCOL_KEYS if key in content}
    if protocol:
        content["protocol"] = _protocol(protocol, path)
    limits = content.pop("limits", {})
    _check_types(limits, {"k": float, "spread": float, "rms": float, "rms_counts": float, "margin": dict}, f"[limits] of {path}")
    margin = limits.get("margin", {})
    _check_types(margin, dict.fromkeys(margin, float), f"limits.margin of {path}")
    content |= limits
    if "codecs" in content:
        if not all(isinstance(spec, str) for spec in content["codecs"]):
            raise InvalidPlan(f"codecs in {path}", "a list of texts", "quote each specification")
        content["codecs"] = tuple(content["codecs"])
    if "agreement" in content:
        content["agreement"] = _texts(content["agreement"], f"agreement in {path}")
    if isinstance(content.get("pipeline"), list):
        content["pipeline"] = JOINT.join(_texts(content["pipeline"], f"pipeline in {path}"))
    if "specimens" in content:
        content["specimens"] = _texts(content["specimens"], f"specimens in {path}")
    if "roi" in content:
        content["roi"] = roi_corner(content["roi"], str(path))
    if isinstance(content.get("n"), str):
        content["n"] = count_or_auto(content["n"])
    return content


def _protocol(values: Mapping[str, Any], path: Path) -> ProtocolRow:
    """Return what a plan file says beside settings. Raises InvalidPlan."""
    words = dict(values)
    for key in ("endpoints", "exclusions"):
        if key in words:
            words[key] = _texts(words[key], f"{key} in {path}")
    if not all(isinstance(text, str) for text in words.get("rationale", {}).values()):
        raise InvalidPlan(f"[rationale] of {path}", "a text for each limit or margin", "quote each")
    if words.get("unit", "image") not in ("image", "specimen"):
        raise InvalidPlan(f"unit = '{words['unit'][:40]}' in {path}", "image or specimen", "correct unit")
    return ProtocolRow(**words)


def _texts(values: Any, where: str) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise InvalidPlan(where, "a list of texts", "quote each")
    return tuple(values)


def roi_corner(values: Any, source: str) -> tuple[int, int]:
    """Return (y, x) from two whole numbers ≥ 0. Raises InvalidOption naming `source`."""
    ok = isinstance(values, (list, tuple)) and len(values) == 2 and all(type(value) is int and value >= 0 for value in values)
    if not ok:
        raise InvalidOption(f"roi {values} in {source}", "two whole numbers y, x from 0", "give the corner like 128,64")
    return values[0], values[1]


def merge_plan(from_file: Mapping[str, Any], from_command: Mapping[str, Any]) -> Plan:
    """Return the plan of a file with the command's additions.

    Raises
    ------
    InvalidPlan
        The command states another value than the file, or neither states codecs or pipeline.
    """
    for key, value in from_command.items():
        if key in from_file and from_file[key] != value:
            raise InvalidPlan(
                f"{key} is {_shown(value)} in the command and {_shown(from_file[key])} in the plan",
                "one value: a plan is fixed before data are seen",
                "leave the option out, or write another plan",
            )
    values = {**from_file, **from_command}
    for key, option in (("codecs", "--codec"), ("pipeline", "--pipeline")):
        if not values.get(key):
            raise InvalidPlan(f"no {key} given", f"{option} or {key} in the plan", f"add {option}")
    fields = {entry.name for entry in dataclasses.fields(Plan)}
    return Plan(**{key: value for key, value in values.items() if key in fields})


def _check_types(content: Mapping[str, Any], types: Mapping[str, type | tuple[type, ...]], where: str) -> None:
    for key, value in content.items():
        if key not in types:
            raise InvalidPlan(f"unknown key '{key}' in {where}", f"one of {', '.join(types)}", "remove or correct it")
        stated = types[key]
        kinds = stated if isinstance(stated, tuple) else (stated,)
        expected = (int, float) if kinds == (float,) else kinds
        if not isinstance(value, expected) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join(kind.__name__ for kind in kinds)
            raise InvalidPlan(f"{key} = {value!r} in {where}", f"a value of type {names}", "correct it")


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
