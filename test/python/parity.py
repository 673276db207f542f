"""Compares cmir's trainer with plain PyTorch: parity.py FOLDER, written by test/parity.test.ts.

FOLDER holds a <case>.safetensors for each case: the tensors `state.*`, `features.<modality>` (raw),
`gradients.*` and `outputs.*` (under `noises`), and as metadata the rest of what went in and came
out. All is computed again in float64 from the naive forms, with the noise's definition in numpy.
Prints {case: {quantity: largest difference, relative to the largest expected value}} as JSON.
"""

import json
import sys
from collections.abc import Callable
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


KINDS = ["gaussian", "laplace", "erase", "drop", "replace", "frame", "block", "modality"]


def fnv1a(name: str) -> int:
    """64-bit FNV-1a of the UTF-8 bytes: http://www.isthe.com/chongo/tech/comp/fnv/"""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def corrupted(name: str, x: np.ndarray, keys: np.ndarray, noise: dict) -> np.ndarray:
    """Vectors [B, D] of a modality under any evaluation noise but drop: each is one time step."""
    kind, s = noise["kind"], noise["intensity"]
    seed = noise["seed"] ^ fnv1a(name)

    def words(columns: int, purpose: int) -> np.ndarray:
        tag = philox.EVALUATION, purpose, KINDS.index(kind)
        return philox.words(columns, keys, 0, seed, *tag)

    def draws(distribution: Callable, purpose: int) -> np.ndarray:
        return distribution(words(x.shape[1], purpose)).reshape(len(x), -1)[:, : x.shape[1]]

    if kind in ("gaussian", "laplace"):
        added = draws(getattr(philox, kind), 0)
        return x + np.float32(s).astype(np.float64) * added.astype(np.float64)
    if kind == "erase":
        return np.where(draws(philox.uniform, 0) < min(np.float32(s), np.float32(0.95)), 0, x)
    if kind == "block":
        return np.zeros_like(x) if s >= 0.5 else x
    hit = philox.uniform(words(1, 0)[:, :1, 0]).astype(np.float64) < s
    return np.where(hit, draws(philox.gaussian, 1) if kind == "replace" else 0, x)


@torch.no_grad()
def expected_outputs(model: CmIR, features: dict[str, Tensor], case: dict, noise: dict) -> Tensor:
    """Outputs under evaluation noise, whose draws are keyed by example and the modality's name."""
    keys = np.array(case["keys"])[case["rows"]]
    names = noise["modalities"] or list(features)
    if noise["kind"] == "drop":
        copies = add_noise(features, keys, 0, noise["seed"], [noise])
        noisy = {name: x[1] for name, x in copies.items()}
    else:
        noisy = {
            name: torch.from_numpy(corrupted(name, x.numpy(), keys, noise))
            for name, x in features.items()
        }
    chosen = {name: noisy[name] if name in names else x for name, x in features.items()}
    return model.predict([model.encode(name, x)[0] for name, x in chosen.items()])


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
        f"outputs.{i}": difference(
            tensors[f"outputs.{i}"].double(), expected_outputs(model, features, case, noise)
        )
        for i, noise in enumerate(case["noises"])
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
