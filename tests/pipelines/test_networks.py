"""Networks from files: torch and ONNX give the same numbers, tiles change none, and what is no such network is refused."""

from __future__ import annotations

import builtins
import hashlib
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto

import sigmaraw as sr
from sigmaraw import errors
from sigmaraw.pipelines.segmentation import _rebuild
from tests.pipelines.make_models import Blur, Broken, Flat, Votes, exported, onnx_blur, torchscript

KEYS = "pre=none,post=none,threshold=600,min_size=4"


def slow_blur(frame: np.ndarray) -> np.ndarray:
    """3 × 3 mean with the edge pixels' neighbours reflected, as a window that reaches beyond the image sees them."""
    padded = np.pad(frame.astype(np.float64), 1, mode="reflect")
    return sum(padded[y : y + frame.shape[0], x : x + frame.shape[1]] for y in range(3) for x in range(3)) / 9


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every kind of file with the same network in it."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "onnx, fixed size": f"onnx:{onnx_blur(folder / 'fixed.onnx')}",
        "onnx, batch 3": f"onnx:{onnx_blur(folder / 'three.onnx', (3, 1, 32, 32))}",
        "onnx, free size": f"onnx:{onnx_blur(folder / 'free.onnx', ('n', 1, 'y', 'x'))}",
        "exported, fixed size": f"torch:{exported(folder / 'fixed.pt2', Blur())}",
        "exported, free size": f"torch:{exported(folder / 'free.pt2', Blur(), free=True)}",
        "torchscript": f"torch:{torchscript(folder / 'script.pt', Blur())}",
        "torchscript, window": f"torch:{folder / 'script.pt'},window=32",
    }


def test_every_kind_of_file_gives_the_same_table(models: dict[str, str], frame: np.ndarray) -> None:
    mask = slow_blur(frame) > 600
    assert 300 < mask.sum() < 400  # four squares of 10 × 9
    for kind, spec in models.items():
        pipeline: Any = sr.pipeline(f"{spec},{KEYS}")
        np.testing.assert_array_equal(pipeline.mask(frame), mask, err_msg=kind)
        assert pipeline(frame)["count"] == 4
        # float32 sums of nine numbers up to 4095: nine roundings of at most 2^-24 each
        np.testing.assert_allclose(pipeline.probability(frame), slow_blur(frame), rtol=9 * 2**-24, err_msg=kind)


def test_size_and_border_are_recorded_as_used(models: dict[str, str]) -> None:
    fixed = sr.pipeline(models["onnx, fixed size"]).config()
    assert (fixed["input_size"], fixed["border"], fixed["channel"]) == ([32, 32], 2, 0)
    assert len(fixed["model_sha256"]) == 64
    free = sr.pipeline(models["torchscript"]).config()
    assert (free["input_size"], free["border"], free["multiple"]) == (None, None, 16)
    assert (free["pre"], free["post"], free["threshold"], free["min_size"]) == ("zscore", "sigmoid", 0.5, 20)
    assert sr.pipeline(models["exported, fixed size"] + ",border=0").config()["border"] == 0


def test_softmax_takes_the_last_of_two_channels(tmp_path: Path, frame: np.ndarray) -> None:
    path = exported(tmp_path / "two.pt2", Blur(2, level=600.0), free=True)
    soft: Any = sr.pipeline(f"torch:{path},pre=none,post=softmax")
    assert soft.config()["channel"] == 1
    np.testing.assert_array_equal(soft.mask(frame), slow_blur(frame) > 600)  # e^(a-600) against e^0
    with pytest.raises(errors.InvalidModel, match="2 output channels; expected channel 2"):
        sr.pipeline(f"torch:{path},channel=2")(frame)


