"""Pipelines around a segmenting network: preparation, tiles, the network itself, threshold."""

from __future__ import annotations

import abc
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidModel, InvalidOption, InvalidPrediction, ShapeMismatch
from sigmaraw.pipelines.axes import input_axes, output_axes, per_axis, plain, plain_or_free
from sigmaraw.pipelines.base import columns
from sigmaraw.pipelines.batching import SIZES, batches, fastest_size, mixes, probe_tiles
from sigmaraw.pipelines.found import of_mask
from sigmaraw.pipelines.measurements import MEASUREMENTS, SOFT_MEASUREMENTS, soft_measurements
from sigmaraw.pipelines.model_files import chosen_output
from sigmaraw.pipelines.network_keys import NETWORK_PARAMETERS
from sigmaraw.pipelines.preparation import foreground, prepare
from sigmaraw.pipelines.segmentation import SegmentationPipeline
from sigmaraw.pipelines.threads import available_cores, each
from sigmaraw.pipelines.tiling import Tiling

_PROBE_PX = {2: 64, 3: 32}  # side of the image that a network is asked about twice
_LARGEST_PROBE_PX = 1 << 21  # of a volume; what a study asks before it begins finds random answers of larger ones too
_LARGEST_BATCHED_PX = 1 << 20  # of a tile, all channels together: larger ones fill a call by themselves
_SAME_ANSWER = 1e-3  # of the largest answer: sums in another order on a GPU differ by less


