"""A chain of steps built from a specification: the codec that a study scores.

Each step maps array to array. A map (such as a bit-depth reduction) is undone after the last step; a coder's array is
decoded before the next step sees it. Bytes are the last coder's code stream plus all side data; where there is no coder,
the mapped array's own bytes plus side data.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import registry
from sigmaraw.codecs import selftest
from sigmaraw.codecs.calls import checked
from sigmaraw.contracts import Coder, Detailed, Encoded, Map, OpenFamily, RoundTrip, Targeted
from sigmaraw.errors import CodecFailed, ProgramNotAllowed, UnsupportedArray

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile
    from sigmaraw.noise import NoiseModel

Hint = tuple[float | None, ...]
Achieved = dict[str, float | bool | str]


def codec(spec: str, camera: CameraProfile | NoiseModel | None = None, *, allow_exec: bool = False) -> Chain:
    """Return the codec that a specification names, for instance ``to8bit:minmax+jpeg:quality=90``.

    Parameters
    ----------
    spec : ``name:key=value,key=value``, steps joined by ``+``; a bare word sets a step's first parameter.
    camera : for families that quantise in units of the camera's noise. A profile's maps fit frames of their own shape; for
        a cut-out or for scalars pass a NoiseModel made for it.
    allow_exec : steps that run a program on this machine (`exec`) are taken; never pass on what a file or another person says.

    Raises
    ------
    UnknownName : no such family; the message lists those that are installed.
    InvalidSpec : wrong key, bad value, contradicting keys, or a missing camera.
    ProgramNotAllowed : a step would run a program, without `allow_exec`.
    CodecFailed : the family fails its self-test, which runs at the first use of a build.
    """
    parsed = registry.parse_chain(spec)
    steps: list[Coder | Map] = []
    settings: list[Mapping[str, Any]] = []
    for step in parsed:
        family = registry.load(registry.CODECS, step.name)
        parameters = family.parameters
        if isinstance(family, OpenFamily):  # the first key decides which others there are
            parameters = family.parameters_for(step.bare if step.bare is not None else step.keys.get(parameters[0].name))
        values = registry.typed(step, parameters)
        if getattr(family, "runs_programs", False) and not allow_exec:
            raise ProgramNotAllowed(
                f"'{step.name}' in '{spec}' would run a program on this machine",
                "the permission of the one who starts sigmaraw, which no file can give",
                "read the command; then type this specification with --codec and add --allow-exec, or pass allow_exec=True",
            )
        selftest.require(step.name, family, values)
        wants = family.needs_camera or getattr(family, "takes_camera", False)
        extra = {"noise_model": _noise_model(camera)} if wants else {}
        steps.append(family(**values, **extra))
        settings.append(values)
    return Chain(spec, tuple(steps), tuple(settings))


def _noise_model(camera: CameraProfile | NoiseModel | None) -> NoiseModel | None:
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
    steps: tuple[Coder | Map, ...]
    settings: tuple[Mapping[str, Any], ...]

    def resolved(self) -> dict[str, Any]:
        """Return the chain with every default written out and library versions, enough to reproduce it (JSON values)."""
        steps = []
        for step, settings in zip(self.steps, self.settings, strict=True):
            kind = type(step)
            entry: dict[str, Any] = {"name": step.name, "class": f"{kind.__module__}:{kind.__qualname__}", **settings}
            if isinstance(step, Detailed):
                entry.update(step.details())
            steps.append(entry)
        return {"spec": self.spec, "steps": steps}

    def roundtrip(self, raw: NDArray[np.integer]) -> tuple[NDArray[np.integer], int]:
        """Return decode(encode(raw)) and the byte count. raw: (y, x) or (frame, y, x), uint8 or uint16, DN."""
        result = self.apply(raw)
        return result.decoded, result.nbytes

    def apply(self, raw: NDArray[np.integer], hint: Hint | None = None) -> RoundTrip:
        """Return the round trip with what it achieved. Each frame of a stack is coded by itself; bytes are summed.
        Where a step takes whole stacks (contract axes "stack"), the stack goes through all steps as one array.

        With `frozen=true` and no `freeze` before, the setting is found once, on `raw` as a whole.

        Parameters
        ----------
        raw : (y, x) or (frame, y, x), uint8 or uint16, DN.
        hint : from an earlier RoundTrip of a similar image; every frame's search starts there.

        Raises
        ------
        UnsupportedArray : outside a step's contract. UnreachableTarget : no setting comes near. CodecFailed : a library failed.
        """
        frames = self._frames(raw)
        whole = frames[0].ndim == 3
        ready = self._frozen(frames)
        hints = hint if hint is not None and len(hint) == len(self.steps) else (None,) * len(self.steps)
        parts = [ready._frame(frame, hints) for frame in frames]
        decoded = np.stack([part.decoded for part in parts]) if raw.ndim == 3 and not whole else parts[0].decoded
        return RoundTrip(
            decoded.astype(raw.dtype, copy=False),
            sum(part.nbytes for part in parts),
            _summarise([part.achieved for part in parts]),
            _typical([part.hint for part in parts if part.hint is not None]),
        )

    def freeze(self, raw: NDArray[np.integer]) -> Chain:
        """Return the codec to use on replicas of `raw`: itself, or with `frozen=true` one with the setting fixed on it."""
        return self._frozen(self._frames(raw))

    def _frozen(self, frames: Sequence[NDArray[np.integer]]) -> Chain:
        """Fix every frozen target on `frames` together, each step seeing what the steps before it make of them."""
        if not any(_unresolved(step) for step in self.steps):
            return self
        container = sum(frame.nbytes for frame in frames)
        arrays, side, steps = list(frames), 0, []
        for step in self.steps:
            for array in arrays:
                _require(step, array)
            if isinstance(step, Targeted) and _unresolved(step):
                step = step.freeze(arrays, container_bytes=container, side_bytes=side)
            outputs = [_through(step, array, None, array.nbytes, 0) for array in arrays]
            arrays, side = [output.array for output in outputs], side + sum(len(output.side) for output in outputs)
            steps.append(step)
        return replace(self, steps=tuple(steps))

    def _frames(self, raw: NDArray[np.integer]) -> list[NDArray[np.integer]]:
        """Return contiguous native 2-D frames, or the whole stack where a step takes it so.

        Raises UnsupportedArray for anything but a non-empty integer frame or stack, and for a video coder behind a coder of frames.
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
            if not isinstance(step, Map) and step.contract.axes != "stack":
                found = f"a stack given to '{self.spec}', of which '{step.name}' codes single frames"
                raise UnsupportedArray(found, "maps and one video coder", "code every frame by itself, with gop=1")
        return [native]

    def _frame(self, frame: NDArray[np.integer], hints: Hint) -> RoundTrip:
        """Take one frame through all steps and back through the maps."""
        array, side_bytes, coded = frame, 0, None
        undo: list[tuple[Map, bytes, NDArray[np.integer]]] = []
        achieved: Achieved = {}
        found: list[float | None] = []
        last = max((i for i, step in enumerate(self.steps) if not isinstance(step, Map)), default=None)
        for index, step in enumerate(self.steps):
            _require(step, array)
            output = _through(step, array, hints[index], frame.nbytes, side_bytes)
            if isinstance(step, Map):
                undo.append((step, output.side, array))
            else:
                coded = output.payload
                prefix = "" if index == last else f"{index + 1}.{step.name}."
                achieved.update({prefix + key: value for key, value in output.achieved.items()})
            found.append(_knob_value(step, output))
            side_bytes += len(output.side)
            array = output.array
        nbytes = (array.nbytes if coded is None else len(coded)) + side_bytes
        for step, side, before in reversed(undo):
            array = checked(step.name, step.inverse(array, side, before.dtype), before.shape, before.dtype)
        return RoundTrip(array, nbytes, achieved, tuple(found))


