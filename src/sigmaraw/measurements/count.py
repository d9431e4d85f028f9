"""Number of objects."""

from __future__ import annotations

from sigmaraw.contracts import LabelledImage, Measure, Measurement


class Count(Measure):
    """Number of objects."""

    name = "count"
    rows = (Measurement("count", "1", "N", "number of objects", discrete=True),)

    def __call__(self, labelled: LabelledImage) -> dict[str, float]:
        """Return N."""
        return {"count": float(labelled.count)}