class NetworkPipeline(SegmentationPipeline):
    """Base of pipelines whose model maps an image to one or more maps of its size.

    mask = post(network(pre(raw))) > threshold, on overlapping tiles where the input size is fixed (formula 6).
    A network of y and x segments a volume plane by plane, one of z, y and x as a whole; both measure it as a whole. With `measure=soft`
    there is no threshold: p = post(network(…)) is itself the weight of each pixel.
    """

    parameters: tuple[Parameter, ...] = NETWORK_PARAMETERS
    set_keys: ClassVar[dict[str, Any]] = {}  # values of keys that are no choice with this network
    input_shape: tuple[int | None, ...] | None = None  # in the model's order; `_load` sets what its file says, None where any size is taken
    model_files: Mapping[str, str] = {}  # SHA-256 of each file, where the model is more than one

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
            self.keys["channel"] = 1 if self.keys["post"] in ("softmax", "argmax") else 0
        self._set_axes()
        self._set_window()
        self._choosing = threading.Lock()
        self._sizes: dict[tuple[int, ...], int] = {}  # tiles in one call, by their shape
        self._mixing: dict[tuple[int, ...], bool] = {}  # whether tiles of several images may share a call of a model whose batch is fixed
        self._taken: dict[tuple[int, ...], bool] = {}  # input sizes below the window, and whether the model takes them
        self._refuse_random()

    # --- what the model takes -----------------------------------------------------------------------------------------
    def _usual_rank(self) -> int:
        """Return how many axes the input has, where the model's file does not say it."""
        return 4

    def _set_axes(self) -> None:
        stated = self.keys["axes"] or ("byxc" if self.keys["layout"] == "nhwc" else None)
        rank = len(self.input_shape) if self.input_shape else len(stated) if stated else self._usual_rank()
        self.axes = input_axes(self._model_name(), stated, rank)
        batch, channels, self._fixed = self.axes.sizes(self.input_shape or (None,) * rank)
        self.fixed_batch = batch or 1  # tiles that one call of the model takes
        self._free_batch = batch is None
        if self.keys["batch"] is not None and batch not in (None, self.keys["batch"]):
            raise InvalidOption(f"batch={self.keys['batch']}", f"{batch}, which model {self._model_name()} fixes", "leave out batch")
        given = self.keys["in_channels"]
        if given is not None and channels not in (None, given):
            raise InvalidOption(f"in_channels={given}", f"{channels}, as model {self._model_name()} says", "leave out in_channels")
        self.in_channels = channels or given
        how = self.keys["input"]
        if how == "grey" and self.in_channels not in (None, 1):
            found = f"model {self._model_name()} takes {self.in_channels} channels"
            raise InvalidModel(found, "one grey channel, or what to put in them", "add input=repeat or input=planes, or set axes")
        if how == "repeat" and self.in_channels is None:
            raise InvalidOption("input=repeat", "how often, which the model does not say", "add in_channels=3")
        if how == "planes" and self.axes.ndim == 3:
            raise InvalidOption("input=planes with a network of volumes", "a grey volume", "use input=repeat, or a function of your own")
        self.keys["axes"] = self.axes.order

    def _set_window(self) -> None:
        ndim = self.axes.ndim
        wanted = per_axis("window", self.keys["window"], ndim, (1, 16, 16))
        border = per_axis("border", self.keys["border"], ndim, (0, 0, 0))
        self._multiple = per_axis("multiple", self.keys["multiple"], ndim, (1, 1, 1)) or (1,) * ndim
        self._least = (0,) * ndim  # sizes that the model leaves free are this much, or more by whole multiples
        if wanted is not None and any(fixed not in (None, side) for fixed, side in zip(self._fixed, wanted, strict=True)):
            sizes = f"{plain_or_free(self._fixed)} ({self.axes.spatial})"
            raise InvalidOption(f"window={self.keys['window']}", f"{sizes}, which the model fixes", "leave out window")
        self._window = self._fixed if wanted is None else wanted
        sides = [side for side in self._window if side is not None]
        if not sides and border is not None:
            raise InvalidOption(f"border={self.keys['border']} without tiles", "a window", "set window, or leave out border")
        if border is None and sides:
            across = [side for side in self._window[-2:] if side is not None]
            border = tuple(
                min(across) // 16 if axis >= ndim - 2 and across else (side or 0) // 16 for axis, side in enumerate(self._window)
            )
        self._border = tuple(0 if side is None else width for side, width in zip(self._window, border or (0,) * ndim, strict=True))
        bounded = [(side, width) for side, width in zip(self._window, self._border, strict=True) if side is not None]
        for side, width in bounded:
            Tiling((side,), (side,), width)  # refuses a border that leaves nothing
        self.keys.update(window=plain(wanted), border=plain(self._border) if sides else None, multiple=plain(self._multiple))

    @property
    def window(self) -> tuple[int | None, ...] | None:
        """Largest input size (y, x) or (z, y, x), px, None for an axis that is taken whole; None where all are."""
        return self._window if any(side is not None for side in self._window) else None

    def _refuse_random(self) -> None:
        """Refuse a network that answers differently to the same pixels: exported with dropout on, or drawing random numbers.

        An image that the network does not take is no matter here: the first real one is refused then.
        """
        side = _PROBE_PX[self.axes.ndim]
        size = tuple(whole or free for whole, free in zip(self._window, self._whole((side,) * self.axes.ndim), strict=True))
        if self.axes.ndim == 3 and np.prod(size) > _LARGEST_PROBE_PX:
            return
        try:
            first, second = (self._probe(size) for _ in range(2))
        except (InvalidModel, InvalidPrediction):
            return
        scale, apart = float(np.abs(first).max()), float(np.abs(first - second).max())
        if apart > _SAME_ANSWER * scale:
            raise InvalidModel(
                f"model {self._model_name()} answers differently to the same pixels (by {apart:.3g} of {scale:.3g})",
                "one answer to one image",
                "export it in evaluation mode, with dropout and random layers off",
            )

    def _probe(self, size: tuple[int, ...]) -> NDArray[np.float32]:
        """Return the network's answer to one tile of that size, of random numbers that are always the same."""
        tile = np.random.default_rng(0).standard_normal(size).astype(np.float32)
        return self._outputs(np.repeat(tile[np.newaxis, np.newaxis], self.in_channels or 1, axis=1))

    def _takes(self, size: tuple[int, ...]) -> bool:
        """Return whether the model takes an input of that size, as it says itself when it is asked."""
        if size not in self._taken:
            try:
                self._probe(size)
                self._taken[size] = True
            except (InvalidModel, InvalidPrediction):
                self._taken[size] = False
        return self._taken[size]

    def _studied(self) -> bool:
        """Return whether this very network is the one whose coverage was measured."""
        return False

    @abc.abstractmethod
    def _load(self) -> None:
        """Load the model; set `sha256`, and `input_shape` where the model's file says it."""

    @abc.abstractmethod
    def _forward(self, tiles: NDArray[np.float32]) -> NDArray[Any]:
        """Return the network's chosen output for tiles in the model's own order of axes, as it comes."""

    def config(self) -> dict[str, Any]:
        """Return every setting with defaults written out, the input size in use, model SHA-256 and versions (JSON values)."""
        files = {"model_files": dict(self.model_files)} if self.model_files else {}
        return {**super().config(), **self.keys, **files, "input_size": None if self.window is None else list(self.window)}

    # --- from an image to its map -------------------------------------------------------------------------------------
    def tiling(self, shape: tuple[int, ...]) -> Tiling:
        """Return how an image (y, x) or (z, y, x) of this shape is cut into the network's inputs.

        One, where the input size is free. An image smaller than a window that only the user has set gets the smallest input that holds it
        and is a multiple of `multiple`, where the model takes that.
        """
        whole = self._whole(shape)
        full = tuple(side or size for side, size in zip(self._window, whole, strict=True))
        small = tuple(size if fixed is None and size < side else side for fixed, side, size in zip(self._fixed, full, whole, strict=True))
        window = small if small == full or self._takes(small) else full
        border = tuple(width if length > side else 0 for length, side, width in zip(shape, window, self._border, strict=True))
        return Tiling(shape, window, border)

    def _whole(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the smallest free input size that holds an image of this shape."""
        above = (-(-max(length - least, 0) // step) * step for length, least, step in zip(shape, self._least, self._multiple, strict=True))
        return tuple(least + more for least, more in zip(self._least, above, strict=True))

    def units(self, image: Any) -> list[Any]:
        """Return what the network sees at once of an image, NumPy's or torch's: the image, or each plane of a volume.

        Raises
        ------
        ShapeMismatch
            The network takes images of another number of axes, or of other channels.
        """
        shape = tuple(image.shape)
        if self.keys["input"] == "planes":
            wanted = f"a stack (c, y, x) of {self.in_channels or 'its'} channels"
            if len(shape) != 3 or self.in_channels not in (None, shape[0]) or self.keys["plane"] >= shape[0]:
                raise ShapeMismatch(f"an image of shape {shape} for '{self.spec}'", wanted, "give the channels as planes, or set input")
            return [image]
        if len(shape) == self.axes.ndim:
            return [image]
        if self.axes.ndim == 3:
            raise ShapeMismatch(
                f"an image (y, x) for '{self.spec}', a network of volumes", "a volume (z, y, x)", "give volumes, with --volume"
            )
        return list(image)

    def measured_pixels(self, image: Any) -> Any:
        """Return the pixels of an image, DN, in which intensities are measured: with input=planes those of one plane."""
        return image[self.keys["plane"]] if self.keys["input"] == "planes" else image

    def probability(self, unit: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the foreground map (y, x) or (z, y, x) of what the network sees at once, DN, in the unit that `post` gives."""
        return self._probabilities([unit])[0]

    def _probabilities(self, units: Sequence[Any]) -> list[NDArray[np.float32]]:
        """Return the foreground maps of units of one shape, their tiles in common calls of the network."""
        prepared = [self._prepared(unit if self.keys["input"] == "planes" else unit[np.newaxis]) for unit in units]
        if self.keys["input"] == "repeat":
            prepared = [np.repeat(channels, self.in_channels or 1, axis=0) for channels in prepared]
        tiling = self.tiling(prepared[0].shape[1:])
        tiles = [tiling.split(channels) for channels in prepared]
        parts = [np.concatenate(tiles)] if self._may_mix(tiles[0].shape[1:]) else tiles
        outputs, count = np.concatenate([self._outputs(part) for part in parts]), len(tiling)
        return [self._foreground(tiling.join(outputs[place * count : (place + 1) * count])) for place in range(len(units))]

    def _prepared(self, channels: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the network's floats of an image's channels (channel, …), DN."""
        return np.stack([prepare(channel, self.keys["pre"]) for channel in channels])

    def _foreground(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the foreground map from the network's maps (channel, …)."""
        return foreground(maps, self.keys["post"], self.keys["channel"])

    def _table(self, images: Iterable[Any]) -> dict[str, NDArray[np.float64]]:
        images = list(images)
        together = self._images_together(images)
        rows = each(self._measure_many, [images[first : first + together] for first in range(0, len(images), together)])
        return columns(self.measurements, [row for group in rows for row in group])

    def _pixels(self, image: NDArray[np.integer]) -> NDArray[np.integer]:
        return self.measured_pixels(image)

    def _measure(self, image: NDArray[np.integer]) -> dict[str, float]:
        return self._measure_many([image])[0]

    def _measure_many(self, images: Sequence[Any]) -> list[dict[str, float]]:
        """Return the measurements of images of one shape, whose tiles share calls of the network."""
        units = [self.units(image) for image in images]
        maps = iter(self._probabilities([unit for of_image in units for unit in of_image]))
        return [self._row(image, of_image, [next(maps) for _ in of_image]) for image, of_image in zip(images, units, strict=True)]

    def _row_of_mask(self, pixels: NDArray[np.integer], mask: NDArray[np.bool_]) -> dict[str, float]:
        """Return the measurements of a mask and the pixels under it."""
        return self._measured(pixels, of_mask(mask, self.settings["min_size"], self.settings["connectivity"]))

    def _row(self, image: Any, units: Sequence[Any], maps: Sequence[NDArray[np.float32]]) -> dict[str, float]:
        """Return the measurements of an image from the foreground maps of its units."""
        pixels = self.measured_pixels(image)
        if self.keys["measure"] != "soft":
            return self._row_of_mask(pixels, np.stack([probability > self.keys["threshold"] for probability in maps]).reshape(pixels.shape))
        weights = [probability.astype(np.float64) for probability in maps]
        area = total = 0.0
        for unit, weight in zip(units, weights, strict=True):
            area += float(weight.sum())
            total += float((weight * self.measured_pixels(unit)).sum())
        return soft_measurements(area, total)

    def _labels_and_row(self, image: NDArray[np.integer]) -> tuple[NDArray[np.integer], dict[str, float]]:
        if self.keys["measure"] == "soft":  # sums weighted by the map, which no label image holds
            return self._found(image).labels, self._measure(image)
        return super()._labels_and_row(image)

    def _mask(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        maps = self._probabilities(self.units(image))
        return np.stack([probability > self.keys["threshold"] for probability in maps]).reshape(self.measured_pixels(image).shape)

    # --- how many at a time -------------------------------------------------------------------------------------------
    def _outputs(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (tile, channel, …) of tiles (tile, channel, …)."""
        size = self._size(tiles.shape[1:], len(tiles))
        return np.concatenate([self._call(batch)[:count] for batch, count in batches(tiles, size)])

    def _call(self, tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the network's maps (tile, channel, …) by one call."""
        return np.asarray(self._maps(self._forward(np.ascontiguousarray(self.axes.to_network(tiles))), tiles.shape), np.float32)

    def _size(self, shape: tuple[int, ...], count: int) -> int:
        """Return how many tiles of a shape (channel, …) one call takes, where `count` are to be computed."""
        if self.fixed_batch > 1 or not self._free_batch:
            return self.fixed_batch
        if self.keys["batch"] is not None:
            return int(self.keys["batch"])
        if count == 1:
            return 1
        with self._choosing:
            if shape not in self._sizes:
                most = self._most(shape)
                self._sizes[shape] = fastest_size(self._call_probe, self._probe_tiles(shape, most), most, patient=self._patient)
            return self._sizes[shape]

    def _may_mix(self, shape: tuple[int, ...]) -> bool:
        """Return whether tiles of several images may share a call: always where the batch is free, else as the model is found."""
        if self.fixed_batch == 1:
            return True
        with self._choosing:
            if shape not in self._mixing:
                self._mixing[shape] = mixes(self._call_probe, self._probe_tiles(shape, self.fixed_batch), self.fixed_batch)
            return self._mixing[shape]

    def _images_together(self, images: Sequence[Any]) -> int:
        """Return how many images share calls of the network."""
        if len(images) < 2:
            return 1
        units = self.units(images[0])
        tiling = self.tiling(tuple(self.measured_pixels(units[0]).shape))
        channels = (len(units[0]) if self.keys["input"] == "planes" else 1) if self.keys["input"] != "repeat" else (self.in_channels or 1)
        shape = (channels, *tiling.window)
        size = each(lambda tile: self._size(tile, 2) if self._may_mix(tile) else 1, [shape])[0]
        return max(1, size // (len(units) * len(tiling)))

    _patient = False  # whether it is worth while to try several tiles in a call even where one takes long

    def _most(self, shape: tuple[int, ...]) -> int:
        """Return the largest number of tiles that is of use in a call: as many as leave work for every core."""
        return 1 if np.prod(shape) > _LARGEST_BATCHED_PX else -(-SIZES[0] // available_cores())

    def _probe_tiles(self, shape: tuple[int, ...], count: int) -> Any:
        return probe_tiles(shape, count)

    def _call_probe(self, tiles: Any) -> Any:
        return self._call(tiles)

    def _maps(self, output: Any, tiles: tuple[int, ...], later: list[Any] | None = None) -> Any:
        """Return (batch, channel, …) of the model's output for tiles of that shape, NumPy's or torch's; the model is a stranger's.

        Whether torch's maps are finite is put into `later` where that is given, so that nobody waits for the GPU here.

        Raises
        ------
        InvalidModel, InvalidPrediction
            It is no finite map of the tiles' size.
        """
        expected = "one float map of the input's size"
        kind = str(getattr(output, "dtype", type(output).__name__)).removeprefix("torch.")
        classes = self.keys["post"] == "argmax"
        if not hasattr(output, "shape") or not ("float" in kind or (classes and "int" in kind)):
            raise InvalidModel(
                f"model {self._model_name()} returned {kind}", expected, "export the model with that one output; post=argmax takes classes"
            )
        shape = tuple(output.shape)
        order = output_axes(self._model_name(), self.axes, self.keys["out_axes"], shape)
        maps = order.from_network(output)
        if len(maps) != tiles[0]:
            raise InvalidModel(f"model {self._model_name()} returned shape {shape}", f"a batch of {tiles[0]}", "check axes and output")
        if tuple(maps.shape[2:]) != tiles[2:] or maps.shape[1] == 0:
            found = f"model {self._model_name()} turned {tiles[2:]} px into {tuple(maps.shape[2:])} px with {maps.shape[1]} channels"
            raise InvalidModel(found, expected, "choose a model that keeps the size, or check axes, window and multiple")
        finite = np.isfinite(maps).all() if isinstance(maps, np.ndarray) else maps.isfinite().all()
        if later is None:
            self._require_finite(bool(finite))
        else:
            later.append(finite)
        return maps

    def _require_finite(self, finite: bool) -> None:
        if not finite:
            raise InvalidPrediction(
                f"model {self._model_name()} returned values that are not finite",
                "finite maps",
                "check the key pre, which prepares the pixels",
            )

    def _chosen(self, outputs: Any) -> Any:
        """Return the output that the key `output` names, of what a call gave: one, a sequence, or a mapping of names.

        Raises
        ------
        InvalidModel, InvalidOption
            There are several and none is named, or none has that name.
        """
        if isinstance(outputs, Mapping):
            names, values = [str(name) for name in outputs], list(outputs.values())
        elif isinstance(outputs, list | tuple):
            names, values = [str(number) for number in range(len(outputs))], list(outputs)
        else:
            names, values = ["0"], [outputs]
        return values[chosen_output(self._model_name(), names, self.keys["output"])]

    def _model_name(self) -> str:
        return str(self.keys["model"] or self.name)
