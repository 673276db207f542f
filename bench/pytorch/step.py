"""One training step of CmIR in PyTorch, timed on request: the other side of bench/bench.mjs, and of
scripts/gpu/bench.py.

Reads requests as JSON lines, {"what", "batch", "environments", "threads", "features", ...}, with
"device" (cpu unless told) and where that is a GPU "precision" (float32 unless told, tf32, bf16), and
answers each with {"ms"}, the mean of a few steps, or {"error"}. What is asked for alternates between here and cmir, so that both meet the
same state of the machine.

  eager_naive  constraints as the paper writes them, AdamW and clipping as torch has them
  eager_fast   the fast algebra of the constraints, fused AdamW
  compile      the same as eager_fast, through torch.compile; on a GPU with its CUDA graphs
  gemm_floor   the step's matrix products alone, into buffers that are there already; on a GPU as
               one CUDA graph

In bf16 a step runs under autocast, and the products alone sum in float32, as cmir's do.
"""

import json
import sys
import time

import torch
from cmir import CmIR, Settings, draw_environments, objective

HIDDEN, LATENT, DROPOUT = 256, 128, 0.3
WEIGHTS = {"invariance": 1.0, "decorrelation": 0.5, "reconstruction": 1.0}


def training_step(
    what: str, features: dict[str, int], batch: int, environments: int, device: str, precision: str
):
    """A function that takes one step: noise, objective, backward, clipping, AdamW."""
    torch.manual_seed(1)
    model = CmIR(features, 1, HIDDEN, LATENT, DROPOUT).to(device)
    data = {name: torch.randn(batch, width, device=device) for name, width in features.items()}
    targets = torch.randn(batch, device=device)
    ladder = [("gaussian", 0.3 * e) for e in range(1, environments)]
    fast = what != "eager_naive"
    settings = Settings(**WEIGHTS, form="fast" if fast else "naive")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=fast)

    def loss_of(data, targets):
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            return objective(model, draw_environments(data, ladder), targets, settings)["loss"]

    if what == "compile":
        mode = "reduce-overhead" if device == "cuda" else None
        loss_of = torch.compile(loss_of, dynamic=False, mode=mode)

    def step():
        optimizer.zero_grad()
        loss_of(data, targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()

    return step


def products(
    features: dict[str, int], batch: int, environments: int, device: str, precision: str
):
    """A function that runs every matrix product of the networks' forward and backward once."""
    rows, modalities = environments * batch, len(features)
    pairs = []  # (left, right, out)

    factors = torch.bfloat16 if precision == "bf16" else torch.float32
    wider = {"out_dtype": torch.float32} if precision == "bf16" else {}

    def factor(*sizes: int) -> torch.Tensor:
        return torch.randn(sizes, device=device, dtype=factors)

    def sums(*sizes: int) -> torch.Tensor:
        return torch.empty(sizes, device=device)

    def linear(inputs: int, outputs: int, input_gradient: bool = True) -> None:
        x, gradient, weight = factor(rows, inputs), factor(rows, outputs), factor(outputs, inputs)
        pairs.append((x, weight.t(), sums(rows, outputs)))
        pairs.append((gradient.t(), x, sums(outputs, inputs)))
        if input_gradient:
            pairs.append((gradient, weight, sums(rows, inputs)))

    for width in features.values():
        linear(width, HIDDEN, input_gradient=False)
        linear(HIDDEN, 2 * LATENT)
        linear(2 * LATENT, HIDDEN)
        linear(HIDDEN, width)
    linear(modalities * LATENT, HIDDEN)
    linear(HIDDEN, 1)

    def run():
        for left, right, out in pairs:
            torch.mm(left, right, **wider, out=out)

    return run if device == "cpu" else captured(run)


def captured(run):
    """The same work as one CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def timed(run, steps: int, device: str) -> float:
    """Milliseconds a step, all of them finished."""
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        run()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / steps * 1e3


def main() -> None:
    shape, ready = None, {}
    for line in sys.stdin:
        request = json.loads(line)
        what, features = request["what"], request["features"]
        batch, environments = request["batch"], request["environments"]
        device, precision = request.get("device", "cpu"), request.get("precision", "float32")
        if device == "cuda":
            torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
        else:
            torch.set_num_threads(request["threads"])
        here = (batch, environments, device, request.get("threads"), precision)
        if here != shape:  # one shape at a time in memory
            shape = here
            ready.clear()
            torch.compiler.reset()
        try:
            if what not in ready:
                run = (
                    products(features, batch, environments, device, precision)
                    if what == "gemm_floor"
                    else training_step(what, features, batch, environments, device, precision)
                )
                for _ in range(4 if device == "cuda" else 2):
                    run()
                ready[what] = run
            answer = {"ms": timed(ready[what], request["steps"], device)}
        except Exception as error:  # a compiler that is not there is no reason to measure nothing
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
