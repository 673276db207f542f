"""Operators on random shapes, and in bfloat16, against the naive float64 forms."""

import random

import pytest
import torch
from cmir import FORMS
from test_ops import OPS, compare, gradcheck, normal

NAIVE = FORMS["naive"]


def shapes(count):
    """E from 2 to 17, any B, 1 and 2 often, any d of 2 or more (of 1, all directions are one)."""
    draw = random.Random(1)
    for _ in range(count):
        yield draw.randint(2, 17), draw.choice([1, 2, draw.randint(3, 70)]), draw.randint(2, 41)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", shapes(25), ids=str)
def test_random_shapes(shape, dtype):
    wide = normal(*shape[:2], 2 * shape[2], dtype=dtype)
    invariant, spurious = wide.chunk(2, dim=-1)  # rows further apart than they are long
    compare(OPS.invariance, NAIVE.invariance, [invariant])
    for weight in (0.0, 0.4, 1.0):
        compare(
            lambda a, b, weight=weight: OPS.decorrelation(a, b, weight),
            lambda a, b, weight=weight: NAIVE.decorrelation(a, b, weight),
            [invariant, spurious],
        )
    for target in (normal(*shape, dtype=dtype), normal(*shape[1:], dtype=dtype)):
        compare(
            lambda output, target=target: OPS.reconstruction(output, target),
            lambda output, target=target: NAIVE.reconstruction(output, target.double()),
            [invariant],
        )


@pytest.mark.parametrize("shape", shapes(4), ids=str)
def test_random_shapes_gradcheck(shape):
    environments, batch, latent = shape[0], min(shape[1], 5), min(shape[2], 4)
    a, b = normal(environments, batch, latent), normal(environments, batch, latent)
    gradcheck(OPS.invariance, a)
    gradcheck(lambda a, b: OPS.decorrelation(a, b, 0.4), a, b)
    gradcheck(lambda a: OPS.reconstruction(a, b), a)


def rough(found, expected):
    """bfloat16 keeps 8 bits: its results are within 1 % of the largest."""
    assert found.dtype == torch.bfloat16
    atol = 0.01 * max(expected.abs().max().item(), 1e-30)
    torch.testing.assert_close(found.double(), expected.double(), rtol=0, atol=atol)


@pytest.mark.parametrize("shape", [(2, 1, 1), (3, 5, 7), (4, 64, 48), (9, 33, 16)], ids=str)
def test_bfloat16(shape):
    a, b = (normal(*shape).bfloat16() for _ in range(2))
    cases = [
        (OPS._invariance(a), NAIVE.invariance, [a]),
        (OPS._decorrelation(a, b, 0.3), lambda a, b: NAIVE.decorrelation(a, b, 0.3), [a, b]),
        (OPS._reconstruction(a, b), lambda a: NAIVE.reconstruction(a, b.double()), [a]),
    ]
    for (value, *gradients), naive, inputs in cases:
        leaves = [x.double().requires_grad_() for x in inputs]
        expected = naive(*leaves)
        rough(value, expected.detach())
        for gradient, reference in zip(gradients, torch.autograd.grad(expected, leaves)):
            rough(gradient, reference)


def test_bfloat16_noise_is_that_of_float32():
    x, index, step = normal(9, 37).bfloat16(), torch.arange(9), torch.tensor(4)
    options = (index, step, 7, 0, 2, [0, 1, 2, 3], [0.5, 0.5, 0.5, 0.5])
    found = OPS.perturb(x, *options)
    assert found.dtype == torch.bfloat16 and found[0].equal(x)
    assert found.equal(OPS.perturb(x.float(), *options).bfloat16())


def test_bfloat16_sums_in_float32():
    # 4096 ones: in bfloat16 the sum would stop growing at 256.
    z = torch.stack([torch.zeros(1, 4096), torch.ones(1, 4096)]).bfloat16()
    assert OPS.invariance(z) == 1
    assert OPS.reconstruction(z[1:], z[:1]) == 1


def test_autocast_computes_the_constraints_in_float32():
    a, b = (normal(3, 9, 5).bfloat16().requires_grad_() for _ in range(2))
    wide = [x.detach().float().requires_grad_() for x in (a, b)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = (
            OPS.invariance(a),
            OPS.decorrelation(a, b.float(), 0.3),  # of two types, as a model under autocast has them
            OPS.reconstruction(a, b.detach()),
        )
    expected = (
        OPS.invariance(wide[0]),
        OPS.decorrelation(*wide, 0.3),
        OPS.reconstruction(wide[0], wide[1].detach()),
    )
    for value, reference in zip(values, expected):
        assert value.dtype == torch.float32 and value.equal(reference)
    (gradient,) = torch.autograd.grad(sum(values), a)
    (reference,) = torch.autograd.grad(sum(expected), wide[0])
    assert gradient.dtype == torch.bfloat16
    rough(gradient, reference)
