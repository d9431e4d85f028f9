"""Networks of volumes, channels, outputs, layouts and types: all against torch called by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import sigmaraw as sr
from sigmaraw import errors
from tests.pipelines.make_models import Blur, exported, onnx_convolutions, torchscript

RAW = "pre=none,post=none,threshold=0.5"
FREE = ("n", 1, "z", "y", "x")


def convolutions(ndim: int = 3, taken: int = 1, given: int = 1, seed: int = 0) -> nn.Sequential:
    """Two random convolutions, 3 and 5 px wide: what is 3 px away reaches a pixel, and nothing further."""
    torch.manual_seed(seed)
    kind = nn.Conv3d if ndim == 3 else nn.Conv2d
    return nn.Sequential(kind(taken, 4, 3, padding=1), nn.ReLU(), kind(4, given, 5, padding=2)).eval()


def volume(shape: tuple[int, ...] = (20, 26, 30), seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 50, shape).astype(np.uint16)


def by_hand(module: nn.Module, image: np.ndarray, pad: int = 3) -> np.ndarray:
    """The network's maps (channel, …) of an image (channel, …) that goes on by reflection beyond its edges."""
    ndim = image.ndim - 1
    padded = np.pad(image.astype(np.float32), [(0, 0)] + [(pad, pad)] * ndim, mode="reflect")
    with torch.inference_mode():
        found = module(torch.from_numpy(padded)[None])[0].numpy()
    return found[(slice(None), *[slice(pad, -pad)] * ndim)]


# --- volumes ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder, module = tmp_path_factory.mktemp("volumes"), convolutions()
    return {
        "onnx": f"onnx:{onnx_convolutions(folder / 'free.onnx', module, FREE)}",
        "onnx, batch 3": f"onnx:{onnx_convolutions(folder / 'three.onnx', module, (3, 1, 16, 18, 20))}",
        "exported": f"torch:{exported(folder / 'fixed.pt2', module, (1, 1, 16, 18, 20))}",
        "torchscript": f"torch:{torchscript(folder / 'm.pt', module)}",
    }


def test_a_random_network_of_volumes_agrees_whatever_file_holds_it(files: dict[str, str]) -> None:
    raw, expected = volume(), by_hand(convolutions(), volume()[np.newaxis])[0]
    scale = np.abs(expected).max()
    for kind, spec in files.items():
        pipeline: Any = sr.pipeline(f"{spec},{RAW}" + ("" if kind in ("onnx", "torchscript") else ",border=3"))
        assert pipeline.config()["axes"] == "bczyx"
        inside = (slice(3, -3),) * 3 if kind in ("onnx", "torchscript") else ...  # padded only to a multiple of 16: the edges may differ
        np.testing.assert_allclose(pipeline.probability(raw)[inside], expected[inside], atol=1e-5 * scale, err_msg=kind)
        assert pipeline(raw)["area"] == pytest.approx(np.count_nonzero(pipeline.mask(raw)))


@pytest.mark.parametrize("kind", ["onnx", "torchscript"])
def test_tiles_of_a_volume_equal_the_whole_while_the_border_covers_what_reaches_a_voxel(files: dict[str, str], kind: str) -> None:
    raw, expected = volume(), by_hand(convolutions(), volume()[np.newaxis])[0]
    scale = np.abs(expected).max()

    def error(border: str) -> float:
        pipeline: Any = sr.pipeline(f"{files[kind]},{RAW},window=12x16x18,border={border}")
        assert len(pipeline.tiling(raw.shape)) > 8
        return float(np.abs(pipeline.probability(raw) - expected).max() / scale)

    assert error("3") < 1e-5
    assert error("4x3x5") < 1e-5
    for short in ("2", "2x3x3", "3x2x3", "3x3x2"):
        assert error(short) > 1e-3, short


