"""CmIR in plain PyTorch, to be read beside the paper, compared with in tests and measured against.

Mai and Han, "Learning Invariant Modality Representation for Robust Multimodal Learning from a
Causal Inference Perspective", ACL 2026, arXiv 2604.18460. The paper says "MLP"; the layers are this
project's choice. Shapes: E = K + 1 environments (the first is clean), B examples, D features of a
modality, d the latent width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Normalizer(nn.Module):
    """(x - mean) / std with the statistics of the training split, which are part of the model."""

    def __init__(self, features: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))

    @torch.no_grad()
    def fit(self, x: Tensor) -> None:
        """x [N, D]; a constant feature gets 1 as its deviation."""
        std, mean = torch.std_mean(x, dim=0, correction=0)
        self.mean.copy_(mean)
        self.std.copy_(torch.where((x == x[0]).all(dim=0), 1, std))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


class CmIR(nn.Module):
    """Encoders, decoders and head; the state dict has the names of model.safetensors."""

    def __init__(
        self, modalities: dict[str, int], outputs: int, hidden: int, latent: int, dropout: float
    ):
        """`modalities`: features by name, in the order in which the head takes them."""
        super().__init__()
        self.normalizer = nn.ModuleDict(
            {name: Normalizer(width) for name, width in modalities.items()}
        )
        self.encoders = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Linear(width, hidden),
                    nn.ReLU(),
                    nn.Dropout(dropout),
                    nn.Linear(hidden, 2 * latent),
                )
                for name, width in modalities.items()
            }
        )
        self.decoders = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Linear(2 * latent, hidden), nn.ReLU(), nn.Linear(hidden, width)
                )
                for name, width in modalities.items()
            }
        )
        self.head = nn.Sequential(
            nn.Linear(len(modalities) * latent, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    def standardise(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: normalizer(features[name]) for name, normalizer in self.normalizer.items()}

    def encode(self, name: str, x: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised x [..., D] to the invariant and the spurious part, [..., d] each."""
        invariant, spurious = self.encoders[name](x).chunk(2, dim=-1)
        return invariant, spurious

    def decode(self, name: str, invariant: Tensor, spurious: Tensor) -> Tensor:
        return self.decoders[name](torch.cat([invariant, spurious], dim=-1))

    def predict(self, invariant: list[Tensor]) -> Tensor:
        """The head sees the invariant parts only: [..., d] a modality to [..., outputs]."""
        return self.head(torch.cat(invariant, dim=-1))

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Inference: raw clean features [B, D] a modality to [B, outputs]."""
        standardised = self.standardise(features)
        return self.predict([self.encode(name, x)[0] for name, x in standardised.items()])


# The three constraints as the formulas stand in the paper, averaged over pairs and environments.


def invariance(z: Tensor) -> Tensor:
    """R_inv = 2 / (E (E-1)) * sum_{i<j} mean |z_i - z_j|; z [E, ...]."""
    environments = len(z)
    total = torch.zeros((), dtype=z.dtype, device=z.device)
    for i in range(environments):
        for j in range(i + 1, environments):
            total = total + (z[i] - z[j]).abs().mean()
    return 2 / (environments * (environments - 1)) * total


def decorrelation(invariant: Tensor, spurious: Tensor, off_diagonal: float) -> Tensor:
    """R_dec = 1/(E B) * sum_e sum_{ij} w_ij^2 C_ij^2, C = Nor(invariant) Nor(spurious)^T [B, B].

    Both [E, B, d]; Nor divides a row by its norm; w_ii = 1, w_ij = off_diagonal.
    """
    environments, batch, _ = invariant.shape
    w = torch.full((batch, batch), off_diagonal, dtype=invariant.dtype, device=invariant.device)
    w.fill_diagonal_(1)
    total = torch.zeros((), dtype=invariant.dtype, device=invariant.device)
    for e in range(environments):
        c = (
            F.normalize(invariant[e], dim=-1, eps=1e-12)
            @ F.normalize(spurious[e], dim=-1, eps=1e-12).T
        )
        total = total + (w * c).square().sum()
    return total / (environments * batch)


def reconstruction(output: Tensor, target: Tensor) -> Tensor:
    """R_rec = mean (output - target)^2; output [E, B, D], target the same or [B, D], a constant."""
    return (output - target.detach()).square().mean()


# The same values by the algebra that makes them fast.


def invariance_sorted(z: Tensor) -> Tensor:
    """sum_{i<j} |z_i - z_j| = sum_k (2k - E + 1) z_(k) over sorted values, k = 0..E-1.

    Sorting breaks ties, so tied values get gradients here that are not 0, though theirs sum to 0.
    """
    environments = len(z)
    coefficients = 2 * torch.arange(environments, dtype=z.dtype, device=z.device) - environments + 1
    ordered = z.flatten(1).sort(dim=0).values
    return 2 / (environments * (environments - 1)) * (coefficients @ ordered).mean()


def decorrelation_gram(invariant: Tensor, spurious: Tensor, off_diagonal: float) -> Tensor:
    """sum w^2 C^2 = w_ij^2 <A^T A, B^T B> + (1 - w_ij^2) sum_i (a_i . b_i)^2: no B x B matrix."""
    environments, batch, _ = invariant.shape
    a, b = F.normalize(invariant, dim=-1, eps=1e-12), F.normalize(spurious, dim=-1, eps=1e-12)
    everywhere = ((a.mT @ a) * (b.mT @ b)).sum()
    diagonal = (a * b).sum(dim=-1).square().sum()
    off = off_diagonal**2
    return (off * everywhere + (1 - off) * diagonal) / (environments * batch)


class Constraints(NamedTuple):
    invariance: Callable[[Tensor], Tensor]
    decorrelation: Callable[[Tensor, Tensor, float], Tensor]
    reconstruction: Callable[[Tensor, Tensor], Tensor]


FORMS = {
    "naive": Constraints(invariance, decorrelation, reconstruction),
    "fast": Constraints(invariance_sorted, decorrelation_gram, reconstruction),
}


@dataclass(frozen=True)
class Settings:
    """The choices in the objective, named as in cmir's configuration."""

    invariance: float = 0.0  # lambda_1
    decorrelation: float = 0.0  # lambda_2
    reconstruction: float = 0.0  # lambda_3
    risk: float = 0.0
    consistency: float = 0.0
    off_diagonal: float = 0.3
    loss: str = "l1"  # l1, mse, crossEntropy
    on: str = "all"  # all, clean: the environments that L_pred averages over
    target: str = "environment"  # environment, clean: what R_rec compares with
    form: str = "naive"  # naive, fast


