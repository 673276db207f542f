"""torch.ops.cmir.perturb against its definition in numpy (bench/pytorch/philox.py)."""

import philox
import pytest
import torch

KINDS = ("gaussian", "laplace", "erase", "drop")
SEED = 0x123456789ABCD
STEP = 5
MODALITIES = 3
MIXED = [("gaussian", 0.5), ("laplace", 0.25), ("erase", 0.4), ("drop", 0.6), ("gaussian", 1.5)]


def perturb(x, index, environments, step=STEP, seed=SEED, modality=1, scale=None):
    kinds = [KINDS.index(kind) for kind, _ in environments]
    intensities = [intensity for _, intensity in environments]
    return torch.ops.cmir.perturb(
        x, index, torch.tensor(step), seed, modality, MODALITIES, kinds, intensities, scale
    )


def by_definition(x, index, environments, step=STEP, seed=SEED, modality=1, scale=None):
    scale = None if scale is None else scale.numpy()
    out = philox.perturb(
        x.numpy(), index.numpy(), step, seed, modality, MODALITIES, environments, scale
    )
    return torch.from_numpy(out)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [(6, 1), (6, 4), (6, 7), (5, 129), (4, 3, 5)])
@pytest.mark.parametrize("modality", [0, 2])
def test_definition(shape, modality, dtype):
    x = torch.randn(shape, dtype=dtype)
    index = torch.arange(len(x)) * 991 + 5
    found = perturb(x, index, MIXED, modality=modality)
    expected = by_definition(x, index, MIXED, modality=modality)
    assert found.dtype == dtype and found.shape == (6, *shape)
    assert torch.equal(found[0], x)
    assert torch.equal(found[3:5], expected[3:5])  # masks agree exactly
    # Draws are float32 whatever x is; a draw is at most about 6, an ulp of it 5e-7.
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_mean_of_frames_has_noise_of_its_own_scale(dtype):
    x, index = torch.randn(6, 13, dtype=dtype), torch.arange(6) * 991 + 5
    scale = torch.tensor([1, 0.5, 0, 0.3, 2, 1 / 7])
    found = perturb(x, index, MIXED, scale=scale)
    expected = by_definition(x, index, MIXED, scale=scale)
    torch.testing.assert_close(found, expected, rtol=0, atol=4e-6)
    assert torch.equal(found[1][2], x[2]) and not torch.equal(found[1][3], x[3])


@pytest.mark.parametrize("seed, step", [(0, 0), (1, 1), ((1 << 53) - 1, (1 << 32) + 3)])
def test_every_bit_of_the_key(seed, step):
    x, index = torch.zeros(3, 9), torch.tensor([0, (1 << 32) - 1, 1 << 31])
    found = perturb(x, index, MIXED, step=step, seed=seed)
    expected = by_definition(x, index, MIXED, step=step, seed=seed)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("probability", [0.3, 0.95, 4])
def test_drop_leaves_every_example_something(probability):
    index = torch.arange(2000)
    kept = []
    for modality in range(MODALITIES):
        out = perturb(torch.ones(2000, 5), index, [("drop", probability)], modality=modality)[1]
        assert torch.equal(out, out[:, :1].expand(-1, 5))
        kept.append(out[:, 0])
    assert torch.stack(kept).sum(dim=0).min() == 1


def test_draws_do_not_depend_on_how_a_batch_is_cut():
    x, index = torch.randn(50, 33), torch.arange(50) * 7
    whole = perturb(x, index, MIXED)
    parts = [perturb(x[rows], index[rows], MIXED) for rows in torch.arange(50).split(8)]
    assert torch.equal(torch.cat(parts, dim=1), whole)
    order = torch.randperm(50)
    assert torch.equal(perturb(x[order], index[order], MIXED), whole[:, order])
    assert torch.equal(perturb(x.T.contiguous().T, index, MIXED), whole)
    assert torch.equal(perturb(x, index.repeat_interleave(2)[::2], MIXED), whole)


