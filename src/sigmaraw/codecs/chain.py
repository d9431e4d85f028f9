"""A chain of steps built from a specification: the codec that a study scores.

Each step maps array to array. A map (such as a bit-depth reduction) is undone after the last step; a coder's array is
decoded before the next step sees it. Bytes are the last coder's code stream plus all side data; where there is no coder,
the mapped array's own bytes plus side data.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.codecs import selftest
from sigmaraw.codecs.camera_keys import CAMERA_KEYS
from sigmaraw.codecs.passage import Achieved, Passage
from sigmaraw.codecs.targets import Aimed, Reached, aim, own_values, target_names, with_targets
from sigmaraw.contracts import CodecContract, Coder, Detailed, Map, OpenFamily, Parameter, RoundTrip
from sigmaraw.errors import InvalidSpec, ProgramNotAllowed, UnsupportedArray
from sigmaraw.frames.opening import pixels

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile
    from sigmaraw.frames import RawFrames
    from sigmaraw.noise import NoiseModel

Hint = tuple[float | None, ...]
Step = Coder | Map | Aimed


def codec(spec: str, camera: CameraProfile | NoiseModel | str | os.PathLike[str] | None = None, *, allow_exec: bool = False) -> Chain:
    """Return the codec that a specification names, for instance ``to8bit:minmax+jpeg:quality=90``.

    Parameters
    ----------
    spec : ``name:key=value,key=value``, steps joined by ``+``; a bare word sets a step's first parameter.
    camera : a profile, its path or a NoiseModel, for families that quantise in units of the camera's noise. A profile's maps fit
        frames of their own shape; for a cut-out or for scalars pass a NoiseModel made for it.
    allow_exec : steps that run a program on this machine (`exec`) are taken; never pass on what a file or another person says.

    Raises
    ------
    UnknownName : no such family; the message lists those that are installed.
    InvalidSpec : wrong key, bad value, contradicting keys, or a missing camera.
    ProgramNotAllowed : a step would run a program, without `allow_exec`.
    CodecFailed : the family fails its self-test, which runs at the first use of a build.
    """
    model = _noise_model(camera)
    steps: list[Step] = []
    settings: list[Mapping[str, Any]] = []
    for parsed in registry.parse_chain(spec):
        family = registry.load(registry.CODECS, parsed.name)
        step, values = _step(parsed, family, model, allow_exec)
        steps.append(step)
        settings.append(values)
    return Chain(spec, tuple(steps), tuple(settings))


def _step(parsed: registry.Step, family: Any, model: NoiseModel | None, allow_exec: bool) -> tuple[Step, Mapping[str, Any]]:
    """Return one step, its knob set or aimed at a target, and its settings with every default written out."""
    contract, parameters = declared(family, parsed)
    first = {parameters[0].name} if parsed.bare is not None and parameters else set()
    given = set(parsed.keys) | first
    if contract.axis is not None and given & set(target_names(contract)):  # then the knob is not asked for
        parameters = tuple(replace(entry, required=entry.required and entry.name != contract.axis.name) for entry in parameters)
    values = registry.typed(parsed, parameters)
    if getattr(family, "runs_programs", False) and not allow_exec:
        raise ProgramNotAllowed(
            f"'{parsed.name}', which would run a program on this machine",
            "the permission of the one who starts sigmaraw, which no file can give",
            "read the command; then type this specification with --codec and add --allow-exec, or pass allow_exec=True",
        )
    selftest.require(parsed.name, family, values)
    extra = {"noise_model": model} if family.needs_camera or getattr(family, "takes_camera", False) else {}
    aimed = None if contract.axis is None else aim(family, contract, parameters, values, given, extra, model)
    if aimed is not None:
        return aimed, {**values, aimed.knob.name: None}
    return family(**own_values(contract, values), **extra), values


def declared(family: Any, parsed: registry.Step) -> tuple[CodecContract, tuple[Parameter, ...]]:
    """Return a family's contract and all keys that a specification may give it, its targets among them."""
    parameters, contract = tuple(family.parameters), family.contract
    if isinstance(family, OpenFamily):  # the first key decides which others there are
        first = parsed.bare if parsed.bare is not None else parsed.keys.get(parameters[0].name)
        parameters = tuple(family.parameters_for(first))
        contract = family.contract_for(first, parsed.keys) if hasattr(family, "contract_for") else contract
    return contract, with_targets(contract, parameters)


