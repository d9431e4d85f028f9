"""ONNX networks by onnxruntime, an optional package."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import extras
from sigmaraw.errors import InvalidModel
from sigmaraw.files import sha256_of_file
from sigmaraw.pipelines.model_files import chosen_output, model_file
from sigmaraw.pipelines.network import NetworkPipeline
from sigmaraw.pipelines.threads import THREADS_PER_IMAGE

# Bytes of ONNX's own encoding: the key "location" of weights that lie elsewhere, with the length of its value, and training_mode = 1.
_EXTERNAL = re.compile(rb"\x0a\x08location\x12([\x80-\xff][\x01-\x7f]|[\x00-\x7f])", re.DOTALL)
_TYPES: dict[str, type[np.floating]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
_TRAINING = b"\x0a\x0dtraining_mode\x18\x01"


class OnnxPipeline(NetworkPipeline):
    """A network from an ONNX file, run by onnxruntime on the CPU; a fixed input size is read from the model.

    Weights in files of their own must lie in the model's folder. They are read and hashed here, and onnxruntime opens no file: the
    SHA-256 stands for the whole model.
    """

    name = "onnx"
    libraries = ("onnxruntime", "scipy", "numpy")

    def _load(self) -> None:
        path = model_file(self.settings["model"])
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = THREADS_PER_IMAGE
        options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        options.log_severity_level = 4
        runtime.set_default_logger_severity(4)  # what it would print, the refusal says
        content = path.read_bytes()
        if _TRAINING in content:
            raise InvalidModel(f"model {path} was exported in training mode", "evaluation mode", "export it after model.eval()")
        beside = _weights_beside(path, content)
        self.sha256 = sha256_of_file(path)
        if beside:
            self.model_files = {path.name: self.sha256} | {name: hashlib.sha256(data).hexdigest() for name, data in beside.items()}
            listed = "".join(f"{digest}  {name}\n" for name, digest in self.model_files.items())
            self.sha256 = hashlib.sha256(listed.encode()).hexdigest()
            options.add_external_initializers_from_files_in_memory(list(beside), list(beside.values()), [len(v) for v in beside.values()])
        try:
            # From bytes: a file given by name could pull in others that nobody has hashed.
            self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except _errors() as error:
            raise _failed(str(path), "cannot be loaded", error) from error
        inputs = list(self._session.get_inputs())
        if len(inputs) != 1 or inputs[0].type not in _TYPES:
            kinds = ", ".join(f"{entry.name} ({entry.type})" for entry in inputs)
            raise InvalidModel(f"model {path} takes {kinds}", "one input of floats, an image", "export the model so")
        self._input, self._type = inputs[0].name, _TYPES[inputs[0].type]
        self.input_shape = tuple(side if isinstance(side, int) and side > 0 else None for side in inputs[0].shape)
        names = [entry.name for entry in self._session.get_outputs()]
        self._output = names[chosen_output(str(path), names, self.settings["output"])]
        self.keys["output"] = self._output

    def _forward(self, tiles: NDArray[np.float32]) -> NDArray[Any]:
        try:
            (output,) = self._session.run([self._output], {self._input: tiles.astype(self._type, copy=False)})
        except _errors() as error:
            raise _failed(self._model_name(), f"cannot be applied to {self._type.__name__} {tiles.shape}", error) from error
        return output


def _weights_beside(path: Path, content: bytes) -> dict[str, bytes]:
    """Return the files with weights that a model names, by name; nothing of the model is parsed.

    Raises
    ------
    InvalidModel
        One lies outside the model's folder, or is not there.
    """
    found: dict[str, bytes] = {}
    for match in _EXTERNAL.finditer(content):
        length = match[1][0] if len(match[1]) == 1 else (match[1][0] & 0x7F) | match[1][1] << 7
        name = content[match.end() : match.end() + length].decode("utf-8", "replace")
        if name in found:
            continue
        shown = " ".join(name.split())[:80]
        folder = path.parent.resolve()
        file = (folder / name).resolve()
        if not file.is_relative_to(folder) or "\0" in name:
            raise InvalidModel(
                f"the weights of model {path} lie in another folder, {shown}", "files beside the model", "export it again, or inspect it"
            )
        if not file.is_file():
            raise InvalidModel(
                f"the weights of model {path} lie in another file, {shown}, which is not there",
                "that file beside the model",
                "copy both, or save one file with onnx.save(onnx.load(…), …)",
            )
        found[name] = file.read_bytes()
    return found


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise extras.missing("pipeline 'onnx'", "onnx", "onnxruntime") from error
    return onnxruntime


def _errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: its classes share no base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    kinds = (entry for entry in vars(state).values() if isinstance(entry, type) and issubclass(entry, Exception))
    return (RuntimeError, ValueError, *kinds)


def _failed(model: str, what: str, error: Exception) -> InvalidModel:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return InvalidModel(f"model {model} {what} ({reason})", "an ONNX network from one grey image to one map", "check how it was exported")
