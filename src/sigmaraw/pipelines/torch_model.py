"""Torch networks: an exported program (.pt2), TorchScript (.pt), and the shipped demonstration U-Net.

A model file is code. It runs because the user named it, and for no other reason; a pickled module, which would run code
while it is being read, is refused.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidModel
from sigmaraw.files import sha256_of_file
from sigmaraw.pipelines.demo_weights import SHIPPED, verified
from sigmaraw.pipelines.measurements import CONNECTIVITY, MEASURE, PIXEL_SIZE, U_MODE, min_size
from sigmaraw.pipelines.network import NETWORK_PARAMETERS, THRESHOLD, fixed_size, model_file
from sigmaraw.pipelines.torch_network import DEVICE, TorchNetwork, failed

if TYPE_CHECKING:
    import torch

# What torch raises on files that do not fit; anything else is a fault of this program and is shown as one.
_LOAD_ERRORS = (RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError, EOFError, OSError, pickle.UnpicklingError)


class TorchPipeline(TorchNetwork):
    """A torch network from a file: exported program (.pt2, torch.export.save) or TorchScript (.pt).

    An exported program of fixed input size is applied in tiles of it; TorchScript states none, so give `window` where it
    needs one.
    """

    name = "torch"
    libraries = ("torch", "scipy", "numpy")
    parameters = (*NETWORK_PARAMETERS, DEVICE)

    def _load(self) -> None:
        path = model_file(self.settings["model"])
        self.sha256 = sha256_of_file(path)
        if _kind(path) == "torchscript":
            self._network = _load_torchscript(path, self._place)
        else:
            self._network, (self.fixed_batch, self.window) = _load_exported(path, self.settings["layout"], self._place)

    def _network_on(self, tile: torch.Tensor) -> torch.Tensor:
        import torch

        # Without optimisation: TorchScript's first runs are otherwise of another kind than its later ones.
        with torch.jit.optimized_execution(False):
            output: torch.Tensor = self._network(tile.repeat_interleave(self.fixed_batch, dim=0))
        return output


class DemoUNetPipeline(TorchNetwork):
    """The shipped demonstration U-Net for bright cells on a dark background, trained on virtual scenes.

    Weights are read from safetensors after their SHA-256 is compared with the training record beside them.
    """

    name = "unet-demo"
    libraries = ("torch", "safetensors", "scipy", "numpy")
    set_keys: ClassVar[dict[str, Any]] = {"pre": "zscore", "post": "sigmoid", "multiple": 16, "layout": "nchw"}  # as it was trained
    parameters = (
        MEASURE,
        THRESHOLD,
        min_size(20),
        CONNECTIVITY,
        Parameter("weights", str, None, help="safetensors with training record from 02_train_demo_model.py; default: the shipped one"),
        U_MODE,
        DEVICE,
        PIXEL_SIZE,
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
            raise failed(str(path), "does not fit", "the demonstration U-Net", error) from error
        self._network = network.eval().to(self._place, memory_format=torch.channels_last)

    def _network_on(self, tile: torch.Tensor) -> torch.Tensor:
        import torch

        output: torch.Tensor = self._network(tile.to(memory_format=torch.channels_last))
        return output


def _kind(path: Path) -> str:
    """Return "torchscript" or "exported" by what the file holds, whatever its suffix.

    Raises
    ------
    InvalidModel
        Neither; a pickled module or weights alone are named as such.
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
        raise failed(str(path), "cannot be read as", "a zip archive", error) from error


def _starts_with_pickle(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(2)
    return len(start) == 2 and start[0] == 0x80 and start[1] <= pickle.HIGHEST_PROTOCOL


def _load_torchscript(path: Path, place: torch.device) -> Any:
    import torch

    try:
        with warnings.catch_warnings():
            # torch deprecates TorchScript; models in it exist all the same, and their users cannot act on that here.
            warnings.filterwarnings("ignore", message=".*torch.jit.*", category=DeprecationWarning)
            return torch.jit.load(str(path), map_location=place).eval()
    except _LOAD_ERRORS as error:
        raise failed(str(path), "cannot be loaded as", "TorchScript", error) from error


def _load_exported(path: Path, layout: str, place: torch.device) -> tuple[torch.fx.GraphModule, tuple[int, tuple[int, int] | None]]:
    """Return the module with its batch size and its input size (y, x), None where that is free."""
    import torch
    from torch.export.passes import move_to_device_pass

    try:
        program = torch.export.load(str(path))
        if place.type != "cpu":
            program = move_to_device_pass(program, place)
        module = program.module()
        names = set(program.graph_signature.user_inputs)
        inputs = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    except _LOAD_ERRORS as error:
        raise failed(str(path), "cannot be loaded as", "an exported program", error) from error
    if len(inputs) != 1 or inputs[0].ndim != 4:
        raise InvalidModel(f"{path} takes {len(inputs)} inputs", "one input of four axes: batch, channel, y, x", "export it so")
    return module, fixed_size(str(path), tuple(side if isinstance(side, int) else None for side in inputs[0].shape), layout)
