"""What pipelines of torch networks have in common, and where they compute: on the CPU, or on a CUDA GPU.

On the CPU the steps are NumPy's, as in every pipeline. On a GPU they are those of `tensors`, for images from the host and for images
that JAX has drawn on the same GPU alike, so that a replica's numbers do not depend on the way it came; only the mask goes to the host.
"""

from __future__ import annotations

import abc
import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidModel, InvalidOption, NotIntegerData
from sigmaraw.frames.types import RawFrames
from sigmaraw.pipelines.inputs import check_many, one_frame
from sigmaraw.pipelines.measurements import measured, objects, soft_measurements
from sigmaraw.pipelines.network import NetworkPipeline
from sigmaraw.pipelines.threads import each

if TYPE_CHECKING:
    import torch

DEVICE = Parameter("device", str, "cpu", choices=("cpu", "cuda"), help="where the network computes; cuda: the GPU that torch has chosen")

# What torch raises on inputs that do not fit; anything else is a fault of this program and is shown as one.
_RUN_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, AssertionError)
_ONE_AT_A_TIME = threading.RLock()


def place_of(device: str) -> torch.device:
    """Return torch's device of that name. Raises InvalidOption where torch sees no such GPU."""
    import torch

    if device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        reason = "which sees no GPU" if torch.version.cuda or torch.version.hip else "which is built without CUDA"
        raise InvalidOption(f"device={device} with torch {torch.__version__}, {reason}", "a torch that sees a GPU", "leave device out")
    return torch.device("cuda", torch.cuda.current_device())


@contextlib.contextmanager
def exact(place: torch.device) -> Iterator[None]:
    """Within it a GPU convolves in float32 (not TF32), by the same algorithm each time; these settings are torch's, not a thread's."""
    import torch

    if place.type == "cpu":
        yield
        return
    cudnn: Any = torch.backends.cudnn
    # Newer torch refuses to read allow_tf32 where someone has set what replaces it; its own cudnn.flags() does read it.
    precision = (cudnn.conv, "fp32_precision", "ieee") if hasattr(cudnn, "conv") else (cudnn, "allow_tf32", False)
    settings = ((cudnn, "benchmark", False), (cudnn, "deterministic", True), precision)
    with _ONE_AT_A_TIME:
        before = [getattr(owner, name) for owner, name, _ in settings]
        try:
            for owner, name, value in settings:
                setattr(owner, name, value)
            yield
        finally:
            for (owner, name, _), value in zip(settings, before, strict=True):
                setattr(owner, name, value)


