"""Derivatives of soft measurements against JAX, finite differences and what is linear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import sigmaraw as sr
from sigmaraw.contracts import Differentiable
from sigmaraw.errors import InvalidModel
from tests.pipelines.make_models import Blur, exported, torchscript

SOFT = ("soft_area", "soft_total_intensity", "soft_mean_intensity")


class Smooth(torch.nn.Module):
    """Two convolutions with tanh between them."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.first = torch.nn.Conv2d(1, 3, 3, padding=1)
        self.second = torch.nn.Conv2d(3, channels, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.second(torch.tanh(self.first(image)))


def frame(shape: tuple[int, int] = (24, 20), seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    return random.poisson(200 + 600 * np.exp(-((y - 11) ** 2 + (x - 9) ** 2) / 20)).astype(np.uint16)


def twin(module: Smooth, pre: str, post: str, channel: int) -> dict[str, Any]:
    """The same measurements written in JAX, float64, from the definitions; the plane is reflected to multiples of 16."""
    w1, b1, w2, b2 = (jnp.asarray(value.detach().numpy(), jnp.float64) for value in module.parameters())

    def convolve(a: Any, w: Any, b: Any) -> Any:
        return jax.lax.conv_general_dilated(a, w, (1, 1), "SAME") + b[:, None, None]

    def prepared(x: Any) -> Any:
        if pre == "zscore":
            return (x - x.mean()) / (x.std() + 1e-6)
        low, high = (x.min(), x.max()) if pre == "minmax" else jnp.percentile(x, jnp.array([1.0, 99.8]))
        return (x - low) / (high - low)

    def weight(x: Any) -> Any:
        height, width = x.shape
        pads = [((-height % 16) // 2, -height % 16 - (-height % 16) // 2), ((-width % 16) // 2, -width % 16 - (-width % 16) // 2)]
        padded = jnp.pad(prepared(x), pads, mode="reflect")
        maps = convolve(jnp.tanh(convolve(padded[None, None], w1, b1)), w2, b2)[0]
        maps = maps[:, pads[0][0] : pads[0][0] + height, pads[1][0] : pads[1][0] + width]
        return jax.nn.softmax(maps, axis=0)[channel] if post == "softmax" else jax.nn.sigmoid(maps[channel])

    return {
        "soft_area": lambda x: weight(x).sum(),
        "soft_total_intensity": lambda x: (weight(x) * x).sum(),
        "soft_mean_intensity": lambda x: (weight(x) * x).sum() / weight(x).sum(),
    }


@pytest.mark.parametrize("pre", ["zscore", "percentile"])
def test_derivatives_are_those_of_a_twin_in_jax(tmp_path: Path, pre: str) -> None:
    post, channel = ("softmax", 1) if pre == "zscore" else ("sigmoid", 0)
    module = Smooth(2 if post == "softmax" else 1)
    path = torchscript(tmp_path / "m.pt", module)
    pipeline = sr.pipeline(f"torch:{path},pre={pre},post={post},measure=soft")
    assert isinstance(pipeline, Differentiable)
    image = frame()
    found, values = pipeline.gradient(image), pipeline(image)
    with jax.enable_x64(True):
        for name, function in twin(module, pre, post, channel).items():
            x = jnp.asarray(image, jnp.float64)
            assert values[name] == pytest.approx(float(function(x)), rel=1e-5)
            expected = np.asarray(jax.grad(function)(x))
            assert found[name].shape == image.shape
            # float32 inside the network: 1e-4 of the largest derivative
            np.testing.assert_allclose(found[name], expected, atol=1e-4 * np.abs(expected).max(), rtol=1e-3)


@pytest.mark.parametrize("kind", ["tiles", "nhwc", "volume"])
def test_derivatives_of_a_linear_network_are_its_differences(tmp_path: Path, kind: str) -> None:
    """With post and pre none, soft_area is linear in x: any difference is the derivative, at overlaps and edges too."""
    module: torch.nn.Module = Blur()
    layout = ""
    if kind == "nhwc":
        module, layout = torch.nn.Sequential(_Last(), Blur(), _First()), ",layout=nhwc"
    path = torchscript(tmp_path / "m.pt", module)
    pipeline = sr.pipeline(f"torch:{path},pre=none,post=none,measure=soft,window=32,border=6{layout}")
    image = frame((45, 50)) if kind != "volume" else np.stack([frame((45, 50), seed) for seed in range(2)])
    assert isinstance(pipeline, Differentiable)
    found = pipeline.gradient(image)["soft_area"]
    assert len(pipeline.tiling(image.shape[-2:])) > 1  # type: ignore[attr-defined]  # a network pipeline's
    places = [(0, 0), (0, 1), (1, 1), (19, 20), (20, 20), (21, 30), (44, 49), (43, 0)]
    base = pipeline(image)["soft_area"]
    for place in places:
        moved = image.copy()
        index = place if image.ndim == 2 else (1, *place)
        moved[index] += 2000
        assert (pipeline(moved)["soft_area"] - base) / 2000 == pytest.approx(found[index], rel=1e-3)
    assert np.ptp(found) > 0.1  # edges count otherwise than the middle


class _Last(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.movedim(-1, 1)


class _First(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.movedim(1, -1)


class Argmax(torch.nn.Module):
    """A map without derivatives."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return (image > 0).to(torch.float32)


def test_what_has_no_derivative_gives_none(tmp_path: Path) -> None:
    image = frame()
    assert sr.pipeline("unet-demo").gradient(image) == {}  # type: ignore[attr-defined]  # thresholded
    assert sr.pipeline(f"torch:{torchscript(tmp_path / 'm.pt', Argmax())},measure=soft").gradient(image) == {}  # type: ignore[attr-defined]
    assert not isinstance(sr.pipeline("otsu"), Differentiable)
    assert sr.pipeline(lambda image: {"a": 1.0}).gradient(image) == {}  # type: ignore[attr-defined]


def test_an_exported_program_has_derivatives_too(tmp_path: Path) -> None:
    path = exported(tmp_path / "m.pt2", Smooth(), (1, 1, 32, 32))
    script = torchscript(tmp_path / "m.pt", Smooth())
    image = frame((32, 32))
    found, expected = (sr.pipeline(f"torch:{file},measure=soft").gradient(image) for file in (path, script))  # type: ignore[attr-defined]
    for name in SOFT:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-7)


def test_a_failure_that_is_not_a_missing_derivative_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = sr.pipeline(f"torch:{torchscript(tmp_path / 'm.pt', Smooth())},measure=soft")

    def out_of_memory(*_: Any) -> Any:
        raise RuntimeError("not enough memory: you tried to allocate 80000000000 bytes")

    monkeypatch.setattr(pipeline, "_network_on", out_of_memory)
    with pytest.raises(InvalidModel, match="not enough memory"):
        pipeline.gradient(frame())  # type: ignore[attr-defined]


def test_soft_measurements_are_weighted_sums(tmp_path: Path) -> None:
    image = frame((32, 32))
    pipeline: Any = sr.pipeline(f"torch:{torchscript(tmp_path / 'm.pt', Smooth())},measure=soft")
    weight = pipeline.probability(image).astype(float)
    values = pipeline(image)
    assert values == pytest.approx(
        {
            "soft_area": weight.sum(),
            "soft_total_intensity": (weight * image).sum(),
            "soft_mean_intensity": (weight * image).sum() / weight.sum(),
        }
    )
    assert tuple(row.name for row in pipeline.measurements) == SOFT
    assert np.isnan(
        sr.pipeline(f"torch:{torchscript(tmp_path / 'n.pt', Argmax())},pre=none,post=none,measure=soft")(image * 0)["soft_mean_intensity"]
    )


def test_the_whole_frame_is_linear_in_every_pixel() -> None:
    image = frame()
    pipeline: Any = sr.pipeline("intensity")
    assert pipeline(image) == {"total_intensity": image.sum(), "mean_intensity": pytest.approx(image.mean())}
    gradients = pipeline.gradient(image)
    np.testing.assert_array_equal(gradients["total_intensity"], np.ones(image.shape))
    np.testing.assert_array_equal(gradients["mean_intensity"], np.full(image.shape, 1 / image.size))
