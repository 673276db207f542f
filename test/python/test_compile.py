"""torch.ops.cmir under torch.compile, torch.export, torch.func and autocast."""

import subprocess
import sys

import pytest
import torch
from conftest import LIBRARY, ROOT
from torch.autograd import forward_ad
from torch.func import grad, hessian, jvp, vmap

OPS = torch.ops.cmir
KINDS, INTENSITIES = [0, 1, 2, 3], [0.5, 0.5, 0.5, 0.5]


def perturb(x, index, step):
    return OPS.perturb(x, index, step, 1 << 40, 1, 3, KINDS, INTENSITIES)


def objective(x, index, step, target):
    """All operators, with what torch.compile can fuse around them."""
    noisy = perturb(x.sin(), index, step)
    first, second = noisy.tanh(), noisy.square()
    constraints = OPS.invariance(first) + OPS.decorrelation(first, second, 0.3)
    return constraints + OPS.reconstruction(second, target) + noisy.square().mean()


def batch(rows, step):
    return torch.randn(rows, 3), torch.arange(rows) * 7, torch.tensor(step), torch.randn(rows, 3)


def value_and_gradient(function, x, *rest):
    x = x.clone().requires_grad_()
    value = function(x, *rest)
    return value.detach(), *torch.autograd.grad(value, x)


def agree(function, *inputs):
    found = value_and_gradient(function, *inputs)
    torch.testing.assert_close(found, value_and_gradient(objective, *inputs))


class Counted:
    """A backend of torch.compile that counts the graphs it is given."""

    def __init__(self, backend):
        self.backend = torch._dynamo.lookup_backend(backend)
        self.graphs = 0

    def __call__(self, graph, inputs):
        self.graphs += 1
        return self.backend(graph, inputs)


@pytest.fixture(autouse=True)
def compiled_anew():
    torch._dynamo.reset()


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_compiled_whole_and_once_for_all_sizes_and_steps(backend):
    counted = Counted(backend)
    compiled = torch.compile(objective, fullgraph=True, dynamic=True, backend=counted)
    agree(compiled, *batch(5, 0))
    first = counted.graphs  # two where torch.compile begins anew to make the intensities constants
    for step, rows in enumerate((8, 13)):
        agree(compiled, *batch(rows, step))
    assert 1 <= first == counted.graphs


def test_compiled_for_one_size():
    compiled = torch.compile(objective, fullgraph=True, dynamic=False, backend="aot_eager")
    for rows in (1, 5, 5):
        agree(compiled, *batch(rows, 2))


def test_compiled_where_sizes_depend_on_values():
    def of_positive(x, index, step, target):
        rows = (index % 3 != 0).nonzero().squeeze(1)
        # As many again, which cannot be known before it runs.
        others = (index % 3 != 0).nonzero().squeeze(1)
        return objective(x[rows], index[others], step, target[others])

    with torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        compiled = torch.compile(of_positive, fullgraph=True, backend="aot_eager")
        for rows in (6, 11):
            inputs = batch(rows, 2)
            found = value_and_gradient(compiled, *inputs)
            torch.testing.assert_close(found, value_and_gradient(of_positive, *inputs))


def test_shapes_that_do_not_fit_are_refused_without_values():
    x, index, step, target = (tensor.to("meta") for tensor in batch(5, 0))
    assert perturb(x, index, step).shape == (5, 5, 3)
    for call, message in (
        (lambda: perturb(x, index[:2], step), r"expected index of int64 \[5\], found Long \[2\]"),
        (lambda: OPS.decorrelation(x[None], target[None, :2], 0.3), "one shape"),
        (lambda: OPS.reconstruction(x[None], target[:2]), "expected output"),
        (lambda: OPS.invariance(x[:1]), "at least 2 environments"),
    ):
        with pytest.raises(RuntimeError, match=message):
            call()


class Module(torch.nn.Module):
    forward = staticmethod(objective)


def test_exported():
    rows = torch.export.Dim("rows")
    shapes = ({0: rows}, {0: rows}, None, {0: rows})
    program = torch.export.export(Module(), batch(5, 1), dynamic_shapes=shapes)
    assert {str(node.target) for node in program.graph.nodes if "cmir" in str(node.target)} == {
        f"cmir.{name}.default"
        for name in ("perturb", "invariance", "decorrelation", "reconstruction")
    }
    inputs = batch(9, 3)
    agree(program.module(), *inputs)
    decomposed = program.run_decompositions().module()
    torch.testing.assert_close(decomposed(*inputs), objective(*inputs))


