"""Simplifies PP-OCR's network that locates text, for the same results but for rounding.

Each step replaces a part of the network by a cheaper one with the same meaning; a network without that part is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from impp_engines.convert.eight_bit import simplified

Array = NDArray[np.float32]
BLOCK = 16
"""Channels that the runtime computes together (`MlasNchwcGetBlockSize` of https://github.com/microsoft/onnxruntime)."""
FACTOR = 2
"""How many times as wide and high each of the two last layers makes its input."""


def simplified_locator(model: bytes) -> bytes:
    """The same network with cheaper first layers (:func:`_split_stem`), attention (:func:`_join_attention`) and last
    layers (:func:`_enlarge_once`)."""
    proto = simplified(model)
    network = _Network(proto)
    _split_stem(network)
    _join_attention(network)
    _enlarge_once(network)
    del proto.graph.value_info[:]
    return bytes(proto.SerializeToString())


class _Network:
    """A graph whose nodes are found by what they take and give."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self.graph = proto.graph
        self.weights = {tensor.name: tensor for tensor in proto.graph.initializer}

    def nodes(self, operation: str) -> list[Any]:
        return [node for node in self.graph.node if node.op_type == operation]

    def source(self, name: str, operation: str) -> Any | None:
        """The node that gives a value, if it is such an operation."""
        return next((node for node in self.nodes(operation) if name in node.output), None)

    def users(self, name: str) -> list[Any]:
        return [node for node in self.graph.node if name in node.input]

    def follower(self, node: Any, operation: str) -> Any:
        """The only node after another. Raises `ValueError` if it is not such an operation."""
        users = self.users(node.output[0])
        if [user.op_type for user in users] != [operation]:
            raise ValueError(f"{operation} should follow {node.name}, not {[user.op_type for user in users]}.")
        return users[0]

    def array(self, name: str) -> Array:
        return numpy_helper.to_array(self.weights[name]).astype(np.float32)

    def constant(self, name: str, values: Array) -> str:
        self.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def change(self, name: str, values: Array) -> None:
        """Give a constant other values."""
        self.weights[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))

    def replace(self, old: list[Any], new: list[Any]) -> None:
        """Put nodes in the place of the last of others."""
        nodes = list(self.graph.node)
        at = max(nodes.index(node) for node in old)
        kept = [*nodes[: at + 1], *new, *nodes[at + 1 :]]
        del self.graph.node[:]
        self.graph.node.extend(node for node in kept if node not in old)


def _split_stem(network: _Network) -> None:
    """The convolution of two joined maps, one pooled, one convolved, becomes the sum of one of each, which spares
    joining them, and the layers before it get whole blocks of channels."""
    (pool,) = network.nodes("MaxPool")
    joined = network.follower(pool, "Concat")
    last = network.follower(joined, "Conv")
    pooled, branch = joined.input
    if pooled != pool.output[0]:
        raise ValueError(f"{joined.name} should join what {pool.name} pools with another map.")
    size = _fill_up(network, pool.input[0])
    for conv in network.users(pool.input[0]):
        if conv.op_type == "Conv":
            _fill_up(network, network.follower(conv, "Relu").output[0])
    whole = network.array(last.input[1])
    halves = (_filled_up(whole[:, :size], 1), whole[:, size:])
    kernels = [network.constant(f"{last.name}.{number}.kernel", half) for number, half in enumerate(halves)]
    parts = [helper.make_node("Conv", [pooled, kernels[0], last.input[2]], [f"{last.name}.0"], f"{last.name}.0")]
    parts.append(helper.make_node("Conv", [branch, kernels[1]], [f"{last.name}.1"], f"{last.name}.1"))
    for part in parts:
        part.attribute.extend(last.attribute)
    total = helper.make_node("Add", [part.output[0] for part in parts], list(last.output), f"{last.name}.sum")
    network.replace([joined, last], [*parts, total])


def _fill_up(network: _Network, name: str) -> int:
    """Give a map, the result of a convolution and Relu, channels of zeros up to a whole number of blocks, and the
    convolutions after it zeros for them. The number of channels that it had.

    The runtime computes in blocks of 16 channels where the processor has AVX-512 or is an ARM, so that 24 take as long
    as 32; but it arranges the values otherwise and back around a pooling, and before a convolution, of half a block.
    """
    relu = network.source(name, "Relu")
    conv = relu and network.source(relu.input[0], "Conv")
    if conv is None:
        raise ValueError(f"{name} should be the result of a convolution.")
    kernel, bias = (network.array(weights) for weights in conv.input[1:3])
    network.change(conv.input[1], _filled_up(kernel, 0))
    network.change(conv.input[2], _filled_up(bias, 0))
    for user in network.users(name):
        if user.op_type == "Conv":
            network.change(user.input[1], _filled_up(network.array(user.input[1]), 1))
    return len(bias)


def _filled_up(values: Array, axis: int) -> Array:
    """With zeros up to a whole number of blocks along an axis."""
    more = [(0, -values.shape[number] % BLOCK if number == axis else 0) for number in range(values.ndim)]
    return np.pad(values, more)


def _join_attention(network: _Network) -> None:
    """`x + x * a` becomes `x * (1 + a)`: `a` is one number per channel, so that one pass over the picture is saved."""
    one = network.constant("one", np.ones(1, np.float32))
    for add in network.nodes("Add"):
        for x, product in (add.input, reversed(add.input)):
            scaling = network.source(product, "Mul")
            if scaling is None or x not in scaling.input or len(network.users(product)) > 1:
                continue
            (attention,) = (name for name in scaling.input if name != x)
            if network.source(attention, "HardSigmoid") is None:
                continue
            raised = f"{attention}.raised"
            sum_ = helper.make_node("Add", [attention, one], [raised], f"{add.name}.raised")
            network.replace([scaling, add], [sum_, helper.make_node("Mul", [x, raised], list(add.output), add.name)])
            break


def _enlarge_once(network: _Network) -> None:
    """The last layers, which enlarge the map twice, become layers on the small map, which is enlarged at the end.

    A transposed convolution whose kernel is as large as its stride computes each pixel of a square of its output from
    one pixel of its input: a convolution of 1 x 1 with one group of channels per pixel of the square does the same.
    """
    first, second = network.nodes("ConvTranspose")
    for node in (first, second):
        if network.array(node.input[1]).shape[2:] != (FACTOR, FACTOR) or list(_ints(node, "strides")) != [FACTOR] * 2:
            raise ValueError(f"{node.name} computes pixels from more than one.")
    add_1 = network.follower(first, "Add")
    relu = network.follower(add_1, "Relu")
    add_2 = network.follower(network.follower(relu, "ConvTranspose"), "Add")
    sigmoid = network.follower(add_2, "Sigmoid")
    kernel_1, kernel_2 = (network.array(node.input[1]) for node in (first, second))
    bias_1, bias_2 = (network.array(node.input[1]).ravel() for node in (add_1, add_2))
    squares = FACTOR**2
    pixel = kernel_1.transpose(2, 3, 1, 0).reshape(squares * kernel_1.shape[1], kernel_1.shape[0], 1, 1)
    # Each of the first layer's pixels becomes a square of its own.
    part = kernel_2[:, 0].transpose(1, 2, 0).reshape(squares, -1)
    whole = np.kron(np.eye(squares, dtype=np.float32), part)[:, :, None, None]
    # Channels are (row, column) of the first square, then of the second; rows go before columns.
    order = np.arange(squares**2).reshape(FACTOR, FACTOR, FACTOR, FACTOR).transpose(0, 2, 1, 3).ravel()
    names = [f"enlarged.{number}" for number in range(4)]
    weights = [network.constant(f"{names[0]}.kernel", pixel), network.constant(f"{names[0]}.bias", np.tile(bias_1, 4))]
    last = [
        network.constant(f"{names[2]}.kernel", whole[order]),
        network.constant(f"{names[2]}.bias", np.tile(bias_2, 16)),
    ]
    nodes = [
        helper.make_node("Conv", [first.input[0], *weights], [names[0]], names[0]),
        helper.make_node("Relu", [names[0]], [names[1]], names[1]),
        helper.make_node("Conv", [names[1], *last], [names[2]], names[2]),
        helper.make_node("Sigmoid", [names[2]], [names[3]], names[3]),
        helper.make_node("DepthToSpace", [names[3]], list(sigmoid.output), "enlarge", blocksize=squares),
    ]
    network.replace([first, add_1, relu, second, add_2, sigmoid], nodes)


def _ints(node: Any, name: str) -> list[int]:
    return next(list(attribute.ints) for attribute in node.attribute if attribute.name == name)
