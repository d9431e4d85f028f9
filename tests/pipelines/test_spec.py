"""What users write: names with keys, module:function, TOML files, functions, and everything that is refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw import errors
from sigmaraw.pipelines import describe

FRAME = np.arange(48, dtype=np.uint16).reshape(6, 8)


# --- functions --------------------------------------------------------------------------------------------------------
def test_a_function_by_name_gives_its_numbers_as_floats() -> None:
    pipeline = sr.pipeline("tests.pipelines.own_functions:moments")
    assert pipeline(FRAME) == {"mean": 23.5, "top": 47.0, "bright": 1.0, "whole": 3.0}
    assert [row.name for row in pipeline.measurements] == ["mean", "top", "bright", "whole"]
    assert {row.unit for row in pipeline.measurements} == {"1"}
    np.testing.assert_array_equal(pipeline.batch(np.stack([FRAME, FRAME + 1]))["top"], [47.0, 48.0])
    assert len(pipeline.config()["source_sha256"]) == 64


def test_measurements_are_unknown_before_the_first_call_unless_the_function_states_them() -> None:
    with pytest.raises(errors.InvalidPrediction, match="not declared"):
        _ = sr.pipeline("tests.pipelines.own_functions:moments").measurements
    (mean,) = sr.pipeline("tests.pipelines.own_functions:declared").measurements
    assert (mean.name, mean.unit) == ("mean", "DN")
    (count,) = sr.pipeline("tests.pipelines.own_functions:counted").measurements
    assert count.discrete
    assert count.definition == "always two"


def test_a_function_itself_is_taken_and_travels() -> None:
    from tests.pipelines import own_functions

    pipeline = sr.pipeline(own_functions.moments)
    assert pipeline.spec == "tests.pipelines.own_functions:moments"
    assert pickle.loads(pickle.dumps(pipeline))(FRAME) == pipeline(FRAME)  # noqa: S301 - our own bytes


def test_a_function_that_works_in_place_does_not_reach_the_callers_image() -> None:
    frame = FRAME + 5
    assert sr.pipeline("tests.pipelines.own_functions:in_place")(frame) == {"top": 47.0}
    assert frame.min() == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("worded", "answer = str 'many'"),
        ("infinite", "answer = float inf"),
    ],
)
def test_predictions_that_are_no_named_numbers_are_refused(name: str, message: str) -> None:
    with pytest.raises(errors.InvalidPrediction, match=message):
        sr.pipeline(f"tests.pipelines.own_functions:{name}")(FRAME)


def test_names_must_not_change_between_images() -> None:
    pipeline = sr.pipeline("tests.pipelines.own_functions:fickle")
    pipeline(FRAME)
    with pytest.raises(errors.InvalidPrediction, match="returned bright; expected dark for every image"):
        pipeline(FRAME + 100)


def test_a_module_in_the_working_folder_is_found_but_shadows_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine_here.py").write_text("def f(image):\n    return {'a': 1}\n")
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')\n")
    code = "import sigmaraw as sr, numpy as np; print(sr.pipeline('mine_here:f')(np.zeros((4, 4), np.uint8)))"
    # -P: the working folder is not on the path to begin with, as for an installed command.
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert result.stdout.strip() == "{'a': 1.0}", result.stderr


# --- refusals ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("otzu", errors.UnknownName, "Did you mean 'otsu'"),
        ("otsu:min_sise=3", errors.InvalidSpec, "Did you mean 'min_size'"),
        ("otsu:min_size=-1", errors.InvalidSpec, "min_size=-1"),
        ("otsu:min_size=many", errors.InvalidSpec, "min_size=many"),
        ("otsu:connectivity=6", errors.InvalidSpec, "one of 4, 8"),
        ("onnx", errors.InvalidSpec, "'onnx' without 'model'"),
        ("onnx:none.onnx", errors.InputNotFound, "none.onnx does not exist"),
        ("torch:none.pt2", errors.InputNotFound, "none.pt2 does not exist"),
        ("torch:none.pt2,pre=magic", errors.InvalidSpec, "one of zscore, minmax"),
        ("unet-demo:weights=none.safetensors", errors.InputNotFound, "none.safetensors does not exist"),
        ("none.toml", errors.InputNotFound, "none.toml does not exist"),
        ("model.onnx", errors.InvalidSpec, "Write onnx:model.onnx"),
        ("no_such_module:f", errors.InvalidSpec, "No module named 'no_such_module'"),
        ("no.such.module:f", errors.InvalidSpec, "cannot be imported"),
        ("tests.pipelines.own_functions:absent", errors.InvalidSpec, "no function 'absent'"),
        ("tests.pipelines.own_functions:value", errors.InvalidSpec, "something else than a function"),
        ("tests.pipelines.own_functions:moments,min_size=3", errors.InvalidSpec, "has keys"),
        ("", errors.InvalidSpec, "not a specification"),
        (3, errors.InvalidOption, "a int as pipeline"),
        (Path("model.h5"), errors.InvalidSpec, "neither a pipeline nor a model file"),
        (Path("none.onnx"), errors.InputNotFound, "none.onnx does not exist"),
    ],
)
def test_a_wrong_specification_is_refused_in_one_line(spec: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        sr.pipeline(spec)  # type: ignore[arg-type]  # wrong on purpose
    assert "\n" not in str(caught.value)


def test_a_module_that_fails_to_import_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_module.py").write_text("import module_that_is_not_there\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(errors.InvalidSpec, match="module_that_is_not_there"):
        sr.pipeline("broken_module:f")


# --- TOML -------------------------------------------------------------------------------------------------------------
def test_a_toml_file_gives_the_same_settings_as_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text('spec = "otsu"\nmin_size = 7\nconnectivity = 4\n')
    pipeline = sr.pipeline(path)
    assert pipeline.spec == str(path)
    expected = sr.pipeline("otsu:min_size=7,connectivity=4").config()
    assert {**pipeline.config(), "spec": 0} == {**expected, "spec": 0}
    assert sr.pipeline(str(path))(FRAME) == pipeline(FRAME)
    json.dumps(pipeline.config(), allow_nan=False)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("spec = ", errors.UnreadableFile, "not TOML"),
        ("min_size = 3", errors.InvalidSpec, "names no pipeline"),
        ('spec = "otsu"\nmin_size = [3]', errors.InvalidSpec, "min_size in .* is a list"),
        ('spec = "otsu"\nmin_size = 2.5', errors.InvalidSpec, "min_size=2.5"),
        ('spec = "otsu:min_size=3"\nmin_size = 3', errors.InvalidSpec, "min_size given twice"),
        ('spec = "otsu"\ncolour = true', errors.InvalidSpec, "no key 'colour'"),
        ('spec = "other.toml"', errors.InvalidSpec, "another TOML file"),
        ('model = "m.h5"', errors.InvalidSpec, "neither a pipeline nor a model file"),
        ('model = "m.onnx"', errors.InputNotFound, "m.onnx does not exist"),
        ('spec = "tests.pipelines.own_functions:moments"\nmin_size = 3', errors.InvalidSpec, "has keys"),
    ],
)
def test_a_wrong_toml_file_is_refused(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(error, match=message):
        sr.pipeline(path)


# --- travelling and listing -------------------------------------------------------------------------------------------
def test_a_pipeline_travels_with_its_settings() -> None:
    pipeline = sr.pipeline("otsu:min_size=9")
    copy = pickle.loads(pickle.dumps(pipeline))  # noqa: S301 - our own bytes
    assert copy.config() == pipeline.config()
    assert copy(FRAME) == pipeline(FRAME)


def test_the_listing_has_a_line_and_the_keys_of_every_pipeline() -> None:
    rows = {row["name"]: row for row in describe()}
    assert {"otsu", "unet-demo", "torch", "onnx"} <= set(rows)
    assert all(row["summary"].endswith(".") for row in rows.values())
    assert {"pre", "post", "threshold", "min_size", "window", "border"} <= {row["name"] for row in rows["onnx"]["parameters"]}


def test_classical_pipelines_do_not_load_torch() -> None:
    code = "import sys, sigmaraw as sr; sr.pipeline('otsu'); sys.exit('torch' in sys.modules or 'jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_file_that_a_toml_file_names_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, elsewhere = tmp_path / "beside", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for name in ("flat", "dark"):
        np.save(folder / f"{name}.npy", np.full((2, 4, 8), 900 if name == "flat" else 100, np.uint16))
    np.save(folder / "angles.npy", np.arange(5.0))
    (folder / "mine.py").write_text("def bright(image):\n    return image > 500\n")
    recon, labels = folder / "recon.toml", folder / "labels.toml"
    recon.write_text("spec = 'recon'\nthen = 'otsu'\nflat = 'flat.npy'\ndark = 'dark.npy'\nangles = 'angles.npy'\nlow = 0\nhigh = 1\n")
    settings = sr.pipeline(recon).settings
    assert [settings[name] for name in ("flat", "dark", "angles")] == [str(folder / f"{name}.npy") for name in ("flat", "dark", "angles")]
    image = np.arange(1600, dtype=np.uint16).reshape(40, 40)
    for text in ("spec = 'labels:mine.py:bright'\n", "spec = 'labels'\nfunction = 'mine.py:bright'\n"):
        labels.write_text(text)
        assert sr.pipeline(labels)(image)["area"] == 1600 - 501
    labels.write_text("spec = 'labels:tests.study.study_pipelines:bright_parts'\n")
    assert sr.pipeline(labels).settings["function"] == "tests.study.study_pipelines:bright_parts"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("import no_such_package.part", "Install no_such_package into the environment"),
        ("def f(image:", r"Correct .*wrong_file\.py\.$"),
        ("1 / 0", r"Correct .*wrong_file\.py\.$"),
    ],
)
def test_a_file_that_fails_to_import_gets_a_remedy_that_fits(code: str, remedy: str, tmp_path: Path) -> None:
    (tmp_path / "wrong_file.py").write_text(code + "\n")
    with pytest.raises(errors.InvalidSpec, match=remedy):
        sr.pipeline(f"{tmp_path / 'wrong_file.py'}:f")
    with pytest.raises(errors.InvalidSpec, match="Check the name, and put"):
        sr.pipeline(f"{tmp_path / 'absent.py'}:f")


def test_a_torch_module_is_refused_with_what_to_do() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(errors.InvalidOption, match=r"the torch module Conv2d as pipeline.*torch\.export\.save"):
        sr.pipeline(torch.nn.Conv2d(1, 1, 3))