def test_a_network_of_volumes_takes_the_steps_of_a_gpu_too(files: dict[str, str]) -> None:
    raw = volume()
    for measure in ("mask", "soft"):
        pipeline: Any = sr.pipeline(f"{files['exported']},pre=zscore,measure={measure},border=3")
        other: Any = sr.pipeline(f"{files['exported']},pre=zscore,measure={measure},border=3")
        other._by_tensors = True
        np.testing.assert_allclose(other.probability(raw), pipeline.probability(raw), atol=16 * 2**-24)
        for name, value in pipeline(raw).items():
            assert other(raw)[name] == pytest.approx(value, rel=1e-6)
    # soft_area is differentiable; a step of one voxel moves it by its derivative, to the second order
    found = pipeline.gradient(raw)["soft_area"]
    moved = raw.copy()
    moved[10, 12, 14] += 1
    step = pipeline(moved)["soft_area"] - pipeline(raw)["soft_area"]
    assert found.shape == raw.shape
    assert step == pytest.approx(found[10, 12, 14], rel=0.1)


def test_a_network_of_volumes_is_no_network_of_frames(files: dict[str, str]) -> None:
    with pytest.raises(errors.ShapeMismatch, match=r"a network of volumes; expected a volume \(z, y, x\)"):
        sr.pipeline(files["onnx"])(volume()[0])


# --- channels and outputs ---------------------------------------------------------------------------------------------
def test_grey_images_are_repeated_and_stacks_give_their_planes(tmp_path: Path) -> None:
    module, stack = convolutions(2, taken=3), volume((3, 32, 48))
    path = onnx_convolutions(tmp_path / "m.onnx", module, (1, 3, "y", "x"))
    script = torchscript(tmp_path / "m.pt", module)
    for spec, known in ((f"onnx:{path}", ""), (f"torch:{script}", ",in_channels=3")):
        repeat: Any = sr.pipeline(f"{spec},{RAW},input=repeat{known}")
        expected = by_hand(module, np.stack([stack[0]] * 3), 3)[0]
        np.testing.assert_allclose(repeat.probability(stack[0])[3:-3, 3:-3], expected[3:-3, 3:-3], rtol=1e-5, atol=1e-4)
        planes: Any = sr.pipeline(f"{spec},{RAW},input=planes,plane=2,min_size=0")
        expected = by_hand(module, stack, 3)[0]
        np.testing.assert_allclose(planes.probability(stack)[3:-3, 3:-3], expected[3:-3, 3:-3], rtol=1e-5, atol=1e-4)
        mask = planes.mask(stack)
        assert mask.shape == (32, 48) and 0 < mask.sum() < mask.size
        assert planes(stack)["total_intensity"] == stack[2][mask].sum()
        labels, values = planes.segmented(stack)
        assert values == planes(stack)
        np.testing.assert_array_equal(labels > 0, mask)
    with pytest.raises(errors.InvalidModel, match=r"takes 3 channels.*input=repeat or input=planes"):
        sr.pipeline(f"onnx:{path}")
    with pytest.raises(errors.InvalidOption, match="in_channels=3"):
        sr.pipeline(f"torch:{script},input=repeat")
    with pytest.raises(errors.ShapeMismatch, match=r"a stack \(c, y, x\) of 3 channels"):
        sr.pipeline(f"onnx:{path},input=planes")(stack[:2])


def test_channels_that_are_given_take_the_steps_of_a_gpu_too(tmp_path: Path) -> None:
    stack = volume((3, 32, 48))
    path = exported(tmp_path / "m.pt2", convolutions(2, taken=3), (1, 3, 32, 48))
    for how, image in (("planes,plane=1", stack), ("repeat", stack[0])):
        specs = f"torch:{path},input={how},measure=soft"
        pipeline: Any = sr.pipeline(specs)
        other: Any = sr.pipeline(specs)
        other._by_tensors = True
        for name, value in pipeline(image).items():
            assert other(image)[name] == pytest.approx(value, rel=1e-6)
        assert pipeline.gradient(image)["soft_total_intensity"].shape == image.shape


