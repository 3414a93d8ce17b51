"""Converts a TensorFlow.js graph model to ONNX.

The converter supports the operations of the NanoDet graph and refuses all others. Shapes are static, and everything
that depends on constants alone is computed here, so that only the network remains in the result.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]
Shape = tuple[int, ...]

_OPSET = 13
_IR_VERSION = 8
_TO_NCHW = [0, 3, 1, 2]
_TO_NHWC = [0, 2, 3, 1]


def convert(graph_json: bytes, weights: bytes) -> bytes:
    """The ONNX model (opset 13) equivalent to a TFJS graph model.

    `graph_json` is `model.json`, `weights` its one binary. Inputs and outputs keep their names, without `:0`.
    Raises ValueError for an unsupported operation or type.
    """
    document = json.loads(graph_json)
    builder = _Builder(_weights(document["weightsManifest"], weights))
    for node in _in_order(document["modelTopology"]["node"]):
        builder.add(node)
    outputs = [name.split(":")[0] for name in document["signature"]["outputs"]]
    return bytes(builder.model(sorted(outputs)).SerializeToString())


def _weights(manifest: list[dict[str, Any]], data: bytes) -> dict[str, Array]:
    """The constants by name; `float16` quantisation is undone, as TFJS does when it loads them."""
    result: dict[str, Array] = {}
    offset = 0
    for entry in manifest[0]["weights"]:
        stored = entry.get("quantization", {}).get("dtype", entry["dtype"])
        if stored not in ("float16", "float32", "int32"):
            raise ValueError(f"weights of type {stored} are not supported")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        array = np.frombuffer(data, np.dtype(stored).newbyteorder("<"), count, offset)
        offset += array.nbytes
        result[entry["name"]] = array.reshape(entry["shape"]).astype(entry["dtype"])
    if offset != len(data):
        raise ValueError(f"the weights hold {len(data)} bytes, the manifest describes {offset}")
    return result


def _in_order(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The nodes, each after its inputs."""
    by_name = {node["name"]: node for node in nodes}
    done: dict[str, dict[str, Any]] = {}
    stack = [(name, False) for name in reversed(by_name)]
    while stack:
        name, expanded = stack.pop()
        if name in done:
            continue
        if expanded:
            done[name] = by_name[name]
            continue
        stack.append((name, True))
        stack.extend((source.split(":")[0].lstrip("^"), False) for source in by_name[name].get("input", ()))
    return list(done.values())


