"""What the rate-controlled families share: the keys of a target, the search for the setting that meets it, and its freezing."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.codecs.calls import checked, versions
from sigmaraw.codecs.search import Found, Knob, search
from sigmaraw.contracts import CodecContract, Encoded, Parameter
from sigmaraw.errors import InvalidSpec, UnreachableTarget

# Stop the search here: well inside what is promised below, so that re-targeting follows every replica and does not stay at the hint.
_STOP = {"ratio": 0.002, "psnr": 0.02}  # relative; dB
_MET = {"ratio": 0.02, "psnr": 0.5}  # what `target_met` states: relative; dB
_HOPELESS = {"ratio": math.log(2.0), "psnr": 6.0}  # this far short at the last setting, nothing "comes near"

RATIO = Parameter("ratio", float, minimum=1, unit="1", help="container bytes over coded bytes to aim at, on every frame")
PSNR = Parameter("psnr", float, minimum=1, maximum=200, unit="dB", help="peak signal-to-noise ratio to aim at, on every frame")
RANGE = Parameter("range", float, minimum=1, unit="DN", help="peak that psnr refers to; the container's full scale unless given")
FROZEN = Parameter("frozen", bool, False, help="find the setting once, on the raw image, and keep it for its replicas")
LOSSLESS = Parameter("lossless", bool, False, help="exact coding by the format's own lossless mode")
TARGET_PARAMETERS = (RATIO, PSNR, RANGE, FROZEN, LOSSLESS)


def promised(contract: CodecContract, *, lossless: bool, dtypes: tuple[str, ...] | None = None) -> CodecContract:
    """Return a family's contract as its settings narrow it: exact where `lossless`, and the dtypes that they leave."""
    exact: dict[str, Any] = {"lossless": True, "guarantee": "exact", "max_error": 0} if lossless else {}
    return dataclasses.replace(contract, dtypes=dtypes or contract.dtypes, **exact)


def mean_square_error(first: Sequence[NDArray[np.integer]], second: Sequence[NDArray[np.integer]]) -> float:
    """Return the mean square difference over all pixels of paired frames, DN², in float64."""
    total = sum(float(np.square(a.astype(np.float64) - b).sum()) for a, b in zip(first, second, strict=True))
    return total / sum(frame.size for frame in first)


def psnr_db(mean_square: float, peak: float) -> float:
    """Return 10·log₁₀(peak² / mean square error), dB; infinite where the error is 0."""
    return math.inf if mean_square == 0 else 10 * math.log10(peak * peak / mean_square)


