"""Fixtures that several test folders share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Workers, and the commands that tests start, share what JAX compiled: compilation is half the processor time of a run.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).resolve().parents[1] / ".pytest_cache" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

gc.set_threshold(50_000, 20, 100)  # looking for garbage among a worker's objects takes a tenth of a command that runs in it

# A busy machine is no fault of the code: neither a slow first draw nor a slow example fails a test.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep results of codec self-tests, and the log of first reads, in folders of this run: tests never write into the user's.

    Workers share the results: each self-test runs once.
    """
    base = tmp_path_factory.getbasetemp()
    cache = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    cache.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGMARAW_CACHE", str(cache))
        patch.setenv("SIGMARAW_STATE", str(tmp_path_factory.mktemp("state")))
        yield


_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real frames, images and models beside the checkout; tests that need it are skipped where it is not."""
    if not _SHARED_DATA.is_dir():
        pytest.skip("the folder of real data (../shared/data) is not beside this checkout")
    return _SHARED_DATA