class Several(nn.Module):
    """Gives a number and two maps, by name."""

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"score": image.mean(), "low": image * 0 + 0.25, "high": image * 0 + 0.75}


def test_an_output_is_chosen_by_name_or_number(tmp_path: Path, frame: np.ndarray) -> None:
    path = onnx_convolutions(tmp_path / "m.onnx", convolutions(2), (1, 1, "y", "x"), ("first", "second"))
    chosen: Any = {name: sr.pipeline(f"onnx:{path},output={name},{RAW}") for name in ("first", "second", "1")}
    one = chosen["first"].probability(frame)
    np.testing.assert_array_equal(chosen["second"].probability(frame), 2 * one)
    np.testing.assert_array_equal(chosen["1"].probability(frame), 2 * one)
    assert chosen["1"].config()["output"] == "second"
    with pytest.raises(errors.InvalidModel, match=r"returns 2 outputs \(first, second\)"):
        sr.pipeline(f"onnx:{path}")
    with pytest.raises(errors.InvalidOption, match="output=third; expected one of first, second"):
        sr.pipeline(f"onnx:{path},output=third")
    script = torchscript(tmp_path / "m.pt", Several())
    assert sr.pipeline(f"torch:{script},output=high,{RAW}")(frame)["area"] == frame.size
    assert sr.pipeline(f"torch:{script},output=1,{RAW}")(frame)["area"] == 0
    with pytest.raises(errors.InvalidModel, match="returns 3 outputs"):
        sr.pipeline(f"torch:{script},{RAW}")(frame)


class Classes(nn.Module):
    """0 below 300, 1 below 600, else 2: as numbers (batch, y, x), or as scores (batch, class, y, x)."""

    def __init__(self, scores: bool) -> None:
        super().__init__()
        self.scores = scores

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        of = (image[:, 0] >= 300).to(torch.int64) + (image[:, 0] >= 600).to(torch.int64)
        if self.scores:
            return torch.stack([(of == 0).float(), (of == 1).float(), (of == 2).float()], dim=1)
        return of


@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("tensors", [False, True])
def test_classes_are_taken_by_number(tmp_path: Path, frame: np.ndarray, scores: bool, tensors: bool) -> None:
    path = torchscript(tmp_path / "m.pt", Classes(scores))
    expected = [frame < 300, (frame >= 300) & (frame < 600), frame >= 600]
    for number, mask in enumerate(expected):
        pipeline: Any = sr.pipeline(f"torch:{path},pre=none,post=argmax,channel={number}")
        pipeline._by_tensors = tensors
        np.testing.assert_array_equal(pipeline.probability(frame) > 0.5, mask)


# --- layouts, types, sizes --------------------------------------------------------------------------------------------
class Ordered(nn.Module):
    """A blur in another order of axes."""

    def __init__(self, to: tuple[int, ...], back: tuple[int, ...], drop: int) -> None:
        super().__init__()
        self.to, self.back, self.drop, self.blur = list(to), list(back), drop, Blur()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        for _ in range(self.drop):
            image = image[None]
        out = self.blur(image.permute(self.to)).permute(self.back)
        for _ in range(self.drop):
            out = out[0]
        return out


@pytest.mark.parametrize(
    ("axes", "shape", "to", "back", "drop"),
    [
        ("byxc", (1, 48, 80, 1), (0, 3, 1, 2), (0, 2, 3, 1), 0),
        ("xycb", (80, 48, 1, 1), (3, 2, 1, 0), (3, 2, 1, 0), 0),
        ("yx", (48, 80), (0, 1, 2, 3), (0, 1, 2, 3), 2),
        ("cyx", (1, 48, 80), (0, 1, 2, 3), (0, 1, 2, 3), 1),
    ],
)
def test_any_order_of_axes(
    tmp_path: Path, frame: np.ndarray, axes: str, shape: tuple[int, ...], to: tuple[int, ...], back: tuple[int, ...], drop: int
) -> None:
    path = exported(tmp_path / "m.pt2", Ordered(to, back, drop), shape)
    plain = exported(tmp_path / "plain.pt2", Blur(), (1, 1, 48, 80))
    pipeline, other = sr.pipeline(f"torch:{path},axes={axes},{RAW}"), sr.pipeline(f"torch:{plain},{RAW}")
    for tensors in (False, True):
        pipeline._by_tensors = tensors  # type: ignore[attr-defined]  # a torch network's
        np.testing.assert_allclose(
            pipeline.probability(frame),  # type: ignore[attr-defined]
            other.probability(frame),  # type: ignore[attr-defined]
            rtol=1e-6,
        )


