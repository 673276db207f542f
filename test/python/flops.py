"""FLOPs of bench/pytorch/cmir.py as torch counts them, for test/experiments/cost.test.ts.

Takes a JSON list of problems as argument; prints {"training", "inference"} of each, for one batch.
"""

import json
import sys

import torch
from cmir import CmIR, Settings, objective
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode


def count(problem: dict) -> dict[str, int]:
    modalities, batch, copies = problem["modalities"], problem["batch"], problem["environments"]
    latent = problem["latent"]
    model = CmIR(modalities, problem["outputs"], problem["hidden"], latent, dropout=0.1)
    noisy = {name: torch.randn(copies, batch, width) for name, width in modalities.items()}
    settings = Settings(**problem["settings"])
    with FlopCounterMode(display=False) as training:
        objective(model, noisy, torch.zeros(batch), settings)["loss"].backward()
    with FlopCounterMode(display=False) as inference, torch.no_grad():
        invariant = []
        for name, x in noisy.items():
            last = model.encoders[name][3]
            hidden = model.encoders[name][:3](x[0])
            invariant.append(F.linear(hidden, last.weight[:latent], last.bias[:latent]))
        model.predict(invariant)
    return {
        "training": training.get_total_flops(),
        "inference": inference.get_total_flops(),
    }


if __name__ == "__main__":
    print(json.dumps([count(problem) for problem in json.loads(sys.argv[1])]))