class Last(torch.nn.Module):
    """Works on axes (batch, y, x, channel)."""

    def __init__(self) -> None:
        super().__init__()
        self.blur = Blur()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.blur(image.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def test_layout_with_channels_last(tmp_path: Path, frame: np.ndarray) -> None:
    path = exported(tmp_path / "last.pt2", Last(), (1, 32, 32, 1))
    pipeline: Any = sr.pipeline(f"torch:{path},layout=nhwc,{KEYS}")
    np.testing.assert_array_equal(pipeline.mask(frame), slow_blur(frame) > 600)
    with pytest.raises(errors.InvalidModel, match="takes 32 channels"):
        sr.pipeline(f"torch:{path}")


def test_a_volume_is_segmented_plane_by_plane_and_measured_as_one(models: dict[str, str], frame: np.ndarray) -> None:
    pipeline = sr.pipeline(f"{models['torchscript']},{KEYS}")
    single, volume = pipeline(frame), pipeline(np.stack([frame, frame]))
    assert volume["area"] == 2 * single["area"]
    assert volume["count"] == single["count"]  # the planes' objects touch


def test_a_toml_file_finds_its_model_beside_it(tmp_path: Path, frame: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    onnx_blur(tmp_path / "sub" / "m.onnx")
    (tmp_path / "sub" / "p.toml").write_text('model = "m.onnx"\npre = "none"\npost = "none"\nthreshold = 600\nmin_size = 4\n')
    monkeypatch.chdir(tmp_path)
    assert sr.pipeline("sub/p.toml")(frame) == sr.pipeline(f"onnx:sub/m.onnx,{KEYS}")(frame)
    assert sr.pipeline(tmp_path / "sub" / "m.onnx").config()["name"] == "onnx"


NETWORK_KINDS = {
    "mask": ["network-count", "network-area", "network-intensity", "network-mean-intensity"],
    "soft": ["network-soft-area", "network-soft-intensity", "network-soft-mean-intensity"],
}


@pytest.mark.parametrize("measure", ["mask", "soft"])
@pytest.mark.parametrize("kind", ["onnx, fixed size", "exported, free size"])
def test_the_kinds_of_another_network_are_stated_or_not_said(models: dict[str, str], kind: str, measure: str) -> None:
    for typed, used, kinds in (
        ("", "largest", [""] * len(NETWORK_KINDS[measure])),
        (",u_mode=largest", "largest", [""] * len(NETWORK_KINDS[measure])),
        (",u_mode=unet-demo", "unet-demo", NETWORK_KINDS[measure]),
    ):
        pipeline: Any = sr.pipeline(f"{models[kind]},measure={measure}{typed}")
        assert [row.kind for row in pipeline.measurements] == kinds
        assert not any(row.studied for row in pipeline.measurements)
        assert pipeline.config()["u_mode"] == used
        assert [row.kind for row in pickle.loads(pickle.dumps(pipeline)).measurements] == kinds  # noqa: S301 - our own bytes
    with pytest.raises(errors.InvalidSpec, match="one of largest, unet-demo"):
        sr.pipeline(f"{models[kind]},u_mode=network")


def test_a_model_travels_and_must_stay_the_same(tmp_path: Path, frame: np.ndarray) -> None:
    path = onnx_blur(tmp_path / "m.onnx")
    pipeline = sr.pipeline(f"onnx:{path},{KEYS}")
    parcel = pickle.dumps(pipeline)
    assert pickle.loads(parcel)(frame) == pipeline(frame)  # noqa: S301 - our own bytes
    onnx_blur(path, (1, 1, 48, 48))
    _rebuild.cache_clear()  # as in a worker that has not loaded it yet
    with pytest.raises(errors.IntegrityError, match="as when the study began"):
        pickle.loads(parcel)  # noqa: S301 - our own bytes


# --- what is refused --------------------------------------------------------------------------------------------------
class Halves(torch.nn.Module):
    """Returns half the size."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image[:, :, ::2, ::2]


class Twins(torch.nn.Module):
    """Returns two maps."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return image, image


def test_torchscript_saved_while_training_is_applied_as_when_trained(tmp_path: Path, frame: np.ndarray) -> None:
    network = torch.nn.Sequential(Blur(), torch.nn.Dropout(0.5))
    path = tmp_path / "train.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(network.train()).save(str(path))
    pipeline: Any = sr.pipeline(f"torch:{path},{KEYS}")
    np.testing.assert_array_equal(pipeline.mask(frame), slow_blur(frame) > 600)


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (Halves(), errors.InvalidModel, r"turned \(48, 80\) px into \(24, 40\) px"),
        (Twins(), errors.InvalidModel, r"returns 2 outputs \(0, 1\)"),
        (Votes(), errors.InvalidModel, "returned int64"),
        (Flat(), errors.InvalidModel, r"returned shape \(1,\)"),
        (torch.nn.Conv2d(3, 1, 1), errors.InvalidModel, "cannot be applied to float32"),
        (Broken(), errors.InvalidPrediction, "not finite"),
    ],
)
def test_a_network_of_another_kind_is_refused_at_the_first_image(
    tmp_path: Path, frame: np.ndarray, module: torch.nn.Module, error: type[Exception], message: str
) -> None:
    pipeline = sr.pipeline(f"torch:{torchscript(tmp_path / 'm.pt', module)},pre=none")
    with pytest.raises(error, match=message) as caught:
        pipeline(frame * (frame > 300))
    assert "\n" not in str(caught.value)


