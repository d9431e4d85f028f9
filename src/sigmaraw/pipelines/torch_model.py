"""Torch networks: an exported program (.pt2), TorchScript (.pt), and the shipped demonstration U-Net.

A model file is code. It runs because the user named it, and for no other reason; a pickled module, which would run code
while it is being read, is refused.
"""

from __future__ import annotations

import abc
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidModel
from sigmaraw.files import sha256_of_file
from sigmaraw.pipelines.demo_weights import SHIPPED, verified
from sigmaraw.pipelines.door import one_frame
from sigmaraw.pipelines.measurements import CONNECTIVITY, MEASURE, min_size
from sigmaraw.pipelines.network import THRESHOLD, U_MODE, NetworkPipeline, fixed_size, model_file
from sigmaraw.pipelines.threads import each

if TYPE_CHECKING:
    import torch

# What torch raises on files and inputs that do not fit; anything else is a fault of this program and is shown as one.
_LOAD_ERRORS = (RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError, EOFError, OSError, pickle.UnpicklingError)
_RUN_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, AssertionError)


class _TorchNetwork(NetworkPipeline):
    """A network that torch runs, and can take derivatives of."""

    @abc.abstractmethod
    def _network_on(self, tile: torch.Tensor) -> torch.Tensor:
        """Return the network's output for one input (1, 1, y, x) or (1, y, x, 1), float32, as it comes."""

    def gradient(self, image: NDArray[np.integer]) -> dict[str, NDArray[np.floating]]:
        """Return derivatives of the soft measurements, (y, x) or (z, y, x) float64, their unit per DN; none of a mask's.

        A threshold has none: what is counted or summed inside a mask jumps as pixels enter it. None either where torch finds none.

        Raises
        ------
        NotIntegerData, ColourImage, ShapeMismatch
        """
        if self.keys["measure"] == "mask":
            return {}
        return each(self._gradient, [one_frame(image)])[0]

    def _gradient(self, image: NDArray[np.integer]) -> dict[str, NDArray[np.floating]]:
        from sigmaraw.pipelines.derivative import soft_gradients

        def one(tile: torch.Tensor) -> torch.Tensor:
            last = self.keys["layout"] == "nhwc"
            output = self._network_on((tile[None, :, :, None] if last else tile[None, None]).contiguous())[0]
            return output.movedim(-1, 0) if last else output

        try:
            return soft_gradients(one, image, self.tiling, self.keys["pre"], self.keys["post"], self.keys["channel"])
        except RuntimeError as error:
            if "derivative" in str(error):  # "derivative for … is not implemented": an operation that has none
                return {}
            raise _failed(self._model_name(), "has no gradient at", f"an image {image.shape}", error) from error


class TorchPipeline(_TorchNetwork):
    """A torch network from a file: exported program (.pt2, torch.export.save) or TorchScript (.pt).

    An exported program of fixed input size is applied in tiles of it; TorchScript states none, so give `window` where it
    needs one.
    """

    name = "torch"
    libraries = ("torch", "scipy", "numpy")

    def _load(self) -> None:
        path = model_file(self.settings["model"])
        self.sha256 = sha256_of_file(path)
        if _kind(path) == "torchscript":
            self._network = _load_torchscript(path)
        else:
            self._network, (self.fixed_batch, self.window) = _load_exported(path, self.settings["layout"])

    def _forward(self, tile: NDArray[np.float32]) -> NDArray[Any]:
        import torch

        try:
            with torch.inference_mode():
                output = self._network_on(torch.from_numpy(tile))
        except _RUN_ERRORS as error:
            shape = (self.fixed_batch, *tile.shape[1:])
            raise _failed(self._model_name(), "cannot be applied to", f"float32 {shape}", error) from error
        if not isinstance(output, torch.Tensor):
            found = f"model {self._model_name()} returned a {type(output).__name__}"
            raise InvalidModel(found, "one tensor", "export the model with its one output")
        return output[:1].to(torch.float32).numpy() if output.is_floating_point() else output[:1].numpy()

    def _network_on(self, tile: torch.Tensor) -> torch.Tensor:
        import torch

        # Without optimisation: TorchScript's first runs are otherwise of another kind than its later ones.
        with torch.jit.optimized_execution(False):
            output: torch.Tensor = self._network(tile.repeat_interleave(self.fixed_batch, dim=0))
        return output


