"""Opens ONNX models that were exported for one image size to images of any size."""

from __future__ import annotations

import onnx


def free_image_size(model: bytes) -> bytes:
    """The same model, whose NCHW inputs and outputs take one image of any height and width.

    Only the declared shapes change, so it suits fully convolutional networks, which compute the same at every size.
    The shapes of intermediate values are dropped; the runtime infers them.
    """
    proto = onnx.load_model_from_string(model)
    graph = proto.graph
    weights = {tensor.name for tensor in graph.initializer}
    for value in (*graph.input, *graph.output):
        if value.name not in weights:
            batch, _, height, width = value.type.tensor_type.shape.dim
            batch.dim_value = 1
            height.dim_param, width.dim_param = f"{value.name}_height", f"{value.name}_width"
    del graph.value_info[:]
    return bytes(proto.SerializeToString())
