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
from sigmaraw.pipelines.model_files import model_file
from sigmaraw.pipelines.network_keys import BATCH, NETWORK_PARAMETERS, THRESHOLD
from sigmaraw.pipelines.torch_network import DEVICE, PRECISION, TorchNetwork, failed

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
    parameters = (*NETWORK_PARAMETERS, DEVICE, PRECISION)

    def _load(self) -> None:
        path = model_file(self.settings["model"])
        self.sha256 = sha256_of_file(path)
        if _kind(path) == "torchscript":
            self._network = _load_torchscript(path, self._place)
            self._dtype = _float_type(self._network)
        else:
            self._network, self.input_shape, self._dtype = _load_exported(path, self._place)

    def _usual_rank(self) -> int:
        """Return 5 for TorchScript with a kernel of five axes, which is a convolution of volumes, else 4."""
        return 5 if any(value.ndim == 5 for value in self._network.parameters()) else 4

    def _network_on(self, tiles: torch.Tensor) -> Any:
        import torch

        # Without optimisation: TorchScript's first runs are otherwise of another kind than its later ones.
        with torch.jit.optimized_execution(False):
            return self._network(tiles.to(self._dtype))


class DemoUNetPipeline(TorchNetwork):
    """The shipped demonstration U-Net for bright cells on a dark background, trained on virtual scenes.

    Weights are read from safetensors after their SHA-256 is compared with the training record beside them.
    """

    name = "unet-demo"
    libraries = ("torch", "safetensors", "scipy", "numpy")
    set_keys: ClassVar[dict[str, Any]] = {  # as it was trained
        "pre": "zscore",
        "post": "sigmoid",
        "multiple": 16,
        "input": "grey",
        "plane": 0,
        "axes": "bcyx",
        "layout": "nchw",
    }
    parameters = (
        MEASURE,
        THRESHOLD,
        min_size(20),
        CONNECTIVITY,
        Parameter(
            "weights", str, None, file=True, help="safetensors with training record from 02_train_demo_model.py; default: the shipped one"
        ),
        U_MODE,
        BATCH,
        DEVICE,
        PRECISION,
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

    def _network_on(self, tiles: torch.Tensor) -> Any:
        import torch

        return self._network(tiles.to(memory_format=torch.channels_last))


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


def _float_type(network: Any) -> torch.dtype:
    """Return the type of the network's weights, which its input must have too; float32 where it has none."""
    import torch

    found: set[torch.dtype] = {value.dtype for value in network.parameters() if value.is_floating_point()}
    return found.pop() if len(found) == 1 else torch.float32


def _load_exported(path: Path, place: torch.device) -> tuple[torch.fx.GraphModule, tuple[int | None, ...], torch.dtype]:
    """Return the module with its input's shape, in which None stands for any size, and type."""
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
    if len(inputs) != 1 or not isinstance(inputs[0], torch.Tensor) or not inputs[0].is_floating_point():
        raise InvalidModel(f"{path} takes {len(inputs)} inputs", "one input, an image of floats", "export it so")
    return module, tuple(side if isinstance(side, int) else None for side in inputs[0].shape), inputs[0].dtype