def test_draws_do_not_depend_on_threads():
    x, index = torch.randn(3000, 100), torch.arange(3000)
    one = perturb(x, index, MIXED)
    torch.set_num_threads(4)
    assert torch.equal(perturb(x, index, MIXED), one)


def test_the_gradient_is_that_of_fixed_noise():
    x = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    index = torch.arange(4)
    assert torch.autograd.gradcheck(lambda x: perturb(x, index, MIXED), x)
    incoming = torch.randn(6, 4, 6, dtype=torch.float64)
    perturb(x, index, MIXED).backward(incoming)
    masks = [("gaussian", 0), ("laplace", 0), ("erase", 0.4), ("drop", 0.6), ("gaussian", 0)]
    kept = by_definition(torch.ones(4, 6, dtype=torch.float64), index, masks)
    torch.testing.assert_close(x.grad, (incoming * kept).sum(dim=0))


def test_nothing_to_perturb():
    assert perturb(torch.zeros(0, 4), torch.arange(0), MIXED).shape == (6, 0, 4)
    assert perturb(torch.zeros(3, 0), torch.arange(3), MIXED).shape == (6, 3, 0)
    x = torch.randn(3, 4)
    assert torch.equal(perturb(x, torch.arange(3), []), x[None])


def test_nan_stays_nan_and_erased_is_zero():
    out = perturb(torch.full((200, 4), float("nan")), torch.arange(200), MIXED)
    assert out[[0, 1, 2, 5]].isnan().all()
    for masked in (3, 4):
        assert (out[masked].isnan() | (out[masked] == 0)).all()
        assert (out[masked] == 0).any() and out[masked].isnan().any()


X, INDEX, STEP_TENSOR = torch.zeros(2, 3), torch.arange(2), torch.tensor(0)


@pytest.mark.parametrize(
    "message, arguments",
    [
        ("a batch dimension", (torch.tensor(1.0), INDEX, STEP_TENSOR, 1, 0, 1, [0], [1.0])),
        ("float32, float64 or bfloat16", (X.long(), INDEX, STEP_TENSOR, 1, 0, 1, [0], [1.0])),
        (r"index of int64 \[2\]", (X, torch.arange(3), STEP_TENSOR, 1, 0, 1, [0], [1.0])),
        (r"index of int64 \[2\]", (X, INDEX.int(), STEP_TENSOR, 1, 0, 1, [0], [1.0])),
        ("step of int64", (X, INDEX, torch.tensor(0.0), 1, 0, 1, [0], [1.0])),
        ("step of int64", (X, INDEX, torch.zeros(1, dtype=torch.int64), 1, 0, 1, [0], [1.0])),
        ("modality < modalities", (X, INDEX, STEP_TENSOR, 1, 1, 1, [0], [1.0])),
        ("modality < modalities", (X, INDEX, STEP_TENSOR, 1, -1, 1, [0], [1.0])),
        ("one intensity a kind", (X, INDEX, STEP_TENSOR, 1, 0, 1, [0, 1], [1.0])),
        ("expected 0 to 3, found 4", (X, INDEX, STEP_TENSOR, 1, 0, 1, [4], [1.0])),
        ("at least 0, found -1", (X, INDEX, STEP_TENSOR, 1, 0, 1, [0], [-1.0])),
        ("finite", (X, INDEX, STEP_TENSOR, 1, 0, 1, [0], [float("inf")])),
        ("finite", (X, INDEX, STEP_TENSOR, 1, 0, 1, [0], [float("nan")])),
        (
            r"scale of float32 \[2\]",
            (X, INDEX, STEP_TENSOR, 1, 0, 1, [0], [1.0], torch.ones(3)),
        ),
        (
            r"scale of float32 \[2\]",
            (X, INDEX, STEP_TENSOR, 1, 0, 1, [0], [1.0], torch.ones(2, dtype=torch.float64)),
        ),
    ],
)
def test_refuses(message, arguments):
    with pytest.raises(RuntimeError, match=message):
        torch.ops.cmir.perturb(*arguments)
