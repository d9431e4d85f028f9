"""What pipelines of torch networks have in common, and where they compute: on the CPU, or on a CUDA GPU.

On the CPU the steps are NumPy's, as in every pipeline. On a GPU they are those of `tensors`, for images from the host and for images
that JAX has drawn on the same GPU alike, so that a replica's numbers do not depend on the way it came; only the mask goes to the host.
"""

from __future__ import annotations

import abc
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter, Pipeline
from sigmaraw.errors import InvalidModel, InvalidOption, NotIntegerData
from sigmaraw.frames.types import RawFrames
from sigmaraw.pipelines.axes import output_axes
from sigmaraw.pipelines.base import columns
from sigmaraw.pipelines.batching import SIZES, batches, probe_tiles
from sigmaraw.pipelines.inputs import check_many, one_frame
from sigmaraw.pipelines.measurements import soft_measurements
from sigmaraw.pipelines.network import NetworkPipeline
from sigmaraw.pipelines.threads import cancel, each, submit

if TYPE_CHECKING:
    import torch

DEVICE = Parameter("device", str, "cpu", choices=("cpu", "cuda"), help="where the network computes; cuda: the GPU that torch has chosen")

PRECISION = Parameter(
    "precision",
    str,
    "float32",
    choices=("float32", "tf32", "bf16"),
    help="arithmetic of the network: float32 as IEEE has it, or faster; what that changes in answers is measured and counted into u",
)

# What torch raises on inputs that do not fit; anything else is a fault of this program and is shown as one.
_RUN_ERRORS = (RuntimeError, ValueError, TypeError, IndexError, AssertionError)
_ONE_AT_A_TIME = threading.RLock()
_GROUPS_ON_DEVICE = 2  # asked of a GPU before the first of them is waited for
_CALLS_SIDE_BY_SIDE = 3  # of `batch`: one on its way to the GPU, one there, one labelled
_LEVEL_BYTES, _ALIGNED_BYTES = 8, 512  # of a pixel's level; torch's memory on a GPU begins at multiples of so many
_LARGEST_ON_DEVICE_PX = 1 << 22  # of a tile, all channels together: larger ones fill a GPU by themselves


def place_of(device: str) -> torch.device:
    """Return torch's device of that name. Raises InvalidOption where torch sees no such GPU."""
    import torch

    if device == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        reason = "which sees no GPU" if torch.version.cuda or torch.version.hip else "which is built without CUDA"
        raise InvalidOption(f"device={device} with torch {torch.__version__}, {reason}", "a torch that sees a GPU", "leave device out")
    return torch.device("cuda", torch.cuda.current_device())


def check_precision(precision: str, place: torch.device) -> None:
    """Refuse a precision that the device does not have. Raises InvalidOption."""
    if precision == "tf32" and place.type == "cpu":
        raise InvalidOption(
            "precision=tf32 on the CPU", "a GPU, which alone has this arithmetic", "add device=cuda, or leave precision out"
        )


