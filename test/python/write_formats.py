"""Writes one random data set of sequences in every form that the field passes around, so that a test
can train on each and compare. Usage: write_formats.py FOLDER
"""

import csv
import pickle
import sys
from pathlib import Path

import numpy as np

SPLITS = {"train": 12, "valid": 6, "test": 6}
WIDTHS = {"audio": 3, "text": 5, "vision": 2}
LONGEST = 7


def draw() -> dict:
    """Frames [n, D] of each example by modality, labels and ids, by split. No value is 0."""
    generator = np.random.default_rng(1)
    splits = {}
    for name, count in SPLITS.items():
        lengths = generator.integers(1, LONGEST + 1, count)
        lengths[1] = LONGEST
        splits[name] = {
            "id": [f"{name}{i}$_$0" for i in range(count)],
            "label": generator.normal(size=count).astype(np.float32),
            "raw_text": [f"word {i}, and" for i in range(count)],
            **{
                modality: [generator.normal(size=(n, d)).astype(np.float32) for n in lengths]
                for modality, d in WIDTHS.items()
            },
        }
    return splits


def pad(frames: list[np.ndarray], front: bool = False) -> np.ndarray:
    padded = np.zeros((len(frames), LONGEST, frames[0].shape[1]), dtype=np.float32)
    for row, x in enumerate(frames):
        padded[row, slice(LONGEST - len(x), None) if front else slice(len(x))] = x
    return padded


def lengths_of(frames: list[np.ndarray]) -> np.ndarray:
    return np.array([len(x) for x in frames], dtype=np.int64)


def write_csv(folder: Path, splits: dict, modalities: list[str]) -> None:
    folder.mkdir()
    with open(folder / "labels.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "split", "label", "raw_text"])
        for name, part in splits.items():
            for row in zip(part["id"], part["label"], part["raw_text"], strict=True):
                writer.writerow([row[0], name, str(row[1]), row[2]])
    for modality in modalities:
        with open(folder / f"{modality}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "frame", *(f"f{i}" for i in range(WIDTHS[modality]))])
            for part in splits.values():
                for id_, frames in zip(part["id"], part[modality], strict=True):
                    for t, x in enumerate(frames):
                        writer.writerow([id_, t, *(str(value) for value in x)])


def mmsa(part: dict) -> dict:
    return {
        "raw_text": np.array(part["raw_text"]),
        "id": part["id"],
        "text_bert": np.ones((len(part["id"]), 3, LONGEST), dtype=np.float32),
        "annotations": np.array(["Neutral"] * len(part["id"])),
        "classification_labels": np.sign(part["label"]) + 1,
        "regression_labels": part["label"],
        **{modality: pad(part[modality]) for modality in WIDTHS},
        **{f"{modality}_lengths": lengths_of(part[modality]) for modality in WIDTHS},
    }


def multibench(part: dict) -> dict:
    return {
        **{modality: pad(part[modality], front=True) for modality in WIDTHS},
        "labels": part["label"].reshape(-1, 1, 1).astype(np.float64),
        "id": np.array(part["id"]).reshape(-1, 1),
    }


def ithp(part: dict) -> list:
    """Words are text, as in the files; the text modality comes from a language model later."""
    rows = zip(part["id"], part["raw_text"], part["vision"], part["audio"], part["label"])
    return [((text.split(), v, a), label, id_) for id_, text, v, a, label in rows]


def misa(part: dict) -> list:
    rows = zip(part["id"], part["raw_text"], part["vision"], part["audio"], part["label"])
    return [
        ((np.arange(len(v)), v, a, text.split()), np.array([[label]]), id_)
        for id_, text, v, a, label in rows
    ]


def write_pickle(path: Path, value: object, protocol: int) -> None:
    with open(path, "wb") as file:
        pickle.dump(value, file, protocol=protocol)


def main() -> None:
    folder = Path(sys.argv[1])
    splits = draw()
    write_csv(folder / "three", splits, ["audio", "text", "vision"])
    write_csv(folder / "two", splits, ["audio", "vision"])
    for protocol in (0, 2, 4, 5):
        value = {name: mmsa(part) for name, part in splits.items()}
        write_pickle(folder / f"three-mmsa-{protocol}.pkl", value, protocol)
    value = {name: multibench(part) for name, part in splits.items()}
    write_pickle(folder / "three-multibench.pickle", value, 4)
    named = {"train": "train", "valid": "dev", "test": "test"}
    value = {named[name]: ithp(part) for name, part in splits.items()}
    write_pickle(folder / "two-ithp.pkl", value, 4)
    (folder / "two-misa").mkdir()
    for name, part in splits.items():
        write_pickle(folder / "two-misa" / f"{named[name]}.pkl", misa(part), 2)
    arrays = {
        f"{name}_{key}": np.array(value)
        for name, part in splits.items()
        for key, value in mmsa(part).items()
        if key not in ("text_bert", "raw_text", "annotations")
    }
    np.savez(folder / "three-stored", **arrays)
    np.savez_compressed(folder / "three-deflated", **arrays)


if __name__ == "__main__":
    main()
