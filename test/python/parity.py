"""Compares cmir's trainer with plain PyTorch: parity.py FOLDER, written by test/parity.test.ts.

FOLDER holds a <case>.safetensors for each case: the tensors `state.*`, `features.<modality>` (raw),
`gradients.*` and `outputs` (under `noise`), and as metadata the rest of what went in and came out.
All is computed again in float64 from the naive forms, with the noise's definition in numpy. Prints
{case: {quantity: largest difference, relative to the largest expected value}} as JSON.
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
    """Dropout with a given mask [E, B, H]; where only the clean environment is there, with its."""

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


def set_dropout(model: CmIR, config: dict, rows: np.ndarray, step: int) -> None:
    for layer, sequence in enumerate([*model.encoders.values(), model.head]):
        mask = philox.dropout_mask(
            config["model"]["hidden"],
            rows,
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
        class_weights=tuple(config["prediction"]["classWeights"]),
        on=config["prediction"]["on"],
        target=config["reconstruction"]["target"],
    )


def add_noise(
    features: dict[str, Tensor], index: np.ndarray, step: int, seed: int, environments: list[dict]
) -> dict[str, Tensor]:
    """Standardised features [B, D] a modality to [1 + K, B, D]."""
    kinds = [(environment["kind"], environment["intensity"]) for environment in environments]
    return {
        name: torch.from_numpy(
            philox.perturb(x.numpy(), index, step, seed, m, len(features), kinds)
        )
        for m, (name, x) in enumerate(features.items())
    }


def expected_step(model: CmIR, features: dict[str, Tensor], case: dict) -> tuple[dict, dict]:
    """Terms and gradients, by name, of the next training step, whose draws are keyed by row."""
    config, step, rows = case["config"], case["step"], np.array(case["rows"])
    noisy = add_noise(features, rows, step, config["seed"], config["environments"])
    settings = settings_of(config)
    targets = torch.tensor(case["targets"], dtype=torch.float64)[rows]
    if settings.loss == "crossEntropy":
        targets = targets.long()
    set_dropout(model, config, rows, step)
    terms = objective(model, noisy, targets, settings)
    terms["loss"].backward()
    gradients = {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in model.named_parameters()
    }
    return terms, gradients


@torch.no_grad()
def expected_outputs(model: CmIR, features: dict[str, Tensor], case: dict) -> Tensor:
    """Outputs under evaluation noise: its draws are keyed by example, and are those of step 0."""
    noise, keys = case["noise"], np.array(case["keys"])[case["rows"]]
    noisy = add_noise(features, keys, 0, noise["seed"], [noise])
    return model.predict([model.encode(name, x[1])[0] for name, x in noisy.items()])


def difference(found: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest expected value; what should be 0 must be 0."""
    assert found.shape == expected.shape, f"found {found.shape}, expected {expected.shape}"
    scale = expected.abs().max().clamp_min(1e-30)
    return ((found - expected).abs().max() / scale).item()


def compare(path: Path) -> dict[str, float]:
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        case = {name: json.loads(value) for name, value in file.metadata().items()}

    def group(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): tensor.double()
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }

    model = build_model(case["config"], group("state."))
    raw = {name: x[case["rows"]] for name, x in group("features.").items()}
    features = model.standardise(raw)
    differences = {
        "outputs": difference(tensors["outputs"].double(), expected_outputs(model, features, case))
    }
    terms, gradients = expected_step(model, features, case)
    for name, found in case["terms"].items():
        expected = torch.as_tensor(terms[name]).detach().double()
        if expected.numel() == 0:  # a constraint of weight 0 is reported as 0
            expected = torch.zeros(len(found), dtype=torch.float64)
        differences[name] = difference(torch.tensor(found, dtype=torch.float64), expected)
    for name, found in group("gradients.").items():
        differences[f"gradients.{name}"] = difference(found, gradients.pop(name))
    assert not gradients, f"no gradients of {', '.join(gradients)}"
    return differences


if __name__ == "__main__":
    cases = sorted(Path(sys.argv[1]).glob("*.safetensors"))
    print(json.dumps({path.stem: compare(path) for path in cases}))
