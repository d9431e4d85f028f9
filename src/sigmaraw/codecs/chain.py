"""A chain of steps built from a specification: the codec that a study scores.

Each step maps array to array. A map (such as a bit-depth reduction) is undone after the last step; a coder's array is
decoded before the next step sees it. Bytes are the last coder's code stream plus all side data; where there is no coder,
the mapped array's own bytes plus side data.
"""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.codecs.camera_keys import CAMERA_KEYS
from sigmaraw.codecs.state import Achieved, ChainState
from sigmaraw.codecs.targets import FoundSetting, TargetedStep, family_settings
from sigmaraw.contracts import Coder, Map, RoundTrip
from sigmaraw.errors import InvalidSpec, UnsupportedArray
from sigmaraw.frames.opening import pixels

if TYPE_CHECKING:
    from sigmaraw.frames import RawFrames

Hint = tuple[float | None, ...]
Step = Coder | Map | TargetedStep


@dataclass(frozen=True)
class Chain:
    """Steps with their settings; implements `contracts.Codec`. Build it with `codec`.

    spec : as typed. steps : the coders and maps, in order. settings : of each step, every default written out.
    """

    spec: str
    steps: tuple[Step, ...]
    settings: tuple[Mapping[str, Any], ...]

    def resolved(self) -> dict[str, Any]:
        """Return the chain with every default written out and library versions, enough to reproduce it (JSON values).

        `full_spec` is a specification by itself, with every setting and the camera's values in use (unless they are maps): with the same
        library versions it gives the same bytes.
        """
        steps, texts = [], []
        for step, settings in zip(self.steps, self.settings, strict=True):
            made = step.step if isinstance(step, TargetedStep) else step
            kind = type(made)
            entry: dict[str, Any] = {"name": step.name, "class": f"{kind.__module__}:{kind.__qualname__}", **settings}
            details = made.details()
            entry.update(step.unsettled(details) if isinstance(step, TargetedStep) else details)
            if isinstance(step, TargetedStep):
                entry.update(step.settings_in_use())
            steps.append(entry)
            texts.append(_full(step, settings, entry))
        return {"spec": self.spec, "full_spec": "+".join(texts), "steps": steps}

    def roundtrip(self, raw: NDArray[np.integer] | RawFrames | str | os.PathLike[str]) -> tuple[NDArray[np.integer], int]:
        """Return decode(encode(raw)) and the byte count.

        Parameters
        ----------
        raw : array, RawFrames or path
            Pixels (y, x) or (frame, y, x), uint8 or uint16, DN.

        Returns
        -------
        decoded : array
            Pixels of the same shape and dtype, DN.
        nbytes : int
            Every byte of the last coder and all side data.
        """
        result = self.apply(pixels(raw))
        return result.decoded, result.nbytes

    def apply(self, raw: NDArray[np.integer], hint: Hint | None = None) -> RoundTrip:
        """Return the round trip with what it achieved.

        The frames of a stack are coded one by one and their bytes summed; where a step takes whole stacks (contract axes "stack"), the
        stack goes through all steps as one array. A target is met by one setting on `raw` as a whole: bytes and errors are those of the
        whole stack.

        Parameters
        ----------
        raw : ndarray
            (y, x) or (frame, y, x), uint8 or uint16, DN.
        hint : tuple, optional
            From an earlier RoundTrip of a similar image; the search starts there.

        Returns
        -------
        RoundTrip
            In the shape and dtype of `raw`.

        Raises
        ------
        UnsupportedArray
            Outside a step's contract.
        UnreachableTarget
            No setting comes near.
        CodecFailed
            A library failed.
        """
        frames = self._frames(raw)
        whole = frames[0].ndim == raw.ndim
        state, achieved, found = self._run(frames, hint)
        decoded = state.decoded()
        sizes = state.nbytes()
        return RoundTrip(
            (decoded[0] if whole else np.stack(decoded)).astype(raw.dtype, copy=False),
            sum(sizes),
            achieved,
            tuple(None if setting is None else setting.value if setting.warm is None else setting.warm for setting in found),
            () if whole else sizes,
        )

    def distort(self, raw: NDArray[np.integer]) -> NDArray[np.integer] | None:
        """Return what `apply` decodes to, bit for bit, with at least one coder's code stream left out; None where all are needed.

        Parameters
        ----------
        raw : ndarray
            (y, x) or (frame, y, x), uint8 or uint16, DN.

        Returns
        -------
        ndarray or None
            In the shape and dtype of `raw`. None for a chain without a coder, one that seeks a target, and one of coders that cannot say
            what they decode to.

        Raises
        ------
        UnsupportedArray, CodecFailed
            As `apply` does.
        """
        if any(isinstance(step, TargetedStep) and step.knob_value is None for step in self.steps):
            return None
        frames = self._frames(raw)
        state, shorter = ChainState.of(frames), False
        left = sum(not _is_map(step) for step in self.steps)  # coders to come
        for step in self.steps:
            made = step.step if isinstance(step, TargetedStep) else step
            if isinstance(made, Map):
                state = state.through(made)
                continue
            skipped, left = (state.without_coding(made) if isinstance(made, Coder) else None), left - 1
            shorter = shorter or skipped is not None
            if not shorter and left == 0:
                return None
            state = skipped or state.through(made).settled()
        if not shorter:
            return None
        decoded = state.decoded()
        return (decoded[0] if frames[0].ndim == raw.ndim else np.stack(decoded)).astype(raw.dtype, copy=False)

    def freeze(self, raw: NDArray[np.integer]) -> Chain:
        """Return the codec to use on replicas of `raw`: itself, or with `frozen=true` one with the setting found on it."""
        if not any(_to_freeze(step) for step in self.steps):
            return self
        _, _, found = self._run(self._frames(raw), None)
        steps = [
            replace(setting.step, knob_value=setting.value, report=setting.report) if setting is not None and _to_freeze(step) else step
            for step, setting in zip(self.steps, found, strict=True)
        ]
        return replace(self, steps=tuple(steps))

    def target_reports(self, achieved: Mapping[str, Any]) -> list[tuple[TargetedStep, Mapping[str, Any]]]:
        """Return each step that has a target with what it achieved: on the image of `achieved`, or where its setting was frozen.

        Parameters
        ----------
        achieved : mapping
            `RoundTrip.achieved` of an image.

        Returns
        -------
        list of (TargetedStep, mapping)
            In the order of the steps.
        """
        reports: list[tuple[TargetedStep, Mapping[str, Any]]] = []
        for index, step in enumerate(self.steps):
            if isinstance(step, TargetedStep):
                prefix = self._prefix(index)
                here = {key.removeprefix(prefix): value for key, value in achieved.items() if key.startswith(prefix)}
                reports.append((step, step.report if step.knob_value is not None else here))
        return reports

    def _prefix(self, index: int) -> str:
        """Return what stands before the keys of `achieved` that a step reports: nothing where they are the last coder's."""
        coders = [place for place, step in enumerate(self.steps) if not _is_map(step)]
        reporting = next((place for place in coders if place >= index), index)
        return "" if coders and reporting == coders[-1] else f"{reporting + 1}.{self.steps[reporting].name}."

    def __repr__(self) -> str:
        return f"<sigmaraw codec {self.spec!r}>"

    def _repr_html_(self) -> str:
        return f"<p>sigmaraw codec <code>{html.escape(self.spec)}</code></p>"

    def _run(
        self, frames: Sequence[NDArray[np.integer]], hint: Hint | None
    ) -> tuple[ChainState, Achieved, list[FoundSetting[ChainState] | None]]:
        """Take frames through all steps; return where they came out, what coders achieved, and the settings that were found.

        A target is judged on the chain as far as its step; that of a map as far as the next coder, which alone turns it into bytes.
        """
        hints = hint if hint is not None and len(hint) == len(self.steps) else (None,) * len(self.steps)
        coders = [index for index, step in enumerate(self.steps) if not _is_map(step)]
        state, done, achieved = ChainState.of(frames), 0, Achieved()
        found: list[FoundSetting[ChainState] | None] = [None] * len(self.steps)
        while done < len(self.steps):
            step = self.steps[done]
            first, report = done, Achieved()
            if isinstance(step, TargetedStep) and step.knob_value is None:
                last = next((index for index in coders if index >= done), len(self.steps) - 1)
                setting = self._seek(step, self.steps[done + 1 : last + 1], state, frames, hints[done])
                found[done], state, report = setting, setting.made, setting.report
            else:
                last = done
                state = state.through(step.step if isinstance(step, TargetedStep) else step)
                report = {step.knob.name: step.knob_value} if isinstance(step, TargetedStep) and step.knob_value is not None else {}
            if last in coders:
                words = {**state.achieved(), **report, "ratio": sum(frame.nbytes for frame in frames) / sum(state.nbytes())}
                achieved.update({self._prefix(last) + key: value for key, value in words.items()})
            else:
                achieved.update({self._prefix(first) + key: value for key, value in report.items()})
            state, done = state.settled(), last + 1
        return state, achieved, found

    def _seek(
        self, step: TargetedStep, rest: Sequence[Step], before: ChainState, frames: Sequence[NDArray[np.integer]], hint: float | None
    ) -> FoundSetting[ChainState]:
        """Return the setting of `step` whose state through it and `rest` comes nearest to its target."""
        for other in rest:
            if isinstance(other, TargetedStep) and other.knob_value is None:
                raise InvalidSpec(
                    f"targets of '{step.name}' and '{other.name}' in '{self.spec}'",
                    "one target",
                    "give one of the two steps a setting in place of its target",
                )

        def trial(made: Coder | Map) -> tuple[float, ChainState]:
            state = before.through(made)
            for other in rest:
                state = state.through(other.step if isinstance(other, TargetedStep) else other)
            if not step.target.of_bytes:
                state = state.settled()
                return step.target.achieved(frames, sum(state.nbytes()), state.decoded()), state
            return step.target.achieved(frames, sum(state.nbytes())), state

        return step.seek(trial, before.ready()[0].dtype, hint)

    def _frames(self, raw: NDArray[np.integer]) -> list[NDArray[np.integer]]:
        """Return contiguous native 2-D frames, or the whole stack where a step takes it so.

        Raises UnsupportedArray for anything but a non-empty integer frame or stack, and for a coder of stacks behind one of frames.
        """
        if not isinstance(raw, np.ndarray) or raw.dtype.kind != "u" or raw.dtype.itemsize > 2:
            found = str(raw.dtype) if isinstance(raw, np.ndarray) else type(raw).__name__
            raise UnsupportedArray(f"{found} given to codec '{self.spec}'", "uint8 or uint16 pixels", "pass the camera's integers")
        if raw.ndim not in (2, 3) or raw.size == 0:
            raise UnsupportedArray(
                f"an array of shape {raw.shape} given to codec '{self.spec}'",
                "(y, x) or (frame, y, x), not empty",
                "give at least one frame",
            )
        # A fresh copy: some libraries refuse the odd strides that a one-pixel view keeps, and none may write into the input.
        native = np.array(raw, raw.dtype.newbyteorder("="), order="C", copy=True)
        if raw.ndim == 2:
            return [native]
        if not any(step.contract.axes == "stack" for step in self.steps):
            return list(native)
        for step in self.steps:
            if not _is_map(step) and step.contract.axes != "stack":
                found = f"a stack given to '{self.spec}', of which '{step.name}' codes single frames"
                raise UnsupportedArray(found, "maps and coders of whole stacks", "code every frame by itself, with gop=1 or dims=2")
        return [native]


def _full(step: Step, settings: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """Return one step as a specification with nothing left to a default. entry : of the step in `resolved`."""
    values = dict(settings)
    if isinstance(step, TargetedStep):
        values.update(step.settings_in_use())
        if step.knob_value is not None:  # its target is met, and asks for nothing any more
            values = family_settings(step.contract, values)
    if not entry.get("maps"):
        values.update({parameter.name: entry[parameter.name] for parameter in CAMERA_KEYS if parameter.name in settings})
        values.update({"bits": entry["bits"]} if CAMERA_KEYS[0].name in settings else {})
    kinds = {parameter.name: parameter.kind for parameter in step.parameters}
    keys = [f"{key}={_text(value, kinds.get(key))}" for key, value in values.items() if value is not None]
    return f"{step.name}:{','.join(keys)}" if keys else step.name


def _text(value: Any, kind: type | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(int(value) if kind is int else value) if isinstance(value, int | float) else registry.quoted(str(value))


def _to_freeze(step: Step) -> bool:
    return isinstance(step, TargetedStep) and step.frozen and step.knob_value is None


def _is_map(step: Step) -> bool:
    return isinstance(step.step if isinstance(step, TargetedStep) else step, Map)
