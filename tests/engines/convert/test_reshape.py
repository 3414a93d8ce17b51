"""A model exported for one image size, opened to any."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from impp_engines.convert import free_image_size


def model_for(height: int, width: int, *, has_weight_as_input: bool = False) -> bytes:
    """A convolution of 3 x 3 over one image of this size."""
    kernel = np.arange(54, dtype=np.float32).reshape(2, 3, 3, 3)
    shapes = {"image": (4, 3, height, width), "map": (4, 2, height - 2, width - 2)}
    image, output = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, s) for name, s in shapes.items())
    node = helper.make_node("Conv", ["image", "kernel"], ["map"])
    weight = helper.make_tensor_value_info("kernel", onnx.TensorProto.FLOAT, kernel.shape)
    inputs = [image, weight] if has_weight_as_input else [image]
    graph = helper.make_graph([node], "graph", inputs, [output], [numpy_helper.from_array(kernel, "kernel")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()


def test_a_model_for_one_size_takes_images_of_any() -> None:
    model = onnxruntime.InferenceSession(free_image_size(model_for(10, 32)))
    assert model.get_inputs()[0].shape == [1, 3, "image_height", "image_width"]
    assert model.get_outputs()[0].shape == [1, 2, "map_height", "map_width"]
    picture = np.random.default_rng(1).normal(size=(1, 3, 21, 15)).astype(np.float32)
    exact = onnxruntime.InferenceSession(free_image_size(model_for(21, 15)))
    assert model.run(None, {"image": picture})[0].shape == (1, 2, 19, 13)
    np.testing.assert_array_equal(model.run(None, {"image": picture})[0], exact.run(None, {"image": picture})[0])


def test_weights_that_were_inputs_become_constants() -> None:
    before = model_for(10, 32, has_weight_as_input=True)
    inputs = onnx.load_model_from_string(free_image_size(before)).graph.input
    assert [value.name for value in inputs] == ["image"]
    assert free_image_size(before) == free_image_size(model_for(10, 32))
