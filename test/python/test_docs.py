"""The Python of docs/pytorch.md, run from top to bottom."""

import re

import torch
from conftest import LIBRARY, ROOT

TEXT = (ROOT / "docs" / "pytorch.md").read_text()


def test_code_runs():
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 4
    program = "\n".join(blocks)
    assert program.count('"/path/to/cmir.node"') == 1
    exec(program.replace("/path/to/cmir.node", LIBRARY), {})


def test_signatures_are_those_of_the_operators():
    for name in ("perturb", "invariance", "decorrelation", "reconstruction"):
        schema = str(getattr(torch.ops.cmir, name).default._schema).removeprefix("cmir::")
        assert f"`{schema}`" in TEXT
