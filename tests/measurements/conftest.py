"""The frame of the tests of pipelines."""

from tests.pipelines.conftest import frame

__all__ = ["frame"]
