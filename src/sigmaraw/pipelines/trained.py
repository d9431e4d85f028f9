"""Networks from `sigmaraw train`: weights in safetensors, and the training record beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidOption
from sigmaraw.pipelines.demo_weights import verified
from sigmaraw.pipelines.found import of_mask
from sigmaraw.pipelines.measurements import CONNECTIVITY, MEASURE, PIXEL_SIZE, U_MODE, measured, min_size
from sigmaraw.pipelines.model_files import model_file
from sigmaraw.pipelines.network_keys import THRESHOLD
from sigmaraw.pipelines.preparation import prepare
from sigmaraw.pipelines.stain import BLOCK, SEGMENT, SOLIDITY, STAIN_MEASUREMENTS, segmented
from sigmaraw.pipelines.torch_network import DEVICE, TorchNetwork, failed

if TYPE_CHECKING:
    import torch

_OF_STAINS = (SEGMENT, BLOCK, SOLIDITY)
_NOT_OF_STAINS = (MEASURE, PIXEL_SIZE, U_MODE)


class TrainedPipeline(TorchNetwork):
    """A network from `sigmaraw train`: model.safetensors with its training record model.json beside it.

    Preparation and layers are those of the training. Where the network predicts a stain (task "image"), objects are those of the predicted
    stain, and so are the intensities; otherwise they are measured on the raw frame under the mask.
    """

    name = "trained"
    libraries = ("torch", "safetensors", "scikit-image", "scipy", "numpy")
    parameters = (
        Parameter("model", str, required=True, file=True, help="weights (.safetensors) with their training record (.json) beside them"),
        MEASURE,
        THRESHOLD,
        min_size(20),
        CONNECTIVITY,
        Parameter("channel", int, None, minimum=0, unit="1", help="output channel, or class; default 0, of several classes 1"),
        Parameter("window", str, None, unit="px", help="tile: side, or 16x64x64 (z, y, x); default: the image whole"),
        Parameter("border", str, None, unit="px", help="discarded on each side of a tile, one number or one by axis; default: window / 16"),
        *_OF_STAINS,
        U_MODE,
        DEVICE,
        PIXEL_SIZE,
    )

    def _usual_rank(self) -> int:
        return 2 + self.described.network.dims

    def _load(self) -> None:
        import safetensors.torch
        import torch
        from safetensors import SafetensorError

        from sigmaraw.pipelines.trained_model import described
        from sigmaraw.pipelines.unet import UNet

        path = model_file(self.settings["model"])
        self.sha256 = verified(path)
        self.described = described(path)
        network = UNet(self.described.network)
        try:
            network.load_state_dict(safetensors.torch.load_file(path))
        except (SafetensorError, RuntimeError) as error:
            raise failed(str(path), "does not fit", "the network of its training record", error) from error
        self._refuse_what_does_not_apply()
        part = self.described
        self.keys |= {"pre": part.pre, "post": part.post, "multiple": part.network.multiple, "input": "grey", "plane": 0, "layout": "nchw"}
        if part.task == "image":
            self.measurements = STAIN_MEASUREMENTS
        self._network = network.eval().to(self._place)
        if part.network.dims == 2:
            self._network = self._network.to(memory_format=torch.channels_last)

    def _refuse_what_does_not_apply(self) -> None:
        """Refuse settings that this network would leave unread."""
        stain = self.described.task == "image"
        for entry in _NOT_OF_STAINS if stain else _OF_STAINS:
            if self.settings[entry.name] != entry.default:
                what = f"{entry.name}={self.settings[entry.name]} with a network of task {self.described.task}"
                raise InvalidOption(what, "a key that it uses", f"leave {entry.name} out")
        if self._by_tensors and stain:
            raise InvalidOption("device=cuda with a network of stains", "device=cpu", "leave device out")

    def config(self) -> dict[str, Any]:
        """Return every setting, and what the training record says of the network (JSON values)."""
        import msgspec

        return {**super().config(), "trained": msgspec.to_builtins(self.described)}

    def _network_on(self, tiles: torch.Tensor) -> Any:
        import torch

        flat = self.described.network.dims == 2
        return self._network(tiles.to(memory_format=torch.channels_last) if flat else tiles)

    def bottleneck(self, image: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the mean of each channel of the network's deepest maps over an image (y, x) or (z, y, x), DN: (channel,), float64.

        Raises
        ------
        ShapeMismatch
            A network of volumes is given one plane.
        """
        import torch

        means = []
        for unit in self.units(image):
            prepared = prepare(unit, self.keys["pre"])
            pads = [(0, -side % self.described.network.multiple) for side in prepared.shape]
            tile = torch.from_numpy(np.pad(prepared, pads, mode="reflect")[None, None]).to(self._place)
            with torch.inference_mode():
                deepest = self._network.encoded(tile)[-1]
            means.append(deepest[0].double().flatten(1).mean(dim=1).cpu().numpy())
        found: NDArray[np.float64] = np.mean(means, axis=0)
        return found

    def stain(self, image: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the network's map of one image (y, x) or (z, y, x), DN: the predicted stain, or the foreground map."""
        return np.stack([self.probability(unit) for unit in self.units(image)]).reshape(image.shape)

    @property
    def finds_objects(self) -> bool:
        """Whether the objects can be followed one by one: not those of a stain, whose intensities are the network's."""
        return self.described.task != "image" and super().finds_objects

    def _mask(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        return self._segmented(self.stain(image)) if self.described.task == "image" else super()._mask(image)

    def _segmented(self, stain: NDArray[np.float32]) -> NDArray[np.bool_]:
        keys = self.settings
        return segmented(stain, keys["segment"], keys["threshold"], keys["block"], keys["solidity"])

    def _row(self, image: Any, units: Sequence[Any], maps: Sequence[NDArray[np.float32]]) -> dict[str, float]:
        if self.described.task != "image":
            return super()._row(image, units, maps)
        return self._of_stain(np.stack(maps).reshape(image.shape))[1]

    def _labels_and_row(self, image: NDArray[np.integer]) -> tuple[NDArray[np.integer], dict[str, float]]:
        if self.described.task != "image":
            return super()._labels_and_row(image)
        return self._of_stain(np.stack(self._probabilities(self.units(image))).reshape(image.shape))

    def _of_stain(self, stain: NDArray[np.float32]) -> tuple[NDArray[np.integer], dict[str, float]]:
        """Return the objects of a predicted stain as a label image, and their measurements in that stain."""
        found = of_mask(self._segmented(stain), self.settings["min_size"], self.settings["connectivity"])
        inside = found.labels != 0
        area, total = int(np.count_nonzero(inside)), float(stain[inside].sum(dtype=np.float64))
        row = {**measured(found.count, area, 0), "total_intensity": total, "mean_intensity": total / area if area else float("nan")}
        return found.labels, row
