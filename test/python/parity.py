"""Compares cmir's trainer with plain PyTorch: parity.py FOLDER, written by test/parity.test.ts.

FOLDER holds a <case>.safetensors for each case: the tensors `state.*`, `features.<modality>` (raw) and
`gradients.*`, and as metadata the native configuration, the rows, their keys and targets, and the
terms. Each is computed again in float64 from the naive forms, with the noise's definition in numpy.
Prints {case: {quantity: largest difference, relative to the largest expected value}} as JSON.
"""

import json
import sys
from pathlib import Path

import numpy as np
import philox
import torch
from cmir import CmIR, Settings, objective
from safetensors import safe_open
from torch import Tensor, nn


class Mask(nn.Module):
    """Dropout with a given mask [E, B, H]; of the clean environment alone where only that is there."""

    def __init__(self, mask: np.ndarray):
        super().__init__()
        self.mask = torch.from_numpy(mask).double()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask[: len(x)]


def build_model(config: dict, state: dict[str, Tensor]) -> CmIR:
    shape = config["model"]
    modalities = {modality["name"]: modality["features"] for modality in config["modalities"]}
    model = CmIR(
        modalities, config["outputs"], shape["hidden"], shape["latent"], dropout=0
    ).double()
    model.load_state_dict({name: tensor.double() for name, tensor in state.items()})
    return model


def set_dropout(model: CmIR, config: dict, keys: np.ndarray, step: int) -> None:
    for layer, sequence in enumerate([*model.encoders.values(), model.head]):
        mask = philox.dropout_mask(
            config["model"]["hidden"],
            keys,
            step,
            config["seed"],
            layer,
            1 + len(config["environments"]),
            config["model"]["dropout"],
        )
        sequence[2] = Mask(mask)


def settings_of(config: dict) -> Settings:
    return Settings(
        **config["weights"],
        off_diagonal=config["decorrelation"]["offDiagonal"],
        loss=config["prediction"]["loss"],
        on=config["prediction"]["on"],
        target=config["reconstruction"]["target"],
    )


def expected_results(case: dict, tensors: dict[str, Tensor]) -> tuple[dict, dict[str, Tensor]]:
    """Terms by name, and gradients by parameter."""

    def part(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }

    config, step, rows = case["config"], case["step"], case["rows"]
    keys = np.array(case["keys"])[rows]
    model = build_model(config, part("state."))
    set_dropout(model, config, keys, step)
    environments = [(e["kind"], e["intensity"]) for e in config["environments"]]
    features = {name: x[rows].double() for name, x in part("features.").items()}
    noisy = {}
    for m, (name, x) in enumerate(model.standardise(features).items()):
        copies = philox.perturb(
            x.numpy(), keys, step, config["seed"], m, len(features), environments
        )
        noisy[name] = torch.from_numpy(copies)
    targets = torch.tensor(case["targets"], dtype=torch.float64)[rows]
    settings = settings_of(config)
    terms = objective(
        model, noisy, targets.long() if settings.loss == "crossEntropy" else targets, settings
    )
    terms["loss"].backward()
    gradients = {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in model.named_parameters()
    }
    return terms, gradients


def difference(found: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest expected value; what should be 0 must be 0."""
    assert found.shape == expected.shape, f"found {found.shape}, expected {expected.shape}"
    scale = expected.abs().max().clamp_min(1e-30)
    return ((found - expected).abs().max() / scale).item()


def compare(path: Path) -> dict[str, float]:
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        case = {name: json.loads(value) for name, value in file.metadata().items()}
    terms, gradients = expected_results(case, tensors)
    differences = {}
    for name, found in case["terms"].items():
        expected = torch.as_tensor(terms[name]).detach().double()
        if expected.numel() == 0:  # a constraint of weight 0 is reported as 0
            expected = torch.zeros(len(found), dtype=torch.float64)
        differences[name] = difference(torch.tensor(found, dtype=torch.float64), expected)
    for name, expected in gradients.items():
        differences[f"gradients.{name}"] = difference(
            tensors[f"gradients.{name}"].double(), expected
        )
    return differences


if __name__ == "__main__":
    cases = sorted(Path(sys.argv[1]).glob("*.safetensors"))
    print(json.dumps({path.stem: compare(path) for path in cases}))
