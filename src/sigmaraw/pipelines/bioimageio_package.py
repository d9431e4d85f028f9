"""Reading a bioimage.io package from a folder: its description, and files that its SHA-256 sums vouch for. Nothing of it is run."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import extras
from sigmaraw.errors import InputNotFound, IntegrityError, InvalidModel
from sigmaraw.files import sha256_of_file
from sigmaraw.pipelines.axes import Axes

# What this toolkit trusts: networks without code of the package, in files that are no pickles. By preference.
TRUSTED = {"onnx": "onnx", "torchscript": "torch"}
_LETTERS = {"batch": "b", "channel": "c", "z": "z", "y": "y", "x": "x"}


@dataclass(frozen=True)
class Package:
    """A described model. description : bioimageio.spec's. folder : where its files lie. files : SHA-256 of those in use, by name."""

    description: Any
    folder: Path
    files: dict[str, str]

    @property
    def input(self) -> Any:
        """The one input tensor's description."""
        return self.description.inputs[0]

    def output(self, stated: str | None) -> tuple[int, Any]:
        """Return the number and description of an output tensor: the one of that name or number, or the only one."""
        from sigmaraw.pipelines.model_files import chosen_output

        number = chosen_output(self.name, [str(tensor.id) for tensor in self.description.outputs], stated)
        return number, self.description.outputs[number]

    @property
    def name(self) -> str:
        """The model's name, on one line."""
        return " ".join(str(self.description.name).split())[:80]

    def file(self, described: Any, what: str) -> Path:
        """Return the path of a described file in the folder, after comparing its SHA-256.

        Raises
        ------
        InvalidModel
            It lies elsewhere: on a server, or outside the folder.
        InputNotFound, IntegrityError
            It is not there, or is another one.
        """
        source = " ".join(str(getattr(described.source, "path", described.source)).split())
        path = (self.folder / source).resolve()
        if "://" in source or not path.is_relative_to(self.folder.resolve()):
            raise InvalidModel(f"{what} of {self.name} at {source[:120]}", "a file in the package's folder", "download the whole package")
        if not path.is_file():
            raise InputNotFound(f"{path} does not exist", f"{what} of {self.name}", "download the whole package")
        digest = sha256_of_file(path)
        stated = None if described.sha256 is None else str(described.sha256)
        if stated is not None and digest != stated:
            raise IntegrityError(f"{path} has SHA-256 {digest}", f"{stated}, as the package states", "download the package anew")
        self.files[source] = digest
        return path

    def weights(self, stated: str | None) -> tuple[str, Path]:
        """Return which of the trusted kinds of weights is used, and its file.

        Raises
        ------
        InvalidModel
            The package has none of them, or not the one that was asked for.
        """
        held = {kind: entry for kind, entry in self.description.weights if entry is not None}
        trusted = [kind for kind in TRUSTED if kind in held]
        if not trusted or (stated is not None and stated not in held):
            raise InvalidModel(
                f"{self.name} has weights as {', '.join(held) or 'nothing'}",
                f"{stated or ' or '.join(TRUSTED)}: what needs code of the package, or is a pickle, is not run",
                "convert them (bioimageio.core does), or run the model from a function of your own",
            )
        kind = stated or next((kind for kind in trusted if kind != "onnx" or importlib.util.find_spec("onnxruntime")), trusted[0])
        external = getattr(held[kind], "external_data", None)
        if external is not None:
            self.file(external, "weights")
        return kind, self.file(held[kind], "weights")

    def test_tensor(self, tensor: Any, axes: Axes) -> NDArray[Any] | None:
        """Return a tensor's test array (channel, …), None where the package has none. Raises as `file`, and for what is no .npy."""
        if tensor.test_tensor is None:
            return None
        path = self.file(tensor.test_tensor, "the test tensor")
        try:
            array: NDArray[Any] = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            found = f"{path} cannot be read ({' '.join(str(error).split())[:120]})"
            raise InvalidModel(found, "an array in .npy without objects", "download the package anew") from error
        if array.ndim != len(axes.order):
            raise InvalidModel(f"{path} has {array.ndim} axes", f"{len(axes.order)}, {axes.order}", "download the package anew")
        whole: NDArray[Any] = axes.from_network(array)[0]
        return whole


