"""One training step of CmIR in PyTorch, timed on request: the other side of bench/bench.mjs.

Reads requests as JSON lines, {"what", "batch", "environments", "threads", "features", ...}, and
answers each with {"ms"}: the mean of a few steps. What is asked for alternates between here and
cmir, so that both meet the same state of the machine.

  eager_naive  constraints as the paper writes them, AdamW and clipping as torch has them
  eager_fast   the fast algebra of the constraints, fused AdamW
  compile      the same as eager_fast, through torch.compile
  gemm_floor   the step's matrix products alone, into buffers that are there already
"""

import json
import sys
import time

import torch
from cmir import CmIR, Settings, draw_environments, objective

HIDDEN, LATENT, DROPOUT = 256, 128, 0.3
WEIGHTS = {"invariance": 1.0, "decorrelation": 0.5, "reconstruction": 1.0}


def training_step(what: str, features: dict[str, int], batch: int, environments: int):
    """A function that takes one step: noise, objective, backward, clipping, AdamW."""
    torch.manual_seed(1)
    model = CmIR(features, 1, HIDDEN, LATENT, DROPOUT)
    data = {name: torch.randn(batch, width) for name, width in features.items()}
    targets = torch.randn(batch)
    ladder = [("gaussian", 0.3 * e) for e in range(1, environments)]
    fast = what != "eager_naive"
    settings = Settings(**WEIGHTS, form="fast" if fast else "naive")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=fast)

    def loss_of(data, targets):
        return objective(model, draw_environments(data, ladder), targets, settings)["loss"]

    if what == "compile":
        loss_of = torch.compile(loss_of, dynamic=False)

    def step():
        optimizer.zero_grad()
        loss_of(data, targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()

    return step


def products(features: dict[str, int], batch: int, environments: int):
    """A function that runs every matrix product of the networks' forward and backward once."""
    rows, modalities = environments * batch, len(features)
    pairs = []  # (left, right, out)

    def linear(inputs: int, outputs: int, input_gradient: bool = True) -> None:
        x, gradient = torch.randn(rows, inputs), torch.randn(rows, outputs)
        weight = torch.randn(outputs, inputs)
        pairs.append((x, weight.t(), torch.empty(rows, outputs)))
        pairs.append((gradient.t(), x, torch.empty(outputs, inputs)))
        if input_gradient:
            pairs.append((gradient, weight, torch.empty(rows, inputs)))

    for width in features.values():
        linear(width, HIDDEN, input_gradient=False)
        linear(HIDDEN, 2 * LATENT)
        linear(2 * LATENT, HIDDEN)
        linear(HIDDEN, width)
    linear(modalities * LATENT, HIDDEN)
    linear(HIDDEN, 1)

    def run():
        for left, right, out in pairs:
            torch.mm(left, right, out=out)

    return run


def main() -> None:
    shape, ready = None, {}
    for line in sys.stdin:
        request = json.loads(line)
        what, features = request["what"], request["features"]
        batch, environments = request["batch"], request["environments"]
        torch.set_num_threads(request["threads"])
        here = (batch, environments, request["threads"])
        if here != shape:  # one shape at a time in memory
            shape = here
            ready.clear()
            torch.compiler.reset()
        if what not in ready:
            run = (
                products(features, batch, environments)
                if what == "gemm_floor"
                else training_step(what, features, batch, environments)
            )
            run()
            run()
            ready[what] = run
        run = ready[what]
        start = time.perf_counter()
        for _ in range(request["steps"]):
            run()
        print(json.dumps({"ms": (time.perf_counter() - start) / request["steps"] * 1e3}), flush=True)


if __name__ == "__main__":
    main()
