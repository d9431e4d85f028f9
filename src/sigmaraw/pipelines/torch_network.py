"""What pipelines of torch networks have in common, and where they compute: on the CPU, or on a CUDA GPU.

On the CPU the steps are NumPy's, as in every pipeline. On a GPU they are those of `tensors`, for images from the host and for images
that JAX has drawn on the same GPU alike, so that a replica's numbers do not depend on the way it came; only the mask goes to the host.
"""

from __future__ import annotations

import abc
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidModel, InvalidOption, NotIntegerData
from sigmaraw.frames.types import RawFrames
from sigmaraw.pipelines.axes import output_axes
from sigmaraw.pipelines.inputs import check_many, one_frame
from sigmaraw.pipelines.measurements import measured, objects, soft_measurements
from sigmaraw.pipelines.network import NetworkPipeline, batches
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
    def _network_on(self, tiles: torch.Tensor) -> Any:
        """Return what the network gives for a batch of tiles in its own order of axes, float32, as it comes."""

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
    def _forward(self, tiles: NDArray[np.float32]) -> NDArray[Any]:
        import torch

        with torch.inference_mode():
            output: NDArray[Any] = self._applied(torch.from_numpy(tiles).to(self._place)).contiguous().cpu().numpy()
        return output

    def _applied(self, tiles: torch.Tensor) -> torch.Tensor:
        """Return the network's chosen output for one batch, float32 where it is of floats; errors named."""
        import torch

        try:
            with exact(self._place):
                outputs = self._network_on(tiles)
        except (
            *_RUN_ERRORS,
            torch.jit.Error,
        ) as error:  # the last: what TorchScript raises itself
            raise failed(self._model_name(), "cannot be applied to", f"float32 {tuple(tiles.shape)}", error) from error
        output = self._chosen(outputs)
        if not isinstance(output, torch.Tensor):
            found = f"model {self._model_name()} returned a {type(output).__name__}"
            raise InvalidModel(found, "one tensor", "export the model with its one output")
        return output.to(torch.float32) if output.is_floating_point() else output

    # --- on a GPU -----------------------------------------------------------------------------------------------------
    def probability(self, unit: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the foreground map of what the network sees at once, DN, in the unit that `post` gives."""
        if not self._by_tensors:
            return super().probability(unit)
        import torch

        with torch.inference_mode():
            found: NDArray[np.float32] = self._weight(self._levels(unit)).cpu().numpy()
        return found

    def _measure(self, image: Any) -> dict[str, float]:
        """Return the measurements of one image (y, x) or (z, y, x): NumPy's, or on a GPU a tensor that lies there."""
        if not self._by_tensors:
            return super()._measure(image)
        import torch

        if self.measures is not None:  # the network computes there, the measures on the host
            return super()._measure(image if isinstance(image, np.ndarray) else image.cpu().numpy())
        with torch.inference_mode():
            units = self.units(image)
            if self.keys["measure"] == "soft":
                return soft_measurements(*np.sum([self._soft_sums(self._levels(unit)) for unit in units], axis=0).tolist())
            pixels = self.measured_pixels(image)
            masks = [(self._weight(self._levels(unit)) > self.keys["threshold"]).cpu().numpy() for unit in units]
            kept, count = objects(np.stack(masks).reshape(pixels.shape), self.settings["min_size"], self.settings["connectivity"])
            inside = torch.from_numpy(kept).to(self._place)
            # Sums of whole numbers in float64 are exact, in whatever order a GPU takes them.
            total = int((self._levels(pixels) * inside).sum())
            return measured(count, int(np.count_nonzero(kept)), total)

    def _levels(self, unit: Any) -> torch.Tensor:
        """Return an image, NumPy's or torch's, as float64 where the network computes, DN."""
        import torch

        if isinstance(unit, np.ndarray):
            unit = torch.from_numpy(np.require(unit, requirements="W"))  # torch warns of what it could not write to
        return unit.to(self._place).to(torch.float64)

    def _soft_sums(self, unit: torch.Tensor) -> tuple[float, float]:
        weight = self._weight(unit).double()
        return float(weight.sum()), float((weight * self.measured_pixels(unit)).sum())

    def _weight(self, unit: torch.Tensor) -> torch.Tensor:
        """Return the foreground map of what the network sees at once, float64, DN."""
        return self._map_by(lambda batch: self._maps(self._applied(self.axes.to_network(batch).contiguous()), tuple(batch.shape)), unit)

    def _map_by(self, network: Callable[[torch.Tensor], torch.Tensor], unit: torch.Tensor) -> torch.Tensor:
        """Return the foreground map of a unit by a function of one batch (tile, channel, …) → (tile, channel, …)."""
        import torch

        from sigmaraw.pipelines.tensors import foreground_map

        def tiles_by(tiles: torch.Tensor) -> torch.Tensor:
            return torch.cat([network(batch)[:count] for batch, count in batches(tiles, self.fixed_batch)])

        keys, planes = self.keys, self.keys["input"] == "planes"
        repeat = (self.in_channels or 1) if keys["input"] == "repeat" else 1
        tiling = self.tiling(tuple(self.measured_pixels(unit).shape))
        return foreground_map(tiles_by, unit if planes else unit[None], tiling, keys["pre"], keys["post"], keys["channel"], repeat)

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

        def one(batch: torch.Tensor) -> torch.Tensor:
            output = self._chosen(self._network_on(self.axes.to_network(batch).contiguous()))
            order = output_axes(self._model_name(), self.axes, self.keys["out_axes"], tuple(output.shape))
            maps: torch.Tensor = order.from_network(output)
            return maps

        try:
            with exact(self._place):
                found = soft_gradients(self.units(image), lambda unit: self._map_by(one, unit), self.measured_pixels, self._place)
        except RuntimeError as error:
            if "derivative" in str(error):  # "derivative for … is not implemented": an operation that has none
                return {}
            raise failed(self._model_name(), "has no gradient at", f"an image {image.shape}", error) from error
        return {name: values.reshape(image.shape) for name, values in found.items()}


def failed(model: str, how: str, what: str, error: Exception) -> InvalidModel:
    """Return the refusal of a model, with the last line of what torch said of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1][:160] if lines else type(error).__name__
    return InvalidModel(f"model {model} {how} {what} ({reason})", "a network from one grey image to one map", "check how it was exported")