def test_files_that_are_no_torch_network_are_refused(tmp_path: Path) -> None:
    cases = {
        "module.pt": "is a pickle: reading it could run any code",
        "legacy.pt": "is a pickle",
        "state.pth": "is a pickle",
        "noise.pt2": "is not a torch model",
        "empty.pt": "is not a torch model",
        "cut.pt": "torch model|cannot be",
        "weights.safetensors": "is not a torch model",
    }
    torch.save(Blur(), tmp_path / "module.pt")
    torch.save(Blur(), tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(Blur().state_dict(), tmp_path / "state.pth")
    (tmp_path / "noise.pt2").write_bytes(np.random.default_rng(0).bytes(500))
    (tmp_path / "empty.pt").write_bytes(b"")
    whole = torchscript(tmp_path / "whole.pt", Blur()).read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "weights.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    for name, message in cases.items():
        with pytest.raises(errors.InvalidModel, match=message) as caught:
            sr.pipeline(f"torch:{tmp_path / name}")
        assert "\n" not in str(caught.value)
    with pytest.raises(errors.InputNotFound, match="is a folder"):
        sr.pipeline(f"torch:{tmp_path}")


def test_a_damaged_torch_network_is_refused(tmp_path: Path) -> None:
    """The archive's directory is whole, what it lists is not."""
    for path in (torchscript(tmp_path / "m.pt", Blur()), exported(tmp_path / "m.pt2", Blur())):
        content = bytearray(path.read_bytes())
        middle = slice(len(content) // 8, len(content) // 2)
        content[middle] = bytes(len(content[middle]))
        path.write_bytes(content)
        with pytest.raises(errors.InvalidModel, match="cannot be loaded as"):
            sr.pipeline(f"torch:{path}")


def test_a_pickle_in_a_model_file_is_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    for name, new in (("new.pt", True), ("old.pt", False)):
        torch.save(Trap(), tmp_path / name, _use_new_zipfile_serialization=new)
        with pytest.raises(errors.InvalidModel):
            sr.pipeline(f"torch:{tmp_path / name}")
    assert not (tmp_path / "sprung").exists()


def test_files_that_are_no_onnx_network_are_refused(tmp_path: Path, frame: np.ndarray) -> None:
    (tmp_path / "noise.onnx").write_bytes(np.random.default_rng(0).bytes(500))
    (tmp_path / "empty.onnx").write_bytes(b"")
    whole = onnx_blur(tmp_path / "whole.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[: len(whole) // 2])
    for name in ("noise.onnx", "empty.onnx", "cut.onnx"):
        with pytest.raises(errors.InvalidModel, match="cannot be loaded") as caught:
            sr.pipeline(f"onnx:{tmp_path / name}")
        assert "\n" not in str(caught.value)
    cases = {
        "two.onnx": ({"outputs": 2}, "returns 2 outputs"),
        "whole.onnx": ({"kind": TensorProto.INT32}, "int32|cannot be loaded"),
        "three.onnx": ({"shape": (1, 32, 32)}, "three axes|cannot be loaded"),
        "rgb.onnx": ({"shape": (1, 3, 32, 32)}, "3 channels|cannot be loaded"),
    }
    for name, (settings, message) in cases.items():
        with pytest.raises((errors.InvalidModel, errors.InvalidOption), match=message):
            sr.pipeline(f"onnx:{onnx_blur(tmp_path / name, **settings)}")  # type: ignore[arg-type]  # mixed on purpose


def test_weights_beside_an_onnx_model_are_read_and_hashed(tmp_path: Path, frame: np.ndarray) -> None:
    import onnx

    whole = onnx_blur(tmp_path / "whole.onnx")
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub" / "m.onnx"
    name = "w" * 140 + ".bin"  # a name whose length takes two bytes in ONNX's encoding
    onnx.save(onnx.load(str(whole)), str(path), save_as_external_data=True, location=name, size_threshold=0)
    pipeline: Any = sr.pipeline(f"onnx:{path},{KEYS}")
    np.testing.assert_array_equal(pipeline.mask(frame), sr.pipeline(f"onnx:{whole},{KEYS}").mask(frame))  # type: ignore[attr-defined]
    config = pipeline.config()
    data = (tmp_path / "sub" / name).read_bytes()
    assert config["model_files"] == {file: hashlib.sha256((path.parent / file).read_bytes()).hexdigest() for file in ("m.onnx", name)}
    (tmp_path / "sub" / name).write_bytes(data[::-1])
    assert sr.pipeline(f"onnx:{path},{KEYS}").config()["model_sha256"] != config["model_sha256"]
    (tmp_path / "sub" / name).unlink()
    with pytest.raises(errors.InvalidModel, match="which is not there"):
        sr.pipeline(f"onnx:{path}")


@pytest.mark.parametrize("place", ["../outside.bin", "{folder}/outside.bin", "sub/link.bin"])
def test_an_onnx_model_may_not_pull_in_files_of_other_folders(tmp_path: Path, place: str) -> None:
    import onnx

    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "outside.bin").write_bytes(bytes(36))
    (folder / "sub" / "link.bin").symlink_to(tmp_path / "outside.bin")
    model = onnx.load(str(onnx_blur(folder / "m.onnx")))
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], place.format(folder=tmp_path), 0, 36)
    model.graph.initializer[0].ClearField("raw_data")
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(errors.InvalidModel, match="lie in another folder"):
        sr.pipeline(f"onnx:{folder / 'm.onnx'}")


