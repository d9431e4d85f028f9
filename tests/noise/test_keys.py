"""Keys come from identity: known answers, and nothing that should differ may coincide."""

import numpy as np
import pytest

from sigmaraw.errors import InvalidOption
from sigmaraw.noise import keys

# Known answers that the authors publish with Random123 1.x (kat_vectors, threefry 2x32, 20 rounds).
KNOWN = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


@pytest.mark.requirement("R-SAMPLE")
@pytest.mark.parametrize(("key", "counter", "answer"), KNOWN)
def test_threefry_gives_the_published_answers(key, counter, answer):
    words = [np.array([value], dtype=np.uint32) for value in counter]
    found = keys.threefry(np.array(key, dtype=np.uint32), *words)
    assert tuple(int(word[0]) for word in found) == answer


def test_threefry_is_jax_own_generator():
    import jax.numpy as jnp
    from jax.extend.random import threefry_2x32

    key = np.array([17, 2**31 + 5], dtype=np.uint32)
    word0, word1 = np.random.default_rng(0).integers(0, 2**32, (2, 1000), dtype=np.uint32)
    theirs = threefry_2x32(jnp.asarray(key), jnp.stack([jnp.asarray(word0), jnp.asarray(word1)]))
    np.testing.assert_array_equal(np.stack(keys.threefry(key, word0, word1)), theirs)
    np.testing.assert_array_equal(jnp.stack(keys.threefry(jnp.asarray(key), jnp.asarray(word0), jnp.asarray(word1))), theirs)


def test_key_depends_on_all_that_identifies_and_on_nothing_else():
    image = np.arange(12, dtype=np.uint16).reshape(3, 4)
    base = keys.key_words(5, "m", image)
    others = [
        keys.key_words(2**32 + 5, "m", image),
        keys.key_words(6, "m", image),
        keys.key_words(5, "n", image),
        keys.key_words(5, "m", image + np.uint16(1)),
        keys.key_words(5, "m", image.reshape(4, 3)),
        keys.key_words(5, "m", image.astype(np.uint32)),
    ]
    words = {tuple(map(int, key)) for key in [base, *others]}
    assert len(words) == 7
    assert base.dtype == np.uint32
    for same in (image.astype(">u2"), np.asfortranarray(image), np.pad(image, 2)[2:-2, 2:-2]):
        np.testing.assert_array_equal(keys.key_words(5, "m", same), base)


@pytest.mark.requirement("R-SAMPLE")
def test_key_is_pinned():
    """A change of the recipe changes every replica ever recorded, so it must be seen."""
    import hashlib

    digest = hashlib.sha256(b"around-raw|7|2x2|<u2|" + bytes([1, 0, 2, 0, 3, 0, 4, 0])).digest()
    found = keys.key_words(7, "around-raw", np.array([[1, 2], [3, 4]], dtype=np.uint16))
    assert [int(word) for word in found] == [int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")]


def test_counters_of_groups_and_replicas_never_coincide():
    last = keys.MAX_REPLICAS - 2
    parts = [keys.counter_words(group, start, 2) for group in (0, 1, keys.MAX_GROUPS - 1) for start in (0, last)]
    assert len(np.unique(np.concatenate(parts))) == 12
    np.testing.assert_array_equal(keys.counter_words(3, 10, 5), keys.counter_words(3, 8, 20)[2:7])


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "7", None, True, np.bool_(True)])
def test_a_seed_outside_its_domain_is_refused(seed):
    with pytest.raises(InvalidOption, match="seed"):
        keys.key_words(seed, "m", np.zeros((1, 1), np.uint8))


def test_a_numpy_integer_is_a_seed():
    image = np.zeros((2, 2), np.uint8)
    np.testing.assert_array_equal(keys.key_words(np.uint64(2**64 - 1), "m", image), keys.key_words(2**64 - 1, "m", image))


@pytest.mark.parametrize(("group", "start", "count"), [(-1, 0, 1), (4096, 0, 1), (0, -1, 1), (0, 0, 0), (0, 2**20 - 1, 2), (0, 0, 2.0)])
def test_counters_beyond_their_bits_are_refused(group, start, count):
    with pytest.raises(InvalidOption):
        keys.counter_words(group, start, count)
