"""Pipelines around a segmenting network: preparation, tiles, the network itself, threshold."""

from __future__ import annotations

import abc
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InputNotFound, InvalidModel, InvalidOption, InvalidPrediction
from sigmaraw.pipelines.measurements import (
    CONNECTIVITY,
    MEASURE,
    MEASUREMENTS,
    PIXEL_SIZE,
    SOFT_MEASUREMENTS,
    U_MODE,
    min_size,
    soft_measurements,
)
from sigmaraw.pipelines.preparation import POST, PRE, foreground, prepare
from sigmaraw.pipelines.segmentation import SegmentationPipeline
from sigmaraw.pipelines.tiling import Tiling

THRESHOLD = Parameter("threshold", float, 0.5, unit="1", help="foreground is above it, in the unit that `post` gives")
_PROBE_PX = 64  # side of the image that a network is asked about twice
_SAME_ANSWER = 1e-3  # of the largest answer: sums in another order on a GPU differ by less
NETWORK_PARAMETERS = (
    Parameter("model", str, required=True, help="the model's file"),
    Parameter("pre", str, "zscore", choices=tuple(PRE), help="normalisation of the whole image"),
    Parameter("post", str, "sigmoid", choices=POST, help="what turns the output into a foreground map"),
    MEASURE,
    THRESHOLD,
    min_size(20),
    CONNECTIVITY,
    Parameter("channel", int, None, minimum=0, unit="1", help="output channel of the foreground; default 0, with softmax 1"),
    Parameter("window", int, None, minimum=16, unit="px", help="side of a tile; default: the model's fixed input size, else the image"),
    Parameter("border", int, None, minimum=0, unit="px", help="discarded on each side of a tile; default: window / 16"),
    Parameter("multiple", int, 16, minimum=1, unit="px", help="without window the image is padded to a multiple of this"),
    Parameter("layout", str, "nchw", choices=("nchw", "nhwc"), help="order of the model's axes"),
    U_MODE,
    PIXEL_SIZE,
)


