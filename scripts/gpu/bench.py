"""Times a training step of cmir on a GPU beside PyTorch's, and each CUDA kernel beside a copy.

Prints JSON lines: the machine, a row a shape (all columns measured in turn, round by round, each the
median of its rounds), then a row a kernel. Run by scripts/gpu/bench.sh, which builds cmir_bench.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
FEATURES = {"text": 768, "audio": 74, "vision": 47}
OTHERS = ["eager_naive", "eager_fast", "compile", "gemm_floor"]
ROUND_MS = 250  # about what one column takes in one round


class Program:
    """A program that answers lines with lines."""

    def __init__(self, command: list[str], env: dict[str, str] | None = None):
        self.command = command
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env
        )

    def ask(self, line: str) -> str:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.read()

    def read(self) -> str:
        answer = self.process.stdout.readline()
        if answer == "":
            raise RuntimeError(f"{self.command[0]} ended with {self.process.wait()}")
        return answer.strip()


def measure(native: Program, pytorch: Program, shape: dict, options) -> dict:
    """One row: cmir and everything beside it, in turn."""
    batch, environments = shape["batch"], shape["environments"]

    def native_ms(steps: int) -> float:
        question = f"step cuda {options.precision} {batch} {environments} {steps}"
        return float(native.ask(question))

    native_ms(4)
    steps = max(4, math.ceil(ROUND_MS / native_ms(20)))
    rounds: dict[str, list[float]] = {name: [] for name in ["native", *options.others]}
    errors = {}
    for _ in range(options.rounds):
        rounds["native"].append(native_ms(steps))
        for what in options.others:
            if what in errors:
                continue
            last = rounds[what][-1] if rounds[what] else 5.0
            request = {
                "what": what,
                "features": FEATURES,
                "device": "cuda",
                "precision": options.precision,
                "steps": max(4, math.ceil(ROUND_MS / last)),
                **shape,
            }
            answer = json.loads(pytorch.ask(json.dumps(request)))
            if "ms" in answer:
                rounds[what].append(answer["ms"])
            else:
                errors[what] = answer["error"]
    row = {"device": "cuda", "precision": options.precision, **shape}
    for name, list_of_ms in rounds.items():
        row[f"{name}_ms"] = statistics.median(list_of_ms) if list_of_ms else None
    if errors:
        row["errors"] = errors
    return row


def kernels(native: Program, precision: str, batch: int, environments: int) -> list[dict]:
    """A row a kernel, with its share of a copy's bandwidth on the same bytes a second."""
    line = native.ask(f"kernels {precision} {batch} {environments}")
    rows = []
    while line != "end":
        name, moved, ms, rate = line.split()
        rows.append(
            {"kernel": name, "bytes": int(moved), "us": float(ms) * 1e3, "GB/s": float(rate)}
        )
        line = native.read()
    copy = next((row["GB/s"] for row in rows if row["kernel"] == "copy"), None)
    for row in rows:
        row.update(precision=precision, batch=batch, environments=environments)
        if copy is not None:
            row["of_copy"] = row["GB/s"] / copy
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    numbers = lambda text: [int(number) for number in text.split(",")]  # noqa: E731
    parser.add_argument("--batch", type=numbers, default=[32, 128, 512, 2048])
    parser.add_argument("--environments", type=numbers, default=[2, 4, 8])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--precision",
        choices=["float32", "tf32", "bf16"],
        default="float32",
        help="of the matrix products, on both sides",
    )
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    options = parser.parse_args()
    options.others = [name for name in OTHERS if name != "compile" or not options.no_compile]

    reference = str(ROOT / "bench" / "pytorch")
    native = Program([str(ROOT / "build" / "gpu" / "cmir_bench")])
    pytorch = Program(
        [sys.executable, str(ROOT / "bench" / "pytorch" / "step.py")],
        {**os.environ, "PYTHONPATH": reference, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    machine = {
        "gpu": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": sys.version.split()[0],
    }
    print(json.dumps({"machine": machine}), flush=True)
    for batch in options.batch:
        for environments in options.environments:
            shape = {"batch": batch, "environments": environments}
            print(json.dumps(measure(native, pytorch, shape, options)), flush=True)
    for batch in {min(options.batch), max(options.batch)}:
        for row in kernels(native, options.precision, batch, max(options.environments)):
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
