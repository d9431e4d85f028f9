"""A study's plan on dask, and its record as any other: verified, and rendered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sigmaraw.record import Record
from sigmaraw.reproduce import cunha_observers
from sigmaraw.study.run import run
from sigmaraw.virtual import VirtualCamera
from sigmaraw.virtual.vessels import vessel_volume
from tests.cli.conftest import sigmaraw  # noqa: F401 (a fixture)

pytest.importorskip("distributed", reason="the extra dask is not installed")


@pytest.mark.slow
def test_a_studys_plan_on_dask_gives_the_same_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sigmaraw: Callable) -> None:  # noqa: F811
    given: list[tuple[tuple[Any, ...], Record]] = []

    def kept(*arguments: Any, **options: Any) -> Record:
        record = run(*arguments, **options)
        given.append((arguments, record))
        return record

    monkeypatch.setattr(cunha_observers, "run", kept)
    camera = VirtualCamera(shape=(32, 32), seed=5)
    raw = np.stack([camera.acquire(plane, 1, [5, number])[0] for number, plane in enumerate(vessel_volume((8, 32, 32), 5).mean_e)])
    specs = ["lossless", "jpeg2000:ratio=10"]
    cunha_observers._verdicts(tmp_path, raw, camera, specs, 5, 5, lambda *_: None, True)
    [(arguments, record)] = given
    again = run(*arguments, engine="dask", workers=1)
    assert again.document["digest"] == record.document["digest"]
    np.testing.assert_array_equal(again.dataset["codec_prediction"].values, record.dataset["codec_prediction"].values)
    study = tmp_path / "vessels" / "study"
    assert sigmaraw("verify", study).code == 0
    assert sigmaraw("report", study, "--format", "html").code == 0
    assert "otsu:measure=length+volume" in (study / "report.html").read_text(encoding="utf-8")
