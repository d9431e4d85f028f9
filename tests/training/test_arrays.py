"""Networks trained on arrays in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sigmaraw.errors import ShapeMismatch
from sigmaraw.pipelines.unet import UNetDescription
from sigmaraw.training.arrays import fit, output
from sigmaraw.training.config import TrainingPart

PART = TrainingPart(loss="bce", epochs=3, steps=15, batch=4, tile=16, learning_rate=0.02, threads=1)
DESCRIBED = UNetDescription(2, (4, 8), inputs=2, outputs=1)


def _data() -> tuple[np.ndarray, np.ndarray]:
    """Foreground where the second channel is above the first: no single channel shows it."""
    random = np.random.default_rng(3)
    inputs = np.repeat(np.repeat(random.standard_normal((6, 2, 6, 7)), 4, axis=2), 4, axis=3).astype(np.float32)
    return inputs, (inputs[:, 1:] > inputs[:, :1]).astype(np.float32)


def test_a_network_of_two_channels_learns_and_repeats_itself() -> None:
    inputs, targets = _data()
    before = torch.random.get_rng_state()
    steps: list[int] = []
    first, second = (fit(inputs[:5], targets[:5], DESCRIBED, PART, "mask", 1, lambda: steps.append(1)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    assert len(steps) == 2 * 45 and torch.equal(before, torch.random.get_rng_state())
    assert np.mean((output(first, inputs[5:]) > 0) == targets[5:]) > 0.9
    other = fit(inputs[:5], targets[:5], DESCRIBED, PART, "mask", 2)
    assert not torch.equal(first.head.weight, other.head.weight)


@pytest.mark.parametrize(("wrong", "match"), [({"targets": 4}, "targets"), ({"tile": 15}, "tile = 15"), ({"tile": 32}, "tile = 32")])
def test_what_does_not_fit_is_refused(wrong: dict[str, int], match: str) -> None:
    import msgspec

    inputs, targets = _data()
    part = msgspec.structs.replace(PART, tile=wrong.get("tile", 16))
    with pytest.raises(ShapeMismatch, match=match):
        fit(inputs, targets[: wrong.get("targets", 6)], DESCRIBED, part, "mask")
