"""Draws docs/images/speed.svg from bench/results/step-cpu.json: a training step, cmir beside PyTorch.

python3 -m venv /tmp/picture && /tmp/picture/bin/pip install matplotlib
/tmp/picture/bin/python scripts/speed.py
"""

import io
import json
from pathlib import Path

from matplotlib import pyplot as plt

plt.rcParams["svg.hashsalt"] = "cmir"
plt.rcParams["axes.spines.top"] = plt.rcParams["axes.spines.right"] = False
ROOT = Path(__file__).resolve().parent.parent
SERIES = [
    ("native_ms", "cmir", "tab:blue"),
    ("gemm_floor_ms", "LibTorch's matrix products alone", "0.75"),
    ("eager_fast_ms", "PyTorch, fast algebra", "tab:orange"),
    ("eager_naive_ms", "PyTorch, as in the paper", "tab:red"),
    ("compile_ms", "torch.compile", "tab:purple"),
]

rows = json.loads((ROOT / "bench" / "results" / "step-cpu.json").read_text())["rows"]
rows = [row for row in rows if row["threads"] == 1 and row["environments"] == 4]
figure, axes = plt.subplots(figsize=(9.6, 3.8), layout="constrained")
width = 0.16
for i, (key, name, colour) in enumerate(SERIES):
    places = [x + (i - 2) * width for x in range(len(rows))]
    bars = axes.bar(
        places, [row[key] / row["native_ms"] for row in rows], width * 0.92, color=colour, label=name
    )
    if key != "native_ms":
        axes.bar_label(bars, fmt="%.1f", fontsize=8, padding=2)
names = [f"batch {row['batch']}\ncmir {row['native_ms']:.1f} ms" for row in rows]
axes.set_xticks(range(len(rows)), names)
axes.set(ylabel="time of one step, cmir = 1", title="One training step, 4 environments, one CPU thread")
axes.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.14))
axes.margins(y=0.12)
picture = io.StringIO()
figure.savefig(picture, format="svg", metadata={"Date": None})
svg = "".join(f"{line.rstrip()}\n" for line in picture.getvalue().splitlines())
(ROOT / "docs" / "images" / "speed.svg").write_text(svg)
