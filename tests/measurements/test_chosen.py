"""What a specification chooses: names, keys, functions, files, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import sigmaraw as sr
from sigmaraw import errors
from sigmaraw.measurements import describe, parse_pixel_size


def test_a_pipeline_measures_what_is_chosen_in_the_units_of_the_pixel_size(frame: np.ndarray) -> None:
    pipeline = sr.pipeline('otsu:measure=count+area+length,pixel_size="0.5,0.2"')
    plain = sr.pipeline("otsu")(frame)
    values = pipeline(frame)
    assert (values["count"], values["area"]) == (plain["count"], pytest.approx(plain["area"] * 0.1))
    assert {row.name: row.unit for row in pipeline.measurements} == {"count": "1", "area": "um2", "length": "um"}
    assert {row.name: (row.kind, row.studied) for row in pipeline.measurements}["area"] == ("adaptive-area", True)
    assert {row.name: (row.kind, row.studied) for row in pipeline.measurements}["length"] == ("", False)
    copy = pickle.loads(pickle.dumps(sr.pipeline("otsu:measure=texture,texture.levels=5")))  # noqa: S301 - our own bytes
    assert copy.config()["measures"] == [{"name": "texture", "levels": 5, "distance": 1, "where": "image"}]


def test_the_default_names_and_the_word_mask_give_what_they_always_gave(frame: np.ndarray) -> None:
    for spec in ("unet-demo", "unet-demo:measure=mask", "unet-demo:measure=count+area+total_intensity+mean_intensity"):
        pipeline = sr.pipeline(spec)
        assert pipeline(frame) == sr.pipeline("unet-demo")(frame)
        assert [row.kind for row in pipeline.measurements][:2] == ["network-count", "network-area"]


def test_a_function_measures_by_module_or_file(frame: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "def largest(image, labels):\n    return {'n': labels.max(), 'top': image[labels > 0].max()}\n"
    text += "def one(image, labels):\n    image[:] = 0\n    return 3\none.measurements = {'three': 'px'}\n"
    (tmp_path / "some_measures.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    for name in ("some_measures:largest", "some_measures.py:largest", f"{tmp_path}/some_measures.py:largest"):
        pipeline = sr.pipeline(f"otsu:measure=count+{name}")
        values = pipeline(frame)
        assert (values["n"], values["top"]) == (values["count"], frame.max())
        assert [row.name for row in pipeline.measurements] == ["count", "n", "top"]
    pipeline = sr.pipeline("otsu:measure=some_measures:one")
    assert [(row.name, row.unit) for row in pipeline.measurements] == [("three", "px")]
    assert pipeline(frame) == {"three": 3.0}
    assert len(pipeline.config()["measures"][0]["source_sha256"]) == 64


def test_a_toml_file_says_the_same(frame: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "reference.npy", frame)
    path = tmp_path / "p.toml"
    path.write_text(
        'spec = "otsu"\nmeasure = ["count", "texture", "pcc"]\npixel_size = [0.5, 0.5]\n[texture]\n'
        'levels = 9\n[pcc]\nreference = "reference.npy"\n'
    )
    pipeline = sr.pipeline(path)
    assert pipeline.config()["measures"][1]["levels"] == 9
    assert pipeline(frame)["pcc"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("otsu:measure=cuont", errors.UnknownName, "Did you mean 'count'"),
        ("otsu:measure=glcm", errors.UnknownName, "Write texture"),
        ("otsu:measure=count+", errors.InvalidSpec, "joined by"),
        ("otsu:measure=count+count", errors.InvalidSpec, "each once"),
        ("otsu:texture.levels=3", errors.InvalidSpec, "Add texture to measure"),
        ("otsu:measure=texture,texture.lev=3", errors.InvalidSpec, r"texture\.levels"),
        ("otsu:measure=texture,texture.levels=1", errors.InvalidSpec, "levels=1"),
        ("otsu:measure=pcc", errors.InvalidSpec, r"Add pcc\.reference"),
        ("otsu:pixel_size=0", errors.InvalidSpec, "pixel_size=0"),
        ("otsu:pixel_size=1|2|3|4", errors.InvalidSpec, "each axis"),
        ("otsu:measure=no_such_module:f", errors.InvalidSpec, "no_such_module"),
        ("otsu:measure=none.py:f", errors.InvalidSpec, r"none\.py does not exist"),
        ("intensity:texture.levels=3", errors.InvalidSpec, "texture.levels"),
    ],
)
def test_a_wrong_choice_is_refused_in_one_line(spec: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        sr.pipeline(spec)
    assert "\n" not in str(caught.value)


def test_pixel_sizes_are_read_with_any_of_the_separators() -> None:
    assert parse_pixel_size("1,2,3") == parse_pixel_size("1|2|3") == parse_pixel_size("1 2 3") == (1, 2, 3)


def test_the_listing_says_names_units_and_keys() -> None:
    rows = {row["name"]: row for row in describe()}
    assert rows["area"]["measurements"] == [{"name": "area", "unit": "px", "definition": "pixels inside the objects"}]
    assert [entry["name"] for entry in rows["texture"]["parameters"]] == ["levels", "distance", "where"]
    assert all(row["summary"].endswith(".") for row in rows.values())