def _noise_model(camera: CameraProfile | NoiseModel | str | os.PathLike[str] | None) -> NoiseModel | None:
    """Return the one reader's view of the camera; imported here because only camera-bound families need it."""
    if camera is None:
        return None
    from sigmaraw.noise import NoiseModel

    return NoiseModel.from_profile(camera)


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
            made = step.step if isinstance(step, Aimed) else step
            kind = type(made)
            entry: dict[str, Any] = {"name": step.name, "class": f"{kind.__module__}:{kind.__qualname__}", **settings}
            if isinstance(made, Detailed):
                details = made.details()
                entry.update(step.unsettled(details) if isinstance(step, Aimed) else details)
            if isinstance(step, Aimed):
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
        """Return the round trip with what it achieved. The frames of a stack are coded one by one and their bytes summed; where a
        step takes whole stacks (contract axes "stack"), the stack goes through all steps as one array.

        A target is met by one setting on `raw` as a whole: bytes and errors are those of the whole stack.

        Parameters
        ----------
        raw : (y, x) or (frame, y, x), uint8 or uint16, DN.
        hint : from an earlier RoundTrip of a similar image; the search starts there.

        Raises
        ------
        UnsupportedArray : outside a step's contract. UnreachableTarget : no setting comes near. CodecFailed : a library failed.
        """
        frames = self._frames(raw)
        whole = frames[0].ndim == raw.ndim
        passage, achieved, found = self._run(frames, hint)
        decoded = passage.decoded()
        sizes = passage.nbytes()
        return RoundTrip(
            (decoded[0] if whole else np.stack(decoded)).astype(raw.dtype, copy=False),
            sum(sizes),
            achieved,
            tuple(None if reached is None else reached.value for reached in found),
            () if whole else sizes,
        )

    def freeze(self, raw: NDArray[np.integer]) -> Chain:
        """Return the codec to use on replicas of `raw`: itself, or with `frozen=true` one with the setting fixed on it."""
        if not any(_to_freeze(step) for step in self.steps):
            return self
        _, _, found = self._run(self._frames(raw), None)
        fixed = [
            replace(reached.step, fixed=reached.value) if reached is not None and _to_freeze(step) else step
            for step, reached in zip(self.steps, found, strict=True)
        ]
        return replace(self, steps=tuple(fixed))

    def _run(self, frames: Sequence[NDArray[np.integer]], hint: Hint | None) -> tuple[Passage, Achieved, list[Reached[Passage] | None]]:
        """Take frames through all steps; return where they came out, what coders achieved, and the settings that were found.

        A target is judged on the chain as far as its step; that of a map as far as the next coder, which alone turns it into bytes.
        """
        hints = hint if hint is not None and len(hint) == len(self.steps) else (None,) * len(self.steps)
        coders = [index for index, step in enumerate(self.steps) if not _is_map(step)]
        passage, done, achieved = Passage.of(frames), 0, Achieved()
        found: list[Reached[Passage] | None] = [None] * len(self.steps)
        while done < len(self.steps):
            step = self.steps[done]
            first, report = done, Achieved()
            if isinstance(step, Aimed) and step.fixed is None:
                last = next((index for index in coders if index >= done), len(self.steps) - 1)
                reached = self._seek(step, self.steps[done + 1 : last + 1], passage, frames, hints[done])
                found[done], passage, report = reached, reached.made, reached.report
            else:
                last = done
                passage = passage.through(step.step if isinstance(step, Aimed) else step)
                report = {step.knob.name: step.fixed} if isinstance(step, Aimed) and step.fixed is not None else {}
            if last in coders:
                words = {**passage.achieved(), **report, "ratio": sum(frame.nbytes for frame in frames) / sum(passage.nbytes())}
                prefix = "" if last == coders[-1] else f"{last + 1}.{self.steps[last].name}."
                achieved.update({prefix + key: value for key, value in words.items()})
            else:
                achieved.update({f"{first + 1}.{step.name}.{key}": value for key, value in report.items()})
            passage, done = passage.settled(), last + 1
        return passage, achieved, found

    def _seek(
        self, step: Aimed, rest: Sequence[Step], before: Passage, frames: Sequence[NDArray[np.integer]], hint: float | None
    ) -> Reached[Passage]:
        """Return the setting of `step` whose passage through it and `rest` comes nearest to its target."""
        for other in rest:
            if isinstance(other, Aimed) and other.fixed is None:
                raise InvalidSpec(f"targets of '{step.name}' and '{other.name}' in '{self.spec}'", "one target", "state the setting of one")

        def trial(made: Coder | Map) -> tuple[float, Passage]:
            passage = before.through(made)
            for other in rest:
                passage = passage.through(other.step if isinstance(other, Aimed) else other)
            if not step.target.of_bytes:
                passage = passage.settled()
                return step.target.reached(frames, sum(passage.nbytes()), passage.decoded()), passage
            return step.target.reached(frames, sum(passage.nbytes())), passage

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
                "select some",
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
    if isinstance(step, Aimed):
        values.update(step.settings_in_use())
        if step.fixed is not None:  # its target is met, and asks for nothing any more
            values = own_values(step.contract, values)
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
    return isinstance(step, Aimed) and step.frozen and step.fixed is None


def _is_map(step: Step) -> bool:
    return isinstance(step.step if isinstance(step, Aimed) else step, Map)
