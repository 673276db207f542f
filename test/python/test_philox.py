"""The noise's definition in numpy: Random123's known answers, distributions, bits."""

import numpy as np
import philox
import pytest

# https://github.com/DEShawResearch/random123, tests/kat_vectors, philox4x32 10
KNOWN = [
    (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def hexadecimal(text):
    return tuple(int(word, 16) for word in text.split())


@pytest.mark.parametrize("counter, key, answer", KNOWN)
def test_known_answers(counter, key, answer):
    assert tuple(philox.philox(hexadecimal(counter), hexadecimal(key))) == hexadecimal(answer)


def test_many_counters_at_once_are_each_alone():
    many = philox.philox((np.arange(5)[None, :], np.arange(3)[:, None], 7, 9), (1, 2))
    assert many.shape == (3, 5, 4)
    assert (many[2, 4] == philox.philox((4, 2, 7, 9), (1, 2))).all()


def test_seed_and_step_use_all_their_bits():
    def draw(seed, step):
        return philox.words(4, [0], step, seed, philox.NOISE, 0, 1)

    assert (draw(1, 0) != draw(1 + (1 << 40), 0)).any()
    assert (draw(1, 0) != draw(1, 1)).any()


def test_uniform_is_exact_and_inside():
    ends = philox.uniform(np.array([0, 0xFFFFFFFF], dtype=np.uint32))
    assert ends.tolist() == [2.0**-24, 1 - 2.0**-24]


@pytest.mark.parametrize("kind, fourth_moment", [(philox.gaussian, 3), (philox.laplace, 6)])
def test_moments(kind, fourth_moment):
    n = kind(philox.words(64, np.arange(4000), 0, 1, philox.NOISE, 0, 1)).astype(np.float64)
    assert abs(n.mean()) < 0.01
    assert abs(n.var() - 1) < 0.02
    assert abs((n**4).mean() - fourth_moment) < 0.05 * fourth_moment


def test_drop_spares_one_modality():
    dropped = np.stack(
        [philox.is_dropped(np.arange(4000), 3, 1, m, 3, 1, np.float32(0.6)) for m in range(3)]
    )
    assert dropped.sum(axis=0).max() == 2
    # P(dropped) = 0.6 - P(all fall) / 3
    assert abs(dropped.mean() - (0.6 - 0.6**3 / 3)) < 0.02


def test_dropout_keeps_the_mean():
    mask = philox.dropout_mask(130, np.arange(500), 3, 9, 0, 2, 0.3)
    assert mask.shape == (2, 500, 130)
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs(mask.mean() - 1) < 0.01
