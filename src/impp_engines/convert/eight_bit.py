"""Turns a network of convolutions into one that computes with 8-bit integers: less than half the time of 32-bit floats.

The weights of each channel and the values between the layers are integers with a scale and an offset. The range of
those values is read from a table, which :mod:`.ranges` makes from footage, so that every machine makes the same model.

Activations have eight bits without a sign, weights seven with one. x86 processors with AVX2 but without VNNI add the
products of neighbours in 16 bits, which eight bits would overflow; with seven every kernel computes the same sums
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, "When and why do I need to try U8U8?").
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]

Ranges = Mapping[str, tuple[float, float]]
"""Lowest and highest value of a node's output, by the node's name, and of an input, by its own."""

LARGEST = 64
"""Most rows of a value in integers. The layers before have few channels, so that integers save little time there, and
their errors go through all later ones: of the object detector, a third of the time and half of the error."""
INTEGERS = ("Conv", "LeakyRelu", "MaxPool", "Concat", "Add", "Resize")
"""Operations that compute with integers."""


def eight_bit(model: bytes, ranges: Ranges) -> bytes:
    """The same network with 8-bit integers. Its first layers stay floats (:data:`LARGEST`), and its last convolutions,
    because their values are the result.

    Raises `KeyError` for a value without a range.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantType  # type: ignore[import-untyped]
    from onnxruntime.quantization.calibrate import TensorData, TensorsData  # type: ignore[import-untyped]
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer  # type: ignore[import-untyped]

    proto = simplified(model)
    tensors = {
        name: TensorData(lowest=np.float32(min(0.0, ranges[key][0])), highest=np.float32(max(0.0, ranges[key][1])))
        for key, name in values(proto)
    }
    quantizer = QDQQuantizer(
        proto,
        True,  # a scale per channel
        True,  # seven bits of a weight
        QuantType.QInt8,
        QuantType.QUInt8,
        TensorsData(CalibrationMethod.MinMax, tensors),
        [],
        [*first_layers(proto), *last_convolutions(proto)],
        list(INTEGERS),
        {},
    )
    quantizer.quantize_model()
    return bytes(quantizer.model.model.SerializeToString())


def simplified(model: bytes) -> onnx.ModelProto:
    """The same network with biases and padding inside its convolutions and without superfluous transpositions, which
    the runtime finds. Its basic optimisations do not depend on the processor."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(Path(folder) / "simplified.onnx")
        options.log_severity_level = 3
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return onnx.load_model(options.optimized_model_filepath)


def values(proto: onnx.ModelProto) -> list[tuple[str, str]]:
    """`(key, tensor)` of the inputs and of what the nodes compute with integers, by :data:`Ranges`' keys."""
    inputs = [(value.name, value.name) for value in proto.graph.input]
    return inputs + [(node.name, node.output[0]) for node in proto.graph.node if node.op_type in INTEGERS]


def first_layers(proto: onnx.ModelProto) -> list[str]:
    """The names of the nodes whose results have more than :data:`LARGEST` rows."""
    inferred = onnx.shape_inference.infer_shapes(proto).graph
    sizes = {value.name: value.type.tensor_type.shape.dim for value in inferred.value_info}
    rows = {node.name: [int(size.dim_value) for size in sizes.get(node.output[0], ())] for node in proto.graph.node}
    return [name for name, shape in rows.items() if len(shape) == 4 and shape[2] > LARGEST]


def last_convolutions(proto: onnx.ModelProto) -> list[str]:
    """The names of the convolutions that no other one follows."""
    before: dict[str, set[str]] = {}
    """The convolutions that a tensor comes from."""
    last: set[str] = set()
    node: Any
    for node in proto.graph.node:
        sources = set().union(*(before.get(name, set()) for name in node.input))
        if node.op_type == "Conv":
            last = (last - sources) | {node.name}
            sources = {node.name}
        before.update(dict.fromkeys(node.output, sources))
    return sorted(last)