@contextlib.contextmanager
def arithmetic(place: torch.device, precision: str = "float32") -> Iterator[None]:
    """Within it torch computes in that precision; on a GPU by the same algorithm each time.

    A GPU's settings are torch's, not a thread's: what computes there is one thread after the other.
    """
    import torch

    lower = torch.autocast(place.type, torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()
    if place.type == "cpu":
        with lower:
            yield
        return
    cudnn: Any = torch.backends.cudnn
    # Newer torch refuses to read allow_tf32 where someone has set what replaces it; its own cudnn.flags() does read it.
    tf32 = precision == "tf32"
    stated = (cudnn.conv, "fp32_precision", "tf32" if tf32 else "ieee") if hasattr(cudnn, "conv") else (cudnn, "allow_tf32", tf32)
    settings = ((cudnn, "benchmark", False), (cudnn, "deterministic", True), stated)
    with _ONE_AT_A_TIME, lower:
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
        self._precision = str(settings.get("precision", PRECISION.default))
        check_precision(self._precision, self._place)
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

    @property
    def calls_side_by_side(self) -> int:
        """How many calls of `batch` may be under way at once, each from a thread of its own: on a GPU several, which keep it busy."""
        return _CALLS_SIDE_BY_SIDE if self._by_tensors else 1

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
            with arithmetic(self._place, self._precision):
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

    def in_float32(self) -> Pipeline | None:
        """Return this pipeline in float32, with which answers of a lower precision are compared; None where it is so itself."""
        if self._precision == "float32":
            return None
        return self._with(precision="float32")

    # --- on a GPU -----------------------------------------------------------------------------------------------------
    def __call__(self, raw: Any) -> dict[str, float]:
        """Return the measurements of one image; as `SegmentationPipeline.__call__`."""
        return self._rows([one_frame(raw)])[0] if self._by_tensors else super().__call__(raw)

    def _measure(self, image: NDArray[np.integer]) -> dict[str, float]:
        return self._rows([image])[0] if self._by_tensors else super()._measure(image)

    def probability(self, unit: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the foreground map of what the network sees at once, DN, in the unit that `post` gives."""
        if not self._by_tensors:
            return super().probability(unit)
        found: NDArray[np.float32] = submit("device", lambda: self._weights([self._levels(unit)])[0].cpu().numpy(), threads=1).result()
        return found

    def _mask(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        if not self._by_tensors:
            return super()._mask(image)
        maps = [self.probability(unit) for unit in self.units(image)]
        return np.stack([found > self.keys["threshold"] for found in maps]).reshape(self.measured_pixels(image).shape)

    def _table(self, images: Iterable[Any]) -> dict[str, NDArray[np.float64]]:
        import torch

        if not self._by_tensors:
            return super()._table(images)
        rows = self._rows(images if isinstance(images, torch.Tensor) else list(images))
        return columns(self.measurements, rows)  # which the first call of a function may set

    def _rows(self, images: Any) -> list[dict[str, float]]:
        """Return the measurements of images of one shape: NumPy's, or tensors that lie on the GPU.

        One lasting thread speaks with the GPU, whose plans belong to a thread, and never waits for it: the caller's does. So the GPU has
        the next group of images before it is done with this one, and masks are labelled in threads meanwhile.
        """
        together = submit("device", self._images_together, images, threads=1).result()
        groups = [images[first : first + together] for first in range(0, len(images), together)]
        rows: list[Any] = []
        sent: deque[Future[_OnTheWay]] = deque()
        try:
            for group in groups:
                sent.append(submit("device", self._sent, group, threads=1))
                if len(sent) > _GROUPS_ON_DEVICE:
                    rows += self._arrived(sent.popleft().result())
            while sent:
                rows += self._arrived(sent.popleft().result())
        finally:
            cancel(sent)
        return [row if isinstance(row, dict) else row.result() for row in rows]

    def _sent(self, images: Any) -> _OnTheWay:
        """Return what is computed of some images, on its way to the host: the call does not wait for the GPU."""
        import torch

        with torch.inference_mode():
            return self._asked_of(images)

    def _asked_of(self, images: Any) -> _OnTheWay:
        import torch

        flags: list[torch.Tensor] = []
        levels = self._levels_together(images)
        try:
            maps = self._weights([unit for of_image in levels for unit in of_image], flags)
        except InvalidModel:
            if flags:  # maps that are not finite are named first, as on the CPU
                self._require_finite(bool(torch.stack(flags).all()))
            raise
        finite = torch.stack(flags).all()
        if self.keys["measure"] == "soft":
            weights = [weight.double() for weight in maps]
            pixels = [self.measured_pixels(unit) for of_image in levels for unit in of_image]
            sums = [torch.stack([weight.sum(), (weight * plane).sum()]) for weight, plane in zip(weights, pixels, strict=True)]
            return _OnTheWay(images, _to_host(torch.stack(sums)), [], _to_host(finite), _mark(self._place))
        if len(maps) == len(images):
            masks = _to_host(torch.stack(maps) > self.keys["threshold"])
        else:  # of volumes, plane by plane: all maps together may be large
            masks = _to_host(torch.stack([found > self.keys["threshold"] for found in maps]))
        if isinstance(images, torch.Tensor):
            there: list[Any] = list(_to_host(torch.stack([self.measured_pixels(image) for image in images]) if self._planes else images))
        else:
            there = [self.measured_pixels(image) for image in images]
        return _OnTheWay(images, masks, there, _to_host(finite), _mark(self._place))

    def _arrived(self, sent: _OnTheWay) -> list[Any]:
        """Return the rows of images whose maps have come, those of masks as they are labelled, in threads."""
        if sent.mark is not None:
            sent.mark.synchronize()
        self._require_finite(bool(sent.finite))
        found = sent.found.numpy().reshape(len(sent.images), -1, *sent.found.shape[1:])
        if self.keys["measure"] == "soft":
            return [soft_measurements(*np.sum(of_image, axis=0).tolist()) for of_image in found]
        arrays = [pixels if isinstance(pixels, np.ndarray) else pixels.numpy() for pixels in sent.pixels]
        return [submit("labels", self._row_of_mask, pixels, mask.reshape(pixels.shape)) for pixels, mask in zip(arrays, found, strict=True)]

    @property
    def _planes(self) -> bool:
        return bool(self.keys["input"] == "planes")

    def _levels_together(self, images: Any) -> list[list[torch.Tensor]]:
        """Return the units of each image as `_levels` does: all images in one copy where each then lies as it would alone.

        Sums over an image that begins off its memory's alignment may be taken in another order.
        """
        import torch

        if np.prod(images[0].shape) * _LEVEL_BYTES % _ALIGNED_BYTES or len(images) == 1:
            return [[self._levels(unit) for unit in self.units(image)] for image in images]
        together = images
        if not isinstance(images, torch.Tensor):
            kind = torch.from_numpy(np.empty(0, images[0].dtype)).dtype
            together = torch.empty((len(images), *images[0].shape), dtype=kind, pin_memory=self._place.type != "cpu")
            for place, image in zip(together.numpy(), images, strict=True):
                place[...] = image
        return [self.units(image) for image in together.to(self._place, non_blocking=True).to(torch.float64)]

    def _levels(self, unit: Any) -> torch.Tensor:
        """Return an image, NumPy's or torch's, as float64 where the network computes, DN."""
        import torch

        if isinstance(unit, np.ndarray):
            unit = torch.from_numpy(np.require(unit, requirements="W"))  # torch warns of what it could not write to
            if self._place.type != "cpu":
                unit = unit.pin_memory()  # from other memory a copy waits until the GPU has done all that was asked of it
        return unit.to(self._place, non_blocking=True).to(torch.float64)

    def _weights(self, units: Sequence[torch.Tensor], later: list[Any] | None = None) -> list[torch.Tensor]:
        """Return the foreground maps of units of one shape, float64, DN; whether they are finite goes into `later` where it is given."""
        import torch

        with torch.inference_mode():
            return self._maps_by(lambda batch: self._tensor_call(batch, later), units)

    def _tensor_call(self, tiles: torch.Tensor, later: list[Any] | None = None) -> torch.Tensor:
        """Return the network's maps (tile, channel, …) by one call."""
        maps: torch.Tensor = self._maps(self._applied(self.axes.to_network(tiles).contiguous()), tuple(tiles.shape), later)
        return maps

    def _maps_by(self, network: Callable[[torch.Tensor], torch.Tensor], units: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the foreground maps of units by a function of one batch (tile, channel, …) → (tile, channel, …)."""
        import torch

        from sigmaraw.pipelines.tensors import foreground_maps

        def tiles_by(tiles: torch.Tensor) -> torch.Tensor:
            size = self._size(tuple(tiles.shape[1:]), len(tiles))
            return torch.cat([network(batch)[:count] for batch, count in batches(tiles, size)])

        keys, planes = self.keys, self.keys["input"] == "planes"
        repeat = (self.in_channels or 1) if keys["input"] == "repeat" else 1
        tiling = self.tiling(tuple(self.measured_pixels(units[0]).shape))
        images = list(units) if planes else [unit[None] for unit in units]
        alone = self.fixed_batch > 1 and not self._may_mix((len(images[0]) * repeat, *tiling.window))
        groups = [[image] for image in images] if alone else [images]
        made = [foreground_maps(tiles_by, group, tiling, keys["pre"], keys["post"], keys["channel"], repeat) for group in groups]
        return [found for group in made for found in group]

    @property
    def _patient(self) -> bool:  # type: ignore[override]  # of the class where it is the CPU's
        return self._by_tensors

    def _most(self, shape: tuple[int, ...]) -> int:
        return (SIZES[0] if np.prod(shape) <= _LARGEST_ON_DEVICE_PX else 1) if self._by_tensors else super()._most(shape)

    def _probe_tiles(self, shape: tuple[int, ...], count: int) -> Any:
        import torch

        tiles = probe_tiles(shape, count)
        return torch.from_numpy(tiles).to(self._place) if self._by_tensors else tiles

    def _call_probe(self, tiles: Any) -> Any:
        import torch

        if not self._by_tensors:
            return super()._call_probe(tiles)
        with torch.inference_mode():
            return self._tensor_call(tiles)

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
            with arithmetic(self._place):
                found = soft_gradients(self.units(image), lambda unit: self._maps_by(one, [unit])[0], self.measured_pixels, self._place)
        except RuntimeError as error:
            if "derivative" in str(error):  # "derivative for … is not implemented": an operation that has none
                return {}
            raise failed(self._model_name(), "has no gradient at", f"an image {image.shape}", error) from error
        return {name: values.reshape(image.shape) for name, values in found.items()}


@dataclass(frozen=True)
class _OnTheWay:
    """What a GPU computes of some images, copied to the host as soon as it is there: masks, or soft sums, and whether maps are finite."""

    images: Any
    found: torch.Tensor
    pixels: list[Any]
    finite: torch.Tensor
    mark: Any


def _to_host(values: torch.Tensor) -> torch.Tensor:
    """Return where values will be on the host, once the GPU has come so far."""
    import torch

    if values.device.type == "cpu":
        return values
    return torch.empty(values.shape, dtype=values.dtype, pin_memory=True).copy_(values, non_blocking=True)


def _mark(place: torch.device) -> Any:
    """Return the place in the GPU's work until which all has been asked for; None on the CPU, where it is done."""
    import torch

    if place.type == "cpu":
        return None
    event = torch.cuda.Event()
    event.record()
    return event


def failed(model: str, how: str, what: str, error: Exception) -> InvalidModel:
    """Return the refusal of a model, with the last line of what torch said of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1][:160] if lines else type(error).__name__
    return InvalidModel(f"model {model} {how} {what} ({reason})", "a network from one grey image to one map", "check how it was exported")