class TargetCoder:
    """A coder with one knob that may instead aim at `ratio=` or `psnr=`, or be `lossless=true`.

    A family gives `name`, `parameters`, `contract`, `axis` (its knob for the search), `encode_at`, `encode_lossless` and
    `decode_payload`. Exactly one of knob, ratio, psnr and lossless is set; InvalidSpec otherwise.
    """

    name: str
    parameters: tuple[Parameter, ...]
    contract: CodecContract
    needs_camera: bool = False
    libraries: ClassVar[tuple[str, ...]] = ()
    axis: ClassVar[Knob]

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.setting: float | None = settings.get(self.axis.name)
        self.frozen = bool(settings.get("frozen"))
        self.lossless = bool(settings.get("lossless"))
        chosen = [key for key in (self.axis.name, "ratio", "psnr") if settings.get(key) is not None]
        chosen += ["lossless=true"] if self.lossless else []
        ways = ", ".join([key for key in (self.axis.name, "ratio", "psnr") if key == self.axis.name or key in settings] + ["lossless=true"])
        if len(chosen) != 1:
            found = f"'{self.name}' with " + (" and ".join(chosen) or "no setting")
            raise InvalidSpec(found, f"exactly one of {ways}", f"write for instance {self.name}:{self.example}")
        self.target = chosen[0] if chosen[0] in ("ratio", "psnr") else None
        if self.frozen and self.target is None:
            raise InvalidSpec(f"'{self.name}' with frozen=true and {chosen[0]}", "frozen=true beside ratio= or psnr=", "remove frozen=true")
        if settings.get("range") is not None and self.target != "psnr":
            raise InvalidSpec(f"'{self.name}' with range= but no psnr=", "range= beside psnr=", "remove range=")

    @property
    def example(self) -> str:
        """A setting that works, for messages."""
        return "ratio=10"

    # --- what a family gives ---
    def encode_at(self, frame: NDArray[np.integer], value: float) -> bytes:
        """Return the code stream at one knob value."""
        raise NotImplementedError

    def encode_lossless(self, frame: NDArray[np.integer]) -> bytes:
        """Return the exact code stream."""
        raise NotImplementedError

    def decode_payload(self, payload: bytes) -> Any:
        """Return what the library decodes."""
        raise NotImplementedError

    def knob_for(self, dtype: np.dtype[Any]) -> Knob:
        """Return the knob's range for a dtype."""
        return self.axis

    # --- the coder ---
    def encode(
        self, frame: NDArray[np.integer], hint: float | None = None, *, container_bytes: int | None = None, side_bytes: int = 0
    ) -> Encoded:
        """Return the code stream, at the fixed setting or at the one that the search finds for this frame."""
        container = frame.nbytes if container_bytes is None else container_bytes
        achieved: dict[str, float | bool | str] = {}
        if self.lossless:
            payload = self.encode_lossless(frame)
        elif self.setting is not None:
            payload = self.encode_at(frame, self.setting)
            achieved[self.axis.name] = float(self.setting)
        else:
            found, payloads = self._resolve([frame], container, side_bytes, hint)
            payload = payloads[found.value][0]
            achieved = self._report(found)
        return Encoded(payload, achieved={**achieved, "ratio": container / (len(payload) + side_bytes)})

    def decode(self, encoded: Encoded, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[np.integer]:
        """Return the frame. Raises CodecFailed when the code stream is broken or another frame's."""
        return checked(self.name, self.decode_payload(encoded.payload), shape, dtype)

    def freeze(self, frames: Sequence[NDArray[np.integer]], *, container_bytes: int | None = None, side_bytes: int = 0) -> TargetCoder:
        """Return this coder with the one knob value that meets the target on all of `frames` together."""
        if self.target is None or self.setting is not None:
            return self
        container = sum(frame.nbytes for frame in frames) if container_bytes is None else container_bytes
        found, _ = self._resolve(frames, container, side_bytes, None)
        fixed = copy.copy(self)
        fixed.setting = found.value
        return fixed

    def details(self) -> dict[str, Any]:
        """Return library versions and, where frozen, the setting in use."""
        fixed = {} if self.setting is None else {self.axis.name: float(self.setting)}
        return {**fixed, "libraries": versions(self.libraries)}

    # --- the target ---
    def _resolve(
        self, frames: Sequence[NDArray[np.integer]], container: int, side_bytes: int, hint: float | None
    ) -> tuple[Found, dict[float, list[bytes]]]:
        """Search the knob for the target on `frames` together; return what was found and the code streams of every trial."""
        payloads: dict[float, list[bytes]] = {}
        goal = float(self.settings[self.target or ""])
        peak = float(self.settings.get("range") or np.iinfo(frames[0].dtype).max)

        def excess_of(value: float) -> float:
            payloads[value] = [self.encode_at(frame, value) for frame in frames]
            if self.target == "ratio":
                return math.log(goal * (sum(map(len, payloads[value])) + side_bytes) / container)
            decoded = [
                self.decode(Encoded(payload), frame.shape, frame.dtype) for payload, frame in zip(payloads[value], frames, strict=True)
            ]
            return psnr_db(mean_square_error(frames, decoded), peak) - goal

        found = search(excess_of, self.knob_for(frames[0].dtype), tolerance=_STOP[self.target or ""], hint=hint)
        self._require_near(found, goal)
        return found, payloads

    def _require_near(self, found: Found, goal: float) -> None:
        """Raise UnreachableTarget when even the last setting stays far short: too many bytes, or too little quality."""
        target = self.target or ""
        short = found.excess if target == "ratio" else -found.excess
        if short > _HOPELESS[target]:
            reached = goal * math.exp(-found.excess) if target == "ratio" else goal + found.excess
            raise UnreachableTarget(
                f"{self.name} reaches {target}={reached:.3g} at most on this frame",
                f"{target}={goal:g}",
                "ask for less, use a larger frame or another codec",
            )

    def _report(self, found: Found) -> dict[str, float | bool | str]:
        target = self.target or ""
        report: dict[str, float | bool | str] = {self.axis.name: found.value, "evaluations": float(found.evaluations)}
        report["target_met"] = abs(math.expm1(-found.excess) if target == "ratio" else found.excess) <= _MET[target]
        if target == "psnr":
            report["psnr"] = float(self.settings["psnr"]) + found.excess
        return report


def library_call(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> bytes:
    """Return a library encoder's output as bytes."""
    return bytes(function(*arguments, **keywords))
