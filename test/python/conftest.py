"""Loads cmir's operators into torch.ops.cmir, in the environment of scripts/python-env.mjs."""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
OPERATORS = (
    ROOT
    / "build"
    / "Release"
    / ("libcmir_ops.dylib" if sys.platform == "darwin" else "libcmir_ops.so")
)
torch.ops.load_library(OPERATORS)


@pytest.fixture(autouse=True)
def fixed_draws():
    """Every test draws the same numbers, whatever runs before it."""
    torch.manual_seed(0)


@pytest.fixture
def one_thread():
    """A context in which torch computes on one thread; outside it there are several."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)

    @contextmanager
    def context():
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(4)

    yield context
    torch.set_num_threads(before)
