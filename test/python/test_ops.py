"""torch.ops.cmir against the naive float64 forms of bench/pytorch, and PyTorch's own checks."""

import pytest
import torch
from cmir import FORMS
from torch.library import opcheck

NAIVE = FORMS["naive"]
OPS = torch.ops.cmir
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}  # relative to the largest expected value
# Compiled with symbolic shapes too: the operators' Meta kernels must keep them symbolic.
CHECKS = (
    "test_schema",
    "test_autograd_registration",
    "test_faketensor",
    "test_aot_dispatch_dynamic",
)

both_types = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)


def normal(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=torch.float64).to(dtype)


def close(found, expected):
    """Compares with a float64 form, to the rounding of the type of `found`."""
    assert found.shape == expected.shape
    scale = expected.abs().max().item() if expected.numel() > 0 else 0
    tolerance = TOLERANCE[found.dtype] * max(scale, 1e-30)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)


def compare(operator, naive, inputs):
    """Value, and gradients through autograd for a random incoming gradient."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    references = [x.detach().double().requires_grad_() for x in inputs]
    incoming = normal()
    value, expected = operator(*leaves), naive(*references)
    close(value.detach(), expected.detach())
    found = torch.autograd.grad(value, leaves, incoming.to(value.dtype))
    for gradient, reference in zip(found, torch.autograd.grad(expected, references, incoming)):
        close(gradient, reference)


def layouts(x):
    """The same values contiguous, transposed in memory, and as every other element of more."""
    yield x
    yield x.mT.contiguous().mT
    yield x.repeat_interleave(2, dim=-1)[..., ::2]


def gradcheck(operator, *inputs):
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    assert torch.autograd.gradcheck(operator, inputs, eps=1e-6, atol=1e-6, rtol=1e-4)


def raises(message, call):
    with pytest.raises(RuntimeError, match=message):
        call()


# invariance


@both_types
@pytest.mark.parametrize("environments", [2, 3, 5, 17])
@pytest.mark.parametrize("batch, latent", [(1, 1), (1, 7), (6, 5), (33, 3)])
def test_invariance(environments, batch, latent, dtype):
    for z in layouts(normal(environments, batch, latent, dtype=dtype)):
        compare(OPS.invariance, NAIVE.invariance, [z])
        value, gradient = OPS._invariance(z)
        close(value, NAIVE.invariance(z.double()))
        assert gradient.is_contiguous() and gradient.shape == z.shape


@both_types
def test_invariance_of_ties(dtype):
    z = torch.randint(-1, 2, (5, 40, 3)).to(dtype)
    compare(OPS.invariance, NAIVE.invariance, [z])
    value, gradient = OPS._invariance(torch.ones(4, 2, 3, dtype=dtype))
    assert value == 0 and (gradient == 0).all()


@pytest.mark.parametrize("shape", [(2,), (3, 4), (2, 3, 4, 5)])
def test_invariance_of_any_number_of_dimensions(shape):
    compare(OPS.invariance, NAIVE.invariance, [normal(*shape)])


@pytest.mark.parametrize("environments", [2, 3, 5, 17])
def test_invariance_gradcheck(environments):
    gradcheck(OPS.invariance, normal(environments, 3, 2))


def test_invariance_of_nothing_is_zero():
    value, gradient = OPS._invariance(torch.zeros(3, 0, 4))
    assert value == 0 and gradient.shape == (3, 0, 4)


def test_invariance_keeps_nan():
    z = normal(3, 2, 2)
    z[1, 0, 1] = float("nan")
    value, gradient = OPS._invariance(z)
    expected = NAIVE.invariance(z.requires_grad_())
    assert value.isnan() and expected.isnan()
    # A NaN is neither above nor below the others: as PyTorch's sign has it, it gives no gradient.
    torch.testing.assert_close(gradient, *torch.autograd.grad(expected, z), equal_nan=True)


def test_invariance_refuses():
    raises("at least 2 environments", lambda: OPS.invariance(torch.zeros(1, 3)))
    raises("at least 2 environments", lambda: OPS.invariance(torch.zeros(())))
    for dtype in (torch.int64, torch.float16):
        z = torch.zeros(2, 3, dtype=dtype)
        raises("float32, float64 or bfloat16", lambda z=z: OPS.invariance(z))


# decorrelation

WEIGHTS = [0.0, 0.3, 1.0]


@both_types
@pytest.mark.parametrize("off_diagonal", WEIGHTS)
@pytest.mark.parametrize(
    "environments, batch, latent", [(1, 1, 3), (2, 3, 7), (3, 7, 3), (5, 6, 6), (2, 40, 2)]
)
def test_decorrelation(environments, batch, latent, off_diagonal, dtype):
    shape = environments, batch, latent
    for a, b in zip(layouts(normal(*shape, dtype=dtype)), layouts(normal(*shape, dtype=dtype))):
        compare(
            lambda a, b: OPS.decorrelation(a, b, off_diagonal),
            lambda a, b: NAIVE.decorrelation(a, b, off_diagonal),
            [a, b],
        )
        value, *gradients = OPS._decorrelation(a, b, off_diagonal)
        close(value, NAIVE.decorrelation(a.double(), b.double(), off_diagonal))
        assert [gradient.shape for gradient in gradients] == [shape, shape]


@both_types
@pytest.mark.parametrize("batch", [1, 40])
def test_decorrelation_of_one_column(batch, dtype):
    """Every row is normalised to 1 or -1: all cosines squared are 1, and nothing has a gradient."""
    parts = normal(2, batch, 1, dtype=dtype), normal(2, batch, 1, dtype=dtype)
    value, *gradients = OPS._decorrelation(*parts, 0.5)
    assert value.item() == pytest.approx(1 + 0.25 * (batch - 1), rel=TOLERANCE[dtype])
    for gradient, part in zip(gradients, parts):
        assert (gradient * part).abs().max() < TOLERANCE[dtype]


@pytest.mark.parametrize("batch", [2, 9])
def test_decorrelation_of_zero_rows(batch):
    invariant, spurious = normal(2, batch, 4), normal(2, batch, 4)
    invariant[0, 1] = spurious[1, 0] = 0
    value, *gradients = OPS._decorrelation(invariant, spurious, 0.3)
    close(value, NAIVE.decorrelation(invariant, spurious, 0.3))
    inputs = [invariant.requires_grad_(), spurious.requires_grad_()]
    expected = torch.autograd.grad(NAIVE.decorrelation(*inputs, 0.3), inputs)
    for gradient, reference, zero in zip(gradients, expected, [(0, 1), (1, 0)]):
        assert gradient.isfinite().all() and (gradient[zero] == 0).all()
        close(gradient, reference)


@pytest.mark.parametrize("off_diagonal", WEIGHTS)
@pytest.mark.parametrize("batch, latent", [(1, 4), (3, 5), (5, 3)])
def test_decorrelation_gradcheck(batch, latent, off_diagonal):
    parts = normal(2, batch, latent), normal(2, batch, latent)
    gradcheck(lambda a, b: OPS.decorrelation(a, b, off_diagonal), *parts)


def test_decorrelation_of_nothing_is_zero():
    for shape in [(2, 0, 3), (0, 2, 3), (2, 3, 0)]:
        value, *gradients = OPS._decorrelation(torch.zeros(shape), torch.zeros(shape), 0.3)
        assert value == 0 and [gradient.shape for gradient in gradients] == [shape, shape]


@pytest.mark.parametrize("batch", [2, 9])
def test_decorrelation_keeps_nan(batch):
    invariant = normal(2, batch, 4)
    invariant[1, 1, 2] = float("nan")
    value, gradient, _ = OPS._decorrelation(invariant, normal(2, batch, 4), 0.3)
    assert value.isnan() and gradient[1, 1].isnan().all()


def test_decorrelation_refuses():
    z = torch.zeros(2, 3, 4)
    raises("one shape", lambda: OPS.decorrelation(z, torch.zeros(2, 3, 5), 0.3))
    raises("one shape", lambda: OPS.decorrelation(z[0], z[0], 0.3))
    raises("one type", lambda: OPS.decorrelation(z, z.double(), 0.3))
    raises("float32, float64 or bfloat16", lambda: OPS.decorrelation(z.long(), z.long(), 0.3))
    for off_diagonal in (-0.1, 1.1, float("nan")):
        raises("off_diagonal in", lambda: OPS.decorrelation(z, z, off_diagonal))


# reconstruction


@both_types
@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 1, 5), (2, 6, 3), (5, 33, 7)])
@pytest.mark.parametrize("clean", [False, True])
def test_reconstruction(shape, clean, dtype):
    for output, target in zip(
        layouts(normal(*shape, dtype=dtype)), layouts(normal(*shape, dtype=dtype))
    ):
        target = target[0] if clean else target
        compare(
            lambda output: OPS.reconstruction(output, target),
            lambda output: NAIVE.reconstruction(output, target.double()),
            [output],
        )
        value, gradient = OPS._reconstruction(output, target)
        close(value, NAIVE.reconstruction(output.double(), target.double()))
        assert gradient.shape == shape


def test_reconstruction_gradcheck():
    target = normal(2, 3)
    gradcheck(lambda output: OPS.reconstruction(output, target), normal(4, 2, 3))


def test_reconstruction_of_nothing_is_zero():
    value, gradient = OPS._reconstruction(torch.zeros(2, 0, 3), torch.zeros(0, 3))
    assert value == 0 and gradient.shape == (2, 0, 3)


def test_reconstruction_keeps_nan():
    output = normal(2, 2, 2)
    output[1, 0, 1] = float("nan")
    value, gradient = OPS._reconstruction(output, normal(2, 2))
    assert value.isnan() and gradient[1, 0, 1].isnan() and gradient.isnan().sum() == 1


def test_reconstruction_refuses():
    output = torch.zeros(2, 3, 4)
    raises(r"target \[E, B, D\] or \[B, D\]", lambda: OPS.reconstruction(output, torch.zeros(3, 5)))
    raises(r"target \[E, B, D\] or \[B, D\]", lambda: OPS.reconstruction(output, torch.zeros(4)))
    raises("expected output", lambda: OPS.reconstruction(output[0], output[0]))
    raises("one type", lambda: OPS.reconstruction(output, output.double()))
    raises("float32, float64 or bfloat16", lambda: OPS.reconstruction(output.int(), output.int()))
    raises(
        "the target is a constant",
        lambda: OPS.reconstruction(output, torch.zeros(3, 4, requires_grad=True)),
    )


# all constraints


CONSTRAINTS = {
    "invariance": OPS.invariance,
    "decorrelation": lambda z: OPS.decorrelation(z, z.flip(-1), 0.3),
    "reconstruction": lambda z: OPS.reconstruction(z, torch.ones_like(z[0])),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_differentiating_twice_is_an_error(name):
    """Also where the gradient depends on the input in other ways, which would hide the omission."""
    x = normal(2, 3, 4).requires_grad_()
    (gradient,) = torch.autograd.grad(CONSTRAINTS[name](x.square()), x, create_graph=True)
    raises("cannot be differentiated twice", lambda: gradient.sum().backward())


def gradient_of(operator, z):
    z = z.detach().clone().requires_grad_()
    value = operator(z)
    return value.detach(), *torch.autograd.grad(value, z)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_threads_change_no_more_than_rounding(name):
    z = normal(4, 9000, 4)
    one = gradient_of(CONSTRAINTS[name], z)
    torch.set_num_threads(4)
    for found, expected in zip(gradient_of(CONSTRAINTS[name], z), one):
        close(found, expected)


def differentiable(*shape):
    return normal(*shape).requires_grad_()


def noise(x, index, *scale):
    return x, index, torch.tensor(7), 1 << 40, 1, 3, [0, 1, 2, 3], [0.5, 0.5, 0.5, 0.5], *scale


SAMPLES = {
    "invariance": [
        lambda: (differentiable(3, 4, 2),),
        lambda: (normal(3, 4, 2),),
        lambda: (differentiable(2),),
        lambda: (differentiable(3, 0, 2),),
        lambda: (normal(3, 4, 2).bfloat16().mT.requires_grad_(),),
    ],
    "_invariance": [lambda: (normal(3, 4, 2),), lambda: (normal(3, 4, 2).mT,)],
    "decorrelation": [
        lambda: (differentiable(2, 5, 3), differentiable(2, 5, 3), 0.3),
        lambda: (differentiable(2, 5, 3), normal(2, 5, 3), 0.3),
        lambda: (normal(2, 5, 3), differentiable(2, 5, 3), 0.3),
        lambda: (*differentiable(2, 3, 8).float().chunk(2, dim=-1), 1.0),
    ],
    "_decorrelation": [
        lambda: (normal(2, 3, 5), normal(2, 3, 5), 0.3),
        lambda: (*normal(2, 3, 8).bfloat16().chunk(2, dim=-1), 0.0),
    ],
    "reconstruction": [
        lambda: (differentiable(2, 4, 3), normal(4, 3)),
        lambda: (differentiable(2, 4, 3), normal(2, 4, 3).mT.contiguous().mT),
    ],
    "_reconstruction": [
        lambda: (normal(2, 4, 3), normal(2, 4, 3)),
        lambda: (normal(2, 4, 3).float(), normal(4, 3).float()),
    ],
    "perturb": [
        lambda: noise(differentiable(5, 3), torch.arange(5), torch.rand(5)),
        lambda: noise(normal(5, 3, 2).bfloat16(), torch.arange(10)[::2]),
        lambda: noise(differentiable(0, 3), torch.arange(0)),
    ],
}


def test_every_operator_is_checked():
    registered = {
        name for name in torch._C._dispatch_get_all_op_names() if name.startswith("cmir::")
    }
    assert registered == {f"cmir::{name}" for name in SAMPLES}


@pytest.mark.parametrize(
    "name, sample",
    [(name, sample) for name, samples in SAMPLES.items() for sample in samples],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_opcheck(name, sample):
    results = opcheck(getattr(OPS, name).default, sample(), test_utils=CHECKS)
    assert set(results.values()) == {"SUCCESS"}