class DemoUNetPipeline(_TorchNetwork):
    """The shipped demonstration U-Net for bright cells on a dark background, trained on virtual scenes.

    Weights are read from safetensors after their SHA-256 is compared with the training record beside them.
    """

    name = "unet-demo"
    libraries = ("torch", "safetensors", "scipy", "numpy")
    fixed: ClassVar[dict[str, Any]] = {"pre": "zscore", "post": "sigmoid", "multiple": 16, "layout": "nchw"}  # as it was trained
    parameters = (
        MEASURE,
        THRESHOLD,
        min_size(20),
        CONNECTIVITY,
        Parameter("weights", str, None, help="safetensors with training record from 02_train_demo_model.py; default: the shipped one"),
        U_MODE,
    )

    def __init__(self, spec: str = "unet-demo", **settings: Any) -> None:
        super().__init__(spec, **settings)

    def _studied(self) -> bool:
        return self.settings["weights"] is None

    def _load(self) -> None:
        import safetensors.torch
        import torch
        from safetensors import SafetensorError

        from sigmaraw.pipelines.unet import DemoUNet

        given = self.settings["weights"]
        path = SHIPPED if given is None else model_file(given)
        self.sha256 = verified(path)
        network = DemoUNet()
        try:
            network.load_state_dict(safetensors.torch.load_file(path))
        except (SafetensorError, RuntimeError) as error:
            raise _failed(str(path), "does not fit", "the demonstration U-Net", error) from error
        self._network = network.eval().to(memory_format=torch.channels_last)

    def _forward(self, tile: NDArray[np.float32]) -> NDArray[Any]:
        import torch

        with torch.inference_mode():
            return self._network_on(torch.from_numpy(tile)).contiguous().numpy()

    def _network_on(self, tile: torch.Tensor) -> torch.Tensor:
        import torch

        output: torch.Tensor = self._network(tile.to(memory_format=torch.channels_last))
        return output


def _failed(model: str, how: str, what: str, error: Exception) -> InvalidModel:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1][:160] if lines else type(error).__name__
    return InvalidModel(f"model {model} {how} {what} ({reason})", "a network from one grey image to one map", "check how it was exported")


def _kind(path: Path) -> str:
    """Return "torchscript" or "exported" by what the file holds, whatever its suffix.

    Raises
    ------
    InvalidModel : neither; a pickled module or weights alone are named as such.
    """
    expected = "an exported program (.pt2) or TorchScript (.pt)"
    names = _members(path)
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner and any(name.startswith("code/") for name in inner):
        return "torchscript"
    if inner & {"archive_format", "models/model.json"} or "serialized_exported_program.json" in names:
        return "exported"
    if "data.pkl" in inner or _starts_with_pickle(path):
        raise InvalidModel(
            f"{path} is a pickle: reading it could run any code, and weights alone are no network",
            expected,
            "save it with torch.export.save",
        )
    raise InvalidModel(f"{path} is not a torch model", expected, "save the network with torch.export.save")


def _members(path: Path) -> list[str]:
    if not zipfile.is_zipfile(path):
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _failed(str(path), "cannot be read as", "a zip archive", error) from error


def _starts_with_pickle(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(2)
    return len(start) == 2 and start[0] == 0x80 and start[1] <= pickle.HIGHEST_PROTOCOL


def _load_torchscript(path: Path) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            # torch deprecates TorchScript; models in it exist all the same, and their users cannot act on that here.
            warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
            return torch.jit.load(str(path), map_location="cpu").eval()
    except _LOAD_ERRORS as error:
        raise _failed(str(path), "cannot be loaded as", "TorchScript", error) from error


def _load_exported(path: Path, layout: str) -> tuple[torch.fx.GraphModule, tuple[int, tuple[int, int] | None]]:
    """Return the module with its batch size and its input size (y, x), None where that is free."""
    import torch

    try:
        program = torch.export.load(str(path))
        module = program.module()
        names = set(program.graph_signature.user_inputs)
        inputs = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    except _LOAD_ERRORS as error:
        raise _failed(str(path), "cannot be loaded as", "an exported program", error) from error
    if len(inputs) != 1 or inputs[0].ndim != 4:
        raise InvalidModel(f"{path} takes {len(inputs)} inputs", "one input of four axes: batch, channel, y, x", "export it so")
    return module, fixed_size(str(path), tuple(side if isinstance(side, int) else None for side in inputs[0].shape), layout)
