"""Networks from `sigmaraw train`: weights in safetensors, and the training record beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidModel, InvalidOption, ShapeMismatch
from sigmaraw.pipelines.demo_weights import verified
from sigmaraw.pipelines.measurements import CONNECTIVITY, MEASURE, measured, min_size, objects
from sigmaraw.pipelines.network import THRESHOLD, U_MODE, NetworkPipeline, model_file
from sigmaraw.pipelines.preparation import foreground, prepare
from sigmaraw.pipelines.stain import BLOCK, SEGMENT, SOLIDITY, STAIN_MEASUREMENTS, segmented
from sigmaraw.pipelines.torch_network import DEVICE, TorchNetwork, failed

if TYPE_CHECKING:
    import torch

_OF_STAINS = (SEGMENT, BLOCK, SOLIDITY)


class TrainedPipeline(TorchNetwork):
    """A network from `sigmaraw train`: model.safetensors with its training record model.json beside it.

    Preparation and layers are those of the training. Where the network predicts a stain (task "image"), objects are those of the predicted
    stain, and so are the intensities; otherwise they are measured on the raw frame under the mask. A network in three dimensions takes
    volumes whole.
    """

    name = "trained"
    libraries = ("torch", "safetensors", "scikit-image", "scipy", "numpy")
    parameters = (
        Parameter("model", str, required=True, help="weights (.safetensors) with their training record (.json) beside them"),
        MEASURE,
        THRESHOLD,
        min_size(20),
        CONNECTIVITY,
        Parameter("channel", int, None, minimum=0, unit="1", help="output channel, or class; default 0, of several classes 1"),
        Parameter("window", int, None, minimum=16, unit="px", help="side of a tile; default: the image whole"),
        Parameter("border", int, None, minimum=0, unit="px", help="discarded on each side of a tile; default: window / 16"),
        *_OF_STAINS,
        U_MODE,
        DEVICE,
    )

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
        self.keys |= {"pre": self.described.pre, "post": self.described.post, "multiple": self.described.network.multiple, "layout": "nchw"}
        if self.described.task == "image":
            self.measurements = STAIN_MEASUREMENTS
        self._network = network.eval().to(self._place)
        if self.described.network.dims == 2:
            self._network = self._network.to(memory_format=torch.channels_last)

    def _refuse_what_does_not_apply(self) -> None:
        """Refuse settings that this network would leave unread."""
        stain, volume = self.described.task == "image", self.described.network.dims == 3
        plain = {entry.name: entry.default for entry in self.parameters}
        unread = [] if stain else [entry.name for entry in _OF_STAINS]
        unread += ["measure"] if stain or volume else []
        unread += ["window", "border"] if volume else []
        for key in unread:
            if self.settings[key] != plain[key]:
                kind = f"{self.described.task}, {self.described.network.dims}-D"
                raise InvalidOption(f"{key}={self.settings[key]} with a network of task {kind}", "a key that it uses", f"leave {key} out")
        if self._place.type != "cpu" and (stain or volume):
            raise InvalidOption("device=cuda with a network of stains or volumes", "device=cpu", "leave device out")

    def _refuse_random(self) -> None:
        """Nothing to ask: the layers are this package's, in evaluation mode."""

    def config(self) -> dict[str, Any]:
        """Return every setting, and what the training record says of the network (JSON values)."""
        import msgspec

        return {**super().config(), "trained": msgspec.to_builtins(self.described)}

    def _network_on(self, tile: torch.Tensor) -> torch.Tensor:
        import torch

        flat = self.described.network.dims == 2
        output: torch.Tensor = self._network(tile.to(memory_format=torch.channels_last) if flat else tile)
        return output

    def bottleneck(self, plane: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the mean of each channel of the network's deepest maps over an image (y, x) or (z, y, x), DN: (channel,), float64."""
        import torch

        padded, _ = self._padded(prepare(plane, self.keys["pre"]))
        with torch.inference_mode():
            deepest = self._network.encoded(torch.from_numpy(padded[None, None]).to(self._place))[-1]
        means: NDArray[np.float64] = deepest[0].double().flatten(1).mean(dim=1).cpu().numpy()
        return means

    def stain(self, image: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the network's map of one image (y, x) or (z, y, x), DN: the predicted stain, or the foreground map."""
        if self.described.network.dims == 3:
            return self._of_volume(image)
        planes = image.reshape(-1, *image.shape[-2:])
        return np.stack([self.probability(plane) for plane in planes]).reshape(image.shape)

    def _of_volume(self, image: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the map of a volume in one piece, padded by reflection to the network's multiple."""
        if image.ndim != 3:
            raise ShapeMismatch(f"an image of {image.ndim} axes", "a volume (z, y, x): the network is 3-D", "give volumes, with --volume")
        padded, cut = self._padded(prepare(image, self.keys["pre"]))
        output = self._forward(np.ascontiguousarray(padded[None, None]))[0]
        if not np.isfinite(output).all():
            raise InvalidModel(f"model {self._model_name()} returned values that are not finite", "finite maps", "train it once more")
        return np.ascontiguousarray(foreground(output, self.keys["post"], self.keys["channel"])[cut])

    def _padded(self, prepared: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[slice, ...]]:
        multiple = self.keys["multiple"]
        missing = [-side % multiple for side in prepared.shape]
        pads = [(gap // 2, gap - gap // 2) for gap in missing]
        cut = tuple(slice(before, before + side) for (before, _), side in zip(pads, prepared.shape, strict=True))
        return np.pad(prepared, pads, mode="reflect"), cut

    def _mask(self, image: NDArray[np.integer]) -> NDArray[np.bool_]:
        if self.described.task == "image":
            return self._segmented(self.stain(image))
        if self.described.network.dims == 3:
            return self.stain(image) > self.keys["threshold"]
        return super()._mask(image)

    def _segmented(self, stain: NDArray[np.float32]) -> NDArray[np.bool_]:
        keys = self.settings
        return segmented(stain, keys["segment"], keys["threshold"], keys["block"], keys["solidity"])

    def _measure(self, image: Any) -> dict[str, float]:
        if self.described.task != "image":
            return super()._measure(image) if self.described.network.dims == 2 else NetworkPipeline._measure(self, image)
        stain = self.stain(image)
        kept, count = objects(self._segmented(stain), self.settings["min_size"], self.settings["connectivity"])
        area, total = int(np.count_nonzero(kept)), float(stain[kept].sum(dtype=np.float64))
        return {**measured(count, area, 0), "total_intensity": total, "mean_intensity": total / area if area else float("nan")}