class TorchNetwork(NetworkPipeline):
    """A network that torch runs, and can take derivatives of. Implements contracts.OnDevice and contracts.Differentiable."""

    def __init__(self, spec: str, **settings: Any) -> None:
        self._place = place_of(settings.get("device", DEVICE.default))
        self._by_tensors = self._place.type != "cpu"
        super().__init__(spec, **settings)

    @abc.abstractmethod
    def _network_on(self, tile: torch.Tensor) -> torch.Tensor:
        """Return the network's output for one input (1, 1, y, x) or (1, y, x, 1), float32, as it comes."""

    @property
    def dlpack_device(self) -> tuple[int, int]:
        """Where the network computes, as DLPack names it."""
        import torch

        kind, index = torch.empty(0, device=self._place).__dlpack_device__()
        return int(kind), int(index)

    def batch(self, images: Any) -> dict[str, NDArray[np.float64]]:
        """Return per measurement a float64 array (image). images: (image, y, x) or (image, z, y, x), uint8 or uint16, DN.

        NumPy's, RawFrames, or any array on the network's own device that DLPack can hand over: its memory is read where it lies.

        Raises
        ------
        NotIntegerData, ColourImage, ShapeMismatch, InvalidOption
        """
        if isinstance(images, np.ndarray | RawFrames) or not hasattr(images, "__dlpack__"):
            return super().batch(images)
        import torch

        if tuple(images.__dlpack_device__()) != self.dlpack_device:
            raise InvalidOption(
                f"images on another device than {self._place}", "NumPy's arrays, or the same device", "take them to the host"
            )
        tensor = torch.from_dlpack(images)
        if tensor.dtype not in (torch.uint8, torch.uint16):
            raise NotIntegerData(f"images of {tensor.dtype}", "uint8 or uint16, DN", "give the camera's own integers")
        if not self._by_tensors:
            return super().batch(tensor.numpy())
        check_many(str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))
        return self._table(tensor)

    # --- on the CPU ---------------------------------------------------------------------------------------------------
    def _forward(self, tile: NDArray[np.float32]) -> NDArray[Any]:
        import torch

        with torch.inference_mode():
            output: NDArray[Any] = self._applied(torch.from_numpy(tile)).contiguous().numpy()
        return output

    def _applied(self, tile: torch.Tensor) -> torch.Tensor:
        """Return the network's output for one input, of batch 1, float32 where it is of floats; errors named."""
        import torch

        try:
            with exact(self._place):
                output = self._network_on(tile)
        except _RUN_ERRORS as error:
            raise failed(self._model_name(), "cannot be applied to", f"float32 {(self.fixed_batch, *tile.shape[1:])}", error) from error
        if not isinstance(output, torch.Tensor):
            found = f"model {self._model_name()} returned a {type(output).__name__}"
            raise InvalidModel(found, "one tensor", "export the model with its one output")
        return output[:1].to(torch.float32) if output.is_floating_point() else output[:1]

    # --- on a GPU -----------------------------------------------------------------------------------------------------
    def probability(self, plane: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the foreground map of one plane (y, x), uint8 or uint16, DN, in the unit that `post` gives."""
        if not self._by_tensors:
            return super().probability(plane)
        import torch

        with torch.inference_mode():
            found: NDArray[np.float32] = self._weight(self._levels(plane)).cpu().numpy()
        return found

    def _measure(self, image: Any) -> dict[str, float]:
        """Return the measurements of one image (y, x) or (z, y, x): NumPy's, or on a GPU a tensor that lies there."""
        if not self._by_tensors:
            return super()._measure(image)
        import torch

        if self.measures is not None:  # the network computes there, the measures on the host
            return super()._measure(image if isinstance(image, np.ndarray) else image.cpu().numpy())
        with torch.inference_mode():
            planes = image.reshape(-1, *image.shape[-2:])
            if self.keys["measure"] == "soft":
                return soft_measurements(*np.sum([self._soft_sums(self._levels(plane)) for plane in planes], axis=0).tolist())
            masks = [(self._weight(self._levels(plane)) > self.keys["threshold"]).cpu().numpy() for plane in planes]
            mask = np.stack(masks) if image.ndim == 3 else masks[0]
            kept, count = objects(mask, self.settings["min_size"], self.settings["connectivity"])
            inside = (torch.from_numpy(part).to(self._place) for part in kept.reshape(planes.shape))
            # Sums of whole numbers in float64 are exact, in whatever order a GPU takes them.
            total = sum(int((self._levels(plane) * part).sum()) for plane, part in zip(planes, inside, strict=True))
            return measured(count, int(np.count_nonzero(kept)), total)

    def _levels(self, plane: Any) -> torch.Tensor:
        """Return a plane (y, x), NumPy's or torch's, as float64 where the network computes, DN."""
        import torch

        if isinstance(plane, np.ndarray):
            plane = torch.from_numpy(np.require(plane, requirements="W"))  # torch warns of what it could not write to
        return plane.to(self._place).to(torch.float64)

    def _soft_sums(self, plane: torch.Tensor) -> tuple[float, float]:
        weight = self._weight(plane).double()
        return float(weight.sum()), float((weight * plane).sum())

    def _weight(self, plane: torch.Tensor) -> torch.Tensor:
        """Return the foreground map (y, x) of a plane float64, DN."""
        from sigmaraw.pipelines.tensors import foreground_map

        def network(tile: torch.Tensor) -> torch.Tensor:
            output = self._applied(self._input_of(tile).contiguous())
            maps: torch.Tensor = self._maps(output, tile.shape, output.is_floating_point(), lambda values: bool(values.isfinite().all()))
            return maps

        return foreground_map(network, plane, self.tiling(tuple(plane.shape)), self.keys["pre"], self.keys["post"], self.keys["channel"])

    # --- derivatives --------------------------------------------------------------------------------------------------
    def gradient(self, image: NDArray[np.integer]) -> dict[str, NDArray[np.floating]]:
        """Return derivatives of the soft measurements, (y, x) or (z, y, x) float64, their unit per DN; none of a mask's.

        A threshold has none: what is counted or summed inside a mask jumps as pixels enter it. None either where torch finds none.

        Raises
        ------
        NotIntegerData, ColourImage, ShapeMismatch
        """
        if self.keys["measure"] != "soft":
            return {}
        return each(self._gradient, [one_frame(image)])[0]

    def _gradient(self, image: NDArray[np.integer]) -> dict[str, NDArray[np.floating]]:
        from sigmaraw.pipelines.derivative import soft_gradients

        def one(tile: torch.Tensor) -> torch.Tensor:
            output = self._network_on(self._input_of(tile).contiguous())[0]
            return output.movedim(-1, 0) if self.keys["layout"] == "nhwc" else output

        try:
            with exact(self._place):
                return soft_gradients(one, image, self.tiling, self.keys["pre"], self.keys["post"], self.keys["channel"], self._place)
        except RuntimeError as error:
            if "derivative" in str(error):  # "derivative for … is not implemented": an operation that has none
                return {}
            raise failed(self._model_name(), "has no gradient at", f"an image {image.shape}", error) from error


def failed(model: str, how: str, what: str, error: Exception) -> InvalidModel:
    """Return the refusal of a model, with the last line of what torch said of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1][:160] if lines else type(error).__name__
    return InvalidModel(f"model {model} {how} {what} ({reason})", "a network from one grey image to one map", "check how it was exported")