@pytest.mark.parametrize(
    ("keys", "message"),
    [("window=48", "which the model fixes"), ("border=16", "window > 2"), ("window=8", "window=8")],
)
def test_windows_that_do_not_fit_the_model_are_refused(models: dict[str, str], keys: str, message: str) -> None:
    with pytest.raises((errors.InvalidOption, errors.InvalidSpec), match=message):
        sr.pipeline(f"{models['onnx, fixed size']},{keys}")
    with pytest.raises(errors.InvalidOption, match="without tiles"):
        sr.pipeline(f"{models['torchscript']},border=4")


def test_onnx_without_its_package_names_the_extra(models: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "onnxruntime":
            raise ModuleNotFoundError("No module named 'onnxruntime'", name="onnxruntime")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(errors.MissingExtra, match=r"the extra .onnx.\. Run: .*\bonnx\b"):
        sr.pipeline(models["onnx, fixed size"])


# --- a real trained network -------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def nuclei(shared_data: Path) -> Path:
    return shared_data / "unet2d-nuclei-broad"


def test_the_real_network_reproduces_its_authors_output(nuclei: Path) -> None:
    image, expected = (np.load(nuclei / f"test_{name}.npy")[0, 0] for name in ("input", "output"))
    raw = image.astype(np.uint16)
    np.testing.assert_array_equal(raw, image)
    tables = []
    for spec in (f"onnx:{nuclei / 'weights.onnx'}", f"torch:{nuclei / 'weights.pt'},window=512"):
        pipeline: Any = sr.pipeline(spec)
        # Probabilities after some 20 layers in float32; the authors' own tolerance for other frameworks is 1e-4 and more.
        assert np.abs(pipeline.probability(raw) - expected).max() < 1e-5
        np.testing.assert_array_equal(pipeline.mask(raw), expected > 0.5)
        tables.append(pipeline(raw))
    assert tables[0] == tables[1]
    assert tables[0]["count"] == 64


def test_the_real_network_in_tiles_gives_one_table_from_both_files(nuclei: Path, shared_data: Path) -> None:
    frames = sr.read_frames(f"{shared_data / 'bia-notebooks' / 'IXMtest_A02_s9.tif'}#channel=0")
    assert frames.data[0].shape == (395, 695)
    page = np.pad(frames.data[0], ((0, 125), (0, 0)), mode="reflect")  # 520 rows: TorchScript is not asked for less than its window
    specs = f"onnx:{nuclei / 'weights.onnx'}", f"torch:{nuclei / 'weights.pt'},window=512"
    onnx_table, torch_table = (sr.pipeline(spec)(page) for spec in specs)
    assert onnx_table == torch_table
    assert onnx_table["count"] > 10