class _Builder:
    """Takes TFJS nodes one by one; keeps constants as arrays and adds an ONNX node for everything else."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self._weights = weights
        self._constants: dict[str, Array] = {}
        self._shapes: dict[str, Shape] = {}
        self._unbounded: dict[str, tuple[str, Array]] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []

    def add(self, node: dict[str, Any]) -> None:
        handler = getattr(self, f"_op_{node['op'].lower()}", None)
        if handler is None:
            raise ValueError(f"operation {node['op']} of {node['name']} is not supported")
        sources = [_reference(source) for source in node.get("input", ())]
        handler(node["name"], sources, node.get("attr", {}))

    def model(self, outputs: list[str]) -> onnx.ModelProto:
        """The model of all nodes so far, with the named outputs."""
        values = [_value(name, self._shapes[name]) for name in outputs]
        graph = helper.make_graph(self._nodes, "graph", self._inputs, values, list(self._initializers.values()))
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="impp")
        onnx.checker.check_model(model)
        return model

    # Constants -------------------------------------------------------------------------------------------------

    def _op_const(self, name: str, _: list[str], attr: dict[str, Any]) -> None:
        if name in self._weights:
            value = self._weights[name]
        else:  # an index list without entries, which the graph declares by a shape of size zero
            dims = attr["value"]["tensor"]["tensorShape"].get("dim", [])
            value = np.zeros([int(d.get("size", 0)) for d in dims], np.int64)
        self._constants[name] = value
        self._shapes[name] = value.shape

    def _op_sparsetodense(self, name: str, sources: list[str], _: dict[str, Any]) -> None:
        where, shape, values, default = (self._constants[s] for s in sources)
        dense = np.full(shape.astype(int), default.reshape(())[()])
        for index, value in zip(where.reshape(-1, dense.ndim), values.ravel(), strict=True):
            dense[tuple(index)] = value
        self._constants[name], self._shapes[name] = dense, dense.shape

    def _constant(self, name: str) -> Array:
        if name not in self._constants:
            raise ValueError(f"{name} must be constant")
        return self._constants[name]

    def _use(self, name: str) -> str:
        """The name; a constant of that name becomes part of the model."""
        if name in self._constants and name not in self._initializers:
            self._initialize(name, self._constants[name].astype(np.float32))
        return name

    def _initialize(self, name: str, value: Array) -> str:
        self._initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def _integers(self, name: str, values: list[int]) -> str:
        return self._initialize(name, np.asarray(values, np.int64))

    def _emit(self, op: str, inputs: list[str], output: str, shape: Shape, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(op, inputs, [output], output, **attributes))
        self._shapes[output] = shape

    def _emit_transpose(self, source: str, output: str, order: list[int]) -> None:
        shape = tuple(self._shapes[source][axis] for axis in order)
        self._emit("Transpose", [self._use(source)], output, shape, perm=order)

    # Operations ------------------------------------------------------------------------------------------------

    def _op_placeholder(self, name: str, _: list[str], attr: dict[str, Any]) -> None:
        shape = tuple(int(d["size"]) for d in attr["shape"]["shape"]["dim"])
        self._shapes[name] = shape
        self._inputs.append(_value(name, shape))

    def _op_identity(self, name: str, sources: list[str], _: dict[str, Any]) -> None:
        self._emit("Identity", [self._use(sources[0])], name, self._shapes[sources[0]])

    def _op_transpose(self, name: str, sources: list[str], _: dict[str, Any]) -> None:
        order = [int(axis) for axis in self._constant(sources[1])]
        if sources[0] in self._constants:
            value = self._constants[sources[0]].transpose(order)
            self._constants[name], self._shapes[name] = value, value.shape
        elif sources[0] in self._unbounded:
            source, pads = self._unbounded[sources[0]]
            self._emit_transpose(source, f"{name}/unpadded", order)
            self._unbounded[name] = f"{name}/unpadded", pads[order]
            self._shapes[name] = tuple(self._shapes[sources[0]][axis] for axis in order)
        else:
            self._emit_transpose(sources[0], name, order)

    def _op_add(self, name: str, sources: list[str], _: dict[str, Any]) -> None:
        if all(source in self._constants for source in sources):
            value = self._constants[sources[0]] + self._constants[sources[1]]
            self._constants[name], self._shapes[name] = value, value.shape
            return
        shape = np.broadcast_shapes(*(self._shapes[source] for source in sources))
        self._emit("Add", [self._use(source) for source in sources], name, shape)

    _op_addv2 = _op_add

    def _op_sigmoid(self, name: str, sources: list[str], _: dict[str, Any]) -> None:
        self._emit("Sigmoid", [sources[0]], name, self._shapes[sources[0]])

    def _op_leakyrelu(self, name: str, sources: list[str], attr: dict[str, Any]) -> None:
        self._emit("LeakyRelu", [sources[0]], name, self._shapes[sources[0]], alpha=float(attr["alpha"]["f"]))

    def _op_reshape(self, name: str, sources: list[str], _: dict[str, Any]) -> None:
        sizes = [int(size) for size in self._constant(sources[1]).ravel()]
        rest = int(np.prod(self._shapes[sources[0]])) // int(np.prod([size for size in sizes if size >= 0]))
        shape = tuple(size if size >= 0 else rest for size in sizes)
        self._emit("Reshape", [sources[0], self._integers(f"{name}/shape", list(shape))], name, shape)

    def _op_concatv2(self, name: str, sources: list[str], _: dict[str, Any]) -> None:
        *parts, axis_source = sources
        axis = int(self._constant(axis_source))
        shape = list(self._shapes[parts[0]])
        shape[axis] = sum(self._shapes[part][axis] for part in parts)
        self._emit("Concat", [self._use(part) for part in parts], name, tuple(shape), axis=axis)

    def _op_splitv(self, name: str, sources: list[str], _: dict[str, Any]) -> None:
        axis = int(self._constant(sources[2]))
        sizes = [int(size) for size in self._constant(sources[1])]
        outputs = [name if index == 0 else f"{name}:{index}" for index in range(len(sizes))]
        split = self._integers(f"{name}/sizes", sizes)
        self._nodes.append(helper.make_node("Split", [sources[0], split], outputs, name, axis=axis))
        for output, size in zip(outputs, sizes, strict=True):
            shape = list(self._shapes[sources[0]])
            shape[axis] = size
            self._shapes[output] = tuple(shape)

    def _op_pad(self, name: str, sources: list[str], _: dict[str, Any]) -> None:
        pads = self._constant(sources[1]).astype(int)
        shape = tuple(
            int(size + before + after) for size, (before, after) in zip(self._shapes[sources[0]], pads, strict=True)
        )
        if len(sources) > 2 and np.all(np.isneginf(self._constant(sources[2]))):
            # What ONNX's MaxPool adds by itself; a Pad of its own would copy one of the largest tensors.
            self._unbounded[name], self._shapes[name] = (sources[0], pads), shape
            return
        inputs = [sources[0], self._integers(f"{name}/pads", [*pads[:, 0].tolist(), *pads[:, 1].tolist()])]
        if len(sources) > 2:
            inputs.append(self._use(sources[2]))
        self._emit("Pad", inputs, name, shape, mode="constant")

    _op_padv2 = _op_pad

    def _op_conv2d(self, name: str, sources: list[str], attr: dict[str, Any]) -> None:
        """A convolution over NHWC; as in TensorFlow, its kernel may span only a group of the channels."""
        _require_nhwc(attr, name)
        kernel = self._constant(sources[1])  # height, width, channels of a group, filters
        stride = _ints(attr["strides"])[1:3]
        batch, height, width, channels = self._shapes[sources[0]]
        weights = self._initialize(f"{name}/kernel", kernel.transpose(3, 2, 0, 1).astype(np.float32))
        out = [(size - k) // s + 1 for size, k, s in zip((height, width), kernel.shape[:2], stride, strict=True)]
        self._emit_transpose(sources[0], f"{name}/nchw", _TO_NCHW)
        self._emit(
            "Conv",
            [f"{name}/nchw", weights],
            f"{name}/conv",
            (batch, kernel.shape[3], *out),
            strides=stride,
            kernel_shape=list(kernel.shape[:2]),
            group=channels // kernel.shape[2],
        )
        self._emit_transpose(f"{name}/conv", name, _TO_NHWC)

    def _op_maxpool(self, name: str, sources: list[str], attr: dict[str, Any]) -> None:
        _require_nhwc(attr, name)
        size, stride = _ints(attr["ksize"])[1:3], _ints(attr["strides"])[1:3]
        batch, height, width, channels = self._shapes[sources[0]]
        out = [(n - k) // s + 1 for n, k, s in zip((height, width), size, stride, strict=True)]
        source, pads = self._unbounded.get(sources[0], (sources[0], np.zeros((4, 2), int)))
        self._emit_transpose(source, f"{name}/nchw", _TO_NCHW)
        self._emit(
            "MaxPool",
            [f"{name}/nchw"],
            f"{name}/pool",
            (batch, channels, *out),
            strides=stride,
            kernel_shape=size,
            pads=pads[1:3].T.ravel().tolist(),
        )
        self._emit_transpose(f"{name}/pool", name, _TO_NHWC)

    def _op_resizebilinear(self, name: str, sources: list[str], attr: dict[str, Any]) -> None:
        if attr.get("align_corners", {}).get("b") or not attr.get("half_pixel_centers", {}).get("b"):
            raise ValueError(f"{name}: only half-pixel resizing is supported")
        batch, height, width, channels = self._shapes[sources[0]]
        out = [int(size) for size in self._constant(sources[1])]
        self._emit_transpose(sources[0], f"{name}/nchw", _TO_NCHW)
        factors = [1, 1, out[0] / height, out[1] / width]
        scales = self._initialize(f"{name}/scales", np.asarray(factors, np.float32))
        self._emit(
            "Resize",
            [f"{name}/nchw", "", scales],
            f"{name}/resized",
            (batch, channels, *out),
            mode="linear",
            coordinate_transformation_mode="half_pixel",
        )
        self._emit_transpose(f"{name}/resized", name, _TO_NHWC)


def _reference(source: str) -> str:
    """`node:0` and `node` are the same tensor."""
    return source.removesuffix(":0").lstrip("^")


def _ints(attribute: dict[str, Any]) -> list[int]:
    return [int(value) for value in attribute["list"]["i"]]


def _require_nhwc(attr: dict[str, Any], name: str) -> None:
    """Refuse padding other than by Pad nodes, other layouts, and dilations."""
    padding = base64.b64decode(attr["padding"]["s"]).decode()
    layout = base64.b64decode(attr["data_format"]["s"]).decode() if "data_format" in attr else "NHWC"
    dilations = _ints(attr["dilations"]) if "dilations" in attr else [1]
    if padding != "VALID" or layout != "NHWC" or set(dilations) != {1}:
        raise ValueError(f"{name}: padding {padding}, layout {layout}, dilations {dilations} are not supported")


def _value(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