def prediction_losses(loss: str, outputs: Tensor, targets: Tensor) -> Tensor:
    """Losses [E, B] of outputs [E, B, outputs] against the same targets [B] in every environment."""
    targets = targets.expand(len(outputs), -1)
    if loss == "crossEntropy":
        return F.cross_entropy(outputs.mT, targets, reduction="none")
    losses = {"l1": F.l1_loss, "mse": F.mse_loss}
    return losses[loss](outputs.squeeze(-1), targets, reduction="none")


def consistency(loss: str, outputs: Tensor) -> Tensor:
    """Mean distance of noisy outputs to the clean ones, which teach and are constants: |o - clean|,
    for classes KL(softmax(clean) || softmax(o)). outputs [E, B, outputs]."""
    clean, noisy = outputs[:1].detach().expand_as(outputs[1:]), outputs[1:]
    if loss != "crossEntropy":
        return F.l1_loss(noisy, clean)
    divergence = F.kl_div(noisy.log_softmax(-1), clean.softmax(-1), reduction="sum")
    return divergence / (noisy.shape[0] * noisy.shape[1])


def objective(model: CmIR, noisy: dict[str, Tensor], targets: Tensor, settings: Settings) -> dict:
    """L = L_pred + sum_m (lambda_1 R_inv + lambda_2 R_dec + lambda_3 R_rec), and its terms by name.
    To it come, where they have weights, the variance of the prediction loss over environments
    (V-REx, Krueger et al., 2021) and the consistency of noisy outputs with clean ones.

    noisy: standardised features [E, B, D] a modality, the clean ones first. A constraint of weight
    0 is not computed. The constraints' entries are lists with one value a modality.
    """
    constraints = FORMS[settings.form]
    invariant_parts = []
    terms: dict = {"invariance": [], "decorrelation": [], "reconstruction": []}
    for name, x in noisy.items():
        invariant, spurious = model.encode(name, x)
        invariant_parts.append(invariant)
        if settings.invariance > 0:
            terms["invariance"].append(constraints.invariance(invariant))
        if settings.decorrelation > 0:
            terms["decorrelation"].append(
                constraints.decorrelation(invariant, spurious, settings.off_diagonal)
            )
        if settings.reconstruction > 0:
            target = x[0] if settings.target == "clean" else x
            terms["reconstruction"].append(
                constraints.reconstruction(model.decode(name, invariant, spurious), target)
            )
    if settings.on == "clean":
        invariant_parts = [invariant[:1] for invariant in invariant_parts]
    outputs = model.predict(invariant_parts)
    risks = prediction_losses(settings.loss, outputs, targets).mean(dim=-1)
    terms["prediction"] = risks.mean()
    terms["risk"] = risks.var(correction=0) if settings.risk > 0 else torch.zeros(())
    terms["consistency"] = (
        consistency(settings.loss, outputs) if settings.consistency > 0 else torch.zeros(())
    )
    terms["loss"] = (
        terms["prediction"]
        + settings.risk * terms["risk"]
        + settings.consistency * terms["consistency"]
        + settings.invariance * sum(terms["invariance"])
        + settings.decorrelation * sum(terms["decorrelation"])
        + settings.reconstruction * sum(terms["reconstruction"])
    )
    return terms


def draw_environments(
    features: dict[str, Tensor], environments: list[tuple[str, float]]
) -> dict[str, Tensor]:
    """Standardised features [B, D] a modality to [1 + K, B, D]: themselves, then a copy under each
    (kind, intensity), drawn by torch's generator.

    gaussian is the paper's; laplace (unit variance), erase and drop (never all modalities) are this
    project's.
    """
    noisy = {name: [x] for name, x in features.items()}
    for kind, intensity in environments:
        probability = min(intensity, 0.95)
        if kind == "drop":
            first = next(iter(features.values()))
            u = torch.rand(len(features), len(first), 1, dtype=first.dtype, device=first.device)
            kept = (u >= probability) | (u == u.amax(dim=0))  # [M, B, 1]
        for m, (name, x) in enumerate(features.items()):
            if kind == "gaussian":
                noisy[name].append(x + intensity * torch.randn_like(x))
            elif kind == "laplace":
                unit = torch.distributions.Laplace(x.new_zeros(()), x.new_tensor(0.5**0.5))
                noisy[name].append(x + intensity * unit.sample(x.shape))
            elif kind == "erase":
                noisy[name].append(x * (torch.rand_like(x) >= probability))
            elif kind == "drop":
                noisy[name].append(x * kept[m])
            else:
                raise ValueError(f"kind: expected gaussian, laplace, erase or drop, found '{kind}'")
    return {name: torch.stack(copies) for name, copies in noisy.items()}
