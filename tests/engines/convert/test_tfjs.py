"""The converted detector against an independent computation in numpy."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from tests.support.media_clips import frame, resized

from impp_engines import assets
from impp_engines.convert import tfjs

Array = NDArray[np.float32]


def test_an_unsupported_operation_is_refused() -> None:
    graph = {
        "modelTopology": {"node": [{"name": "a", "op": "Softplus"}]},
        "signature": {"outputs": {}},
        "weightsManifest": [{"weights": []}],
    }
    with pytest.raises(ValueError, match="Softplus"):
        tfjs.convert(json.dumps(graph).encode(), b"")


_FIRST_LAYERS = "PartitionedCall/MaxPool2d"


@pytest.mark.slow
def test_the_converted_detector_computes_the_same_as_its_graph() -> None:
    """The first layers of the TFJS graph, computed here with numpy, against the ONNX model."""
    graph = json.loads(assets.path("nanodet.json").read_bytes())
    by_name = {node["name"]: node for node in graph["modelTopology"]["node"]}
    weights = tfjs._weights(graph["weightsManifest"], assets.path("nanodet.bin").read_bytes())
    image = resized(frame(5.0), 416, 416).astype(np.float32).transpose(2, 0, 1)[None] / 64 - 2
    expected = _compute(_FIRST_LAYERS, by_name, weights, image)
    assert expected.shape == (1, 104, 104, 32)

    model = tfjs._Builder(weights)
    for node in tfjs._in_order(graph["modelTopology"]["node"]):
        model.add(node)
    layers = model.model([_FIRST_LAYERS])
    assert "Pad" not in {node.op_type for node in layers.graph.node if "PadV2" in node.name}
    session = onnxruntime.InferenceSession(layers.SerializeToString())
    output = session.run(None, {"input_1": image})[0]
    np.testing.assert_allclose(output, expected, rtol=1e-4, atol=1e-4)


def _compute(name: str, nodes: dict[str, dict[str, object]], weights: dict[str, Array], image: Array) -> Array:
    """The few operations of the first layer, as TensorFlow defines them."""
    node = nodes[name]
    attr: dict[str, dict[str, object]] = node.get("attr", {})  # type: ignore[assignment]
    if node["op"] == "Placeholder":
        return image
    if node["op"] == "Const":
        return weights[name]
    inputs = [_compute(str(i).split(":")[0], nodes, weights, image) for i in node["input"]]  # type: ignore[attr-defined]
    match node["op"]:
        case "Pad":
            return np.pad(inputs[0], inputs[1].astype(int))
        case "PadV2":
            return np.pad(inputs[0], inputs[1].astype(int), constant_values=inputs[2])
        case "MaxPool":
            windows = np.lib.stride_tricks.sliding_window_view(inputs[0], (3, 3), axis=(1, 2))
            return np.asarray(windows[:, ::2, ::2].max(axis=(-2, -1)))
        case "Transpose":
            return inputs[0].transpose(inputs[1].astype(int))
        case "Add" | "AddV2":
            return inputs[0] + inputs[1]
        case "LeakyRelu":
            return np.where(inputs[0] > 0, inputs[0], inputs[0] * np.float32(attr["alpha"]["f"]))
        case "Conv2D":
            stride = int(attr["strides"]["list"]["i"][1])  # type: ignore[index]
            return _convolve(inputs[0], inputs[1], stride)
    raise AssertionError(node["op"])


def _convolve(image: Array, kernel: Array, stride: int) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape[:2], axis=(1, 2))[:, ::stride, ::stride]
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel)
