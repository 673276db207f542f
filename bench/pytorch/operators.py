"""Each operator's throughput beside a copy's, and the memory and time of decorrelation by batch size.

    npm run -s bench:operators

Operators come from the addon itself, through torch.ops.load_library. GB/s count what an operator must
read and write at least once; a copy of the same size is timed in turn.
"""

import argparse
import ctypes
import json
import resource
import statistics
import subprocess
import sys
import time

import cmir
import torch

ENVIRONMENTS, BATCH, LATENT, FEATURES = 4, 1024, 128, 768


def milliseconds(function, rounds: int) -> float:
    function()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def operators(rounds: int) -> list[dict]:
    ops = torch.ops.cmir
    z = torch.randn(ENVIRONMENTS, BATCH, 2 * LATENT)
    invariant, spurious = z[..., :LATENT], z[..., LATENT:]
    x, index = torch.randn(BATCH, FEATURES), torch.arange(BATCH)
    output = torch.randn(ENVIRONMENTS, BATCH, FEATURES)
    target = torch.randn_like(output)
    step = torch.tensor(3)
    kinds, intensities = [0, 0, 0], [0.3, 0.6, 0.9]
    part = invariant.numel()
    cases = {
        # name: (operator, the plain PyTorch form, floats read and written)
        "perturb": (
            lambda: ops.perturb(x, index, step, 1, 0, 3, kinds, intensities),
            lambda: torch.stack([x] + [x + a * torch.randn_like(x) for a in intensities]),
            x.numel() * (1 + ENVIRONMENTS),
        ),
        "invariance": (
            lambda: ops._invariance(invariant),
            lambda: gradients(cmir.invariance, invariant),
            2 * part,
        ),
        "decorrelation": (
            lambda: ops._decorrelation(invariant, spurious, 0.3),
            lambda: gradients(lambda a, b: cmir.decorrelation_gram(a, b, 0.3), invariant, spurious),
            4 * part,
        ),
        "reconstruction": (
            lambda: ops._reconstruction(output, target),
            lambda: gradients(lambda o: cmir.reconstruction(o, target), output),
            3 * output.numel(),
        ),
    }
    rows = []
    for name, (operator, plain, floats) in cases.items():
        source, copy = torch.randn(floats // 2), torch.empty(floats // 2)
        ms, plain_ms, copy_ms = [], [], []
        for _ in range(3):
            ms.append(milliseconds(operator, rounds))
            plain_ms.append(milliseconds(plain, rounds))
            copy_ms.append(milliseconds(lambda: copy.copy_(source), rounds))
        gigabytes = 4e-6 * floats
        rows.append(
            {
                "operator": name,
                "ms": min(ms),
                "pytorch_ms": min(plain_ms),
                "gb_s": gigabytes / min(ms),
                "copy_gb_s": gigabytes / min(copy_ms),
            }
        )
    return rows


def of_a_step(batch: int, rounds: int) -> dict[str, float]:
    """Milliseconds that each operator takes of one step on the model of bench.mjs, all modalities."""
    ops, index, step = torch.ops.cmir, torch.arange(batch), torch.tensor(3)
    milliseconds_of = dict.fromkeys(("perturb", "invariance", "decorrelation", "reconstruction"), 0.0)
    for modality, features in enumerate((768, 74, 47)):
        x = torch.randn(batch, features)
        z = torch.randn(ENVIRONMENTS, batch, 2 * LATENT)
        invariant, spurious = z[..., :LATENT], z[..., LATENT:]
        output, target = (torch.randn(ENVIRONMENTS, batch, features) for _ in range(2))
        options = (index, step, 1, modality, 3, [0, 0, 0], [0.3, 0.6, 0.9])
        calls = {
            "perturb": lambda: ops.perturb(x, *options),
            "invariance": lambda: ops._invariance(invariant),
            "decorrelation": lambda: ops._decorrelation(invariant, spurious, 0.3),
            "reconstruction": lambda: ops._reconstruction(output, target),
        }
        for name, call in calls.items():
            milliseconds_of[name] += min(milliseconds(call, rounds) for _ in range(3))
    return milliseconds_of


def gradients(loss, *inputs):
    leaves = [tensor.detach().requires_grad_(True) for tensor in inputs]
    return torch.autograd.grad(loss(*leaves), leaves)


def decorrelation(form: str, batch: int) -> dict:
    """Time, and peak memory beyond inputs and outputs, in this process alone."""
    a, b = torch.randn(1, batch, LATENT), torch.randn(1, batch, LATENT)
    small = torch.randn(1, 256, LATENT)
    forms = {
        "cmir": lambda a, b: torch.ops.cmir._decorrelation(a, b, 0.3),
        "naive": lambda a, b: gradients(lambda a, b: cmir.decorrelation(a, b, 0.3), a, b),
    }
    forms[form](small, small.clone())  # what the first call loads is not the operator's
    ctypes.CDLL(None).malloc_trim(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results = forms[form](a, b)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outputs = 2 * a.nbytes / 1e6
    del results
    return {
        "form": form,
        "batch": batch,
        "ms": milliseconds(lambda: forms[form](a, b), 3),
        "memory_mb": max(0.0, (peak - before) * 1024 / 1e6 - outputs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True, help="what `cmir operators` prints")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--one", nargs=2, help="form and batch of one decorrelation")
    arguments = parser.parse_args()
    torch.ops.load_library(arguments.library)
    torch.set_num_threads(arguments.threads)
    if arguments.one:
        print(json.dumps(decorrelation(arguments.one[0], int(arguments.one[1]))))
        return
    by_batch = []
    for batch in (1024, 4096, 16384, 65536):
        for form in ("cmir", "naive"):
            if form == "naive" and batch > 16384:
                continue  # its B x B matrices would take 17 GB each
            command = [sys.executable, __file__, "--library", arguments.library]
            command += ["--threads", str(arguments.threads), "--one", form, str(batch)]
            run = subprocess.run(command, capture_output=True, text=True, check=True)
            by_batch.append(json.loads(run.stdout))
    result = {
        "operators": operators(arguments.rounds),
        "of_a_step": of_a_step(512, arguments.rounds),
        "decorrelation": by_batch,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
