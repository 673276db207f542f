"""cmir's counter-based random draws in numpy, from their definition, independent of native/.

A draw depends only on what it is for: Philox4x32-10 (Salmon et al., Parallel random numbers: as
easy as 1, 2, 3, SC 2011) of the counter (column // 4, example, step, stream << 24 | modality << 12
| environment) under the key (low, high 32 bits of the seed). The four words of a counter serve four
columns in turn.
"""

import numpy as np

NOISE, DROPOUT, WEIGHTS, DROP, EVALUATION = range(5)  # streams: what a draw is for
MAX_PROBABILITY = np.float32(0.95)  # of erase and drop
MASK = 0xFFFFFFFF


def philox(counter, key):
    """Words, uint32 [..., 4], of a counter (four numbers or arrays) and a key (two numbers)."""
    c0, c1, c2, c3 = (np.asarray(word).astype(np.uint64) for word in counter)
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (p1 >> np.uint64(32)) ^ c1 ^ np.uint64(k0), p1 & np.uint64(MASK)
        c2, c3 = (p0 >> np.uint64(32)) ^ c3 ^ np.uint64(k1), p0 & np.uint64(MASK)
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return np.stack(np.broadcast_arrays(c0, c1, c2, c3), axis=-1).astype(np.uint32)


def words(columns, index, step, seed, stream, modality, environment):
    """Words for `columns` columns of each example of index [B], in whole counters: [B, n, 4]."""
    blocks = np.arange((columns + 3) // 4)
    examples = np.asarray(index, dtype=np.int64)[:, None] & MASK
    tag = stream << 24 | modality << 12 | environment
    return philox((blocks, examples, step & MASK, tag), (seed & MASK, seed >> 32 & MASK))


def uniform(word):
    """Numbers in (0, 1): the upper 23 bits of a word, centred, exact in float32."""
    return ((word >> np.uint32(9)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)


def gaussian(word):
    """N(0, 1) from pairs of words (Box and Muller, 1958): [..., 4] to [..., 4]."""
    u = uniform(word).astype(np.float64)
    radius, angle = np.sqrt(-2 * np.log(u[..., 0::2])), 2 * np.pi * u[..., 1::2]
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return pairs.reshape(word.shape).astype(np.float32)


def laplace(word):
    """Laplace draws of mean 0 and variance 1, one a word."""
    v = uniform(word).astype(np.float64) - 0.5
    return (-np.sign(v) * np.log(1 - 2 * np.abs(v)) / np.sqrt(2)).astype(np.float32)


def is_dropped(index, step, seed, modality, modalities, environment, probability):
    """Which examples lose this modality, bool [B].

    Each modality has one uniform and falls where that is below `probability`; where all would, the
    one with the largest stays.
    """
    u = np.stack(
        [
            uniform(words(1, index, step, seed, DROP, m, environment)[:, 0, 0])
            for m in range(modalities)
        ]
    )
    dropped = u < probability  # [M, B]
    kept = u.argmax(axis=0)  # the first of equals
    return dropped[modality] & ~(dropped.all(axis=0) & (kept == modality))


def perturb(x, index, step, seed, modality, modalities, environments, scale=None):
    """x [B, ...] to [1 + K, B, ...]: itself, then a copy under each (kind, intensity).

    Draws are float32, the sum has the type of x. `scale`, float32 [B], multiplies gaussian noise.
    """
    flat = x.reshape(len(x), -1)  # [B, columns]
    columns = flat.shape[1]
    copies = [flat]
    for environment, (kind, intensity) in enumerate(environments, start=1):
        intensity = np.float32(intensity)
        probability = min(intensity, MAX_PROBABILITY)
        if kind == "drop":
            dropped = is_dropped(index, step, seed, modality, modalities, environment, probability)
            copies.append(np.where(dropped[:, None], 0, flat))
            continue
        draw = {"gaussian": gaussian, "laplace": laplace, "erase": uniform}[kind]
        values = draw(words(columns, index, step, seed, NOISE, modality, environment))
        values = values.reshape(len(x), -1)[:, :columns]
        if kind == "erase":
            copies.append(np.where(values < probability, 0, flat))
        else:
            factor = np.full((len(x), 1), intensity)
            if kind == "gaussian" and scale is not None:
                factor = factor * scale[:, None]
            copies.append(flat + factor.astype(x.dtype) * values.astype(x.dtype))
    return np.stack(copies).astype(x.dtype).reshape(len(copies), *x.shape)


def dropout_mask(columns, index, step, seed, layer, environments, probability):
    """float32 [environments, B, columns]: 0 where a unit is dropped, else 1 / (1 - probability).

    `layer` is the modality's number for its encoder, the number of modalities for the head.
    """
    draws = [
        uniform(words(columns, index, step, seed, DROPOUT, layer, e)) for e in range(environments)
    ]
    u = np.stack(draws).reshape(environments, len(index), -1)[..., :columns]
    return np.where(u < np.float32(probability), np.float32(0), np.float32(1 / (1 - probability)))
