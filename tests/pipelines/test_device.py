"""Networks where the images are: the hand-over without a copy, and the steps that a GPU takes, held against NumPy's on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import sigmaraw as sr
from sigmaraw import errors
from sigmaraw.contracts import OnDevice
from sigmaraw.pipelines import torch_model, torch_network
from sigmaraw.virtual import VirtualCamera, nuclei_scene
from tests.pipelines.make_models import Blur, Broken, Flat, Votes, exported, torchscript

CAMERA = VirtualCamera(shape=(120, 152))
FRAMES = CAMERA.acquire(nuclei_scene(CAMERA.shape, 9, seed=3).mean_e, 4, 5)


class Nhwc(torch.nn.Module):
    """Takes and gives (batch, y, x, channel), two channels."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Blur(2, level=0.2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.inner(image.movedim(-1, 1)).movedim(1, -1)


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    tiles, last = torchscript(folder / "blur.pt", Blur()), torchscript(folder / "nhwc.pt", Nhwc())
    three = exported(folder / "three.pt2", Blur(), (3, 1, 32, 32))
    return {
        "u-net": "unet-demo",
        "u-net, soft": "unet-demo:measure=soft",
        "tiles": f"torch:{tiles},window=48,border=5,pre=minmax,post=none,threshold=0.3",
        "last axis": f"torch:{last},layout=nhwc,post=softmax,pre=percentile",
        "fixed batch": f"torch:{three},pre=zscore,connectivity=4,measure=soft",
    }


KINDS = ("u-net", "u-net, soft", "tiles", "last axis", "fixed batch")


