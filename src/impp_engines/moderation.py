"""How unsafe an image is: Yahoo's Open-NSFW (weights BSD-2-Clause), which detects nudity and nothing else.

Images are prepared as in the original, https://github.com/yahoo/open_nsfw/blob/a4e13931/classify_nsfw.py: scaled to
256 x 256, a JPEG round trip that the network was trained with, the middle 224 x 224, BGR minus the training means.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from impp_engines.images import Image8
from impp_engines.onnx import Model
from impp_engines.pictures import Picture

_MEAN = np.array([104.0, 117.0, 123.0], np.float32)

_model = Model("open_nsfw.onnx")


def nudity(image: Image8 | Image.Image | Picture) -> float:
    """The probability, 0..1, that the image shows nudity or sexual content."""
    small = Picture.of(image).scaled((256, 256))
    jpeg = BytesIO()
    Image.fromarray(small[:, :, ::-1]).save(jpeg, "JPEG", quality=75)
    decoded = np.asarray(Image.open(jpeg))[16:240, 16:240, ::-1]
    output = _model.run(None, {"input_0": (decoded - _MEAN)[None]})[0]
    return float(output[0, 1])
