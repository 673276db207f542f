"""Predicts with a model that cmir trained, in twenty lines of PyTorch.

load_model.py MODEL.safetensors DATA > OUT.csv
"""

import csv
import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from torch.nn import functional as F


def predict(model: Path, data: Path) -> tuple[list[str], torch.Tensor]:
    """Ids of labels.csv, in its order, and the head's outputs [N, outputs] on the raw features."""
    with safe_open(model, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        modalities = [
            modality["name"] for modality in json.loads(file.metadata()["shape"])["modalities"]
        ]

    def linear(layer: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, tensors[f"{layer}.weight"], tensors[f"{layer}.bias"])

    with open(data / "labels.csv", newline="") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    invariant = []
    for name in modalities:
        with open(data / f"{name}.csv", newline="") as file:
            rows = {
                row[0]: [float(value) for value in row[1:]] for row in list(csv.reader(file))[1:]
            }
        x = torch.tensor([rows[id] for id in ids])
        x = (x - tensors[f"normalizer.{name}.mean"]) / tensors[f"normalizer.{name}.std"]
        codes = linear(f"encoders.{name}.3", linear(f"encoders.{name}.0", x).relu())
        invariant.append(codes.chunk(2, dim=-1)[0])  # the second half is the spurious part
    return ids, linear("head.3", linear("head.0", torch.cat(invariant, dim=-1)).relu())


if __name__ == "__main__":
    names, outputs = predict(Path(sys.argv[1]), Path(sys.argv[2]))
    writer = csv.writer(sys.stdout)
    writer.writerow(["id", *(f"output_{i}" for i in range(outputs.shape[1]))])
    writer.writerows([name, *row] for name, row in zip(names, outputs.tolist(), strict=True))
