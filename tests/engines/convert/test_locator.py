"""The simplified network that locates text against the published one."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image
from tests.support.media_clips import SCENES, frame, resized, sign

from impp_engines import assets, text
from impp_engines.convert import simplified_locator
from impp_engines.onnx import Model
from impp_engines.pictures import Picture

RANDOM = np.random.default_rng(5)


def pictures() -> list[Image.Image]:
    """Streets, of which one bears a sign, and signs that are turned, small, pale, or narrow."""
    board = Image.fromarray(sign("MAIN STREET 42", "Road closed ahead", "2026-11-30 12:34:56"))
    streets = [Image.fromarray(resized(frame(second), 1280, 544)[:, :, ::-1]) for second in SCENES.values()]
    streets[0].paste(board.resize((320, 180)), (480, 200))
    turned = [board.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(90, 90, 90)) for angle in (4, -9)]
    pale = board.point(lambda value: 150 + value // 8)
    return [*streets, board, *turned, board.resize((320, 180)), pale, board.crop((0, 60, 400, 540))]


@pytest.mark.slow
def test_the_map_is_the_same_but_for_rounding() -> None:
    model = assets.path("ppocr-locate.onnx").read_bytes()
    exact, cheap = onnxruntime.InferenceSession(model), onnxruntime.InferenceSession(simplified_locator(model))
    images = [text._tensor(Picture(picture).scaled((640, 352))) for picture in pictures()]
    images += [
        RANDOM.uniform(-1, 1, size=(1, 3, height, width)).astype(np.float32) for height, width in ((32, 640), (96, 32))
    ]
    for image in images:
        expected, actual = exact.run(None, {"x": image})[0], cheap.run(None, {"x": image})[0]
        assert actual.shape == expected.shape == (1, 1, *image.shape[2:])
        np.testing.assert_allclose(actual, expected, atol=1e-3)
        assert np.abs(actual - expected).mean() < 1e-6


@pytest.mark.slow
def test_the_same_lines_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [text.read(picture) for picture in pictures()]
    monkeypatch.setattr(text, "_locator", Model("ppocr-locate.onnx"))
    assert [[line.text for line in some] for some in lines] == [[x.text for x in text.read(p)] for p in pictures()]
    assert sum(map(len, lines)) >= 15


@pytest.mark.slow
def test_the_same_model_is_made_twice_and_has_one_layer_that_enlarges() -> None:
    model = assets.path("ppocr-locate.onnx").read_bytes()
    network = simplified_locator(model)
    assert network == simplified_locator(model)
    operations = [node.op_type for node in onnx.load_model_from_string(network).graph.node]
    assert (operations.count("ConvTranspose"), operations.count("DepthToSpace")) == (0, 1)
    onnx.checker.check_model(onnx.load_model_from_string(network))


@pytest.mark.slow
def test_a_network_with_other_last_layers_is_refused() -> None:
    proto = onnx.load_model_from_string(assets.path("ppocr-locate.onnx").read_bytes())
    next(node for node in reversed(proto.graph.node) if node.op_type == "Sigmoid").op_type = "Tanh"
    with pytest.raises(ValueError, match="Sigmoid should follow"):
        simplified_locator(proto.SerializeToString())
