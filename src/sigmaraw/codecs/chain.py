"""A chain of steps built from a specification: the codec that a study scores.

Each step maps array to array. A map (such as a bit-depth reduction) is undone after the last step; a coder's array is
decoded before the next step sees it. Bytes are the last coder's code stream plus all side data; where there is no coder,
the mapped array's own bytes plus side data.
"""

from __future__ import annotations

import html
import inspect
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.codecs import selftest
from sigmaraw.codecs.camera_keys import CAMERA_KEYS
from sigmaraw.codecs.function import FunctionCodec, ObjectCoder, name_of, refuse
from sigmaraw.codecs.state import Achieved, ChainState
from sigmaraw.codecs.targets import FoundSetting, TargetedStep, family_settings, target_names, targeted, with_targets
from sigmaraw.contracts import Codec, CodecContract, CodecFamily, Coder, Map, Parameter, RoundTrip
from sigmaraw.errors import InvalidOption, InvalidSpec, ProgramNotAllowed, UnsupportedArray
from sigmaraw.frames.opening import pixels

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile
    from sigmaraw.frames import RawFrames
    from sigmaraw.noise import NoiseModel

Hint = tuple[float | None, ...]
Step = Coder | Map | TargetedStep


@overload
def codec(spec: str, camera: CameraProfile | NoiseModel | str | os.PathLike[str] | None = None, *, allow_exec: bool = False) -> Chain: ...
@overload
def codec(spec: Any, camera: CameraProfile | NoiseModel | str | os.PathLike[str] | None = None, *, allow_exec: bool = False) -> Codec: ...
def codec(spec: Any, camera: CameraProfile | NoiseModel | str | os.PathLike[str] | None = None, *, allow_exec: bool = False) -> Codec:
    """Return the codec that a specification names, for instance ``to8bit:minmax+jpeg:quality=90``, or that a function or object is.

    Parameters
    ----------
    spec : str, callable or object
        ``name:key=value,key=value``, steps joined by ``+``; a bare word sets a step's first parameter. A function takes one frame
        (y, x) and returns the decoded frame, or that and the number of bytes. An object has ``encode(frame) -> bytes`` and
        ``decode(bytes)``, as the codecs of numcodecs do, or is a `contracts.Coder`, `contracts.Map` or `contracts.Codec`.
    camera : CameraProfile, path or NoiseModel, optional
        For families that quantise in units of the camera's noise. A profile's maps fit frames of their own shape; for a cut-out or
        for scalars pass a NoiseModel made for it.
    allow_exec : bool
        Whether steps that run a program on this machine (`exec`) are taken; never pass on what a file or another person says.

    Returns
    -------
    Codec
        With `roundtrip` and `apply`.

    Raises
    ------
    UnknownName
        No such family; the message says what may have been meant.
    InvalidSpec
        A wrong key, a bad value, contradicting keys, or a missing camera.
    InvalidOption
        Neither a specification nor a function nor such an object.
    ProgramNotAllowed
        A step would run a program, without `allow_exec`.
    CodecFailed
        The family fails its self-test, which runs at the first use of a build.

    Examples
    --------
    >>> import numpy as np
    >>> import sigmaraw as sr
    >>> frame = np.arange(64, dtype=np.uint16).reshape(8, 8)
    >>> decoded, nbytes = sr.codec("jpegls:near=1").roundtrip(frame)
    >>> bool(np.abs(decoded.astype(int) - frame).max() <= 1)
    True
    """
    if not isinstance(spec, str):
        return _of_object(spec)
    noise_model = _noise_model(camera)
    steps: list[Step] = []
    settings: list[Mapping[str, Any]] = []
    for parsed in registry.parse_chain(spec):
        family = registry.load(registry.CODECS, parsed.name)
        step, values = _step(parsed, family, noise_model, allow_exec)
        steps.append(step)
        settings.append(values)
    return Chain(spec, tuple(steps), tuple(settings))


def named_codecs(codecs: Any) -> tuple[tuple[str, ...], dict[str, Codec]]:
    """Return the specifications of codecs from Python, and by specification those that are functions or objects.

    Parameters
    ----------
    codecs : str, callable, object or sequence of these
        As `codec` takes them.

    Returns
    -------
    specs : tuple of str
        In order.
    objects : dict of str to Codec
        The functions and objects among them, as codecs.

    Raises
    ------
    InvalidOption
        Something that is no codec, or two functions or objects of one name.
    """
    given = codecs if isinstance(codecs, list | tuple) else (codecs,)
    specs: list[str] = []
    objects: dict[str, Codec] = {}
    for entry in given:
        made = None if isinstance(entry, str) else codec(entry)
        specs.append(entry if made is None else made.spec)
        if made is not None:
            if made.spec in objects:
                raise InvalidOption(f"two codecs called {made.spec}", "a name for each", "give the function a name of its own, with def")
            objects[made.spec] = made
    return tuple(specs), objects


def _of_object(thing: Any) -> Codec:
    """Return the codec that a function or an object of the user's is. Raises InvalidOption."""
    if isinstance(thing, Coder | Map):
        return Chain(name_of(thing), (thing,), (dict(getattr(thing, "settings", {})),))
    if isinstance(thing, Codec):
        return thing
    if not inspect.isclass(thing) and hasattr(thing, "encode") and hasattr(thing, "decode"):
        return Chain(name_of(thing), (ObjectCoder(thing),), ({},))
    if not inspect.isclass(thing) and callable(thing):
        return FunctionCodec(thing)
    raise refuse(thing)


def _step(parsed: registry.Step, family: CodecFamily, noise_model: NoiseModel | None, allow_exec: bool) -> tuple[Step, Mapping[str, Any]]:
    """Return one step, its knob set or left to a target, and its settings with every default written out."""
    contract, parameters = declared(family, parsed)
    first = {parameters[0].name} if parsed.bare is not None and parameters else set()
    given = set(parsed.keys) | first
    if contract.axis is not None and given & set(target_names(contract)):  # then the knob is not asked for
        parameters = tuple(replace(entry, required=entry.required and entry.name != contract.axis.name) for entry in parameters)
    values = registry.typed(parsed, parameters)
    if "psnr" in given and values.get("range", 0) is None and noise_model is not None:
        values = {**values, "range": float((1 << noise_model.bits) - 1)}  # the camera's full scale, written into the full specification
    if family.runs_programs and not allow_exec:
        raise ProgramNotAllowed(
            f"'{parsed.name}', which would run a program on this machine",
            "the permission of the one who starts sigmaraw, which no file can give",
            "read the command; then type this specification with --codec and add --allow-exec, or pass allow_exec=True",
        )
    selftest.require(parsed.name, family, values)
    extra = {"noise_model": noise_model} if family.needs_camera or family.takes_camera else {}
    sought = None if contract.axis is None else targeted(family, contract, parameters, values, given, extra, noise_model)
    if sought is not None:
        return sought, {**values, sought.knob.name: None}
    return family(**family_settings(contract, values), **extra), values


def declared(family: CodecFamily, parsed: registry.Step) -> tuple[CodecContract, tuple[Parameter, ...]]:
    """Return a family's contract and all keys that a specification may give it, its targets among them."""
    first = parsed.bare
    if first is None and family.parameters:
        first = parsed.keys.get(family.parameters[0].name)
    contract = family.contract_for(first, parsed.keys)
    return contract, with_targets(contract, family.parameters_for(first))


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
