"""From what a user writes to a pipeline: a registered name with keys, module:function, a TOML file or a function."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sigmaraw import registry
from sigmaraw.contracts import Pipeline
from sigmaraw.errors import InputNotFound, InvalidOption, InvalidSpec, ProgramNotAllowed, UnreadableFile
from sigmaraw.measurements import dotted_settings
from sigmaraw.pipelines.function import FunctionPipeline, load_function
from sigmaraw.pipelines.several import SeveralPipelines, parts_of

# A model file that is named alone says by its suffix which pipeline reads it.
_SUFFIXES = {
    ".onnx": "onnx",
    ".pt2": "torch",
    ".pt": "torch",
    ".pth": "torch",
    ".safetensors": "trained",
    ".yaml": "bioimageio",
    ".yml": "bioimageio",
}
_SCALARS = (bool, int, float, str)


def pipeline(spec: str | os.PathLike[str] | Callable[..., Any] | Sequence[Any], *, allow_exec: bool = False) -> Pipeline:
    """Return the pipeline that `spec` names.

    Parameters
    ----------
    spec : str, path, callable, or sequence of them
        ``name:key=value,…`` of a registered pipeline (``otsu``, ``onnx:model.onnx,threshold=0.4``), ``package.module:function`` or
        ``file.py:function``, the path of a TOML file with the same keys, or a function image → {name: number}. Several of them (in a text
        joined by `` & ``) measure the same images, as ``pipeline/measurement`` where names clash.
    allow_exec : bool, default False
        `spec` may name a program of this machine (``run``). Never pass on what a file or another person says; a TOML file cannot
        ask for it.

    Returns
    -------
    Pipeline
        Ready to predict.

    Raises
    ------
    UnknownName
        There is no pipeline of that name.
    InvalidSpec
        A key, a value or the syntax is wrong, or a module or function does not exist.
    InputNotFound
        A TOML or model file does not exist.
    InvalidModel
        The model cannot be used.
    MissingExtra
        Its library is not installed.
    ProgramNotAllowed
        It would run a program, without `allow_exec`.

    Examples
    --------
    >>> import sigmaraw as sr
    >>> [measurement.name for measurement in sr.pipeline("otsu").measurements]
    ['count', 'area', 'total_intensity', 'mean_intensity']
    """
    if callable(spec) and not isinstance(spec, str | os.PathLike):
        _refuse_module(spec)
        return FunctionPipeline(spec)
    if isinstance(spec, list | tuple) and spec:
        parts = [entry if isinstance(entry, Pipeline) else pipeline(entry, allow_exec=allow_exec) for entry in spec]
        return SeveralPipelines(parts) if len(parts) > 1 else parts[0]
    if not isinstance(spec, str | os.PathLike):
        raise InvalidOption(f"a {type(spec).__name__} as pipeline", "a specification, a path or a function", "give one of these")
    text = os.fspath(spec).strip()
    if isinstance(spec, str) and len(several := parts_of(text)) > 1:
        return pipeline(several, allow_exec=allow_exec)
    if Path(text).suffix.lower() == ".toml":
        return _from_toml(Path(text))
    if isinstance(spec, os.PathLike):
        return _registered(registry.Step(_kind_of(text), text), text)
    return _from_text(text, allow_exec=allow_exec)


def runs_programs(spec: Any) -> bool:
    """Return whether a specification names a pipeline that starts programs; what is wrong with it, `pipeline` says."""
    if isinstance(spec, str) and len(several := parts_of(spec)) > 1:
        return any(map(runs_programs, several))
    name = spec.partition(":")[0].strip() if isinstance(spec, str) else ""
    return name in registry.names(registry.PIPELINES) and bool(registry.load(registry.PIPELINES, name).runs_programs)


def _from_text(text: str, base: Path | None = None, extra: dict[str, str] | None = None, allow_exec: bool = False) -> Pipeline:
    names = registry.names(registry.PIPELINES)
    file, colon, function = text.rpartition(":")
    if registry.is_file(file) and file.partition(":")[0] not in names and colon and function.isidentifier():
        _refuse_keys(text, extra)
        return load_function(file, function, text)
    step = _with_file(text, names, base) or registry.parse_step(text)
    if step.name not in names and step.bare is not None and step.bare.isidentifier() and registry.is_dotted(step.name):
        _refuse_keys(text, step.keys or extra)
        return load_function(step.name, step.bare, text)
    if step.name not in names and step.bare is None and Path(step.name).suffix.lower() in _SUFFIXES:
        raise InvalidSpec(f"'{text}' is a file", "the pipeline's name before it", f"write {_kind_of(step.name)}:{text}")
    for key in extra or {}:
        if key in step.keys:
            raise InvalidSpec(f"{key} given twice", "each key once", f"remove it from '{text}'")
    return _registered(registry.Step(step.name, step.bare, {**step.keys, **(extra or {})}), text, base, allow_exec)


def _refuse_keys(text: str, keys: Any) -> None:
    if keys:
        raise InvalidSpec(f"'{text}' has keys", "none after package.module:function", f"write labels:{text}, or set them in the function")


def _with_file(text: str, names: Sequence[str], base: Path | None) -> registry.Step | None:
    """Return the step of a text such as ``onnx:epoch=09-val_loss=0.12.onnx``, whose file's name looks like keys; else None.

    What stands before the last comma is the file's name where such a file is there.
    """
    name, mark, rest = text.partition(":")
    if not mark or name not in names or "=" not in rest:
        return None
    parts = rest.split(",")
    for count in range(len(parts), 0, -1):
        file = ",".join(parts[:count]).strip()
        if (
            Path(file).suffix.lower() in _SUFFIXES
            and not file.startswith(("model=", "weights="))
            and (base or Path()).joinpath(file).is_file()
        ):
            others = registry.parse_step(f"{name}:{','.join(parts[count:])}") if parts[count:] else registry.Step(name, None)
            return registry.Step(name, file, others.keys)
    return None


def _registered(step: registry.Step, spec: str, base: Path | None = None, allow_exec: bool = False) -> Pipeline:
    kind = registry.load(registry.PIPELINES, step.name)
    if kind.runs_programs and not allow_exec:
        raise ProgramNotAllowed(
            f"'{step.name}', which would run a program on this machine",
            "the permission of the one who starts sigmaraw, which no file can give",
            "read the command; then type this specification with --pipeline and add --allow-exec, or pass allow_exec=True",
        )
    dotted = {key: value for key, value in step.keys.items() if "." in key}
    plain = registry.Step(step.name, step.bare, {key: value for key, value in step.keys.items() if key not in dotted})
    settings = registry.typed(plain, kind.parameters)
    if dotted and "measure" in settings:
        settings |= dotted_settings(settings["measure"], _beside(base, dotted))
    elif dotted:
        registry.typed(step, kind.parameters)  # refuses them by name
    for entry in kind.parameters:
        if entry.file and base is not None and settings.get(entry.name):
            settings[entry.name] = _from(base, settings[entry.name])
    built: Pipeline = kind(spec, **settings)
    return built


def _beside(base: Path | None, dotted: dict[str, str]) -> dict[str, str]:
    """Return the keys of measures, files among them relative to the folder of the TOML file that names them."""
    return {key: _from(base, value) if base is not None and _is_file_key(key) else value for key, value in dotted.items()}


def _is_file_key(key: str) -> bool:
    """Return whether ``measure.key`` names a file; what is wrong with it, others say."""
    name, _, part = key.partition(".")
    if name not in registry.names(registry.MEASUREMENTS):
        return False
    return any(entry.name == part and entry.file for entry in registry.load(registry.MEASUREMENTS, name).parameters)


def _from(base: Path, value: str) -> str:
    """Return a file's name from a folder, an absolute one as it is; of ``file.py:function`` the file's, and a dotted module as it is."""
    file, colon, function = value.rpartition(":")
    if colon and function.isidentifier():
        return f"{base / file}:{function}" if registry.is_file(file) else value
    return str(base / value)


def _from_toml(path: Path) -> Pipeline:
    """Keys: `spec` (as on the command line) or `model` (a file), and those of the pipeline; paths are relative to the file."""
    if not path.is_file():
        raise InputNotFound(f"{path} does not exist", "a TOML file with a pipeline", "check the path")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnreadableFile(
            f"{path} is not TOML ({' '.join(str(error).split())[:120]})", "key = value lines", "correct the file"
        ) from error
    keys = {key: _written(path, key, value) for key, value in _flat(table).items()}
    spec = keys.pop("spec", None)
    if spec is None:
        if "model" not in keys:
            raise InvalidSpec(f"{path} names no pipeline", 'spec = "…" or model = "…"', "add one of these lines")
        spec = _kind_of(keys["model"])
    if Path(spec).suffix.lower() == ".toml":
        raise InvalidSpec(f"{path} names another TOML file, {spec}", "a pipeline", "name the pipeline itself")
    built = _from_text(spec, path.parent, keys)
    built.spec = str(path)
    return built


def _refuse_module(model: Any) -> None:
    """Refuse a torch module: it takes tensors of a batch, and its training mode, device and preparation are not said."""
    torch = sys.modules.get("torch")  # where nothing has imported it, this is no module of its
    if torch is not None and isinstance(model, torch.nn.Module):
        raise InvalidOption(
            f"the torch module {type(model).__name__} as pipeline",
            "a function of one image, or a network in a file",
            "write it with torch.export.save and give 'torch:FILE.pt2', or give a function that prepares the image, calls the module "
            "in evaluation mode and returns a mask or named numbers",
        )


def _flat(table: dict[str, Any]) -> dict[str, Any]:
    """Return a table with those inside it as ``measure.key``, as ``[texture]`` with ``levels = 16`` gives them."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= {f"{key}.{inner}": entry for inner, entry in value.items()} if isinstance(value, dict) else {key: value}
    return found


def _written(path: Path, key: str, value: Any) -> str:
    if key == "measure" and isinstance(value, list) and all(isinstance(name, str) for name in value):
        return "+".join(value)
    if key == "pixel_size" and isinstance(value, list) and all(isinstance(size, int | float) for size in value):
        return "|".join(map(str, value))
    if not isinstance(value, _SCALARS):
        raise InvalidSpec(f"{key} in {path} is a {type(value).__name__}", "a number, true, false or text", f"correct {key}")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind_of(path: str) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise InvalidSpec(
            f"'{path}' is neither a pipeline nor a model file", f"a file ending in {', '.join(_SUFFIXES)}, .toml", "check the name"
        )
    return _SUFFIXES[suffix]