@pytest.mark.parametrize(("axes", "message"), [("bcy", "axes 'bcy'|names 3"), ("bcyy", "axes 'bcyy'"), ("tcyx", "b batch, c channel")])
def test_orders_that_are_none_are_refused(tmp_path: Path, axes: str, message: str) -> None:
    path = onnx_convolutions(tmp_path / "m.onnx", convolutions(2), (1, 1, "y", "x"))
    with pytest.raises((errors.InvalidOption, errors.InvalidModel), match=message):
        sr.pipeline(f"onnx:{path},axes={axes}")


@pytest.mark.parametrize(("kind", "share"), [(torch.float16, 2e-3), (torch.float64, 1e-6)])
def test_models_in_half_and_double_precision(tmp_path: Path, kind: torch.dtype, share: float) -> None:
    frame = volume((48, 64))
    expected = by_hand(convolutions(2), frame[np.newaxis])[0]
    module = convolutions(2).to(kind)
    program = torch.export.export(module, (torch.zeros((1, 1, 48, 64), dtype=kind),))
    torch.export.save(program, str(tmp_path / "m.pt2"))
    specs = [f"torch:{tmp_path / 'm.pt2'}", f"torch:{torchscript(tmp_path / 'm.pt', module)}"]
    if kind == torch.float16:  # onnxruntime has no convolution in double precision
        specs.append(f"onnx:{onnx_convolutions(tmp_path / 'm.onnx', module, (1, 1, 'y', 'x'))}")
    for spec in specs:
        pipeline: Any = sr.pipeline(f"{spec},{RAW}")
        found = pipeline.probability(frame)
        assert found.dtype == np.float32
        # float16 has 11 bits: sums of 25·4 products, a few roundings of 2^-11 of the largest
        np.testing.assert_allclose(found[3:-3, 3:-3], expected[3:-3, 3:-3], atol=share * np.abs(expected).max(), err_msg=spec)


class Counts(nn.Module):
    """Blurs, and takes nothing whose height is no multiple of 32: as a deep U-Net does."""

    def __init__(self) -> None:
        super().__init__()
        self.blur = Blur()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        assert image.shape[2] % 32 == 0
        return self.blur(image)


def test_an_image_smaller_than_the_window_runs_at_the_smallest_size_that_the_model_takes(tmp_path: Path, frame: np.ndarray) -> None:
    easy: Any = sr.pipeline(f"torch:{torchscript(tmp_path / 'easy.pt', Blur())},window=512,{RAW}")
    assert easy.tiling(frame.shape).window == (48, 80)
    assert easy.tiling((600, 20)).window == (512, 32)
    deep: Any = sr.pipeline(f"torch:{torchscript(tmp_path / 'deep.pt', Counts())},window=512,{RAW}")
    assert deep.tiling(frame.shape).window == (512, 512)  # 48 rows it does not take
    assert deep.tiling((20, 75)).window == (32, 80)
    fixed: Any = sr.pipeline(f"onnx:{onnx_convolutions(tmp_path / 'm.onnx', convolutions(2), (1, 1, 64, 'x'))},{RAW}")
    assert fixed.tiling(frame.shape).window == (64, 80)  # the file fixes y, and leaves x free
    assert fixed.config()["input_size"] == [64, None]
