"""The converted models against an independent reckoning, and the speech engine's cutting of long audio."""

from __future__ import annotations

import json
from collections.abc import Iterator

import cv2
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from tests.support.media_clips import frame

from impp_engines import assets, speech
from impp_engines.convert import tfjs, wire

Array = NDArray[np.float32]


def test_wire_format_reads_what_it_writes() -> None:
    message = wire.number(1, 300) + wire.text(2, "gräph") + wire.number(3, -1) + wire.chunk(4, wire.number(1, 7))
    found = [(number, content) for number, _, content in wire.fields(message)]
    assert found == [(1, b""), (2, "gräph".encode()), (3, b""), (4, wire.number(1, 7))]
    assert b"".join(whole for _, whole, _ in wire.fields(message)) == message
    assert wire.varint(300) == b"\xac\x02"  # the example of protobuf's documentation


def test_an_unknown_operation_is_refused() -> None:
    graph = {
        "modelTopology": {"node": [{"name": "a", "op": "Softplus"}]},
        "signature": {"outputs": {}},
        "weightsManifest": [{"weights": []}],
    }
    with pytest.raises(ValueError, match="Softplus"):
        tfjs.convert(json.dumps(graph).encode(), b"")


@pytest.mark.slow
def test_converted_detector_computes_what_the_graph_says() -> None:
    """The first layers of the TFJS graph, reckoned here with plain numpy, against the ONNX model at work."""
    graph = json.loads(assets.path("nanodet.json").read_bytes())
    by_name = {node["name"]: node for node in graph["modelTopology"]["node"]}
    weights = tfjs._weights(graph["weightsManifest"], assets.path("nanodet.bin").read_bytes())
    image = cv2.resize(frame(5.0), (416, 416)).astype(np.float32).transpose(2, 0, 1)[None] / 64 - 2
    expected = _reckon("PartitionedCall/onnx_tf_prefix_LeakyRelu_1", by_name, weights, image)
    assert expected.shape == (1, 32, 208, 208)

    model = tfjs._Builder(weights)
    for node in tfjs._in_order(graph["modelTopology"]["node"]):
        model.add(node)
    session = onnxruntime.InferenceSession(model.model(["PartitionedCall/onnx_tf_prefix_LeakyRelu_1"]))
    got = session.run(None, {"input_1": image})[0]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def _reckon(name: str, nodes: dict[str, dict[str, object]], weights: dict[str, Array], image: Array) -> Array:
    """TensorFlow's meaning of the few operations that the first layer consists of."""
    node = nodes[name]
    attr: dict[str, dict[str, object]] = node.get("attr", {})  # type: ignore[assignment]
    if node["op"] == "Placeholder":
        return image
    if node["op"] == "Const":
        return weights[name]
    inputs = [_reckon(str(i).split(":")[0], nodes, weights, image) for i in node["input"]]  # type: ignore[attr-defined]
    match node["op"]:
        case "Pad":
            return np.pad(inputs[0], inputs[1].astype(int))
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


def test_long_audio_is_cut_in_silence_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "_WINDOW_S", 20.0)
    rate = speech.SAMPLE_RATE
    random = np.random.default_rng(7)
    loud = random.normal(0, 0.3, 50 * rate).astype(np.float32)
    loud[int(14.0 * rate) : int(14.5 * rate)] = 0  # the only pauses near the borders of windows
    loud[int(33.0 * rate) : int(33.5 * rate)] = 0

    def windows() -> Iterator[Array]:
        for start in range(0, loud.size, 20 * rate):
            yield loud[start : start + 20 * rate]

    parts = list(speech._cut_in_silence(windows()))
    assert np.array_equal(np.concatenate(parts), loud)
    cuts = np.cumsum([part.size for part in parts])[:-1] / rate
    assert 14.0 <= cuts[0] <= 14.5 and 33.0 <= cuts[1] <= 33.5
