"""Trains plain PyTorch fusion and CmIR on a data set folder, for comparison with cmir.

Protocol and defaults are cmir's: features standardised on train, AdamW, gradient norm clipped at 1,
early stopping on validation MAE, the best epoch's model scored on test. Prints one JSON document
with a row a method.
"""

import argparse
import copy
import csv
import json
import time
from pathlib import Path

import numpy as np
import torch
from cmir import CmIR, Settings, draw_environments, objective
from torch import Tensor

Split = tuple[dict[str, Tensor], Tensor]  # features [N, D] by modality, targets [N]


def read_folder(folder: Path, label: str) -> dict[str, Split]:
    """Splits by name; modalities in the order of their files' names, as cmir takes them."""
    with open(folder / "labels.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    tables = {}
    for path in sorted(folder.glob("*.csv")):
        if path.name != "labels.csv":
            with open(path, newline="") as file:
                lines = csv.reader(file)
                next(lines)
                tables[path.stem] = {
                    line[0]: np.array(line[1:], dtype=np.float32) for line in lines
                }
    splits = {}
    for name in dict.fromkeys(row["split"] for row in rows):
        chosen = [row for row in rows if row["split"] == name]
        features = {
            modality: torch.from_numpy(np.stack([table[row["id"]] for row in chosen]))
            for modality, table in tables.items()
        }
        splits[name] = features, torch.tensor([float(row[label]) for row in chosen])
    return splits


def metrics(predictions: Tensor, targets: Tensor) -> dict[str, float]:
    """MAE; accuracy of the sign where the target is not 0 (a prediction of 0 is negative)."""
    rated = targets != 0
    correct = (predictions > 0) == (targets > 0)
    return {
        "MAE": (predictions - targets).abs().mean().item(),
        "Non0_acc_2": correct[rated].double().mean().item(),
    }


@torch.no_grad()
def evaluate(model: CmIR, split: Split) -> dict[str, float]:
    features, targets = split
    model.eval()
    return metrics(model(features).squeeze(-1), targets)


def train(splits: dict[str, Split], options: argparse.Namespace, method: str) -> dict:
    torch.manual_seed(options.seed)
    features, targets = splits["train"]
    model = CmIR(
        {name: x.shape[1] for name, x in features.items()},
        1,
        options.hidden,
        options.latent,
        options.dropout,
    )
    for name, x in features.items():
        model.normalizer[name].fit(x)
    features = model.standardise(features)

    environments, settings = [], Settings(loss=options.loss)
    if method == "cmir":
        environments = options.environments
        lambdas = dict(
            zip(("invariance", "decorrelation", "reconstruction"), options.weights, strict=True)
        )
        settings = Settings(
            **lambdas,
            off_diagonal=options.off_diagonal,
            loss=options.loss,
            on=options.on,
            form=options.form,
        )
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )

    best, best_state, best_epoch, epoch, seconds = float("inf"), {}, 0, 0, 0.0
    while epoch < options.epochs and (
        options.patience == 0 or epoch - best_epoch < options.patience
    ):
        epoch += 1
        model.train()
        start = time.perf_counter()
        for rows in torch.randperm(len(targets)).split(options.batch):
            noisy = draw_environments({name: x[rows] for name, x in features.items()}, environments)
            loss = objective(model, noisy, targets[rows], settings)["loss"]
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1)
            optimizer.step()
        seconds += time.perf_counter() - start
        score = evaluate(model, splits["valid"])["MAE"]
        if score < best:
            best, best_epoch, best_state = score, epoch, copy.deepcopy(model.state_dict())
    model.load_state_dict(best_state)
    return {
        "method": method,
        "seed": options.seed,
        "best_epoch": best_epoch,
        "epochs": epoch,
        "train_seconds": seconds,
        "examples_per_second": epoch * len(targets) / seconds,
        "valid": evaluate(model, splits["valid"]),
        "test": evaluate(model, splits["test"]),
    }


def environment(text: str) -> tuple[str, float]:
    kind, _, intensity = text.partition(":")
    return kind, float(intensity)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    methods, ladder = ["fusion", "cmir"], [("gaussian", 1.0), ("gaussian", 2.0), ("gaussian", 3.0)]
    add("data", type=Path, help="folder with labels.csv and one <modality>.csv a modality")
    add("--label", default="label", help="label column of labels.csv")
    add("--methods", nargs="+", choices=methods, default=methods, help="what to train")
    add("--seed", type=int, default=1, help="seed of torch's generator")
    add("--threads", type=int, default=0, help="threads of one operation; 0 is torch's choice")
    add("--epochs", type=int, default=100, help="at most so many passes")
    add("--batch", type=int, default=32, help="examples a step")
    add("--patience", type=int, default=10, help="epochs without a better validation MAE; 0: any")
    add("--learning-rate", type=float, default=1e-3, help="AdamW's step size")
    add("--weight-decay", type=float, default=0.01, help="AdamW's decoupled decay")
    add("--hidden", type=int, default=128, help="H, width of hidden layers")
    add("--latent", type=int, default=64, help="d, width of each invariant and each spurious part")
    add("--dropout", type=float, default=0.3, help="probability, after each hidden layer")
    add("--loss", choices=("l1", "mse"), default="l1", help="L_pred")
    add("--environments", type=environment, nargs="+", default=ladder, help="KIND:INTENSITY each")
    add("--weights", type=float, nargs=3, default=[2.0, 0.3, 1.0], help="lambda_1, 2, 3")
    add("--off-diagonal", type=float, default=0.3, help="weight of R_dec's off-diagonal entries")
    add("--on", choices=("all", "clean"), default="all", help="environments in L_pred")
    add("--form", choices=("naive", "fast"), default="naive", help="how constraints are computed")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse_arguments(arguments)
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    splits = read_folder(options.data, options.label)
    rows = [train(splits, options, method) for method in options.methods]
    print(
        json.dumps(
            {"torch": torch.__version__, "options": vars(options), "rows": rows}, default=str
        )
    )


if __name__ == "__main__":
    main()
