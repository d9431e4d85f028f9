"""Models of the BioImage Model Zoo: a network with its own preparation, its own postprocessing and its own test.

The extra `bioimageio` brings bioimageio.spec, which reads descriptions. Code and pickles of a package are not run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigmaraw.contracts import Parameter
from sigmaraw.errors import InvalidModel
from sigmaraw.pipelines.axes import Axes, plain
from sigmaraw.pipelines.bioimageio_package import TRUSTED, Package, axes_of, read_package, sizes_of
from sigmaraw.pipelines.bioimageio_steps import applied, steps_of
from sigmaraw.pipelines.measurements import CONNECTIVITY, MEASURE, PIXEL_SIZE, U_MODE, min_size
from sigmaraw.pipelines.model_files import position_in
from sigmaraw.pipelines.network import NetworkPipeline
from sigmaraw.pipelines.network_keys import NETWORK_PARAMETERS, THRESHOLD
from sigmaraw.pipelines.onnx_model import OnnxPipeline
from sigmaraw.pipelines.torch_model import TorchPipeline

_SHARED = {parameter.name: parameter for parameter in NETWORK_PARAMETERS}
# Of a test output: the format's own tolerance where a package states none.
_RELATIVE, _ABSOLUTE = 1e-3, 1e-4


class BioimageioPipeline(NetworkPipeline):
    """A model of the BioImage Model Zoo by its description: ``bioimageio:folder/rdf.yaml``, all files in that folder.

    Preparation, postprocessing, axes, sizes and discarded border are the package's. Weights are its ONNX file, else its TorchScript; their
    SHA-256 is compared with what the package states. On loading, the package's test input must give its test output. Statistics that
    the package wants over a data set are those of each image.

    Reference: bioimage.io model description 0.5.
    """

    name = "bioimageio"
    libraries = ("bioimageio.spec", "scipy", "numpy")
    parameters = (
        Parameter("model", str, required=True, file=True, help="the package's rdf.yaml or bioimageio.yaml, or its folder"),
        Parameter("weights", str, None, choices=tuple(TRUSTED), help="which weights; default: onnx where they and onnxruntime are there"),
        Parameter("post", str, "none", choices=("none", "argmax"), help="argmax: the class of the largest of the package's outputs"),
        MEASURE,
        THRESHOLD,
        min_size(20),
        CONNECTIVITY,
        _SHARED["output"],
        Parameter("channel", str, None, help="output channel of the foreground: its name or its number; needed where there are several"),
        _SHARED["input"],
        _SHARED["plane"],
        Parameter("border", str, None, unit="px", help="discarded on each side of a tile; default: the package's halo"),
        Parameter("check", bool, True, help="compare the test output with the package's own before the first image"),
        U_MODE,
        PIXEL_SIZE,
    )

    def _load(self) -> None:
        self._package = read_package(self.settings["model"])
        kind, path = self._package.weights(self.settings["weights"])
        number, tensor = self._package.output(self.settings["output"])
        taken, given = axes_of(self._package.input), axes_of(tensor)
        self._names = ["channel", *taken.spatial.split(", ")]
        self._described = tensor
        self.input_shape, self._free = sizes_of(self._package.input)
        self.keys.update(weights=kind, output=str(tensor.id), axes=taken.order, out_axes=given.order, layout=None)
        self.keys["channel"] = self._channel_of(tensor)
        inner: type[NetworkPipeline] = OnnxPipeline if kind == "onnx" else TorchPipeline
        chosen = str(number) if len(self._package.description.outputs) > 1 else None
        shared = {"axes": taken.order, "out_axes": given.order, "output": chosen, "input": self.keys["input"]}
        channels = taken.sizes(self.input_shape)[1]
        self._network = inner(f"{inner.name}:{path}", model=str(path), pre="none", post="none", in_channels=channels, **shared)
        if self._network.input_shape is not None:  # what the file itself fixes stays fixed
            pairs = zip(self.input_shape, self._network.input_shape, strict=True)
            self.input_shape = tuple(said if said is not None else held for said, held in pairs)
        self.sha256 = self._network.sha256
        self._pre = steps_of(self._package.input.preprocessing, self._names, str(self._package.input.id))
        self._post = steps_of(tensor.postprocessing, self._names, str(tensor.id))

    def _channel_of(self, tensor: Any) -> int:
        names = next(([str(name) for name in axis.channel_names] for axis in tensor.axes if str(axis.id) == "channel"), ["0"])
        return position_in(names, self.settings["channel"], "channel")

    def _set_window(self) -> None:
        spatial = self.axes.spatial.split(", ")
        steps = [self._free.get(letter, (1, 1)) for letter in spatial]
        self.keys["multiple"] = "x".join(str(step) for _, step in steps)
        halos = {str(axis.id): int(getattr(axis, "halo", 0) or 0) for axis in self._described.axes}
        sized = self.axes.sizes(self.input_shape or ())[2]
        if self.keys["border"] is None and any(side is not None for side in sized):
            self.keys["border"] = "x".join(str(halos.get(letter, 0)) for letter in spatial)
        super()._set_window()
        self._least = tuple(least for least, _ in steps)

    def _refuse_random(self) -> None:
        """Compare the package's test output, after the network itself was asked twice."""
        self.difference: float | None = None
        if self.settings["check"]:
            self._check()

    def _check(self) -> None:
        """Raise InvalidModel where the package's own test input does not give its test output."""
        package: Package = self._package
        image = package.test_tensor(package.input, self.axes)
        expected = package.test_tensor(self._described, Axes(self.keys["out_axes"]))
        if image is None or expected is None:
            return
        prepared = applied(self._pre, image).astype(np.float32)
        tiling = self.tiling(prepared.shape[1:])
        found = applied(self._post, tiling.join(self._outputs(tiling.split(prepared)))).astype(np.float64)
        if found.shape != expected.shape:
            raise InvalidModel(f"{package.name} turns its test input into {found.shape}", f"{expected.shape}", "download the package anew")
        apart = np.abs(found - expected)
        self.difference = float(apart.max())
        if bool((apart > _ABSOLUTE + _RELATIVE * np.abs(expected)).any()):
            raise InvalidModel(
                f"{package.name} by its {self.keys['weights']} weights differs from its own test output by {self.difference:.3g}",
                f"at most {_ABSOLUTE:g} + {_RELATIVE:g} of the output",
                "try its other weights (weights=torchscript), or look at it with check=false",
            )

    def _forward(self, tiles: NDArray[np.float32]) -> NDArray[Any]:
        return self._network._forward(tiles)

    def _prepared(self, channels: NDArray[np.integer]) -> NDArray[np.float32]:
        return applied(self._pre, channels.astype(np.float32)).astype(np.float32)

    def _foreground(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        return super()._foreground(applied(self._post, maps).astype(np.float32))

    def config(self) -> dict[str, Any]:
        """Return every setting, the package's name, steps and files, and how far its test output was off (JSON values)."""
        inner = self._network.config()
        described = {
            "package": self._package.name,
            "package_files": dict(self._package.files),
            "preprocessing": [str(step.id) for step in self._package.input.preprocessing],
            "postprocessing": [str(step.id) for step in self._described.postprocessing],
            "test_difference": self.difference,
            "least_size": plain(self._least),
        }
        base = super().config()
        return {**base, **described, "versions": {**inner["versions"], **base["versions"]}}
