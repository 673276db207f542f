"""Trains a CmIR of two modalities in plain PyTorch with cmir's operators, on made data.

python train.py "$(npx cmir operators)" [--compile] [--epochs 12]
"""

import argparse

import torch
from torch import nn
from torch.nn import functional as F

WIDTHS = {"text": 24, "audio": 16}
HIDDEN, LATENT, BATCH, SEED = 64, 16, 100, 7
KINDS, INTENSITIES = [0, 0, 2], [0.5, 1.0, 0.3]  # gaussian 0.5 and 1, erase 0.3


def draw(rows: int, correlation: float) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Four causes make the class; what else is in the features goes along with it, or against it."""
    mixing = torch.Generator().manual_seed(SEED)
    causes = torch.randn(rows, 4)
    targets = (causes.sum(dim=-1) > 0).long()
    spurious = correlation * (2.0 * targets - 1) + torch.randn(rows)
    factors = torch.cat([causes, 0.5 * spurious[:, None]], dim=-1)
    features = {
        name: factors @ torch.randn(5, d, generator=mixing) / 2 for name, d in WIDTHS.items()
    }
    return features, targets


def layers(first: int, last: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(first, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, last))


class CmIR(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoders = nn.ModuleDict({name: layers(d, 2 * LATENT) for name, d in WIDTHS.items()})
        self.decoders = nn.ModuleDict({name: layers(2 * LATENT, d) for name, d in WIDTHS.items()})
        self.head = layers(len(WIDTHS) * LATENT, 2)

    def forward(self, features: dict[str, torch.Tensor]) -> torch.Tensor:
        """Inference: the invariant parts of clean features [B, D], to the classes' scores [B, 2]."""
        parts = [self.encoders[name](x)[..., :LATENT] for name, x in features.items()]
        return self.head(torch.cat(parts, dim=-1))

    def objective(self, features, targets, index, step) -> torch.Tensor:
        """The loss of a batch in E = 4 environments; index [B] and step [] key the noise."""
        ops, parts, constraints = torch.ops.cmir, [], 0.0
        for m, (name, x) in enumerate(features.items()):
            noisy = ops.perturb(x, index, step, SEED, m, len(WIDTHS), KINDS, INTENSITIES)
            invariant, spurious = self.encoders[name](noisy).chunk(2, dim=-1)  # [E, B, d] each
            output = self.decoders[name](torch.cat([invariant, spurious], dim=-1))
            constraints = constraints + ops.invariance(invariant)
            constraints = constraints + 0.1 * ops.decorrelation(invariant, spurious, 0.3)
            constraints = constraints + ops.reconstruction(output, noisy)
            parts.append(invariant)
        scores = self.head(torch.cat(parts, dim=-1))
        return F.cross_entropy(scores.flatten(0, 1), targets.repeat(len(scores))) + constraints


def accuracy(model: CmIR, features: dict[str, torch.Tensor], targets: torch.Tensor) -> float:
    with torch.no_grad():
        return (model(features).argmax(dim=-1) == targets).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("operators", help="what `cmir operators` prints")
    parser.add_argument("--compile", action="store_true", help="with torch.compile")
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    torch.ops.load_library(options.operators)

    torch.manual_seed(SEED)
    (features, targets), test, shifted = draw(1000, 1.0), draw(500, 1.0), draw(500, -1.0)
    model = CmIR()
    objective = model.objective
    if options.compile:
        objective = torch.compile(objective, fullgraph=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    step = torch.zeros((), dtype=torch.int64)
    for epoch in range(1, options.epochs + 1):
        total = 0.0
        for rows in torch.randperm(len(targets)).split(BATCH):
            batch = {name: x[rows] for name, x in features.items()}
            loss = objective(batch, targets[rows], rows, step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            total += loss.item() * len(rows) / len(targets)
        print(f"epoch {epoch:2}  loss {total:.3f}", end="")
        print(f"  accuracy {accuracy(model, *test):.3f}, shifted {accuracy(model, *shifted):.3f}")


if __name__ == "__main__":
    main()
