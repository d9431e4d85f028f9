"""ONNX networks by onnxruntime, an optional package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw import extras
from sigmaraw.errors import InvalidModel
from sigmaraw.files import sha256_of_file
from sigmaraw.pipelines.network import NetworkPipeline, fixed_size, model_file
from sigmaraw.pipelines.threads import THREADS_PER_IMAGE

# Bytes of ONNX's own encoding: the key "location" of weights that lie elsewhere, and the attribute training_mode = 1.
_EXTERNAL = re.compile(rb"\x0a\x08location\x12(.)", re.DOTALL)
_TRAINING = b"\x0a\x0dtraining_mode\x18\x01"


class OnnxPipeline(NetworkPipeline):
    """A network from an ONNX file, run by onnxruntime on the CPU; a fixed input size is read from the model.

    The weights must lie in the file itself, so that its SHA-256 stands for the whole model.
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
        self.sha256 = sha256_of_file(path)
        content = path.read_bytes()
        _refuse_as_exported(path, content)
        try:
            # From bytes: a file given by name could pull in others that nobody has hashed.
            self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except _errors() as error:
            raise _failed(str(path), "cannot be loaded", error) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type != "tensor(float)":
            kinds = ", ".join(f"{entry.type} of {len(entry.shape)} axes" for entry in inputs)
            found = f"model {path} takes {kinds} and returns {len(outputs)} outputs"
            raise InvalidModel(found, "one float32 input of four axes and one output", "export the model so")
        self._input = inputs[0].name
        shape = tuple(side if isinstance(side, int) and side > 0 else None for side in inputs[0].shape)
        self.fixed_batch, self.window = fixed_size(str(path), shape, self.settings["layout"])

    def _forward(self, tile: NDArray[np.float32]) -> NDArray[Any]:
        try:
            (output,) = self._session.run(None, {self._input: np.repeat(tile, self.fixed_batch, axis=0)})
        except _errors() as error:
            raise _failed(self._model_name(), f"cannot be applied to float32 {tile.shape}", error) from error
        return output[:1] if isinstance(output, np.ndarray) and output.ndim else output


def _refuse_as_exported(path: Path, content: bytes) -> None:
    """Refuse a file without its weights, or in training mode, by what its bytes say; nothing of it is parsed."""
    beside = _EXTERNAL.search(content)
    if beside is not None:
        name = content[beside.end() : beside.end() + beside[1][0]].decode("utf-8", "replace")[:80]
        raise InvalidModel(
            f"the weights of model {path} lie in another file, {' '.join(name.split())}",
            "one file with weights inside",
            "export it with external_data=False, or save it again with onnx.save(onnx.load(…), …)",
        )
    if _TRAINING in content:
        raise InvalidModel(f"model {path} was exported in training mode", "evaluation mode", "export it after model.eval()")


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
