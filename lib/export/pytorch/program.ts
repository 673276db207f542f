/** model.py but for its constants, as source text. It must run on torch and safetensors alone. */
export const PROGRAM = `"""A model that cmir @VERSION@ trained, in plain PyTorch. Needs torch and safetensors.

    from model import load

    model = load()                                     # reads model.safetensors beside this file
    model.predict({"text": text, "audio": audio})      # raw features, by modality

A modality is a float tensor [B, features], a sequence a padded one [B, T, features] with the
number of frames that count in lengths={"text": [B]}. NaN and infinity are missing values: the mean
of the training data takes their place.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn


class Modality(NamedTuple):
    features: int
    sequence: bool


@CONSTANTS@


class Normalizer(nn.Module):
    """(x - mean) / std, and 0 where x is not finite."""

    def __init__(self, features: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("std", torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.mean.dtype)
        return torch.where(x.isfinite(), (x - self.mean) / self.std, 0)


class MeanPooling(nn.Module):
    """Frames [B, T, D] that are 0 where they do not count, lengths [B], to [B, D]."""

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return frames.sum(dim=1) / lengths.clamp(min=1)[:, None]


class AttentionPooling(nn.Module):
    """softmax(frames . query / sqrt(D)) over the frames that count; same shapes."""

    def __init__(self, features: int):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(features))

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        counts = torch.arange(frames.shape[1], device=frames.device) < lengths[:, None]
        scores = (frames @ self.query) / math.sqrt(len(self.query))
        scores = scores.masked_fill(~counts, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=1).masked_fill(~counts, 0)
        return (weights[:, None, :] @ frames).squeeze(1)


class GruPooling(nn.GRU):
    """The state [B, H] of a GRU after the last frame that counts; 0 where none does."""

    def __init__(self, features: int):
        super().__init__(features, HIDDEN, batch_first=True)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        # A frame more at the end, which never counts: a GRU wants at least one.
        states, _ = super().forward(nn.functional.pad(frames, (0, 0, 0, 1)))
        last = (lengths - 1).clamp(min=0)
        state = states[torch.arange(len(states), device=states.device), last]
        return torch.where(lengths[:, None] > 0, state, 0)


POOLINGS = {"mean": lambda _: MeanPooling(), "attention": AttentionPooling, "gru": GruPooling}


def _key(name: str) -> str:
    """The name of a modality as nn.ModuleDict takes it, which refuses its own attributes."""
    key = name
    while hasattr(nn.ModuleDict(), key) or (key != name and key in MODALITIES):
        key += "_"
    return key


KEYS = {name: _key(name) for name in MODALITIES}


def _by_modality(make) -> nn.ModuleDict:
    return nn.ModuleDict({KEYS[name]: make(*modality) for name, modality in MODALITIES.items()})


def _width(features: int, sequence: bool) -> int:
    """Of what the encoder sees."""
    return HIDDEN if sequence and POOLING == "gru" else features


def _pooling(features: int, sequence: bool) -> nn.Module:
    return POOLINGS[POOLING](features) if sequence else nn.Identity()


def _encoder(features: int, sequence: bool) -> nn.Module:
    return nn.Sequential(
        nn.Linear(_width(features, sequence), HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(HIDDEN, 2 * LATENT),
    )


def _decoder(features: int, sequence: bool) -> nn.Module:
    return nn.Sequential(
        nn.Linear(2 * LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, _width(features, sequence))
    )


class CmIR(nn.Module):
    """The network; names of its state dict are those of model.safetensors."""

    def __init__(self):
        super().__init__()
        self.normalizer = _by_modality(lambda features, _: Normalizer(features))
        self.pooling = _by_modality(_pooling)
        self.encoders = _by_modality(_encoder)
        self.decoders = _by_modality(_decoder)  # for training; a prediction does without
        self.head = nn.Sequential(
            nn.Linear(len(MODALITIES) * LATENT, HIDDEN),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, OUTPUTS),
        )

    def inputs(self, features: dict[str, Tensor], lengths: dict[str, Tensor] | None = None):
        """Standardised and pooled features by modality, [B, width] each."""
        result = {}
        for name, modality in MODALITIES.items():
            x = self.normalizer[KEYS[name]](features[name])
            if modality.sequence:
                counts = torch.as_tensor((lengths or {})[name], device=x.device)
                counts = counts.clamp(max=min(x.shape[1], MAX_LENGTH or x.shape[1]))
                padding = torch.arange(x.shape[1], device=x.device) >= counts[:, None]
                x = self.pooling[KEYS[name]](x.masked_fill(padding[..., None], 0), counts)
            result[name] = x
        return result

    def encode(
        self, features: dict[str, Tensor], lengths: dict[str, Tensor] | None = None
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """The invariant and the spurious code of each modality, [B, LATENT] each."""
        inputs = self.inputs(features, lengths)
        return {name: self.encoders[KEYS[name]](x).chunk(2, dim=-1) for name, x in inputs.items()}

    def forward(
        self, features: dict[str, Tensor], lengths: dict[str, Tensor] | None = None
    ) -> Tensor:
        """The head's outputs [B, OUTPUTS]: the value, or a logit a class."""
        codes = self.encode(features, lengths).values()
        return self.head(torch.cat([invariant for invariant, _ in codes], dim=-1))

    @torch.no_grad()
    def predict(
        self, features: dict[str, Tensor], lengths: dict[str, Tensor] | None = None
    ) -> Tensor:
        """Values [B] for regression, probabilities [B, OUTPUTS] for classification."""
        outputs = self(features, lengths)
        return outputs.squeeze(-1) if TASK == "regression" else outputs.softmax(dim=-1)


def load(path: str | Path = Path(__file__).with_name("model.safetensors")) -> CmIR:
    """The trained model, for inference (eval); .train() makes dropout work again."""
    saved = load_file(path)

    def name_of(key: str) -> str:
        group, modality, *rest = key.split(".")
        names = {key: name for name, key in KEYS.items()}
        return key if group == "head" else ".".join([group, names[modality], *rest])

    model = CmIR()
    state = {key: saved[name_of(key)] for key in model.state_dict()}
    model.to(next(iter(state.values())).dtype).load_state_dict(state)
    return model.eval()
`;
