"""Checks an ONNX file and prints what it says of itself as JSON: check_onnx.py MODEL.onnx."""

import json
import sys

import onnx

model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)


def port(value: onnx.ValueInfoProto) -> list:
    """Type and dimensions, names where they are free."""
    tensor = value.type.tensor_type
    shape = [size.dim_param or size.dim_value for size in tensor.shape.dim]
    return [onnx.TensorProto.DataType.Name(tensor.elem_type), shape]


print(
    json.dumps(
        {
            "producer": [model.producer_name, model.producer_version],
            "metadata": {entry.key: entry.value for entry in model.metadata_props},
            "inputs": {value.name: port(value) for value in model.graph.input},
            "outputs": {value.name: port(value) for value in model.graph.output},
            "described": all(v.doc_string for v in [*model.graph.input, *model.graph.output]),
        }
    )
)