def read_package(path: str) -> Package:
    """Return the model that a description file, or the folder with it, describes.

    Parameters
    ----------
    path : str
        rdf.yaml or bioimageio.yaml, or their folder.

    Returns
    -------
    Package
        With one input tensor.

    Raises
    ------
    MissingExtra
        bioimageio.spec is not installed.
    InputNotFound
        There is no such file.
    InvalidModel
        It is no valid description of a model with one input.
    """
    found = Path(path)
    if found.is_dir():
        found = next((found / name for name in ("rdf.yaml", "bioimageio.yaml") if (found / name).is_file()), found / "rdf.yaml")
    if not found.is_file():
        raise InputNotFound(f"{found} does not exist", "a package's rdf.yaml or bioimageio.yaml, or its folder", "check the path")
    if found.suffix.lower() not in (".yaml", ".yml"):
        raise InvalidModel(f"{found} is no description", "a package's rdf.yaml or bioimageio.yaml", "unpack the package and name that file")
    description = _described(found)
    if len(description.inputs) != 1:
        names = ", ".join(str(tensor.id) for tensor in description.inputs)
        raise InvalidModel(f"{found} describes the inputs {names}", "one input, an image", "run it from a function of your own")
    return Package(description, found.parent, {found.name: sha256_of_file(found)})


def _described(path: Path) -> Any:
    try:
        from bioimageio.spec import InvalidDescr, load_description
        from bioimageio.spec.model.v0_5 import ModelDescr
    except ModuleNotFoundError as error:
        raise extras.missing("pipeline 'bioimageio'", "bioimageio", "bioimageio.spec") from error
    from loguru import logger

    logger.disable("bioimageio.spec")  # what it would print, the refusal says
    try:
        # Without its checks of files, which would fetch what the description names from the network.
        described = load_description(path.resolve(), format_version="latest", perform_io_checks=False)
    except Exception as error:
        raise _invalid(path, str(error)) from error
    if isinstance(described, InvalidDescr):
        faults = [
            f"{'.'.join(map(str, fault.loc))}: {fault.msg}" for detail in described.validation_summary.details for fault in detail.errors
        ]
        raise _invalid(path, "; ".join(faults[:3]))
    if not isinstance(described, ModelDescr):
        raise _invalid(path, f"it describes a {type(described).__name__}")
    return described


def _invalid(path: Path, reason: str) -> InvalidModel:
    return InvalidModel(f"{path} is no valid bioimage.io model ({' '.join(reason.split())[:240]})", "a model's description", "correct it")


def axes_of(tensor: Any) -> Axes:
    """Return the order of a tensor's axes.

    Raises
    ------
    InvalidModel
        It has others than batch, channel, z, y and x.
    """
    names = [str(axis.id) for axis in tensor.axes]
    letters = [_LETTERS.get(name) for name in names]
    if None in letters or not {"y", "x"} <= set(letters):
        raise InvalidModel(
            f"tensor {tensor.id} has the axes {', '.join(names)}", "batch, channel, z, y, x", "run it from a function of your own"
        )
    return Axes("".join(letter for letter in letters if letter is not None))


def sizes_of(tensor: Any) -> tuple[tuple[int | None, ...], dict[str, tuple[int, int]]]:
    """Return an input's shape, None where any size is taken, and the least size and step of those that are parameterised, by axis."""
    shape: list[int | None] = []
    free: dict[str, tuple[int, int]] = {}
    for axis in tensor.axes:
        size = getattr(axis, "size", None)
        if str(axis.id) == "channel":
            shape.append(len(axis.channel_names))
        elif isinstance(size, int):
            shape.append(size)
        else:
            shape.append(None)
            least, step = getattr(size, "min", None), getattr(size, "step", None)
            if least is not None and step is not None:
                free[_LETTERS[str(axis.id)]] = (int(least), int(step))
    return tuple(shape), free