LOSSES = {
    "invariance": OPS.invariance,
    "decorrelation": lambda z: OPS.decorrelation(z, z.sin(), 0.3),
    "reconstruction": lambda z: OPS.reconstruction(z, torch.ones_like(z)),
    "perturb": lambda z: perturb(z[0], torch.arange(4), torch.tensor(2)).sin().sum(),
}
losses = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


@losses
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_vmap_is_a_loop(loss):
    many = torch.randn(6, 3, 4, 2)
    found, expected = many.clone().requires_grad_(), many.clone().requires_grad_()
    values, loop = vmap(loss)(found), torch.stack([loss(z) for z in expected])
    torch.testing.assert_close(values, loop)
    incoming = torch.randn(6)
    (gradient,) = torch.autograd.grad(values, found, incoming)
    torch.testing.assert_close(gradient, *torch.autograd.grad(loop, expected, incoming))


@losses
def test_torch_func_refuses_to_differentiate(loss):
    z, many = torch.randn(3, 4, 2), torch.randn(5, 3, 4, 2)
    for call in (
        lambda: grad(loss)(z),
        lambda: hessian(loss)(z),
        lambda: jvp(loss, (z,), (z,)),
        lambda: vmap(grad(loss))(many),
    ):
        with pytest.raises(RuntimeError, match="functorch transforms"):
            call()
    with forward_ad.dual_level(), pytest.raises(RuntimeError, match="jvp is not implemented"):
        loss(forward_ad.make_dual(z, torch.ones_like(z)))


def test_perturb_can_be_differentiated_twice():
    x, index, step, _ = batch(6, 4)
    x.requires_grad_()
    (first,) = torch.autograd.grad(perturb(x, index, step).square().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    # Twice the number of copies in which the element was kept.
    ones = OPS.perturb(torch.ones(6, 3), index, step, 1 << 40, 1, 3, KINDS, [0, 0, 0.5, 0.5])
    torch.testing.assert_close(second, 2 * ones.sum(dim=0))


def test_compiled_is_not_differentiated_twice():
    compiled = torch.compile(OPS.invariance, fullgraph=True, backend="aot_eager")
    z = torch.randn(3, 4).requires_grad_()
    (first,) = torch.autograd.grad(compiled(z.square()), z, create_graph=True)
    with pytest.raises(RuntimeError, match="double backward"):
        first.sum().backward()


WITH_GRADIENTS = {
    "_invariance": lambda z: OPS._invariance(z),
    "_decorrelation": lambda z: OPS._decorrelation(z.detach(), z, 0.3),
    "_reconstruction": lambda z: OPS._reconstruction(z.detach(), z),
}


@pytest.mark.parametrize("name", WITH_GRADIENTS)
def test_what_returns_gradients_refuses_to_be_differentiated(name):
    z = torch.randn(3, 4, 2, requires_grad=True)
    message = f"{name}: it returns its gradients .* call {name[1:]}, or detach the inputs"
    with pytest.raises(RuntimeError, match=message):
        WITH_GRADIENTS[name](z)
    with forward_ad.dual_level(), pytest.raises(RuntimeError, match=message):
        WITH_GRADIENTS[name](forward_ad.make_dual(z.detach(), torch.ones_like(z)))
    with torch.no_grad():
        found = WITH_GRADIENTS[name](z)
    torch.testing.assert_close(found, WITH_GRADIENTS[name](z.detach()))
    assert not any(part.requires_grad for part in found)


def test_types_under_autocast():
    z = torch.randn(3, 4, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert OPS.invariance(z.bfloat16()).dtype == torch.float32
        assert OPS.invariance(z.double()).dtype == torch.float64
        assert LOSSES["perturb"](z).dtype == torch.float32
        assert perturb(z[0].bfloat16(), torch.arange(4), torch.tensor(0)).dtype == torch.bfloat16
        assert [part.dtype for part in OPS._invariance(z.bfloat16())] == 2 * [torch.bfloat16]
    with torch.autocast("cpu", dtype=torch.float16):
        assert OPS.reconstruction(z.half(), z).dtype == torch.float32
        with pytest.raises(RuntimeError, match="found Half"):
            perturb(z[0].half(), torch.arange(4), torch.tensor(0))


@pytest.mark.parametrize("options", [[], ["--compile"]], ids=["eager", "compiled"])
def test_example_trains(options):
    program = [sys.executable, ROOT / "examples" / "pytorch" / "train.py", LIBRARY, "--epochs", "4"]
    run = subprocess.run([*program, *options], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    lines = [line.split() for line in run.stdout.splitlines()]
    losses = [float(line[line.index("loss") + 1]) for line in lines]
    assert len(losses) == 4 and losses == sorted(losses, reverse=True) and losses[3] < losses[0] / 2
    assert float(lines[3][lines[3].index("accuracy") + 1].strip(",")) > 0.9
