"""Says whether a frame shows day or night, in the form that IMPP's custom detectors answer.

The four functions are those that AWS's inference images call. Pillow and NumPy are part of the PyTorch image, so that
nothing is installed when the container starts, which network isolation would not allow.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (96, 54)
"""Pixels to which every picture is reduced."""
CLASSES = ("day", "night")
MAX_PIXELS = 50_000_000


def features(picture: Image.Image) -> np.ndarray:
    """A picture in 26 numbers: a histogram of its luminance, the luminance of nine parts, the mean saturation."""
    pixels = np.asarray(picture.convert("RGB").resize(SIZE, Image.Resampling.BOX), np.float32) / 255
    luminance = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    histogram = np.histogram(luminance, 16, (0, 1))[0] / luminance.size
    parts = luminance.reshape(3, SIZE[1] // 3, 3, SIZE[0] // 3).mean((1, 3)).ravel()
    saturation = (pixels.max(2) - pixels.min(2)).mean()
    return np.concatenate([histogram, parts, [saturation]]).astype(np.float32)


def probabilities(model: dict[str, np.ndarray], inputs: np.ndarray) -> np.ndarray:
    """Probability of each class; `inputs` has a row per picture."""
    hidden = np.maximum(inputs @ model["w1"] + model["b1"], 0)
    scores = hidden @ model["w2"] + model["b2"]
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def model_fn(model_dir: str) -> dict[str, np.ndarray]:
    """Load the weights, once per container."""
    with np.load(Path(model_dir) / "model.npz", allow_pickle=False) as weights:
        return {name: weights[name] for name in weights.files}


def input_fn(body: bytes, content_type: str) -> Image.Image:
    """Decode the request's body."""
    if content_type != "image/jpeg":
        raise ValueError(f"{content_type} is not image/jpeg")
    picture = Image.open(io.BytesIO(body))
    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError(f"the picture has {picture.width} x {picture.height} pixels")
    return picture


def predict_fn(picture: Image.Image, model: dict[str, np.ndarray]) -> np.ndarray:
    """The probability of each class."""
    return probabilities(model, features(picture)[None])[0]


def output_fn(prediction: np.ndarray, accept: str) -> tuple[bytes, str]:  # noqa: ARG001  # the images pass it
    """The response's body and its content type."""
    labels = [
        {"name": name, "confidence": round(100 * float(p), 2)} for name, p in zip(CLASSES, prediction, strict=True)
    ]
    return json.dumps({"labels": sorted(labels, key=lambda label: -label["confidence"])}).encode(), "application/json"