@dataclass(frozen=True)
class _Output:
    """What one step makes of one frame: the next step's array, and what has to be kept to undo it."""

    array: NDArray[np.integer]
    side: bytes
    payload: bytes
    achieved: Mapping[str, float | bool | str]


def _through(step: Coder | Map, array: NDArray[np.integer], hint: float | None, container: int, side_bytes: int) -> _Output:
    """Apply a map, or encode and decode; the decoder sees only bytes, shape and dtype."""
    if isinstance(step, Map):
        mapped, side = step.forward(array)
        if not isinstance(mapped, np.ndarray) or mapped.ndim != array.ndim or mapped.dtype not in (np.uint8, np.uint16):
            raise CodecFailed(f"{step.name} mapped to something else than a frame", "2-D uint8 or uint16", "report this codec's fault")
        return _Output(np.ascontiguousarray(mapped), side, b"", {})
    if isinstance(step, Targeted):
        encoded = step.encode(array, hint, container_bytes=container, side_bytes=side_bytes)
    else:
        encoded = step.encode(array, hint)
    decoded = step.decode(Encoded(encoded.payload, encoded.side), array.shape, array.dtype)
    array = np.ascontiguousarray(checked(step.name, decoded, array.shape, array.dtype))
    return _Output(array, encoded.side, encoded.payload, encoded.achieved)


