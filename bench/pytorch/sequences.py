"""One epoch of CmIR on word-level sequences in plain PyTorch, as one writes it first: a Dataset of
examples, a DataLoader that pads them, noise on the frames of every environment, a masked mean, then
the model and the objective. Prints one JSON document with the seconds of each epoch.
"""

import argparse
import json
import time

import torch
from cmir import CmIR, Settings, objective
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset


class Sequences(Dataset):
    """Random examples, [T, D] a modality; features are drawn standardised."""

    def __init__(self, examples: int, frames: int, features: dict[str, int]):
        generator = torch.Generator().manual_seed(1)
        self.features = {
            name: torch.randn(examples, frames, width, generator=generator)
            for name, width in features.items()
        }
        self.targets = torch.randn(examples, generator=generator)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, row: int) -> tuple[dict[str, Tensor], Tensor]:
        return {name: x[row] for name, x in self.features.items()}, self.targets[row]


def collate(examples: list[tuple[dict[str, Tensor], Tensor]]) -> tuple[dict, Tensor, Tensor]:
    """Frames padded to [B, T, D] a modality, their numbers [B] (the same in all), targets [B]."""
    names = examples[0][0].keys()
    padded = {
        name: pad_sequence([features[name] for features, _ in examples], batch_first=True)
        for name in names
    }
    first = next(iter(names))
    lengths = torch.tensor([len(features[first]) for features, _ in examples])
    return padded, lengths, torch.stack([target for _, target in examples])


def masked_mean(x: Tensor, lengths: Tensor) -> Tensor:
    """x [B, T, D] to [B, D]."""
    mask = torch.arange(x.shape[1]) < lengths[:, None]  # [B, T]
    return (x * mask[..., None]).sum(dim=1) / lengths[:, None]


def environments_of(padded: dict, lengths: Tensor, intensities: list[float]) -> dict[str, Tensor]:
    """Pooled inputs [1 + K, B, D] a modality, the noise on the frames."""
    return {
        name: torch.stack(
            [masked_mean(x, lengths)]
            + [masked_mean(x + a * torch.randn_like(x), lengths) for a in intensities]
        )
        for name, x in padded.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=16326)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0, help="0 is torch's choice")
    parser.add_argument("--workers", type=int, default=0, help="processes of the DataLoader")
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--latent", type=int, default=128)
    options = parser.parse_args()
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    widths = {"text": 768, "audio": 74, "vision": 35}
    data = Sequences(options.examples, options.frames, widths)
    loader = DataLoader(
        data,
        batch_size=options.batch,
        shuffle=True,
        collate_fn=collate,
        num_workers=options.workers,
    )
    model = CmIR(widths, 1, options.hidden, options.latent, 0.3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    settings = Settings(invariance=2.0, decorrelation=0.3, reconstruction=1.0)
    seconds = []
    for _ in range(options.epochs):
        start = time.perf_counter()
        for padded, lengths, targets in loader:
            noisy = environments_of(padded, lengths, [1.0, 2.0, 3.0])
            loss = objective(model, noisy, targets, settings)["loss"]
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"torch": torch.__version__, "seconds": seconds}))


if __name__ == "__main__":
    main()
