"""Loads cmir's operators into torch.ops.cmir, in the environment of scripts/python-env.mjs."""

import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = "dylib" if sys.platform == "darwin" else "so"
torch.ops.load_library(ROOT / "build" / "Release" / f"libcmir_ops.{EXTENSION}")


@pytest.fixture(autouse=True)
def same_start():
    """Every test draws the same numbers, whatever runs before it, and begins on one thread."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
