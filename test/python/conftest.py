"""Loads cmir's operators into torch.ops.cmir, in the environment of scripts/python-env.mjs."""

import subprocess
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ["node", ROOT / "dist" / "cli" / "main.js", "operators"]
LIBRARY = subprocess.run(COMMAND, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
torch.ops.load_library(LIBRARY)


@pytest.fixture(autouse=True)
def same_start():
    """Every test draws the same numbers, whatever runs before it, and begins on one thread."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
