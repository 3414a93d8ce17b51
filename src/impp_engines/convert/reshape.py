"""Opens ONNX models that were exported for one image size to images of any size, and makes their weights constants."""

from __future__ import annotations

import onnx


def free_image_size(model: bytes) -> bytes:
    """The same model, whose NCHW inputs and outputs take one image of any height and width.

    Only the declared shapes change, so it suits fully convolutional networks, which compute the same at every size.
    The shapes of intermediate values are dropped; the runtime infers them.

    Weights that are also inputs, as before version 4 of ONNX's format, could be replaced at each run, so that the
    runtime neither folds normalisations into convolutions nor arranges weights for the processor
    (https://onnx.ai/onnx/repo-docs/IR.html, "Graphs"). They are inputs no longer.
    """
    proto = onnx.load_model_from_string(model)
    graph = proto.graph
    weights = {tensor.name for tensor in graph.initializer}
    images = [value for value in graph.input if value.name not in weights]
    for value in (*images, *graph.output):
        batch, _, height, width = value.type.tensor_type.shape.dim
        batch.dim_value = 1
        height.dim_param, width.dim_param = f"{value.name}_height", f"{value.name}_width"
    del graph.input[:], graph.value_info[:]
    graph.input.extend(images)
    proto.ir_version = max(proto.ir_version, 4)
    return bytes(proto.SerializeToString())
