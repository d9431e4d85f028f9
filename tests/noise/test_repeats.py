"""Mode `repeats`: the frames themselves, and how groups share them."""

import numpy as np
import pytest

from sigmaraw.contracts import Measurement, ReplicaRequest
from sigmaraw.errors import BitDepthMismatch, InsufficientRepeats, InvalidOption, ShapeMismatch
from sigmaraw.noise import NoiseModel, draw, split_repeats
from sigmaraw.noise.repeats import Repeats

FRAMES = np.arange(10 * 3 * 4, dtype=np.uint16).reshape(10, 3, 4)


def blocks(frames, n, start=0, batch=None, model=None):
    return list(draw(Repeats(), frames, model, ReplicaRequest(n, start=start, batch=batch)))


@pytest.mark.parametrize("batch", [None, 1, 3, 100])
def test_blocks_are_the_frames(batch):
    parts = blocks(FRAMES, 7, start=2, batch=batch)
    np.testing.assert_array_equal(np.concatenate(parts), FRAMES[2:9])
    assert max(map(len, parts)) == min(batch or 7, 7)


def test_too_few_frames_are_refused():
    with pytest.raises(InsufficientRepeats, match="10 repeated frames"):
        blocks(FRAMES, 9, start=2)
    with pytest.raises(ShapeMismatch):
        blocks(FRAMES[0], 1)
    with pytest.raises(InvalidOption):
        blocks(FRAMES, 0)


def test_frames_are_held_against_the_camera():
    with pytest.raises(BitDepthMismatch):
        blocks(FRAMES, 2, model=NoiseModel(1.0, 0.0, 1.0, 8))
    with pytest.raises(BitDepthMismatch):
        blocks(FRAMES + np.uint16(5000), 2, model=NoiseModel(1.0, 0.0, 1.0, 12))


def test_real_frames_have_no_uncertainty_of_construction():
    assert Repeats().u_mode(Measurement("count", "1", "N", "objects"))[0] == 0


@pytest.mark.parametrize(("available", "groups", "n", "size"), [(100, 5, None, 20), (100, 5, 20, 20), (119, 5, None, 23), (400, 2, 30, 30)])
def test_groups_are_disjoint_where_repeats_suffice(available, groups, n, size):
    split = split_repeats(available, groups, n)
    assert split.independent
    assert split.reason == ""
    used = [index for group in split.groups for index in group]
    assert len(used) == len(set(used)) == size * groups
    assert max(used) < available


@pytest.mark.parametrize(("available", "groups", "n", "size"), [(99, 5, None, 99), (100, 5, 21, 21), (30, 2, 16, 16)])
def test_groups_share_frames_where_they_do_not(available, groups, n, size):
    split = split_repeats(available, groups, n)
    assert not split.independent
    assert "paired" in split.reason
    assert split.groups == (range(size),) * groups


def test_what_cannot_be_split_or_shared_is_refused():
    with pytest.raises(InsufficientRepeats, match="at least 31"):
        split_repeats(30, 2, 31)
    with pytest.raises(InsufficientRepeats, match="1 repeated frame;"):
        split_repeats(1, 2)
    with pytest.raises(InvalidOption):
        split_repeats(30, 0)
