"""What model.py of exported folders predicts: exported.py FOLDER... > JSON, a list of results.

A folder's inputs are beside it, in inputs.safetensors: the tensors NAME, and NAME.lengths of a
sequence. A result has outputs, predictions, invariant codes by modality, the outputs of
torch.compile(model), and the shape of those of a batch without examples.
"""

import importlib.util
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file


def import_model(folder: Path):
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["model"] = module
    spec.loader.exec_module(module)
    return module


@torch.no_grad()
def results(folder: Path) -> dict:
    module = import_model(folder)
    tensors = load_file(folder.with_name("inputs.safetensors"))
    features = {name: tensors[name] for name in module.MODALITIES}
    lengths = {
        name: tensors[f"{name}.lengths"].long()
        for name, modality in module.MODALITIES.items()
        if modality.sequence
    }
    none = [{name: x[:0] for name, x in given.items()} for given in (features, lengths)]
    model = module.load()
    if "keys" not in module.MODALITIES:  # nn.ModuleDict has another meaning for that
        model.load_state_dict(load_file(folder / "model.safetensors"), strict=True)
    torch.compiler.reset()
    # Dynamo traces the whole; inductor would only make it fast.
    compiled = torch.compile(model, backend="aot_eager")
    codes = model.encode(features, lengths)
    return {
        "task": module.TASK,
        "label": module.LABEL,
        "classes": module.CLASSES,
        "outputs": model(features, lengths).flatten().tolist(),
        "compiled": compiled(features, lengths).flatten().tolist(),
        "predictions": model.predict(features, lengths).flatten().tolist(),
        "invariant": {name: code[0].flatten().tolist() for name, code in codes.items()},
        "empty": list(model(*none).shape),
    }


print(json.dumps([results(Path(folder)) for folder in sys.argv[1:]]))
