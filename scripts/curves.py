"""Draws docs/images/curves.svg: the loss terms and the validation error of a run, by epoch.

python3 -m venv /tmp/picture && /tmp/picture/bin/pip install matplotlib
/tmp/picture/bin/python scripts/curves.py RUN_FOLDER
"""

import io
import json
import sys
from pathlib import Path

from matplotlib import pyplot as plt

plt.rcParams["svg.hashsalt"] = "cmir"
plt.rcParams["axes.spines.top"] = plt.rcParams["axes.spines.right"] = False
ROOT = Path(__file__).resolve().parent.parent
TERMS = ["loss", "reconstruction", "prediction", "invariance", "decorrelation"]

lines = (Path(sys.argv[1]) / "history.jsonl").read_text().splitlines()
history = [json.loads(line) for line in lines]
epochs = [record["epoch"] for record in history]
mae = [record["valid"]["MAE"] for record in history]
best = min(range(len(mae)), key=mae.__getitem__)

figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.6), layout="constrained")
for term, colour in zip(TERMS, ["black", "tab:green", "tab:blue", "tab:orange", "tab:red"]):
    values = [record[term] for record in history]
    left.plot(epochs, values, color=colour)
    # The loss and the reconstruction lie close together: one name above its line, the others below.
    above = term == "loss"
    left.annotate(
        term,
        (epochs[-1], values[-1]),
        color=colour,
        xytext=(0, 5 if above else -5),
        textcoords="offset points",
        ha="right",
        va="bottom" if above else "top",
    )
left.set(title="Loss and its terms, before their weights", xlabel="epoch", yscale="log")
left.set_ylim(0.5 * min(record["decorrelation"] for record in history), None)
right.plot(epochs, mae, color="tab:blue")
right.plot(epochs[best], mae[best], "o", color="tab:blue")
right.annotate(
    f"best: {mae[best]:.3f} at epoch {epochs[best]}",
    (epochs[best], mae[best]),
    xytext=(0, -16),
    textcoords="offset points",
    ha="right",
)
right.set(title="Validation MAE", xlabel="epoch", ylim=(0.9 * min(mae), None))
for axes in (left, right):
    axes.grid(alpha=0.25)
picture = io.StringIO()
figure.savefig(picture, format="svg", metadata={"Date": None})
svg = "".join(f"{line.rstrip()}\n" for line in picture.getvalue().splitlines())
(ROOT / "docs" / "images" / "curves.svg").write_text(svg)
