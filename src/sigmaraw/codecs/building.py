"""From a specification, a function or an object to the codec that a study scores."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from sigmaraw import registry
from sigmaraw.codecs import selftest
from sigmaraw.codecs.chain import Chain, Step
from sigmaraw.codecs.function import FunctionCodec, ObjectCoder, name_of, refuse
from sigmaraw.codecs.targets import family_settings, target_names, targeted, with_targets
from sigmaraw.contracts import Codec, CodecContract, CodecFamily, Coder, Map, Parameter
from sigmaraw.errors import InvalidOption, ProgramNotAllowed

if TYPE_CHECKING:
    from sigmaraw.camera import CameraProfile
    from sigmaraw.noise import NoiseModel


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