def as_on_a_gpu(spec: str) -> Any:
    """A pipeline on the CPU that takes the steps of one on a GPU."""
    pipeline: Any = sr.pipeline(spec)
    pipeline._by_tensors = True
    return pipeline


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tensors", [False, True])
def test_images_from_jax_give_the_bits_of_images_from_the_host(specs: dict[str, str], kind: str, tensors: bool) -> None:
    pipeline = as_on_a_gpu(specs[kind]) if tensors else sr.pipeline(specs[kind])
    assert isinstance(pipeline, OnDevice)
    for frames in (FRAMES, FRAMES[np.newaxis], (FRAMES // 16).astype(np.uint8)):
        drawn = jnp.asarray(frames)
        assert drawn.dtype == frames.dtype
        host, device = pipeline.batch(frames), pipeline.batch(drawn)
        for name, values in host.items():
            assert values.tobytes() == device[name].tobytes(), name
    alone = [pipeline(frame) for frame in FRAMES]
    for name, values in pipeline.batch(jnp.asarray(FRAMES)).items():
        assert values.tolist() == [row[name] for row in alone]


@pytest.mark.parametrize("tensors", [False, True])
def test_the_pixels_that_jax_wrote_are_read_where_they_lie(monkeypatch: pytest.MonkeyPatch, tensors: bool) -> None:
    pipeline = as_on_a_gpu("unet-demo") if tensors else sr.pipeline("unet-demo")
    found: list[int] = []
    real = pipeline.units

    def watched(image: Any) -> list[Any]:
        found.append(image.data_ptr() if tensors else image.ctypes.data)
        assert isinstance(image, torch.Tensor if tensors else np.ndarray)
        return real(image)

    monkeypatch.setattr(pipeline, "units", watched)
    drawn = jax.device_put(FRAMES)
    pipeline.batch(drawn)
    first = drawn.unsafe_buffer_pointer()
    assert sorted(set(found)) == [first + index * FRAMES[0].nbytes for index in range(len(FRAMES))]


@pytest.mark.parametrize("kind", KINDS)
def test_the_steps_of_a_gpu_give_the_numbers_of_numpys(specs: dict[str, str], kind: str) -> None:
    """Both prepare in float64 and compute in float32: maps differ by a few of its roundings, 2^-24 of values up to 1."""
    pipeline, other = sr.pipeline(specs[kind]), as_on_a_gpu(specs[kind])
    for image in (*FRAMES[:2], FRAMES[0, :50, :37]):
        expected: Any = pipeline.probability(image)  # type: ignore[attr-defined]  # a network pipeline's
        found = other.probability(image)
        assert found.dtype == np.float32 and found.shape == image.shape
        np.testing.assert_allclose(found, expected, atol=16 * 2**-24)
    for image in (FRAMES[0], FRAMES):
        table = pipeline(image)
        for name, value in other(image).items():
            assert value == pytest.approx(table[name], rel=1e-6 if "soft" in name else 0), name
        if kind == "u-net":
            assert table["count"] > 5
            np.testing.assert_array_equal(other.mask(image), pipeline.mask(image))  # type: ignore[attr-defined]


@pytest.mark.parametrize("post", ["sigmoid", "softmax", "none"])
def test_constant_frames_are_prepared_as_numpy_prepares_them(tmp_path: Path, post: str) -> None:
    path = torchscript(tmp_path / "m.pt", Blur(2))
    black = np.full((40, 40), 7, np.uint16)
    for pre in ("zscore", "minmax", "percentile", "none"):
        spec = f"torch:{path},pre={pre},post={post},channel=1"
        expected: Any = sr.pipeline(spec).probability(black)  # type: ignore[attr-defined]
        np.testing.assert_allclose(as_on_a_gpu(spec).probability(black), expected, rtol=16 * 2**-24)


class Halves(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image[..., ::2, ::2]


@pytest.mark.parametrize("module", [Halves(), Votes(), Flat(), Broken(), torch.nn.Conv2d(3, 1, 1), Blur()])
def test_a_network_of_another_kind_is_refused_in_the_same_words(tmp_path: Path, module: torch.nn.Module) -> None:
    spec = f"torch:{torchscript(tmp_path / 'm.pt', module)},pre=none,channel=1"
    frame = FRAMES[0] * (FRAMES[0] > 200)
    found = []
    for pipeline in (sr.pipeline(spec), as_on_a_gpu(spec)):
        with pytest.raises((errors.InvalidModel, errors.InvalidPrediction)) as caught:
            pipeline(frame)
        found.append((type(caught.value), str(caught.value)))
    assert found[0] == found[1]


@pytest.mark.parametrize("tensors", [False, True])
def test_what_is_no_batch_of_camera_frames_is_refused(tensors: bool) -> None:
    pipeline = as_on_a_gpu("unet-demo") if tensors else sr.pipeline("unet-demo")
    for images, error in (
        (jnp.zeros((2, 40, 40)), errors.NotIntegerData),
        (jnp.zeros((2, 40, 40), jnp.int16), errors.NotIntegerData),
        (jnp.zeros((40, 40), jnp.uint16), errors.ShapeMismatch),
        (jnp.zeros((0, 40, 40), jnp.uint16), errors.ShapeMismatch),
        (jnp.zeros((2, 40, 40, 3), jnp.uint8), errors.ColourImage),
        ([[1, 2], [3, 4]], errors.InvalidOption),
    ):
        with pytest.raises(error) as caught:
            pipeline.batch(images)  # type: ignore[arg-type]  # on purpose
        assert "\n" not in str(caught.value)


def test_images_on_another_device_are_refused() -> None:
    class Elsewhere:
        def __dlpack_device__(self) -> tuple[int, int]:
            return 2, 0

        def __dlpack__(self, **_: Any) -> Any:
            raise AssertionError("must not be asked")

    with pytest.raises(errors.InvalidOption, match="another device than cpu"):
        sr.pipeline("unet-demo").batch(Elsewhere())  # type: ignore[arg-type]  # on purpose


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for spec in ("unet-demo:device=cuda", f"torch:{torchscript(tmp_path / 'm.pt', Blur())},device=cuda"):
        with pytest.raises(errors.InvalidOption, match=r"device=cuda with torch .*; expected a torch that sees a GPU\.") as caught:
            sr.pipeline(spec)
        assert "\n" not in str(caught.value)
    with pytest.raises(errors.InvalidSpec, match="device"):
        sr.pipeline("unet-demo:device=tpu")


def test_the_cpu_is_the_default_and_is_recorded() -> None:
    pipeline: Any = sr.pipeline("unet-demo")
    assert pipeline.config()["device"] == "cpu"
    assert pipeline.dlpack_device == jax.device_put(np.zeros(1), jax.devices("cpu")[0]).__dlpack_device__() == (1, 0)


def test_every_kind_of_file_is_loaded_to_its_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Torch's device without memory stands for one that is not here."""
    meta = torch.device("meta")
    monkeypatch.setattr(torch_network, "place_of", lambda device: meta)
    monkeypatch.setattr(torch_network.TorchNetwork, "_refuse_random", lambda self: None)  # that device keeps no answers
    for spec in (
        "unet-demo",
        f"torch:{torchscript(tmp_path / 'm.pt', Blur())}",
        f"torch:{exported(tmp_path / 'm.pt2', Blur())}",
    ):
        pipeline: Any = sr.pipeline(spec)
        parameters = list(pipeline._network.parameters())
        assert parameters
        assert {value.device.type for value in parameters} == {"meta"}
    assert torch_model.DEVICE in torch_model.TorchPipeline.parameters


def test_a_gpu_convolves_in_float32_by_one_algorithm() -> None:
    cudnn: Any = torch.backends.cudnn
    owner, name, exact = (cudnn.conv, "fp32_precision", "ieee") if hasattr(cudnn, "conv") else (cudnn, "allow_tf32", False)

    def settings() -> tuple[Any, ...]:
        return getattr(owner, name), cudnn.deterministic, cudnn.benchmark

    first = settings()
    assert first[0] != exact and first[1:] == (False, False)  # what torch begins with
    cudnn.benchmark = True
    try:
        for own in (first[0], exact):  # someone's own choice, too
            setattr(owner, name, own)
            with torch_network.arithmetic(torch.device("cpu")):
                assert settings() == (own, False, True)  # for other people's networks: left alone where it does nothing
            with pytest.raises(ZeroDivisionError), torch_network.arithmetic(torch.device("cuda")):
                assert settings() == (exact, True, False)
                with torch_network.arithmetic(torch.device("cuda")):  # as a gradient does with the networks inside it
                    assert settings() == (exact, True, False)
                raise ZeroDivisionError
            assert settings() == (own, False, True)
    finally:
        setattr(owner, name, first[0])
        cudnn.benchmark = False
