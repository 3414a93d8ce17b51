"""Networks in 8-bit integers against themselves in floats."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from tests.support.media_clips import SCENES, frame, resized

from impp_engines import labels
from impp_engines.convert.eight_bit import Ranges, eight_bit
from impp_engines.convert.ranges import measure
from impp_engines.onnx import Model

RANDOM = np.random.default_rng(3)


def network() -> bytes:
    """Two convolutions with a bias and an activation each, and a last one."""
    tensors, nodes, name = [], [], "image"
    for number, (before, after) in enumerate(pairwise((3, 8, 8, 4))):
        kernel = RANDOM.normal(size=(after, before, 3, 3)).astype(np.float32) / 4
        bias = RANDOM.normal(size=after).astype(np.float32)
        tensors += [numpy_helper.from_array(kernel, f"k{number}"), numpy_helper.from_array(bias, f"b{number}")]
        sources = [name, f"k{number}", f"b{number}"]
        nodes.append(helper.make_node("Conv", sources, [f"c{number}"], f"conv{number}", pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("LeakyRelu", [f"c{number}"], [f"a{number}"], f"active{number}", alpha=0.1))
        name = f"a{number}"
    image, output = (
        helper.make_tensor_value_info(title, onnx.TensorProto.FLOAT, (1, channels, 32, 32))
        for title, channels in (("image", 3), ("c2", 4))
    )
    graph = helper.make_graph(nodes[:-1], "graph", [image], [output], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def pictures(count: int) -> Iterator[dict[str, Any]]:
    for _ in range(count):
        yield {"image": RANDOM.uniform(-2, 2, size=(1, 3, 32, 32)).astype(np.float32)}


def operations(model: bytes) -> dict[str, set[str]]:
    """The operation of each node, with those whose results it takes."""
    nodes = onnx.load_model_from_string(model).graph.node
    producers = {name: node.op_type for node in nodes for name in node.output}
    return {node.name: {producers.get(name, "") for name in node.input} for node in nodes if node.op_type == "Conv"}


def test_the_integers_give_nearly_the_same_as_the_floats() -> None:
    model = network()
    small = eight_bit(model, measure(model, list(pictures(4))))
    exact, integers = onnxruntime.InferenceSession(model), onnxruntime.InferenceSession(small)
    for given in pictures(4):
        expected, actual = exact.run(None, given)[0], integers.run(None, given)[0]
        assert np.abs(actual - expected).max() < 0.1 * np.abs(expected).max()
        assert np.corrcoef(actual.ravel(), expected.ravel())[0, 1] > 0.999


def test_all_layers_but_the_last_have_integers_on_both_sides() -> None:
    model = network()
    inputs = operations(eight_bit(model, measure(model, list(pictures(1)))))
    assert inputs["conv0"] == inputs["conv1"] == {"DequantizeLinear"}
    assert "" in inputs["conv2"]  # its kernel is a constant in floats


def test_weights_leave_room_for_the_sum_of_two_products_in_sixteen_bits() -> None:
    model = network()
    proto = onnx.load_model_from_string(eight_bit(model, measure(model, list(pictures(1)))))
    kernels = [array for tensor in proto.graph.initializer if (array := numpy_helper.to_array(tensor)).ndim == 4]
    assert [kernel.dtype for kernel in kernels].count(np.int8) == 2
    assert max(int(np.abs(kernel).max()) for kernel in kernels if kernel.dtype == np.int8) <= 64


def test_the_same_ranges_make_the_same_model_and_a_missing_one_is_an_error() -> None:
    model = network()
    ranges = measure(model, list(pictures(1)))
    assert eight_bit(model, ranges) == eight_bit(model, ranges)
    fewer: Ranges = {key: row for key, row in ranges.items() if key != "active1"}
    with pytest.raises(KeyError, match="active1"):
        eight_bit(model, fewer)


@pytest.mark.slow
def test_the_detector_sees_the_same_objects_as_in_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the street, whose frames the table was made of, and turned and narrow ones, of which it was not."""
    street = [resized(frame(seconds), 1280, 544) for seconds in SCENES.values()]
    images = [
        *street,
        *(np.ascontiguousarray(image[:, ::-1]) for image in street),
        *(image[:, :700] for image in street),
    ]
    seen = [labels.detect(image, 0.2) for image in images]
    monkeypatch.setattr(labels, "_model", Model("nanodet.onnx"))
    expected = [labels.detect(image, 0.3) for image in images]
    pairs = [
        max((_overlap(a, b) for b in after if b.name == a.name), default=0.0)
        for before, after in zip(expected, seen, strict=True)
        for a in before
    ]
    assert len(pairs) >= 30
    assert sum(share >= 0.5 for share in pairs) >= 0.95 * len(pairs)
    assert float(np.median(pairs)) > 0.95


def _overlap(a: labels.Detection, b: labels.Detection) -> float:
    """Intersection over union."""
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0 or height <= 0:
        return 0.0
    areas = ((box.right - box.left) * (box.bottom - box.top) for box in (a, b))
    return width * height / (sum(areas) - width * height)
