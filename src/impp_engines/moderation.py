"""How unsafe an image is: Yahoo's Open-NSFW (weights BSD-2-Clause), which detects nudity and nothing else.

Images are prepared as in the original, https://github.com/yahoo/open_nsfw/blob/a4e13931/classify_nsfw.py: scaled to
256 x 256, a JPEG round trip that the network was trained with, the middle 224 x 224, BGR minus the training means.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from impp_engines.images import Image8
from impp_engines.onnx import Model

_MEAN = np.array([104.0, 117.0, 123.0], np.float32)

_model = Model("open_nsfw.onnx")


def nudity(image: Image8) -> float:
    """The probability, 0..1, that the image shows nudity or sexual content."""
    small = Image.fromarray(image[:, :, ::-1]).resize((256, 256), resample=Image.Resampling.BILINEAR)
    _, jpeg = cv2.imencode(".jpg", np.asarray(small)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75])
    decoded = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    if decoded is None:
        raise ValueError("the JPEG round trip failed")
    tensor = decoded[16:240, 16:240].astype(np.float32) - _MEAN
    output = _model.run(None, {"input_0": tensor[None]})[0]
    return float(output[0, 1])