def _require(step: Coder | Map, array: NDArray[np.integer]) -> None:
    """Raise UnsupportedArray when an array is outside a step's declared contract."""
    contract = step.contract
    if array.dtype.name not in contract.dtypes:
        raise UnsupportedArray(f"{array.dtype} given to '{step.name}'", " or ".join(contract.dtypes), _dtype_remedy(step, array))
    if contract.max_side is not None and max(array.shape[-2:]) > contract.max_side:
        raise UnsupportedArray(
            f"a frame of shape {array.shape} given to '{step.name}'",
            f"at most {contract.max_side} pixels a side",
            "cut the frame",
        )


def _dtype_remedy(step: Coder | Map, array: NDArray[np.integer]) -> str:
    bits = any(parameter.name == "bits" for parameter in step.parameters)
    if array.dtype == np.uint16:
        return ("state the data's bit depth with bits=, or put" if bits else "put") + " a reduction such as to8bit:shift before it"
    return f"leave '{step.name}' out for 8-bit data"


def _unresolved(step: Coder | Map) -> bool:
    return isinstance(step, Targeted) and step.frozen and step.setting is None


def _knob_value(step: Coder | Map, output: _Output) -> float | None:
    """Return the knob value that a target search found, to start the next one from."""
    if not isinstance(step, Targeted) or step.setting is not None:
        return None
    value = output.achieved.get(step.contract.knob or "")
    return None if value is None or isinstance(value, str) else float(value)


def _summarise(parts: Sequence[Mapping[str, float | bool | str]]) -> Achieved:
    """Return per key: of a single frame the value, of a stack the mean of numbers, "all" of truths, a common word or "varies"."""
    if len(parts) == 1:
        return dict(parts[0])
    summary: Achieved = {}
    for key in parts[0]:
        values = [part[key] for part in parts]
        if all(isinstance(value, bool) for value in values):
            summary[key] = all(values)
        elif any(isinstance(value, str) for value in values):
            summary[key] = values[0] if len(set(values)) == 1 else "varies"
        else:
            summary[key] = statistics.fmean(float(value) for value in values)
    return summary


def _typical(hints: Sequence[Hint]) -> Hint:
    """Return per step the median knob value over frames."""
    columns = [[value for value in column if value is not None] for column in zip(*hints, strict=True)]
    return tuple(statistics.median(column) if column else None for column in columns)