class NetworkPipeline(SegmentationPipeline):
    """Base of pipelines whose model maps one grey image to one or more maps of its size.

    mask = post(network(pre(raw))) > threshold, on overlapping tiles where the input size is fixed (formula 6).
    A volume is segmented plane by plane, and measured as a whole. With `measure=soft` there is no threshold: p = post(network(…)) is
    itself the weight of each pixel.
    """

    parameters: tuple[Parameter, ...] = NETWORK_PARAMETERS
    set_keys: ClassVar[dict[str, Any]] = {}  # values of keys that are no choice with this network
    window: tuple[int, int] | None = None  # (y, x) of the model's input where it is fixed; `_load` may set it
    fixed_batch: int = 1  # images that one call of the model takes

    def __init__(self, spec: str, **settings: Any) -> None:
        super().__init__(spec, **settings)
        self.keys = {**dict.fromkeys(parameter.name for parameter in NETWORK_PARAMETERS), **self.settings, **self.set_keys}
        if self.keys["u_mode"] is None:
            self.keys["u_mode"] = "unet-demo" if self._studied() else "largest"
        soft = SOFT_MEASUREMENTS if self.keys["measure"] == "soft" else MEASUREMENTS
        self.measurements = self.measures.measurements if self.measures else soft
        if self.keys["u_mode"] == "unet-demo":
            self._state_kinds(self._studied())
        self._load()
        if self.keys["channel"] is None:
            self.keys["channel"] = 1 if self.keys["post"] == "softmax" else 0
        self._set_window(self.keys["window"], self.keys["border"])
        self._refuse_random()

    def _refuse_random(self) -> None:
        """Refuse a network that answers differently to the same pixels: exported with dropout on, or drawing random numbers.

        An image that the network does not take is no matter here: the first real one is refused then.
        """
        side = -(-_PROBE_PX // self.keys["multiple"]) * self.keys["multiple"]
        tile = np.random.default_rng(0).standard_normal(self.window or (side, side)).astype(np.float32)
        try:
            first, second = (self._output(tile) for _ in range(2))
        except (InvalidModel, InvalidPrediction):
            return
        scale, apart = float(np.abs(first).max()), float(np.abs(first - second).max())
        if apart > _SAME_ANSWER * scale:
            raise InvalidModel(
                f"model {self._model_name()} answers differently to the same pixels (by {apart:.3g} of {scale:.3g})",
                "one answer to one image",
                "export it in evaluation mode, with dropout and random layers off",
            )

    def _set_window(self, side: int | None, border: int | None) -> None:
        if side is not None and self.window not in (None, (side, side)):
            raise InvalidOption(f"window={side}", f"{self.window} (y, x), which the model fixes", "leave out window")
        self.window = (side, side) if side is not None else self.window
        if self.window is None and border is not None:
            raise InvalidOption(f"border={border} without tiles", "a window", "set window, or leave out border")
        if self.window is not None:
            self.keys["border"] = min(self.window) // 16 if border is None else border
            Tiling(self.window, self.window, self.keys["border"])  # refuses a border that leaves nothing

    def _studied(self) -> bool:
        """Return whether this very network is the one whose coverage was measured."""
        return False

    @abc.abstractmethod
    def _load(self) -> None:
        """Load the model; set `sha256`, and `window` where the model fixes its input size."""

    @abc.abstractmethod
    def _forward(self, tile: NDArray[np.float32]) -> NDArray[Any]:
        """Return the network's output for one input (1, 1, y, x) or (1, y, x, 1), as it comes."""

    def config(self) -> dict[str, Any]:
        """Return every setting with defaults written out, the input size in use, model SHA-256 and versions (JSON values)."""
        return {**super().config(), **self.keys, "input_size": None if self.window is None else list(self.window)}

    def tiling(self, shape: tuple[int, int]) -> Tiling:
        """Return how a plane of this shape (y, x) is cut into the network's inputs: one, where the input size is free."""
        multiple = self.keys["multiple"]
        whole = (-(-shape[0] // multiple) * multiple, -(-shape[1] // multiple) * multiple)
        return Tiling(shape, self.window or whole, self.keys["border"] or 0)

    def probability(self, plane: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the foreground map of one plane (y, x), uint8 or uint16, DN, in the unit that `post` gives."""
        tiling = self.tiling((plane.shape[0], plane.shape[1]))
        prepared = prepare(plane, self.keys["pre"])
        outputs = np.stack([self._output(tile) for tile in tiling.split(prepared)])
        return foreground(tiling.join(outputs), self.keys["post"], self.keys["channel"])

    def _measure(self, image: NDArray[np.integer]) -> dict[str, float]:
        if self.keys["measure"] != "soft":
            return super()._measure(image)
        area = total = 0.0
        for plane in image.reshape(-1, *image.shape[-2:]):
            weight = self.probability(plane).astype(np.float64)
            area += float(weight.sum())
            total += float((weight * plane).sum())
        return soft_measurements(area, total)

    def _mask(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        if image.ndim == 3:
            return np.stack([self._mask(plane) for plane in image])
        return self.probability(image) > self.keys["threshold"]

    def _output(self, tile: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (channel, y, x) of one tile (y, x)."""
        output = self._forward(np.ascontiguousarray(self._input_of(tile)))
        floats = isinstance(output, np.ndarray) and output.dtype.kind == "f"
        maps = self._maps(output, tile.shape, floats, lambda values: bool(np.isfinite(values).all()))
        return np.asarray(maps, dtype=np.float32)

    def _input_of(self, tile: Any) -> Any:
        """Return the model's input for one tile (y, x): (1, 1, y, x) or (1, y, x, 1)."""
        return tile[None, :, :, None] if self.keys["layout"] == "nhwc" else tile[None, None]

    def _maps(self, output: Any, tile: tuple[int, ...], floats: bool, finite: Callable[[Any], bool]) -> Any:
        """Return (channel, y, x) of the model's output for a tile of that shape, NumPy's or torch's, checked: the model is a stranger's."""
        expected = "one float map of the input's size"
        if not floats:
            kind = str(getattr(output, "dtype", type(output).__name__)).removeprefix("torch.")
            raise InvalidModel(f"model {self._model_name()} returned {kind}", expected, "export the model with that one output")
        if output.ndim != 4 or output.shape[0] != 1:
            found = f"model {self._model_name()} returned shape {tuple(output.shape)}"
            raise InvalidModel(found, "four axes, batch 1", "check layout and output")
        maps = output[0].swapaxes(1, 2).swapaxes(0, 1) if self.keys["layout"] == "nhwc" else output[0]
        if tuple(maps.shape[1:]) != tuple(tile) or len(maps) == 0:
            found = f"model {self._model_name()} turned {tuple(tile)} px into {tuple(maps.shape[1:])} px with {len(maps)} channels"
            raise InvalidModel(found, expected, "choose a model that keeps the size, or check layout, window and multiple")
        if not finite(maps):
            raise InvalidPrediction(
                f"model {self._model_name()} returned values that are not finite",
                "finite maps",
                "check the key pre, which prepares the pixels",
            )
        return maps

    def _model_name(self) -> str:
        return str(self.keys["model"] or self.name)


def model_file(path: str) -> Path:
    """Return the path of a model file that exists.

    Raises
    ------
    InputNotFound
        Nothing there, or a folder.
    """
    found = Path(path)
    if not found.is_file():
        what = "is a folder" if found.is_dir() else "does not exist"
        raise InputNotFound(f"model {path} {what}", "a model file", "check the path")
    return found


def fixed_size(name: str, shape: tuple[int | None, ...], layout: str) -> tuple[int, tuple[int, int] | None]:
    """Return batch and input size (y, x) from a model's declared input shape, in which None stands for any size.

    Raises
    ------
    InvalidModel
        More than one channel, or only one of y and x fixed.
    """
    batch, channels, y, x = (shape[0], shape[3], shape[1], shape[2]) if layout == "nhwc" else shape
    if channels not in (None, 1):
        raise InvalidModel(f"model {name} takes {channels} channels", "one grey channel", "choose another model, or set layout")
    if (y is None) != (x is None):
        raise InvalidModel(f"model {name} fixes one side of its input only", "both sides fixed or both free", "export it so")
    return batch or 1, None if y is None or x is None else (y, x)
